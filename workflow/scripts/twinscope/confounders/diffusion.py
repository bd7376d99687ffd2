"""Ask how far batches are mixed within each label, along the graph of its own items."""

from math import fsum

import numpy as np
from scipy.linalg import eigh
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import eigsh
from threadpoolctl import threadpool_limits

from twinscope.confounders.mixing import ALPHA, LISI_K, Score, kbet, undefined
from twinscope.confounders.neighbours import Items, bisect

LEAST_WIDTH, COMPONENTS, DENSE, STILL = 1e-3, 100, 1_000, 1e-6
FEWEST, FEWEST_K, MOST_K, PIECE, COVERED = 10, 10, 70, 3, 0.75


@threadpool_limits.wrap(limits=1, user_api="blas")
def kbet_per_label(
    items: Items, labels: np.ndarray, batches: np.ndarray, k: int = LISI_K, alpha: float = ALPHA
) -> Score:
    """Average kBET over labels, each by the diffusion distances in the graph of its own items.

    As scib-metrics, after Luecken et al. 2022 (Nat. Methods 19:41): UMAP's fuzzy graph of k
    neighbours, a map of 100 diffusion components, and there kBET with a quarter of the mean batch
    size, from 10 to 70, as neighbours. Unlike there, labels whose graph falls into small pieces are
    left out, and not taken for rejected.

    Parameters
    ----------
    items, k, alpha
        As for `kbet`.
    labels, batches : arrays of str of shape (n,)

    Returns
    -------
    Score
        Labels with one batch, too few items or a graph in pieces are left out.
    """
    reason = undefined(items, k, batch=batches)
    if reason:
        return Score(np.nan, reason)
    labels, batches = np.asarray(labels, dtype=str), np.asarray(batches, dtype=str)
    graph, accepted, means = connectivities(items, k), np.full(len(labels), np.nan), []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        # An order that is the same whatever the order of the items.
        rows = rows[np.lexsort((batches[rows], items.point[rows]))]
        rows, n_neighbours = _in_one_piece(graph, items.point, batches, rows)
        if len(rows):
            sub = between_items(graph, items.point[rows])
            found = kbet(Items(diffusion(sub)), batches[rows], n_neighbours, alpha)
            accepted[rows] = found.value if found.items is None else found.items
            means.append(found.value)
    defined = [mean for mean in means if np.isfinite(mean)]
    left_out = len(np.unique(labels)) - len(defined)
    if not defined:
        reason = "no label with 2 batches and enough items in one piece of the graph"
        return Score(np.nan, reason, left_out=left_out)
    return Score(fsum(defined) / len(defined), "", accepted, left_out)


def connectivities(items: Items, k: int) -> csr_matrix:
    """Compute the fuzzy graph of UMAP over points (McInnes, Healy and Melville 2018, 1802.03426).

    Parameters
    ----------
    items : Items
    k : int
        Number of neighbours.

    Returns
    -------
    csr_matrix of shape (m, m)
        The weight between an item at one point and an item at another; on the diagonal, between
        two items at the same point.
    """
    found, m = items.neighbours(k), len(items.size)
    nearest = np.full(m, np.inf)
    np.minimum.at(nearest, found.row, np.where(found.distance > 0, found.distance, np.inf))
    nearest = np.where(np.isinf(nearest), 0, nearest)
    beyond, counted = np.maximum(found.distance - nearest[found.row], 0), found.others * found.share

    def lacking(width: np.ndarray) -> np.ndarray:
        return np.log2(k + 1) - found.total(counted * np.exp(-beyond / width[found.row]))

    # The mean is over the item itself too.
    mean = found.total(counted * found.distance) / (k + 1)
    mean = np.where(nearest > 0, mean, mean @ items.size / items.size.sum())
    width = np.maximum(bisect(lacking, m), LEAST_WIDTH * mean)
    A = found.matrix(found.share * np.exp(-beyond / width[found.row]), m)
    return (A + A.T - A.multiply(A.T)).tocsr()


def between_items(graph: csr_matrix, point: np.ndarray) -> csr_matrix:
    """Spread a graph of points over items at these points; none is linked to itself."""
    found = graph[point][:, point].tolil()
    found.setdiag(0)
    return found.tocsr()


def diffusion(graph: csr_matrix) -> np.ndarray:
    """Place items so that Euclidean distances are diffusion distances over all times.

    Parameters
    ----------
    graph : csr_matrix of shape (n, n)
        Symmetric weights, connected.

    Returns
    -------
    array of shape (n, 100), or (n, n - 1) if n is smaller
        Eigenvectors of the transitions, the density of items divided out (Coifman et al. 2005,
        Proc. Natl. Acad. Sci. 102:7426), times λ / (1 - λ), or 1 for the state that does not move.
    """
    density = np.asarray(graph.sum(axis=0)).ravel()
    K = graph.multiply(1 / density[:, None]).multiply(1 / density)
    root = np.sqrt(np.asarray(K.sum(axis=0)).ravel())
    T = K.multiply(1 / root[:, None]).multiply(1 / root).tocsr()
    n = T.shape[0]
    number = min(COMPONENTS, n - 1)
    if n <= DENSE:
        values, vectors = eigh(T.toarray())
        largest = np.sort(np.argsort(-np.abs(values), kind="stable")[:number])
        values, vectors = values[largest], vectors[:, largest]
    else:
        start = np.random.default_rng(0).normal(size=n)
        values, vectors = eigsh(T, k=number, which="LM", v0=start)
    still = values > 1 - STILL
    return vectors * np.where(still, 1, values / np.where(still, 1, 1 - values))


def _in_one_piece(graph, point, batches, rows: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the items of a label that kBET can be computed on, and with how many neighbours."""
    sizes = np.unique(batches[rows], return_counts=True)[1]
    k = int(min(MOST_K, max(FEWEST_K, np.floor(sizes.mean() / 4))))
    if len(rows) <= max(FEWEST, k) or len(sizes) < 2 or len(np.unique(point[rows])) < 2:
        return rows[:0], k
    number, piece = connected_components(between_items(graph, point[rows]), connection="strong")
    if number > 1:
        large = (np.bincount(piece) >= PIECE * k)[piece]
        rows = rows[large] if large.mean() >= COVERED else rows[:0]
    return rows, k
