"""From photons to a camera's numbers: illumination, blur, noise, gain."""

import numpy as np
from scipy import ndimage

from .plates import Plate

OFFSET = 400.0
CEILING = 60000.0
GLOW = 0.1


def illumination(plate: Plate, shape: tuple[int, int]) -> np.ndarray:
    """Compute the illumination field of every channel of a plate.

    Parameters
    ----------
    plate : Plate
    shape : (int, int)

    Returns
    -------
    (C, Y, X) float32 array
        1 in the middle of an even field.
    """
    y, x = (np.linspace(-1, 1, size, dtype=np.float32) for size in shape)
    tilt = plate.tilt.astype(np.float32)[:, :, None, None]
    bowl = plate.vignette.astype(np.float32)[:, None, None] * (y[:, None] ** 2 + x[None, :] ** 2)
    return 1 + tilt[:, 0] * y[:, None] + tilt[:, 1] * x[None, :] - bowl / 2


def expose(rng, light: np.ndarray, plate: Plate, pad: int, microns_per_pixel, background=1.0):
    """Take a picture of the light that a scene gives off.

    Parameters
    ----------
    rng : numpy.random.Generator
    light : (C, Y, X) float32 array
        Expected photons a pixel, on a canvas that reaches ``pad`` pixels beyond the picture.
    plate : Plate
    pad : int
    microns_per_pixel : float
    background : float
        Multiplies the plate's background (wells on the rim have more).

    Returns
    -------
    (C, Y - 2 pad, X - 2 pad) uint16 array
        Photon noise is Gaussian of variance equal to the mean (a Poisson law of more than some
        twenty photons); read noise is added to it. Counts that would pass 60,000 are bent below it.
    """
    sigma = plate.blur / microns_per_pixel
    seen = np.stack([ndimage.gaussian_filter(one, sigma, truncate=3) for one in light])
    seen = (1 - GLOW) * seen + GLOW * np.stack([_glow(one, 7 / microns_per_pixel) for one in light])
    seen = seen[:, pad : seen.shape[1] - pad, pad : seen.shape[2] - pad]
    floor = (plate.background * background).astype(np.float32)[:, None, None]
    seen = (seen + floor) * illumination(plate, seen.shape[1:])
    spread = np.sqrt(seen + np.float32(plate.read_noise**2))
    seen = seen + spread * rng.standard_normal(seen.shape, dtype=np.float32)
    counts = OFFSET + seen * plate.gain.astype(np.float32)[:, None, None]
    knee = CEILING * 0.8
    room = CEILING - knee
    bright = counts > knee
    counts[bright] = knee + room * np.tanh((counts[bright] - knee) / room)
    return np.clip(np.rint(counts), 0, CEILING).astype(np.uint16)


def _glow(light, sigma):
    """Blur widely, on a coarse grid: light from out of focus."""
    step = max(int(sigma / 2), 1)
    high, wide = (-(-size // step) for size in light.shape)
    padded = np.pad(light, ((0, high * step - light.shape[0]), (0, wide * step - light.shape[1])))
    coarse = padded.reshape(high, step, wide, step).mean(axis=(1, 3))
    coarse = ndimage.gaussian_filter(coarse, sigma / step, truncate=3)
    fine = ndimage.zoom(coarse, step, order=1, grid_mode=True, mode="nearest")
    return fine[: light.shape[0], : light.shape[1]]
