"""Place labels anew within strata, and say how unusual the true placement is."""

from collections.abc import Sequence
from itertools import combinations, permutations
from math import comb, perm, prod
from typing import NamedTuple

import numpy as np

from twinscope.metrics import TIE

FEW = 8
CHUNK = 1_000_000


class Assignments(NamedTuple):
    """Ways to place labels: `slots` (k, N) positions, and whether these are `exact`ly all."""

    slots: np.ndarray
    exact: bool


def assignments(
    strata: Sequence[np.ndarray],
    counts: Sequence[int],
    draws: int,
    seed: int,
    in_order: bool = False,
) -> Assignments:
    """Place a group's labels anew within each stratum: all ways if they are few, else at random.

    Parameters
    ----------
    strata : sequence of arrays of int
        Positions that each stratum consists of.
    counts : sequence of int
        How many labels each stratum holds.
    draws : int
        Number of random placements; where there are no more ways than this, all are listed.
    seed : int
        Seed of the placements.
    in_order : bool
        Which of the labels goes where matters, too.

    Returns
    -------
    Assignments
        One column a placement, the strata one after the other.
    """
    sizes = [len(stratum) for stratum in strata]
    number, listed = (perm, permutations) if in_order else (comb, combinations)
    exact = prod(number(n, int(k)) for n, k in zip(sizes, counts, strict=True)) <= draws
    rng = np.random.default_rng(seed)
    parts = [np.empty((0, 1 if exact else draws), dtype=np.intp)]
    for stratum, k in zip(strata, counts, strict=True):
        if exact:
            some = np.array(list(listed(stratum, int(k))), dtype=np.intp).T.reshape(k, -1)
            before = parts[-1].shape[1]
            parts = [np.repeat(part, some.shape[1], axis=1) for part in parts]
            parts.append(np.tile(some, before))
        else:
            parts.append(np.asarray(stratum, dtype=np.intp)[_drawn(len(stratum), k, parts, rng)])
    return Assignments(np.concatenate(parts), exact)


def _drawn(size: int, count: int, parts: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Draw `count` of `size` without replacement, in random order, once a placement."""
    draws = parts[0].shape[1]
    if count > FEW:
        step = max(1, CHUNK // size)
        rows = [
            np.tile(np.arange(size), (min(step, draws - at), 1)) for at in range(0, draws, step)
        ]
        return np.concatenate([rng.permuted(some, axis=1)[:, :count] for some in rows]).T
    drawn = np.empty((count, draws), dtype=np.intp)
    for k in range(count):
        drawn[k] = rng.integers(size - k, size=draws)
        for before in np.sort(drawn[:k], axis=0):
            drawn[k] += drawn[k] >= before
    return drawn


def alike(relation: np.ndarray, strata: np.ndarray) -> bool:
    """Tell whether a relation stays as it is when members of a stratum are exchanged.

    Parameters
    ----------
    relation : array of bool of shape (k, k)
        Between members, the diagonal aside.
    strata : array of shape (k,)
    """
    code = np.unique(strata, return_inverse=True)[1]
    block = code[:, None] * (code.max(initial=0) + 1) + code
    apart = ~np.eye(len(code), dtype=bool)
    total, held = np.bincount(block[apart]), np.bincount(block[apart], relation[apart])
    return bool(((held == 0) | (held == total)).all())


def shuffled(labels: np.ndarray, strata: np.ndarray, seed: int) -> np.ndarray:
    """Deal labels anew within strata, to see what a test says where there is nothing to find.

    Parameters
    ----------
    labels, strata : arrays of shape (n,)
    seed : int

    Returns
    -------
    array of shape (n,)
    """
    found, rng = np.array(labels), np.random.default_rng(seed)
    for stratum in np.unique(strata):
        inside = np.flatnonzero(strata == stratum)
        found[inside] = found[rng.permutation(inside)]
    return found


def p_value(observed: float, null: np.ndarray, exact: bool = False) -> float:
    """Return how often the null is as large as what was observed: `p_values` of a single one."""
    null = null[~np.isnan(null)]
    return _share(observed, (null >= observed - TIE).sum(), len(null), exact)


def p_values(observed: np.ndarray, null: np.ndarray, exact: bool = False) -> np.ndarray:
    """Return how often the null is as large as each of what was observed.

    Parameters
    ----------
    observed : array of shape (k,)
    null : array of shape (N,)
        Values under permuted labels; undefined (NaN) ones are left out.
    exact : bool
        The null lists all permutations, the observed ones among them.

    Returns
    -------
    array of shape (k,)
        (1 + #{null >= observed}) / (1 + N) (Phipson and Smyth 2010); without the ones where exact;
        NaN if undefined.
    """
    null = np.sort(null[~np.isnan(null)])
    hits = len(null) - np.searchsorted(null, np.asarray(observed) - TIE)
    return np.array([_share(*one, len(null), exact) for one in zip(observed, hits, strict=True)])


def _share(observed: float, hits: int, n: int, exact: bool) -> float:
    if np.isnan(observed) or not n:
        return np.nan
    one = 0 if exact else 1
    return (one + int(hits)) / (one + n)
