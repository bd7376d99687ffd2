"""Ask how batches mix, how labels hold together, and what can be read that should not matter."""

import re

import numpy as np
import pandas as pd

from twinscope import statistics
from twinscope.confounders.decodability import decode
from twinscope.confounders.measures import CONFOUNDERS, measure
from twinscope.kinds.asked import SEVERAL, Asked, Run, Score, weighted_mean
from twinscope.metrics import METRICS

WELL = re.compile(r"([A-Za-z]+)0*(\d+)")


def evaluate(asked: Asked) -> list[Run]:
    """Measure mixing over the whole set, and decode what the task's `decode` names.

    Items are keys. These are findings about a representation, not merits of it: one that knows
    nothing mixes batches best, so no verdict is drawn from them.
    """
    X, keys = asked.features(), asked.keys
    batches = asked.column("batch", "dataset").astype(str).to_numpy()
    labels = keys["label"].to_numpy(str)
    names = asked.task["metrics"]
    table, each = measure(X, labels, batches, names, closeness=asked.similarity, seed=asked.seed)
    items = pd.concat([keys[["key", "label", "group"]], each], axis=1)
    scores = [_score(asked, row, items) for row in table.to_dict("records")]
    runs = [Run("all", items, scores)]
    if "decode" in asked.task:
        runs += _decoded(asked, X)
    return runs


def _score(asked: Asked, row: dict, items: pd.DataFrame) -> Score:
    """Resample means over items; medians, ratios and graphs are one number of the whole set."""
    name, groups = row["metric"], items["group"].to_numpy(str)
    said = {"ideal": CONFOUNDERS[name].ideal}
    sizes = items["group"].nunique(), len(items)
    draws = None
    if name in items:
        names, counts = statistics.resamples(groups, asked.draws, asked.seed)
        mean, drawn = weighted_mean(items[name].to_numpy(float), groups, names, counts)
        # Only where the measure is the mean of what it says of items do draws of items speak of it.
        draws = drawn if np.isclose(mean, row["value"], atol=1e-9) else None
    return Score(name, row["value"], row["chance"], draws, *sizes, row["reason"], said=said)


def _decoded(asked: Asked, X: np.ndarray) -> list[Run]:
    """Read batch, position and amounts by linear models, one run each."""
    keys, runs = asked.keys, []
    items, groups = keys["key"].to_numpy(str), keys["group"].to_numpy(str)
    targets = _targets(asked)
    # A batch cannot be read from others, so its wells are dealt one by one.
    for name, y in targets.items():
        own = items if name == "batch" else groups
        table, predicted = decode(X, {name: y}, items, own, seed=asked.seed)
        row = table.iloc[0]
        p = predicted[name].to_numpy(float)
        known = np.isfinite(p)
        draws = None
        if known.any():
            draws = _drawn(row["metric"], y[known], p[known], own[known], asked)
        numbers = row["value"], row["chance"], draws, row["groups"], row["items"], row["reason"]
        told = pd.DataFrame({"key": items, "group": own, "label": y.astype(str), "predicted": p})
        runs.append(Run(f"decode {name}", told, [Score(row["metric"], *numbers, crossed=True)]))
    return runs


def _drawn(metric: str, y, p, groups, asked: Asked) -> np.ndarray:
    """Score draws of groups: the mean of classes' shares of right answers, or R²."""
    names, counts = statistics.resamples(groups, asked.draws, asked.seed)
    if metric in METRICS:
        shares = [
            weighted_mean(np.where(y == one, p, np.nan), groups, names, counts)[1]
            for one in np.unique(y)
        ]
        return np.mean(shares, axis=0)
    error = weighted_mean((y - p) ** 2, groups, names, counts)[1]
    centre = weighted_mean(y, groups, names, counts)[1]
    spread = weighted_mean(y * y, groups, names, counts)[1] - centre**2
    return 1 - np.divide(error, spread, out=np.full_like(error, np.nan), where=spread > 0)


def _targets(asked: Asked) -> dict[str, np.ndarray]:
    """Return columns as numbers where all of their cells are numbers, else as text.

    The position of a well becomes its plate row and column, since edges differ from the middle.
    """
    found = {}
    for name in asked.task["decode"]:
        column = asked.column(name, "decode") if name != "position" else asked.meta["position"]
        text = column.map(lambda v: "" if v is SEVERAL or pd.isna(v) else str(v))
        if name == "position":
            wells = [WELL.fullmatch(cell) for cell in text]
            if all(wells):
                found["row"] = np.array([w.group(1) for w in wells], dtype=str)
                found["column"] = np.array([w.group(2) for w in wells], dtype=str)
                continue
        numbers = pd.to_numeric(text, errors="coerce")
        amounts = name != "batch" and numbers.notna().all()
        found[name] = numbers.to_numpy(float) if amounts else text.to_numpy(str)
    return found
