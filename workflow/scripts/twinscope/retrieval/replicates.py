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


class Pseudo(NamedTuple):
    """Pseudo-perturbations: positions of controls, (K, N), if these are all, or why there is none.

    Their mean similarity and energy distance to the other controls, (N,).
    """

    exact: bool
    consistency: np.ndarray
    energy: np.ndarray
    reason: str


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

    The mean similarity of all pairs of replicates is held against pseudo-perturbations: groups of
    controls with as many wells in each batch. How far a perturbation lies from the controls of its
    batches is the energy distance.

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
        Number of pseudo-perturbations; where there are no more than this, all are taken.
    seed : int
        Seed of the draws.

    Returns
    -------
    Retrieved
        `items`: item, group (the perturbation), similarity (mean over its other replicates) and
        reason, one row a treated well. `groups`: group, n_items, consistency, chance (mean of the
        pseudo-perturbations), p = (1 + #{null >= observed}) / (1 + N), p_adjusted (Benjamini and
        Hochberg), n_null, whether these are all (exact), reason; energy_distance, its chance
        (mean over pseudo-perturbations, against the other controls) and energy_reason.

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
        pseudo = _pseudo(space, X, design.plate, wells, draws, seed)
        for own in wells.own:
            alike[own], row = _of_perturbation(space, X, own, wells.controls, pseudo, refusal)
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


def _of_perturbation(space, X, own, controls, pseudo: Pseudo, refusal: str) -> tuple:
    """Mean similarity of each replicate to the others, and the row of a perturbation."""
    distance = energy_distance(X[own], X[controls])
    few = SINGLE if len(own) < 2 else NO_CONTROLS if len(controls) < 2 else ""
    energy = (distance, np.nan if few else _mean(pseudo.energy), few)
    if space is None or len(own) < 2:
        return np.nan, (np.nan, np.nan, np.nan, 0, False, refusal or SINGLE, *energy)
    pairs = similarity.between(space, own, own)
    np.fill_diagonal(pairs, 0)
    alike = pairs.sum(axis=1) / (len(own) - 1)
    observed, null = float(alike.mean()), pseudo.consistency
    tested = permutation.p_value(observed, null), len(null), pseudo.exact, pseudo.reason
    return alike, (observed, _mean(null), *tested, *energy)


def _pseudo(space, X: np.ndarray, batch: np.ndarray, wells: Wells, draws: int, seed: int) -> Pseudo:
    """Score groups of controls made up like the replicates of a composition."""
    where, (batches, counts) = (
        batch[wells.controls],
        np.unique(batch[wells.own[0]], return_counts=True),
    )
    strata = [np.flatnonzero(where == one) for one in batches]
    none = np.empty(0)
    if wells.own.shape[1] < 2:
        return Pseudo(False, none, none, SINGLE)
    if any(len(s) < k for s, k in zip(strata, counts, strict=True)):
        return Pseudo(False, none, none, FEW_CONTROLS)
    slots, exact = permutation.assignments(strata, counts, draws, seed)
    distances = _distances(X[wells.controls], X[wells.controls])
    energy = _energies(distances, slots)
    if space is None:
        return Pseudo(exact, none, energy, "")
    K = len(slots)
    alike = similarity.between(space, wells.controls, wells.controls)
    return Pseudo(exact, _sums_of_pairs(alike, slots) / (K * (K - 1) / 2), energy, "")


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


def _energies(distances: np.ndarray, slots: np.ndarray) -> np.ndarray:
    """Energy distance of each group of controls to the others; NaN where fewer than 2 are left."""
    K, rest = len(slots), len(distances) - len(slots)
    if rest < 2:
        return np.full(slots.shape[1], np.nan)
    own = 2 * _sums_of_pairs(distances, slots)
    to_all = distances.sum(axis=1)[slots].sum(axis=0)
    others = distances.sum() - 2 * to_all + own
    return 2 * (to_all - own) / (K * rest) - own / K**2 - others / rest**2


def _distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Euclidean distances, whose squares must neither overflow nor vanish."""
    power = np.frexp(max(np.abs(x).max(initial=0), np.abs(y).max(initial=0)))[1]
    return np.ldexp(cdist(np.ldexp(x, -power), np.ldexp(y, -power)), power)


def _mean(values: np.ndarray) -> float:
    """Mean; NaN of nothing."""
    return float(values.mean()) if len(values) else np.nan
