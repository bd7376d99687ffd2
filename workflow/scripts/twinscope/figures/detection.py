"""Which representation sees which class of a task: a map of AUROCs against chance."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from twinscope.figures import columns, limits, style, words
from twinscope.figures.columns import EDGE, SIZE, TIER, WIDTH

TITLE, KEY, BETWEEN, ROW, LABEL = 0.58, 0.4, 0.25, 0.25, 1.7
EMPTY, HATCH = "#f4f4f4", "#c4c4c4"
SAMPLES = (
    ({"value": 0.8, "seen": "yes", "expected": ""}, "seen: above chance"),
    ({"value": 0.6, "seen": "no", "expected": "yes"}, "visible by known truth"),
    (None, "undefined, no interval"),
)
COLOURS = LinearSegmentedColormap.from_list(
    "chance", ["#a84300", "#f2b98f", "#fafafa", "#8fc1e3", "#005a8c"]
)


def draw(table: pd.DataFrame, task: Mapping) -> str:
    """Draw the AUROC of every class (rows) by every representation (columns).

    Under the first alignment and probe: models, the mean over the untrained twins of each, then
    baselines by family, true factors last. Bold with a dot: seen, that is above chance (of
    twins: those of more than half of the seeds). A box: known truth says that it can be seen.
    Hatched: there is no score, or no interval.

    Parameters
    ----------
    table : DataFrame
        As from `detection.detect`; rows of other tasks are left out.
    task : mapping
        task, dataset, alignments, probes, and the label `reference`, which may be missing.

    Returns
    -------
    str
        An SVG document, the same to the byte whatever the order of the rows. More columns than
        fit stand in further panels; of more than 40 classes those that models see best.
    """
    rows = headline(table, task)
    found, classes = columns.arrange(rows)
    with style.applied():
        widest = max([0.9, *(limits.text_width(name, style.SMALL) for name in classes)])
        left = min(widest, LABEL) + 2 * EDGE
        panels = [columns.place(part, left) for part in columns.split(found, left)]
        body = len(classes) * ROW
        height = TITLE + KEY + sum(panel.head + body + BETWEEN for panel in panels)
        figure = Figure((WIDTH, height), facecolor=style.PAPER)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, WIDTH), ylim=(height, 0))
        axes.set_axis_off()
        _title(axes, task, len(classes), rows["class"].nunique())
        y = TITLE
        for panel in panels:
            y += panel.head
            _headings(axes, panel, y - panel.names - 0.11)
            _names(axes, panel, classes, left, y)
            for column, x in zip(panel.columns, panel.x, strict=True):
                for row, name in enumerate(classes):
                    _cell(axes, column.cells.get(name), x, y + row * ROW, panel.width)
            y += body + BETWEEN
        _key(axes, y, bool(rows["expected"].eq("yes").any()))
        return style.svg(figure)


def headline(table: pd.DataFrame, task: Mapping) -> pd.DataFrame:
    """Rows of a task under the first alignment and probe that it names."""
    return table[
        (table["task"] == task["task"])
        & (table["alignment"] == task["alignments"][0])
        & (table["probe"] == task["probes"][0])
    ]


def _title(axes: Axes, task: Mapping, shown: int, classes: int) -> None:
    against = f"“{task['reference']}”" if task.get("reference") else "all others"
    about = [
        f"AUROC of each class against {against}",
        words.choice(words.PROBES, task["probes"][0]),
        words.choice(words.ALIGNMENTS, task["alignments"][0]),
    ]
    if shown < classes:
        about.append(f"{shown} of {classes} classes: those that models see best")
    axes.text(EDGE, 0.07, task["task"], size=12, weight="bold", va="top")
    place = {"size": style.SMALL, "color": style.QUIET, "va": "top"}
    axes.text(EDGE, 0.29, ", ".join(about), **place)


def _headings(axes: Axes, panel: columns.Panel, y: float) -> None:
    """Write the families above their columns, with a bracket in their colour; y is its middle."""
    for family, start, end, text, tier in panel.headings:
        colour, base = style.COLOURS.get(family, style.QUIET), y - 0.045 - TIER * tier
        bracket = Rectangle((start + 0.015, y - 0.02), end - start - 0.03, 0.04, lw=0)
        bracket.set_facecolor(colour)
        axes.add_patch(bracket)
        if tier:
            axes.plot([end - 0.025] * 2, [y, base], color=style.QUIET, lw=0.6)
        place = {"va": "baseline", "weight": "bold", "color": style.QUIET, "size": SIZE}
        axes.text(text, base, columns.heading(family), **place)


def _names(axes: Axes, panel: columns.Panel, classes: list[str], left: float, y: float) -> None:
    """Write the names of columns and classes around the cells of a panel, which begin at y."""
    for column, x in zip(panel.columns, panel.x, strict=True):
        text, size, bold = columns.label(column)
        place = {"rotation": 90, "ha": "center", "va": "bottom", "size": size}
        place["weight"] = "bold" if bold else "normal"
        axes.text(x + panel.width / 2, y - 0.05, text, **place)
    place = {"ha": "right", "va": "center_baseline", "size": style.SMALL}
    for row, name in enumerate(classes):
        text = columns.short(name, LABEL, style.SMALL)
        axes.text(left - EDGE, y + (row + 0.5) * ROW, text, **place)


def _cell(axes: Axes, cell: Mapping | None, x: float, y: float, width: float) -> None:
    """Draw one AUROC: its colour and number, a dot where it is seen, a box where it can be."""
    value = np.nan if cell is None else cell["value"]
    judged = np.isfinite(value) and cell["seen"] != ""
    box, ink = Rectangle((x, y), width, ROW), _ink(value) if judged else style.INK
    if judged:
        box.set(facecolor=COLOURS(value), edgecolor=style.PAPER, lw=0.8)
    else:
        box.set(facecolor=EMPTY, edgecolor=HATCH, hatch="////", lw=0)
    axes.add_patch(box)
    seen = judged and cell["seen"] == "yes"
    place = {"ha": "center", "va": "center_baseline", "size": SIZE, "color": ink}
    place["weight"] = "bold" if seen else "normal"
    text = words.number(value) if np.isfinite(value) else "–"
    axes.text(x + width / 2, y + ROW * 0.53, text, **place)
    if seen:
        axes.plot([x + width - 0.045], [y + 0.05], "o", color=ink, markersize=2.2, mew=0)
    if cell is not None and cell["expected"] == "yes":
        inner = Rectangle((x + 0.022, y + 0.022), width - 0.044, ROW - 0.044)
        inner.set(fill=False, edgecolor=ink, lw=0.9)
        axes.add_patch(inner)


def _ink(value: float) -> str:
    """Black or white, whichever reads better on the colour of a value (WCAG luminance)."""
    linear = np.array(COLOURS(value)[:3]) ** 2.2
    return style.PAPER if linear @ (0.2126, 0.7152, 0.0722) < 0.18 else style.INK


def _key(axes: Axes, y: float, known: bool) -> None:
    """Explain the colours and the marks."""
    place = {"size": style.SMALL - 1, "va": "center_baseline", "color": style.QUIET}
    wide, steps = 1.4, 40
    for k in range(steps):
        shade = Rectangle((EDGE + wide * k / steps, y), wide / steps * 1.05, 0.13, lw=0)
        shade.set_facecolor(COLOURS((k + 0.5) / steps))
        axes.add_patch(shade)
    for value, name, side in ((0.0, "0", "left"), (0.5, "chance", "center"), (1.0, "1", "right")):
        axes.text(EDGE + wide * value, y + 0.22, name, ha=side, **place)
    x = EDGE + wide + 0.2
    for cell, name in SAMPLES:
        if known or cell is None or not cell["expected"]:
            _cell(axes, cell, x, y, 0.34)
            axes.text(x + 0.4, y + ROW / 2, name, **place)
            x += 0.54 + limits.text_width(name, style.SMALL - 1)
