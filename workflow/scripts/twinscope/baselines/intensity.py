"""How bright the pixels are, wherever they lie."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from twinscope.baselines.pixels import finite, per_channel, per_image, positive
from twinscope.errors import InputError

if TYPE_CHECKING:
    from twinscope.baselines import Unit


def intensity_moments(unit: Unit) -> pd.DataFrame:
    """Compute the first four moments of the intensities of every channel.

    Parameters
    ----------
    unit : Unit
        Uses the items of the index, the channels, and the images.

    Returns
    -------
    DataFrame
        `mean_{channel}`, `sd_{channel}` (native units), `skewness_{channel}`,
        `kurtosis_{channel}` (excess; population moments). The last two are NaN for a channel with
        one value only.
    """
    columns = [f"{name}_{channel}" for channel in unit.channels for name in MOMENTS]
    return per_channel(unit, columns, _moments)


def intensity_histogram(
    unit: Unit, bins: int = 32, low: float = 0.0, high: float = 1.0
) -> pd.DataFrame:
    """Compute the intensity histogram of every channel, in bins that no other image can move.

    Parameters
    ----------
    unit : Unit
        Uses the items of the index, the channels, and the images. uint8 intensities are binned
        evenly over 0..255, uint16 evenly in log2(1 + v) over 0..16, float evenly over low..high.
    bins : int
        Number of bins.
    low, high : float
        Range of float images; what lies outside enters the outer bins.

    Returns
    -------
    DataFrame
        `histogram_{channel}_{bin}`, the fraction of the channel's pixels in the bin.

    Raises
    ------
    InputError
        For a number of bins or a range that is empty, another pixel type, or pixels that are not
        finite.
    """
    bins = positive("bins", bins)
    if not low < high:
        raise InputError(f"low {low} and high {high}", "low below high")
    columns = [
        f"histogram_{channel}_{number:02d}" for channel in unit.channels for number in range(bins)
    ]
    return per_channel(unit, columns, lambda plane: _fractions(plane, bins, low, high))


def channel_correlation(unit: Unit) -> pd.DataFrame:
    """Compute how the intensities of every two channels go together, pixel by pixel.

    Parameters
    ----------
    unit : Unit
        Uses the items of the index, the channels, and the images.

    Returns
    -------
    DataFrame
        `correlation_{channel}_{channel}`, Pearson's, of every pair of channels in their order.
        NaN where one of them has one value only.

    Raises
    ------
    InputError
        For images of one channel, or pixels that are not finite.

    Notes
    -----
    Multiplying the intensities of a channel and adding to them change nothing. How much of the
    image is empty does: all stains go together where there are cells at all.
    """
    if len(unit.channels) < 2:
        raise InputError(f"one channel, {unit.channels[0]!r}", "two or more")
    columns = [f"correlation_{first}_{second}" for first, second in combinations(unit.channels, 2)]
    return per_image(unit, columns, _correlations)


def _moments(plane):
    values = plane.astype(float).ravel()
    mean = values.mean()
    if np.ptp(values) == 0:
        return [mean, 0.0, np.nan, np.nan]
    sd = values.std()
    standard = (values - mean) / sd
    return [mean, sd, (standard**3).mean(), (standard**4).mean() - 3]


def _correlations(image):
    planes = finite(image).reshape(len(image), -1)
    # An even plane has a spread of rounding errors once its mean is taken off.
    even = np.ptp(planes, axis=1) == 0
    centred = planes - planes.mean(axis=1, keepdims=True)
    length = np.where(even, np.nan, np.linalg.norm(centred, axis=1))
    scaled = centred / length[:, None]
    return (scaled @ scaled.T)[np.triu_indices(len(planes), 1)]


def _fractions(plane, bins, low, high):
    if plane.dtype == np.uint8:
        unit_range = plane / 256
    elif plane.dtype == np.uint16:
        unit_range = np.log2(1 + plane.astype(float)) / 16
    elif plane.dtype.kind == "f":
        unit_range = (plane.astype(float) - low) / (high - low)
    else:
        raise InputError(f"pixels of type {plane.dtype}", "uint8, uint16 or float")
    numbers = np.clip(np.floor(finite(unit_range) * bins), 0, bins - 1).astype(int)
    return np.bincount(numbers.ravel(), minlength=bins) / plane.size


MOMENTS = ("mean", "sd", "skewness", "kurtosis")
