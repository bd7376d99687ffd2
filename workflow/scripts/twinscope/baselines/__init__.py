"""Trivial representations: a few numbers about cells, pixels, place or batch, or nothing."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from inspect import signature

import numpy as np
import pandas as pd

from twinscope.errors import InputError, one_of


@dataclass(frozen=True)
class Unit:
    """What a baseline may look at: the images of one unit, and what is known about them.

    Attributes
    ----------
    index : DataFrame
        One row an image: `item`, `label`, `batch`, `group`, `control`, `position`,
        `position_row`, `position_column`, `microns_per_pixel`, `height`, `width`.
    channels : tuple of str
        Names of the channels.
    cells : DataFrame
        One row a nucleus of all images, as `twinscope.cells.measure` makes it.
    images : iterable of ndarray, shape (C, Y, X)
        In index order; a baseline iterates over it at most once.
    masks : iterable of ndarray of int, shape (Y, X)
        Label images of the nuclei, likewise.
    """

    index: pd.DataFrame
    channels: tuple[str, ...]
    cells: pd.DataFrame
    images: Iterable[np.ndarray]
    masks: Iterable[np.ndarray]


def function(name: str) -> Callable[..., pd.DataFrame]:
    """Return the function of a baseline, a key of `BASELINES`."""
    module, own = BASELINES[name].split(".")
    return getattr(import_module(f"twinscope.baselines.{module}"), own)


def describe(name: str, unit: Unit, arguments: dict) -> pd.DataFrame:
    """Compute one baseline for the images of one unit.

    Parameters
    ----------
    name : str
        A key of `BASELINES`.
    unit : Unit
        The images and what is known about them.
    arguments : dict
        Keyword arguments of the baseline.

    Returns
    -------
    DataFrame
        Index: the items in the order of `unit.index`. Columns: float features, NaN where a value
        does not exist. `attrs["absent"]`, where set, is the value of a column that other units
        have and this one does not.

    Raises
    ------
    InputError
        For an unknown baseline or argument, items named twice, or cells of an image that is not
        in the index.
    """
    if name not in BASELINES:
        raise InputError(f"baseline {name!r}", one_of(BASELINES, name))
    computed = function(name)
    known = list(signature(computed).parameters)[1:]
    for argument in arguments:
        if argument not in known:
            expected = one_of(known, argument) if known else "no argument"
            raise InputError(f"argument {argument!r} of baseline {name!r}", expected)
    _check_items(unit)
    return _checked(computed(unit, **arguments), name, unit)


def _check_items(unit):
    items = pd.Index(unit.index["item"])
    if not items.is_unique:
        raise InputError(f"item {items[items.duplicated()][0]!r} twice", "each item once")
    strays = unit.cells.loc[~unit.cells["item"].isin(items), "item"]
    if len(strays):
        raise InputError(f"cells of image {strays.iloc[0]!r}", "cells of images in the index only")


def _checked(frame, name, unit):
    if list(frame.index) != list(unit.index["item"]):
        raise ValueError(f"baseline {name!r} lost, doubled or moved rows")
    if not frame.shape[1] or not frame.columns.is_unique:
        raise ValueError(f"baseline {name!r} has no columns, or two of one name")
    if any(kind.kind != "f" for kind in frame.dtypes):
        raise ValueError(f"baseline {name!r} has columns that are not float")
    return frame


# Imported where they run: half of them need what takes a second to import.
BASELINES = {
    "cell-count": "counts.cell_count",
    "tissue-fraction": "coverage.tissue_fraction",
    "nuclear-shape": "shape.nuclear_shape",
    "cell-shape": "nuclei.cell_shape",
    "layout": "layout.layout",
    "graph": "graph.graph",
    "composition": "composition.bag",
    "mask-network": "mask.mask_network",
    "nuclear-intensity": "nuclei.nuclear_intensity",
    "intensity-moments": "intensity.intensity_moments",
    "intensity-histogram": "intensity.intensity_histogram",
    "channel-correlation": "intensity.channel_correlation",
    "optical-density": "stains.optical_density",
    "thumbnail": "pixels.thumbnail",
    "pixel-components": "pixels.components",
    "random-patches": "pixels.random_patches",
    "nuclear-texture": "nuclei.nuclear_texture",
    "organelles": "nuclei.organelles",
    "haralick": "texture.haralick",
    "lbp": "texture.lbp",
    "granularity": "texture.granularity",
    "power-spectrum": "spectrum.power_spectrum",
    "classical": "profile.classical",
    "position": "shortcut.position",
    "well": "shortcut.well_onehot",
    "plate-order": "shortcut.plate_order",
    "coordinates": "shortcut.coordinates",
    "batch": "shortcut.batch",
    "file-size": "shortcut.file_size",
    "library-size": "shortcut.library_size",
    "noise": "null.noise",
    "constant": "null.constant",
    "true-factors": "truth.true_factors",
    "planted": "truth.planted",
}
