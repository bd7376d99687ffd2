"""Kinds of tasks: what each is called in tasks.tsv, what it can be asked, and the code it runs."""

from collections.abc import Mapping
from importlib import import_module
from typing import NamedTuple

PAIRS = ("pos_sameby", "pos_diffby", "neg_sameby", "neg_diffby")


class Kind(NamedTuple):
    """A kind of task.

    Attributes
    ----------
    metrics : tuple of str
        All it knows, the first ones by default; the first one decides the verdict.
    probes : tuple of str
        Ways to ask; empty where the row of the task names them, as sources of pairs.
    parts : tuple of str
        Modules and folders of the package that its results hang on.
    folds : bool
        Whether something is learned, so that items are dealt into folds.
    holds_controls : bool
        Whether it holds items against negative controls: then those that an alignment was fitted
        on take no part.
    needs : tuple of str
        Columns of tasks.tsv that must be filled in.
    roles : tuple of str
        Columns of datasets.tsv that its data set must name.
    unpaired : tuple of str
        Probes on which representations are scored on different items, and so not compared.
    """

    metrics: tuple[str, ...]
    probes: tuple[str, ...] = ("all",)
    parts: tuple[str, ...] = ()
    folds: bool = False
    holds_controls: bool = False
    needs: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    unpaired: tuple[str, ...] = ()


PROBING = ("probes.py", "classifiers.py", "few.py", "metrics.py")
RETRIEVING = ("retrieval", "similarity.py")
KINDS = {
    "classification": Kind(
        ("balanced_accuracy", "macro_f1", "auroc", "log_loss"),
        ("logistic", "knn", "means"),
        PROBING,
        folds=True,
    ),
    "multilabel": Kind(
        ("auroc", "balanced_accuracy"), ("logistic", "knn", "means"), PROBING, folds=True
    ),
    "activity": Kind(
        ("map", "active"), parts=RETRIEVING, holds_controls=True, roles=("control", "batch")
    ),
    "retrieval": Kind(("map", "nsc", "nscb"), ("all", "active"), RETRIEVING, unpaired=("active",)),
    "replicates": Kind(
        ("percentile", "consistent", "similarity", "energy"),
        parts=RETRIEVING,
        holds_controls=True,
        roles=("control", "batch"),
    ),
    "relations": Kind(
        ("recall", "recall_upper", "recall_lower", "auroc"),
        (),
        ("relations", "similarity.py"),
        needs=("pairs",),
    ),
    "compound-gene": Kind(
        ("average_precision",),
        ("max",),
        ("relations", "retrieval/precision.py", "similarity.py"),
        needs=("pairs", "compound", "concentration"),
    ),
    "regression": Kind(
        ("pearson", "pearson_slide", "pearson_partial", "r2", "spearman"),
        (
            *("corrected-cp10k", "hest-compat", "corrected-raw"),
            *("corrected-raw-pca", "corrected-cp10k-pca"),
        ),
        ("regression",),
        folds=True,
        needs=("targets", "totals"),
    ),
    "confounders": Kind(
        (
            *("ilisi", "kbet", "bras", "pcr_batch", "robustness_index", "clisi"),
            *("silhouette_label", "graph_connectivity", "pcr_label", "silhouette_batch"),
            "kbet_per_label",
        ),
        parts=("confounders", "similarity.py", "regression/ridge.py", *PROBING, "splits.py"),
        roles=("batch",),
    ),
}
# Slow ones, and those that few ask for, run where a task names them.
FEWER = {
    "classification": {"probes": ("logistic", "knn")},
    "multilabel": {"probes": ("logistic", "knn")},
    "retrieval": {"probes": ("all",), "metrics": ("map",)},
    "regression": {"probes": ("corrected-cp10k", "hest-compat")},
    "confounders": {"metrics": KINDS["confounders"].metrics[:8]},
}


def defaults(kind: str) -> dict[str, list[str]]:
    """Return the probes and metrics of a task that names none."""
    known = {"probes": KINDS[kind].probes, "metrics": KINDS[kind].metrics}
    return {name: list(values) for name, values in (known | FEWER.get(kind, {})).items()}


def module(kind: str):
    """Return the module that scores a kind of task; imported only where it runs."""
    return import_module(f"twinscope.kinds.{kind.replace('-', '_')}")


def aligns_within(task: Mapping) -> bool:
    """Whether negative controls are items of a task, so that it fits its alignments itself."""
    return bool(task.get("reference")) or KINDS[task["kind"]].holds_controls
