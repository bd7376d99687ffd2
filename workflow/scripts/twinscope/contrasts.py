"""How far each class lies from the controls in each feature, in units that can be read."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from twinscope.errors import InputError, one_of

COLUMNS = (
    "class",
    "feature",
    "effect",
    "lower",
    "upper",
    "p",
    "groups",
    "control_groups",
    "reason",
)


def contrast(
    values: np.ndarray,
    names: Sequence[str],
    labels: np.ndarray,
    groups: np.ndarray,
    batches: np.ndarray,
    reference: str,
) -> pd.DataFrame:
    """Compute the standardised difference of every class to a reference class.

    Glass's Δ: the mean of a class minus that of the reference of the same batch, over the standard
    deviation between reference groups within batches. Items of a group (sites of a well) are
    averaged first. The interval is Welch's, on groups.

    Parameters
    ----------
    values : (n, d) array
        Features; NaN is left out.
    names : sequence of str
        The d features.
    labels, groups, batches : arrays of str of shape (n,)
        Class, unit of replication, and batch of each item.
    reference : str
        The class that the others are held against.

    Returns
    -------
    DataFrame
        One row a class and feature: `effect` with its 95 % interval, `p` of no difference (both by
        Welch, on groups), the numbers of groups, and a reason where it is undefined.

    Raises
    ------
    InputError
        If there is no such class.

    References
    ----------
    Glass 1976, Educ. Res. 5:3. Welch 1947, Biometrika 34:28.
    """
    labels = np.asarray(labels, str)
    if reference not in labels:
        raise InputError(repr(reference), one_of(sorted(set(labels)), reference))
    keys = pd.MultiIndex.from_arrays([batches, labels, groups], names=["batch", "label", "group"])
    table = pd.DataFrame(np.asarray(values, float), keys, list(names)).sort_index()
    table = table.groupby(level=["batch", "label", "group"]).mean()
    own = table.index.get_level_values("label") == reference
    centre = table[own].groupby(level="batch").mean()
    centred = table - centre.reindex(table.index.get_level_values("batch")).to_numpy()
    spread = _within(centred[own])
    rows = []
    for label in sorted(set(labels) - {reference}):
        chosen = centred[table.index.get_level_values("label") == label]
        for name in names:
            found = _welch(chosen[name].to_numpy(), centred.loc[own, name].to_numpy(), spread[name])
            rows.append({"class": label, "feature": name, **found})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _within(centred: pd.DataFrame) -> pd.Series:
    """Compute the standard deviation between reference groups within batches."""
    number = centred.count()
    batches = centred.groupby(level="batch").count().gt(0).sum()
    freedom = (number - batches).where(number > batches)
    return np.sqrt((centred**2).sum() / freedom)


def _welch(sample: np.ndarray, control: np.ndarray, spread: float) -> dict:
    sample, control = sample[np.isfinite(sample)], control[np.isfinite(control)]
    row = dict.fromkeys(("effect", "lower", "upper", "p"), np.nan)
    row |= {"groups": len(sample), "control_groups": len(control), "reason": ""}
    if not len(sample) or not len(control):
        return row | {"reason": "no group has this feature"}
    if not np.isfinite(spread):
        return row | {"reason": "fewer than 2 reference groups in each batch"}
    if spread <= 1e-12 * max(np.abs(control).max(), np.abs(sample).max()):
        return row | {"reason": "the same in all reference groups"}
    row["effect"] = (sample.mean() - control.mean()) / spread
    if len(sample) < 2:
        return row | {"reason": "one group: no interval"}
    a, b = sample.var(ddof=1) / len(sample), spread**2 / len(control)
    freedom = (a + b) ** 2 / (a**2 / (len(sample) - 1) + b**2 / (len(control) - 1))
    error = np.sqrt(a + b) / spread
    reach = stdtrit(freedom, 0.975) * error
    row["p"] = 2 * stdtr(freedom, -abs(row["effect"]) / error)
    return row | {"lower": row["effect"] - reach, "upper": row["effect"] + reach}
