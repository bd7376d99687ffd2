"""Deal items into folds that keep related items together, and say where a split can mislead."""

import warnings

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, StratifiedKFold

from twinscope.errors import InputError

FEW_GROUPS = 10
RARE = 20
SHUFFLED_LABELS = 200
SHUFFLED_SPLITS = 10


def assign(
    items: np.ndarray, labels: np.ndarray, groups: np.ndarray, folds: int = 5, seed: int = 0
) -> np.ndarray:
    """Give every item the fold in which it is tested.

    Groups stay whole and classes are spread as evenly as groups allow. As many folds as groups
    means leave one group out.

    Parameters
    ----------
    items, labels, groups : arrays of str of shape (n,)
        Item ids, class labels, and the unit that must not be in training and test at once.
    folds : int
        Number of folds.
    seed : int
        Seed of the shuffle.

    Returns
    -------
    array of int of shape (n,)
        Fold of each item, from 0; the same whatever the order of the rows.

    Raises
    ------
    InputError
        When the items cannot be split so that each fold trains on every class.
    """
    items, labels, groups = (np.asarray(a, dtype=str) for a in (items, labels, groups))
    _check(items, labels, groups, folds)
    order = np.argsort(items, kind="stable")
    y, g = labels[order], groups[order]
    complaint = ""
    for sorted_fold in _candidates(y, g, folds, seed):
        complaint = _fault(sorted_fold, y, folds)
        if not complaint:
            break
    if complaint:
        raise InputError(complaint, "fewer folds, or classes spread over more groups")
    fold = np.empty(len(items), dtype=int)
    fold[order] = sorted_fold
    if len(set(zip(groups, fold, strict=True))) != len(set(groups)):
        raise AssertionError("a group straddles training and test")
    return fold


def flags(
    index: pd.DataFrame, labels: np.ndarray, groups: np.ndarray, folds: np.ndarray, unlabelled=0
) -> pd.DataFrame:
    """List the ways in which this split can make a score mislead.

    Parameters
    ----------
    index : DataFrame of n rows
        Columns `batch` and `position`, each optional; missing values where not known.
    labels, groups : arrays of str of shape (n,)
        Class labels and groups.
    folds : array of int of shape (n,)
        As from `assign`.
    unlabelled : int
        Number of items left out for want of a label.

    Returns
    -------
    DataFrame
        Columns `flag` and `detail`, one row for each flag that holds.
    """
    labels, groups = np.asarray(labels, dtype=str), np.asarray(groups, dtype=str)
    batch, position = _known(index, "batch"), _known(index, "position")
    found = {
        "no-groups": _no_groups(groups),
        "few-groups": _few_groups(groups),
        "batch-straddles": _batch_straddles(batch, np.asarray(folds)),
        "batch-confounded": _batch_confounded(batch, labels),
        "position-confounded": _position_confounded(position, labels),
        "rare-classes": _rare_classes(labels),
        "unlabelled": f"{unlabelled} items with no label were left out" if unlabelled else "",
    }
    rows = [(flag, detail) for flag, detail in found.items() if detail]
    return pd.DataFrame(rows, columns=["flag", "detail"], dtype=str)


def _check(items: np.ndarray, labels: np.ndarray, groups: np.ndarray, folds: int) -> None:
    """Raise at the first reason why no split can work."""
    names, counts = np.unique(items, return_counts=True)
    classes, sizes = np.unique(labels, return_counts=True)
    n_groups = len(np.unique(groups))
    if folds < 2:
        raise InputError(f"{folds} folds", "2 or more", column="folds")
    if (counts > 1).any():
        raise InputError(f"item '{names[counts > 1][0]}' {counts.max()} times", "each item once")
    if len(classes) < 2:
        raise InputError(f"{len(classes)} classes", "at least 2")
    if len(items) < folds:
        raise InputError(
            f"{len(items)} items", f"at least as many as folds ({folds})", column="folds"
        )
    if n_groups < folds:
        expected = f"at least as many as folds ({folds})"
        raise InputError(f"{n_groups} groups", expected, column="folds")
    if (sizes == 1).any():
        raise InputError(f"one item of class '{classes[sizes == 1][0]}'", "2 or more of each class")
    for label in classes if n_groups < len(items) else ():
        homes = np.unique(groups[labels == label])
        if len(homes) == 1:
            raise InputError(
                f"all items of class '{label}' in group '{homes[0]}'",
                "each class in 2 groups or more, to train on one and test on another",
                column="split",
            )
    if folds < n_groups and sizes.max() < folds:
        raise InputError(
            f"{sizes.max()} items in the largest class", f"{folds} or more, or fewer folds"
        )


