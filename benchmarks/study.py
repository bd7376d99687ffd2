"""Seconds by stage of the embedded study, and the share that went to scheduling and imports."""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from shutil import copytree

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", type=int, default=2)
    cores = parser.parse_args().cores
    with tempfile.TemporaryDirectory() as folder:
        copytree(ROOT / "config", Path(folder) / "config")
        command = [sys.executable, "-m", "snakemake", "--cores", str(cores), "--directory", folder]
        began = time.monotonic()
        subprocess.run([*command, "--quiet", "all"], cwd=ROOT, check=True)
        wall = time.monotonic() - began
        stages = read_logs(Path(folder) / "logs")
    report(stages, wall, cores)


def read_logs(logs: Path) -> dict[str, list[tuple[float, float]]]:
    """Seconds of imports and of work of every job, by stage."""
    stages = defaultdict(list)
    for path in sorted(logs.rglob("*.log")):
        found = re.findall(r"(?:imports|work) took ([\d.]+) s", path.read_text())
        if len(found) == 2:
            stages[path.relative_to(logs).parts[0].removesuffix(".log")].append(
                (float(found[0]), float(found[1]))
            )
    return stages


def report(stages: dict[str, list[tuple[float, float]]], wall: float, cores: int) -> None:
    imports = work = 0.0
    print(f"{'stage':<16}{'jobs':>6}{'work s':>9}{'imports s':>11}")
    for stage, jobs in sorted(stages.items(), key=lambda item: -sum(map(sum, item[1]))):
        imported, worked = (sum(column) for column in zip(*jobs, strict=True))
        imports, work = imports + imported, work + worked
        print(f"{stage:<16}{len(jobs):>6}{worked:>9.1f}{imported:>11.1f}")
    jobs = sum(map(len, stages.values()))
    # A job that embeds uses half of the cores while it works; every other one uses one.
    wide = max(1, cores // 2)
    embedding = stages["embed"] + stages["embed_twins"]
    busy = work + imports + (wide - 1) * sum(w for _, w in embedding)
    waiting = max(0.0, 1 - busy / (wall * cores))
    print(
        f"study total={wall:.0f}s jobs={jobs} cores={cores} work={work:.0f}s "
        f"imports={imports / (wall * cores):.0%} scheduling={waiting:.0%}"
    )


if __name__ == "__main__":
    main()
