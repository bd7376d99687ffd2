"""Deal items into folds that keep related items together."""

import warnings

import numpy as np
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, StratifiedKFold

from twinscope.errors import InputError

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


def assign_groups(
    items: np.ndarray, groups: np.ndarray, folds: int = 5, seed: int = 0
) -> np.ndarray:
    """Give every item a fold where there are no classes to spread: groups stay whole.

    Parameters
    ----------
    items, groups : arrays of str of shape (n,)
    folds, seed : int
        As for `assign`.

    Returns
    -------
    array of int of shape (n,)

    Raises
    ------
    InputError
        With fewer than 2 folds, fewer groups than folds, or an item twice.
    """
    items, groups = np.asarray(items, dtype=str), np.asarray(groups, dtype=str)
    _check_sizes(items, groups, folds)
    order = np.argsort(items, kind="stable")
    names, code = np.unique(groups[order], return_inverse=True)
    if len(names) > folds:
        code = _folds_of(GroupKFold(folds, shuffle=True, random_state=seed), code, code)
    fold = np.empty(len(items), dtype=int)
    fold[order] = code
    return fold


def _check(items: np.ndarray, labels: np.ndarray, groups: np.ndarray, folds: int) -> None:
    """Raise at the first reason why no split can work."""
    classes, sizes = np.unique(labels, return_counts=True)
    n_groups = len(np.unique(groups))
    if len(classes) < 2:
        raise InputError(f"{len(classes)} classes", "at least 2")
    _check_sizes(items, groups, folds)
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


def _check_sizes(items: np.ndarray, groups: np.ndarray, folds: int) -> None:
    """Raise unless there is enough for so many folds, each item once."""
    names, counts = np.unique(items, return_counts=True)
    if folds < 2:
        raise InputError(f"{folds} folds", "2 or more", column="folds")
    if (counts > 1).any():
        raise InputError(f"item '{names[counts > 1][0]}' {counts.max()} times", "each item once")
    expected = f"at least as many as folds ({folds})"
    for size, what in ((len(items), "items"), (len(np.unique(groups)), "groups")):
        if size < folds:
            raise InputError(f"{size} {what}", expected, column="folds")


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
