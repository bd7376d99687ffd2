"""Bring together what a task asks of: the features of its keys, and what is known of these."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from twinscope import fitted, kinds
from twinscope.alignment import aggregate, align, named
from twinscope.kinds.asked import LAST, Asked, of_keys
from twinscope.kinds.wells import held_out


def ask(
    values: np.ndarray,
    index: pd.DataFrame,
    folds: pd.DataFrame,
    task,
    names=(),
    made=None,
    layers=None,
) -> Asked:
    """Put the features of a task's keys together, sorted by key; images of one are averaged.

    Parameters
    ----------
    values, index, names, made, layers
        As from `representations.unpack` and `representations.layers`: features (n, d), what is
        known of each item, feature names, provenance, and features by layer.
    folds : DataFrame
        The items of the task: item, key, and what its kind needs of each key.
    task : mapping
        A row of the table of tasks.

    Returns
    -------
    Asked
        Features that are learned within folds are a function of which keys are for training. Of a
        network with layers there are several: the last by its own name.

    Raises
    ------
    ValueError
        When an item of the task has no features.
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

    def of_key(values: np.ndarray):
        if not steps:
            return aggregate(values[rows], of_item)[0]

        def learned(train: np.ndarray) -> np.ndarray:
            X = values[rows]
            for step in steps:
                X = step(X, train[code])
            return aggregate(X, of_item)[0]

        return learned

    X = of_key(values)
    if layers:
        X = {LAST: X, **{name: of_key(each) for name, each in layers.items()}}
    meta = of_keys(index.iloc[rows], of_item)
    train, holds = np.ones(len(keys), dtype=bool), kinds.KINDS[task["kind"]].holds_controls
    # Half of the controls are fitted on under every alignment, or scores under two of them would
    # rest on different wells; where none is asked for, all take part.
    holds &= any(name != "none" for name in task["alignments"])
    if holds:
        train = ~held_out(
            meta["control"].to_numpy(bool), meta["batch"].to_numpy(str), order, seed=0
        )
    return Asked(X, keys, meta, train, task, held_out=holds)


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
