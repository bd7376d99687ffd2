"""The worst, the median and the best mask of a unit: each image plain, and with its outlines."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from twinscope.figures import composite, lettering, page, sheet, style, words

# As wide as the report shows it, so that no outline is shrunk away.
WIDTH, MARGIN, GAP, TEXT, LINES, QUALITY = 900, 12, 8, 15, 3, 85
PICTURE = (WIDTH - 2 * MARGIN - page.GUTTER) // 2
NOTE = (
    "Ranked without ground truth, by how far an image departs from the others of its unit and by"
    " absurd nuclei: the best is the most usual image, not one known to be right. Left, the"
    " image; right, with the outlines of its mask."
)


def draw(
    tiles: Iterable[tuple[str, np.ndarray, np.ndarray]],
    chosen: pd.DataFrame,
    *,
    title: str,
    channels: Sequence[str],
    limits: composite.Limits,
    scaled: bool = True,
) -> bytes:
    """Draw chosen images of a unit below each other, plain on the left and outlined on the right.

    Parameters
    ----------
    tiles : iterable of (item, image, labels)
        (C, Y, X) images and (Y, X) label images of the chosen items, in any order.
    chosen : DataFrame
        What `quality.choose` returned: `rank`, `item`, `nuclei`, `reason`, `height`, `width`,
        `microns_per_pixel`; drawn in this order.
    title : str
    channels : sequence of str
        Names of the channels.
    limits : sequence of (low, high)
        Limits of display, as `composite.limits` finds them.
    scaled : bool
        Whether µm per pixel are known; if not, there is no scale bar.

    Returns
    -------
    bytes
        A JPEG file, 900 pixels wide, without loss of colour. All images are at one scale in µm,
        the largest 437 pixels on its longer side, or four times its own size if that is less.
    """
    layout = _plan(chosen)
    colour = sheet.DYED if composite.is_colour(channels) else sheet.STAINED
    sizes = {
        row.item: layout.size(row.width, row.height, row.microns_per_pixel)
        for row in chosen.itertuples()
    }
    pairs = {
        item: _pair(composite.composite(image, channels, limits), labels, sizes[item], colour)
        for item, image, labels in tiles
    }
    blocks = [
        _text([title], lettering.font(TEXT + 5, bold=True), style.INK),
        _text([NOTE], lettering.font(TEXT), style.QUIET),
        _legend(layout, channels, colour, scaled),
    ]
    for row in chosen.itertuples():
        blocks += [pairs[row.item], _text(_caption(row), lettering.font(TEXT), style.INK)]
    return _jpeg(blocks)


def _plan(chosen: pd.DataFrame) -> page.Plan:
    """Plan a sheet of one column, and make its pictures as large as a narrow page holds."""
    asked = chosen.copy()
    asked.attrs = {"labels": ([("",)] * len(chosen), [("",)]), "by": ((), ())}
    layout = page.plan(asked)
    room = min(PICTURE, page.ENLARGED * chosen[["height", "width"]].to_numpy().max())
    times = room / max(layout.width, layout.height)
    width, height = (max(1, round(times * side)) for side in (layout.width, layout.height))
    return replace(layout, zoom=times * layout.zoom, width=width, height=height)


def _pair(rgb: np.ndarray, labels: np.ndarray, size: tuple[int, int], colour) -> Image.Image:
    plain = Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS)
    # Labels first, so that outlines are one pixel of the page wide.
    scaled = Image.fromarray(labels.astype(np.int32)).resize(size, Image.Resampling.NEAREST)
    lined = composite.outline(np.asarray(plain), np.asarray(scaled), colour)
    pair = Image.new("RGB", (2 * size[0] + page.GUTTER, size[1]), style.PAPER)
    pair.paste(plain, (0, 0))
    pair.paste(Image.fromarray(lined), (size[0] + page.GUTTER, 0))
    return pair


def _caption(row) -> tuple[str, str]:
    found = f"{row.nuclei} {'nucleus' if row.nuclei == 1 else 'nuclei'}, {row.item}"
    why = f" Why: {row.reason}." if row.rank in ("worst", "only") else ""
    return f"{row.rank.capitalize()}: {found}", f"Suspicion {words.number(row.score)} of 1.{why}"


def _text(parts: Sequence[str], face, ink: str) -> Image.Image:
    lines = lettering.fit(tuple(parts), WIDTH - 2 * MARGIN, LINES, face)
    block = Image.new("RGB", (WIDTH - 2 * MARGIN, lettering.height(len(lines), face)), style.PAPER)
    lettering.write(ImageDraw.Draw(block), lines, (0, 0), face, ink)
    return block


def _legend(layout: page.Plan, channels: Sequence[str], colour, scaled: bool) -> Image.Image:
    """Draw the scale bar, and the colours of outlines and channels, in as many lines as needed."""
    face, room = lettering.font(TEXT), WIDTH - 2 * MARGIN
    signs = [("outlines of masks", colour, TEXT)]
    if not composite.is_colour(channels):
        colours = composite.colours(channels)
        signs += [(c, own, TEXT) for c, own in zip(channels, colours, strict=True)]
    if scaled:
        length = page.bar_length(layout)
        signs = [(f"{length:g} µm", style.INK, round(length * layout.zoom)), *signs]
    x, y, placed, line = 0, 0, [], lettering.height(1, face)
    for name, own, long in signs:
        name = lettering.shorten(name, room - long - 2 * TEXT, face)
        wide = long + lettering.width(name, face) + 2 * TEXT
        if x and x + wide > room:
            x, y = 0, y + line
        placed.append((name, own, long, x, y))
        x += wide
    block = Image.new("RGB", (room, y + line), style.PAPER)
    pen = ImageDraw.Draw(block)
    for name, own, long, x, y in placed:
        thin = 2 if own == style.INK else TEXT // 2
        middle = y + line // 2
        pen.rectangle((x, middle - thin, x + long - 1, middle + thin - 1), own, style.QUIET)
        lettering.write(pen, [name], (x + long + TEXT // 2, y), face, style.INK)
    return block


def _jpeg(blocks: Sequence[Image.Image]) -> bytes:
    tall = sum(block.height + GAP for block in blocks) - GAP + 2 * MARGIN
    whole, y = Image.new("RGB", (WIDTH, tall), style.PAPER), MARGIN
    for block in blocks:
        whole.paste(block, (MARGIN, y))
        y += block.height + GAP
    file = io.BytesIO()
    whole.save(file, "jpeg", quality=QUALITY, subsampling=0)
    return file.getvalue()
