"""Ask whether perturbations that share an annotation, such as a mechanism, are found together."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from twinscope import similarity
from twinscope.retrieval import permutation, pools, queries
from twinscope.retrieval.matching import indicator
from twinscope.retrieval.queries import Retrieved


class Placed(NamedTuple):
    """Positions on which annotations are placed anew.

    `members` (L, n): who has each annotation; `related` (n, n): who shares any, or nothing where no
    item has several; which may be `positive` of which (n, n); the `pool` of positions, and the
    stratum of each (n,), -1 for none.
    """

    members: csr_matrix
    related: csr_matrix | None
    positive: np.ndarray
    pool: pools.Pool
    strata: np.ndarray


# One thread: sums then have one order whatever the machine.
@threadpool_limits.wrap(limits=1, user_api="blas")
def consistency(
    X: np.ndarray,
    meta: pd.DataFrame,
    annotation: str,
    *,
    pos_sameby: Sequence[str] = (),
    pos_diffby: Sequence[str] = (),
    neg_sameby: Sequence[str] = (),
    neg_diffby: Sequence[str] = (),
    within: Sequence[str] = (),
    active: np.ndarray | None = None,
    name: str = "cosine",
    permutations: int = 10_000,
    seed: int = 0,
) -> Retrieved:
    """Score how well items that share an annotation find each other.

    Positives of an item share the annotation, negatives share none of its annotations; items that
    share another one, or have none, are neither. An annotation's score is the mean over its items.
    Its p value comes from permuting whole sets of annotations between items.

    Parameters
    ----------
    X : array of shape (n, d)
        Profiles, one a perturbation (or a well); NaN is missing.
    meta : DataFrame of n rows
        `item`, unique, and the columns named.
    annotation : str
        Column of annotations: each cell a value, several separated by ``|``, or a list of values.
    pos_sameby, pos_diffby, neg_sameby, neg_diffby : sequences of str
        Further conditions on pairs, as in `queries.retrieve`. Whether two members are positives
        of each other is permuted with them; whether two items may be negatives is not, which is
        the same where these columns do not vary within strata.
    within : sequence of str
        Columns, such as the plate, within which annotations are permuted.
    active : array of bool of shape (n,), optional
        Items to look at once more, by themselves.
    name : {"cosine", "euclidean"}
        Similarity.
    permutations : int
        Number of permutations; where the members of an annotation can be placed in no more ways,
        and none of them has another one, all are listed and p is exact.
    seed : int
        Seed of the permutations.

    Returns
    -------
    Retrieved
        `items`: set ("all", "active"), item, group (the annotation) and the columns of
        `queries.retrieve`. `groups`: set and the columns of `queries.summary`. Holds about
        16 n² bytes.

    Raises
    ------
    InputError
        As from `queries.retrieve`.
    """
    conditions = ((pos_sameby, pos_diffby), (neg_sameby, neg_diffby))
    columns = {annotation, *within, *(c for pair in conditions for part in pair for c in part)}
    meta, order = queries.ordered(meta, len(X), columns)
    X, sets = np.asarray(X, dtype=float)[order], {"all": np.ones(len(meta), dtype=bool)}
    if active is not None:
        sets["active"] = np.asarray(active, dtype=bool)[order]
    tables = []
    for label, chosen in sets.items():
        part = meta[chosen].reset_index(drop=True)
        found = _of_set(X[chosen], part, annotation, conditions, within, name, permutations, seed)
        tables.append([pd.concat({label: t}, names=["set"]).reset_index("set") for t in found])
    return Retrieved(*(pd.concat(part, ignore_index=True) for part in zip(*tables, strict=True)))


def _of_set(X, meta, annotation, conditions, within, name, permutations, seed):
    """Items and groups of one set of items, which are sorted."""
    space, reason = similarity.compared(X, name)
    names, members = indicator(meta[annotation])
    present = space.present if space else np.ones(len(meta), dtype=bool)
    known = present & (np.diff(members.indptr) > 0)
    every = np.arange(len(meta))
    positive, negative = (
        queries.pairs(meta, every, *pair) & known[:, None] & known for pair in conditions
    )
    level = _levels(space) if space else None
    items = _scored(level, members, positive, negative)
    row, group = (items.pop(column).to_numpy(int) for column in ("row", "group"))
    items = items.assign(item=meta["item"].to_numpy()[row], group=names[group])
    items = queries.explained(items.assign(absent=~present[row]), reason)
    means = items.groupby("group")["average_precision"].mean().reindex(names)
    tests = [(np.nan, 0, False)] * len(names)
    if space and permutations:
        strata = np.where(known, _strata(meta, within), -1)
        pool = pools.pool(level, negative)
        several = np.diff(members.indptr).max(initial=0) > 1
        related = (members @ members.T).tocsr() if several else None
        placed = Placed(members.T.tocsr(), related, positive, pool, strata)
        tests = _tests(placed, means.to_numpy(), permutations, seed)
    return items, queries.summary(items, names, tests)


def _levels(space: similarity.Space) -> np.ndarray:
    """Tie groups of all other items in the row of each item, (n, n)."""
    n = len(space.values)
    found = np.empty((n, n), dtype=similarity.integer(n))
    for rows in queries.blocks(n, n):
        # All at once is a product with itself, of which BLAS computes half.
        scores = similarity.between(space, slice(None) if len(rows) == n else rows, slice(None))
        scores[np.arange(len(rows)), rows] = -np.inf
        found[rows] = similarity.levels(scores, space.tolerance)
    return found


def _scored(level, members: csr_matrix, positive, negative) -> pd.DataFrame:
    """Score every item under each of its annotations, these in order."""
    groups, rows = members.T.tocsr().nonzero()
    of_group, tables = members.T.tocsr(), [queries.unscored(0).assign(row=[], group=[])]
    for some in queries.blocks(len(rows), len(positive)):
        own = rows[some]
        same = of_group[groups[some]].toarray() > 0
        unlike = (members[own] @ members.T).toarray() == 0
        here = None if level is None else level[own]
        table = queries.scored(here, positive[own] & same, negative[own] & unlike)
        tables.append(table.assign(row=own, group=groups[some]))
    return pd.concat(tables, ignore_index=True)


def _strata(meta: pd.DataFrame, within: Sequence[str]) -> np.ndarray:
    """Return the number of the stratum in which each item is permuted."""
    if not within:
        return np.zeros(len(meta), dtype=int)
    return meta[list(within)].astype(str).groupby(list(within)).ngroup().to_numpy()


def _tests(placed: Placed, means: np.ndarray, permutations: int, seed: int) -> list[tuple]:
    """Return p of each annotation, the number of placements, and whether these are all."""
    shared, tests = {}, [(np.nan, 0, False)] * len(means)
    for group in np.flatnonzero(~np.isnan(means)):
        own = _row(placed.members, group)
        own = own[placed.strata[own] >= 0]
        own = own[np.argsort(placed.strata[own], kind="stable")]
        related = [_row(placed.related, k) for k in own] if placed.related is not None else []
        others = np.setdiff1d(np.concatenate(related), own) if related else own[:0]
        others = others[placed.strata[others] >= 0]
        positive, strata = placed.positive[own][:, own], placed.strata[own]
        key = group if len(others) else (strata.tobytes(), positive.tobytes())
        shared.setdefault(key, []).append((group, own, others, related, positive))
    # Annotations whose members lie alike on the same strata, with no kin, share a null.
    for members in shared.values():
        groups, (_, *first) = [group for group, *_ in members], members[0]
        null = _null(placed, *first, permutations, seed)
        for group, test in zip(groups, _tested(means[groups], *null), strict=True):
            tests[group] = test
    return tests


def _null(placed: Placed, own, others, related, positive, permutations, seed):
    """Score an annotation wherever its members, and those related to them, are placed anew."""
    in_order = len(others) > 0 or not permutation.alike(positive, placed.strata[own])
    drawn = _place(placed.strata, np.concatenate([own, others]), in_order, permutations, seed)
    kin = [len(own) + np.searchsorted(others, np.intersect1d(row, others)) for row in related]
    return pools.mean_average_precision(placed.pool, drawn.slots, positive, kin), drawn.exact


def _tested(means: np.ndarray, null: np.ndarray, exact: bool) -> list[tuple]:
    known = int((~np.isnan(null)).sum())
    return [(p, known, exact) for p in permutation.p_values(means, null, exact).tolist()]


def _row(matrix: csr_matrix, row: int) -> np.ndarray:
    return np.sort(matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]])


def _place(strata, slots, in_order: bool, permutations: int, seed: int) -> permutation.Assignments:
    """Place the annotations of some items anew, each within its stratum."""
    own = strata[slots]
    present, counts = np.unique(own, return_counts=True)
    positions = [np.flatnonzero(strata == s) for s in present]
    drawn = permutation.assignments(positions, counts, permutations, seed, in_order)
    found = np.empty_like(drawn.slots)
    found[np.argsort(own, kind="stable")] = drawn.slots
    return drawn._replace(slots=found)
