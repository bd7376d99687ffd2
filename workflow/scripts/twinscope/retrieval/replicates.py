"""Hold replicates of a perturbation against groups of controls that are made up like them."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_limits

from twinscope import similarity
from twinscope.retrieval import designs, permutation, queries
from twinscope.retrieval.designs import Wells
from twinscope.retrieval.queries import Retrieved
from twinscope.statistics import benjamini_hochberg

CHUNK = 2_000_000
SINGLE = "a single replicate"
FEW_CONTROLS = "fewer controls than replicates in a batch"
NO_CONTROLS = "fewer than 2 controls"
COLUMNS = ("consistency", "chance", "p", "n_null", "exact", "reason")
ENERGY = ("energy_distance", "energy_chance", "energy_reason")


class Shared(NamedTuple):
    """What perturbations of one composition share, or why there is none of it.

    Pseudo-perturbations' mean similarity (`chance`) and energy distance to the other controls
    (`energy_chance`); placements of the labels, `slots` (K, N) with own wells after the controls,
    and whether these are all (`exact`); the `sums` (N,) of similarity over their pairs of controls.
    """

    chance: float = np.nan
    energy_chance: float = np.nan
    slots: np.ndarray = np.empty((0, 0), dtype=int)
    exact: bool = False
    sums: np.ndarray = np.empty(0)
    reason: str = ""


@threadpool_limits.wrap(limits=1, user_api="blas")
def energy_distance(x: np.ndarray, y: np.ndarray) -> float:
    """Compute how far two samples lie apart: D² = 2 E|X - Y| - E|X - X'| - E|Y - Y'|.

    Means are over all pairs, an item with itself included, as in EFAAR_benchmarking: never
    negative, and above 0 for two small samples of one kind (Székely and Rizzo 2013).

    Parameters
    ----------
    x, y : arrays of shape (m, d) and (n, d)
        Euclidean distances are taken between features as they are.

    Returns
    -------
    float
        NaN with fewer than 2 items on a side, or a missing value.
    """
    x, y = (np.asarray(part, dtype=float) for part in (x, y))
    if min(len(x), len(y)) < 2 or not (np.isfinite(x).all() and np.isfinite(y).all()):
        return np.nan
    apart, own_x, own_y = (_distances(*pair).mean() for pair in ((x, y), (x, x), (y, y)))
    return float(max(0.0, 2 * apart - own_x - own_y))


# One thread: sums then have one order whatever the machine.
@threadpool_limits.wrap(limits=1, user_api="blas")
def replicate_consistency(
    X: np.ndarray,
    meta: pd.DataFrame,
    *,
    perturbation: str = "label",
    control: str = "control",
    batch: str = "batch",
    name: str = "cosine",
    draws: int = 10_000,
    seed: int = 0,
) -> Retrieved:
    """Ask whether replicates of a perturbation are more alike than so many controls.

    Chance is the mean similarity in pseudo-perturbations: groups of controls with as many wells in
    each batch. The p value comes from placing the labels anew on a perturbation's own wells and
    the controls of each batch: right, however few the controls, if its wells are like them,
    whatever the other perturbations do. Pseudo-perturbations would be no such test: drawn from a
    few controls they are much the same wells again, and vary less than other wells would. How far
    a perturbation lies from the controls of its batches is the energy distance.

    Parameters
    ----------
    X : array of shape (n, d)
        Features, one row a well; NaN is missing (the median of its feature is taken).
    meta : DataFrame of n rows
        `item`, unique, and the columns named.
    perturbation, control, batch : str
        Columns: what was done; whether it is a negative control (bool); where.
    name : {"cosine", "euclidean"}
        Similarity. Energy distances do not depend on it.
    draws : int
        Number of placements; where there are no more than this, all are listed and p is exact.
    seed : int
        Seed of the draws.

    Returns
    -------
    Retrieved
        `items`: item, group (the perturbation), similarity (mean over its other replicates) and
        reason, one row a treated well. `groups`: group, n_items, consistency (mean similarity of
        all pairs), chance (over all pseudo-perturbations), p = (1 + #{null >= observed}) / (1 + N)
        with N other placements, p_adjusted (Benjamini and Hochberg), n_null placements, whether
        these are all, the true one among them (exact), reason; energy_distance, its chance (mean
        over all pseudo-perturbations, against the other controls) and energy_reason.

    Raises
    ------
    InputError
        If items or columns are missing, or a well has no batch.
    """
    meta, order = queries.ordered(meta, len(X), {perturbation, control, batch})
    X = similarity.finite(np.asarray(X)[order])
    space, refusal = similarity.compared(X, name)
    design = designs.read(meta, perturbation, control, batch, batch, "")
    present = ~np.isnan(X).all(axis=1)
    X = similarity.imputed(X)
    treated = np.flatnonzero(design.group >= 0)
    alike, rows = np.full(len(meta), np.nan), {}
    reasons = np.where(present, refusal, queries.ABSENT).astype(object)
    for wells in designs.compositions(design, present):
        shared = _shared(space, X, design.plate, wells, draws, seed)
        for own in wells.own:
            alike[own], row = _of_perturbation(space, X, own, wells.controls, shared, refusal)
            reasons[own] = refusal or (SINGLE if len(own) < 2 else "")
            rows[design.group[own[0]]] = row
    items = pd.DataFrame({"item": meta["item"].to_numpy()[treated]})
    items["group"] = design.names[design.group[treated]]
    items["similarity"], items["reason"] = alike[treated], reasons[treated]
    return Retrieved(items, _groups(design.names, items, rows))


def _groups(names: np.ndarray, items: pd.DataFrame, rows: dict) -> pd.DataFrame:
    """One row a perturbation."""
    none = (np.nan, np.nan, np.nan, 0, False, queries.ABSENT, np.nan, np.nan, queries.ABSENT)
    found = [rows.get(k, none) for k in range(len(names))]
    table = pd.DataFrame(found, columns=[*COLUMNS, *ENERGY])
    table.insert(0, "group", names)
    table.insert(1, "n_items", items.groupby("group").size().reindex(names).to_numpy())
    table.insert(5, "p_adjusted", benjamini_hochberg(table["p"].to_numpy(float)))
    return table


def _of_perturbation(space, X, own, controls, shared: Shared, refusal: str) -> tuple:
    """Mean similarity of each replicate to the others, and the row of a perturbation."""
    distance = energy_distance(X[own], X[controls])
    few = SINGLE if len(own) < 2 else NO_CONTROLS if len(controls) < 2 else ""
    energy = (distance, np.nan if few else shared.energy_chance, few)
    if space is None or len(own) < 2:
        return np.nan, (np.nan, np.nan, np.nan, 0, False, refusal or SINGLE, *energy)
    pairs = similarity.between(space, own, own)
    np.fill_diagonal(pairs, 0)
    alike = pairs.sum(axis=1) / (len(own) - 1)
    observed, n_null, p = float(alike.mean()), shared.slots.shape[1], np.nan
    if n_null:
        # Own wells are seen from both ends of their pairs.
        near = np.hstack([similarity.between(space, own, controls), pairs / 2])
        null = _with_own(near, shared) / (len(own) * (len(own) - 1) / 2)
        p = permutation.p_value(observed, null, shared.exact)
    return alike, (observed, shared.chance, p, n_null, shared.exact, shared.reason, *energy)


def _shared(space, X: np.ndarray, batch: np.ndarray, wells: Wells, draws: int, seed: int) -> Shared:
    """Make up groups of controls like the replicates of a composition, and place their labels."""
    controls, K = wells.controls, wells.own.shape[1]
    batches, counts = np.unique(batch[wells.own[0]], return_counts=True)
    member = batch[controls][:, None] == batches
    if K < 2:
        return Shared(reason=SINGLE)
    if (member.sum(axis=0) < counts).any():
        return Shared(reason=FEW_CONTROLS)
    energy = _mean_energy(_distances(X[controls], X[controls]), member, counts)
    if space is None:
        return Shared(energy_chance=energy)
    alike = similarity.between(space, controls, controls)
    np.fill_diagonal(alike, 0)
    chance = _sum_over_pairs(alike, member, counts) / (K * (K - 1))
    where = batch[np.append(controls, wells.own[0])]
    strata = [np.flatnonzero(where == one) for one in batches]
    slots, exact = permutation.assignments(strata, counts, draws, seed)
    # Any own well is a control like no other: what it adds comes with the perturbation.
    padded = np.pad(alike, (0, 1))
    sums = _sums_of_pairs(padded, np.minimum(slots, len(controls)))
    return Shared(chance, energy, slots, exact, sums)


def _sum_over_pairs(matrix: np.ndarray, member: np.ndarray, counts: np.ndarray) -> float:
    """Sum over ordered pairs of a group of controls with so many of each batch, expected.

    Two of one batch are in with probability k (k - 1) / (n (n - 1)), two of different batches with
    k l / (n m). Zeros on the diagonal of the matrix (c, c); `member` (c, batches) bool.
    """
    Z, sizes = member.astype(float), member.sum(axis=0)
    pairs, ways = (np.outer(n, n) - np.diag(n) for n in (counts, sizes))
    return float((Z.T @ matrix @ Z * pairs / np.maximum(ways, 1)).sum())


def _mean_energy(distances: np.ndarray, member: np.ndarray, counts: np.ndarray) -> float:
    """Energy distance of groups of controls to the others, expected; NaN if fewer than 2 are left.

    It is a sum over pairs, within groups, of groups with all, and among the others.
    """
    K, rest = counts.sum(), len(distances) - counts.sum()
    if rest < 2:
        return np.nan
    own = _sum_over_pairs(distances, member, counts)
    to_all = float(distances.sum(axis=1) @ member @ (counts / member.sum(axis=0)))
    others = distances.sum() - 2 * to_all + own
    return float(2 * (to_all - own) / (K * rest) - own / K**2 - others / rest**2)


def _sums_of_pairs(matrix: np.ndarray, slots: np.ndarray) -> np.ndarray:
    """Sum a symmetric matrix over the pairs of each column of slots, (K, N) -> (N,)."""
    found, step = np.zeros(slots.shape[1]), max(1, CHUNK // len(slots))
    for at in range(0, slots.shape[1], step):
        some = slots[:, at : at + step]
        for k in range(len(slots) - 1):
            found[at : at + step] += (
                matrix.ravel().take(some[k] * len(matrix) + some[k + 1 :]).sum(0)
            )
    return found


def _with_own(near: np.ndarray, shared: Shared) -> np.ndarray:
    """Add to the sums over pairs what own wells add, `near` (K, c + K) to controls and own."""
    K, width = near.shape
    slot, draw = np.nonzero(shared.slots >= width - K)
    well, found = shared.slots[slot, draw] - (width - K), shared.sums.copy()
    step = max(1, CHUNK // K)
    for at in range(0, len(draw), step):
        some = draw[at : at + step]
        added = near.ravel().take(well[at : at + step] * width + shared.slots[:, some]).sum(axis=0)
        found += np.bincount(some, added, minlength=len(found))
    return found


def _distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Euclidean distances, whose squares must neither overflow nor vanish."""
    power = np.frexp(max(np.abs(x).max(initial=0), np.abs(y).max(initial=0)))[1]
    return np.ldexp(cdist(np.ldexp(x, -power), np.ldexp(y, -power)), power)
