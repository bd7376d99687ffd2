"""Say how alike items are, and which differences between likenesses are rounding only."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_limits

from twinscope.errors import InputError, one_of

TIE = 1e-9
SINGLE_TIE = 1e-6
FEW = 8
CONSTANT = 1e-12
CACHED = 100_000


class Space(NamedTuple):
    """Items made ready to be compared.

    `values` (n, d); whether each item has any feature at all, `present` (n,); differences of
    similarity up to `tolerance` are ties; `n_missing` or infinite values were imputed.
    """

    name: str
    values: np.ndarray
    present: np.ndarray
    tolerance: float
    n_missing: int


def default(n_features: int) -> str:
    """Return the similarity that suits so many features: Euclidean up to 8, else cosine."""
    return "euclidean" if n_features <= FEW else "cosine"


def refusal(X: np.ndarray, name: str) -> str:
    """Say why a similarity would be an artefact on these features.

    The cosine of a single feature is 1 or -1, of constant features always 1: all items tie, and
    whatever breaks the ties decides the score.

    Parameters
    ----------
    X : array of shape (n, d)
        Features; NaN is missing.
    name : str
        A key of `SIMILARITIES`.

    Returns
    -------
    str
        Empty where there is nothing against it.

    Raises
    ------
    InputError
        When the name is unknown.
    """
    return compared(X, name)[1]


def space(X: np.ndarray, name: str) -> Space:
    """Make features ready to be compared; no label is looked at.

    Missing values become the median of their feature. For cosine, items are scaled to length 1
    (an item at the origin stays there: its cosine to all others is 0). For Euclidean distance,
    features are scaled to standard deviation 1, constant ones left out.

    Parameters
    ----------
    X : array of shape (n, d)
        Features; NaN and infinite values are missing.
    name : str
        A key of `SIMILARITIES`.

    Returns
    -------
    Space
        With similarities up to 1e-9 apart as ties; for Euclidean distance 1e-6 (of a standard
        deviation) where all values are single precision, in which equal steps differ by that.

    Raises
    ------
    InputError
        As from `refusal`, and where `refusal` gives a reason.
    """
    found, reason = compared(X, name)
    if reason:
        raise InputError(reason, "features that can be compared")
    return found


def compared(X: np.ndarray, name: str) -> tuple[Space | None, str]:
    """Return what `space` returns, or nothing and what `refusal` says."""
    if name not in SIMILARITIES:
        raise InputError(f"similarity {name!r}", one_of(SIMILARITIES, name))
    X = finite(X)
    missing = np.isnan(X)
    if missing.all():
        return None, "no values: every feature is missing"
    filled = imputed(X)
    varied = _varied(filled)
    if name == "cosine" and varied.sum() < 2:
        what = "a single feature" if varied.any() else "constant features"
        return None, f"cosine of {what} is all ties: use similarity euclidean"
    tolerance = SINGLE_TIE if name == "euclidean" and _single(filled) else TIE
    values = SIMILARITIES[name][0](filled, varied)
    return Space(name, values, ~missing.all(axis=1), tolerance, int(missing.sum())), ""


def between(items: Space, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Compute the similarity of some items to some.

    Callers see to it that BLAS has one thread: sums then have one order whatever the machine.

    Parameters
    ----------
    items : Space
    rows, columns : arrays of int or slices
        Positions of q and m items.

    Returns
    -------
    array of shape (q, m)
        Cosine, or minus Euclidean distance.
    """
    return SIMILARITIES[items.name][1](items.values[rows], items.values[columns])


@threadpool_limits.wrap(limits=1, user_api="blas")
def matrix(X: np.ndarray, name: str) -> np.ndarray:
    """Compute the similarity of all items to all.

    Parameters
    ----------
    X : array of shape (n, d)
        Features.
    name : str
        A key of `SIMILARITIES`.

    Returns
    -------
    array of shape (n, n)
        NaN in rows and columns of items without any feature.

    Raises
    ------
    InputError
        As from `space`.
    """
    items = space(X, name)
    found = between(items, slice(None), slice(None))
    found[~items.present] = np.nan
    found[:, ~items.present] = np.nan
    return found


