"""Tissue: slides of H&E-stained spots with cells of several types, and genes they drive."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from twinscope.errors import InputError

from . import anatomy, genes, histology, nuclei, sizes
from .arguments import Names, Number
from .picture import Picture, crop
from .seeding import generator
from .slides import REGIONS, Spot, plan
from .territory import grow, outlines

MARGIN = 12.0
SMALLEST = 30.0


def check(arguments: dict) -> dict:
    """Check the arguments of the design and fill in defaults.

    Parameters
    ----------
    arguments : dict

    Returns
    -------
    dict
        Complete; ``preset`` and ``scale`` are spelled out.

    Raises
    ------
    InputError
        For an unknown argument or a value that is not allowed.
    """
    given, scale = sizes.choose(ARGUMENTS, sizes.TISSUE, arguments)
    given |= sizes.slide(given["spots"], scale, ARGUMENTS["spots"].high)
    if given["size"] * given["microns_per_pixel"] < SMALLEST:
        raise InputError(
            f"size = {given['size']} pixels of {given['microns_per_pixel']:g} µm",
            f"an image of at least {SMALLEST:g} µm, a few cells wide",
        )
    return given


def number(arguments: dict) -> int:
    """Count the pictures of a set of slides, for arguments as returned by `check`."""
    return arguments["slides"] * arguments["spots"]


def parts(unit: str, seed: int, arguments: dict) -> Iterator[tuple[Spot, genes.Panel]]:
    """List the spots of one set of slides, in order, each with the genes to be counted.

    Parameters
    ----------
    unit : str
    seed : int
    arguments : dict
        As returned by `check`.

    Yields
    ------
    Spot, Panel
    """
    panel = genes.panel(seed, arguments["genes"])
    for spot in plan(unit, seed, arguments):
        yield spot, panel


def picture(unit: str, seed: int, arguments: dict, part: tuple[Spot, genes.Panel]) -> Picture:
    """Make the picture of one spot, which needs no other.

    Parameters
    ----------
    unit : str
    seed : int
    arguments : dict
        As returned by `check`.
    part : (Spot, Panel)
        One of `parts`.

    Returns
    -------
    Picture
    """
    spot, panel = part
    rng = generator(seed, "tissue", unit, spot.slide, spot.number)
    image, labels, objects, factors = _picture(rng, spot, arguments)
    item = f"{spot.slide}-s{spot.number:02d}"
    objects.insert(0, "item", item)
    row = {"item": item, "slide": spot.slide, "patient": spot.slide, "spot": spot.number}
    row |= {"x": spot.x, "y": spot.y, "region": spot.region}
    row |= {"microns_per_pixel": arguments["microns_per_pixel"]}
    row |= {f"factor_{name}": value for name, value in factors.items()}
    row |= {f"factor_driver_{name}": value for name, value in spot.drivers.items()}
    row |= _counts(generator(seed, "tissue", unit, item, "genes"), panel, spot)
    return Picture(row, image, labels, None, objects)


def _counts(rng, panel, spot):
    size = genes.library(rng, spot.depth)
    found = genes.counts(rng, genes.log_rates(rng, panel, spot.drivers), size)
    named = {f"gene_{name}": int(n) for name, n in zip(panel.names, found, strict=True)}
    usual = size * np.exp(panel.base)
    high = {
        f"high_{name}": "yes" if n > mean else "no"
        for name, n, mean in zip(panel.names, found, usual, strict=True)
    }
    return {"total_counts": int(rng.poisson(size))} | named | high


def _picture(rng, spot: Spot, arguments):
    """Build, stain and photograph a spot; give image, labels, objects and true factors."""
    scale, size = arguments["microns_per_pixel"], arguments["size"]
    pad = int(np.ceil(MARGIN / scale))
    site = _site(rng, spot, (size + 2 * pad,) * 2, scale, arguments["density"])
    kinds = np.array([point[0] for point in site.points], dtype=object)
    y, x, angle = np.array([p[1:] for p in site.points], dtype=float).reshape(-1, 3).T
    factors = nuclei.draw(rng, kinds, spot.drivers["morphology"], spot.drivers["texture"])
    bodies, cells = _grow(rng, site, y, x, angle, factors)
    stains = histology.stain(rng, site, bodies, cells, factors)
    part = crop(bodies, pad, size)
    image = histology.absorb(rng, stains, spot.glass, scale)[(slice(None), *part.window)]
    objects = pd.DataFrame({"cell": np.arange(1, len(part.own) + 1), "type": kinds[part.own]})
    objects["y"], objects["x"] = (y[part.own] - pad) * scale, (x[part.own] - pad) * scale
    for name in (*nuclei.MEANS, "nucleoli_count"):
        objects[name] = factors[name][part.own]
    objects["border"] = part.border
    true = nuclei.summary(objects, (size * scale) ** 2 / 1e6)
    true["empty_fraction"] = float(1 - site.free[part.window].mean())
    return np.ascontiguousarray(image), part.labels(bodies.labels), objects, true


def _site(rng, spot, shape, scale, density):
    """Turn a planned spot into numbers of nuclei and place them."""
    total = density * REGIONS[spot.region].density * np.exp(0.22 * spot.drivers["density"])
    total *= shape[0] * shape[1] * scale**2 / 1e6
    numbers = {kind: int(total * share + rng.random()) for kind, share in spot.fractions.items()}
    mingling = 1 / (1 + np.exp(-2 * spot.drivers["arrangement"]))
    site = anatomy.build(rng, shape, scale, numbers, mingling, spot.void)
    site.dead = REGIONS[spot.region].dead
    return site


def _grow(rng, site, y, x, angle, factors):
    """Share the canvas out among nuclei and cells; areas become those achieved."""
    scale, ratio = site.scale, np.sqrt(1 - factors["nuclear_eccentricity"] ** 2)
    shapes = outlines(rng, factors["nuclear_irregularity"])
    area = factors["nuclear_area"] / scale**2
    bodies = grow(site.shape, y, x, area, ratio, angle, shapes)
    whole = area * factors["body"]
    cells = grow(site.shape, y, x, whole, np.sqrt(ratio), angle, shapes, bodies.labels)
    factors["nuclear_area"] = bodies.sizes * scale**2
    return bodies, cells


ARGUMENTS = {
    "size": Number(192, 16, 4096, whole=True),
    "microns_per_pixel": Number(0.5, 0.1, 1.0),
    "slides": Number(5, 1, 99, whole=True),
    "spots": Number(16, 1, 10000, whole=True),
    "density": Number(1.0, 0.0, 1.2),
    "regions": Names(tuple(REGIONS), ("gland", "infiltrate", "stroma", "tumour")),
    "genes": genes.Genes(),
}
