"""Say which class a representation tells from the reference class, or from all others."""

from collections.abc import Iterator, Mapping
from itertools import product
from math import comb

import numpy as np
import pandas as pd
from scipy.special import stdtr

from twinscope import statistics
from twinscope.errors import InputError, one_of
from twinscope.metrics import Metric

CHANCE, DIGITS = 0.5, 10
# One side of a 95 % interval: with so few groups that a perfect order of them comes up by luck
# more often than this, no order can show anything.
TAIL = 0.025
# Share of false ones among the classes that are called seen.
FALSE = 0.05
COLUMNS = [
    *("task", "alignment", "probe", "representation", "role", "family", "of", "class"),
    *(
        "value",
        "lower",
        "upper",
        "chance",
        "items",
        "groups",
        "p",
        "q",
        "seen",
        "expected",
        "reason",
    ),
]


def detect(
    items: Mapping[str, pd.DataFrame],
    standings: Mapping[str, Mapping],
    task: Mapping,
    *,
    seed: int,
    draws: int,
    expected: Mapping[str, Mapping[str, str]] | None = None,
) -> pd.DataFrame:
    """Tell every class from the reference by every representation.

    The AUROC (Mann-Whitney statistic, ties counted half) of the items of a class against those of
    the reference by p_class / (p_class + p_reference); without a reference, of the class against
    all others by p_class. Groups are resampled as for the scores. The interval counts as many
    groups as the smaller side has: those of one class are fewer than those of the task.

    Parameters
    ----------
    items : mapping
        Representation to its predictions out of fold, as from `evaluation.evaluate`: one row a
        key, alignment and probe, with label, group, reason and ``p:{class}``.
    standings : mapping
        Representation to role, family, of.
    task : mapping
        task, alignments, probes, and the label `reference`, which may be missing or empty.
    seed, draws : int
        Of the resampling of groups.
    expected : mapping, optional
        Class to representation to "yes" (it can see the class) or "no" (it cannot), where that is
        known, as from `visibility.expected`.

    Returns
    -------
    DataFrame
        One row an alignment, probe, representation and class, with COLUMNS: `items` and `groups`
        of the class; `p` one-sided against 0.5; `q` adjusted by Benjamini and Hochberg over all
        classes and representations of an alignment and probe, since a map holds many; `seen` is
        "yes" where q < 0.05, "no" where it is not, and empty where there is none, for the
        `reason` given. The same whatever the order of rows.

    Raises
    ------
    InputError
        If the reference is not a class of the task.
    ValueError
        If representations were not scored on the same groups.
    """
    groups, counts = _resamples(items, draws, seed)
    rows = []
    for alignment, probe, name in product(task["alignments"], task["probes"], sorted(items)):
        table = items[name]
        table = table[(table["alignment"] == alignment) & (table["probe"] == probe)]
        what = {"task": task["task"], "alignment": alignment, "probe": probe}
        what |= {"representation": name}
        what |= {column: standings[name][column] for column in ("role", "family", "of")}
        for row in _classes(table.sort_values("key"), task, groups, counts):
            told = (expected or {}).get(row["class"], {}).get(name, "")
            rows.append(what | row | {"expected": told})
    found = pd.DataFrame(rows, columns=COLUMNS)
    maps = found.groupby(["alignment", "probe"])["p"]
    found["q"] = maps.transform(lambda p: statistics.benjamini_hochberg(p.to_numpy()))
    found["seen"] = np.where(found["q"].isna(), "", np.where(found["q"] < FALSE, "yes", "no"))
    return found


def _resamples(items: Mapping[str, pd.DataFrame], draws: int, seed: int):
    """Draw the groups that every representation must have been scored on."""
    first = None
    for name in sorted(items):
        found = np.unique(items[name]["group"].to_numpy(str))
        first = found if first is None else first
        if not np.array_equal(found, first):
            raise ValueError(f"{name!r} was not scored on the same groups as the others")
    return statistics.resamples(first, draws, seed)


