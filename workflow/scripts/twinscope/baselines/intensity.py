"""How bright the pixels are, wherever they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

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
    return _per_image(unit, columns, _moments)


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
    if int(bins) != bins or bins < 1:
        raise InputError(f"bins {bins!r}", "a positive whole number")
    if not low < high:
        raise InputError(f"low {low} and high {high}", "low below high")
    bins = int(bins)
    columns = [
        f"histogram_{channel}_{number:02d}" for channel in unit.channels for number in range(bins)
    ]
    return _per_image(unit, columns, lambda plane: _fractions(plane, bins, low, high))


def _per_image(unit, columns, function):
    items = pd.Index(unit.index["item"])
    rows = [
        np.concatenate([function(plane) for _, plane in zip(unit.channels, image, strict=True)])
        for _, image in zip(items, unit.images, strict=True)
    ]
    values = np.asarray(rows, float).reshape(len(items), len(columns))
    return pd.DataFrame(values, index=items, columns=columns)


def _moments(plane):
    values = plane.astype(float).ravel()
    mean = values.mean()
    if np.ptp(values) == 0:
        return [mean, 0.0, np.nan, np.nan]
    sd = values.std()
    standard = (values - mean) / sd
    return [mean, sd, (standard**3).mean(), (standard**4).mean() - 3]


def _fractions(plane, bins, low, high):
    if plane.dtype == np.uint8:
        unit_range = plane / 256
    elif plane.dtype == np.uint16:
        unit_range = np.log2(1 + plane.astype(float)) / 16
    elif plane.dtype.kind == "f":
        unit_range = (plane.astype(float) - low) / (high - low)
    else:
        raise InputError(f"pixels of type {plane.dtype}", "uint8, uint16 or float")
    if not np.isfinite(unit_range).all():
        raise InputError("pixels that are not finite", "finite intensities")
    numbers = np.clip(np.floor(unit_range * bins), 0, bins - 1).astype(int)
    return np.bincount(numbers.ravel(), minlength=bins) / plane.size


MOMENTS = ("mean", "sd", "skewness", "kurtosis")
