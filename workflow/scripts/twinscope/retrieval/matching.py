"""Ask whether the nearest profile of another compound has the same mechanism."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from twinscope import similarity
from twinscope.retrieval import queries


# One thread: sums then have one order whatever the machine.
@threadpool_limits.wrap(limits=1, user_api="blas")
def nearest_match(
    X: np.ndarray,
    meta: pd.DataFrame,
    annotation: str,
    diffby: Sequence[str],
    *,
    name: str = "cosine",
) -> pd.DataFrame:
    """Ask whether the nearest profile of another compound has the same mechanism.

    Not same compound (NSC) with `diffby` the compound, not same compound and batch (NSCB) with the
    compound and the batch (Ljosa et al. 2013; Ando et al. 2017). Where several profiles are the
    nearest, they share the credit.

    Parameters
    ----------
    X : array of shape (n, d)
        Profiles, one a treatment; NaN is missing.
    meta : DataFrame of n rows
        `item`, unique, and the columns named.
    annotation : str
        Column of mechanisms, as for `consistency`; a match shares one.
    diffby : sequence of str
        Columns in all of which a candidate must differ.
    name : {"cosine", "euclidean"}
        Similarity.

    Returns
    -------
    DataFrame
        One row an annotated item, sorted: item, group (its annotations), hit (between 0 and 1),
        chance (the share of candidates that match), n_matching, n_candidates, and the reason where
        it is undefined.

    Raises
    ------
    InputError
        As from `queries.retrieve`.
    """
    meta, order = queries.ordered(meta, len(X), {annotation, *diffby})
    space, reason = similarity.compared(np.asarray(X, dtype=float)[order], name)
    members = indicator(meta[annotation])[1]
    present = space.present if space else np.ones(len(meta), dtype=bool)
    labelled = np.diff(members.indptr) > 0
    tables = [pd.DataFrame({"row": [], "absent": []}, dtype=int)]
    for some in queries.blocks(int(labelled.sum()), len(meta)):
        rows = np.flatnonzero(labelled)[some]
        open_to = queries.pairs(meta, rows, (), diffby) & labelled & present & present[rows, None]
        match = open_to & ((members[rows] @ members.T).toarray() > 0)
        hit = np.full(len(rows), np.nan)
        if space:
            scores = np.where(open_to, similarity.between(space, rows, slice(None)), -np.inf)
            level = similarity.levels(scores, space.tolerance)
            nearest = open_to & (level == 0)
            hit = (nearest & match).sum(axis=1) / np.maximum(nearest.sum(axis=1), 1)
        counts = {"n_matching": match.sum(axis=1), "n_candidates": open_to.sum(axis=1)}
        tables.append(pd.DataFrame({"row": rows, "hit": hit, "absent": ~present[rows], **counts}))
    items = pd.concat(tables, ignore_index=True)
    row = items["row"].to_numpy(int)
    items.insert(0, "item", meta["item"].to_numpy()[row])
    items.insert(1, "group", np.array(["|".join(_several(a)) for a in meta[annotation]])[row])
    return _explained(items, reason).drop(columns=["row", "absent"])


def _explained(items: pd.DataFrame, reason: str) -> pd.DataFrame:
    """Add chance, and the reason where nothing can be said."""
    none, no_match = items["n_candidates"] == 0, items["n_matching"] == 0
    undefined = [np.full(len(items), bool(reason)), items["absent"].astype(bool), none, no_match]
    words = [reason, queries.ABSENT, "no candidate", "no candidate of the same annotation"]
    items["reason"] = np.select(undefined, words, default="")
    defined = items["reason"] == ""
    items["hit"] = items["hit"].where(defined)
    chance = items["n_matching"] / items["n_candidates"].clip(lower=1)
    items.insert(4, "chance", chance.where(~(none | no_match)))
    return items


def indicator(column: pd.Series) -> tuple[np.ndarray, csr_matrix]:
    """Return the annotations, sorted, and which of n items has which, (n, L).

    Parameters
    ----------
    column : Series of n cells
        Values, several separated by ``|``, or lists of values; missing values allowed.
    """
    lists = [_several(cell) for cell in column]
    every = np.array([a for found in lists for a in found], dtype=str)
    names, columns = np.unique(every, return_inverse=True)
    starts = np.concatenate([[0], np.cumsum([len(found) for found in lists])])
    ones = np.ones(len(columns), dtype=np.int32)
    return names, csr_matrix((ones, columns, starts), shape=(len(lists), len(names)))


def _several(cell) -> list[str]:
    if isinstance(cell, (list, tuple, set, frozenset, np.ndarray)):
        found = [str(a).strip() for a in cell]
    else:
        found = [] if pd.isna(cell) else [a.strip() for a in str(cell).split("|")]
    return sorted({a for a in found if a})