def _candidates(y: np.ndarray, g: np.ndarray, folds: int, seed: int):
    """Yield fold assignments: stratified, stratified with other shuffles, of equal sizes."""
    n_groups = len(np.unique(g))
    if n_groups == folds:
        yield np.unique(g, return_inverse=True)[1]
        return
    splitter = StratifiedGroupKFold if n_groups < len(y) else StratifiedKFold
    for other in range(seed, seed + SHUFFLED_SPLITS):
        yield _folds_of(splitter(folds, shuffle=True, random_state=other), y, g)
    yield _folds_of(GroupKFold(folds, shuffle=True, random_state=seed), y, g)


def _folds_of(splitter, y: np.ndarray, g: np.ndarray) -> np.ndarray:
    fold = np.empty(len(y), dtype=int)
    with warnings.catch_warnings():
        # Rare classes are a flag of the result, not a warning in a log.
        warnings.simplefilter("ignore", UserWarning)
        for number, (_, test) in enumerate(splitter.split(np.zeros(len(y)), y, g)):
            fold[test] = number
    return fold


def _fault(fold: np.ndarray, y: np.ndarray, folds: int) -> str:
    """Say what is wrong with an assignment, or nothing."""
    for number in range(folds):
        if not (fold == number).any():
            return f"nothing to test in fold {number + 1} of {folds}"
        lost = np.setdiff1d(y, y[fold != number])
        if len(lost):
            return f"no item of class '{lost[0]}' to train on in fold {number + 1} of {folds}"
    return ""


def _known(index: pd.DataFrame, column: str) -> pd.Series | None:
    """Return a column as text with missing values, or nothing when none of it is known."""
    if column not in index or index[column].isna().all():
        return None
    values = index[column].reset_index(drop=True)
    return values.astype(str).where(values.notna())


def _no_groups(groups: np.ndarray) -> str:
    if len(np.unique(groups)) < len(groups):
        return ""
    return "each item stands alone: related images may be in training and test"


def _few_groups(groups: np.ndarray) -> str:
    n_groups = len(np.unique(groups))
    return f"{n_groups} groups: intervals are wide" if n_groups < FEW_GROUPS else ""


def _batch_straddles(batch: pd.Series | None, folds: np.ndarray) -> str:
    if batch is None:
        return ""
    per_batch = pd.Series(folds).groupby(batch).nunique()
    straddling = int((per_batch > 1).sum())
    return f"{straddling} of {len(per_batch)} batches are in training and test" * bool(straddling)


def _batch_confounded(batch: pd.Series | None, labels: np.ndarray) -> str:
    """Compare what the batch alone says of the label with labels dealt at random."""
    if batch is None or batch.nunique() < 2:
        return ""
    known = batch.notna().to_numpy()
    b = np.unique(batch[known].to_numpy(dtype=str), return_inverse=True)[1]
    y = np.unique(labels[known], return_inverse=True)[1]
    table = _crosstab(b, y)
    share = np.isin(y, np.flatnonzero((table > 0).sum(axis=0) == 1)).mean()
    accuracy = table.max(axis=1).sum() / len(y)
    rng = np.random.default_rng(0)
    dealt = [_crosstab(b, rng.permutation(y)).max(axis=1).sum() for _ in range(SHUFFLED_LABELS)]
    expected = np.mean(dealt) / len(y)
    if share == 0 and accuracy < expected + 0.1:
        return ""
    return (
        f"{share:.0%} of items have a label found in one batch only; the majority label of "
        f"the batch is right for {accuracy:.0%} ({expected:.0%} if labels were dealt at random)"
    )


def _crosstab(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    shape = rows.max() + 1, columns.max() + 1
    return np.bincount(rows * shape[1] + columns, minlength=shape[0] * shape[1]).reshape(shape)


def _position_confounded(position: pd.Series | None, labels: np.ndarray) -> str:
    if position is None or position.nunique() < 2:
        return ""
    one = position.groupby(labels).nunique() == 1
    return f"{one.mean():.0%} of labels occupy one position" if one.any() else ""


def _rare_classes(labels: np.ndarray) -> str:
    classes, sizes = np.unique(labels, return_counts=True)
    return ", ".join(f"{c} ({n})" for c, n in zip(classes, sizes, strict=True) if n < RARE)