def levels(scores: np.ndarray, tolerance: float = TIE) -> np.ndarray:
    """Give numbers to the tie groups of each row, the highest scores first.

    Neighbours in rank up to `tolerance` apart tie. A fixed grid would part equal scores that
    rounding put on two sides of a grid line.

    Parameters
    ----------
    scores : array of shape (q, m)
        -inf comes last.
    tolerance : float
        In units of the scores.

    Returns
    -------
    array of int of shape (q, m)
        From 0, without gaps; int16 where that is wide enough.
    """
    scores = np.asarray(scores, dtype=float)
    found = np.empty(scores.shape, dtype=integer(scores.shape[1]))
    for some in cached_rows(*scores.shape):
        falling = -scores[some]
        order = np.argsort(falling, axis=1)
        falling = np.take_along_axis(falling, order, axis=1)
        ranks = np.zeros(falling.shape, dtype=found.dtype)
        with np.errstate(invalid="ignore"):
            steps = falling[:, 1:] - falling[:, :-1] > tolerance
        np.cumsum(steps, axis=1, dtype=ranks.dtype, out=ranks[:, 1:])
        np.put_along_axis(found[some], order, ranks, axis=1)
    return found


def cached_rows(n: int, width: int) -> Iterator[slice]:
    """Yield so many of n rows at once that what is made of them stays in the processor's cache."""
    step = max(1, CACHED // max(1, width))
    for start in range(0, n, step):
        yield slice(start, start + step)


def integer(largest: int) -> type:
    """Return the smaller of the integer types int16 and int32 that holds a number."""
    return np.int16 if largest < 2**15 else np.int32


def finite(X: np.ndarray) -> np.ndarray:
    """Return a copy in double precision in which infinite values are missing."""
    X = np.array(X, dtype=float)
    X[~np.isfinite(X)] = np.nan
    return X


def imputed(X: np.ndarray) -> np.ndarray:
    """Replace NaN by the median of the feature, leaving out features that have no value."""
    X = X[:, ~np.isnan(X).all(axis=0)]
    return np.where(np.isnan(X), np.nanmedian(X, axis=0), X) if np.isnan(X).any() else X


def _varied(X: np.ndarray) -> np.ndarray:
    """Which features differ between items by more than the rounding of a constant."""
    X = _scaled(X, 0)
    return np.ptp(X, axis=0) > CONSTANT * np.abs(X).max(axis=0)


def _single(X: np.ndarray) -> bool:
    """Tell whether all values are single precision."""
    with np.errstate(over="ignore"):
        return np.array_equal(X, X.astype(np.float32))


def _scaled(X: np.ndarray, axis: int) -> np.ndarray:
    """Bring rows or columns whose squares might overflow or vanish to about 1, exactly."""
    largest = np.abs(X).max(axis=axis, keepdims=True)
    if ((largest == 0) | ((largest > 1e-100) & (largest < 1e100))).all():
        return X
    return np.ldexp(X, -np.frexp(largest)[1])


def _unit(X: np.ndarray, varied: np.ndarray) -> np.ndarray:
    X = _scaled(X, 1)
    length = np.linalg.norm(X, axis=1, keepdims=True)
    return np.divide(X, length, out=np.zeros_like(X), where=length > 0)


def _standardised(X: np.ndarray, varied: np.ndarray) -> np.ndarray:
    if not varied.any():
        return np.zeros((len(X), 1))
    X = _scaled(X[:, varied], 0)
    # The median is one of the values or near them, so that equal steps stay equal.
    X = _scaled(X - np.median(X, axis=0), 0)
    return X / X.std(axis=0)


SIMILARITIES = {
    "cosine": (_unit, lambda A, B: A @ B.T),
    "euclidean": (_standardised, lambda A, B: -cdist(A, B)),
}
