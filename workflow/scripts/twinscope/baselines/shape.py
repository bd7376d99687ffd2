"""How large and how round the nuclei are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from twinscope.baselines.moments import NAMES, summarise

if TYPE_CHECKING:
    from twinscope.baselines import Unit

MEASURES = (
    "area",
    "perimeter",
    "major_axis",
    "minor_axis",
    "eccentricity",
    "solidity",
    "form_factor",
)
PARTS = (*NAMES, "q50")


def nuclear_shape(unit: Unit) -> pd.DataFrame:
    """Summarise the size and shape of the nuclei of every image.

    A nucleus cut by the edge of the image has a false shape, so it is left out wherever the image
    has at least one whole nucleus; an image with cut nuclei only is described by those. Neither
    counts nor intensities enter.

    Parameters
    ----------
    unit : Unit
        Uses the items of the index, and the cells.

    Returns
    -------
    DataFrame
        As `distribution` gives them over the nuclei of the image, for area (µm²), perimeter, major
        and minor axis (µm), eccentricity, solidity and form factor.
    """
    return distribution(unit, uncut(unit.cells, unit.cells["border"]), MEASURES)


def distribution(unit: Unit, cells: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Describe how shapes are distributed over the cells of every image.

    Parameters
    ----------
    unit : Unit
        Uses the items of the index.
    cells : DataFrame
        One row a cell, with its `item`.
    names : sequence of str
        The measures.

    Returns
    -------
    DataFrame
        `{measure}_mean`, `_l2`, `_l3` and `_l4` (see `moments.summarise`) and the median, `_q50`.
        NaN for an image without cells, or with fewer than the moment needs.
    """
    moments = summarise(cells, cells["item"], names)
    middle = cells.groupby("item")[list(names)].median().add_suffix("_q50")
    frame = moments.join(middle)[[f"{name}_{part}" for name in names for part in PARTS]]
    return frame.reindex(pd.Index(unit.index["item"])).astype(float)


def uncut(cells: pd.DataFrame, border: pd.Series) -> pd.DataFrame:
    """Keep the whole cells of each image, or the cut ones of an image that has no other.

    Parameters
    ----------
    cells : DataFrame
        One row a cell, with its `item`.
    border : Series of bool
        Whether the edge of the image cuts it.

    Returns
    -------
    DataFrame
        The rows kept.
    """
    whole = ~border.astype(bool)
    return cells.loc[whole | ~cells["item"].isin(cells.loc[whole, "item"])]
