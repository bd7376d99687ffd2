"""Connective tissue: wavy collagen fibres, the direction they run in, and clefts between them."""

import numpy as np
from scipy import ndimage

from .fields import noise


def weave(rng: np.random.Generator, shape: tuple[int, int], scale: float):
    """Draw fibres by warping noise that is stretched along one direction.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : (int, int)
    scale : float
        µm per pixel.

    Returns
    -------
    fibre : (Y, X) float32 array
        Texture, mean 0 and standard deviation about 1.
    cleft : (Y, X) float32 array
        0 to 1: gaps that run along the fibres.
    flow : (Y, X) float32 array
        Direction of the fibres, radians from x towards y.
    """
    angle = rng.uniform(0, np.pi)
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    y, x = y - shape[0] / 2, x - shape[1] / 2
    across = -np.sin(angle) * x + np.cos(angle) * y
    across += noise(rng, shape, 20 / scale) * np.float32(rng.uniform(3, 9) / scale)
    across += noise(rng, shape, 5 / scale) * np.float32(0.9 / scale)
    along = np.cos(angle) * x + np.sin(angle) * y
    along += noise(rng, shape, 12 / scale) * np.float32(5 / scale)
    size = int(2 * max(np.abs(across).max(), np.abs(along).max())) + 4
    place = np.stack([across + size / 2, along + size / 2])
    bands = [_bands(rng, size, *widths, scale) for widths in ((0.45, 5), (1.0, 9), (2.6, 16))]
    fine, middle, broad = (
        ndimage.map_coordinates(band, place, order=1, mode="grid-wrap") for band in bands
    )
    down, right = np.gradient(ndimage.gaussian_filter(across, 2 / scale))
    cleft = 1 / (1 + np.exp(-6 * (0.8 * middle + 0.7 * broad - 1.75)))
    return (0.75 * fine + 0.6 * middle + 0.45 * broad), cleft, np.arctan2(-right, down)


def _bands(rng, size, across, along, scale):
    band = rng.standard_normal((size, size), dtype=np.float32)
    widths = (across / scale, along / scale)
    band = ndimage.gaussian_filter(band, widths, mode="wrap", truncate=2.5)
    return band / band.std()
