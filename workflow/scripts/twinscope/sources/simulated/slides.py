"""What each spot of a slide is to be, decided before anything is drawn."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .histology import Glass, glass
from .seeding import generator

PITCH = 100.0
CONCENTRATION = 25.0


@dataclass(frozen=True)
class Region:
    """A kind of place: nuclei per mm², their composition, share without tissue, whether dead."""

    density: float
    fractions: tuple[float, ...]
    void: float
    dead: bool = False


@dataclass(frozen=True)
class Spot:
    """A planned spot.

    Attributes
    ----------
    slide : str
    number : int
        1 to n on its slide.
    x, y : float
        µm on the slide.
    region : str
    fractions : dict of float
        Composition wanted, by cell type.
    drivers : dict of float
        Standardised causes, mean 0 and variance 1 over spots: ``composition`` (logarithm of the
        share of lymphocytes), ``density`` (of nuclei, within its region), ``morphology`` (nuclear
        size), ``arrangement`` (lymphocytes mingled), ``texture`` (of chromatin), ``slide``.
    void : float
        Share without tissue.
    glass : Glass
    depth : float
        Sequencing depth of the slide, 1 is usual.
    """

    slide: str
    number: int
    x: float
    y: float
    region: str
    fractions: dict[str, float]
    drivers: dict[str, float]
    void: float
    glass: Glass
    depth: float


def plan(unit: str, seed: int, arguments: dict) -> Iterator[Spot]:
    """Plan every spot of a unit; quick, as nothing is drawn.

    Parameters
    ----------
    unit : str
    seed : int
    arguments : dict
        Checked arguments of the tissue design.

    Yields
    ------
    Spot
    """
    centre, spread = _reference(arguments["regions"])
    for number in range(1, arguments["slides"] + 1):
        slide = f"{unit}-p{number:02d}"
        rng = generator(seed, "tissue", unit, slide)
        worn, depth = glass(rng), float(np.exp(0.3 * rng.standard_normal()))
        origin, grade = float(rng.standard_normal()), float(rng.beta(0.7, 0.7))
        for spot, (x, y, region) in enumerate(_map(rng, arguments), start=1):
            own = generator(seed, "tissue", unit, slide, spot, "plan")
            fractions = _fractions(own, region, grade)
            score = (_immune(fractions) - centre) / spread
            drivers = {"composition": score} | {k: own.standard_normal() for k in LATENT}
            drivers = {k: float(v) for k, v in (drivers | {"slide": origin}).items()}
            void = REGIONS[region].void * float(own.uniform(0, 2)) if own.random() < 0.7 else 0.0
            yield Spot(slide, spot, x, y, region, fractions, drivers, void, worn, depth)


def _map(rng, arguments):
    """Place spots on a square grid and give each a region, in patches of equal total size."""
    regions, spots = arguments["regions"], arguments["spots"]
    side = int(np.ceil(np.sqrt(spots)))
    x, y = (np.arange(spots) % side) * PITCH, (np.arange(spots) // side) * PITCH
    seeds = rng.uniform(0, side * PITCH, (len(regions), 2, 2))
    reach = np.hypot(x[:, None, None] - seeds[..., 0], y[:, None, None] - seeds[..., 1]).min(axis=2)
    order = rng.permutation(len(regions))
    room = np.bincount(order[np.arange(spots) % len(regions)], minlength=len(regions))
    label = np.full(spots, -1)
    for flat in np.argsort(reach, axis=None, kind="stable"):
        spot, region = divmod(int(flat), len(regions))
        if label[spot] < 0 and room[region] > 0:
            label[spot], room[region] = region, room[region] - 1
    return [(float(a), float(b), regions[k]) for a, b, k in zip(x, y, label, strict=True)]


def _fractions(rng, region, grade):
    """Draw a composition about the region's; tumour is of one grade in a spot."""
    usual = np.array(REGIONS[region].fractions)
    share = dict(zip(TYPES, rng.dirichlet(CONCENTRATION * usual + 1e-9).tolist(), strict=True))
    tumour, high = share.pop("tumour"), rng.random() < grade
    return share | {"tumour_low": 0.0 if high else tumour, "tumour_high": tumour if high else 0.0}


def _immune(fractions):
    return np.log(fractions["lymphocyte"] + 0.03)


def _reference(regions):
    """Mean and standard deviation of the composition score over many spots of these regions."""
    rng = generator(0, "tissue", "reference", *regions)
    draws = [_immune(_fractions(rng, regions[i % len(regions)], 0.5)) for i in range(4000)]
    return float(np.mean(draws)), float(np.std(draws))


LATENT = ("density", "morphology", "arrangement", "texture")
TYPES = ("epithelial", "lymphocyte", "fibroblast", "endothelial", "tumour")
REGIONS: dict[str, Region] = {
    "gland": Region(5200, (0.58, 0.12, 0.22, 0.08, 0), 0.02),
    "infiltrate": Region(10500, (0, 0.78, 0.14, 0.05, 0.03), 0.02),
    "stroma": Region(2600, (0, 0.14, 0.7, 0.16, 0), 0.05),
    "tumour": Region(6200, (0, 0.12, 0.12, 0.04, 0.72), 0.02),
    "necrosis": Region(1300, (0, 0.65, 0.15, 0.0, 0.2), 0.4, dead=True),
}
