"""Find nearest neighbours so that neither ties nor the order of rows decide who they are."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_limits

from twinscope.alignment.rows import order
from twinscope.errors import InputError

# Of the largest distance: what differs by less is the same distance, rounded.
TIE = 1e-9
# Direct differences are exact where products round, but slow in many dimensions.
FEW = 64
TOLERANCE, MOST_STEPS, HUGE = 1e-5, 200, 1e300


class Neighbours(NamedTuple):
    """The k nearest others of each item, told by points: items with equal features are one point.

    Links from point `row` to point `column`, sorted by row and distance, with the `distance`, how
    many `others` lie there (an item is no neighbour of its own) and the `share` of each that
    counts: less than 1 where ties compete for the last of the `k` places. All of shape (E,).
    """

    k: int
    row: np.ndarray
    column: np.ndarray
    distance: np.ndarray
    others: np.ndarray
    share: np.ndarray

    def matrix(self, weights: np.ndarray, size: int) -> csr_matrix:
        """Weights of the links as a matrix over points, (size, size)."""
        return csr_matrix((weights, (self.row, self.column)), shape=(size, size))

    def total(self, weights: np.ndarray) -> np.ndarray:
        """Sum of weights over the links of each point."""
        return np.bincount(self.row, weights)


class Items:
    """Items as distinct points, with distances and neighbours found once.

    Parameters
    ----------
    X : array of shape (n, d)
        Features as they are to be compared, finite. m² distances of the m distinct rows are held
        in memory, 8 bytes each.

    Attributes
    ----------
    values : array of shape (m, d)
        The distinct rows, in an order of their own.
    point : array of int of shape (n,)
        Which of them each item is.
    size : array of int of shape (m,)
        How many items each of them is.

    Raises
    ------
    InputError
        When a value is not finite, or there is no item.
    """

    def __init__(self, X: np.ndarray):
        X = np.asarray(X, dtype=float)
        if not X.size or not np.isfinite(X).all():
            raise InputError(
                "no items, no features, or values that are not finite", "finite values"
            )
        rows = order(X)
        new = np.r_[True, (X[rows[1:]] != X[rows[:-1]]).any(axis=1)]
        self.values = X[rows[new]]
        self.point = np.empty(len(X), dtype=int)
        self.point[rows] = np.cumsum(new) - 1
        self.size = np.bincount(self.point)
        self._found: dict = {}

    def distances(self, metric: str = "euclidean") -> np.ndarray:
        """Distances of all points, (m, m): Euclidean, or 1 - cosine."""
        return self._once(metric, self._distances, metric)

    def neighbours(self, k: int) -> Neighbours:
        """Nearest k other items, by Euclidean distance; there must be more than k items.

        Items tied for the last places share them.
        """
        return self._once(k, self._neighbours, k)

    def _once(self, key, function: Callable, *arguments):
        if key not in self._found:
            self._found[key] = function(*arguments)
        return self._found[key]

    @threadpool_limits.wrap(limits=1, user_api="blas")
    def _distances(self, metric: str) -> np.ndarray:
        V = self.values
        if metric == "cosine":
            length = np.linalg.norm(V, axis=1, keepdims=True)
            V = np.divide(V, length, out=np.zeros_like(V), where=length > 0)
            D = np.maximum(1 - V @ V.T, 0)
        elif V.shape[1] <= FEW:
            D = cdist(V, V)
        else:
            V = V - V.mean(axis=0)
            squares = (V**2).sum(axis=1)
            D = np.sqrt(np.maximum(squares[:, None] + squares - 2 * V @ V.T, 0))
        np.fill_diagonal(D, 0)
        return D

    def _neighbours(self, k: int) -> Neighbours:
        D, m = self.distances(), len(self.size)
        tolerance = TIE * D.max()
        limit = np.partition(D, min(k, m - 1), axis=1)[:, min(k, m - 1), None] + tolerance
        row, column = np.nonzero(limit >= D)
        distance = D[row, column]
        inside = np.lexsort((column, distance, row))
        row, column, distance = row[inside], column[inside], distance[inside]
        others = self.size[column] - (row == column)
        first = np.r_[True, row[1:] != row[:-1]]
        tied = ~(first | np.r_[True, np.diff(distance) > tolerance])
        group = np.cumsum(~tied) - 1
        together = np.bincount(group, others)
        before = np.cumsum(together) - together
        before -= before[group[first]][row[~tied]]
        share = np.clip((k - before) / np.maximum(together, 1), 0, 1)[group]
        kept = (share > 0) & (others > 0)
        parts = (part[kept] for part in (row, column, distance, others, share))
        return Neighbours(k, *parts)

    def tally(self, k: int, code: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Count the neighbours of each class, (n, K), and those of the item's own class, (n,)."""
        found = self.neighbours(k)
        S = found.matrix(found.share, len(self.size))
        counts = (S @ members(self.point, code)).toarray()[self.point]
        items = np.arange(len(code))
        counts[items, code] -= S.diagonal()[self.point]
        return counts, counts[items, code]


