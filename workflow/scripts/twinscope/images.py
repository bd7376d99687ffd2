"""Images as arrays: what is acceptable, how they are cut into tiles and scaled."""

from collections.abc import Iterator, Sequence

import numpy as np

from twinscope.errors import InputError


def check(image: np.ndarray, channels: Sequence[str], file: str, row: str) -> np.ndarray:
    """Hold an image against what its data set declares.

    Parameters
    ----------
    image : (C, Y, X) array
        As read.
    channels : sequence of str
        The names of the channels that are expected.
    file, row : str
        The image's file and item, for the message.

    Returns
    -------
    (C, Y, X) array
        uint8, uint16 or float32.

    Raises
    ------
    InputError
        On another number of channels, a number type that is not an image's, NaN or infinity, or
        an image that is constant.
    """
    if image.ndim != 3 or image.shape[0] != len(channels):
        found = f"{image.shape[0]} channels" if image.ndim == 3 else f"{image.ndim} dimensions"
        raise InputError(
            f"{found} of shape {image.shape}",
            f"{len(channels)} ({', '.join(channels)})",
            file,
            row,
            "image",
        )
    if image.dtype.kind == "f":
        with np.errstate(over="ignore"):
            image = image.astype(np.float32)
        if not np.isfinite(image).all():
            bad = int((~np.isfinite(image)).sum())
            raise InputError(f"{bad} NaN or infinite pixels", "finite numbers", file, row, "image")
    elif image.dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"pixels of type {image.dtype}", "uint8, uint16 or floating point", file, row, "image"
        )
    if image.min() == image.max():
        raise InputError(
            f"every pixel equal to {image.flat[0]}",
            "an image that is not blank",
            file,
            row,
            "image",
        )
    return image


def tiles(height: int, width: int, size: int | None) -> list[tuple[int, int, int, int]]:
    """Corners of the square tiles that fit an image, side by side, centred, none overlapping.

    Parameters
    ----------
    height, width : int
        The image's size in pixels.
    size : int or None
        The tile's side in pixels; None for the whole image.

    Returns
    -------
    list of (y, x, height, width)
        In reading order; empty where the image is smaller than a tile.
    """
    if size is None:
        return [(0, 0, height, width)]
    top, left = (height % size) // 2, (width % size) // 2
    return [
        (top + row * size, left + column * size, size, size)
        for row in range(height // size)
        for column in range(width // size)
    ]


def tile_names(item: str, count: int) -> list[str]:
    """Items of an image's tiles: the image's own name if there is one, else numbered."""
    return [item] if count == 1 else [f"{item}#{number:03d}" for number in range(count)]


def cut(image: np.ndarray, corners: Sequence[tuple[int, int, int, int]]) -> Iterator[np.ndarray]:
    """Yield the tiles of an image (C, Y, X)."""
    for y, x, height, width in corners:
        yield image[:, y : y + height, x : x + width]


def scale(image: np.ndarray, how: str) -> np.ndarray:
    """Bring intensities to [0, 1] as a network expects them.

    Parameters
    ----------
    image : (C, Y, X) array
        uint8, uint16 or float32.
    how : {"dtype", "percentile"}
        ``dtype`` divides by the type's largest value (a float image is taken as it is, clipped);
        it keeps brightness comparable between images. ``percentile`` stretches each channel of
        each image from its 0.1 to its 99.9 percentile; it is what 16-bit microscopy needs, and
        it hides absolute intensity from the network.

    Returns
    -------
    (C, Y, X) float32 array
    """
    if how == "dtype":
        top = np.iinfo(image.dtype).max if image.dtype.kind == "u" else 1.0
        return np.clip(image.astype(np.float32) / np.float32(top), 0, 1)
    low, high = np.percentile(image, (0.1, 99.9), axis=(1, 2), keepdims=True)
    span = np.where(high > low, high - low, 1.0)
    return np.clip((image - low) / span, 0, 1).astype(np.float32)
