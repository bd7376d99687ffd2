"""Nuclei in images: one registry of segmenters, each imported only when it is asked for."""

from importlib import import_module

import numpy as np

from twinscope.errors import InputError, one_of


def segment(name: str, image: np.ndarray, **arguments) -> np.ndarray:
    """Segment the nuclei of one image with the named segmenter.

    Parameters
    ----------
    name : str
        A key of `SEGMENTERS`.
    image : ndarray, shape (C, Y, X)
        Pixels in their native type.
    **arguments
        Passed on: `channels`, `nuclear_channel`, `microns_per_pixel`, and what else the segmenter
        takes.

    Returns
    -------
    ndarray of int32, shape (Y, X)
        0 for background, 1..n for the nuclei in raster order.

    Raises
    ------
    InputError
        For an unknown segmenter.
    """
    if name not in SEGMENTERS:
        raise InputError(f"segmenter {name!r}", one_of(SEGMENTERS, name))
    return import_module(SEGMENTERS[name]).segment(image, **arguments)


SEGMENTERS = {
    "classical": "twinscope.segmentation.classical",
}
