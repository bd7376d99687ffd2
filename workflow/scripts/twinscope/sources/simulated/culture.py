"""A field of cells: where they lie, their types and factors, and the pixels they own."""

import numpy as np

from . import strokes
from .factors import draw
from .fields import noise, scatter
from .render import Field
from .territory import grow, outlines

MARGIN = 26.0
SPACING = 22.0
RIM = 1.4
TYPES = ("interphase", "mitotic", "rounded")


def populate(rng: np.random.Generator, means: dict[str, float], size: int, scale: float):
    """Place cells on a canvas wider than the picture and share its pixels out among them.

    Centres follow a hard-core process (22 µm) in a smooth random intensity that ``clustering``
    makes uneven; their number is the density times the area, rounded at random.

    Parameters
    ----------
    rng : numpy.random.Generator
    means : dict of float
        The well's means, see `factors`.
    size : int
        Side of the picture, pixels.
    scale : float
        µm per pixel.

    Returns
    -------
    field : Field
        Areas among its factors are those achieved in pixels.
    types : (n,) array of str
    pad : int
        Margin of the canvas, pixels.
    """
    pad = int(np.ceil(MARGIN / scale))
    shape = (size + 2 * pad,) * 2
    weight = np.exp(1.6 * min(means["clustering"], 1) * noise(rng, shape, 30 / scale))
    wanted = means["density"] * shape[0] * shape[1] * scale**2 / 1e6
    y, x = scatter(rng, weight, int(wanted + rng.random()), SPACING / scale).T
    factors = draw(rng, means, len(y))
    types = _round_up(rng, means, factors)
    factors["angle"] = rng.uniform(0, np.pi, len(y))
    nuclei = _nuclei(rng, shape, y, x, factors, scale)
    cells = _bodies(rng, nuclei, y, x, factors, types, scale)
    factors["nuclear_area"] = nuclei.sizes * scale**2
    factors["cell_area"] = cells.sizes * scale**2
    discs = strokes.nucleoli(rng, nuclei, factors, scale)
    return Field(nuclei, cells, factors, y, x, discs, scale), types, pad


def _round_up(rng, means, factors):
    """Let a share of the cells divide or round up, and change their factors to match."""
    lot = rng.random(len(factors["cell_area"]))
    dividing = lot < means["mitotic_fraction"]
    rounded = ~dividing & (lot < means["mitotic_fraction"] + means["rounded_fraction"])
    for name, (mitotic, round_) in CHANGES.items():
        factors[name] = factors[name] * np.where(dividing, mitotic, np.where(rounded, round_, 1))
    factors["cell_elongation"] = np.maximum(factors["cell_elongation"], 1)
    factors["nuclear_eccentricity"][dividing] = 0.9
    return np.array(TYPES)[np.where(dividing, 1, np.where(rounded, 2, 0))]


def _nuclei(rng, shape, y, x, factors, scale):
    ratio = np.sqrt(1 - factors["nuclear_eccentricity"] ** 2)
    turn = factors["angle"] + 0.5 * rng.standard_normal(len(y))
    outline = outlines(rng, factors["nuclear_irregularity"])
    return grow(shape, y, x, factors["nuclear_area"] / scale**2, ratio, turn, outline)


def _bodies(rng, nuclei, y, x, factors, types, scale):
    """Grow cells round their nuclei, which lie somewhat off their centres."""
    area = factors["cell_area"] / scale**2
    shift = rng.uniform(-0.12, 0.12, (2, len(y))) * np.sqrt(area)
    outline = outlines(rng, np.where(types == TYPES[0], 0.2, 0.03), (2, 3, 4, 5, 7))
    ratio, shape = 1 / factors["cell_elongation"], nuclei.labels.shape
    place = (y + shift[0], x + shift[1])
    held = {"inside": nuclei.labels, "rim": RIM / scale}
    return grow(shape, *place, area, ratio, factors["angle"], outline, **held)


CHANGES = {
    "nuclear_area": (0.6, 0.6),
    "nuclear_eccentricity": (1, 0.5),
    "nuclear_irregularity": (1.5, 0.5),
    "chromatin_contrast": (0.4, 0.4),
    "nucleoli_count": (0, 0),
    "cell_area": (0.55, 0.42),
    "cell_elongation": (0.75, 0.7),
    "actin_density": (0.1, 0.1),
    "dna_intensity": (2.1, 1.8),
    "er_intensity": (1.4, 1.6),
    "rna_intensity": (1.4, 1.6),
    "agp_intensity": (1.5, 1.7),
    "mito_intensity": (1.3, 1.3),
}
