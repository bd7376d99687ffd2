"""What every kind of task is given, and what it gives back."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from twinscope.errors import InputError
from twinscope.statistics import resamples

LAST = "last"


class Asked(NamedTuple):
    """One representation on the items of one task, under one alignment.

    Attributes
    ----------
    X : array of shape (n, d), callable, or mapping of these
        Features of the task's keys; a function of which keys are for training where something is
        learned in each fold; by layer where a network has several.
    keys : DataFrame of n rows
        key, label, group, fold; sorted by key.
    meta : DataFrame of n rows
        All else that is known of the keys; a value that differs between images of a key is missing.
    train : array of bool of shape (n,)
        What may be learned from where there are no folds.
    task : mapping
        A row of tasks.tsv.
    alignment, similarity : str
    held_out : bool
        Whether controls that something was learned from take no part.
    more : mapping
        Tables that the task needs besides, by name.
    seed, draws : int
    """

    X: Any
    keys: pd.DataFrame
    meta: pd.DataFrame
    train: np.ndarray
    task: Mapping
    alignment: str = "none"
    similarity: str = "cosine"
    held_out: bool = False
    more: Mapping = {}
    seed: int = 0
    draws: int = 10_000

    def features(self) -> np.ndarray:
        """Return plain features: those of the last layer, learned from what may be learned from."""
        X = self.X[LAST] if isinstance(self.X, Mapping) else self.X
        return X(self.train) if callable(X) else X

    def column(self, name: str, role: str) -> pd.Series:
        """Return a column of the data set, one value a key.

        Raises
        ------
        InputError
            Naming the task, if there is no such column or a key has several values of it.
        """
        if name not in self.meta:
            raise InputError(repr(name), "a column of the data set", "tasks.tsv", self.name, role)
        if (self.meta[name].map(lambda value: value is SEVERAL)).any():
            key = self.keys["key"][self.meta[name].map(lambda value: value is SEVERAL)].iloc[0]
            raise InputError(
                f"several values of {name!r} in {key!r}",
                f"one value for each value of {self.task['level']!r}",
                *("tasks.tsv", self.name, role),
            )
        return self.meta[name]

    @property
    def name(self) -> str:
        """The task's name."""
        return self.task["task"]


class Score(NamedTuple):
    """One number: value, what chance gives, its bootstrap draws over so many groups.

    `draws` are None where it is not resampled; `ceiling` is NaN where the metric's best value is
    all that is known; `p` says how often a null does as well, NaN where none is run; `crossed`
    whether groups change places between training and test (`statistics.standard_error`).
    """

    metric: str
    value: float
    chance: float
    draws: np.ndarray | None
    groups: int
    items: int
    reason: str = ""
    ceiling: float = np.nan
    p: float = np.nan
    crossed: bool = False
    said: Mapping = {}


class Run(NamedTuple):
    """What one way of asking gave: its scores, and one row an item, with `key` and `group`."""

    probe: str
    items: pd.DataFrame
    scores: Sequence[Score]


class Several:
    """Stand for the value of a key whose images differ in it."""

    def __repr__(self) -> str:
        """Write what it stands for."""
        return "several values"


SEVERAL = Several()


def of_keys(index: pd.DataFrame, key: np.ndarray) -> pd.DataFrame:
    """Return what is known of each key, sorted: a value if its images agree, else `SEVERAL`.

    Parameters
    ----------
    index : DataFrame of m rows
        One row an image.
    key : array of str of shape (m,)
        What each image is an image of.
    """
    by = index.groupby(np.asarray(key, dtype=str), sort=True)
    found = by.first()
    for name in index.columns:
        differ = by[name].nunique(dropna=False) > 1
        if differ.any():
            found[name] = found[name].astype(object)
            found.loc[differ, name] = SEVERAL
    return found.reset_index(drop=True)


def averaged(
    metric: str, table: pd.DataFrame, asked: Asked, column: str, chance: float | str, **more
) -> Score:
    """Average a column over groups, each counting once, and over draws of the groups.

    Parameters
    ----------
    metric : str
    table : DataFrame
        group, the column, and `reason` where it is NaN; several rows of a group count together.
    asked : Asked
    column : str
    chance : float or str
        A value, or the column that holds it.

    Returns
    -------
    Score
    """
    names, counts = resamples(table["group"].to_numpy(str), asked.draws, asked.seed)
    values = table[column].to_numpy(float)
    known = np.isfinite(values)
    value, draws = weighted_mean(values, table["group"].to_numpy(str), names, counts)
    guess = table[chance].to_numpy(float)[known].mean() if isinstance(chance, str) else chance
    guess = guess if known.any() else np.nan
    reason = ""
    if not known.any():
        said = table["reason"][table["reason"] != ""] if "reason" in table else []
        reason = said.mode()[0] if len(said) else "nothing to score"
    defined = table["group"][known].nunique()
    return Score(metric, value, guess, draws, defined, int(known.sum()), reason, **more)


def weighted_mean(
    values: np.ndarray, groups: np.ndarray, names: np.ndarray, counts: np.ndarray
) -> tuple[float, np.ndarray]:
    """Mean of what is defined, and the same over draws of groups.

    Parameters
    ----------
    values : array of shape (n,)
    groups : array of str of shape (n,)
    names : array of str of shape (G,)
        Sorted; as from `statistics.resamples`, like `counts` (draws, G).

    Returns
    -------
    float, array of shape (draws,)
        NaN where nothing is defined.
    """
    known = np.isfinite(values)
    member = np.searchsorted(names, groups[known])
    sums = np.bincount(member, values[known], len(names))
    sizes = np.bincount(member, minlength=len(names)).astype(float)
    drawn = np.full(len(counts), np.nan)
    weight = counts @ sizes
    np.divide(counts @ sums, weight, out=drawn, where=weight > 0)
    return (float(sums.sum() / sizes.sum()) if known.any() else np.nan), drawn
