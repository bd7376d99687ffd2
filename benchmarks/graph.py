"""Time and memory that Snakemake takes to find what has to be run, as a study grows.

Simulated plates of one data set, or a table of images of as many plates; networks with their
twins, the trivial baselines, and tasks with one correction. Nothing is run: each size is a dry run
in a process of its own. The last column is by which power of the number of jobs time grows.
"""

import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
SECONDS, MEGABYTES = 300, 4000
TABLES = ("datasets", "units", "models", "baselines", "tasks")
BASELINES = {
    **{"cell-count": "count", "nuclear-shape": "shape", "nuclear-intensity": "intensity"},
    **{"nuclear-texture": "texture", "intensity-histogram": "intensity", "position": "shortcut"},
    **{"batch": "shortcut", "noise": "null"},
}
DATASET = {
    **{"dataset": "plates", "modality": "cells", "channels": "DNA,ER,RNA,AGP,Mito"},
    **{"label": "effect", "batch": "plate", "group": "well", "control": "control"},
    **{"position": "well", "microns_per_pixel": "0.65", "nuclear_channel": "DNA"},
    "nucleus_diameter": "14",
}
SOURCES = {
    "simulated": {"source": "simulated", "arguments": '{"design": "cells"}'}
    | {"image": "path", "item": "item"},
    "folder": {"source": "folder", "location": "images/table.csv", "item": "item"}
    | {"unit": "plate"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, nargs="*", default=[100, 300, 1000])
    parser.add_argument("--models", type=int, default=30)
    parser.add_argument("--twins", type=int, default=5)
    parser.add_argument("--tasks", type=int, default=10)
    parser.add_argument("--source", choices=SOURCES, default="simulated")
    parser.add_argument("--images", type=int, default=384, help="images a unit, of a folder")
    parser.add_argument("--files", type=int, choices=(1, 5), default=5, help="files an image")
    parser.add_argument("more", nargs="*", help="arguments for Snakemake, after --")
    given = parser.parse_args()
    print(f"{given.models} models, {given.twins} twins each, {given.tasks} tasks")
    print(f"{'units':>6}{'jobs':>9}{'wall s':>9}{'CPU s':>9}{'MB':>8}{'power':>8}")
    before = None
    for units in given.units:
        with tempfile.TemporaryDirectory() as folder:
            write_study(Path(folder), units, given)
            jobs, wall, cpu, peak = measured(folder, given.more)
        power = math.log(cpu / before[1]) / math.log(jobs / before[0]) if before else math.nan
        print(f"{units:>6}{jobs:>9}{wall:>9.1f}{cpu:>9.1f}{peak:>8.0f}{power:>8.2f}", flush=True)
        before = jobs, cpu
    kept = wall <= SECONDS and peak <= MEGABYTES
    print(f"wanted {SECONDS} s and {MEGABYTES} MB: {'kept' if kept else 'not kept'}")


def measured(folder: str, more: list[str]) -> tuple[int, float, float, float]:
    """Jobs of a dry run, its seconds by the clock and of CPU, and its peak memory in MB."""
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "2"]
    command += ["--quiet", "rules", "reason", "host", "--directory", folder, *more]
    with open(Path(folder) / "said", "w+") as said:
        began = time.monotonic()
        running = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said)
        _, status, used = os.wait4(running.pid, 0)
        wall = time.monotonic() - began
        said.seek(0)
        text = said.read()
    if status:
        raise RuntimeError(text[-3000:])
    jobs = int(re.search(r"^total +(\d+)$", text, re.M)[1])
    return jobs, wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def write_study(folder: Path, units: int, given: argparse.Namespace) -> None:
    """Write the tables of a study, and with images of one's own their table and empty files."""
    (folder / "config").mkdir()
    config = {"tables": {name: f"config/{name}.tsv" for name in TABLES}}
    config["twin_seeds"] = list(range(given.twins))
    (folder / "config/config.yaml").write_text(json.dumps(config))
    plates = [f"plate-{number:04d}" for number in range(units)]
    network = {"loader": "timm", "architecture": "vit_small_patch16_224", "modality": "cells"}
    network |= {"policy": "per-channel", "intensity": "percentile"}
    models = [
        {"model": f"model-{k}", "weights": f"timm:tag{k}", **network} for k in range(given.models)
    ]
    task = {"dataset": "plates", "kind": "classification", "alignments": "none,standardize"}
    columns = DATASET["channels"].split(",") if given.files > 1 else ["file"]
    images = {"image": ",".join(columns)} if given.source == "folder" else {}
    write(folder, "datasets", [DATASET | SOURCES[given.source] | images])
    write(folder, "units", [{"dataset": "plates", "unit": plate} for plate in plates])
    write(folder, "models", models)
    baselines = [
        {"baseline": name, "function": name, "family": family, "similarity": "cosine"}
        for name, family in BASELINES.items()
    ]
    write(folder, "baselines", baselines)
    write(folder, "tasks", [{"task": f"task-{k}", **task} for k in range(given.tasks)])
    if given.source == "folder":
        draw(folder / "images", plates, given.images, columns)


def draw(folder: Path, plates: list[str], images: int, columns: list[str]) -> None:
    """Write a table of images, and their files, all empty: one for each column of the table."""
    (folder / "plates").mkdir(parents=True)
    lines = [",".join(["item", "plate", "well", "effect", "control", *columns])]
    for plate in plates:
        (folder / "plates" / plate).mkdir()
        for k in range(images):
            well = f"{chr(65 + k // 24 % 16)}{k % 24 + 1:02d}"
            paths = [f"plates/{plate}/{k}-{column}.tif" for column in columns]
            for path in paths:
                (folder / path).touch()
            lines.append(",".join([f"{plate}-{k}", plate, well, f"c{k % 9}", "no", *paths]))
    (folder / "table.csv").write_text("\n".join(lines) + "\n")


def write(folder: Path, name: str, rows: list[dict]) -> None:
    lines = ["\t".join(rows[0]), *("\t".join(row.values()) for row in rows)]
    (folder / f"config/{name}.tsv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
