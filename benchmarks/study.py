"""Seconds by stage of the embedded study, and the share that went to scheduling and imports.

Imports are what Python says of every module of every process (``-X importtime``), those in the
middle of a job included. Scheduling is what of the cores' time no job has used: cores that stood
idle, and what Snakemake itself computed.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from shutil import copytree

import psutil

ROOT = Path(__file__).parents[1]
SECONDS, SHARE = 300, 0.20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cores", type=int, default=2)
    cores = parser.parse_args().cores
    with tempfile.TemporaryDirectory() as folder:
        copytree(ROOT / "config", Path(folder) / "config")
        wall, used, said = measured(folder, cores)
        stages = read_logs(Path(folder) / "logs")
    print(f"{'stage':<18}{'jobs':>6}{'seconds':>9}")
    for stage, seconds in sorted(stages.items(), key=lambda item: -sum(item[1])):
        print(f"{stage:<18}{len(seconds):>6}{sum(seconds):>9.1f}")
    times = re.findall(r"^import time: +(\d+) \|", said, re.M)
    imports = sum(map(int, times)) / 1e6 / (wall * cores)
    scheduling = 1 - used / (wall * cores)
    kept = wall < SECONDS and imports + scheduling < SHARE
    print(
        f"study total={wall:.0f}s jobs={sum(map(len, stages.values()))} cores={cores} "
        f"imports={imports:.1%} scheduling={scheduling:.1%} together={imports + scheduling:.1%}\n"
        f"wanted under {SECONDS} s and {SHARE:.0%}: {'kept' if kept else 'not kept'}"
    )


def measured(folder: str, cores: int) -> tuple[float, float, str]:
    """Seconds by the clock, those that cores have spent in jobs, and all that was said."""
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores), "--directory", folder]
    environment = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}
    with open(Path(folder) / "said", "w+") as said:
        began = time.monotonic()
        running = subprocess.Popen(
            [*command, "--quiet", "all"], cwd=ROOT, env=environment, stdout=said, stderr=said
        )
        snakemake, own = psutil.Process(running.pid), 0.0
        done = 0
        while not done:
            times = snakemake.cpu_times()
            own = max(own, times.user + times.system)
            time.sleep(0.1)
            done, status, usage = os.wait4(running.pid, os.WNOHANG)
        wall = time.monotonic() - began
        said.seek(0)
        text = said.read()
    if status:
        kept = [line for line in text.splitlines() if not line.startswith("import time:")]
        raise RuntimeError("\n".join(kept[-40:]))
    return wall, usage.ru_utime + usage.ru_stime - own, text


def read_logs(logs: Path) -> dict[str, list[float]]:
    """Seconds of every job, by stage."""
    stages = defaultdict(list)
    for path in sorted(logs.rglob("*.log")):
        found = re.findall(r"(?:imports|work) took ([\d.]+) s", path.read_text())
        if len(found) == 2:
            stage = path.relative_to(logs).parts[0].removesuffix(".log")
            stages[stage].append(sum(map(float, found)))
    return stages


if __name__ == "__main__":
    main()
