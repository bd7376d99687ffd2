"""What is drawn of one score: its point, its interval, the band of its twins."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.transforms import Transform, blended_transform_factory

from twinscope.figures import selection, style

PLATE = {"facecolor": style.PAPER, "edgecolor": "none", "pad": 0.8}
SIZES = {"model": 8, "twin": 3.6, "reference": 4.5, "choice": 5.5, "baseline": 6}
WIDTHS = {"model": 2.0, "twin": 0.8}
GUTTER = 0.14


def page(axes: Axes) -> Transform:
    """Transform of what stands beside the axes: across the page, and down with the rows."""
    return blended_transform_factory(axes.figure.transFigure, axes.transData)


def inches(axes: Axes, x: float, y: float) -> tuple[float, float]:
    """Turn inches from the left edge of the page and from the top of the axes for `page`."""
    return x / axes.figure.get_size_inches()[0], y


def key(axes: Axes, y: float, family: str, size: float) -> None:
    """Draw the mark of a family in the left gutter: the names are the legend."""
    place = inches(axes, GUTTER, y)
    _mark(axes, *place, family, size, transform=page(axes), clip_on=False)


def band(axes: Axes, twins: selection.Twins, top: float, bottom: float) -> None:
    """Shade from the lowest to the highest untrained twin, with a line at their mean."""
    if twins.defined:
        colour = style.COLOURS["twin"]
        spread = Rectangle((twins.low, top), twins.high - twins.low, bottom - top, lw=0)
        spread.set(facecolor=colour, alpha=0.28, zorder=1)
        axes.add_patch(spread)
        axes.plot([twins.mean] * 2, [top, bottom], color=colour, lw=1.6, zorder=1.2)


def point(axes: Axes, score: Mapping, y: float, kind: str) -> None:
    """Draw a score with its interval, or write why it is undefined.

    Parameters
    ----------
    axes : Axes
    score : mapping
        value, lower, upper, family; `text` where the value is undefined.
    y : float
    kind : {"model", "twin", "baseline", "choice", "reference"}
        A reference has no interval; a point without one is hollow.
    """
    if pd.isna(score["value"]):
        place = {"va": "center", "size": style.SMALL, "style": "italic", "color": style.QUIET}
        place |= {"bbox": PLATE, "transform": axes.get_yaxis_transform(), "zorder": 5}
        axes.text(0.01, y, score["text"], **place)
        return
    colour = style.COLOURS[score["family"]]
    if kind != "reference":
        _interval(axes, score, y, colour, WIDTHS.get(kind, 1.3))
    hollow = kind == "twin" or pd.isna(score["lower"])
    inside = style.PAPER if hollow else colour
    _mark(axes, score["value"], y, score["family"], SIZES[kind], markerfacecolor=inside, zorder=4)


def _interval(axes: Axes, score: Mapping, y: float, colour: str, width: float) -> None:
    """Draw an interval; where it leaves the axis an arrow head says that it goes on."""
    lower, upper = score["lower"], score["upper"]
    if pd.isna(lower) or pd.isna(upper):
        return
    start, end = sorted(axes.get_xlim())
    shown = max(lower, start), min(upper, end)
    axes.plot(shown, [y, y], color=colour, lw=width, solid_capstyle="butt", zorder=3)
    low, high = (">", "<") if axes.xaxis_inverted() else ("<", ">")
    for cut, x, head in ((lower < start, start, low), (upper > end, end, high)):
        if cut:
            axes.plot([x], [y], head, color=colour, markersize=4, clip_on=False, zorder=3)


def _mark(axes: Axes, x: float, y: float, family: str, size: float, **more) -> None:
    colour = style.COLOURS[family]
    axes.plot([x], [y], style.MARKERS[family], color=colour, markersize=size, mew=0.9, **more)
