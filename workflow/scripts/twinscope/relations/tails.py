"""Place values in a distribution: among its lowest, among its highest, or between."""

import numpy as np

TAIL = 0.05


def tail_credit(ordered: np.ndarray, values: np.ndarray, tail: float = TAIL) -> np.ndarray:
    """Say which values lie among the lowest and among the highest of a distribution.

    A tail holds floor(tail * m) of m values. Values tied across its edge share the places left, so
    that whatever the ties the mean over all m is the size of the tail. Without ties this is the
    recall of EFAAR (Celik et al. 2024, PLoS Comput. Biol. 20:e1012463).

    Parameters
    ----------
    ordered : array of shape (m,)
        The distribution, rising.
    values : array of shape (P,)
        Values of the distribution.
    tail : float
        Share of the distribution in each tail.

    Returns
    -------
    array of shape (2, P)
        Credit for the lower and for the upper tail, from 0 to 1.
    """
    size, (below, through) = whole(ordered, tail), places(ordered, values)
    edges = np.array([size - below, through - len(ordered) + size])
    return np.clip(edges / np.maximum(through - below, 1), 0, 1)


def whole(ordered: np.ndarray, tail: float) -> int:
    """Count the values in a tail; a product such as 0.2 * 5 must not fall short by rounding."""
    return int(tail * len(ordered) + 1e-9)


def places(ordered: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count for each value (P,) what of a distribution lies below it, and what not above it."""
    # In rising order, for the cache's sake.
    order = np.argsort(values, kind="stable")
    found = np.empty((2, len(values)), dtype=int)
    for row, side in zip(found, ("left", "right"), strict=True):
        row[order] = np.searchsorted(ordered, values[order], side)
    return found[0], found[1]
