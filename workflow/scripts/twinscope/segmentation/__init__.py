"""Ways to find nuclei: one registry, each segmenter imported when it is asked for."""

from importlib import import_module

import numpy as np

from twinscope.errors import InputError, one_of


def load(name: str, network: str | bytes | None = None):
    """Load what a segmenter needs once for all images.

    Parameters
    ----------
    name : str
        A key of `SEGMENTERS`.
    network : str or bytes, optional
        The published network's name or "file:path" for `cellpose`; the checkpoint for
        `cellpose-small`; nothing for segmenters without a network.

    Returns
    -------
    arguments : dict
        To pass on to `segment`.
    provenance : dict
        What was loaded: the network, its checksum, its licence, device and precision.

    Raises
    ------
    InputError
        For an unknown segmenter, or a network that is not there or not whole.
    """
    _known(name)
    if name == "classical":
        return {}, {}
    module = import_module(SEGMENTERS[name])
    loaded = module.load(network)
    return {"network": loaded}, module.describe(loaded)


def segment(name: str, image: np.ndarray, **arguments) -> np.ndarray:
    """Segment the nuclei of one image with the named segmenter.

    Parameters
    ----------
    name : str
        A key of `SEGMENTERS`.
    image : ndarray, shape (C, Y, X)
        Pixels in their native type.
    **arguments
        Passed on: `channels`, `nuclear_channel`, `microns_per_pixel`, what `load` gave, and what
        else the segmenter takes.

    Returns
    -------
    ndarray of int32, shape (Y, X)
        0 for background, 1..n for the nuclei in raster order.

    Raises
    ------
    InputError
        For an unknown segmenter.
    """
    _known(name)
    return import_module(SEGMENTERS[name]).segment(image, **arguments)


def _known(name):
    if name not in SEGMENTERS:
        raise InputError(f"segmenter {name!r}", one_of(SEGMENTERS, name))


SEGMENTERS = {
    "classical": "twinscope.segmentation.classical",
    "cellpose-small": "twinscope.segmentation.small",
    "cellpose": "twinscope.segmentation.cellpose",
}
