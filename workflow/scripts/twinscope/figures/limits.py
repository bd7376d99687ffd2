"""Room on the page: the reach of the axis, and the width of words."""

from collections.abc import Mapping
from functools import cache

import numpy as np
import pandas as pd
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from twinscope.figures import style

POINTS = 72
INDENT, MARGIN = 0.26, 0.1
REACH = 0.6


def horizontal(scores: pd.DataFrame, task: Mapping) -> tuple[float, float]:
    """Find the ends of the axis, from low to high.

    All values of the task's first metric are inside, with chance and ceiling; an interval may reach
    out by REACH times the distance between the lowest and the highest of them, so that one interval
    from three groups does not squeeze everything else.
    """
    own = scores[(scores["task"] == task["task"]) & (scores["metric"] == task["metrics"][0])]
    marked = [name for name in ("value", "chance", "ceiling") if name in own]
    inner = own[marked].to_numpy(float).ravel()
    inner = inner[np.isfinite(inner)]
    if not len(inner):
        return 0.0, 1.0
    span = max(np.ptp(inner), 0.05)
    ends = own[["lower", "upper"]].to_numpy(float)
    ends = np.append(ends[np.isfinite(ends)], inner)
    low = max(ends.min(), inner.min() - REACH * span)
    high = min(ends.max(), inner.max() + REACH * span)
    pad = 0.03 * max(high - low, 0.05)
    return float(low - pad), float(high + pad)


@cache
def text_width(text: str, size: float, bold: bool = False) -> float:
    """Measure the width of a line of text in inches, at a size in points."""
    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
    return TextPath((0, 0), text, size=size, prop=font).get_extents().x1 / POINTS if text else 0.0


def label_width(lines: list, narrowest: float, widest: float) -> float:
    """Find the width of the column of names, in inches, within bounds."""
    named = [line for line in lines if line.kind != "heading"]
    wide = [text_width(line.label, style.SIZE, line.kind == "model") for line in named]
    return min(max([narrowest, *wide]), widest) + INDENT + MARGIN


def short(name: str, left: float, bold: bool = False) -> str:
    """Leave out the middle of a name that is too long for its column."""
    room, kept = left - INDENT - MARGIN / 2, len(name)
    text = name
    while text_width(text, style.SIZE, bold) > room and kept > 4:
        kept -= 1
        text = f"{name[: (kept + 1) // 2]}…{name[len(name) - kept // 2 :]}"
    return text
