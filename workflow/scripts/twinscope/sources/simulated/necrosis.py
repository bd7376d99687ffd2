"""Dead tissue: granular debris in place of fibres, and crumbs of nuclei."""

import numpy as np
from scipy import ndimage

from .fields import noise, scatter

CRUMBS = 5000.0
CLUSTER = 9.0


def debris(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> np.ndarray:
    """Draw the eosin of cells that fell apart: grains and clumps without direction.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : (int, int)
    scale : float
        µm per pixel.

    Returns
    -------
    (Y, X) float32 array
        Optical density.
    """
    grain, clump = noise(rng, shape, 0.8 / scale), noise(rng, shape, 3 / scale)
    return 0.42 * np.exp(0.28 * grain + 0.3 * clump + 0.15 * noise(rng, shape, 12 / scale))


def crumbs(rng: np.random.Generator, tissue: np.ndarray, scale: float) -> np.ndarray:
    """Draw the haematoxylin of nuclei that fell apart (karyorrhexis), in loose clusters.

    Parameters
    ----------
    rng : numpy.random.Generator
    tissue : (Y, X) array
        0 to 1: where there is tissue.
    scale : float
        µm per pixel.

    Returns
    -------
    (Y, X) float32 array
        Optical density; specks 0.5 to 1.2 µm wide, smaller than any nucleus.
    """
    dust, area = np.zeros(tissue.shape, dtype=np.float32), tissue.size * scale**2 / 1e6
    weight = tissue * np.exp(1.6 * noise(rng, tissue.shape, CLUSTER / scale))
    for width in (0.25, 0.4, 0.6):
        one = np.zeros(tissue.shape, dtype=np.float32)
        for y, x in scatter(rng, weight, int(CRUMBS * area / 3), 1.5 / scale, tries=4):
            at = tuple(np.clip((int(y), int(x)), 0, np.array(tissue.shape) - 1))
            one[at] += rng.uniform(0.5, 1.3)
        one = ndimage.gaussian_filter(one, width / scale, truncate=3)
        dust += one * 2 * np.pi * (width / scale) ** 2
    return np.clip(dust, 0, 1.4)
