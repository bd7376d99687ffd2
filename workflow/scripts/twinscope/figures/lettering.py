"""Words on pictures: text that is measured, broken into lines, and shortened until it fits."""

import re
from functools import cache
from pathlib import PurePath

from matplotlib import get_data_path
from PIL import ImageDraw, ImageFont

ELLIPSIS, LEADING = "…", 1.25


@cache
def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Load DejaVu Sans, which comes with matplotlib, at a size in pixels."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    path = PurePath(get_data_path(), "fonts", "ttf", name)
    # The basic engine sets the same text the same way whatever libraries Pillow was built with.
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


def width(text: str, face: ImageFont.FreeTypeFont) -> int:
    """Measure a line of text in whole pixels."""
    return int(face.getlength(text)) + 1


def height(lines: int, face: ImageFont.FreeTypeFont) -> int:
    """Measure lines of text in pixels."""
    return round(lines * LEADING * face.size)


def shorten(text: str, room: int, face: ImageFont.FreeTypeFont) -> str:
    """Leave out the middle of a text that is wider than its room, since names differ at the end."""
    kept, short = len(text), text
    while width(short, face) > room and kept > 0:
        kept -= 1
        short = f"{text[: (kept + 1) // 2]}{ELLIPSIS}{text[len(text) - kept // 2 :]}"
    return short


def fit(parts: tuple[str, ...], room: int, most: int, face: ImageFont.FreeTypeFont) -> list[str]:
    """Break texts into lines of a given width.

    Parameters
    ----------
    parts : tuple of str
        Each starts a line of its own.
    room : int
        Width of the lines in pixels.
    most : int
        Lines at most; what is left is shortened into the last one.
    face : ImageFont.FreeTypeFont

    Returns
    -------
    list of str
        None of them wider than the room.
    """
    lines = [line for part in parts for line in _wrap(part, room, face)]
    if len(lines) > most:
        lines = [*lines[: most - 1], " ".join(lines[most - 1 :])]
    return [shorten(line, room, face) for line in lines]


def write(
    draw: ImageDraw.ImageDraw,
    lines: list[str],
    corner: tuple[int, int],
    face: ImageFont.FreeTypeFont,
    colour,
    align: str = "left",
) -> None:
    """Write lines of text; `corner` is their upper left, middle or right corner, as aligned."""
    x, y = corner
    anchor = {"left": "l", "centre": "m", "right": "r"}[align] + "m"
    for k, line in enumerate(lines):
        middle = y + round((k + 0.5) * LEADING * face.size)
        draw.text((x, middle), line, fill=colour, font=face, anchor=anchor)


def _wrap(text: str, room: int, face: ImageFont.FreeTypeFont) -> list[str]:
    """Break a text after blanks, dashes, slashes and the like."""
    lines = [""]
    for piece in re.findall(r"[^\s\-_/,|;]*[\s\-_/,|;]*", text):
        if lines[-1] and width((lines[-1] + piece).rstrip(), face) > room:
            lines.append("")
        lines[-1] += piece
    return [line.strip() for line in lines]
