"""The real image sets come through the door; skipped where they are absent."""

import re
import subprocess
import sys

import pandas as pd
import pytest
from conftest import ROOT

DATA = ROOT.parent / "shared/data"
STUDY = ROOT / "tests/real"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason="the real image sets are not here"),
]


def snakemake(*arguments: str) -> str:
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--directory", str(STUDY)]
    done = subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_every_real_image_is_found_and_every_job_planned():
    said = snakemake("--dry-run", "--forceall")
    assert re.search(r"^embed +3$", said, re.M)


def test_real_sets_are_cut_annotated_and_split():
    paths = [
        "results/her2st/splits/her2st-cluster.parquet",
        "results/jurkat/splits/jurkat-phase.parquet",
    ]
    snakemake(*paths)
    spots, cells = (pd.read_parquet(STUDY / path) for path in paths)
    # Patient C has 910 spots in five sections; seven of them bear no cluster.
    assert len(spots) == 903 and spots["group"].nunique() == spots["fold"].nunique() == 5
    assert spots.groupby("group")["fold"].nunique().eq(1).all()
    assert len(cells) == 1710 and cells["label"].nunique() == 7
    flags = pd.read_csv(STUDY / "results/jurkat/splits/jurkat-phase.flags.tsv", sep="\t")
    assert {"no-groups", "batch-confounded", "rare-classes"} <= set(flags["flag"])