def _classes(
    table: pd.DataFrame, task: Mapping, groups: np.ndarray, counts: np.ndarray
) -> Iterator[dict]:
    """Yield one row a class for the predictions of one representation."""
    columns = sorted(column for column in table if column.startswith("p:"))
    classes = [column.removeprefix("p:") for column in columns]
    reference = task.get("reference") or None
    if reference is not None and reference not in classes:
        raise InputError(
            repr(reference), one_of(classes, reference), row=task["task"], column="reference"
        )
    p, y = table[columns].to_numpy(float), table["label"].to_numpy(str)
    group = np.searchsorted(groups, table["group"].to_numpy(str))
    for number, name in enumerate(classes):
        if name == reference:
            continue
        member, other = y == name, (y != name if reference is None else y == reference)
        against = None if reference is None else p[:, classes.index(reference)]
        score, lost = _score(p[:, number], against), ""
        if np.isnan(score[member | other]).any():
            lost = str(table["reason"].iloc[0] or "the score is undefined")
        yield {"class": name} | _told(score, member, other, group, groups, counts, lost)


def _score(own: np.ndarray, against: np.ndarray | None) -> np.ndarray:
    """Rank items as own / (own + against) does, or as own does; 0 / 0 favours neither.

    Ten digits of the logarithm, because votes that tie differ in the last ones.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        if against is None:
            return np.round(np.log(own), DIGITS)
        odds = np.round(np.log(own) - np.log(against), DIGITS)
    return np.where((own == 0) & (against == 0), 0.0, odds)


def _told(score, member, other, group, groups, counts: np.ndarray, lost: str) -> dict:
    """AUROC of members against others with its interval, and whether it lies above chance."""
    sides = [len(np.unique(group[side])) for side in (member, other)]
    value, found = np.nan, statistics.Interval(np.nan, np.nan, np.nan, lost)
    if not lost:
        metric = _metric(score, member, other, group, len(groups))
        value = metric.function(groups, score, groups)
        found = found._replace(reason=_too_few(*sides))
    if not found.reason:
        spread = statistics.bootstrap(groups, score, groups, metric, groups, counts)
        found = statistics.interval(value, spread, min(sides), *metric.range)
    return {
        **{"value": value, "lower": found.lower, "upper": found.upper, "chance": CHANCE},
        **{"items": int(member.sum()), "groups": sides[0], "reason": found.reason},
        "p": np.nan if found.reason else _above_chance(value, found.error, min(sides)),
    }


def _above_chance(value: float, error: float, n_groups: int) -> float:
    """P value of a score that is no better than chance."""
    if error == 0:
        return 0.0 if value > CHANCE else 1.0
    return float(stdtr(n_groups - 1, (CHANCE - value) / error))


def _too_few(own: int, others: int) -> str:
    """Say why groups are too few for an interval, or nothing."""
    if min(own, others) < 2:
        return f"fewer than 2 groups of {'this class' if own < 2 else 'what it is told from'}"
    luck = 1 / comb(own + others, own)
    if luck > TAIL:
        return f"{own} groups against {others}: a perfect order has probability {luck:.2g} by luck"
    return ""


def _metric(score, member, other, group, n_groups: int) -> Metric:
    """AUROC of a class as a function of how often each group was drawn.

    It is a ratio of sums over pairs of groups, so that pairs of items are compared only once.
    """
    rows, row = np.unique(group[member], return_inverse=True)
    columns, column = np.unique(group[other], return_inverse=True)
    wins = _wins(score[member], score[other], row, column)
    own, others = np.bincount(row), np.bincount(column)

    def function(y, p, classes, weights=None):
        w = np.ones((1, n_groups)) if weights is None else weights
        first, second = w[:, rows].astype(float), w[:, columns].astype(float)
        won, pairs = np.einsum("bi,bi->b", first @ wins, second), (first @ own) * (second @ others)
        values = np.divide(won, pairs, out=np.full(len(w), np.nan), where=pairs > 0)
        return float(values[0]) if weights is None else values

    return Metric("auroc", function, lambda y: CHANCE, True, 0.0, 1.0)


def _wins(own: np.ndarray, others: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """How often members of a group (rows) score above others of a group (columns), ties half."""
    order = np.argsort(others, kind="stable")
    passed = np.zeros((len(others) + 1, column.max(initial=-1) + 1))
    passed[np.arange(1, len(others) + 1), column[order]] = 1
    np.cumsum(passed, axis=0, out=passed)
    below, through = (np.searchsorted(others[order], own, side) for side in ("left", "right"))
    wins = np.zeros((row.max(initial=-1) + 1, passed.shape[1]))
    np.add.at(wins, row, (passed[below] + passed[through]) / 2)
    return wins
