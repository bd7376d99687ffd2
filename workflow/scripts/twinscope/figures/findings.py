"""What a task found of every representation: a panel a metric, where more is not better."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from twinscope.figures import limits, selection, style, words

WIDTH, ACROSS, ROW, TOP, TITLE, AXIS, LEFT, GAP = 7.6, 3, 0.2, 0.5, 0.46, 0.3, 1.75, 0.22
ROLES = {"model": 0, "twin": 1, "baseline": 2}


def draw(scores: pd.DataFrame, task: Mapping) -> str:
    """Draw every metric of a task under its first alignment, and every other probe beside.

    Parameters
    ----------
    scores : DataFrame
        Tidy scores.
    task : mapping
        task, dataset, alignments, probes, metrics.

    Returns
    -------
    str
        An SVG document, the same to the byte whatever the order of the rows.
    """
    own = scores[(scores["task"] == task["task"]) & (scores["alignment"] == task["alignments"][0])]
    panels = [(task["probes"][0], metric) for metric in task["metrics"]]
    rest = own[~own["probe"].isin(task["probes"])]
    panels += sorted(set(zip(rest["probe"], rest["metric"], strict=True)))
    order = own.drop_duplicates("representation")
    order = order.assign(rank=order["role"].map(ROLES))
    order = order.sort_values(["rank", "family", "representation"])
    down = -(-len(panels) // ACROSS)
    tall = ROW * len(order) + 0.1
    total = TOP + down * (TITLE + tall + AXIS)
    with style.applied():
        figure = Figure((WIDTH, total), facecolor=style.PAPER)
        place = {"va": "top", "ha": "left", "x": 0.08 / WIDTH}
        figure.text(y=1 - 0.07 / total, s=task["task"], size=12, weight="bold", **place)
        about = f"{task['dataset']}, {words.choice(words.ALIGNMENTS, task['alignments'][0])}"
        figure.text(y=1 - 0.29 / total, s=about, size=style.SMALL, color=style.QUIET, **place)
        wide = (WIDTH - LEFT - GAP * ACROSS) / ACROSS
        for number, panel in enumerate(panels):
            down_by, across = divmod(number, ACROSS)
            left = LEFT + across * (wide + GAP)
            top = TOP + TITLE + down_by * (TITLE + tall + AXIS)
            box = (left / WIDTH, 1 - (top + tall) / total, wide / WIDTH, tall / total)
            axes = figure.add_axes(box)
            rows = own[(own["probe"] == panel[0]) & (own["metric"] == panel[1])]
            _panel(axes, rows, order, panel, named=across == 0)
        return style.svg(figure)


def _panel(axes, rows: pd.DataFrame, order: pd.DataFrame, panel: tuple, named: bool) -> None:
    """Draw one metric: a point a representation, its interval if it has one, and chance."""
    found = rows.set_index("representation")
    guess = selection.chance(rows)
    if np.isfinite(guess):
        axes.axvline(guess, color=style.INK, ls=(0, (4, 3)), lw=1)
    for y, row in enumerate(order.itertuples()):
        one = found.loc[row.representation] if row.representation in found.index else None
        if one is None or pd.isna(one["value"]):
            axes.text(
                0.02,
                y,
                "undefined",
                va="center",
                size=style.SMALL - 2,
                style="italic",
                color=style.QUIET,
                transform=axes.get_yaxis_transform(),
            )
            continue
        colour = style.COLOURS[row.family]
        if pd.notna(one["lower"]):
            axes.plot([one["lower"], one["upper"]], [y, y], color=colour, lw=1.2)
        axes.plot(one["value"], y, style.MARKERS[row.family], color=colour, ms=4.5, mew=0.4)
    axes.set_ylim(len(order) - 0.5, -0.5)
    axes.set_yticks(range(len(order)))
    names = [limits.short(name, LEFT + 0.1) for name in order["representation"]]
    axes.set_yticklabels(names if named else [], size=style.SMALL - 1)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=style.SMALL - 1)
    axes.locator_params(axis="x", nbins=4)
    axes.spines[["right", "top"]].set_visible(False)
    axes.grid(axis="x", color=style.RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    probe, metric = panel
    name = words.metric(metric)
    # iLISI and cLISI begin with a small letter wherever they stand.
    title = name if name[1:2].isupper() else words.metric(metric, True)
    title = title if probe in words.PROBES else f"{probe}\n{name}"
    axes.set_title(title, size=style.SMALL, loc="left", pad=4)
