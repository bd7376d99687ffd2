"""From tissue to an H&E picture: amounts of stain, and light absorbed by them."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from . import necrosis
from .fields import noise
from .strokes import level, nucleoli
from .territory import edges

HAEMATOXYLIN = (0.65, 0.70, 0.29)
EOSIN = (0.09, 0.95, 0.28)


@dataclass(frozen=True)
class Glass:
    """What a slide does to every picture: stain vectors and amounts, thickness, focus, light."""

    haematoxylin: np.ndarray
    eosin: np.ndarray
    amounts: np.ndarray
    thickness: float
    blur: float
    light: np.ndarray


def glass(rng: np.random.Generator) -> Glass:
    """Draw a slide's staining and optics.

    Parameters
    ----------
    rng : numpy.random.Generator

    Returns
    -------
    Glass
        Stain vectors stray from those of Ruifrok and Johnston (2001).
    """
    vectors = [np.abs(np.array(v) + 0.045 * rng.standard_normal(3)) for v in (HAEMATOXYLIN, EOSIN)]
    return Glass(
        haematoxylin=vectors[0] / np.linalg.norm(vectors[0]),
        eosin=vectors[1] / np.linalg.norm(vectors[1]),
        amounts=np.exp(0.15 * rng.standard_normal(2)),
        thickness=float(np.exp(0.12 * rng.standard_normal())),
        blur=float(rng.uniform(0.3, 0.65)),
        light=np.clip(240 + 6 * rng.standard_normal(3), 225, 253),
    )


def absorb(rng, stains: np.ndarray, slide: Glass, scale: float) -> np.ndarray:
    """Turn amounts of stain into light, by the law of Beer and Lambert.

    Parameters
    ----------
    rng : numpy.random.Generator
    stains : (2, Y, X) array
        Optical density of haematoxylin and eosin, natural logarithm, at usual thickness.
    slide : Glass
    scale : float
        µm per pixel.

    Returns
    -------
    (3, Y, X) uint8 array
        I = I0 · exp(-t (a_H H v_H + a_E E v_E)), blurred, with a camera's noise.
    """
    density = slide.amounts[0] * slide.haematoxylin[:, None, None] * stains[0]
    density = density + slide.amounts[1] * slide.eosin[:, None, None] * stains[1]
    seen = slide.light[:, None, None] * np.exp(-slide.thickness * density)
    seen = np.stack([ndimage.gaussian_filter(c, slide.blur / scale, truncate=3) for c in seen])
    seen += 1.5 * rng.standard_normal(seen.shape, dtype=np.float32)
    return np.clip(np.rint(seen), 0, 255).astype(np.uint8)


def stain(rng, site, nuclei, cells, factors: dict) -> np.ndarray:
    """Compute how much haematoxylin and eosin every pixel takes up.

    Parameters
    ----------
    rng : numpy.random.Generator
    site : anatomy.Site
    nuclei, cells : Territory
    factors : dict of (n,) arrays
        As made by `nuclei.draw`.

    Returns
    -------
    (2, Y, X) float32 array
    """
    scale, shape = site.scale, site.shape
    cloud, grain = noise(rng, shape, 7 / scale), noise(rng, shape, 0.7 / scale)
    soft = np.exp(0.12 * cloud + 0.12 * grain)
    eosin = (0.40 * np.exp(0.28 * site.fibre + 0.3 * cloud)) * (1 - 0.85 * site.cleft)
    if site.dead:
        eosin = necrosis.debris(rng, shape, scale)
    eosin = _over(eosin, 0.65 * site.swarm, 0.24 * soft)
    eosin = _over(eosin, site.nest, 0.36 * soft)
    eosin = _over(eosin, site.epithelium, 0.46 * soft)
    tint = _spread(factors["eosin"], cells.labels)
    eosin = np.where(tint > 0, tint * soft * (1.08 - 0.2 * cells.depth), eosin)
    seam = (edges(cells.labels) & (tint > 0)).astype(np.float32)
    seam = ndimage.gaussian_filter(seam, 0.35 / scale)
    eosin = eosin * (1 - 0.4 * np.clip(seam, 0, 1))
    gap = np.maximum(np.maximum(site.lumen, site.vessel), site.void)
    eosin = _over(eosin, gap, 0.025 + 0.01 * cloud)
    eosin = _over(eosin, 0.9 * site.blood, 0.95 + 0.1 * grain)
    blue = 0.04 + 0.13 * site.nest + 0.12 * site.epithelium + 0.06 * site.swarm
    blue = blue * (1 - gap) * np.exp(0.2 * grain + 0.15 * cloud)
    if site.dead:
        blue = blue + necrosis.crumbs(rng, site.free, scale)
    inside = nuclei.labels > 0
    dark = _chromatin(rng, nuclei, factors, scale)
    return np.stack([np.where(inside, dark, blue), np.where(inside, 0.45 * eosin, eosin)])


def _chromatin(rng, nuclei, factors, scale):
    """Clumped chromatin, darker at the envelope and in nucleoli; its mean is the nucleus's own."""
    labels, shape = nuclei.labels, nuclei.labels.shape
    contrast = _spread(factors["chromatin_contrast"], labels)
    clumps = 0.8 * noise(rng, shape, 0.6 / scale) + 0.6 * noise(rng, shape, 1.2 / scale)
    pattern = np.exp(contrast * clumps) * (1 + (0.25 + contrast) * (nuclei.depth**3 - 0.25))
    pattern += 0.8 * np.clip(nucleoli(rng, nuclei, factors, scale), 0, 1)
    return level(pattern, labels, factors["haematoxylin"])


def _spread(values, labels):
    return np.concatenate([[0], values]).astype(np.float32)[labels]


def _over(below, mask, above):
    return below * (1 - mask) + above * mask
