"""Which share of an image lies in tissue or in cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import ndimage

from twinscope.baselines.pixels import finite, per_image
from twinscope.baselines.stains import density, is_colour
from twinscope.errors import InputError

if TYPE_CHECKING:
    from twinscope.baselines import Unit

BACKGROUND = 1.0
SMOOTHING = 1.0
# Immerkær's mask: what it leaves of white noise of unit variance has standard deviation 6.
LAPLACIAN = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])


def tissue_fraction(unit: Unit, density: float = 0.065, above: float = 5.0) -> pd.DataFrame:
    """Compute the share of every image that tissue covers, or cells (confluence).

    Parameters
    ----------
    unit : Unit
        Uses the items and `microns_per_pixel` of the index, the channels, and the images.
    density : float
        *Colour images (red, green, blue)*: a pixel is tissue where its optical density, the mean
        over colours of −log10(intensity / largest value of the type), is above this. The default
        is 0.15 in natural logarithms, as in Macenko et al. (2009).
    above : float
        *All others*: a pixel is covered where, in any channel, the intensity smoothed by a
        Gaussian of 1 µm lies above the background by more than this many standard deviations of
        the noise. The background is the first percentile of the smoothed channel; the noise is
        that of single pixels, robustly from their second differences.

    Returns
    -------
    DataFrame
        `covered`, from 0 to 1. An even image without noise is covered nowhere, if it is not
        colour.

    Raises
    ------
    InputError
        For a threshold or a pixel size that is not positive, or pixels that are not finite.

    Notes
    -----
    No threshold is relative to the image (as Otsu's is, which splits an image that is all tissue),
    but the background of a fluorescence image is: an evenly covered one has none, and only what
    stands out of it counts. Glow round cells and uneven illumination count as cover. Multiplying
    intensities and adding to them change the cover of colour images only.

    References
    ----------
    Immerkær J (1996). Fast noise variance estimation. Computer Vision and Image Understanding 64,
    300-302. Macenko M et al. (2009). A method for normalizing histology slides for quantitative
    analysis. IEEE International Symposium on Biomedical Imaging, 1107-1110.
    """
    for name, value in (("density", density), ("above", above)):
        if not 0 < value < np.inf:
            raise InputError(f"{name} {value}", "a positive number")
    if is_colour(unit.channels):
        return per_image(unit, ["covered"], lambda image: [_tissue(image, density)])
    return per_image(
        unit, ["covered"], lambda image, pixel: [_cells(image, pixel, above)], "microns_per_pixel"
    )


def _tissue(image, threshold):
    return (density(image).mean(axis=0) > threshold).mean()


def _cells(image, pixel, above):
    if not (np.isfinite(pixel) and pixel > 0):
        raise InputError(f"microns_per_pixel {pixel}", "a positive number")
    covered = np.zeros(image.shape[1:], bool)
    for plane in finite(image):
        smooth = ndimage.gaussian_filter(plane, SMOOTHING / pixel)
        rise = above * _noise(plane)
        # Smoothing leaves rounding errors on an even image.
        least = 1e-9 * np.abs(plane).max()
        covered |= smooth - np.percentile(smooth, BACKGROUND) > max(rise, least)
    return covered.mean()


def _noise(plane):
    """Estimate the noise of single pixels from the median of absolute second differences."""
    differences = ndimage.convolve(plane, LAPLACIAN, mode="reflect") / 6
    return np.median(np.abs(differences)) / 0.6744897501960817
