"""The factors of a cell, a well and a plate: units, usual values, how far they vary."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Factor:
    """One cause of how a cell looks.

    Attributes
    ----------
    unit : str
    mean : float
        Mean in an untreated well.
    spread : float
        Standard deviation from cell to cell, of the logarithm.
    low, high : float
        Bounds of the values that are drawn.
    drift : float
        Standard deviation from well to well, of the logarithm.
    """

    unit: str
    mean: float
    spread: float
    low: float
    high: float
    drift: float = 0.02


def draw(rng: np.random.Generator, means: dict[str, float], count: int) -> dict[str, np.ndarray]:
    """Draw every per-cell factor of a number of cells.

    Parameters
    ----------
    rng : numpy.random.Generator
    means : dict
        Mean of each factor in the well, as made by `untreated` and changed by effects.
    count : int
        Cells.

    Returns
    -------
    dict of (count,) arrays
        Log-normal about the means, held within the bounds.
    """
    values = {}
    for name, factor in CELL.items():
        normal = rng.standard_normal(count)
        value = means[name] * np.exp(factor.spread * normal - factor.spread**2 / 2)
        values[name] = np.clip(value, factor.low, factor.high)
    return values


def untreated(rng: np.random.Generator, density: float) -> dict[str, float]:
    """Draw the means of an untreated well: usual values with well-to-well drift.

    Parameters
    ----------
    rng : numpy.random.Generator
    density : float
        Cells per mm2 asked for.

    Returns
    -------
    dict of float
        Means of the per-cell factors and of the well's own.
    """
    means = {}
    for name, factor in (CELL | WELL).items():
        mean = density if name == "density" else factor.mean
        means[name] = mean * float(np.exp(factor.drift * rng.standard_normal()))
    return means


CELL = {
    "nuclear_area": Factor("µm²", 170, 0.18, 70, 420),
    "nuclear_eccentricity": Factor("1", 0.55, 0.2, 0.1, 0.93),
    "nuclear_irregularity": Factor("1", 0.03, 0.3, 0.0, 0.16),
    "chromatin_scale": Factor("µm", 0.8, 0.15, 0.4, 2.5),
    "chromatin_contrast": Factor("1", 0.2, 0.2, 0.02, 0.8),
    "nucleoli_count": Factor("count", 3.0, 0.3, 0, 8),
    "nucleoli_size": Factor("µm", 0.9, 0.15, 0.4, 2.0),
    "cell_area": Factor("µm²", 640, 0.2, 250, 2200),
    "cell_elongation": Factor("1", 1.45, 0.15, 1.0, 3.0),
    "er_extent": Factor("1", 0.5, 0.1, 0.1, 1.5),
    "mito_spread": Factor("1", 0.42, 0.12, 0.05, 0.95),
    "mito_length": Factor("µm", 4.5, 0.2, 0.8, 12),
    "actin_density": Factor("1/100 µm²", 2.4, 0.2, 0.1, 6),
    "actin_alignment": Factor("1", 0.55, 0.2, 0.0, 0.98),
    "golgi_spots": Factor("count", 9.0, 0.25, 0, 40),
    "dna_intensity": Factor("photons", 2600, 0.14, 100, 9000, 0.04),
    "er_intensity": Factor("photons", 1500, 0.2, 50, 6000, 0.04),
    "rna_intensity": Factor("photons", 1300, 0.2, 50, 6000, 0.04),
    "agp_intensity": Factor("photons", 1200, 0.2, 50, 6000, 0.04),
    "mito_intensity": Factor("photons", 1200, 0.2, 50, 6000, 0.04),
}

WELL = {
    "density": Factor("1/mm²", 900, 0.0, 0, 4000, 0.06),
    "clustering": Factor("1", 0.3, 0.0, 0, 1, 0.1),
    "rounded_fraction": Factor("1", 0.03, 0.0, 0, 1, 0.1),
    "mitotic_fraction": Factor("1", 0.03, 0.0, 0, 1, 0.1),
}
