"""The pixels that belong to each nucleus: itself, its core, what surrounds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage


@dataclass(frozen=True)
class Region:
    """One set of pixels for every nucleus.

    Attributes
    ----------
    pixels : ndarray of int, shape (P,)
        Positions in the flattened image, in the order of their owners.
    owner : ndarray of int, shape (P,)
        Nuclei, counted from 0.
    count : int
        Nuclei.
    shape : tuple of int
        Shape of the image.
    """

    pixels: np.ndarray
    owner: np.ndarray
    count: int
    shape: tuple[int, int]

    @cached_property
    def size(self) -> np.ndarray:
        """Pixels of each nucleus."""
        return np.bincount(self.owner, minlength=self.count)

    def values(self, image: np.ndarray) -> np.ndarray:
        """Return the values (P,) of an image at the pixels."""
        return image.reshape(-1)[self.pixels]

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Return the mean of each nucleus' values; NaN for one without pixels."""
        total = np.bincount(self.owner, weights=values, minlength=self.count)
        return total / np.where(self.size > 0, self.size, np.nan)

    def sd(self, values: np.ndarray) -> np.ndarray:
        """Return the standard deviation (n) of each nucleus' values; NaN for one without pixels."""
        return np.sqrt(self.mean((values - self.mean(values)[self.owner]) ** 2))

    def quantiles(self, values: np.ndarray, wanted: Sequence[float]) -> np.ndarray:
        """Return quantiles of each nucleus' values, as `numpy.quantile` has them.

        Returns
        -------
        ndarray, shape (len(wanted), count)
            NaN for a nucleus without pixels.
        """
        ordered = np.append(values[np.lexsort((values, self.owner))], np.nan)
        last = np.cumsum(self.size) - 1
        position = np.asarray(wanted, float)[:, None] * (self.size - 1)
        below = np.floor(position).astype(int)
        low = last - self.size + 1 + below
        high = np.minimum(low + 1, last)
        share = position - below
        found = ordered[low] * (1 - share) + ordered[high] * share
        return np.where(self.size > 0, found, np.nan)


def of(owners: np.ndarray, count: int) -> Region:
    """Collect the pixels of an image of owners (Y, X), numbered from 1, 0 for none."""
    flat = owners.reshape(-1)
    pixels = np.flatnonzero(flat)
    pixels = pixels[np.argsort(flat[pixels], kind="stable")]
    return Region(pixels, flat[pixels].astype(np.int64) - 1, count, owners.shape)


def number(
    labels: np.ndarray, cell_labels: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Give nuclei the numbers 1 to n, cells those of their nuclei, and 0 to one without nucleus.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
    cell_labels : ndarray of int, shape (Y, X), or None

    Returns
    -------
    tuple
        The labels in ascending order (n,), and the two images.
    """
    found = np.unique(labels[labels > 0]).astype(np.int64)

    def renumber(image):
        position = np.searchsorted(found, image)
        hit = np.append(found, 0)[position] == image
        return np.where(hit & (image > 0), position + 1, 0)

    return found, renumber(labels), None if cell_labels is None else renumber(cell_labels)


def core(labels: np.ndarray, depth: float) -> np.ndarray:
    """Keep the pixels of every nucleus that lie deeper than a depth in pixels.

    The depth of a pixel is its distance to the nearest pixel that is not of its own nucleus,
    touching nuclei included. The edge of the image is none.
    """
    low, high = ndimage.minimum_filter(labels, 3), ndimage.maximum_filter(labels, 3)
    inner = (labels > 0) & (low == high)
    if inner.all():
        return labels
    return np.where(ndimage.distance_transform_edt(inner) + 1 > depth, labels, 0)


def surround(labels: np.ndarray, cell_labels: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Find the nucleus that every pixel outside nuclei belongs to, and how far it is.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Numbered 1 to n.
    cell_labels : ndarray of int, shape (Y, X), or None
        Numbered like the nuclei. Without, a pixel belongs to the nearest nucleus.

    Returns
    -------
    distance : ndarray, shape (Y, X)
        In pixels, from centre to centre; NaN where a pixel belongs to no nucleus.
    owner : ndarray of int, shape (Y, X)
        Number of the nucleus, 0 for none.
    """
    outside = labels == 0
    if outside.all():
        return np.full(labels.shape, np.nan), np.zeros(labels.shape, np.int64)
    if cell_labels is not None:
        return _inside_cells(labels, np.where(outside, cell_labels, 0))
    distance, nearest = ndimage.distance_transform_edt(outside, return_indices=True)
    return np.where(outside, distance, np.nan), np.where(outside, labels[tuple(nearest)], 0)


def _inside_cells(labels, owner):
    """Distances to the own nucleus, which another nucleus may be nearer than."""
    distance = np.full(labels.shape, np.nan)
    boxes = ndimage.find_objects(np.where(labels > 0, labels, owner))
    for nucleus, box in enumerate(boxes, 1):
        body = owner[box] == nucleus
        if body.any():
            distance[box][body] = ndimage.distance_transform_edt(labels[box] != nucleus)[body]
    return distance, owner
