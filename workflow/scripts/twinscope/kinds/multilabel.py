"""Read several labels of an item, each by a classifier of its own, tested out of fold."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from twinscope import probes, statistics
from twinscope.kinds.asked import Asked, Run, Score
from twinscope.metrics import METRICS

HAS, LACKS = "1", "0"
ONE_FOLD = "the label, or its absence, is in a single fold"


def evaluate(asked: Asked) -> list[Run]:
    """Average every metric over labels, several of an item separated by ``|``.

    Every label is a question of its own: those who have it against those who do not. A score is
    the mean over labels (Tsoumakas and Katakis 2007, "macro"); labels that cannot be trained and
    tested are left out, with a reason among the items.
    """
    cells = [set(_several(cell)) for cell in asked.keys["label"]]
    names = sorted(set().union(*cells))
    groups = asked.keys["group"].to_numpy(str)
    counts = statistics.resamples(groups, asked.draws, asked.seed)[1]
    truth = {name: np.where([name in cell for cell in cells], HAS, LACKS) for name in names}
    return [_run(asked, probe, truth, groups, counts) for probe in asked.task["probes"]]


def _run(asked: Asked, probe: str, truth: Mapping, groups, counts) -> Run:
    tables, found = [], {}
    for name, y in truth.items():
        told, reason = _predict(asked, probe, y, groups)
        if told is not None:
            found[name] = y, told
        p = np.full(len(y), np.nan) if told is None else told.probabilities[:, 1]
        rows = {"name": name, "has": y, "p": p, "reason": reason}
        tables.append(asked.keys.assign(**rows))
    return Run(probe, pd.concat(tables, ignore_index=True), _scores(asked, found, groups, counts))


def _scores(asked: Asked, found: Mapping, groups, counts) -> list[Score]:
    n = len(groups)
    reason = "" if found else "no label can be trained and tested"
    scores = []
    for name in asked.task["metrics"]:
        metric, values, draws = METRICS[name], [], []
        for y, told in found.values():
            values.append(metric.function(y, told.probabilities, told.classes))
            own = y, told.probabilities, groups, metric, told.classes, counts
            draws.append(statistics.bootstrap(*own))
        value = float(np.mean(values)) if found else np.nan
        drawn = np.mean(draws, axis=0) if found else np.full(len(counts), np.nan)
        said = {"classes": len(found)}
        if found:
            any_of = next(iter(found.values()))[1]
            said |= {"features": any_of.n_features}
            said |= {"missing": any_of.n_missing / max(any_of.n_values, 1)}
        guess = metric.chance(np.array([HAS, LACKS]))
        scores.append(
            Score(name, value, guess, drawn, counts.shape[1], n, reason, crossed=True, said=said)
        )
    return scores


def _predict(asked: Asked, probe: str, y: np.ndarray, groups):
    """Predict who has a label; nothing, and why, where a fold would train on one side only."""
    fold = asked.keys["fold"].to_numpy()
    if any(len(np.unique(fold[y == side])) < 2 for side in (HAS, LACKS)):
        return None, ONE_FOLD
    told = probes.cross_validate(asked.X, y, groups, fold, probe, asked.similarity, asked.seed)
    return (None, told.reason) if told.reason else (told, "")


def _several(cell: str) -> list[str]:
    return [part for part in (part.strip() for part in cell.split("|")) if part]