def codes(classes: np.ndarray) -> np.ndarray:
    """Give items numbers for their classes (n,), in sorted order, from 0."""
    return np.unique(np.asarray(classes, dtype=str), return_inverse=True)[1]


def members(point: np.ndarray, code: np.ndarray) -> csr_matrix:
    """Count the items of each class (n,) at each point (n,), both numbered from 0: (m, K)."""
    return csr_matrix((np.ones(len(code)), (point, code)))


def simpson(items: Items, k: int, code: np.ndarray) -> np.ndarray:
    """Compute the chance that two draws from an item's neighbours are of one class.

    Nearer neighbours are drawn more often: weights exp(-β distance), with β such that the entropy
    of the draw is that of k // 3 equal neighbours (Korsunsky et al. 2019, Nat. Methods 16:1289; as
    scib-metrics, with k + 1 for the item itself).

    Parameters
    ----------
    items : Items
    k : int
        Number of neighbours.
    code : array of int of shape (n,)
        Class of each item, from 0.

    Returns
    -------
    array of shape (n,)
    """
    found, m = items.neighbours(k), len(items.size)
    weight = _weights(found, np.log((k + 1) // 3))
    W, N = found.matrix(weight, m), members(items.point, code)
    T, own = W @ N, W.diagonal()[items.point]
    same = np.asarray(T[items.point, code]).ravel()
    squares = np.asarray(T.multiply(T).sum(axis=1)).ravel()[items.point]
    # The item itself is no neighbour, though it lies at its point.
    return squares - 2 * own * same + own**2


def _weights(found: Neighbours, entropy: float) -> np.ndarray:
    """Weight of each other item over a link, of so much entropy in all."""
    nearest = np.full(found.row[-1] + 1, np.inf)
    np.minimum.at(nearest, found.row, found.distance)
    # Measured from the nearest, which changes no weight and keeps far points from vanishing.
    beyond, counted = found.distance - nearest[found.row], found.others * found.share

    def excess(beta: np.ndarray) -> np.ndarray:
        w = counted * np.exp(-beta[found.row] * beyond)
        total = found.total(w)
        return np.log(total) + beta * found.total(w * beyond) / total - entropy

    w = np.exp(-bisect(excess, len(nearest))[found.row] * beyond)
    return found.share * w / found.total(counted * w)[found.row]


def bisect(gap: Callable, size: int) -> np.ndarray:
    """Raise each of so many numbers while its gap is above 0: from 1, by doubling and halving.

    The same steps and the same tolerance as in scib-metrics and umap-learn.
    """
    x, low, high = np.ones(size), np.zeros(size), np.full(size, np.inf)
    for _ in range(MOST_STEPS):
        found = gap(x)
        done, up = np.abs(found) < TOLERANCE, found > 0
        if done.all():
            break
        low, high = np.where(up, x, low), np.where(up, high, x)
        step = np.where(np.isinf(high), x * 2, (low + np.minimum(high, HUGE)) / 2)
        x = np.where(done, x, step)
    return x
