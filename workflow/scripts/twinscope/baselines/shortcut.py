"""Where and when an image was taken, without a look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from twinscope.baselines import Unit


def position(unit: Unit) -> pd.DataFrame:
    """Give the place on the plate or slide as a polynomial of degree 2.

    Parameters
    ----------
    unit : Unit
        Uses the index: `item`, `position_row`, `position_column`.

    Returns
    -------
    DataFrame
        `row`, `column`, `row_squared`, `column_squared`, `row_column`. NaN without a position.
    """
    index = unit.index.set_index("item")
    row, column = index["position_row"].astype(float), index["position_column"].astype(float)
    return pd.DataFrame(
        {
            "row": row,
            "column": column,
            "row_squared": row**2,
            "column_squared": column**2,
            "row_column": row * column,
        }
    )


def batch(unit: Unit) -> pd.DataFrame:
    """Give the batch, one-hot.

    Parameters
    ----------
    unit : Unit
        Uses the index: `item`, `batch`.

    Returns
    -------
    DataFrame
        `batch={name}` for every batch of the unit, sorted: 1 for the image's own, 0 for others,
        NaN where the batch of an image is not known. `attrs["absent"]` is 0: an image of this
        unit is in no batch that only other units have. A single column `batch` of NaN where no
        batch is known.
    """
    batches = unit.index.set_index("item")["batch"]
    names = batches.astype(object).where(batches.notna(), "").astype(str)
    known = names != ""
    columns = {
        f"batch={name}": (names == name).astype(float).where(known)
        for name in sorted(set(names[known]))
    }
    frame = pd.DataFrame(columns or {"batch": np.nan}, index=batches.index, dtype=float)
    frame.attrs["absent"] = 0.0
    return frame
