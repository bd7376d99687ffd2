"""What stains, chromatin and cytoplasm of single cells are like, summarised over an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from twinscope.baselines.moments import summarise
from twinscope.baselines.shape import distribution, uncut
from twinscope.errors import InputError

if TYPE_CHECKING:
    from twinscope.baselines import Unit

TEXTURES = ("cv", "skewness", "contrast", "correlation", "homogeneity")
CELL_SHAPES = ("cell_area", "cell_eccentricity", "cell_solidity")
MEASURED = "cells as `measure` gives them now"


def nuclear_intensity(unit: Unit) -> pd.DataFrame:
    """Summarise how bright the nuclei of every image are, and what lies round them.

    Counts, shapes and the arrangement of the stain within a nucleus do not enter. As with
    `nuclear_shape`, a nucleus cut by the edge of the image is left out wherever the image has a
    whole one.

    Parameters
    ----------
    unit : Unit
        Uses the items of the index, the channels, and the cells.

    Returns
    -------
    DataFrame
        `intensity_mean_{channel}_mean` and `_l2` (see `moments.summarise`) over the nuclei of
        the image, in the units of the image; the same of `ring_mean_{channel}`, where it was
        measured. NaN for an image without nuclei; the spread of one nucleus is NaN.
    """
    names = [f"intensity_mean_{channel}" for channel in unit.channels]
    rings = [f"ring_mean_{channel}" for channel in unit.channels]
    names += [name for name in rings if name in unit.cells]
    return _summary(unit, uncut(unit.cells, unit.cells["border"]), names)


def nuclear_texture(unit: Unit) -> pd.DataFrame:
    """Summarise the texture inside the nuclei of every image, whatever their brightness.

    Parameters
    ----------
    unit : Unit
        Uses the items of the index, the channels, and the cells.

    Returns
    -------
    DataFrame
        `texture_{name}_{channel}_mean` and `_l2` over the nuclei of the image, where name is
        one of `TEXTURES`, as `twinscope.cells.texture` defines them and with the leaks named
        there. NaN for an image without nuclei large enough to have a texture. Cut nuclei as in
        `nuclear_intensity`.

    Raises
    ------
    InputError
        When the cells were measured without textures.
    """
    names = [f"texture_{name}_{channel}" for channel in unit.channels for name in TEXTURES]
    _need(unit, names, MEASURED)
    return _summary(unit, uncut(unit.cells, unit.cells["border"]), names)


def cell_shape(unit: Unit) -> pd.DataFrame:
    """Summarise the size and shape of the whole cells of every image, as `nuclear_shape` does.

    Parameters
    ----------
    unit : Unit
        Uses the items of the index, and the cells.

    Returns
    -------
    DataFrame
        As `shape.distribution` gives them over the cells of the image, for area (µm²),
        eccentricity and solidity. A cell cut by the edge of the image is left out wherever the
        image has a whole one.

    Raises
    ------
    InputError
        When the data set has no masks of whole cells.
    """
    _need(unit, (*CELL_SHAPES, "cell_border"), "a data set with masks of whole cells")
    return distribution(unit, uncut(unit.cells, unit.cells["cell_border"]), CELL_SHAPES)


def organelles(unit: Unit) -> pd.DataFrame:
    """Summarise where every stain lies in the cells of each image, whatever its brightness.

    Parameters
    ----------
    unit : Unit
        Uses the items of the index, the channels, and the cells.

    Returns
    -------
    DataFrame
        `{measure}_{channel}_mean` and `_l2` over the nuclei of the image. Measures are
        `ring_share`, the mean in the ring round the nucleus over the sum of that and the mean in
        the nucleus (r / (1 + r) of their ratio r, which would grow without bound where a nucleus
        is dark); and, where the data set has masks of whole cells, `reach` and `coherence`, as
        `twinscope.cells.cytoplasm` defines them. NaN for an image without cells. Cut nuclei as in
        `nuclear_intensity`.

    Raises
    ------
    InputError
        When the cells were measured without rings.

    Notes
    -----
    A constant added to the image (the offset of a camera) draws `ring_share` to 0.5 and `reach`
    to 1, more so where the stain is dim: there they follow its brightness a little.
    """
    _need(unit, [f"ring_mean_{channel}" for channel in unit.channels], MEASURED)
    shares = {f"ring_share_{channel}": _share(unit.cells, channel) for channel in unit.channels}
    cells = unit.cells.assign(**shares)
    names = [f"{name}_{c}" for c in unit.channels for name in ("ring_share", "reach", "coherence")]
    names = [name for name in names if name in cells]
    return _summary(unit, uncut(cells, cells["border"]), names)


def _share(cells, channel):
    ring, nucleus = cells[f"ring_mean_{channel}"], cells[f"intensity_mean_{channel}"]
    total = ring + nucleus
    return ring / total.where(total > 0, np.nan)


def _need(unit, names, expected):
    missing = [name for name in names if name not in unit.cells]
    if missing:
        raise InputError(f"cells without the column {missing[0]!r}", expected)


def _summary(unit, cells, names):
    frame = summarise(cells, cells["item"], names, orders=2)
    return frame.reindex(pd.Index(unit.index["item"])).astype(float)
