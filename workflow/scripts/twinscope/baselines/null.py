"""Representations that know nothing."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from twinscope.errors import InputError

if TYPE_CHECKING:
    from twinscope.baselines import Unit


def noise(unit: Unit, dimensions: int = 64, seed: int = 0) -> pd.DataFrame:
    """Draw Gaussian noise for every item.

    An item's noise follows from the seed and its name alone, whatever the order of rows, the unit
    it stands in, or the process.

    Parameters
    ----------
    unit : Unit
        Uses the items of the index.
    dimensions : int
        Number of features; a smaller number gives the first features of a larger one.
    seed : int
        Another seed gives independent noise.

    Returns
    -------
    DataFrame
        `noise_{number}`, standard normal.

    Raises
    ------
    InputError
        When there is no dimension.
    """
    if int(dimensions) != dimensions or dimensions < 1:
        raise InputError(f"dimensions {dimensions!r}", "a positive whole number")
    items = pd.Index(unit.index["item"])
    values = draws(items, int(dimensions), f"{seed}")
    columns = [f"noise_{number:02d}" for number in range(int(dimensions))]
    return pd.DataFrame(values, index=items, columns=columns)


def draws(items: Iterable[str], dimensions: int, seed: str) -> np.ndarray:
    """Draw standard normal numbers for each item, from its name and the seed alone.

    Parameters
    ----------
    items : iterable of str
    dimensions : int
    seed : str

    Returns
    -------
    ndarray of float, shape (n, dimensions)
    """
    rows = [np.empty((0, dimensions))]
    for item in items:
        digest = sha256(f"{seed}\0{item}".encode()).digest()
        rng = np.random.default_rng(int.from_bytes(digest, "big"))
        rows.append(rng.standard_normal((1, dimensions)))
    return np.concatenate(rows)


def constant(unit: Unit) -> pd.DataFrame:
    """Give every item the same feature.

    Parameters
    ----------
    unit : Unit
        Uses the items of the index.

    Returns
    -------
    DataFrame
        `constant`, 1 everywhere.
    """
    return pd.DataFrame({"constant": 1.0}, index=pd.Index(unit.index["item"]))
