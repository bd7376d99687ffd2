"""The nuclei of one image as points in a window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from twinscope.errors import InputError

if TYPE_CHECKING:
    from twinscope.baselines import Unit


@dataclass(frozen=True)
class Points:
    """Where the nuclei of one image lie.

    Attributes
    ----------
    places : ndarray, shape (n, 2)
        Centroids (y, x) in µm from the corner of the image, sorted.
    window : ndarray, shape (2,)
        Height and width of the image in µm.
    cells : DataFrame
        The rows of the nuclei, in the order of `places`.
    """

    places: np.ndarray
    window: np.ndarray
    cells: pd.DataFrame

    def __len__(self):
        """Count the nuclei."""
        return len(self.places)

    @property
    def area(self) -> float:
        """Area of the window, µm²."""
        return float(np.prod(self.window))

    @property
    def spacing(self) -> float:
        """Mean spacing √(area / n) in µm; infinite where there is no nucleus."""
        return float(np.sqrt(self.area / len(self))) if len(self) else np.inf


def describe_points(
    unit: Unit, describe: Callable[[Points], dict[str, float]], cells: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Apply a function to the points of every image.

    Parameters
    ----------
    unit : Unit
        Uses `item`, `height`, `width` and `microns_per_pixel` of the index, and the cells.
    describe : callable
        Takes `Points`, gives the same named floats for every image, empty ones included.
    cells : DataFrame, optional
        In place of the cells of the unit: some of them, or with more columns.

    Returns
    -------
    DataFrame
        Index: the items in the order of `unit.index`. Columns: the names, float.

    Raises
    ------
    InputError
        When a centroid is not a place within its image.

    Notes
    -----
    Centroids count from the centre of the first pixel, the window from its corner: half a pixel
    lies between. Points are sorted, so that sums do not depend on the order of the rows.
    """
    cells = unit.cells if cells is None else cells
    groups = dict(list(cells.groupby("item", sort=False)))
    rows = []
    for image in unit.index.itertuples():
        own = groups.get(image.item, cells.iloc[:0])
        rows.append(describe(_points(own, image)))
    columns = list(rows[0]) if rows else list(describe(_no_points(cells)))
    return pd.DataFrame(rows, pd.Index(unit.index["item"]), columns, dtype=float)


def named(prefix: str, values: list[float], suffix: str = "") -> dict[float, str]:
    """Name a column for each of several positive numbers.

    Parameters
    ----------
    prefix, suffix : str
        What stands before and after the number.
    values : sequence of float
        Positive numbers, each once.

    Returns
    -------
    dict of float to str
        In the order of `values`.

    Raises
    ------
    InputError
        When there is none, or one is not positive and finite, or stands twice.
    """
    names = {float(value): f"{prefix}_{value:g}{suffix}" for value in values}
    usable = all(np.isfinite(value) and value > 0 for value in names)
    if not names or not usable or len(set(names.values())) < len(list(values)):
        raise InputError(f"{list(values)} for {prefix}", "positive numbers, each once")
    return names


def _points(cells, image):
    pixel = float(image.microns_per_pixel)
    window = np.array([image.height, image.width], float) * pixel
    places = cells[["centroid_y", "centroid_x"]].to_numpy(float) + pixel / 2
    inside = ((places >= 0) & (places <= window)).all(axis=1)
    if not inside.all():
        found = f"a nucleus at (y, x) = {tuple(places[~inside][0] - pixel / 2)} µm"
        expected = f"a place in the image {image.item!r} of {tuple(window)} µm"
        raise InputError(found, expected)
    order = np.lexsort((cells["area"].to_numpy(float), places[:, 1], places[:, 0]))
    return Points(places[order], window, cells.iloc[order])


def _no_points(cells):
    return Points(np.empty((0, 2)), np.ones(2), cells.iloc[:0])
