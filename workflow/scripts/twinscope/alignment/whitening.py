"""What alignments are made of: centres and spreads, principal axes, whitening, Harmony."""

from typing import NamedTuple

import numpy as np

from twinscope.errors import InputError

# Of the largest variance; below it lie the rounding errors of float32 features.
NEGLIGIBLE = 1e-10
MAD_TO_SD = 1.4826
ITEMS_PER_CLUSTER, MOST_CLUSTERS = 30, 100


class Axes(NamedTuple):
    """Principal axes: centre (d,), axes (d, r), and the standard deviation (r,) along each."""

    centre: np.ndarray
    axes: np.ndarray
    spread: np.ndarray


def mean_and_sd(reference: np.ndarray, fewest: int = 2, floor: np.ndarray | float = 0.0) -> tuple:
    """Take the mean and the standard deviation (divisor n) of each feature.

    Parameters
    ----------
    reference : array of shape (n, d)
        Items to fit to; what is not finite is missing.
    fewest : int
        How many values a feature must have.
    floor : float or array of shape (d,)
        A standard deviation that is at most this is none.

    Returns
    -------
    centre, spread : arrays of shape (d,)
        NaN where there are too few values; the spread of a constant feature is 1.
    constant : array of bool of shape (d,)
        Features whose values are all alike, or spread no wider than the floor.
    """
    present = np.isfinite(reference)
    counts = np.where(present.sum(axis=0) < fewest, np.nan, present.sum(axis=0))
    centre = np.where(present, reference, 0).sum(axis=0) / counts
    deviations = np.where(present, reference - centre, 0)
    # Compared as values, because a rounded mean gives equal numbers a spread just above 0.
    lowest = np.where(present, reference, np.inf).min(axis=0, initial=np.inf)
    highest = np.where(present, reference, -np.inf).max(axis=0, initial=-np.inf)
    spread = np.sqrt((deviations**2).sum(axis=0) / counts)
    alike, known = lowest == highest, np.isfinite(counts)
    constant = (alike | (spread <= floor)) & known
    return np.where(alike & known, lowest, centre), np.where(constant, 1.0, spread), constant


def median_and_mad(reference: np.ndarray) -> tuple:
    """Take the median and the median absolute deviation of each feature.

    Parameters
    ----------
    reference : array of shape (n, d)
        Items to fit to; what is not finite is missing.

    Returns
    -------
    centre, spread : arrays of shape (d,)
        The spread is 1.4826 times the deviation, as is the standard deviation of a normal
        distribution. NaN where fewer than 2 items have a value; the spread of a constant is 1.
    constant : array of bool of shape (d,)
        Features of which more than half of the values are alike.
    """
    values = np.where(np.isfinite(reference), reference, np.nan)
    values[:, np.isfinite(values).sum(axis=0) < 2] = np.nan
    known = ~np.isnan(values).all(axis=0)
    centre, mad = np.full((2, values.shape[1]), np.nan)
    centre[known] = np.nanmedian(values[:, known], axis=0)
    mad[known] = np.nanmedian(np.abs(values[:, known] - centre[known]), axis=0)
    return centre, np.where(mad == 0, 1.0, MAD_TO_SD * mad), mad == 0


def principal_axes(reference: np.ndarray, most: int | None = None) -> Axes:
    """Find the axes along which items vary, by singular values of the centred items.

    Parameters
    ----------
    reference : array of shape (n, d)
        Items to fit to.
    most : int, optional
        How many axes to keep at most.

    Returns
    -------
    Axes
        By falling standard deviation (divisor n - 1); as many as the items span, at most n - 1.
        Each axis points to where its largest entry is positive.
    """
    centre = reference.mean(axis=0)
    _, s, rows = np.linalg.svd(reference - centre, full_matrices=False)
    rank = int((s**2 > NEGLIGIBLE * (s**2).max(initial=0)).sum())
    rank = min(rank, len(reference) - 1, rank if most is None else most)
    s, rows = s[:rank], rows[:rank]
    if rank:
        # Rounded, so that of two entries that are as large always the first decides.
        largest = np.round(np.abs(rows), 9).argmax(axis=1)[:, None]
        rows = rows * np.sign(np.take_along_axis(rows, largest, axis=1))
    return Axes(centre, rows.T, s / np.sqrt(max(len(reference) - 1, 1)))


def whiten(reference: np.ndarray, kind: str = "zca", epsilon: float = 0.0) -> tuple:
    """Find the map after which the items have covariance I.

    Parameters
    ----------
    reference : array of shape (n, d)
        Items to fit to; they need not be centred.
    kind : {"zca", "pca"}
        Whether to turn back to the original axes (ZCA, all d dimensions) or to keep the principal
        ones (as many as the items span).
    epsilon : float
        Added to the variances, so that directions of hardly any are not blown up.

    Returns
    -------
    centre : array of shape (d,)
    W : array of shape (d, d) or (d, r)
        Whitened items are ``(X - centre) @ W``. By ZCA, a direction that the items do not span is
        scaled like the least one that they do, as pycytominer does it.
    rank : int
        How many dimensions the items span.

    References
    ----------
    Kessy, Lewin and Strimmer 2018, Am. Stat. 72:309.
    """
    centre, axes, spread = principal_axes(reference)
    gain, rank = 1 / np.sqrt(spread**2 + epsilon), len(spread)
    if kind == "pca":
        return centre, axes * gain, rank
    least = gain[-1] if rank else 1.0
    W = (axes * (gain - (least if rank < len(centre) else 0))) @ axes.T
    return centre, W + (least * np.eye(len(centre)) if rank < len(centre) else 0), rank


def inverse_root(covariance: np.ndarray, ridge: float) -> np.ndarray:
    """Return (covariance + ridge I)^(-1/2), symmetric; both (d, d), the ridge above 0."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors / np.sqrt(np.maximum(values, 0) + ridge)) @ vectors.T


def harmonise(X: np.ndarray, batches: np.ndarray) -> np.ndarray:
    """Run Harmony: soft clusters spread over batches, then batch effects removed within them.

    Transductive: fitted on the features and batches of all items it is given, those that are tested
    later too; it can correct no others. It sees no labels and no controls.

    Parameters
    ----------
    X : array of shape (n, d)
        Centred features. The result depends on the order of rows, so sort them first.
    batches : array of str of shape (n,)
        The batch of each item.

    Returns
    -------
    array of shape (n, d)

    Raises
    ------
    InputError
        When the library is not installed.

    References
    ----------
    Korsunsky et al. 2019, Nat. Methods 16:1289.
    """
    try:
        from harmonypy import run_harmony
    except ImportError as error:
        expected = "it installed (pip install harmonypy), or another alignment"
        raise InputError("alignment 'harmony' without the package harmonypy", expected) from error
    clusters = int(np.clip(round(len(X) / ITEMS_PER_CLUSTER), 1, MOST_CLUSTERS))
    options = {"nclust": clusters, "random_state": 0, "ncores": 1, "verbose": False}
    # The library's own number of clusters, but never 0; its own way round, (d, n), first.
    found = run_harmony(np.ascontiguousarray(X.T), {"batch": batches}, "batch", **options)
    return np.asarray(found.Z_corr, dtype=float)
