"""Image files of the user, whatever their format, as arrays of one shape."""

from collections.abc import Callable
from typing import BinaryIO

import numpy as np

from twinscope.errors import InputError

_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_JPEG = b"\xff\xd8\xff"


def size(file: BinaryIO, name: str, row: str) -> tuple[int, int]:
    """Height and width of an image file in pixels, read from its header.

    Raises
    ------
    InputError
        If the file is no TIFF, PNG or JPEG.
    """
    return _try(_tiff_size if _kind(file, name, row) == "tiff" else _pillow_size, file, name, row)


def decode(file: BinaryIO, name: str, row: str) -> np.ndarray:
    """Decode a TIFF, OME-TIFF, PNG or JPEG.

    Parameters
    ----------
    file : binary file
        Open for reading.
    name, row : str
        The file's name and its item, for messages.

    Returns
    -------
    (C, Y, X) array
        In the file's own number type.

    Raises
    ------
    InputError
        If the file is none of these, is cut off or damaged, or is more than an image with
        channels (a stack in z or in time).
    """
    decoders = {"tiff": _tiff, "png16": _png16, "pillow": _pillow}
    return _try(decoders[_kind(file, name, row)], file, name, row)


def _kind(file: BinaryIO, name: str, row: str) -> str:
    magic = file.read(26)
    file.seek(0)
    if magic[:4] in _TIFF:
        return "tiff"
    if magic.startswith(_PNG):
        # Pillow reads 16-bit colour PNG as 8 bit without a word.
        return "png16" if magic[24:26] in (b"\x10\x02", b"\x10\x06", b"\x10\x04") else "pillow"
    if magic.startswith(_JPEG):
        return "pillow"
    raise InputError("a file that is none of these", "TIFF, PNG or JPEG", name, row, "image")


def _try(work: Callable, file: BinaryIO, name: str, row: str):
    try:
        return work(file, name, row)
    except InputError:
        raise
    except Exception as error:
        # Decoders raise whatever they like on damaged bytes; the user needs to know which file.
        found = f"a file that cannot be decoded ({str(error).strip() or type(error).__name__})"
        raise InputError(found, "a whole image", name, row, "image") from error


def _tiff_size(file: BinaryIO, name: str, row: str) -> tuple[int, int]:
    import tifffile

    with tifffile.TiffFile(file) as tiff:
        sizes = dict(zip(tiff.series[0].axes, tiff.series[0].shape, strict=True))
    return sizes["Y"], sizes["X"]


def _pillow_size(file: BinaryIO, name: str, row: str) -> tuple[int, int]:
    from PIL import Image

    with Image.open(file) as picture:
        return picture.height, picture.width


def _tiff(file: BinaryIO, name: str, row: str) -> np.ndarray:
    import tifffile

    with tifffile.TiffFile(file) as tiff:
        _check_pages(tiff, file)
        series = tiff.series[0]
        if series.keyframe.photometric == tifffile.PHOTOMETRIC.PALETTE:
            raise InputError("a TIFF with a palette", "grey or RGB", name, row, "image")
        image, axes = series.asarray(), series.axes
    keep = [k for k, axis in enumerate(axes) if axis in "YX" or image.shape[k] > 1]
    image = image.reshape([image.shape[k] for k in keep])
    axes = "".join(axes[k] for k in keep)
    others = axes.replace("Y", "").replace("X", "")
    if len(others) > 1 or others in ("Z", "T"):
        raise InputError(
            f"a stack with axes {axes} of shape {image.shape}",
            "one plane with channels (project or select planes first)",
            name,
            row,
            "image",
        )
    if not others:
        return image[None]
    return np.moveaxis(image, axes.index(others), 0)


def _check_pages(tiff, file: BinaryIO) -> None:
    """Refuse a file that was cut off between two pages, which tifffile reads as a shorter one."""
    file.seek(tiff.pages.next_page_offset)
    if any(file.read(tiff.tiff.offsetsize)):
        raise ValueError("pages are missing")


def _png16(file: BinaryIO, name: str, row: str) -> np.ndarray:
    import imagecodecs

    return _without_alpha(np.moveaxis(imagecodecs.png_decode(file.read()), -1, 0), name, row)


def _pillow(file: BinaryIO, name: str, row: str) -> np.ndarray:
    from PIL import Image

    with Image.open(file) as picture:
        if picture.mode in ("P", "1", "CMYK", "YCbCr"):
            colour = "RGBA" if "transparency" in picture.info else "RGB"
            picture = picture.convert("L" if picture.mode == "1" else colour)
        elif picture.mode == "I":
            image = np.asarray(picture)
            return image[None].astype(np.uint16) if image.max() < 2**16 else image[None]
        image = np.asarray(picture)
    if image.ndim == 2:
        return image[None]
    return _without_alpha(np.moveaxis(image, -1, 0), name, row)


def _without_alpha(image: np.ndarray, name: str, row: str) -> np.ndarray:
    """Drop a transparency channel that says nothing; refuse one that hides pixels."""
    if len(image) not in (2, 4):
        return image
    if image[-1].min() < np.iinfo(image.dtype).max:
        raise InputError("transparent pixels", "an opaque image", name, row, "image")
    return image[:-1]
