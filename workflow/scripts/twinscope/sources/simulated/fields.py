"""Random fields and point processes."""

import numpy as np
from scipy import ndimage


def noise(rng: np.random.Generator, shape, sigma: float) -> np.ndarray:
    """Draw a smooth random field, mean 0 and standard deviation 1.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : (int, int)
    sigma : float
        Gaussian smoothing, pixels. Wide fields are made on a coarse grid and interpolated.

    Returns
    -------
    (Y, X) float32 array
    """
    step = max(int(sigma / 2), 1)
    coarse = [int(np.ceil(size / step)) + 2 for size in shape]
    field = rng.standard_normal(coarse, dtype=np.float32)
    field = ndimage.gaussian_filter(field, sigma / step, mode="wrap", truncate=3)
    if step > 1:
        field = _upsample(field, step)[: shape[0], : shape[1]]
    field = field[: shape[0], : shape[1]]
    return (field - field.mean()) / max(field.std(), 1e-6)


def scatter(rng, weight, count, spacing, taken=None, tries=24) -> np.ndarray:
    """Place points one after another where a weight allows and others leave room.

    Parameters
    ----------
    rng : numpy.random.Generator
    weight : (Y, X) array
        Relative intensity of the point process; 0 forbids.
    count : int
        Points wanted; fewer are placed when there is no room.
    spacing : float
        Least distance between two points, pixels (a hard core).
    taken : (m, 3) array, optional
        Points that stand already: y, x and their own spacing, of which half counts.
    tries : int
        Candidates drawn for each point.

    Returns
    -------
    (n, 2) array
        Pixels, as y and x.
    """
    total = np.cumsum(weight, dtype=np.float64)
    if count < 1 or total.size == 0 or total[-1] <= 0:
        return np.zeros((0, 2))
    flat = np.searchsorted(total, rng.random((count, tries)) * total[-1], side="right")
    spots = (
        np.stack(np.divmod(flat, weight.shape[1]), axis=-1) + rng.random((count, tries, 2)) - 0.5
    )
    taken = np.zeros((0, 3)) if taken is None else taken
    points = np.empty((len(taken) + count, 2))
    cores = np.empty(len(points))
    points[: len(taken)], cores[: len(taken)] = taken[:, :2], (taken[:, 2] + spacing) / 2
    cores[len(taken) :] = spacing
    placed = len(taken)
    for candidates in spots:
        gap = ((candidates[:, None] - points[None, :placed]) ** 2).sum(axis=2)
        free = np.flatnonzero((gap >= cores[:placed] ** 2).all(axis=1))
        if len(free):
            points[placed] = candidates[free[0]]
            placed += 1
    return points[len(taken) : placed]


def _upsample(field, step):
    weight = (np.arange(step, dtype=np.float32) + 0.5) / step
    rows = field[:-1, None] * (1 - weight)[None, :, None] + field[1:, None] * weight[None, :, None]
    rows = rows.reshape(-1, field.shape[1])
    both = rows[:, :-1, None] * (1 - weight) + rows[:, 1:, None] * weight
    return both.reshape(len(rows), -1)
