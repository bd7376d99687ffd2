"""Outlines and territories: which pixels belong to which nucleus or cell."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

ANGLES = 128


@dataclass(frozen=True)
class Territory:
    """Pixels shared out among objects, nearest first.

    Attributes
    ----------
    labels : (Y, X) int32 array
        0 is background, object i has the label i + 1.
    depth : (Y, X) float32 array
        Share of the object's own pixels that lie nearer to its centre, 0 to 1; 1 in the background.
    pixels : (n,) int array
        Flat index of every object pixel, sorted by object and, within it, by distance.
    starts, sizes : (objects,) int arrays
        Where each object begins in ``pixels``, and how many pixels it has.
    """

    labels: np.ndarray
    depth: np.ndarray
    pixels: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray

    def pick(self, objects: np.ndarray, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give the (y, x) of one pixel of each object at the stated depth (0 centre, 1 edge)."""
        size = self.sizes[objects]
        step = np.clip((depth * size).astype(int), 0, np.maximum(size - 1, 0))
        flat = self.pixels[np.minimum(self.starts[objects] + step, len(self.pixels) - 1)]
        return np.divmod(flat, self.labels.shape[1])


def outlines(rng: np.random.Generator, irregularity: np.ndarray, harmonics=(2, 3, 4, 5)):
    """Draw closed outlines in polar form, mean radius 1.

    Parameters
    ----------
    rng : numpy.random.Generator
    irregularity : (n,) array
        Root mean square of the radius about its mean, as a share of the mean.
    harmonics : tuple of int
        Waves round the outline that carry the irregularity, in falling strength.

    Returns
    -------
    (n, ANGLES) float32 array
    """
    theta = np.linspace(0, 2 * np.pi, ANGLES, endpoint=False)
    waves = np.asarray(harmonics, dtype=float)
    size = rng.uniform(0.3, 1, (len(irregularity), len(waves))) / waves
    size *= np.sqrt(2) / np.linalg.norm(size, axis=1, keepdims=True)
    phase = rng.uniform(0, 2 * np.pi, size.shape)
    shape = (size[:, :, None] * np.cos(waves[:, None] * theta + phase[:, :, None])).sum(axis=1)
    return (1 + np.asarray(irregularity)[:, None] * shape).astype(np.float32)


def grow(shape, y, x, area, ratio, angle, outline, inside=None, rim=0.0, reach=1.8):
    """Give every object exactly its area, in the free space nearest to its outline.

    Each pixel goes to the object whose outline is nearest (an additively weighted Voronoi diagram);
    each object then keeps its nearest pixels until its area is reached. Crowded objects bend round
    each other and keep their size; only an object with no room left stays smaller.

    Parameters
    ----------
    shape : (int, int)
    y, x : (n,) arrays
        Centres, pixels.
    area : (n,) array
        Pixels squared.
    ratio : (n,) array
        Minor over major axis, in (0, 1].
    angle : (n,) array
        Direction of the major axis, radians from x towards y.
    outline : (n, ANGLES) array
        As made by `outlines`.
    inside : (Y, X) int array, optional
        Labels that must stay inside the object of the same label (nuclei inside cells).
    rim : float
        Width in pixels of what is their object's own round them.
    reach : float
        How far an object may stretch, in units of its major semi-axis.

    Returns
    -------
    Territory
    """
    nearest = np.full(shape, np.inf, dtype=np.float32)
    owner = np.zeros(shape, dtype=np.int32)
    radius, flat = np.sqrt(np.asarray(area) / np.pi), np.sqrt(ratio)
    for i in range(len(y)):
        half = reach * radius[i] / flat[i] + 1
        window = tuple(
            slice(max(int(c - half), 0), max(min(int(c + half) + 2, size), 0))
            for c, size in zip((y[i], x[i]), shape, strict=True)
        )
        distance = _distance(window, y[i], x[i], radius[i], flat[i], angle[i], outline[i])
        closer = distance < nearest[window]
        nearest[window][closer] = distance[closer]
        owner[window][closer] = i + 1
    if inside is not None:
        _hold(nearest, owner, inside, rim, radius)
    return _share(owner, nearest, np.rint(area).astype(int))


def edges(labels: np.ndarray) -> np.ndarray:
    """Mark the pixels of objects that touch another label or the background, (Y, X) bool."""
    edge = np.zeros(labels.shape, dtype=bool)
    for axis in (0, 1):
        step = np.diff(labels, axis=axis) != 0
        low = [slice(None), slice(None)]
        high = [slice(None), slice(None)]
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        edge[tuple(low)] |= step
        edge[tuple(high)] |= step
    return edge & (labels > 0)


def _distance(window, y, x, radius, flat, angle, outline):
    """Signed distance to an outline, in a frame where the ellipse is a circle."""
    down = (np.arange(window[0].start, window[0].stop, dtype=np.float32) - y)[:, None]
    along = (np.arange(window[1].start, window[1].stop, dtype=np.float32) - x)[None, :]
    cos, sin = np.cos(angle), np.sin(angle)
    u = ((cos * along + sin * down) * flat).astype(np.float32)
    v = ((cos * down - sin * along) / flat).astype(np.float32)
    turn = (np.arctan2(v, u) * np.float32(ANGLES / (2 * np.pi))).astype(np.int32) % ANGLES
    return np.hypot(u, v) - np.float32(radius) * outline[turn]


def _hold(nearest, owner, inside, rim, radius):
    """Hand labels that must stay inside, and a rim round them, to their own objects."""
    if rim > 0 and inside.any():
        far, at = ndimage.distance_transform_edt(inside == 0, return_indices=True)
        near = (far > 0) & (far <= rim)
        label = inside[tuple(at[:, near])]
        # Deep enough to be kept and not at the centre: a rim that is added looks like the rest.
        halfway = (-0.4 * radius[label - 1]).astype(np.float32)
        own = np.where(owner[near] == label, nearest[near], 0)
        nearest[near], owner[near] = np.minimum(own, halfway), label
    held = inside > 0
    nearest[held] = np.where(owner[held] == inside[held], nearest[held], 0) - 1e4
    owner[held] = inside[held]


def _share(owner, nearest, area):
    flat = np.flatnonzero(owner)
    label = owner.ravel()[flat]
    order = np.lexsort((nearest.ravel()[flat], label))
    flat, label = flat[order], label[order]
    first = np.searchsorted(label, np.arange(1, len(area) + 2))
    rank = np.arange(len(flat)) - first[label - 1]
    kept = rank < area[label - 1]
    flat, label, rank = flat[kept], label[kept], rank[kept]
    sizes = np.minimum(np.diff(first), area)
    labels = np.zeros(owner.size, dtype=np.int32)
    depth = np.ones(owner.size, dtype=np.float32)
    labels[flat] = label
    depth[flat] = (rank + 0.5) / sizes[label - 1]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(int) if len(area) else sizes
    return Territory(labels.reshape(owner.shape), depth.reshape(owner.shape), flat, starts, sizes)
