"""Where and when an image was taken, without a look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from twinscope.baselines.pixels import positive
from twinscope.errors import InputError, one_of

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
    return _onehot(unit, "batch")


def well_onehot(unit: Unit) -> pd.DataFrame:
    """Give the place on the plate or slide by its name, one-hot.

    Parameters
    ----------
    unit : Unit
        Uses the index: `item`, `position`.

    Returns
    -------
    DataFrame
        `position={name}`, as `batch` does it.
    """
    return _onehot(unit, "position")


def plate_order(unit: Unit, columns: int = 24) -> pd.DataFrame:
    """Give the turn of the place on the plate when rows are imaged there and back (serpentine).

    Parameters
    ----------
    unit : Unit
        Uses the index: `item`, `position_row`, `position_column`, counted from 1.
    columns : int
        Columns of the plate.

    Returns
    -------
    DataFrame
        `order`, from 0: along the first row, back along the second, and so on; the same for all
        sites of a well. NaN without a position.

    Raises
    ------
    InputError
        For a place that is not a whole row and column of such a plate.
    """
    columns, place = positive("columns", columns), _places(unit)
    known = place.dropna()
    wrong = known[((known % 1 != 0) | (known < 1)).any(axis=1) | (known["column"] > columns)]
    if len(wrong):
        row, column = wrong.iloc[0]
        expected = f"whole numbers from 1, columns up to {columns}"
        raise InputError(f"row {row:g}, column {column:g} of {wrong.index[0]!r}", expected)
    back = place["row"] % 2 == 0
    along = (place["column"] - 1).where(~back, columns - place["column"])
    return ((place["row"] - 1) * columns + along).to_frame("order")


def coordinates(unit: Unit, degree: int = 3, height: float = 16, width: float = 24) -> pd.DataFrame:
    """Give the place on the plate or slide as a polynomial of any degree.

    Parameters
    ----------
    unit : Unit
        Uses the index: `item`, `position_row`, `position_column`.
    degree : int
        Highest sum of the powers of y and x.
    height, width : float
        Row and column at which y and x are 1; half of either is 0. They are the same for all
        images, so that units can be described one by one.

    Returns
    -------
    DataFrame
        `y{power}x{power}` of all powers whose sum is from 1 to the degree. NaN without a position.

    Raises
    ------
    InputError
        For a degree that is not a positive whole number, or a height or width that is not
        positive.
    """
    degree = positive("degree", degree)
    for name, value in (("height", height), ("width", width)):
        if not 0 < value < np.inf:
            raise InputError(f"{name} {value}", "a positive number")
    place = _places(unit)
    y, x = 2 * place["row"] / height - 1, 2 * place["column"] / width - 1
    powers = [(total - of_x, of_x) for total in range(1, degree + 1) for of_x in range(total + 1)]
    return pd.DataFrame({f"y{of_y}x{of_x}": y**of_y * x**of_x for of_y, of_x in powers})


def file_size(unit: Unit) -> pd.DataFrame:
    """Give the size of the image's file: how well its content compresses.

    Parameters
    ----------
    unit : Unit
        Uses the index: `item`, `bytes`.

    Returns
    -------
    DataFrame
        `bytes`. NaN where it is not known.

    Raises
    ------
    InputError
        When the index has no such column, or it holds what is not a number or is negative.
    """
    return _amounts(unit, "bytes").to_frame("bytes")


def library_size(unit: Unit, column: str = "total_counts") -> pd.DataFrame:
    """Give how much was counted at the place of the image, whatever it was.

    Parameters
    ----------
    unit : Unit
        Uses the index: `item` and the column.
    column : str
        Numbers, or their digits.

    Returns
    -------
    DataFrame
        `log_{column}`, log(1 + value). NaN where it is not known.

    Raises
    ------
    InputError
        When the index has no such column, or it holds what is not a number or is negative.
    """
    return np.log1p(_amounts(unit, column)).to_frame(f"log_{column}")


def _onehot(unit, column):
    values = unit.index.set_index("item")[column]
    names = values.astype(object).where(values.notna(), "").astype(str)
    known = names != ""
    columns = {
        f"{column}={name}": (names == name).astype(float).where(known)
        for name in sorted(set(names[known]))
    }
    frame = pd.DataFrame(columns or {column: np.nan}, index=values.index, dtype=float)
    frame.attrs["absent"] = 0.0
    return frame


def _places(unit):
    index = unit.index.set_index("item")
    names = {"row": index["position_row"], "column": index["position_column"]}
    return pd.DataFrame(names).astype(float)


def _amounts(unit, column):
    if column not in unit.index:
        raise InputError(f"no column {column!r} in the index", one_of(unit.index.columns, column))
    given = unit.index.set_index("item")[column]
    text = given.astype(object).where(given.notna(), "").astype(str).str.strip()
    values = pd.to_numeric(text.where(text != ""), errors="coerce").astype(float)
    wrong = text[(text != "") & ~((values >= 0) & (values < np.inf))]
    if len(wrong):
        expected = "a number, 0 or more"
        raise InputError(f"{wrong.iloc[0]!r} of {wrong.index[0]!r}", expected, column=column)
    return values
