"""A Snakemake whose jobs see only their environments, and a small study to run with it."""

import csv
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

from conftest import ROOT, Study

TOOLS = Path(__file__).parent
# What a script of a rule needs of Snakemake; none of it is in an environment.
VISIBLE = ["snakemake", "tenacity"]
VISIBLE += [f"snakemake_interface_{name}" for name in ("common", "logger_plugins")]
VISIBLE += ["snakemake_interface_storage_plugins"]
# Snakemake looks for its plugins on its path.
VISIBLE += [f"snakemake_executor_plugin_slurm{part}" for part in ("", "_jobstep")]


class Conda:
    """A stand-in for conda over what is installed, and a Snakemake that its jobs cannot see."""

    def __init__(self, folder: Path):
        self.folder, self.channels = folder, folder / "channels"
        command = [sys.executable, TOOLS / "channel.py", self.channels / "conda-forge"]
        subprocess.run(command, check=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "bare"], check=True)
        site = Path(sysconfig.get_path("purelib"))
        (bare,) = folder.glob("bare/lib/*/site-packages")
        for name in VISIBLE:
            (bare / name).symlink_to(site / name)
        (bare / "sitecustomize.py").symlink_to(TOOLS / "hidden.py")
        self.python = folder / "bare/bin/python"
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        self.environment |= {
            "PATH": f"{TOOLS / 'shim/bin'}:{os.environ['PATH']}",
            "CONDA_CHANNELS": str(self.channels),
            "CONDA_PYTHON": sys.executable,
            "XDG_CACHE_HOME": str(folder / "cache"),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(folder),
        }

    def run(self, *command, cwd: Path = ROOT):
        done = subprocess.run(
            [str(part) for part in command],
            **{"cwd": cwd, "env": self.environment, "text": True},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        done.said = done.stdout
        return done

    def workflow(self, folder: Path, text: str):
        """Run a workflow that is a few lines."""
        (folder / "Snakefile").write_text(text)
        command = [self.python, "-m", "snakemake", "--use-conda", "--cores", 2]
        return self.run(*command, cwd=folder)


class Apart(Study):
    """A study whose jobs run each in the environment of its rule."""

    def __init__(self, folder: Path, conda: Conda):
        super().__init__(folder)
        self.conda = conda

    def command(self, *arguments: str, cores: int = 2) -> list[str]:
        prefix = self.conda.folder / "environments"
        options = ["--use-conda", "--conda-prefix", str(prefix), *arguments]
        return [str(self.conda.python), *super().command(*options, cores=cores)[1:]]

    def environment(self) -> dict[str, str]:
        return self.conda.environment


def edit(path: Path, change) -> None:
    """Let a function change the rows of a table."""
    with open(path, newline="") as file:
        table = csv.DictReader(file, delimiter="\t")
        names, rows = table.fieldnames, change(list(table))
    with open(path, "w", newline="") as file:
        table = csv.DictWriter(file, names, delimiter="\t", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def cut(config: Path) -> None:
    """Fewer jobs of each rule than in the toy study; rows for rules and packages that it has not.

    What is left of toy-folder is as it was, so that its scores can be held against the toy's.
    """
    names = ("baseline", "function", "family")
    own = [
        {"modality": "cells", "similarity": "cosine"} | dict.fromkeys(names, name)
        for name in ("classical", "composition")
    ]
    other = {"dataset": "toy-small", "modality": "natural", "segmentation": "cellpose-small"}
    unit = {"dataset": "toy-small", "unit": "monday", "select": "Monday"}
    kept = ("plate-1", "monday", "tuesday", "lite0", "cell-count", "batch", "planted")
    edit(config / "datasets.tsv", lambda rows: [*rows, {**rows[1], **other}])
    edit(config / "units.tsv", lambda rows: [row for row in rows if row["unit"] in kept] + [unit])
    edit(config / "models.tsv", lambda rows: [row for row in rows if row["model"] in kept])
    edit(
        config / "baselines.tsv",
        lambda rows: [row for row in rows if row["baseline"] in kept] + own,
    )
    with open(config / "config.yaml", "a") as file:
        file.write("segmenter_epochs: 1\nbaselines_share_jobs: true\n")


# The study and what is made when asked for; then what no row of the cut study asks for.
TARGETS = ["all", "contrasts", "doctor", "resources/relations/corum.tsv"]
TARGETS += ["results/toy-cells/images/plate-1.levels.parquet"]
TARGETS += [
    f"results/toy-folder/profiles/harmony/{name}.h5ad" for name in ("cell-count", "lite0-twin0")
]
TARGETS += ["results/toy-cells/profiles/standardize/classical.h5ad"]


def write_pairs(folder: Path) -> None:
    """The package that ships pairs of genes, as small as it can be, for a pip without network."""
    info = "efaar_benchmarking-1.0.dist-info"
    with zipfile.ZipFile(folder / "efaar_benchmarking-1.0-py3-none-any.whl", "w") as wheel:
        pairs = "entity1,entity2\nMYC,MAX\n"
        wheel.writestr("efaar_benchmarking/benchmark_annotations/CORUM.txt", pairs)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: x\nVersion: 1.0\n")
        tag = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        wheel.writestr(f"{info}/WHEEL", tag)
        wheel.writestr(f"{info}/RECORD", "")
