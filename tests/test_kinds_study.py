"""Tasks of every kind added to a finished study: theirs are the only jobs that run."""

import csv
import shutil

import numpy as np
import pandas as pd
import pytest
from conftest import Study

pytestmark = pytest.mark.workflow

COLUMNS = ["task", "dataset", "kind", "target", "level", "split", "folds", "alignments", "probes"]
COLUMNS += ["metrics", "pairs", "targets", "totals", "decode", "active", "reference", "select"]
CELLS = {"dataset": "toy-cells", "target": "perturbation"}
ADDED = [
    {"task": "active", "kind": "activity", **CELLS, "alignments": "none,standardize"},
    {"task": "alike", "kind": "replicates", **CELLS},
    {"task": "found", "kind": "retrieval", "dataset": "toy-cells", "target": "label"}
    | {"level": "perturbation", "split": "perturbation", "probes": "all,active"}
    | {"active": "active", "select": "control=False"},
    {"task": "known", "kind": "relations", **CELLS, "pairs": "config/pairs.csv"}
    | {"metrics": "auroc,recall"},
    {"task": "mixing", "kind": "confounders", **CELLS, "decode": "batch,position,factor_cell_count"}
    | {"metrics": "ilisi,pcr_batch,clisi"},
    {"task": "genes", "kind": "regression", "dataset": "toy-folder", "split": "group", "folds": "3"}
    | {"targets": "config/counts.csv", "totals": "total", "probes": "corrected-cp10k,hest-compat"},
    {"task": "several", "kind": "multilabel", "dataset": "toy-folder", "target": "traits"}
    | {"folds": "3", "probes": "logistic"},
]


def add_tasks(study, rows):
    """Append rows to the table of tasks, which has not all of their columns."""
    path = study.folder / "config/tasks.tsv"
    with open(path, newline="") as file:
        old = list(csv.DictReader(file, delimiter="\t"))
    with open(path, "w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, delimiter="\t", lineterminator="\n")
        table.writeheader()
        table.writerows(old + rows)


@pytest.fixture(scope="module")
def kinds(tmp_path_factory, finished):
    """The toy study with a task of each kind more."""
    study = Study.__new__(Study)
    study.folder = tmp_path_factory.mktemp("kinds") / "study"
    shutil.copytree(finished.folder, study.folder)
    names = [f"{effect}-{k}" for effect in ("count", "intensity") for k in "abcd"]
    pairs = pd.DataFrame([(a, b) for a in names for b in names if a < b and a[:3] == b[:3]])
    pairs.to_csv(study.folder / "config/pairs.csv", index=False)
    path = study.folder / "images/table.csv"
    table = pd.read_csv(path)
    rng = np.random.default_rng(0)
    rate = np.where(table["kind"] == "large", 30, 3)
    counts = pd.DataFrame({"name": table["name"], "ACTB": rng.poisson(20, 24)})
    counts["SIZE"] = rng.poisson(rate)
    counts.to_csv(study.folder / "config/counts.csv", index=False)
    table["total"] = rng.poisson(2000, 24)
    even = table["row"] % 2 == 0
    table["traits"] = table["kind"].where(~even, table["kind"] + "|even")
    table.to_csv(path, index=False)
    add_tasks(study, ADDED)
    study.said = study.succeed()
    return study


def test_every_kind_ends_in_scores_verdicts_and_a_figure(kinds):
    scores, verdicts = kinds.table("scores"), kinds.table("verdicts")
    names = {row["task"] for row in ADDED}
    assert names <= set(scores["task"])
    assert names - {"mixing"} <= set(verdicts["task"]) and "mixing" not in set(verdicts["task"])
    for name in names:
        assert (kinds.folder / f"results/figures/{name}.svg").stat().st_size > 5_000
    page = (kinds.folder / "results/report.html").read_text()
    assert all(f"<h3>{name}</h3>" in page for name in names)
    defined = scores["value"].notna()
    assert scores.loc[defined, "chance"].notna().all()
    assert scores.loc[~defined | scores["lower"].isna(), "reason"].notna().all()
    assert "Nothing to be done" in kinds.succeed("--dry-run")


def test_what_was_there_before_is_left_alone(kinds, finished):
    """Networks, baselines and old tasks on cells; the folder's own table did change."""
    before, after = finished.outputs(), kinds.outputs()
    same = [p for p in before if p.startswith(("results/toy-cells/", "resources/toy-cells/"))]
    assert same and all(after[path] == before[path] for path in same)


def test_a_planted_count_is_found_by_the_count_and_not_by_noise(kinds):
    scores = kinds.table("scores").query("alignment == 'none'")
    table = scores.pivot_table("value", ["task", "metric"], "representation")
    # One gene of two follows the size of discs, and so their number; the other is noise.
    assert table.loc[("genes", "pearson"), "cell-count"] > 0.2
    assert table.loc[("genes", "pearson"), "noise"] < 0.15
    assert table.loc[("mixing", "r2"), "cell-count"] > 0.8
    assert table.loc[("several", "auroc"), "cell-count"] > table.loc[("several", "auroc"), "noise"]


def test_a_missing_table_is_named_before_any_job(copied):
    add_tasks(copied, [ADDED[3] | {"pairs": "config/pears.csv"}])
    said = copied.fail("--dry-run")
    assert "config/tasks.tsv, row known, column pairs" in said and "config/pears.csv" in said
