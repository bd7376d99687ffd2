"""Read a label from a representation by simple classifiers, tested out of fold."""

import numpy as np
import pandas as pd

from twinscope import probes, statistics
from twinscope.kinds.asked import Asked, Run, Score
from twinscope.metrics import METRICS


def evaluate(asked: Asked) -> list[Run]:
    """Score every probe under every metric; items are keys with the probability of each class."""
    groups = asked.keys["group"].to_numpy(str)
    counts = statistics.resamples(groups, asked.draws, asked.seed)[1]
    return [_run(asked, probe, groups, counts) for probe in asked.task["probes"]]


def _run(asked: Asked, probe: str, groups: np.ndarray, counts: np.ndarray) -> Run:
    y = asked.keys["label"].to_numpy(str)
    fold = asked.keys["fold"].to_numpy()
    found = probes.cross_validate(asked.X, y, groups, fold, probe, asked.similarity, asked.seed)
    p = pd.DataFrame(found.probabilities, columns=[f"p:{c}" for c in found.classes])
    items = pd.concat([asked.keys.assign(reason=found.reason), p], axis=1)
    said = described(found)
    scores = []
    for name in asked.task["metrics"]:
        metric = METRICS[name]
        value = metric.function(y, found.probabilities, found.classes)
        drawn = statistics.bootstrap(y, found.probabilities, groups, metric, found.classes, counts)
        sizes = counts.shape[1], len(y)
        scores.append(
            Score(
                name, value, metric.chance(y), drawn, *sizes, found.reason, crossed=True, said=said
            )
        )
    return Run(probe, items, scores)


def described(found: probes.Prediction) -> dict:
    """Say what a probe was given and chose."""
    return {
        "classes": len(found.classes),
        "features": found.n_features,
        "missing": found.n_missing / max(found.n_values, 1),
        "chosen": ",".join(f"{c:g}" for c in found.chosen if np.isfinite(c)),
        "layers": ",".join(found.taken),
    }
