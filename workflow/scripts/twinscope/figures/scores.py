"""Every representation on one task: score, interval, chance, best baseline, twins and verdict."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from twinscope.figures import layout, limits, marks, selection, style, words

WIDTH, NOTES, TOP, AXIS, BETWEEN = 7.0, 2.2, 0.98, 0.5, 0.46
NARROWEST, WIDEST = 1.25, 2.2
OTHERS = "Under other choices: model, band of its twins, best structural baseline"
INDENT, EDGE = limits.INDENT, 0.08


def draw(scores: pd.DataFrame, verdicts: pd.DataFrame, task: Mapping) -> str:
    """Draw the scores of one task.

    Large above: the first alignment, probe and metric, one line a representation, the untrained
    twins of a model as a band from their lowest to their highest score with a line at their mean.
    Small below, on the same axis: the models under the other alignments and probes. Better is to
    the right whatever the metric.

    Parameters
    ----------
    scores : DataFrame
        Tidy scores, one row a representation, alignment, probe and metric.
    verdicts : DataFrame
        Tidy verdicts.
    task : mapping
        task, dataset, target, alignments, probes, metrics.

    Returns
    -------
    str
        An SVG document, the same to the byte whatever the order of the rows.
    """
    metric = task["metrics"][0]
    rows = selection.headline(scores, task)
    lines, height = layout.headline(rows, selection.headline(verdicts, task), metric)
    more, extra = layout.others(scores, verdicts, task)
    with style.applied():
        total = TOP + height + AXIS + (BETWEEN + extra if more else 0)
        figure = Figure((WIDTH, total), facecolor=style.PAPER)
        left = limits.label_width([*lines, *more], NARROWEST, WIDEST)
        shown = limits.horizontal(scores, task)
        panel = _panel(figure, left, TOP, height, shown, metric)
        _title(figure, task)
        _references(panel, rows, metric)
        _write(panel, lines, left)
        if more:
            below = _panel(figure, left, TOP + height + BETWEEN, extra, shown, metric)
            _heading(below, OTHERS, -0.12)
            _line_at(below, selection.chance(rows), style.INK, (0, (4, 3)), 0)
            _write(below, more, left)
            panel.tick_params(labelbottom=False, length=0)
        _axis_label(below if more else panel, metric)
        return style.svg(figure)


def _panel(figure: Figure, left: float, top: float, height: float, shown, metric: str) -> Axes:
    """Axes whose vertical unit is the inch, counted from their top."""
    width, total = figure.get_size_inches()
    box = (left / width, 1 - (top + height) / total, (width - left - NOTES) / width, height / total)
    axes = figure.add_axes(box)
    axes.set_xlim(*(shown[::-1] if selection.lower_is_better(metric) else shown))
    axes.set_ylim(height, 0)
    axes.set_yticks([])
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.grid(axis="x", color=style.RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.locator_params(axis="x", nbins=6)
    return axes


def _title(figure: Figure, task: Mapping) -> None:
    choice = [
        words.choice(words.PROBES, task["probes"][0]),
        words.choice(words.ALIGNMENTS, task["alignments"][0]),
    ]
    width, total = figure.get_size_inches()
    place = {"x": EDGE / width, "va": "top", "ha": "left"}
    figure.text(y=1 - 0.07 / total, s=task["task"], size=12, weight="bold", **place)
    about = f"{task['dataset']}, {', '.join(choice)}"
    figure.text(y=1 - 0.29 / total, s=about, size=style.SMALL, color=style.QUIET, **place)


def _axis_label(axes: Axes, metric: str) -> None:
    turned = ", axis reversed" if selection.lower_is_better(metric) else ""
    label = f"{words.metric(metric, True)} with 95 % interval{turned} (better →)"
    axes.set_xlabel(label, size=style.SMALL + 0.5)


def _references(axes: Axes, rows: pd.DataFrame, metric: str) -> None:
    """Draw chance, ceiling and best baseline, names in two tiers so that they never meet."""
    guess, found = selection.chance(rows), selection.best(rows, selection.INFORMED, metric)
    beside = None if found is None else found["value"]
    truth = selection.ceiling(rows, metric)
    marked = []
    if truth is not None:
        marked.append((truth["value"], f"ceiling {words.number(truth['value'])}", (0, (1, 2))))
    if np.isfinite(guess):
        marked.append((guess, f"chance {words.number(guess)}", (0, (4, 3))))
    for (x, label, dashes), centre in zip(marked, _apart(axes, marked), strict=True):
        _line_at(axes, x, style.INK, dashes, -0.05)
        _name_at(axes, x, label, -0.07, beside, centre)
    if found is not None:
        colour = style.COLOURS[found["family"]]
        _line_at(axes, found["value"], colour, "-", -0.24)
        label = f"best baseline: {found['representation']} {words.number(found['value'])}"
        _name_at(axes, found["value"], label, -0.26)


def _line_at(axes: Axes, x: float, colour: str, dashes, top: float) -> None:
    if np.isfinite(x):
        bottom = axes.get_ylim()[0]
        axes.plot([x, x], [top, bottom], color=colour, ls=dashes, lw=1.1, zorder=1.5, clip_on=False)


def _apart(axes: Axes, marked: list[tuple]) -> list[float]:
    """Find the middles, in inches, of labels above lines, moved apart where they would meet."""
    centres = [_across(axes, x) for x, *_ in marked]
    if len(marked) < 2:
        return centres
    room = sum(limits.text_width(label, style.SMALL) for _, label, _ in marked) / 2 + EDGE
    missing = room - abs(centres[0] - centres[1])
    if missing > 0:
        turn = 1 if centres[0] >= centres[1] else -1
        centres = [centres[0] + turn * missing / 2, centres[1] - turn * missing / 2]
    return centres


def _name_at(
    axes: Axes,
    x: float,
    label: str,
    y: float,
    beside: float | None = None,
    centre: float | None = None,
) -> None:
    """Write a label above a line, moved to clear another line and to stay on the page."""
    width, _ = axes.figure.get_size_inches()
    half = limits.text_width(label, style.SMALL) / 2 + EDGE
    moved = centre is not None and centre != _across(axes, x)
    centre = _across(axes, x) if centre is None else centre
    if beside is not None and not moved and abs(_across(axes, beside) - centre) < half:
        centre = _across(axes, beside) + (half if _across(axes, beside) < centre else -half)
    place = {"ha": "center", "va": "bottom", "bbox": marks.PLATE, "zorder": 3}
    where = marks.inches(axes, min(max(centre, half), width - half), y)
    axes.text(*where, label, size=style.SMALL, transform=marks.page(axes), **place)


def _across(axes: Axes, x: float) -> float:
    """Inches from the left edge of the page to a value."""
    box, (start, end) = axes.get_position(), axes.get_xlim()
    return (box.x0 + box.width * (x - start) / (end - start)) * axes.figure.get_size_inches()[0]


def _write(axes: Axes, lines: list[layout.Row], left: float) -> None:
    for line in lines:
        if line.kind == "heading":
            _heading(axes, line.label, line.y, line.family)
            continue
        if line.band is not None:
            marks.band(axes, *line.band)
        if line.reference:
            marks.point(axes, line.reference, line.y, "reference")
        if line.label:
            _label(axes, line, left)
        marks.point(axes, line.score, line.y, line.kind)
        _notes(axes, line)


def _heading(axes: Axes, label: str, y: float, family: str = "") -> None:
    if family:
        marks.key(axes, y, family, 6)
    bold = "bold" if family or y < 0 else "normal"
    place = {"va": "center_baseline", "transform": marks.page(axes), "size": style.SMALL + 0.5}
    place |= {"bbox": marks.PLATE, "zorder": 2, "color": style.QUIET, "weight": bold}
    axes.text(*marks.inches(axes, INDENT if family else EDGE, y), label, **place)


def _label(axes: Axes, line: layout.Row, left: float) -> None:
    bold = line.kind == "model"
    if bold:
        marks.key(axes, line.y, line.family, 7)
        _twins(axes, line)
    name = limits.short(line.label, left, bold)
    place = {"va": "center_baseline", "weight": "bold" if bold else "normal"}
    axes.text(*marks.inches(axes, INDENT, line.y), name, transform=marks.page(axes), **place)


def _twins(axes: Axes, line: layout.Row) -> None:
    """Say under a model's name what its twins score, and how many have no score."""
    twins = line.band[0]
    said = [f"{twins.defined or 'no'} untrained twins"]
    if twins.defined:
        low, high = words.number(twins.low), words.number(twins.high)
        said.append(f"{words.number(twins.mean)}, {low} to {high}")
    if twins.defined < twins.seeds:
        said.append(f"{twins.seeds - twins.defined} undefined")
    y = line.y + line.height / 2 + 0.01
    place = {"va": "top", "linespacing": 1.25, "size": style.SMALL, "color": style.QUIET}
    axes.text(*marks.inches(axes, INDENT, y), "\n".join(said), transform=marks.page(axes), **place)


def _notes(axes: Axes, line: layout.Row) -> None:
    """Write the right column: the score in figures, and for a model what was found."""
    start = axes.figure.get_size_inches()[0] - NOTES + 0.12
    for position, (text, colour, bold) in enumerate(line.notes):
        place = {"va": "center_baseline", "size": style.SMALL, "transform": marks.page(axes)}
        weight = "bold" if bold else "normal"
        x, y = marks.inches(axes, start, line.y + position * layout.LINE)
        axes.text(x, y, text, color=colour, weight=weight, **place)
