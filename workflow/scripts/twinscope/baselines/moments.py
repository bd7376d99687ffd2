"""How a measure is distributed over the cells of an image, whatever their number."""

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd

NAMES = ("mean", "l2", "l3", "l4")


def summarise(
    table: pd.DataFrame, items: pd.Series, names: Sequence[str], orders: int = 4
) -> pd.DataFrame:
    """Describe the cells of every image by linear moments.

    Linear moments are unbiased in samples of any size. Outer quantiles are not: in images of ten
    cells those of nuclear area tell a count, which is for others to tell.

    Parameters
    ----------
    table : DataFrame
        One row a cell.
    items : Series
        The image of each row.
    names : sequence of str
        The measures, columns of the table. NaN is left out.
    orders : int
        How many moments, 1 to 4.

    Returns
    -------
    DataFrame
        One row an image that has cells: `{measure}_mean`, `_l2` (half the mean difference of two
        cells), `_l3` (lop-sidedness) and `_l4` (weight of the tails), in the measure's unit. NaN
        where there are fewer cells than the order.

    References
    ----------
    Hosking 1990, J. R. Stat. Soc. B 52:105.
    """
    groups = table[list(names)].astype(float).groupby(items.to_numpy())
    rows = {item: _moments(group.to_numpy(), orders) for item, group in groups}
    columns = [f"{name}_{part}" for name in names for part in NAMES[:orders]]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def _moments(values, orders):
    from scipy.stats import lmoment

    found = np.full((orders, values.shape[1]), np.nan)
    number = np.isfinite(values).sum(axis=0)
    for count in set(number.tolist()) - {0}:
        chosen = number == count
        # Sorted, so that the order of the cells does not change the last bit of a sum.
        sample = np.sort(values[:, chosen], axis=0)[:count]
        wanted = list(range(1, min(count, orders) + 1))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            moments = lmoment(sample, order=wanted, axis=0, sorted=True, standardize=False)
        found[: len(wanted), chosen] = moments
    return found.T.ravel()
