"""Ask how well batch, position and cell number are read from a representation by linear models."""

from collections.abc import Mapping
from math import fsum

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold

from twinscope import probes
from twinscope.errors import InputError
from twinscope.metrics import METRICS, codes, credit
from twinscope.regression import ridge
from twinscope.splits import assign


def decode(
    X: np.ndarray,
    targets: Mapping[str, np.ndarray],
    items: np.ndarray,
    groups: np.ndarray,
    *,
    folds: int = 5,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read confounders from features by linear models, tested on groups that were not fitted on.

    Classes by the logistic probe, scored by balanced accuracy; numbers by ridge regression with
    its penalty chosen inside the training groups, scored by R² against the mean of the training
    items. The more is read, the less the confounder is taken out.

    Parameters
    ----------
    X : array of shape (n, d)
        Features; NaN is missing.
    targets : mapping of arrays of shape (n,)
        By name: str for classes (batch; plate row and column, since edges differ from the middle),
        numbers for amounts (cell count, total counts). Items of which "" or NaN is known are left
        out.
    items : array of str of shape (n,)
        Ids, by which rows are put in order.
    groups : array of str of shape (n,)
        The unit that must not straddle. Not the batch, where the batch is to be read.
    folds : int
        At most as many as there are groups.
    seed : int
        Of the folds.

    Returns
    -------
    scores : DataFrame
        One row a target: target, metric, value, chance, ideal, higher_is_mixed, items, groups,
        reason (where the value is NaN).
    predictions : DataFrame
        One row an item, one column a target: the number predicted, or the share of the answer that
        is right.

    Raises
    ------
    InputError
        When an item comes twice.
    """
    X, items, groups = np.asarray(X, float), np.asarray(items, str), np.asarray(groups, str)
    if len(np.unique(items)) < len(items):
        raise InputError("an item twice", "each item once")
    order, rows = np.argsort(items, kind="stable"), []
    predictions = pd.DataFrame(np.nan, index=range(len(X)), columns=list(targets))
    for name, target in targets.items():
        numeric = np.asarray(target).dtype.kind in "iuf"
        y = np.asarray(target).astype(float if numeric else str)
        known = order[np.isfinite(y[order]) if numeric else y[order] != ""]
        inputs = X[known], y[known], items[known], groups[known]
        metric, run = ("r2", _numbers) if numeric else ("balanced_accuracy", _classes)
        value, chance, reason = np.nan, np.nan, ""
        try:
            if not np.isfinite(inputs[0]).any():
                what = (
                    "values: every feature is missing" if len(known) else "item with a known value"
                )
                raise InputError(f"no {what}", "some")
            value, chance, predictions.loc[known, name] = run(*inputs, folds, seed)
        except InputError as error:
            reason = error.found
        sizes = {"items": len(known), "groups": len(np.unique(inputs[3]))}
        rows.append({"target": name, "metric": metric, "value": value, "chance": chance})
        rows[-1] |= {"ideal": chance, "higher_is_mixed": False, **sizes, "reason": reason}
    return pd.DataFrame(rows), predictions


def _classes(X, y, items, groups, folds: int, seed: int) -> tuple[float, float, np.ndarray]:
    fold = assign(items, y, groups, min(folds, len(np.unique(groups))), seed)
    found = probes.cross_validate(X, y, groups, fold, "logistic", seed=seed)
    metric, own = METRICS["balanced_accuracy"], codes(y, found.classes)
    right = credit(found.probabilities)[np.arange(len(y)), own]
    value = metric.function(y, found.probabilities, found.classes)
    return value, metric.chance(y), right


def _numbers(X, y, items, groups, folds: int, seed: int) -> tuple[float, float, np.ndarray]:
    n_groups = len(np.unique(groups))
    if n_groups < 2:
        raise InputError(f"{n_groups} groups", "2 or more, to fit on some and test on others")
    if np.ptp(y) == 0:
        raise InputError("a target that is the same for all items", "one that varies")
    fold = np.empty(len(y), dtype=int)
    splitter = GroupKFold(min(folds, n_groups), shuffle=True, random_state=seed)
    for number, (_, test) in enumerate(splitter.split(X, groups=groups)):
        fold[test] = number
    found = ridge.nested(lambda train: ridge.prepare(X, train), y[:, None], groups, fold)
    predicted = found.predictions[:, 0]
    mean = np.array([y[fold != number].mean() for number in fold])
    return 1 - fsum((y - predicted) ** 2) / fsum((y - mean) ** 2), 0.0, predicted
