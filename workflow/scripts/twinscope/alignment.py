"""Take batch effects out of representations, by what negative controls look like in each batch."""

from typing import NamedTuple

import numpy as np

from twinscope.errors import InputError, one_of


class Aligned(NamedTuple):
    """Aligned features, and how many (batch, feature) pairs had constant controls."""

    features: np.ndarray
    n_constant: int


def align(name: str, X: np.ndarray, batches: np.ndarray, controls: np.ndarray | None) -> Aligned:
    """Align a representation over batches.

    Parameters
    ----------
    name : str
        A key of `ALIGNMENTS`.
    X : array of shape (n, d)
        Features; a missing value stays missing.
    batches : array of str of shape (n,)
        The batch of each item.
    controls : array of bool of shape (n,), or None
        Which items are negative controls.

    Returns
    -------
    Aligned
        `features` of shape (n, d), float64; `n_constant`, the number of (batch, feature) pairs
        whose controls are all alike: those are centred and divided by 1.

    Raises
    ------
    InputError
        When the name is unknown, or the controls needed for the fit are not there.
    """
    if name not in ALIGNMENTS:
        raise InputError(f"alignment {name!r}", one_of(ALIGNMENTS, name))
    return ALIGNMENTS[name](np.asarray(X, dtype=float), np.asarray(batches, dtype=str), controls)


def aggregate(X: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average the items that share a key, as images into wells.

    Parameters
    ----------
    X : array of shape (n, d)
        Features; missing values are left out of the mean.
    keys : array of str of shape (n,)
        The well (or other unit) of each item.

    Returns
    -------
    means : array of shape (m, d)
        One row a key; NaN where every value is missing.
    order : array of str of shape (m,)
        The keys of the rows, sorted.
    """
    X = np.asarray(X, dtype=float)
    order, code = np.unique(np.asarray(keys, dtype=str), return_inverse=True)
    present = np.isfinite(X)
    totals, counts = np.zeros((2, len(order), X.shape[1]))
    np.add.at(totals, code, np.where(present, X, 0.0))
    np.add.at(counts, code, present)
    means = np.full_like(totals, np.nan)
    np.divide(totals, counts, out=means, where=counts > 0)
    return means, order


def _none(X: np.ndarray, batches: np.ndarray, controls: np.ndarray | None) -> Aligned:
    return Aligned(X, 0)


def _standardize(X: np.ndarray, batches: np.ndarray, controls: np.ndarray | None) -> Aligned:
    """Per batch, subtract the controls' mean and divide by their standard deviation (ddof 0)."""
    if controls is None:
        raise InputError(
            "no column of controls", "negative controls: standardize is fitted on negative controls"
        )
    controls = np.asarray(controls, dtype=bool)
    aligned, n_constant = np.empty_like(X), 0
    for batch in np.unique(batches):
        inside = batches == batch
        reference = X[inside & controls]
        if len(reference) < 2:
            raise InputError(
                f"{len(reference)} negative controls in batch '{batch}'",
                "at least 2 in every batch, to standardize on",
            )
        centre, spread, constant = _centre_and_spread(reference)
        aligned[inside] = (X[inside] - centre) / spread
        n_constant += int(constant.sum())
    return Aligned(aligned, n_constant)


def _centre_and_spread(reference: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and sd per feature; NaN where fewer than 2 controls have a value, sd 1 if constant."""
    present = np.isfinite(reference)
    counts = np.where(present.sum(axis=0) < 2, np.nan, present.sum(axis=0))
    centre = np.where(present, reference, 0).sum(axis=0) / counts
    deviations = np.where(present, reference - centre, 0)
    # Compared as values, because a rounded mean gives equal numbers a spread just above 0.
    lowest = np.where(present, reference, np.inf).min(axis=0)
    highest = np.where(present, reference, -np.inf).max(axis=0)
    constant = (lowest == highest) & np.isfinite(counts)
    spread = np.sqrt((deviations**2).sum(axis=0) / counts)
    return np.where(constant, lowest, centre), np.where(constant, 1.0, spread), constant


ALIGNMENTS = {"none": _none, "standardize": _standardize}
