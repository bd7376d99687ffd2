"""Which nuclei are neighbours: Delaunay edges and nearest neighbours."""

import numpy as np
from scipy.spatial import Delaunay, QhullError, cKDTree


def delaunay_edges(places: np.ndarray) -> np.ndarray:
    """Find the edges of the Delaunay triangulation.

    Parameters
    ----------
    places : ndarray, shape (n, 2)
        Points.

    Returns
    -------
    ndarray of int, shape (m, 2)
        Each edge once, the smaller number first, sorted. Points on one line form a path; a point
        that lies on another has an edge to that one only.
    """
    if len(places) < 2:
        return np.empty((0, 2), int)
    try:
        mesh = Delaunay(places) if len(places) > 2 else None
    except QhullError:
        mesh = None
    if mesh is None:
        line = np.linalg.svd(places - places.mean(axis=0), full_matrices=False)[2][0]
        order = np.argsort(places @ line, kind="stable")
        edges = np.column_stack([order[:-1], order[1:]])
    else:
        sides = [mesh.simplices[:, pair] for pair in ([0, 1], [1, 2], [0, 2])]
        edges = np.concatenate([*sides, mesh.coplanar[:, [0, 2]]])
    return np.unique(np.sort(edges, axis=1), axis=0).astype(int)


def nearest_edges(places: np.ndarray, k: int) -> np.ndarray:
    """Find the k nearest neighbours of every point.

    Parameters
    ----------
    places : ndarray, shape (n, 2)
        Points; more than k.
    k : int
        How many neighbours.

    Returns
    -------
    ndarray of int, shape (n·k, 2)
        From each point to each of its neighbours. Which of several at the same distance is
        taken is fixed by the order of the points.
    """
    count = len(places)
    near = cKDTree(places).query(places, k=k + 1)[1]
    own = near == np.arange(count)[:, None]
    # A point among more than k others at its own place need not be in its own list.
    own[~own.any(axis=1), -1] = True
    return np.column_stack([np.repeat(np.arange(count), k), near[~own]])


def lengths_of(edges: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Measure the lengths (m,) of edges (m, 2) between points (n, 2)."""
    return np.linalg.norm(places[edges[:, 0]] - places[edges[:, 1]], axis=1)
