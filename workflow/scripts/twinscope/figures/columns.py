"""Columns of the map of what is seen: their order, their panels, the headings above them."""

import re
from typing import NamedTuple

import pandas as pd

from twinscope.families import NULL, SHORTCUT, STRUCTURE, TRUTH
from twinscope.figures import limits, style, words

WIDTH, EDGE = 7.0, 0.08
NARROW, WIDE, TIER, GAP = 0.32, 0.6, 0.17, 0.05
LONGEST, SIZE, NAME, MOST = 1.8, 7.5, 8.5, 40
MODELS = ("pretrained", "untrained", "planted")
ORDER = (*MODELS, "twin", *STRUCTURE, *SHORTCUT, *NULL)


class Column(NamedTuple):
    """A column of the map: its family, its name and its cells by class."""

    family: str
    name: str
    cells: dict[str, dict]


class Panel(NamedTuple):
    """Columns side by side, in inches.

    Their left edges `x` and `width`; `names`, the height of the longest name above them; `head`,
    that of names and headings; and headings of families: family, left and right edge of its
    columns, left edge of its text, and tier, counted from below.
    """

    columns: list[Column]
    x: list[float]
    width: float
    names: float
    head: float
    headings: list[tuple[str, float, float, float, int]]


def arrange(rows: pd.DataFrame) -> tuple[list[Column], list[str]]:
    """Order the columns by family and name, twins of a model as one, and the classes by name.

    Parameters
    ----------
    rows : DataFrame
        As from `detection.detect`, under one alignment and probe.

    Returns
    -------
    columns : list of Column
    classes : list of str
    """
    columns = []
    own = rows[rows["role"] != "twin"].sort_values(["representation", "class"])
    for (family, name), part in own.groupby(["family", "representation"]):
        cells = {row["class"]: row for row in part.to_dict("records")}
        columns.append(Column(family, name, cells))
    for name, part in rows[rows["role"] == "twin"].groupby("of"):
        cells = {label: _mean(few) for label, few in part.groupby("class")}
        columns.append(Column("twin", name, cells))
    columns.sort(key=lambda column: (_rank(column.family), column.family, column.name))
    return columns, _shown(rows)


def place(columns: list[Column], left: float) -> Panel:
    """Place the columns of a panel, and headings so that no leader crosses another heading.

    Parameters
    ----------
    columns : list of Column
    left : float
        Where the first begins, in inches.

    Returns
    -------
    Panel
    """
    new = [k > 0 and columns[k].family != columns[k - 1].family for k in range(len(columns))]
    room = WIDTH - left - EDGE - GAP * sum(new)
    width = min(WIDE, room / max(len(columns), 1))
    x = [left + k * width + GAP * sum(new[: k + 1]) for k in range(len(columns))]
    headings: list[tuple] = []
    for family in dict.fromkeys(column.family for column in columns):
        own = [x[k] for k, column in enumerate(columns) if column.family == family]
        start, end = own[0], own[-1] + width
        wide = limits.text_width(heading(family), SIZE, True)
        text = start if wide <= end - start else max(EDGE, end - wide)
        below = [tier for _, _, right, _, tier in headings if right > text - GAP / 2]
        headings.append((family, start, end, text, max(below, default=-1) + 1))
    names = max((limits.text_width(*label(column)) for column in columns), default=0.0)
    tiers = max((tier for *_, tier in headings), default=-1) + 1
    return Panel(columns, x, width, names, names + 0.15 + TIER * tiers, headings)


def split(columns: list[Column], left: float) -> list[list[Column]]:
    """Spread columns evenly over as few panels as hold them, between families where possible.

    Parameters
    ----------
    columns : list of Column
    left : float
        Where the first of a panel begins, in inches.

    Returns
    -------
    list of list of Column
    """
    most = int((WIDTH - left - EDGE) / NARROW)
    panels = max(1, -(-len(columns) // most))
    starts = [k for k in range(1, len(columns)) if columns[k].family != columns[k - 1].family]
    cuts = [0]
    for more in range(panels - 1, 0, -1):
        rest = len(columns) - cuts[-1]
        even = cuts[-1] + -(-rest // (more + 1))
        low, high = max(cuts[-1] + 1, len(columns) - more * most), cuts[-1] + most
        allowed = [k for k in starts if low <= k <= high] or [even]
        cuts.append(min(allowed, key=lambda k: (abs(k - even), k)))
    return [columns[a:b] for a, b in zip(cuts, [*cuts[1:], len(columns)], strict=True)]


def label(column: Column) -> tuple[str, float, bool]:
    """Text, size in points and weight of the name of a column."""
    return short(column.name, LONGEST, NAME), NAME, column.family in MODELS


def heading(family: str) -> str:
    """Write the name of a family; one not known here stands for itself."""
    return words.choice(words.FAMILIES, family)


def short(name: str, room: float, size: float) -> str:
    """Leave out the middle of a name that is too long for its room in inches."""
    return limits.short(name, room * style.SIZE / size + limits.INDENT + limits.MARGIN / 2)


def _rank(family: str) -> int:
    """Families in their order, those not known here before the true factors."""
    if family in TRUTH:
        return len(ORDER) + 1
    return ORDER.index(family) if family in ORDER else len(ORDER)


def _natural(name: str) -> list:
    """Sort 2 before 10."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), part) if k % 2 else (0, part) for k, part in enumerate(parts)]


def _shown(rows: pd.DataFrame) -> list[str]:
    """Classes by name; of too many, those that models see best."""
    classes = sorted(rows["class"].unique(), key=_natural)
    if len(classes) <= MOST:
        return classes
    means = rows[rows["role"] == "model"].sort_values("representation").groupby("class")["value"]
    means = means.mean().reindex(classes).fillna(-1).sort_values(ascending=False, kind="stable")
    return sorted(means.index[:MOST], key=_natural)


def _mean(twins: pd.DataFrame) -> dict:
    """Mean over seeds; seen where the intervals of more than half of them lie above chance."""
    twins = twins.sort_values("representation")
    judged = twins[twins["seen"].ne("")]
    seen = "yes" if judged["seen"].eq("yes").mean() > 0.5 else "no"
    told = set(twins["expected"])
    return {
        "value": twins["value"].mean(),
        "seen": seen if len(judged) else "",
        "expected": told.pop() if len(told) == 1 else "",
    }
