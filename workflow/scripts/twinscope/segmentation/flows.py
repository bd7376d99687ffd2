"""Cellpose's evaluation of one image with any network: from pixels to labels."""

import numpy as np
from cellpose.models import CellposeModel

from .classical import raster_order

# Share of the area of a disc of a nucleus's diameter.
SMALLEST_NUCLEUS = 0.1
# Cellpose cannot draw the flows of a picture of one row, so it never gets fewer than these.
FEWEST_PIXELS = 8


def follow(
    model: CellposeModel, pixels: np.ndarray, diameter: float, resized: float = 30.0, **arguments
) -> np.ndarray:
    """Run a network on an image and follow its flows to the nuclei.

    Parameters
    ----------
    model : cellpose.models.CellposeModel
    pixels : ndarray of float, shape (Y, X, channels)
        As the network takes them.
    diameter : float
        Of a nucleus, pixels. Objects of under a tenth of its area are dropped, large ones never.
    resized : float
        Pixels that a nucleus is given for the network; Cellpose's own networks learned at 30.
    **arguments
        Passed on to ``CellposeModel.eval``.

    Returns
    -------
    ndarray of int32, shape (Y, X)
        0 for background, 1..n in raster order of first pixels.
    """
    height, width = pixels.shape[:2]
    more = [(0, max(0, FEWEST_PIXELS - side)) for side in (height, width)]
    labels = model.eval(
        np.pad(pixels.astype(np.float32), (*more, (0, 0)), mode="edge"),
        channel_axis=-1,
        diameter=30 * diameter / resized,
        min_size=max(1, int(SMALLEST_NUCLEUS * np.pi * diameter**2 / 4)),
        max_size_fraction=1.0,
        **arguments,
    )[0]
    return raster_order(np.asarray(labels)[:height, :width].astype(np.int32))
