"""Give rows an order of their own, and values where they have none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from twinscope.alignment import Aligned


def order(X: np.ndarray, *keys: np.ndarray) -> np.ndarray:
    """Sort rows by keys, the first one first, and then by their values.

    Sums over rows in this order are the same, bit for bit, in whatever order the rows come.

    Parameters
    ----------
    X : array of shape (n, d)
        Features; NaN is a value like any other.
    *keys : arrays of shape (n,)
        What to sort by before the features.

    Returns
    -------
    array of int of shape (n,)
    """
    found = np.arange(len(X))
    if X.size:
        # Whole rows compared as bytes; adding 0 makes -0 and 0 one.
        rows = np.ascontiguousarray(X + 0.0)
        bytes_ = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
        found = np.argsort(bytes_, kind="stable")
    for key in reversed(keys):
        found = found[np.argsort(key[found], kind="stable")]
    return found


def fill(X: np.ndarray, batches: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Put the centre of the batch's known items where values are missing.

    Parameters
    ----------
    X : array of shape (n, d)
        Features; what is not finite is missing.
    batches : array of str of shape (n,)
        The batch of each item.
    known : array of bool of shape (n,)
        The items whose mean is the centre (negative controls).

    Returns
    -------
    filled : array of shape (n, d)
        The mean over all batches where the batch has none; 0 where no known item has a value.
    n_filled, n_unknown : int
        Values that were filled, and features that were set to 0.
    """
    present = np.isfinite(X)
    if present.all():
        return X, 0, 0
    filled, overall = X.copy(), _mean(X[known], present[known])
    for batch in np.unique(batches):
        inside = np.flatnonzero(batches == batch)
        own = inside[known[inside]]
        centre = _mean(X[own], present[own])
        centre = np.where(np.isnan(centre), overall, centre)
        filled[inside] = np.where(present[inside], X[inside], centre)
    unknown = np.isnan(overall)
    filled[:, unknown] = 0.0
    return filled, int((~present[:, ~unknown]).sum()), int(unknown.sum())


def in_order(function: Callable) -> Callable:
    """Give an alignment complete rows in an order of their own, and put the result back.

    Parameters
    ----------
    function : callable (X, batches, controls) -> Aligned
        Of features (n, d) without gaps, sorted by batch, controls first.

    Returns
    -------
    callable
        The same for features in any order and with gaps; values that were filled are noted.
    """

    def ordered(X: np.ndarray, batches: np.ndarray, controls: np.ndarray) -> Aligned:
        X = np.asarray(X, dtype=float)
        rows = order(X, batches, ~controls)
        X, batches, controls = X[rows], batches[rows], controls[rows]
        filled, n_filled, n_unknown = fill(X, batches, controls)
        found = function(filled, batches, controls)
        # Harmony, and rounding, can part items that are alike: they follow the first of them.
        new = (batches[1:] != batches[:-1]) | (controls[1:] != controls[:-1])
        new = np.r_[True, new | (X[1:] != X[:-1]).any(axis=1)]
        features = np.empty_like(found.features)
        features[rows] = found.features[new][np.cumsum(new) - 1]
        notes = [f"{n_filled} missing values filled with the centre of their batch"] * (
            n_filled > 0
        )
        notes += [f"{n_unknown} features without a value to fit to, set to 0"] * (n_unknown > 0)
        return found._replace(features=features, notes=(*found.notes, *notes))

    return ordered


def _mean(X: np.ndarray, present: np.ndarray) -> np.ndarray:
    counts = present.sum(axis=0)
    means = np.full(X.shape[1], np.nan)
    return np.divide(np.where(present, X, 0).sum(axis=0), counts, out=means, where=counts > 0)
