"""Tissue architecture: compartments of a spot and the nuclei placed in them."""

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from .fields import noise, scatter
from .nuclei import CORE
from .stroma import weave
from .territory import ANGLES, outlines


@dataclass
class Site:
    """A canvas of tissue under construction.

    Attributes
    ----------
    shape : (int, int)
    scale : float
        µm per pixel.
    fibre, cleft, flow : (Y, X) float32 arrays
        Connective tissue, see `stroma.weave`.
    lumen, epithelium, vessel, blood, nest, void, swarm : (Y, X) float32 arrays
        Compartments, 0 to 1.
    points : list
        Nuclei placed so far: type, y, x (pixels) and angle (radians).
    dead : bool
        Whether debris takes the place of connective tissue.
    """

    shape: tuple[int, int]
    scale: float
    fibre: np.ndarray
    cleft: np.ndarray
    flow: np.ndarray
    lumen: np.ndarray
    epithelium: np.ndarray
    vessel: np.ndarray
    blood: np.ndarray
    nest: np.ndarray
    void: np.ndarray
    swarm: np.ndarray
    points: list = field(default_factory=list)
    dead: bool = False

    @property
    def free(self) -> np.ndarray:
        """Where there is tissue that nuclei may lie in: neither lumen nor void."""
        return np.clip(1 - self.lumen - self.vessel - self.void, 0, 1)

    def add(self, rng, kind: str, weight: np.ndarray, count: int, angle: np.ndarray) -> None:
        """Place nuclei of a type where a weight allows, turned as a field of angles says."""
        rows = [(y, x, CORE[other] / self.scale) for other, y, x, _ in self.points]
        taken = np.array(rows, dtype=float).reshape(-1, 3)
        for y, x in scatter(rng, weight, count, CORE[kind] / self.scale, taken):
            at = tuple(np.clip((int(y), int(x)), 0, np.array(self.shape) - 1))
            self.points.append((kind, y, x, float(angle[at])))


def build(rng, shape, scale: float, numbers: dict[str, int], mingling: float, void: float) -> Site:
    """Lay out glands, vessels and nests, and place the nuclei of every type.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : (int, int)
        Canvas, pixels.
    scale : float
        µm per pixel.
    numbers : dict of int
        Nuclei wanted of each type; what finds no room is left out.
    mingling : float
        0: lymphocytes in tight swarms; 1: spread evenly among the other cells.
    void : float
        Share of the canvas without tissue.

    Returns
    -------
    Site
    """
    blank = (np.zeros(shape, dtype=np.float32) for _ in range(7))
    site = Site(shape, scale, *weave(rng, shape, scale), *blank)
    if void > 0:
        height = noise(rng, shape, 11 / scale) + 0.25 * noise(rng, shape, 2 / scale)
        site.void = _soft(6 * (height - np.quantile(height, 1 - void)))
    _glands(rng, site, numbers["epithelial"])
    _vessels(rng, site, numbers["endothelial"])
    _nests(rng, site, numbers)
    _lymphocytes(rng, site, numbers["lymphocyte"], mingling)
    stroma = site.free * np.clip(1 - site.epithelium - site.nest, 0, 1) ** 2 + 1e-4 * site.free
    loose = site.flow + 0.2 * rng.standard_normal(shape)
    site.add(rng, "fibroblast", stroma, numbers["fibroblast"], loose)
    return site


def _glands(rng, site, number):
    """Add rings of epithelium round lumina, enough of them to hold the nuclei."""
    room, radii = number, []
    while room > 3:
        radii.append(rng.uniform(13, 24) if room > 12 else 9.0)
        room -= 2 * np.pi * radii[-1] / CORE["epithelial"] * 0.92
    solid = (site.void < 0.5).astype(np.float32)
    centres = scatter(rng, solid, len(radii), 54 / site.scale, tries=40)
    weight, angle = np.zeros(site.shape, np.float32), np.zeros(site.shape, np.float32)
    for (y, x), radius in zip(centres, radii, strict=False):
        far, turn = _ring(rng, site, y, x, radius, 0.1)
        site.lumen = np.maximum(site.lumen, _soft(2.5 * (radius - 8.5 - far)))
        site.epithelium = np.maximum(site.epithelium, _soft(2.5 * (radius + 5 - far)))
        ring = np.exp(-(((far - radius) / 1.4) ** 2)).astype(np.float32)
        angle = np.where(ring > weight, turn + 0.2 * rng.standard_normal(site.shape), angle)
        weight = np.maximum(weight, ring)
    site.epithelium *= 1 - site.lumen
    site.void *= 1 - np.maximum(site.epithelium, site.lumen)
    weight[weight < 0.05] = 0
    site.add(rng, "epithelial", weight, number, angle)


