"""Ask how much nearer items lie to their own class than to others: silhouettes, and BRAS."""

from collections.abc import Callable
from math import fsum

import numpy as np
from threadpoolctl import threadpool_limits

from twinscope.confounders.mixing import Score, undefined
from twinscope.confounders.neighbours import Items, codes, members
from twinscope.errors import InputError, one_of


@threadpool_limits.wrap(limits=1, user_api="blas")
def silhouette_samples(
    items: Items,
    classes: np.ndarray,
    rows: np.ndarray | None = None,
    metric: str = "euclidean",
    other: str = "nearest",
) -> np.ndarray:
    """Compute (b - a) / max(a, b) of each item.

    With a the mean distance to the others of its class and b that to another class; 0 for the only
    item of a class and where all distances are 0 (Rousseeuw 1987, J. Comput. Appl. Math. 20:53).

    Parameters
    ----------
    items : Items
    classes : array of str of shape (n,)
        Two classes or more.
    rows : array of int of shape (q,), optional
        Only these items are looked at; all unless given.
    metric : {"euclidean", "cosine"}
        Distance.
    other : {"nearest", "mean"}
        Whether b is the mean distance to the nearest other class, or to all items of other classes.

    Returns
    -------
    array of shape (q,)

    Raises
    ------
    InputError
        When `other` is unknown.
    """
    if other not in OTHERS:
        raise InputError(f"other {other!r}", one_of(OTHERS, other))
    rows = np.arange(len(items.point)) if rows is None else rows
    code, q = codes(np.asarray(classes)[rows]), np.arange(len(rows))
    used, point = np.unique(items.point[rows], return_inverse=True)
    D = items.distances(metric)[np.ix_(used, used)]
    sums, sizes = (members(point, code).T @ D).T[point], np.bincount(code)
    with np.errstate(invalid="ignore", divide="ignore"):
        a = sums[q, code] / (sizes[code] - 1)
        b = OTHERS[other](sums, sizes, code)
        found = (b - a) / np.maximum(a, b)
    return np.where((sizes[code] > 1) & np.isfinite(found), found, 0.0)


def _nearest(sums: np.ndarray, sizes: np.ndarray, code: np.ndarray) -> np.ndarray:
    means = sums / sizes
    means[np.arange(len(code)), code] = np.inf
    return means.min(axis=1)


def _mean(sums: np.ndarray, sizes: np.ndarray, code: np.ndarray) -> np.ndarray:
    own = sums[np.arange(len(code)), code]
    return (sums.sum(axis=1) - own) / (len(code) - sizes[code])


def silhouette_label(items: Items, labels: np.ndarray) -> Score:
    """Average the silhouettes of labels, (s + 1) / 2: 0.5 where labels mean nothing.

    Parameters
    ----------
    items : Items
    labels : array of str of shape (n,)

    Returns
    -------
    Score
    """
    reason = undefined(items, label=labels)
    if reason:
        return Score(np.nan, reason)
    scaled = (silhouette_samples(items, labels) + 1) / 2
    return Score(fsum(scaled) / len(scaled), items=scaled)


def silhouette_batch(items: Items, labels: np.ndarray, batches: np.ndarray) -> Score:
    """Average 1 - |silhouette of batches| within each label, and then over labels.

    1 where batches are mixed; but also where each batch overlaps with just one other (Luecken et
    al. 2022, Nat. Methods 19:41), which `bras` does not forgive.

    Parameters
    ----------
    items : Items
    labels, batches : arrays of str of shape (n,)

    Returns
    -------
    Score
        Labels with one batch, or as many batches as items, are left out.
    """
    reason = undefined(items, batch=batches)
    return Score(np.nan, reason) if reason else _within_labels(items, labels, batches)


def bras(items: Items, labels: np.ndarray, batches: np.ndarray) -> Score:
    """Compute the batch-removal-adapted silhouette: by cosine, against all other batches.

    As `silhouette_batch`, with the mean distance to all items of other batches in place of the
    nearest one (Rautenstrauch and Ohler 2025, Nat. Biotechnol.).

    Parameters
    ----------
    items, labels, batches
        As for `silhouette_batch`.

    Returns
    -------
    Score
    """
    reason = undefined(items, batch=batches)
    if not reason and np.ptp(items.values, axis=0).astype(bool).sum() < 2:
        reason = "cosine of a single feature is all ties"
    if reason:
        return Score(np.nan, reason)
    return _within_labels(items, labels, batches, metric="cosine", other="mean")


def _within_labels(items: Items, labels: np.ndarray, batches: np.ndarray, **how: str) -> Score:
    labels, batches = np.asarray(labels, dtype=str), np.asarray(batches, dtype=str)
    each, means, names = np.full(len(labels), np.nan), [], np.unique(labels)
    for label in names:
        rows = np.flatnonzero(labels == label)
        if 1 < len(np.unique(batches[rows])) < len(rows):
            each[rows] = 1 - np.abs(silhouette_samples(items, batches, rows, **how))
            means.append(fsum(each[rows]) / len(rows))
    left_out = len(names) - len(means)
    if not means:
        reason = "no label with 2 batches, and more items than batches"
        return Score(np.nan, reason, left_out=left_out)
    return Score(fsum(means) / len(means), "", each, left_out)


OTHERS: dict[str, Callable] = {"nearest": _nearest, "mean": _mean}
