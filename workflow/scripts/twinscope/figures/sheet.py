"""A contact sheet: images of a data set, each beside itself with the outlines of its mask."""

import io
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from PIL import Image

from twinscope.figures import composite
from twinscope.figures.grid import choose
from twinscope.figures.page import GUTTER, blank, plan

__all__ = ["choose", "draw"]

QUALITY = 90
# Bright against the black around stained cells, and against the dark nuclei of a dye.
STAINED, DYED = (255, 225, 0), (0, 230, 60)


def draw(
    tiles: Iterable[tuple[int, int, np.ndarray, np.ndarray]],
    chosen: pd.DataFrame,
    *,
    title: str,
    channels: Sequence[str],
    limits: composite.Limits,
    scaled: bool = True,
) -> bytes:
    """Draw a contact sheet.

    Every place has two pictures side by side, the image and the image with outlines. All are
    drawn at one scale in µm: small images enlarged by a whole number, large ones shrunk to 448
    pixels, or to less if the page would be larger than 6000 pixels on a side.

    Parameters
    ----------
    tiles : iterable of (row, column, image, labels)
        Places as in `chosen`, (C, Y, X) images and (Y, X) label images, in any order; each is
        drawn as it comes and not kept.
    chosen : DataFrame
        What `choose` returned, with `height` and `width` of the images in pixels and
        `microns_per_pixel`.
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
        A JPEG file without loss of colour; the same for the same images in any order.
    """
    layout = plan(chosen)
    colour = DYED if composite.is_colour(channels) else STAINED
    swatches = [*_legend(channels), ("outlines of masks", colour)]
    page, top = blank(layout, chosen, title, swatches, _note(channels), scaled)
    sizes = chosen.set_index(["row", "column"])[["width", "height", "microns_per_pixel"]]
    for row, column, image, labels in tiles:
        *shape, scale = sizes.loc[(row, column)]
        size = layout.size(*shape, scale)
        x, y = layout.corner(row, column)
        x, y = x + (layout.width - size[0]) // 2, y + top + (layout.height - size[1]) // 2
        plain = _resized(composite.composite(image, channels, limits), size)
        page.paste(Image.fromarray(plain), (x, y))
        lined = composite.outline(plain, _enlarged(labels, size), colour)
        page.paste(Image.fromarray(lined), (x + layout.width + GUTTER, y))
    file = io.BytesIO()
    page.save(file, "jpeg", quality=QUALITY, subsampling=0)
    return file.getvalue()


def _resized(rgb: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if size == rgb.shape[1::-1]:
        return rgb
    how = Image.Resampling.BICUBIC if size[0] > rgb.shape[1] else Image.Resampling.LANCZOS
    return np.asarray(Image.fromarray(rgb).resize(size, how))


def _enlarged(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Labels at the size of the picture, so that outlines on it are one of its pixels wide."""
    scaled = Image.fromarray(labels.astype(np.int32)).resize(size, Image.Resampling.NEAREST)
    return np.asarray(scaled)


def _legend(channels: Sequence[str]) -> list[tuple[str, tuple[int, int, int]]]:
    if composite.is_colour(channels):
        return []
    return list(zip(channels, composite.colours(channels), strict=True))


def _note(channels: Sequence[str]) -> str:
    scale = "" if composite.is_colour(channels) else " One scale of brightness for all images."
    return f"One image for each, as it is and with the outlines of its mask.{scale}"
