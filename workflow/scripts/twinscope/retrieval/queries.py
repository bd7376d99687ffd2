"""Ask whether related items find each other: what all ways of declaring pairs share."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from twinscope import similarity
from twinscope.errors import InputError, one_of
from twinscope.retrieval.precision import expected_average_precision, of_levels
from twinscope.statistics import benjamini_hochberg

BLOCK = 4_000_000
ABSENT = "every feature is missing"
NO_POSITIVE, NO_NEGATIVE = "no positive", "no negative"


class Retrieved(NamedTuple):
    """One row a query in `items`, one row a group of them in `groups`, and what to say besides."""

    items: pd.DataFrame
    groups: pd.DataFrame
    notes: tuple[str, ...] = ()


# One thread: sums then have one order whatever the machine.
@threadpool_limits.wrap(limits=1, user_api="blas")
def retrieve(
    X: np.ndarray,
    meta: pd.DataFrame,
    pos_sameby: Sequence[str],
    pos_diffby: Sequence[str],
    neg_sameby: Sequence[str],
    neg_diffby: Sequence[str],
    name: str = "cosine",
) -> pd.DataFrame:
    """Score how well each item finds its positives among its negatives.

    Pairs are declared as in copairs: two items are a positive pair if they agree in all columns of
    `pos_sameby` and differ in all of `pos_diffby`; likewise for negatives. A missing value neither
    agrees nor differs.

    Parameters
    ----------
    X : array of shape (n, d)
        Features; NaN is missing.
    meta : DataFrame of n rows
        `item`, unique, and the columns named.
    pos_sameby, pos_diffby, neg_sameby, neg_diffby : sequences of str
        Columns of `meta`.
    name : {"cosine", "euclidean"}
        Similarity.

    Returns
    -------
    DataFrame
        One row an item, sorted: item, average_precision (tie-aware), chance, n_pos_pairs,
        n_total_pairs, and the reason where it is undefined.

    Raises
    ------
    InputError
        When columns are missing or contradict each other, or a pair is positive and negative.
    """
    meta, order = ordered(meta, len(X), {*pos_sameby, *pos_diffby, *neg_sameby, *neg_diffby})
    for same, differ in ((pos_sameby, pos_diffby), (neg_sameby, neg_diffby)):
        if set(same) & set(differ) or not {*same, *differ}:
            raise InputError(f"pairs same by {list(same)}, different by {list(differ)}", "columns")
    space, reason = similarity.compared(np.asarray(X)[order], name)
    tables = []
    for rows in blocks(len(meta), len(meta)):
        positive = pairs(meta, rows, pos_sameby, pos_diffby)
        negative = pairs(meta, rows, neg_sameby, neg_diffby)
        if (positive & negative).any():
            raise InputError("a pair that is positive and negative", "declarations that exclude it")
        found = _score(space, rows, positive, negative)
        tables.append(found.assign(item=meta["item"].to_numpy()[rows]))
    return explained(pd.concat(tables, ignore_index=True), reason)


def ordered(meta: pd.DataFrame, n: int, columns: set[str]) -> tuple[pd.DataFrame, np.ndarray]:
    """Sort the items by name, so that nothing depends on the order of rows; and the order.

    Raises
    ------
    InputError
        If there are not n items with names of their own, or a column is missing.
    """
    for column in sorted({"item", *columns}):
        if column not in meta:
            raise InputError(f"no column {column!r}", one_of(meta.columns, column))
    if len(meta) != n:
        raise InputError(f"{len(meta)} rows of metadata", f"one for each of the {n} items")
    names = meta["item"].to_numpy(str)
    order = np.argsort(names, kind="stable")
    twice = names[order][1:][names[order][1:] == names[order][:-1]]
    if len(twice):
        raise InputError(f"item {str(twice[0])!r} twice", "each item once")
    return meta.iloc[order].reset_index(drop=True), order


def blocks(n: int, width: int) -> Iterator[np.ndarray]:
    """Yield the positions of n rows, so many at once that rows of this width fit in memory."""
    step = max(1, BLOCK // max(1, width))
    for start in range(0, n, step):
        yield np.arange(start, min(start + step, n))


def codes(column: pd.Series) -> np.ndarray:
    """Turn the values of a column into numbers; -1 where there is none."""
    known = column.notna() & (column.astype(str) != "")
    return pd.factorize(column.where(known))[0]


def pairs(meta: pd.DataFrame, rows: np.ndarray, sameby, diffby) -> np.ndarray:
    """Which items make a pair with those of the rows, (b, n); never an item with itself."""
    found = rows[:, None] != np.arange(len(meta))
    for column in (*sameby, *diffby):
        code = codes(meta[column])
        own = code[rows, None]
        found &= (own == code) if column in sameby else (own != code)
        found &= (own >= 0) & (code >= 0)
    return found


def _score(space, rows, positive: np.ndarray, negative: np.ndarray) -> pd.DataFrame:
    """Score declared pairs of some rows."""
    if space is None:
        return scored(None, positive, negative).assign(absent=False)
    present = space.present[rows, None] & space.present
    positive, negative = positive & present, negative & present
    scores = similarity.between(space, rows, slice(None))
    scores[~(positive | negative)] = -np.inf
    found = scored(similarity.levels(scores, space.tolerance), positive, negative)
    return found.assign(absent=~space.present[rows])


def scored(level: np.ndarray | None, positive: np.ndarray, negative: np.ndarray) -> pd.DataFrame:
    """Average precision, chance and numbers of pairs of each row."""
    k, n = positive.sum(axis=1), negative.sum(axis=1)
    found = np.full(len(k), np.nan) if level is None else of_levels(level, positive, negative)
    undefined = (k == 0) | (n == 0)
    return pd.DataFrame(
        {
            "average_precision": np.where(undefined, np.nan, found),
            "chance": np.where(undefined, np.nan, expected_average_precision(k, k + n)),
            "n_pos_pairs": k,
            "n_total_pairs": k + n,
        }
    )


def unscored(n: int) -> pd.DataFrame:
    """As `scored`, of n rows without any pair."""
    return scored(None, *np.zeros((2, n, 1), dtype=bool))


def explained(items: pd.DataFrame, reason: str = "", no_positive=NO_POSITIVE) -> pd.DataFrame:
    """Say why values are undefined, and put the columns in order."""
    none = items["n_pos_pairs"] == 0
    reasons = np.select(
        [
            np.full(len(items), bool(reason)),
            items["absent"],
            none,
            items["n_pos_pairs"] == items["n_total_pairs"],
        ],
        [reason, ABSENT, no_positive, NO_NEGATIVE],
        default="",
    )
    columns = ["average_precision", "chance", "n_pos_pairs", "n_total_pairs"]
    first = [c for c in ("item", "group") if c in items]
    return items.assign(reason=reasons)[[*first, *columns, "reason"]]


def summary(items: pd.DataFrame, groups: np.ndarray, tests: Sequence[tuple]) -> pd.DataFrame:
    """Average the items of each group.

    Parameters
    ----------
    items : DataFrame
        group, average_precision, chance, reason.
    groups : array of str of shape (m,)
        The groups, in order.
    tests : sequence of m (p, placements, exact)
        As from a permutation test of each.

    Returns
    -------
    DataFrame
        group, mean_average_precision and its chance over the n_defined of n_items queries, p,
        p_adjusted (Benjamini and Hochberg), n_null placements of labels, whether these are all
        (exact), and the reason where it is undefined: the commonest among the items.
    """
    scores = items["average_precision"]
    by = items.assign(defined=scores.notna()).groupby("group")
    table = pd.DataFrame(
        {
            "mean_average_precision": by["average_precision"].mean(),
            "chance": by["chance"].mean(),
            "n_items": by.size(),
            "n_defined": by["defined"].sum(),
        }
    ).reindex(groups)
    undefined = table.index[table["n_defined"] == 0]
    lost = items[items["group"].isin(undefined)].groupby("group")["reason"]
    table["reason"] = lost.agg(lambda reasons: reasons.mode()[0]).reindex(groups).fillna("")
    table["p"], table["n_null"], table["exact"] = zip(*tests, strict=True) if tests else ([],) * 3
    table["p_adjusted"] = benjamini_hochberg(table["p"].to_numpy(float))
    columns = ["group", "mean_average_precision", "chance", "n_items", "n_defined"]
    return table.rename_axis("group").reset_index()[
        [*columns, "p", "p_adjusted", "n_null", "exact", "reason"]
    ]
