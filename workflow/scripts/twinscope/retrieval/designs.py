"""Read which wells of an experiment are replicates of what, and which are their controls."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from twinscope.errors import InputError
from twinscope.retrieval import queries

WIDEST = 8_000_000


class Design(NamedTuple):
    """A design in numbers, one a well: -1 for no perturbation, and for no known position.

    The `names` of perturbations, which of them keep to `one` well position, and `notes` on it.
    """

    names: np.ndarray
    group: np.ndarray
    control: np.ndarray
    plate: np.ndarray
    batch: np.ndarray
    position: np.ndarray
    one: np.ndarray
    notes: tuple[str, ...]


class Wells(NamedTuple):
    """Perturbations of one composition, with the controls of their plates.

    Positions of the `controls` (c,) and of the replicates `own` (t, K), plate by plate: each
    perturbation has as many on each plate as the next.
    """

    controls: np.ndarray
    own: np.ndarray


def read(meta, perturbation, control, plate, batch, position) -> Design:
    """Turn a design into numbers, and see whether perturbations keep to one position.

    Parameters
    ----------
    meta : DataFrame
        Sorted, as from `queries.ordered`.
    perturbation, control, plate, batch, position : str
        Columns; position may be absent.

    Returns
    -------
    Design

    Raises
    ------
    InputError
        If `control` is not true or false, or a well has no plate or batch.
    """
    if not meta[control].isin([True, False]).all():
        raise InputError("a value that is neither true nor false", "true or false", column=control)
    controls = meta[control].to_numpy(bool)
    treated = ~controls & (queries.codes(meta[perturbation]) >= 0)
    names, group = np.unique(meta[perturbation][treated].to_numpy(str), return_inverse=True)
    places = [queries.codes(meta[column]) for column in (plate, batch)]
    for column, place in zip((plate, batch), places, strict=True):
        lost = (place < 0) & (controls | treated)
        if lost.any():
            found = f"nothing for item {meta['item'][lost].iloc[0]!r}"
            raise InputError(found, "a value for each", column=column)
    positions = queries.codes(meta[position]) if position in meta else np.full(len(meta), -1)
    one, note = _one_position(np.where(controls | treated, positions, 0), treated, group)
    if one is None:
        one, positions = np.zeros(len(names), dtype=bool), np.full(len(meta), -1)
    groups = np.full(len(meta), -1)
    groups[treated] = group
    return Design(names, groups, controls, *places, positions, one, (note,) if note else ())


def _one_position(positions, treated, group: np.ndarray) -> tuple[np.ndarray | None, str]:
    """Which perturbations keep to one position, and a note; nothing if that is not known."""
    if (positions < 0).any():
        return None, "well positions are not known"
    by = pd.Series(positions[treated]).groupby(group)
    one, several = by.nunique().to_numpy() == 1, by.size().to_numpy() > 1
    if not (one & several).any():
        return one, ""
    share = f"{100 * (one & several).sum() / several.sum():.0f} %"
    return one, f"position-confounded: {share} of perturbations occupy one well position"


def compositions(design: Design, present: np.ndarray) -> Iterator[Wells]:
    """Yield perturbations that have as many wells on each plate as each other.

    Parameters
    ----------
    design : Design
    present : array of bool of shape (n,)
        Which wells to look at.

    Yields
    ------
    Wells
        So many perturbations at a time that their similarities fit in memory.
    """
    treated = np.flatnonzero(present & (design.group >= 0))
    treated = treated[np.lexsort((treated, design.batch[treated], design.plate[treated]))]
    places, alike = np.stack([design.plate, design.batch], axis=1), {}
    for _, own in pd.Series(treated).groupby(design.group[treated]):
        alike.setdefault(places[own].tobytes(), []).append(own.to_numpy())
    for own in map(np.array, alike.values()):
        near = present & design.control & np.isin(design.plate, design.plate[own[0]])
        controls = np.flatnonzero(near)
        controls = controls[np.lexsort((controls, design.plate[controls]))]
        step = max(1, WIDEST // (own.shape[1] * (len(controls) + own.shape[1])))
        for start in range(0, len(own), step):
            yield Wells(controls, own[start : start + step])
