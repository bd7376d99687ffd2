"""One representation on one task: predictions out of fold, and scores with their uncertainty."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from twinscope import probes, statistics
from twinscope.alignment import aggregate
from twinscope.metrics import METRICS


def evaluate(
    profiles: Mapping[str, tuple],
    folds: pd.DataFrame,
    task: Mapping,
    standing: Mapping,
    *,
    seed: int = 0,
    draws: int = 10_000,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score a representation under every alignment, probe and metric of a task.

    Parameters
    ----------
    profiles : mapping
        Alignment to (values (n, d), index with `item`, ...), as `representations.unpack` gives.
    folds : DataFrame
        item, key, label, group, fold, as from `tasks.split`.
    task : mapping
        task, alignments, probes, metrics.
    standing : mapping
        representation, role, family, of, similarity.
    seed, draws : int
        Of the inner folds and of the resampling.

    Returns
    -------
    scores : DataFrame
        One row an alignment, probe and metric: value, 95 % interval, chance, sizes, the share of
        imputed features, what was chosen, and a reason where the value is undefined.
    items : DataFrame
        One row a key, alignment and probe: label, group, fold, and ``p:{class}``.
    """
    scores, items = [], []
    for alignment, (values, index, *_) in profiles.items():
        X, keys = _of_task(values, index, folds)
        counts = statistics.resamples(keys["group"].to_numpy(str), draws, seed)[1]
        for probe in task["probes"]:
            found = probes.cross_validate(
                X,
                keys["label"].to_numpy(str),
                keys["group"].to_numpy(str),
                keys["fold"].to_numpy(),
                probe,
                standing["similarity"],
                seed,
            )
            run = {"alignment": alignment, "probe": probe}
            what = {"task": task["task"], **_named(standing), **run}
            scores += [what | row for row in _scores(found, keys, X, task["metrics"], counts)]
            p = pd.DataFrame(found.probabilities, columns=[f"p:{c}" for c in found.classes])
            items.append(pd.concat([keys.assign(**run, reason=found.reason), p], axis=1))
    return pd.DataFrame(scores), pd.concat(items, ignore_index=True)


def _of_task(
    values: np.ndarray, index: pd.DataFrame, folds: pd.DataFrame
) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the features of a task's keys, sorted by key; images of one key are averaged."""
    places = pd.Series(np.arange(len(index)), index=index["item"])
    missing = set(folds["item"]) - set(places.index)
    if missing:
        raise ValueError(f"no features of item {min(missing)!r}")
    X = values[places.loc[folds["item"]].to_numpy()]
    X, order = aggregate(X, folds["key"].to_numpy(str))
    keys = folds.drop(columns="item").drop_duplicates("key").set_index("key").loc[order]
    return X, keys.reset_index(names="key")


def _named(standing: Mapping) -> dict:
    return {name: standing[name] for name in ("representation", "role", "family", "of")}


def _scores(found: probes.Prediction, keys, X: np.ndarray, metrics, counts: np.ndarray):
    """Yield one row a metric."""
    y, groups = keys["label"].to_numpy(str), keys["group"].to_numpy(str)
    for name in metrics:
        metric = METRICS[name]
        value = metric.function(y, found.probabilities, found.classes)
        spread = statistics.bootstrap(y, found.probabilities, groups, metric, found.classes, counts)
        interval = statistics.interval(value, spread, counts.shape[1], *metric.range)
        yield {
            "metric": name,
            "value": value,
            "lower": interval.lower,
            "upper": interval.upper,
            "chance": metric.chance(y),
            "items": len(y),
            "groups": counts.shape[1],
            "classes": len(found.classes),
            "features": X.shape[1],
            "missing": found.n_missing / max(X.size, 1),
            "chosen": ",".join(f"{c:g}" for c in found.chosen if np.isfinite(c)),
            "reason": found.reason or interval.reason,
        }
