"""What the pattern of an image is like, wherever it lies and however bright it is."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from twinscope.baselines.pixels import finite, per_channel, positive
from twinscope.baselines.points import named
from twinscope.errors import InputError

if TYPE_CHECKING:
    from twinscope.baselines import Unit

HARALICK = ("contrast", "dissimilarity", "homogeneity", "ASM", "correlation", "entropy")


def haralick(
    unit: Unit,
    levels: int = 32,
    distances: Sequence[int] = (1, 3),
    low: float = 1.0,
    high: float = 99.0,
) -> pd.DataFrame:
    """Compute Haralick's features of the grey-level co-occurrence of every channel.

    Parameters
    ----------
    unit : Unit
        Uses the items of the index, the channels, and the images.
    levels : int
        Grey levels, from 2 to 256, of equal width from the lower to the upper percentile of the
        channel of the image; what lies outside enters the outer levels. If both are the same,
        from the least to the largest intensity.
    distances : sequence of int
        Between the two pixels of a pair, in pixels: so far along rows and columns, and as many
        whole steps as come nearest to it along both diagonals.
    low, high : float
        The percentiles.

    Returns
    -------
    DataFrame
        `haralick_{feature}_{channel}_{distance}` for the features in `HARALICK`, each the mean of
        four directions. NaN for a channel with one value only, and for an image too small for
        the distance.

    Raises
    ------
    InputError
        For levels, distances or percentiles out of range, or pixels that are not finite.

    Notes
    -----
    Levels are the image's own, so multiplying intensities, adding to them and turning the image by
    90° change nothing. What does: blur, photon noise (stronger in a dim image), and the share of
    the image that lies in cells.

    References
    ----------
    Haralick RM, Shanmugam K, Dinstein I (1973). Textural features for image classification.
    IEEE Transactions on Systems, Man, and Cybernetics 3, 610-621. Computed by scikit-image.
    """
    levels = positive("levels", levels)
    if not 2 <= levels <= 256:
        raise InputError(f"levels {levels}", "from 2 to 256")
    if not 0 <= low < high <= 100:
        raise InputError(f"low {low} and high {high}", "percentiles, low below high")
    distances = _whole("distances", distances)
    columns = [
        f"haralick_{name}_{channel}_{distance}"
        for channel in unit.channels
        for distance in distances
        for name in HARALICK
    ]
    return per_channel(
        unit,
        columns,
        lambda plane: _haralick(_quantise(plane, levels, low, high), levels, distances),
    )


def lbp(unit: Unit, radii: Sequence[int] = (1, 2)) -> pd.DataFrame:
    """Compute histograms of uniform, rotation-invariant local binary patterns of every channel.

    Parameters
    ----------
    unit : Unit
        Uses the items of the index, the channels, and the images.
    radii : sequence of int
        Of the circles in pixels; each has 8 times as many points.

    Returns
    -------
    DataFrame
        `lbp_{channel}_{radius}_{pattern}`, the fraction of the pixels (those whose circle lies in
        the image) of which so many neighbours on one arc are at least as bright, the others
        darker; the last pattern is every other arrangement. An even channel has all neighbours at
        least as bright. NaN for an image smaller than the circle.

    Raises
    ------
    InputError
        For radii that are not positive whole numbers, or pixels that are not finite.

    Notes
    -----
    Multiplying intensities and adding to them change nothing, nor does turning the image by 90°,
    but for points between pixels that rounding takes over a tie. Photon noise decides the pattern
    of an empty background.

    References
    ----------
    Ojala T, Pietikäinen M, Mäenpää T (2002). Multiresolution gray-scale and rotation invariant
    texture classification with local binary patterns. IEEE Transactions on Pattern Analysis and
    Machine Intelligence 24, 971-987. Computed by scikit-image.
    """
    radii = _whole("radii", radii)
    columns = [
        f"lbp_{channel}_{radius}_{pattern:02d}"
        for channel in unit.channels
        for radius in radii
        for pattern in range(8 * radius + 2)
    ]
    return per_channel(
        unit, columns, lambda plane: np.concatenate([_patterns(finite(plane), r) for r in radii])
    )


def granularity(unit: Unit, radii: Sequence[float] = (1.0, 2.0, 4.0, 8.0)) -> pd.DataFrame:
    """Compute how much of the light of every channel lies in bright grains of each size.

    Parameters
    ----------
    unit : Unit
        Uses the items and `microns_per_pixel` of the index, the channels, and the images.
    radii : sequence of float
        Radii of discs in µm, rising; rounded to whole pixels.

    Returns
    -------
    DataFrame
        `granularity_{channel}_{radius}um`: what opening by the disc takes away from the image
        that the disc before it left, over what all of them take. NaN for a disc of less than half
        a pixel, and for a channel from which none takes anything.

    Raises
    ------
    InputError
        For radii that are not positive and rising, a pixel size that is not positive, or pixels
        that are not finite.

    Notes
    -----
    Multiplying intensities, adding to them and turning the image by 90° change nothing. Photon
    noise is in the smallest disc. Discs are octagons, which small steps add up to.

    References
    ----------
    Maragos P (1989). Pattern spectrum and multiscale shape representation. IEEE Transactions on
    Pattern Analysis and Machine Intelligence 11, 701-716.
    """
    names = [
        name for c in unit.channels for name in named(f"granularity_{c}", radii, "um").values()
    ]
    radii = np.array(list(radii), float)
    if (np.diff(radii) <= 0).any():
        raise InputError(f"radii {radii.tolist()}", "rising radii")
    return per_channel(
        unit, names, lambda plane, pixel: _grains(plane, pixel, radii), "microns_per_pixel"
    )


def _whole(name, values):
    values = [positive(name, value) for value in values]
    if not values or len(set(values)) < len(values):
        raise InputError(f"{name} {values}", "positive whole numbers, each once")
    return values


def _quantise(plane, levels, low, high):
    """Grey levels of a plane, or None if it has one value only."""
    values = finite(plane)
    least, most = np.percentile(values, [low, high])
    if least == most:
        least, most = values.min(), values.max()
    if least == most:
        return None
    grey = np.floor((values - least) / (most - least) * levels)
    return np.clip(grey, 0, levels - 1).astype(np.uint8)


def _haralick(grey, levels, distances):
    from skimage.feature import graycomatrix, graycoprops

    found = np.full((len(distances), len(HARALICK)), np.nan)
    angles = np.arange(4) * np.pi / 4
    for row, distance in enumerate(distances):
        if grey is not None and distance < min(grey.shape):
            pairs = graycomatrix(grey, [distance], angles, levels, symmetric=True, normed=True)
            found[row] = [graycoprops(pairs, name).mean() for name in HARALICK]
    return found.ravel()


def _patterns(plane, radius):
    from skimage.feature import local_binary_pattern

    points = 8 * radius
    if min(plane.shape) <= 2 * radius:
        return np.full(points + 2, np.nan)
    with warnings.catch_warnings():
        # It warns of float images, for the ties that are named above.
        warnings.simplefilter("ignore", UserWarning)
        codes = local_binary_pattern(plane, points, radius, "uniform")
    codes = codes[radius:-radius, radius:-radius].astype(int)
    return np.bincount(codes.ravel(), minlength=points + 2) / codes.size


def _grains(plane, pixel, radii):
    from skimage.morphology import opening

    if not (np.isfinite(pixel) and pixel > 0):
        raise InputError(f"microns_per_pixel {pixel}", "a positive number")
    left, taken = finite(plane), np.full(len(radii), np.nan)
    for number, steps in enumerate(np.round(radii / pixel).astype(int)):
        if steps:
            opened = opening(left, _octagon(steps))
            taken[number], left = (left - opened).sum(), opened
    total = np.nansum(taken)
    return taken / total if total > 0 else np.full(len(radii), np.nan)


def _octagon(radius):
    """Crosses and squares that add up to an octagon with sides as equal as pixels allow."""
    square, cross = np.ones((3, 3), bool), np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)
    squares = round(radius * np.tan(np.pi / 8))
    steps = ((cross, radius - squares), (square, squares))
    return [(shape, int(times)) for shape, times in steps if times]
