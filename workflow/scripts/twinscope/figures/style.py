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
# Okabe and Ito (2008), without the yellow that white paper swallows. Families of one kind share a
# colour and differ in their marks.
_STRUCTURE, _INTENSITY, _TEXTURE = "#009E73", "#E69F00", "#CC79A7"
COLOURS = {
    "pretrained": "#0072B2",
    "untrained": "#000000",
    "planted": "#0072B2",
    "twin": "#56B4E9",
    "count": _STRUCTURE,
    "shape": _STRUCTURE,
    "layout": _STRUCTURE,
    "graph": _STRUCTURE,
    "composition": _STRUCTURE,
    "mask": _STRUCTURE,
    "structure": _STRUCTURE,
    "intensity": _INTENSITY,
    "pixels": _INTENSITY,
    "texture": _TEXTURE,
    "classical": _TEXTURE,
    "shortcut": "#D55E00",
    "null": "#7f7f7f",
    "truth": "#1a1a1a",
}
MARKERS = {
    "pretrained": "o",
    "untrained": "h",
    "planted": "*",
    "twin": "o",
    "count": "s",
    "shape": "p",
    "layout": "P",
    "graph": "H",
    "composition": "8",
    "mask": "d",
    "structure": "s",
    "intensity": "D",
    "pixels": "d",
    "texture": "^",
    "classical": ">",
    "shortcut": "v",
    "null": "X",
    "truth": "|",
}
VERDICTS = {
    "better": "#00684c",
    "equivalent": "#005a8c",
    "worse": "#a84300",
    "undecided": "#5a5a5a",
    "": "#5a5a5a",
}
