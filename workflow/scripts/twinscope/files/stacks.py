"""Stacks of images: one OME-TIFF a unit, written and read one image at a time."""

from collections.abc import Iterable, Sequence
from copy import copy
from itertools import chain
from pathlib import Path
from threading import RLock
from uuid import NAMESPACE_URL, uuid5

import numpy as np

from twinscope.errors import InputError

# Written to every TIFF in place of the random identifier that would make equal files differ.
_UUID = f"urn:uuid:{uuid5(NAMESPACE_URL, 'twinscope')}"


class Stack(Sequence):
    """The images of one OME-TIFF, read one at a time as they are asked for, by any thread."""

    def __init__(self, path: str | Path):
        import tifffile

        self._file = tifffile.TiffFile(path)
        shape = self._file.series[0].shape
        axes = self._file.series[0].axes
        sizes = dict(zip(axes, shape, strict=True))
        self.count, self.channels = sizes.get("T", 1), sizes.get("C", 1)
        self.height, self.width = sizes["Y"], sizes["X"]
        self._places = list(range(self.channels))
        self._lock = RLock()

    def only(self, places: Sequence[int]) -> "Stack":
        """Return the same images with some of the channels, the others not even decoded."""
        chosen = copy(self)
        chosen._places = [self._places[place] for place in places]
        return chosen

    def __len__(self) -> int:
        """Count the images."""
        return self.count

    def __getitem__(self, position: int) -> np.ndarray:
        """Read one image as (C, Y, X)."""
        if not -self.count <= position < self.count:
            raise IndexError(position)
        first = (position % self.count) * self.channels
        return np.stack([self._page(first + place) for place in self._places])

    def _page(self, number: int) -> np.ndarray:
        # Bytes are read one thread at a time; what takes long, decoding them, is not held up.
        with self._lock:
            page = self._file.pages[number]
        return page.asarray(lock=self._lock, maxworkers=1)


class Labels(Stack):
    """Label images of one OME-TIFF, read one at a time as (Y, X)."""

    def __getitem__(self, position: int) -> np.ndarray:
        """Read one label image."""
        return super().__getitem__(position)[0]


def write_stack(
    path: str | Path, images: Iterable[np.ndarray], count: int, channels: Sequence[str]
) -> None:
    """Write images (C, Y, X), one after another, as one page-compressed OME-TIFF.

    Axes are T (the items), C, Y, X: OME has no axis for unrelated images. Two files with the
    same content are the same to the byte.
    """
    import tifffile

    images = iter(images)
    first = next(images)
    pages = (np.ascontiguousarray(page) for image in chain([first], images) for page in image)
    with tifffile.TiffWriter(path, bigtiff=True, ome=True) as tiff:
        tiff.write(
            pages,
            shape=(count, *first.shape),
            dtype=first.dtype,
            compression="zlib",
            predictor=first.dtype.kind == "u",
            photometric="minisblack",
            metadata={"axes": "TCYX", "Channel": {"Name": list(channels)}, "UUID": _UUID},
        )


def write_labels(path: str | Path, masks: Iterable[np.ndarray], count: int) -> None:
    """Write label images (Y, X), one after another, as one OME-TIFF of 16-bit integers.

    Raises
    ------
    InputError
        If an image holds more labels than 16 bits can tell apart.
    """
    write_stack(path, (_as_labels(mask)[None] for mask in masks), count, ["nuclei"])


def _as_labels(mask: np.ndarray) -> np.ndarray:
    if mask.max() > np.iinfo(np.uint16).max:
        expected = "at most 65535: a tile size in datasets.tsv"
        raise InputError(f"{mask.max()} nuclei in one image", expected)
    return mask.astype(np.uint16)
