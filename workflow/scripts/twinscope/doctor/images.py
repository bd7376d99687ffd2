"""Data sets: how many images, of what size, whether the first of each unit is as declared."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from twinscope import files
from twinscope import images as pixels
from twinscope.sources import simulated

from .findings import OK, WARN, Finding

# Bytes of a pixel as the designs of the simulator write it.
SIMULATED = {"cells": 2, "tissue": 1}


@dataclass(frozen=True)
class Images:
    """What a data set will be once it is cut into tiles.

    Attributes
    ----------
    number : int
        Tiles, of all units.
    channels, height, width : int
        Of one tile, in pixels.
    each : int
        Bytes of one pixel of one channel.
    """

    number: int
    channels: int
    height: int
    width: int
    each: int

    @property
    def bytes(self) -> int:
        """Of all pixels, uncompressed."""
        return self.number * self.channels * self.height * self.width * self.each


def look(row: Mapping, listed: Mapping) -> Images:
    """Measure a data set by the first image of each of its units.

    Parameters
    ----------
    row : mapping
        Of datasets.tsv.
    listed : mapping
        `units`: for each, the `number` of its images and the `first`, a list of its files; and the
        `root` of their paths. Of simulated images only the names of the units count.

    Raises
    ------
    InputError
        If an image is not as its data set declares, or cannot be decoded; or if the simulator
        refuses its arguments.
    """
    if row["source"] == "simulated":
        return _to_be_simulated(row, len(listed["units"]))
    total, tile = 0, ()
    for unit in listed["units"].values():
        image = _first(listed["root"], unit["first"], row["channels"])
        corners = pixels.tiles(*image.shape[1:], row.get("tile"))
        total += unit["number"] * len(corners)
        height, width = corners[0][2:] if corners else image.shape[1:]
        tile = (len(image), height, width, image.dtype.itemsize)
    return Images(total, *tile)


def describe(name: str, row: Mapping, images: Images, units: int) -> Finding:
    """Say what was found of a data set."""
    shape = f"{images.height} x {images.width} x {images.channels}"
    kind = f"{8 * images.each} bit"
    found = f"{images.number} images of {shape} ({kind}) in {_units(units)}, masks {_masks(row)}"
    if not images.number:
        todo = "datasets.tsv, tile: a tile that is no larger than the images"
        return Finding("images", name, WARN, f"{found}: smaller than a tile", todo)
    return Finding("images", name, OK, found)


def _units(number: int) -> str:
    return f"{number} unit{'s' * (number != 1)}"


def _masks(row: Mapping) -> str:
    return "that came with them" if row["segmentation"] == "given" else f"by {row['segmentation']}"


def _to_be_simulated(row: Mapping, units: int) -> Images:
    arguments = dict(row["arguments"])
    design = arguments.pop("design", None)
    arguments.pop("seed", None)
    number = simulated.number(design, arguments)
    side = simulated.check(design, arguments)["size"]
    return Images(units * number, len(row["channels"]), side, side, SIMULATED[design])


def _first(root: str, paths: list[str], channels: list[str]):
    parts = [{"item": paths[0], "part": k, "path": path} for k, path in enumerate(paths)]
    item, path, image = next(files.read_images(root, pd.DataFrame(parts)))
    return pixels.check(image, channels, path, item)
