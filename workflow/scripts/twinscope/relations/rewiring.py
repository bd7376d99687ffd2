"""Annotations that know nothing of a map, to hold its scores against."""

import numpy as np

from twinscope.errors import InputError, one_of
from twinscope.relations.maps import METRICS, GeneMap, Pairs, annotated

BURN_IN, THINNING = 20, 5


def null(gene_map: GeneMap, pairs: Pairs, kind: str, draws: int = 200, seed: int = 0) -> np.ndarray:
    """Score a map on annotations that know nothing of it.

    "permuted" deals the genes of the map anew. "rewired" deals the partners anew and leaves each
    gene their number (double edge swaps: Maslov and Sneppen 2002, Science 296:910); this takes
    cliques apart, so its scores spread less than those of the annotation would.

    Returns
    -------
    array of shape (draws, 4)
        In the order of `METRICS`; p = (1 + number not below the score) / (1 + draws).

    Raises
    ------
    InputError
        When the kind is unknown.
    """
    if kind not in NULLS:
        raise InputError(f"null {kind!r}", one_of(NULLS, kind))
    if gene_map.reason or not len(pairs.a):
        return np.full((draws, len(METRICS)), np.nan)
    graphs = NULLS[kind](pairs.a, pairs.b, len(gene_map.genes), np.random.default_rng(seed))
    return np.array([annotated(gene_map, *next(graphs)).mean(axis=0) for _ in range(draws)])


def _rewired(a, b, n: int, rng):
    """Yield positions of rewired pairs, without end."""
    ends, rounds = np.array([a, b]), BURN_IN
    while True:
        for _ in range(rounds):
            _swap(ends, n, rng)
        yield ends.min(axis=0), ends.max(axis=0)
        rounds = THINNING


def _swap(ends: np.ndarray, n: int, rng) -> None:
    """Swap the partners of pairs two by two, except where that makes a self pair or a double.

    Two swaps that touch one pair, before or after, are both left undone: each step can then be
    undone by one as likely, and all graphs of these degrees come up equally often.
    """
    order = rng.permutation(ends.shape[1])
    order, odd = order[: len(order) // 2 * 2].reshape(2, -1), ends[:, order[len(order) // 2 * 2 :]]
    old = ends[:, order]
    old[:, 1] = np.where(rng.random(old.shape[2]) < 0.5, old[:, 1], old[::-1, 1])
    new = np.stack([old[0], old[1, ::-1]])
    keys = [(v.min(axis=0) * n + v.max(axis=0)).ravel() for v in (old, new, odd)]
    _, code, found = np.unique(np.concatenate(keys), return_inverse=True, return_counts=True)
    once = found[code][: old.size].reshape(4, -1) == 1
    done = once.all(axis=0) & (new[0] != new[1]).all(axis=0)
    ends[:, order[:, done]] = new[:, :, done]


def _permuted(a, b, n: int, rng):
    while True:
        names = rng.permutation(n)
        yield names[a], names[b]


NULLS = {"rewired": _rewired, "permuted": _permuted}
