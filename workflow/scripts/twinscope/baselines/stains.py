"""How much haematoxylin and eosin an image of a stained section has taken up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from twinscope.baselines.pixels import finite, per_image, white_of
from twinscope.errors import InputError

if TYPE_CHECKING:
    from twinscope.baselines import Unit

HAEMATOXYLIN = 0.65, 0.70, 0.29
EOSIN = 0.07, 0.99, 0.11
STAINS = ("haematoxylin", "eosin", "residual")
QUANTILES = (0.1, 0.5, 0.9)


def optical_density(unit: Unit, white: float | None = None) -> pd.DataFrame:
    """Summarise the optical density of each stain in every image, wherever it lies.

    Parameters
    ----------
    unit : Unit
        Uses the items of the index, the channels, and the images: red, green and blue.
    white : float, optional
        Intensity of the empty slide; the largest value of the pixel type if not given.

    Returns
    -------
    DataFrame
        `{stain}_mean`, `_sd` (n), `_q10`, `_q50` and `_q90` over the pixels of the image, for
        haematoxylin, eosin and the residual, which is what neither explains; and `density_mean`,
        the mean over pixels and colours.

    Raises
    ------
    InputError
        For an image that is not of three colours, a white that is not positive, or pixels that
        are not finite.

    Notes
    -----
    Optical density is −log10(intensity / white) of each colour, intensity at least one level
    (float: 1/255 of white). It is taken apart into the directions (0.65, 0.70, 0.29) of
    haematoxylin and (0.07, 0.99, 0.11) of eosin in (red, green, blue), each of unit length, and
    the one at a right angle to both; amounts can be negative. The directions are the same for all
    slides: how a laboratory stains and scans enters, and is often a batch effect.

    References
    ----------
    Ruifrok AC, Johnston DA (2001). Quantification of histochemical staining by color
    deconvolution. Analytical and Quantitative Cytology and Histology 23, 291-299.
    """
    need_colour(unit)
    parts = ["mean", "sd", *(f"q{quantile * 100:.0f}" for quantile in QUANTILES)]
    columns = [f"{stain}_{part}" for stain in STAINS for part in parts]
    return per_image(unit, [*columns, "density_mean"], lambda image: _summary(image, white))


def density(image: np.ndarray, white: float | None = None) -> np.ndarray:
    """Turn the intensities of a bright-field image into optical density.

    Parameters
    ----------
    image : ndarray, shape (C, Y, X)
        Integers or float.
    white : float, optional
        As in `optical_density`.

    Returns
    -------
    ndarray of float, shape (C, Y, X)
        Negative where a pixel is brighter than white.

    Raises
    ------
    InputError
        As `optical_density`.
    """
    most = white_of(image.dtype) if white is None else white
    if not 0 < most < np.inf:
        raise InputError(f"white {white}", "a positive number")
    least = most / 255 if image.dtype.kind == "f" else 1.0
    return -np.log10(np.maximum(finite(image), least) / most)


def unmix(densities: np.ndarray) -> np.ndarray:
    """Take optical densities apart into stains.

    Parameters
    ----------
    densities : ndarray, shape (3, Y, X)
        Of red, green and blue.

    Returns
    -------
    ndarray of float, shape (3, Y, X)
        Of haematoxylin, eosin and the residual.
    """
    stains = np.array([HAEMATOXYLIN, EOSIN, np.cross(HAEMATOXYLIN, EOSIN)])
    stains /= np.linalg.norm(stains, axis=1, keepdims=True)
    return np.einsum("cs,cyx->syx", np.linalg.inv(stains), densities)


def is_colour(channels: tuple[str, ...]) -> bool:
    """Tell whether channels are the red, green and blue of one colour image, in this order."""
    return [str(name).lower() for name in channels] in (["red", "green", "blue"], ["r", "g", "b"])


def need_colour(unit: Unit) -> None:
    """Raise InputError unless the unit's images are colour images."""
    if not is_colour(unit.channels):
        raise InputError(f"channels {', '.join(map(str, unit.channels))}", "red, green, blue")


def _summary(image, white):
    if len(image) != len(STAINS):
        raise InputError(f"an image of {len(image)} channels", "red, green, blue")
    densities = density(image, white)
    amounts = unmix(densities).reshape(len(STAINS), -1)
    spread = [amounts.mean(axis=1), amounts.std(axis=1), *np.quantile(amounts, QUANTILES, axis=1)]
    return [*np.array(spread).T.ravel(), densities.mean()]
