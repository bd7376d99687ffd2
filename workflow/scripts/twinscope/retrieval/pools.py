"""Score a group's retrieval under thousands of placements of its labels at once."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from twinscope.retrieval.precision import harmonic, share, standing
from twinscope.similarity import integer

POSITIVE, TIED, NEGATIVE = 1, 2, 4
BITS = 3
NETWORK = 8
CHUNK = 1_000_000


class Pool(NamedTuple):
    """What the average precision of a query at any of m positions needs to know.

    The `level` of each candidate's tie group and how many negatives are `equal` to it, (m, m);
    `keys` (m, m): how many negatives are above it, with flags in the last bits (may be a negative,
    ties with a negative); and the number of `negatives` (m,). All candidates that may be negative
    are counted as such.
    """

    level: np.ndarray
    equal: np.ndarray
    keys: np.ndarray
    negatives: np.ndarray


def pool(level: np.ndarray, negative: np.ndarray) -> Pool:
    """Prepare positions for `mean_average_precision`.

    Parameters
    ----------
    level : array of int of shape (m, m)
        Tie groups of the candidates of each query, from `similarity.levels`.
    negative : array of bool of shape (m, m)
        Whether a candidate is a negative of the query, if their labels say so.

    Returns
    -------
    Pool
    """
    return pack(level, *standing(level, negative), negative)


def pack(level, above, equal, negative) -> Pool:
    """Make a pool of what `precision.standing` gives."""
    keys = above.astype(integer(len(above) << BITS))
    keys <<= BITS
    keys |= (equal > negative).view(np.int8) * np.int8(TIED)
    keys |= negative.view(np.int8) * np.int8(NEGATIVE)
    return Pool(level, equal, keys, negative.sum(axis=1))


def mean_average_precision(
    positions: Pool,
    slots: np.ndarray,
    positive: np.ndarray,
    kin: Sequence[np.ndarray] | None = None,
) -> np.ndarray:
    """Score a group under many placements of its labels.

    Parameters
    ----------
    positions : Pool
    slots : array of int of shape (k, N)
        Positions of the K members of the group, then of others.
    positive : array of bool of shape (K, K)
        Which members are positives of which; the rest are neither positive nor negative.
    kin : sequence of K arrays of int, optional
        For each member, the slots of others whose labels are related to its own, so that they are
        not negatives.

    Returns
    -------
    array of shape (N,)
        Mean over the members with a positive and a negative; NaN where there is none.
    """
    step = max(1, CHUNK // max(1, len(slots)))
    parts = [slots[:, at : at + step] for at in range(0, slots.shape[1], step)]
    return np.concatenate([_mean_of_queries(positions, part, positive, kin) for part in parts])


def _mean_of_queries(positions: Pool, slots, positive, kin) -> np.ndarray:
    total, defined = np.zeros((2, slots.shape[1]))
    sure = positions.negatives.min(initial=len(slots) + 1) > len(slots)
    for query in np.flatnonzero(positive.any(axis=1)):
        neither = np.flatnonzero(~positive[query])
        neither = neither[neither != query]
        if kin:
            neither = np.append(neither, kin[query])
        sought = slots[positive[query].nonzero()[0]]
        found = _average_precision(positions, slots[query], sought, slots[neither])
        told = True if sure else ~np.isnan(found)
        total += found if sure else np.where(told, found, 0)
        defined += told
    return np.divide(total, defined, out=np.full_like(total, np.nan), where=defined > 0)


def _average_precision(positions: Pool, query, sought, neither) -> np.ndarray:
    """Average precision of queries (N,) for positives (k, N), leaving out others (l, N)."""
    row = query * len(positions.keys)
    keys = positions.keys.ravel().take(row + sought) | POSITIVE
    if len(neither):
        keys = np.concatenate([keys, positions.keys.ravel().take(row + neither)])
    flags = np.bitwise_or.reduce(keys, axis=None)
    score = _untied if len(neither) or flags & NEGATIVE else _apart
    found = score(_sorted(keys), positions.negatives[query])
    if flags & TIED:
        tied = np.flatnonzero((keys & TIED).any(axis=0))
        found[tied] = _tied(positions, query[tied], sought[:, tied], neither[:, tied])
    return found


def _sorted(keys: np.ndarray) -> np.ndarray:
    """Sort columns; few rows by exchanges, which work on whole rows."""
    if len(keys) > NETWORK:
        return np.sort(keys, axis=0)
    for end in range(len(keys) - 1, 0, -1):
        for k in range(end):
            low = np.minimum(keys[k], keys[k + 1])
            np.maximum(keys[k], keys[k + 1], out=keys[k + 1])
            keys[k] = low
    return keys


def _apart(keys: np.ndarray, n_negatives: np.ndarray) -> np.ndarray:
    """Average precision from sorted keys of positives, where none may be a negative."""
    above, total = keys >> BITS, np.zeros(keys.shape[1])
    for k in range(len(keys)):
        total += (k + 1.0) / (above[k] + (k + 1.0))
    total /= len(keys)
    return total if n_negatives.all() else np.where(n_negatives > 0, total, np.nan)


def _untied(keys: np.ndarray, n_negatives: np.ndarray) -> np.ndarray:
    """Average precision from sorted keys, no negative being level with a positive."""
    positive, negative, above = keys & POSITIVE, (keys & NEGATIVE) // NEGATIVE, keys >> BITS
    total, found, others = np.zeros((3, keys.shape[1]))
    for k in range(len(keys)):
        found += positive[k]
        total += positive[k] * found / np.maximum(above[k] - others + found, 1)
        others += negative[k]
    return np.divide(total, found, out=np.full_like(total, np.nan), where=n_negatives > others)


def _tied(positions: Pool, query, sought, neither) -> np.ndarray:
    """Average precision of queries (N,) for positives (k, N), ties and all."""
    flat = query * len(positions.keys) + np.concatenate([sought, neither])
    level, equal, keys = (part.ravel().take(flat) for part in positions[:3])
    positive = np.broadcast_to(np.arange(len(flat))[:, None] < len(sought), flat.shape)
    order = np.argsort(level, axis=0, kind="stable")
    parts = (level, equal, keys >> BITS, positive, keys & NEGATIVE > 0)
    level, equal, above, positive, negative = (np.take_along_axis(p, order, 0) for p in parts)
    first, last = _runs(level)
    # Slots are no negatives: they leave what stands above and level with each positive.
    R, r = _before_and_within(positive, first, last)
    gone, gone_equal = _before_and_within(negative, first, last)
    c, n = above - gone + R, equal - gone_equal + r
    r = np.maximum(r, 1)
    shares = share(np.maximum(c, 0), R, np.maximum(n, 1), r, harmonic(len(positions.keys) + 1))
    defined = positions.negatives[query] > negative.sum(axis=0)
    found = np.where(positive, shares, 0).sum(axis=0) / len(sought)
    return np.where(defined, found, np.nan)


def _runs(level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last row of the run of equal values that each value of a column lies in."""
    rows = np.arange(len(level))[:, None]
    starts, ends = np.ones((2, *level.shape), dtype=bool)
    starts[1:] = level[1:] != level[:-1]
    ends[:-1] = starts[1:]
    first = np.maximum.accumulate(np.where(starts, rows, 0), axis=0)
    last = np.minimum.accumulate(np.where(ends, rows, len(level))[::-1], axis=0)[::-1]
    return first, last


def _before_and_within(marks: np.ndarray, first, last) -> tuple[np.ndarray, np.ndarray]:
    """How many are marked before each run, and in it."""
    marks = marks.astype(np.int64)
    through = np.cumsum(marks, axis=0)
    before = np.take_along_axis(through - marks, first, axis=0)
    return before, np.take_along_axis(through, last, axis=0) - before
