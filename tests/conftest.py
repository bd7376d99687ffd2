"""A tiny study in a folder of its own, and ways to run it and to see what a run changed."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests/conda"))


def draw_folder(folder: Path, shuffled: bool = False) -> None:
    """Images of two kinds from six patients: dark discs, few and large or many and small."""
    folder.mkdir(parents=True)
    rows = []
    for number in range(24):
        kind = "large" if number % 2 else "small"
        name = f"{number:02d}"
        picture = _discs(np.random.default_rng(number), kind)
        Image.fromarray(picture).save(folder / f"{name}.png")
        day = "Monday" if number < 12 else "Tuesday"
        patient, row, column = f"P{number // 4}", number // 6 + 1, number % 6 + 1
        rows.append((f"{name}.png", f"tile-{name}", kind, day, patient, row, column))
    columns = ["file", "name", "kind", "day", "patient", "row", "column"]
    table = pd.DataFrame(rows, columns=columns)
    if shuffled:
        table = table.sample(frac=1, random_state=1)
    table.to_csv(folder / "table.csv", index=False)


def _discs(rng: np.random.Generator, kind: str) -> np.ndarray:
    picture = rng.normal((232, 200, 215), 4, (64, 64, 3))
    y, x = np.mgrid[:64, :64]
    for _ in range(4 if kind == "large" else 8):
        cy, cx = rng.uniform(8, 56, 2)
        inside = (y - cy) ** 2 + (x - cx) ** 2 < (9 if kind == "large" else 5) ** 2
        picture[inside] = rng.normal((90, 60, 130), 8, (inside.sum(), 3))
    return np.clip(picture, 0, 255).astype(np.uint8)


class Study:
    """A study folder: its tables can be edited, it can be run, and what a run did can be seen."""

    root = ROOT

    def __init__(self, folder: Path, shuffled: bool = False):
        self.folder = folder
        shutil.copytree(ROOT / "tests/toy/config", folder / "config")
        draw_folder(folder / "images", shuffled)

    def command(self, *arguments: str, cores: int = 2) -> list[str]:
        """What runs the study."""
        command = [sys.executable, "-m", "snakemake", "--cores", cores]
        return [str(part) for part in (*command, "--directory", self.folder, *arguments)]

    def environment(self) -> dict[str, str]:
        """Variables that it is run with."""
        return dict(os.environ)

    def run(self, *arguments: str, cores: int = 2, hashseed: str = "0"):
        command = self.command(*arguments, cores=cores)
        environment = {**self.environment(), "PYTHONHASHSEED": hashseed}
        done = subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True
        )
        done.said = done.stdout + done.stderr
        return done

    def succeed(self, *arguments: str, **options) -> str:
        done = self.run(*arguments, **options)
        assert done.returncode == 0, done.said[-5000:]
        return done.said

    def fail(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode != 0, "it ran although it should not have"
        return done.said

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / "results" / f"{name}.tsv", sep="\t")

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.folder / "config" / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    def add(self, name: str, line: str) -> None:
        path = self.folder / "config" / name
        path.write_text(path.read_text() + line + "\n")

    def outputs(self) -> dict[str, tuple[str, int]]:
        """Checksum and time of every result and resource, by path."""
        found = {}
        for top in ("results", "resources"):
            for path in sorted((self.folder / top).rglob("*")):
                if path.is_file() and not path.name.startswith("."):
                    digest = hashlib.sha256(path.read_bytes()).hexdigest()
                    name = path.relative_to(self.folder).as_posix()
                    found[name] = digest, path.stat().st_mtime_ns
        return found


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Study:
    """The toy study, run once; tests that change it work on a copy."""
    study = Study(tmp_path_factory.mktemp("toy") / "study")
    study.succeed()
    return study


@pytest.fixture
def copied(finished, tmp_path) -> Study:
    """A copy of the finished study that a test may change."""
    study = Study.__new__(Study)
    study.folder = tmp_path / "study"
    shutil.copytree(finished.folder, study.folder)
    return study


@pytest.fixture
def fresh(tmp_path) -> Study:
    """The toy study before its first run."""
    return Study(tmp_path / "study")


@pytest.fixture(scope="session")
def conda(tmp_path_factory):
    """A stand-in for conda, and a Snakemake that its jobs cannot see."""
    from rig import Conda

    if sys.version_info[:2] != (3, 11):
        pytest.skip("envs/ ask for Python 3.11")
    return Conda(tmp_path_factory.mktemp("conda"))


@pytest.fixture(scope="session")
def apart(tmp_path_factory, conda):
    """The toy study, cut down, after its one run in the environments of its rules."""
    from rig import TARGETS, Apart, cut, write_pairs

    write_pairs(conda.folder)
    study = Apart(tmp_path_factory.mktemp("apart") / "study", conda)
    cut(study.folder / "config")
    study.said = study.succeed(*TARGETS)
    return study
