"""One representation on one task: predictions out of fold, and scores with their uncertainty."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from twinscope import fitted, probes, statistics
from twinscope.alignment import aggregate, align, named
from twinscope.errors import InputError
from twinscope.metrics import METRICS

LAST = "last"


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
        Alignment to (values (n, d), index with `item`, names, provenance), as
        `representations.unpack` gives, and, where a network has them, its layers {name: (n, d_k)},
        of which each fold takes one. Where the provenance says `fit`, features are learned in each
        fold, as by `fitted.transform`.
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

    Raises
    ------
    InputError
        If negative controls are items and an alignment was fitted on all of them.
    """
    scores, items = [], []
    _check_controls(profiles, folds, task)
    for alignment, (values, index, *known) in profiles.items():
        X, keys = _of_task(values, index, folds, *known)
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
            scores += [what | row for row in _scores(found, keys, task["metrics"], counts)]
            p = pd.DataFrame(found.probabilities, columns=[f"p:{c}" for c in found.classes])
            items.append(pd.concat([keys.assign(**run, reason=found.reason), p], axis=1))
    return pd.DataFrame(scores), pd.concat(items, ignore_index=True)


def profiles(found: Sequence[tuple], task: Mapping) -> dict[str, tuple]:
    """Pair alignments with what was read: one an alignment, or one that is aligned within folds.

    Alignments are fitted on negative controls. Where these are a class of the task, a control that
    is tested must not have taken part in the fit: the plate's correction would tell it from all
    else. Such tasks are given the representation as it is.

    Parameters
    ----------
    found : sequence of tuple
        As from `representations.unpack`: one for each alignment, or for tasks with a `reference`
        a single one that is not aligned.
    task : mapping
        alignments, and `reference` where controls are a class.

    Returns
    -------
    dict
        Alignment to (values, index, names, provenance), as for `evaluate`.
    """
    if not task.get("reference"):
        return dict(zip(task["alignments"], found, strict=True))
    ((values, index, names, made, *layers),) = found
    return {
        name: (values, index, names, {**made, "within": name}, *layers)
        for name in task["alignments"]
    }


def _check_controls(profiles: Mapping[str, tuple], folds: pd.DataFrame, task: Mapping) -> None:
    """Refuse controls as items that an alignment was fitted on, the tested ones among them."""
    for alignment, (_, index, *known) in profiles.items():
        within = (known[1] if len(known) > 1 else {}).get("within")
        if alignment == "none" or within or "control" not in index:
            continue
        if index.loc[index["item"].isin(folds["item"]), "control"].any():
            raise InputError(
                f"negative controls among the items of a task with alignment {alignment!r}",
                "their label as reference, so that they are aligned within folds, or a select "
                "that leaves them out",
                "tasks.tsv",
                task["task"],
                "reference",
            )


def _of_task(
    values: np.ndarray, index: pd.DataFrame, folds: pd.DataFrame, names=(), made=None, layers=None
):
    """Return the features of a task's keys, sorted by key; images of one key are averaged.

    Features that are learned within folds are a function of which keys are for training. Of a
    network with layers there are several: the last by its own name.
    """
    places = pd.Series(np.arange(len(index)), index=index["item"])
    missing = set(folds["item"]) - set(places.index)
    if missing:
        raise ValueError(f"no features of item {min(missing)!r}")
    rows = places.loc[folds["item"]].to_numpy()
    of_item = folds["key"].to_numpy(str)
    order, code = np.unique(of_item, return_inverse=True)
    keys = folds.drop(columns="item").drop_duplicates("key").set_index("key").loc[order]
    keys, made = keys.reset_index(names="key"), made or {}
    steps = _steps(made, index.iloc[rows], names)

    def of_keys(values: np.ndarray):
        if not steps:
            return aggregate(values[rows], of_item)[0]

        def learned(train: np.ndarray) -> np.ndarray:
            X = values[rows]
            for step in steps:
                X = step(X, train[code])
            return aggregate(X, of_item)[0]

        return learned

    if not layers:
        return of_keys(values), keys
    return {LAST: of_keys(values), **{name: of_keys(X) for name, X in layers.items()}}, keys


def _steps(made: Mapping, index: pd.DataFrame, names) -> list[Callable]:
    """List what is fitted within folds: functions of features and of the training items."""
    fit, within, steps = made.get("fit"), made.get("within", "none"), []
    if within != "none" and not (fit and fit["kind"] == "composition"):
        control = index["control"].to_numpy(bool)
        batch = index["batch"].to_numpy(str)
        steps.append(lambda X, train: align(within, X, batch, control & train).features)
    if fit:
        # What is aligned may have turned into components, whose names are nobody's.
        steps.append(lambda X, train: fitted.transform(fit, X, named(names, X.shape[1]), train))
    return steps


def _named(standing: Mapping) -> dict:
    return {name: standing[name] for name in ("representation", "role", "family", "of")}


def _scores(found: probes.Prediction, keys, metrics, counts: np.ndarray):
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
            "features": found.n_features,
            "missing": found.n_missing / max(found.n_values, 1),
            "chosen": ",".join(f"{c:g}" for c in found.chosen if np.isfinite(c)),
            "layers": ",".join(found.taken),
            "reason": found.reason or interval.reason,
        }
