"""One look for all figures: colours that survive colour blindness, and bytes that do not change."""

import io
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK, QUIET, RULE, PAPER = "#1a1a1a", "#5a5a5a", "#d9d9d9", "#ffffff"
SIZE = 10
SMALL = 9


@contextmanager
def applied() -> Iterator[None]:
    """Set the look, whatever the user's own settings of matplotlib are."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def svg(figure: Figure) -> str:
    """Write a figure as an SVG document, to the byte the same each time."""
    text = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    FigureCanvasSVG(figure).print_svg(text, metadata=nothing)
    return text.getvalue()


_SETTINGS = {
    "svg.fonttype": "path",
    "svg.hashsalt": "twinscope",
    "font.family": "DejaVu Sans",
    "font.size": SIZE,
    # Names and reasons are the user's: a dollar sign in them is a dollar sign.
    "text.parse_math": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET,
    "axes.linewidth": 0.8,
    "xtick.color": QUIET,
    "xtick.labelcolor": INK,
    "xtick.labelsize": SMALL,
    "axes.unicode_minus": True,
}
# Okabe and Ito (2008), without the yellow that white paper swallows.
COLOURS = {
    "pretrained": "#0072B2",
    "untrained": "#000000",
    "twin": "#56B4E9",
    "structure": "#009E73",
    "intensity": "#E69F00",
    "texture": "#CC79A7",
    "shortcut": "#D55E00",
    "null": "#7f7f7f",
}
MARKERS = {
    "pretrained": "o",
    "untrained": "h",
    "twin": "o",
    "structure": "s",
    "intensity": "D",
    "texture": "^",
    "shortcut": "v",
    "null": "X",
}
VERDICTS = {
    "better": "#00684c",
    "equivalent": "#005a8c",
    "worse": "#a84300",
    "undecided": "#5a5a5a",
    "": "#5a5a5a",
}
