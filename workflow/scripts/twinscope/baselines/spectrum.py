"""How fine the pattern of an image is: its power at each spatial frequency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from twinscope.baselines.pixels import finite, per_channel, positive
from twinscope.errors import InputError

if TYPE_CHECKING:
    from twinscope.baselines import Unit


def power_spectrum(
    unit: Unit, bins: int = 12, low: float = 0.03, high: float = 0.75
) -> pd.DataFrame:
    """Compute the radially averaged power spectrum of every channel.

    Parameters
    ----------
    unit : Unit
        Uses the items and `microns_per_pixel` of the index, the channels, and the images.
    bins : int
        Bins of spatial frequency, of equal width in its logarithm.
    low, high : float
        Range of the bins in cycles per µm.

    Returns
    -------
    DataFrame
        `power_{channel}_{bin}`: log10 of the mean power in the bin over that of all frequencies
        in the range; `power_slope_{channel}`: slope of the least-squares line of these on the
        log10 of the bins' centres. NaN for a bin without a frequency of the image (beyond its
        Nyquist frequency, or narrower than one cycle over its side), for a bin without power, for
        a slope of fewer than three bins, and for a channel with one value only.

    Raises
    ------
    InputError
        For a number of bins or a range that is empty, a pixel size that is not positive, or
        pixels that are not finite.

    Notes
    -----
    The mean, weighted by the window, is taken off and a two-dimensional Hann window laid on, so
    that the frame's edges add no power. Multiplying intensities, adding to them and turning the
    image by 90° change nothing. Blur and photon noise do.
    """
    bins = positive("bins", bins)
    if not 0 < low < high < np.inf:
        raise InputError(f"low {low} and high {high}", "0 below low below high")
    edges = np.geomspace(low, high, bins + 1)
    names = [
        [f"power_{c}_{k:02d}" for k in range(bins)] + [f"power_slope_{c}"] for c in unit.channels
    ]
    return per_channel(
        unit,
        [name for own in names for name in own],
        lambda plane, pixel: _spectrum(plane, pixel, edges),
        "microns_per_pixel",
    )


def _spectrum(plane, pixel, edges):
    if not (np.isfinite(pixel) and pixel > 0):
        raise InputError(f"microns_per_pixel {pixel}", "a positive number")
    plane, found = finite(plane), np.full(len(edges), np.nan)
    window = np.outer(*(np.hanning(length + 2)[1:-1] for length in plane.shape))
    if np.ptp(plane) == 0:
        return found
    level = (window * plane).sum() / window.sum()
    power = np.abs(np.fft.fft2(window * (plane - level))) ** 2
    y, x = (np.fft.fftfreq(length, pixel) for length in plane.shape)
    number = np.digitize(np.hypot(y[:, None], x), edges) - 1
    inside = (number >= 0) & (number < len(edges) - 1)
    count = np.bincount(number[inside], minlength=len(edges) - 1)
    total = np.bincount(number[inside], power[inside], minlength=len(edges) - 1)
    if total.sum() > 0:
        share = np.full(len(count), np.nan)
        np.divide(total * count.sum(), count * total.sum(), out=share, where=total > 0)
        found[:-1] = np.log10(share)
        found[-1] = _slope(np.log10(edges[:-1] * edges[1:]) / 2, found[:-1])
    return found


def _slope(x, y):
    known = np.isfinite(y)
    return np.polyfit(x[known], y[known], 1)[0] if known.sum() > 2 else np.nan
