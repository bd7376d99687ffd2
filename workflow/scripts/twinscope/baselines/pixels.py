"""What the pixels say before anything is measured, and how baselines walk over images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from twinscope.errors import InputError

if TYPE_CHECKING:
    from twinscope.baselines import Unit


def thumbnail(unit: Unit, side: int = 8) -> pd.DataFrame:
    """Shrink every image to a few pixels by averaging areas.

    Parameters
    ----------
    unit : Unit
        Uses the items of the index, the channels, and the images.
    side : int
        Rows and columns of the small image, whatever the shape of the large one.

    Returns
    -------
    DataFrame
        `pixel_{channel}_{row}_{column}`, the mean intensity of that part of the image, in its
        units; a pixel that two parts share counts in each by its share.

    Raises
    ------
    InputError
        For a side that is not a positive whole number, an image with fewer pixels than that, or
        pixels that are not finite.

    Notes
    -----
    Brightness, place and orientation all enter. Principal components are those of `components`.
    """
    side = positive("side", side)
    places = [f"{row:02d}_{column:02d}" for row in range(side) for column in range(side)]
    columns = [f"pixel_{channel}_{place}" for channel in unit.channels for place in places]
    return per_channel(unit, columns, lambda plane: _shrink(plane, side).ravel())


def components(unit: Unit, side: int = 16, components: int = 64) -> pd.DataFrame:
    """Keep the pixels of every small image, for principal components learned on training items.

    Parameters
    ----------
    unit : Unit
        Uses the items of the index, the channels, and the images.
    side : int
        As for `thumbnail`.
    components : int
        Principal components, at most as many as training items and pixels allow.

    Returns
    -------
    DataFrame
        As from `thumbnail`. `attrs["fit"]` says what is to be learned from it.

    Raises
    ------
    InputError
        As for `thumbnail`.
    """
    frame = thumbnail(unit, side)
    number = positive("components", components)
    frame.attrs["fit"] = {"kind": "components", "components": number}
    return frame


def random_patches(
    unit: Unit, patches: int = 256, size: int = 9, dimensions: int = 64, seed: int = 0
) -> pd.DataFrame:
    """Summarise the responses of patches of every image to random linear filters.

    Parameters
    ----------
    unit : Unit
        Uses the items of the index, the channels, and the images.
    patches : int
        Patches of an image; they lie at the same relative places in every image.
    size : int
        Side of a patch in pixels.
    dimensions : int
        Number of filters, each over all channels: Gaussian weights of unit length. A smaller
        number gives the first filters of a larger one.
    seed : int
        Of filters and places, which are the same for all images of all units.

    Returns
    -------
    DataFrame
        `random_{filter}_mean` and `_sd` (n) of the responses over the patches, for intensities
        as fractions of the largest value of their type (float as they are).

    Raises
    ------
    InputError
        For a number that is not positive and whole, a negative seed, an image smaller than a
        patch, a pixel type other than integer or float, or pixels that are not finite.

    Notes
    -----
    Means are little more than weighted sums of the channels' mean intensities; standard
    deviations measure contrast in random combinations of frequencies. Brightness enters both.
    Nothing is learned.
    """
    patches, size = positive("patches", patches), positive("size", size)
    dimensions = positive("dimensions", dimensions)
    if isinstance(seed, bool) or seed != int(seed) or seed < 0:
        raise InputError(f"seed {seed!r}", "a whole number, 0 or more")
    weights = np.random.default_rng([int(seed), 0]).standard_normal(
        (dimensions, len(unit.channels) * size**2)
    )
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    places = np.random.default_rng([int(seed), 1]).random((patches, 2))
    names = [f"random_{number:02d}" for number in range(dimensions)]
    columns = [f"{name}_{part}" for part in ("mean", "sd") for name in names]
    return per_image(unit, columns, lambda image: _responses(image, weights, places, size))


def per_image(
    unit: Unit, columns: Sequence[str], function: Callable[..., Sequence[float]], *given: str
) -> pd.DataFrame:
    """Make one row of features of every image.

    Parameters
    ----------
    unit : Unit
        Uses the items of the index, and the images once.
    columns : sequence of str, length d
        Names of the features.
    function : callable
        Takes an image (C, Y, X) and one value of each of the `given` columns; returns d numbers.
    *given : str
        Columns of the index.

    Returns
    -------
    DataFrame
        One row an item, in the order of the index.
    """
    items = pd.Index(unit.index["item"])
    known = zip(unit.images, *(unit.index[name] for name in given), strict=True)
    rows = [function(image, *values) for image, *values in known]
    values = np.asarray(rows, float).reshape(len(items), len(columns))
    return pd.DataFrame(values, index=items, columns=list(columns))


def per_channel(
    unit: Unit, columns: Sequence[str], function: Callable[..., Sequence[float]], *given: str
) -> pd.DataFrame:
    """Make one row of features of every image, channel by channel.

    Parameters
    ----------
    unit : Unit
        Uses the items of the index, the channels, and the images once.
    columns : sequence of str, length C · d
        Names of the features, all of the first channel first.
    function : callable
        Takes a plane (Y, X) and one value of each of the `given` columns; returns d numbers.
    *given : str
        Columns of the index.

    Returns
    -------
    DataFrame
        One row an item, in the order of the index.
    """

    def every_channel(image, *values):
        planes = zip(unit.channels, image, strict=True)
        return np.concatenate([function(plane, *values) for _, plane in planes])

    return per_image(unit, columns, every_channel, *given)


def finite(values: np.ndarray) -> np.ndarray:
    """Return pixels as float64, or raise InputError where one is not finite."""
    values = np.asarray(values, float)
    if not np.isfinite(values).all():
        raise InputError("pixels that are not finite", "finite intensities")
    return values


def white_of(dtype: np.dtype) -> float:
    """Return the largest intensity of a pixel type: 1 of float, or InputError for another kind."""
    if dtype.kind not in "uif":
        raise InputError(f"pixels of type {dtype}", "integers or float")
    return 1.0 if dtype.kind == "f" else float(np.iinfo(dtype).max)


def positive(name: str, value: float) -> int:
    """Return a positive whole number as int, or raise InputError with its name."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 1 or value % 1:
        raise InputError(f"{name} {value!r}", "a positive whole number")
    return int(value)


def _shrink(plane, side):
    if side > min(plane.shape):
        raise InputError(f"side {side} for an image of {plane.shape} pixels", "no more than it has")
    down, across = (_shares(length, side) for length in plane.shape)
    return down @ finite(plane) @ across.T


def _shares(length, side):
    """Which share of each part of a line each of its pixels makes, as (side, length)."""
    edges, pixels = np.linspace(0, length, side + 1), np.arange(length)
    ends = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.maximum(ends, 0) * side / length


def _responses(image, weights, places, size):
    if size > min(image.shape[1:]):
        expected = f"images of at least {size} pixels"
        raise InputError(f"an image of {image.shape[1:]} pixels", expected)
    if weights.shape[1] != len(image) * size**2:
        raise InputError(f"an image of {len(image)} channels", f"{weights.shape[1] // size**2}")
    scaled = finite(image) / white_of(image.dtype)
    windows = np.lib.stride_tricks.sliding_window_view(scaled, (size, size), axis=(1, 2))
    rows, columns = (places * windows.shape[1:3]).astype(int).T
    found = windows[:, rows, columns].transpose(1, 0, 2, 3).reshape(len(rows), -1) @ weights.T
    return np.concatenate([found.mean(axis=0), found.std(axis=0)])
