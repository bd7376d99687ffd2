"""What stands in front of a task: its headline rows, its best baselines, its twins."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import pandas as pd

from twinscope.families import SHORTCUT, STRUCTURE, TRUTH
from twinscope.measures import MEASURES

INFORMED = (*STRUCTURE, *SHORTCUT)


class Twins(NamedTuple):
    """Scores of the untrained twins of one model: how many are defined, and of how many."""

    mean: float
    low: float
    high: float
    defined: int
    seeds: int


def at(table: pd.DataFrame, task: Mapping, alignment: str, probe: str, metric: str) -> pd.DataFrame:
    """Rows of scores or verdicts of a task under one alignment, probe and metric."""
    return table[
        (table["task"] == task["task"])
        & (table["alignment"] == alignment)
        & (table["probe"] == probe)
        & (table["metric"] == metric)
    ]


def headline(table: pd.DataFrame, task: Mapping) -> pd.DataFrame:
    """Rows of the first alignment, probe and metric that a task names."""
    return at(table, task, task["alignments"][0], task["probes"][0], task["metrics"][0])


def choices(task: Mapping) -> list[tuple[str, str]]:
    """Pairs of alignment and probe of a task, the headline first."""
    return [(alignment, probe) for alignment in task["alignments"] for probe in task["probes"]]


def lower_is_better(metric: str) -> bool:
    """Whether a small value of a metric is a good one; metrics not known here go up."""
    return metric in MEASURES and not MEASURES[metric].higher_is_better


def is_merit(task: Mapping) -> bool:
    """Whether more of what a task measures is better, so that verdicts are drawn from it."""
    return all(MEASURES[m].comparable for m in task["metrics"][:1] if m in MEASURES)


def ranked(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Rows from best to worst, names breaking ties, undefined ones last."""
    rows = rows.sort_values("representation", kind="stable")
    return rows.sort_values("value", ascending=lower_is_better(metric), kind="stable")


def best(rows: pd.DataFrame, families: Iterable[str], metric: str) -> pd.Series | None:
    """Best defined baseline among families, or None."""
    found = rows[rows["family"].isin(list(families)) & (rows["role"] == "baseline")]
    found = ranked(found[found["value"].notna()], metric)
    return found.iloc[0] if len(found) else None


def ceiling(rows: pd.DataFrame, metric: str) -> pd.Series | None:
    """Score of the true factors, where they are known, else what replicates allow, or None."""
    truth = best(rows, TRUTH, metric)
    if truth is None and "ceiling" in rows and rows["ceiling"].notna().any():
        value = rows["ceiling"].median()
        truth = pd.Series({"value": value, "lower": float("nan"), "upper": float("nan")})
    return truth


def twins(rows: pd.DataFrame, model: str) -> Twins:
    """Mean and range over the seeds of a model's untrained twins."""
    own = rows[(rows["role"] == "twin") & (rows["of"] == model)].sort_values("representation")
    values = own["value"].dropna()
    return Twins(values.mean(), values.min(), values.max(), len(values), len(own))


def chance(rows: pd.DataFrame) -> float:
    """Return what guessing scores: the same for every representation of a task; NaN if unknown."""
    known = rows["chance"].dropna()
    return float(known.iloc[0]) if len(known) else float("nan")


def verdict(verdicts: pd.DataFrame, model: str, family: str) -> dict:
    """Return the row that judges a model against a family, or overall; empty where there is none.

    Parameters
    ----------
    verdicts : DataFrame
        Rows of one alignment, probe and metric.
    model : str
        The model judged.
    family : {"twin", "structure", "shortcut", "null", "overall"}

    Returns
    -------
    dict
    """
    own = verdicts[verdicts["representation"] == model]
    if family == "overall":
        own = own[own["scope"] == "overall"]
    else:
        own = own[(own["scope"] == "family") & (own["family"] == family)]
    return own.iloc[0].to_dict() if len(own) else {}
