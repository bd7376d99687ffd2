"""Measure how batches mix in a representation and how labels hold together, beside chance."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import fsum

import numpy as np
import pandas as pd

from twinscope import similarity
from twinscope.confounders import mixing, silhouettes
from twinscope.confounders.diffusion import kbet_per_label
from twinscope.confounders.neighbours import Items
from twinscope.errors import InputError, one_of

BOTH = ("labels", "batches")


@dataclass(frozen=True)
class Confounder:
    """A measure of batches that mix or of labels that hold together.

    Attributes
    ----------
    name : str
        Its key in `CONFOUNDERS`.
    function : callable (items, *needs) -> mixing.Score
        With `k` as a keyword where it looks at neighbours.
    needs : tuple of {"labels", "batches"}
        What it is given, in this order.
    higher_is_mixed : bool or None
        Whether a higher value means that batches mix more; None where it is about labels.
    ideal : float
        The value of a representation that knows the labels and nothing of the batch.
    floor, ceiling : float
        The range.
    neighbours : bool
        Whether it looks at neighbours.
    within : bool
        Whether its chance is that of batches dealt anew within each label, and not of labels and
        batches dealt anew together.
    """

    name: str
    function: Callable
    needs: tuple[str, ...]
    higher_is_mixed: bool | None
    ideal: float
    floor: float = 0.0
    ceiling: float = 1.0
    neighbours: bool = False
    within: bool = False

    @property
    def higher_is_better(self) -> bool:
        """Which way is up."""
        return self.ideal == self.ceiling


def measure(
    X: np.ndarray,
    labels: np.ndarray,
    batches: np.ndarray,
    metrics: Sequence[str] | None = None,
    *,
    closeness: str | None = None,
    k: int | None = None,
    draws: int = 10,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure how batches mix and how labels hold together.

    Parameters
    ----------
    X : array of shape (n, d)
        Features; missing values become medians, and items without any feature are left out.
    labels, batches : arrays of str of shape (n,)
    metrics : sequence of str, optional
        Keys of `CONFOUNDERS`; all unless given.
    closeness : {"euclidean", "cosine"}, optional
        How features are made ready, as by `similarity.space`; distances are Euclidean on the
        features as they are unless given.
    k : int, optional
        Number of neighbours; 30, and 10 for the robustness index, unless given.
    draws, seed : int
        Of the chance level.

    Returns
    -------
    scores : DataFrame
        One row a metric: metric, value, chance, ideal, higher_is_mixed, left_out (labels), reason
        (where the value is NaN). Chance is the mean over draws in which labels and batches are
        dealt to other items, still paired: what a representation that knows neither would give;
        or, for batches within labels, in which batches are dealt to other items of the label: what
        one that knows labels only would give.
    items : DataFrame
        One row an item, one column a metric that is a mean or median over items.

    Raises
    ------
    InputError
        When a metric is unknown.
    """
    metrics = list(CONFOUNDERS) if metrics is None else list(metrics)
    for name in metrics:
        if name not in CONFOUNDERS:
            raise InputError(f"metric {name!r}", one_of(CONFOUNDERS, name))
    X, kept, reason = _ready(X, closeness)
    given = {"labels": np.asarray(labels, dtype=str)[kept]}
    given["batches"] = np.asarray(batches, dtype=str)[kept]
    items = None if reason else Items(X)
    deals = {} if reason else _deals(items, given, draws, seed)
    rows, each = [], pd.DataFrame(index=range(len(kept)))
    for name in metrics:
        metric = CONFOUNDERS[name]
        run = partial(_run, metric, items, k=k if metric.neighbours else None)
        found = mixing.Score(np.nan, reason) if reason else run(given)
        others = [run(deal).value for deal in deals[metric.within]] if found.reason == "" else []
        others = [value for value in others if np.isfinite(value)]
        chance = fsum(others) / len(others) if others else np.nan
        rows.append({"metric": name, "value": found.value, "chance": chance})
        rows[-1] |= {"ideal": metric.ideal, "higher_is_mixed": metric.higher_is_mixed}
        rows[-1] |= {"left_out": found.left_out, "reason": found.reason}
        if found.items is not None:
            each.loc[kept, name] = found.items
    return pd.DataFrame(rows), each


def _ready(X: np.ndarray, closeness: str | None) -> tuple[np.ndarray, np.ndarray, str]:
    """Return complete features of items that have any, which these are, and what is against it."""
    X = np.where(np.isfinite(X), np.asarray(X, dtype=float), np.nan)
    kept = ~np.isnan(X).all(axis=1)
    if not kept.any():
        return X, kept, "no values: every feature is missing"
    X = X[kept][:, ~np.isnan(X[kept]).all(axis=0)]
    if closeness is None:
        return np.where(np.isnan(X), np.nanmedian(X, axis=0), X), kept, ""
    reason = similarity.refusal(X, closeness)
    return X if reason else similarity.space(X, closeness).values, kept, reason


def _run(metric: Confounder, items: Items, given: Mapping, k: int | None) -> mixing.Score:
    return metric.function(
        items, *(given[name] for name in metric.needs), **({"k": k} if k else {})
    )


def _deals(items: Items, given: Mapping, draws: int, seed: int) -> dict[bool, list]:
    """Deal labels and batches in pairs (False), or batches within labels (True), to other items.

    The same whatever the order of rows.
    """
    rng, rows = np.random.default_rng(seed), np.lexsort((*given.values(), items.point))
    labels, batches = (values[rows] for values in given.values())
    found: dict[bool, list] = {False: [], True: []}
    for _ in range(draws):
        anew = rng.permutation(len(rows))
        # The first item of a label takes from the first of it that was drawn, and so on.
        inside = np.empty_like(anew)
        inside[np.argsort(labels, kind="stable")] = anew[np.argsort(labels[anew], kind="stable")]
        for within, dealt in (
            (False, (labels[anew], batches[anew])),
            (True, (labels, batches[inside])),
        ):
            found[within].append({name: np.empty_like(values) for name, values in given.items()})
            for name, values in zip(given, dealt, strict=True):
                found[within][-1][name][rows] = values
    return found


CONFOUNDERS = {
    metric.name: metric
    for metric in (
        Confounder("ilisi", mixing.ilisi, ("batches",), True, 1.0, neighbours=True),
        Confounder("kbet", mixing.kbet, ("batches",), True, 1.0, neighbours=True),
        Confounder("kbet_per_label", kbet_per_label, BOTH, True, 1.0, neighbours=True, within=True),
        Confounder("silhouette_batch", silhouettes.silhouette_batch, BOTH, True, 1.0, within=True),
        Confounder("bras", silhouettes.bras, BOTH, True, 1.0, within=True),
        Confounder("pcr_batch", mixing.principal_component_regression, ("batches",), False, 0.0),
        Confounder("robustness_index", mixing.robustness_index, BOTH, True, 1.0, neighbours=True),
        Confounder("clisi", mixing.clisi, ("labels",), None, 1.0, neighbours=True),
        Confounder("silhouette_label", silhouettes.silhouette_label, ("labels",), None, 1.0),
        Confounder("pcr_label", mixing.principal_component_regression, ("labels",), None, 1.0),
        Confounder(
            "graph_connectivity", mixing.graph_connectivity, ("labels",), None, 1.0, neighbours=True
        ),
    )
}
