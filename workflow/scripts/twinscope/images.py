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


def scale(image: np.ndarray, how: str, levels: np.ndarray | None = None) -> np.ndarray:
    """Bring intensities to [0, 1] as a network expects them.

    Parameters
    ----------
    image : (C, Y, X) array
        uint8, uint16 or float32.
    how : {"dtype", "percentile", "plate", "own"}
        ``dtype`` divides by the type's largest value (a float image is taken as it is, clipped);
        it keeps brightness comparable between images. ``percentile`` stretches each channel of
        each image from its 0.1 to its 99.9 percentile; it is what 16-bit microscopy needs, and
        it hides absolute intensity from the network. ``plate`` stretches each channel between
        `levels` that many images share, which keeps brightness comparable between them. ``own``
        is ``dtype``, for a network that brings intensities where it wants them by itself.
    levels : (C, 2) array, optional
        For ``plate``, which pixels become 0 and 1.

    Returns
    -------
    (C, Y, X) float32 array

    Raises
    ------
    InputError
        If ``plate`` has no levels.
    """
    if how in ("dtype", "own"):
        if image.dtype.kind == "u":
            return np.divide(image, np.float32(np.iinfo(image.dtype).max), dtype=np.float32)
        return np.clip(image, 0, 1, dtype=np.float32)
    if how == "plate" and levels is None:
        raise InputError("no levels of intensity", "those of the image's plate")
    low, high = np.moveaxis(percentiles(image) if how == "percentile" else levels, -1, 0)
    # Single precision holds differences to a nearby whole number, but not always the pixels.
    base = np.floor(low)
    span = np.where(high > low, high - low, 1.0)
    base, rest, gain = (
        np.asarray(value, np.float32)[:, None, None] for value in (base, low - base, 1 / span)
    )
    scaled = np.subtract(image, base, dtype=np.float32)
    scaled -= rest
    scaled *= gain
    return np.clip(scaled, 0, 1, out=scaled)


def percentiles(image: np.ndarray, shares: Sequence[float] = (0.001, 0.999)) -> np.ndarray:
    """Percentiles of each channel, interpolated linearly as numpy's own.

    Parameters
    ----------
    image : (C, Y, X) array
        uint8, uint16 or float32.
    shares : sequence of K float
        Between 0 and 1.

    Returns
    -------
    (C, K) float64 array
    """
    if image.dtype.kind != "u":
        return np.quantile(image, shares, axis=(1, 2)).T.astype(np.float64)
    place = np.multiply(shares, image[0].size - 1)
    before = np.floor(place).astype(int)
    after = np.minimum(before + 1, image[0].size - 1)
    # Counting is several times faster than sorting: this stands before every forward pass.
    ranks = [np.bincount(channel.ravel()).cumsum() for channel in image]
    low, high = (np.stack([r.searchsorted(at, "right") for r in ranks]) for at in (before, after))
    return low + (high - low) * (place - before)
