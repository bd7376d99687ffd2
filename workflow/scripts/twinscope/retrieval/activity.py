"""Ask whether replicates of a perturbation find each other among negative controls."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from twinscope import similarity
from twinscope.retrieval import designs, permutation, pools, queries
from twinscope.retrieval.designs import Design, Wells
from twinscope.retrieval.precision import standing
from twinscope.retrieval.queries import Retrieved


# One thread: sums then have one order whatever the machine.
@threadpool_limits.wrap(limits=1, user_api="blas")
def activity(
    X: np.ndarray,
    meta: pd.DataFrame,
    *,
    perturbation: str = "label",
    control: str = "control",
    plate: str = "batch",
    batch: str = "batch",
    position: str = "position",
    name: str = "cosine",
    permutations: int = 10_000,
    seed: int = 0,
) -> Retrieved:
    """Score how well replicates of a perturbation find each other among controls.

    Positives of a replicate are those in another batch, and in another well position unless the
    perturbation occupies a single one; negatives are the negative controls of its plate. The score
    of a perturbation is the mean over its replicates. Its p value comes from permuting, within
    each plate, which of its wells and the controls are its own: right if its wells are like the
    controls of their plates, whatever the other perturbations do.

    Parameters
    ----------
    X : array of shape (n, d)
        Features, one row a well; NaN is missing.
    meta : DataFrame of n rows
        `item`, unique, and the columns named; `position` may be absent or unknown.
    perturbation, control, plate, batch, position : str
        Columns: what was done; whether it is a negative control (bool); where.
    name : {"cosine", "euclidean"}
        Similarity.
    permutations : int
        Number of permutations; where there are no more placements than this, all are listed and
        p is exact.
    seed : int
        Seed of the permutations.

    Returns
    -------
    Retrieved
        `items`: item, group (the perturbation) and the columns of `queries.retrieve`, one row a
        treated well. `groups`: the columns of `queries.summary`, and whether the perturbation
        occupies one well position (one_position). `notes`: how many do.

    Raises
    ------
    InputError
        If items or columns are missing, or a well has no plate or batch.
    """
    meta, order = queries.ordered(meta, len(X), {perturbation, control, plate, batch})
    space, reason = similarity.compared(np.asarray(X, dtype=float)[order], name)
    design = designs.read(meta, perturbation, control, plate, batch, position)
    present = space.present if space else np.ones(len(meta), dtype=bool)
    tests, tables = {}, [_absent(design, present)]
    for wells in designs.compositions(design, present):
        found, p = _of_wells(space, design, wells, permutations, seed)
        tables.append(found)
        tests |= p
    items = pd.concat(tables, ignore_index=True).sort_values("row")
    row, group = (items.pop(column).to_numpy(int) for column in ("row", "group"))
    items = items.assign(item=meta["item"].to_numpy()[row], group=design.names[group])
    items = queries.explained(items, reason, "no replicate in another batch")
    none = np.nan, 0, False
    found = [tests.get(k, none) for k in range(len(design.names))]
    groups = queries.summary(items, design.names, found)
    return Retrieved(items, groups.assign(one_position=design.one), design.notes)


def _absent(design: Design, present: np.ndarray) -> pd.DataFrame:
    """Rows of treated wells that have no features."""
    rows = np.flatnonzero(~present & (design.group >= 0))
    return queries.unscored(len(rows)).assign(row=rows, group=design.group[rows], absent=True)


def _of_wells(space, design: Design, wells: Wells, draws: int, seed: int):
    """Items of some perturbations, and their tests by number of the perturbation."""
    c, (t, K) = len(wells.controls), wells.own.shape
    rows, groups = wells.own.ravel(), design.group[wells.own[:, 0]]
    related = [_positives(design, own) for own in wells.own]
    positive = np.pad(np.concatenate(related), ((0, 0), (c, 0)))
    near = design.plate[wells.own[0], None] == design.plate[wells.controls]
    negative = np.tile(np.pad(near, ((0, 0), (0, K))), (t, 1))
    levels = _levels(space, wells) if space else (None, None)
    items = queries.scored(levels[1], positive, negative)
    items = items.assign(row=rows, group=design.group[rows], absent=False)
    scores, tests, drawn = items["average_precision"].to_numpy().reshape(t, K), {}, {}
    if draws and not np.isnan(scores).all():
        for k, pool in enumerate(_pools(levels, negative, design, wells)):
            in_order = not permutation.alike(related[k], design.plate[wells.own[k]])
            if in_order not in drawn:
                drawn[in_order] = _placements(design.plate, wells, draws, seed, in_order)
            slots, exact = drawn[in_order]
            null = pools.mean_average_precision(pool, slots, related[k])
            defined = scores[k][~np.isnan(scores[k])]
            p = permutation.p_value(defined.mean() if len(defined) else np.nan, null, exact)
            tests[groups[k]] = p, int((~np.isnan(null)).sum()), exact
    return items, tests


def _positives(design: Design, own: np.ndarray) -> np.ndarray:
    """Which replicates of a perturbation are positives of which, (K, K)."""
    batch, position = design.batch[own], design.position[own]
    found = batch[:, None] != batch
    if position[0] >= 0 and not design.one[design.group[own[0]]]:
        found &= position[:, None] != position
    return found


def _levels(space, wells: Wells) -> tuple[np.ndarray, np.ndarray]:
    """Tie groups in the rows of controls, among all wells; and of wells, among controls and own."""
    c, (t, K) = len(wells.controls), wells.own.shape
    everyone = np.append(wells.controls, wells.own)
    of_controls = similarity.between(space, wells.controls, everyone)
    of_controls[np.arange(c), np.arange(c)] = -np.inf
    among = np.stack([similarity.between(space, own, own) for own in wells.own])
    among[:, np.arange(K), np.arange(K)] = -np.inf
    of_own = similarity.between(space, wells.own.ravel(), wells.controls)
    of_own = np.hstack([of_own, among.reshape(t * K, K)])
    return tuple(similarity.levels(s, space.tolerance) for s in (of_controls, of_own))


def _placements(plate, wells: Wells, draws: int, seed: int, in_order: bool):
    """Place the labels of a perturbation anew on its wells and the controls of each plate."""
    where = plate[np.append(wells.controls, wells.own[0])]
    plates, counts = np.unique(plate[wells.own[0]], return_counts=True)
    strata = [np.flatnonzero(where == one) for one in plates]
    return permutation.assignments(strata, counts, draws, seed, in_order)


def _pools(levels, negative, design: Design, wells: Wells) -> Iterator[pools.Pool]:
    """Yield the pool of positions of each perturbation.

    What the controls say of each other is counted once; a perturbation's own wells are added.
    """
    c, (t, K) = len(wells.controls), wells.own.shape
    plate = design.plate[np.append(wells.controls, wells.own[0])]
    near = (plate[:, None] == plate) & ~np.eye(c + K, dtype=bool)
    of_controls = np.pad(near[:c, :c], ((0, 0), (0, t * K)))
    of_controls = (levels[0], *standing(levels[0], of_controls))
    of_own = (levels[1], *standing(levels[1], negative))
    mates = [(well, np.flatnonzero(near[well])) for well in range(c, c + K)]
    for k in range(t):
        own = slice(c + k * K, c + (k + 1) * K)
        level, above, equal = np.empty((3, c + K, c + K), dtype=levels[0].dtype)
        for whole, top, low in zip((level, above, equal), of_controls, of_own, strict=True):
            whole[:c, :c], whole[:c, c:] = top[:, :c], top[:, own]
            whole[c:] = low[k * K : (k + 1) * K]
        for well, rows in mates:
            ahead = level[rows, well, None]
            above[rows] += ahead < level[rows]
            equal[rows] += ahead == level[rows]
        yield pools.pack(level, above, equal, near)