def _vessels(rng, site, number):
    """Add small vessels lined by flat nuclei and partly filled with red cells."""
    clear = ndimage.minimum_filter(site.free * (1 - site.epithelium), int(12 / site.scale))
    centres = scatter(rng, clear, int(np.ceil(number / 5)), 26 / site.scale)
    weight, angle = np.zeros(site.shape, np.float32), np.zeros(site.shape, np.float32)
    for y, x in centres:
        radius = rng.uniform(4, 9)
        far, turn = _ring(rng, site, y, x, radius, 0.2)
        site.vessel = np.maximum(site.vessel, _soft(2.5 * (radius - 1.4 - far)))
        ring = np.exp(-(((far - radius) / 0.7) ** 2)).astype(np.float32)
        angle = np.where(ring > weight, turn + np.pi / 2, angle)
        weight = np.maximum(weight, ring)
    weight[weight < 0.05] = 0
    for y, x in scatter(rng, site.vessel > 0.9, 5 * len(centres), 4.5 / site.scale):
        far, _ = _ring(rng, site, y, x, 2.6, 0.08)
        site.blood = np.maximum(site.blood, _soft(3 * (2.6 - far)))
    site.blood *= site.vessel
    site.add(rng, "endothelial", weight, number, angle)


def _nests(rng, site, numbers):
    """Fill blobs of tumour, as large as their cells need."""
    kinds = [kind for kind in ("tumour_low", "tumour_high") if numbers[kind] > 0]
    area = sum(numbers[kind] * CORE[kind] ** 2 * 1.45 for kind in kinds)
    share = min(area / (site.shape[0] * site.shape[1] * site.scale**2), 0.95)
    if not kinds:
        return
    height = noise(rng, site.shape, 13 / site.scale) + 0.12 * noise(rng, site.shape, 3 / site.scale)
    site.nest = site.free * (1 - site.epithelium)
    site.nest = site.nest * _soft(12 * (height - np.quantile(height, 1 - share)))
    turn = rng.uniform(0, np.pi, site.shape)
    for kind in kinds:
        site.add(rng, kind, np.where(site.nest > 0.5, site.nest, 0), numbers[kind], turn)


def _lymphocytes(rng, site, number, mingling):
    """Place lymphocytes in swarms, or evenly, or between the two."""
    even = site.free * (1 - 0.85 * site.epithelium)
    swarm = noise(rng, site.shape, 6 / site.scale)
    swarm = even * _soft(6 * (swarm - 1.0))
    weight = mingling * even / max(even.mean(), 1e-6)
    weight = weight + (1 - mingling) * swarm / max(swarm.mean(), 1e-6)
    site.add(rng, "lymphocyte", weight, number, rng.uniform(0, np.pi, site.shape))
    crowd = np.zeros(site.shape, dtype=np.float32)
    for kind, y, x, _ in site.points:
        if kind == "lymphocyte":
            at = tuple(np.clip((int(y), int(x)), 0, np.array(site.shape) - 1))
            crowd[at] += 1
    crowd = ndimage.gaussian_filter(crowd, 6 / site.scale) / site.scale**2
    site.swarm = np.clip(crowd / 0.011, 0, 1) * even


def _ring(rng, site, y, x, radius, irregularity):
    """Distance from a centre in µm, bent by an outline, and the outward direction."""
    outline = outlines(rng, np.array([irregularity]))[0]
    down = (np.arange(site.shape[0], dtype=np.float32) - y)[:, None] * site.scale
    right = (np.arange(site.shape[1], dtype=np.float32) - x)[None, :] * site.scale
    turn = np.arctan2(down, right)
    bend = outline[(turn * (ANGLES / (2 * np.pi))).astype(int) % ANGLES]
    return np.hypot(down, right) - radius * (bend - 1), turn


def _soft(value):
    """Turn a signed height into a soft mask."""
    return (1 / (1 + np.exp(-np.clip(value, -30, 30)))).astype(np.float32)
