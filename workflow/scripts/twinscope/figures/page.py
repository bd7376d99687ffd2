"""The page of a contact sheet before any image is on it: sizes, heading, legend and labels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from PIL import Image, ImageDraw

from twinscope.figures import lettering, style, words

PAGE, LARGEST, SMALLEST, ENLARGED = 6000, 448, 128, 4
GUTTER, GAP, MARGIN, NARROWEST = 2, 14, 24, 900
LABEL, HEADING, LINES = 300, 500, 3
BLANK = "#f0f0f0"
Swatch = tuple[str, tuple[int, int, int]]


@dataclass(frozen=True)
class Plan:
    """Sizes of a contact sheet in pixels of the page.

    Attributes
    ----------
    rows, columns : list of tuple of str
        Labels, each a tuple of lines.
    zoom : float
        Pixels of the page per µm.
    width, height : int
        Size of one picture; each place has two.
    text : int
        Size of the letters.
    left : int
        Width of the labels of rows.
    """

    rows: list[tuple[str, ...]]
    columns: list[tuple[str, ...]]
    zoom: float
    width: int
    height: int
    text: int
    left: int

    @property
    def pair(self) -> int:
        """Width of two pictures with what is between them."""
        return 2 * self.width + GUTTER

    @property
    def pitch(self) -> int:
        """Distance from one row to the next."""
        return max(self.height, lettering.height(1, lettering.font(self.text))) + GAP

    @property
    def page_width(self) -> int:
        """Width of the page, never so narrow that the heading is not readable."""
        wide = self.left + len(self.columns) * (self.pair + GAP) - GAP
        return max(wide, NARROWEST) + 2 * MARGIN

    def size(self, width: float, height: float, scale: float) -> tuple[int, int]:
        """Width and height of the picture of an image, given in pixels and µm per pixel."""
        across, down = (max(1, round(side * scale * self.zoom)) for side in (width, height))
        return min(across, self.width), min(down, self.height)

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """Upper left corner of a place, below the labels of columns."""
        return MARGIN + self.left + column * (self.pair + GAP), row * self.pitch


def plan(chosen: pd.DataFrame) -> Plan:
    """Find the sizes of a sheet from what `choose` returned."""
    rows, columns = chosen.attrs["labels"]
    usual = chosen["microns_per_pixel"].mode().iloc[0]
    width, height = (
        (chosen[side] * chosen["microns_per_pixel"]).max() / usual for side in ("width", "height")
    )
    across = (PAGE - 2 * MARGIN - LABEL) / len(columns) - GAP - GUTTER
    down = (PAGE - 2 * MARGIN - HEADING) / len(rows) - GAP
    most = min(LARGEST / max(width, height), across / 2 / width, down / height)
    if most >= 1:
        most = min(int(most), max(ENLARGED, math.ceil(SMALLEST / max(width, height))))
    width, height = max(1, int(most * width)), max(1, int(most * height))
    text = min(max(max(width, height) // 10, 14), 28)
    face = lettering.font(text)
    names = [*(line for label in rows for line in label), *_corner(chosen)]
    left = min(max(lettering.width(name, face) for name in names), LABEL) + GAP
    return Plan(rows, columns, most / usual, width, height, text, left)


def blank(
    layout: Plan, chosen: pd.DataFrame, title: str, swatches: Sequence[Swatch], note: str, bar: bool
) -> tuple[Image.Image, int]:
    """Make the page with all but the images, and say how far down they start.

    Parameters
    ----------
    layout : Plan
    chosen : DataFrame
        What `choose` returned.
    title, note : str
        The heading, and what is said below it besides how much is shown.
    swatches : sequence of (name, colour)
        The legend.
    bar : bool
        Whether there is a scale bar.

    Returns
    -------
    (Image, int)
    """
    face, bold = lettering.font(layout.text), lettering.font(round(1.5 * layout.text), bold=True)
    room = layout.page_width - 2 * MARGIN
    heading = lettering.fit((title,), room, 2, bold)
    said = lettering.fit((f"{shown(chosen)} {note}",), room, 6, face)
    above = MARGIN + lettering.height(len(heading), bold)
    legend, below = _flow(layout, swatches, bar, above + lettering.height(len(said), face) + GAP)
    names = [lettering.fit(name, layout.pair, LINES, face) for name in layout.columns]
    tall = lettering.height(max(2, *map(len, names)), face)
    top = below + 2 * GAP + tall + GAP // 2
    page_height = top + len(layout.rows) * layout.pitch - GAP + MARGIN
    page = Image.new("RGB", (layout.page_width, page_height), style.PAPER)
    pen = ImageDraw.Draw(page)
    lettering.write(pen, heading, (MARGIN, MARGIN), bold, style.INK)
    lettering.write(pen, said, (MARGIN, above), face, style.QUIET)
    for name, colour, length, x, y in legend:
        _item(pen, name, colour, length, (x, y), face)
    _labels(pen, layout, chosen, names, top)
    return page, top


def shown(chosen: pd.DataFrame) -> str:
    """Say what the rows and columns of a sheet are, and how many of how many are shown."""
    parts = []
    for side, labels, of, by in zip(
        ("Rows", "Columns"), *(chosen.attrs[key] for key in ("labels", "of", "by")), strict=True
    ):
        part = "" if len(labels) == of else f" ({len(labels)} of {of}, evenly spaced)"
        parts.append(f"{side}: {words.join(list(by))}{part}.")
    return " ".join(parts)


def bar_length(layout: Plan) -> float:
    """Find the length of the scale bar in µm: 1, 2 or 5 times a power of ten, half a picture."""
    most = layout.width / 2 / layout.zoom
    power = 10.0 ** math.floor(math.log10(most))
    return max(step * power for step in (1, 2, 5) if step * power <= most)


def _flow(layout: Plan, swatches: Sequence[Swatch], bar: bool, y: int) -> tuple[list, int]:
    """Place the bar and the legend in lines, from `y` on; and say where they end."""
    face, right = lettering.font(layout.text), layout.page_width - MARGIN
    items = [(name, colour, layout.text) for name, colour in swatches]
    if bar:
        length = bar_length(layout)
        items.insert(0, (f"{length:g} µm", None, round(length * layout.zoom)))
    placed, x, line = [], MARGIN, lettering.height(1, face)
    for name, colour, length in items:
        name = lettering.shorten(name, right - MARGIN - length - layout.text, face)
        wide = length + layout.text // 2 + lettering.width(name, face)
        if x > MARGIN and x + wide > right:
            x, y = MARGIN, y + line
        placed.append((name, colour, length, x, y))
        x += wide + round(1.5 * layout.text)
    return placed, y + line if items else y


def _item(pen: ImageDraw.ImageDraw, name: str, colour, length: int, corner, face) -> None:
    """Draw the scale bar, or a swatch, and its name."""
    x, y = corner
    size = face.size
    middle = y + lettering.height(1, face) // 2
    if colour is None:
        pen.rectangle((x, middle - size // 8, x + length - 1, middle + size // 8), style.INK)
    else:
        box = (x, middle - size // 2, x + length - 1, middle - size // 2 + length - 1)
        pen.rectangle(box, tuple(colour), style.QUIET)
    lettering.write(pen, [name], (x + length + size // 2, y), face, style.INK)


def _labels(pen: ImageDraw.ImageDraw, layout: Plan, chosen: pd.DataFrame, names, top: int) -> None:
    """Write the names of rows and columns, and mark the places without an image."""
    face = lettering.font(layout.text)
    room = layout.left - GAP
    for k, lines in enumerate(names):
        x, y = layout.corner(0, k)[0] + layout.pair // 2, top - GAP // 2
        lettering.write(
            pen, lines, (x, y - lettering.height(len(lines), face)), face, style.INK, "centre"
        )
    corner = [lettering.shorten(line, room, face) for line in _corner(chosen)]
    x, y = MARGIN + room, top - GAP // 2 - lettering.height(2, face)
    lettering.write(pen, corner, (x, y), face, style.QUIET, "right")
    most = min(LINES, max(1, int(layout.pitch / lettering.height(1, face))))
    for k, name in enumerate(layout.rows):
        lines = lettering.fit(name, room, most, face)
        y = top + layout.corner(k, 0)[1] + (layout.height - lettering.height(len(lines), face)) // 2
        lettering.write(pen, lines, (x, y), face, style.INK, "right")
    filled = set(zip(chosen["row"], chosen["column"], strict=True))
    for row in range(len(layout.rows)):
        for column in range(len(layout.columns)):
            if (row, column) not in filled:
                _no_image(pen, layout, (row, column), top, face)


def _no_image(pen: ImageDraw.ImageDraw, layout: Plan, place, top: int, face) -> None:
    x, y = layout.corner(*place)
    box = (x, y + top, x + layout.pair - 1, y + top + layout.height - 1)
    pen.rectangle(box, BLANK)
    if lettering.width("no image", face) <= layout.pair and face.size <= layout.height:
        middle = y + top + (layout.height - lettering.height(1, face)) // 2
        lettering.write(
            pen, ["no image"], (x + layout.pair // 2, middle), face, style.QUIET, "centre"
        )


def _corner(chosen: pd.DataFrame) -> list[str]:
    down, along = chosen.attrs["by"]
    return [f"{', '.join(along)} →", f"{', '.join(down)} ↓"]
