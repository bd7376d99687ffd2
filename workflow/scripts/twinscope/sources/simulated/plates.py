"""Plates: which well holds what, and what a plate and a position add of their own."""

from dataclasses import dataclass

import numpy as np

from .effects import PERTURBATIONS, Perturbation
from .seeding import generator

CONTROL = Perturbation("dmso", "null", "dmso", 0.0, "vehicle")


@dataclass(frozen=True)
class Well:
    """A well: its place on the plate and what was put into it."""

    row: int
    column: int
    perturbation: Perturbation
    dose: float

    @property
    def name(self) -> str:
        """Name as printed on a plate: a letter for the row, two digits for the column."""
        return f"{chr(ord('A') + self.row)}{self.column + 1:02d}"


@dataclass(frozen=True)
class Plate:
    """What a plate does to every image: camera, lamp and focus, one value a channel."""

    gain: np.ndarray
    background: np.ndarray
    tilt: np.ndarray
    vignette: np.ndarray
    blur: float
    read_noise: float


def layout(seed: int, unit: str, arguments: dict) -> list[Well]:
    """Share the wells of a plate out among controls and perturbations.

    Position-confounded perturbations take the same wells on every plate, from the first column on;
    all others are shuffled anew for every plate.

    Parameters
    ----------
    seed : int
    unit : str
        Name of the plate.
    arguments : dict
        Checked arguments of the design.

    Returns
    -------
    list of Well
        In the order of rows and columns.
    """
    rows, columns = arguments["rows"], arguments["columns"]
    chosen = [PERTURBATIONS[name] for name in arguments["perturbations"]]
    fixed = [p for p in chosen if p.effect == "position"]
    free = [p for p in chosen if p.effect != "position"]
    controls = max(int(round(arguments["controls"] * rows * columns)), 1)
    treated = rows * columns - controls
    share = treated // max(len(chosen), 1)
    slots = [(r, c) for c in range(columns) for r in range(rows)]
    held = share * len(fixed)
    wells = {slots[i]: (fixed[i % len(fixed)], i // len(fixed)) for i in range(held)}
    rest = slots[held:]
    treated = treated - held if free else 0
    order = generator(seed, "cells", "layout", unit).permutation(len(rest))
    for i, slot in enumerate(order):
        drawn = (free[i % len(free)], i // len(free)) if i < treated else (CONTROL, 0)
        wells[rest[slot]] = drawn
    doses = arguments["doses"]
    return [
        Well(r, c, p, float(doses[turn % len(doses)]) if p is not CONTROL else 0.0)
        for (r, c), (p, turn) in sorted(wells.items(), key=lambda item: item[0])
    ]


def plate(seed: int, unit: str, channels: int) -> Plate:
    """Draw what a plate does to its images.

    Parameters
    ----------
    seed : int
    unit : str
    channels : int

    Returns
    -------
    Plate
    """
    rng = generator(seed, "cells", "plate", unit)
    return Plate(
        gain=3.0 * np.exp(0.08 * rng.standard_normal(channels)),
        background=120 * np.exp(0.2 * rng.standard_normal(channels)),
        tilt=0.06 * rng.standard_normal((channels, 2)),
        vignette=rng.uniform(0.05, 0.18, channels),
        blur=float(0.42 * np.exp(0.12 * rng.standard_normal())),
        read_noise=float(rng.uniform(3, 6)),
    )


def edge(well: Well, rows: int, columns: int) -> float:
    """Tell how near a well is to the rim of its plate: 1 on the rim, falling by half a well."""
    inward = min(well.row, well.column, rows - 1 - well.row, columns - 1 - well.column)
    return float(0.3**inward)
