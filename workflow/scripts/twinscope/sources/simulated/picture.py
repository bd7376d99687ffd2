"""One simulated image with all that is known about it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .territory import Territory


@dataclass(frozen=True)
class Picture:
    """One image and its truth.

    Attributes
    ----------
    row : dict
        One row of the index; keys are the same for every picture of a design.
    image : (C, Y, X) array
        uint16 for cells, uint8 for tissue.
    nuclei : (Y, X) uint16 array
        Label image of the true nuclei: 0 is background, labels 1 to n.
    cells : (Y, X) uint16 array or None
        Label image of whole cells with the labels of their nuclei; None for tissue.
    objects : pandas.DataFrame
        One row a nucleus: ``item``, ``cell`` (its label), ``type``, its true factors in µm units,
        and ``border``, true where the picture's edge cuts or touches it.
    """

    row: dict
    image: np.ndarray
    nuclei: np.ndarray
    cells: np.ndarray | None
    objects: pd.DataFrame


@dataclass(frozen=True)
class Crop:
    """The part of a canvas that a picture shows.

    Attributes
    ----------
    window : (slice, slice)
    own : (n,) int array
        Which objects of the canvas have at least one nuclear pixel in the picture.
    border : (n,) bool array
        Whether the picture's edge cuts or touches the nucleus.
    """

    window: tuple[slice, slice]
    own: np.ndarray
    border: np.ndarray
    _table: np.ndarray

    def labels(self, canvas: np.ndarray) -> np.ndarray:
        """Cut a label image out of the canvas, with the objects that show numbered 1 to n."""
        return self._table[canvas[self.window]]


def crop(nuclei: Territory, pad: int, size: int) -> Crop:
    """Cut the picture out of a canvas that is wider by a margin on every side.

    Parameters
    ----------
    nuclei : Territory
    pad, size : int
        Margin and side of the picture, pixels.

    Returns
    -------
    Crop
    """
    window = (slice(pad, pad + size),) * 2
    labels = nuclei.labels[window]
    shown = np.bincount(labels.ravel(), minlength=len(nuclei.sizes) + 1)
    seen = np.flatnonzero(shown[1:]) + 1
    rim = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    border = np.isin(seen, rim) | (shown[seen] < nuclei.sizes[seen - 1])
    table = np.zeros(len(nuclei.sizes) + 1, dtype=np.uint16)
    table[seen] = np.arange(1, len(seen) + 1)
    return Crop(window, seen - 1, border, table)
