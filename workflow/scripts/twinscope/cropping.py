"""From images to the tiles that every later step works on, and what is known of each tile."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd

from twinscope import images as pixels
from twinscope.errors import InputError


def plan(sizes: pd.DataFrame, tile: int | None) -> pd.DataFrame:
    """Decide which tiles are cut from which image.

    Parameters
    ----------
    sizes : DataFrame
        One row an image: item, path, height, width (pixels), bytes (of its files),
        microns_per_pixel.
    tile : int or None
        Side of the tiles in pixels; None to use images whole.

    Returns
    -------
    DataFrame
        One row a tile, sorted by image: item, image, tile_y, tile_x, height, width, bytes (of the
        whole image), microns_per_pixel.

    Raises
    ------
    InputError
        If an image is smaller than a tile, or images used whole differ in size.
    """
    rows = []
    for image in sizes.sort_values("item").itertuples(index=False):
        corners = pixels.tiles(image.height, image.width, tile)
        if not corners:
            found = f"{image.height} x {image.width} pixels"
            raise InputError(
                found, f"at least a tile of {tile} pixels", image.path, image.item, "tile"
            )
        for name, (y, x, height, width) in zip(
            pixels.tile_names(image.item, len(corners)), corners, strict=True
        ):
            known = image.bytes, image.microns_per_pixel
            rows.append((name, image.item, y, x, height, width, *known))
    columns = ["item", "image", "tile_y", "tile_x", "height", "width", "bytes"]
    columns.append("microns_per_pixel")
    tiles = pd.DataFrame(rows, columns=columns)
    odd = tiles[(tiles["height"] != tiles["height"][0]) | (tiles["width"] != tiles["width"][0])]
    if len(odd):
        first, other = tiles.iloc[0], odd.iloc[0]
        raise InputError(
            f"{other['height']} x {other['width']} pixels where {first['image']!r} has "
            f"{first['height']} x {first['width']}",
            "images of one size, or a tile size in datasets.tsv",
            row=other["image"],
            column="tile",
        )
    return tiles


def cut(
    images: Iterable[tuple[str, str, np.ndarray]], tiles: pd.DataFrame, channels: Sequence[str]
) -> Iterator[np.ndarray]:
    """Yield the tiles one after another, each image held against what is declared.

    Parameters
    ----------
    images : iterable of (item, file name, (C, Y, X) array)
        In the order of the plan.
    tiles : DataFrame
        As from `plan`.
    channels : sequence of str
        The channels that each image must have.

    Raises
    ------
    InputError
        If an image is not as declared (see `images.check`) or not of the first one's type.
    """
    by_image = tiles.set_index("image")[["tile_y", "tile_x", "height", "width"]]
    first = None
    for item, file, raw in images:
        image = pixels.check(raw, channels, file, item)
        first = first or image.dtype
        if image.dtype != first:
            raise InputError(
                f"{image.dtype} pixels", f"{first}, as in the images before", file, item, "image"
            )
        corners = by_image.loc[[item]].itertuples(index=False, name=None)
        yield from pixels.cut(image, list(corners))


def cut_labels(
    masks: Iterable[tuple[str, str, np.ndarray]], sizes: pd.DataFrame, tiles: pd.DataFrame
) -> Iterator[np.ndarray]:
    """Yield the tiles of masks that came with the images, labels as they were.

    Parameters
    ----------
    masks : iterable of (item, file name, (C, Y, X) array)
        In the order of the plan.
    sizes : DataFrame
        As given to `plan`.
    tiles : DataFrame
        As from `plan`.

    Yields
    ------
    ndarray of int, shape (Y, X)

    Raises
    ------
    InputError
        If a mask is not one plane of whole numbers from 0 as large as its image.
    """
    by_image = tiles.set_index("image")[["tile_y", "tile_x", "height", "width"]]
    shapes = sizes.set_index("item")[["height", "width"]]
    for item, file, mask in masks:
        wanted = (1, *shapes.loc[item])
        if mask.shape != wanted:
            found = f"a mask of shape {mask.shape}"
            raise InputError(found, f"{wanted}, as the image", file, item, "mask")
        if mask.min() < 0 or (mask.dtype.kind == "f" and (mask != np.round(mask)).any()):
            raise InputError("labels that are not", "whole numbers from 0", file, item, "mask")
        corners = by_image.loc[[item]].itertuples(index=False, name=None)
        for tile in pixels.cut(mask, list(corners)):
            yield tile[0].astype(np.int64)


def annotate(tiles: pd.DataFrame, index: pd.DataFrame) -> pd.DataFrame:
    """Give each tile what is known of its image.

    Parameters
    ----------
    tiles : DataFrame
        As from `plan`.
    index : DataFrame
        One row an image with its roles, as from `sources.folder.arrange`.

    Returns
    -------
    DataFrame
        The rows of tiles, in their order, which is that of the stack, with the columns of index.
        A column of the user's that has the name of one of the tiles' gets `_given` at its end.

    Raises
    ------
    InputError
        If images and index do not hold the same items.
    """
    odd = set(tiles["image"]) ^ set(index["item"])
    if odd:
        raise InputError(
            f"{sorted(odd)[0]!r} in one of images and table only", "the same images", row=min(odd)
        )
    paths = [c for c in index if c.startswith(("path:", "mask:"))]
    known = index.drop(columns=[*paths, "microns_per_pixel"])
    known = known.set_index("item").rename_axis("image")
    known = known.rename(columns={c: f"{c}_given" for c in known if c in tiles})
    return tiles.join(known, on="image").reset_index(drop=True)
