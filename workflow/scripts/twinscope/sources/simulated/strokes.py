"""Points, lines and discs deposited inside cells: nucleoli, fibres, Golgi spots, tubes."""

import numpy as np
from scipy import ndimage

STEP = 0.5


def nucleoli(rng: np.random.Generator, nuclei, factors: dict, scale: float) -> np.ndarray:
    """Place nucleoli: discs of about 1 in the middle, none outside nuclei, (Y, X)."""
    cell = _repeat(factors["nucleoli_count"])
    y, x = nuclei.pick(cell, rng.uniform(0, 0.6, len(cell)))
    size = factors["nucleoli_size"][cell] * rng.uniform(0.7, 1.3, len(cell)) / scale
    half = int(np.ceil(2 * size.max(initial=1)))
    grid = np.arange(-half, half + 1)
    far = np.hypot(grid[:, None], grid[None, :])[None] / size[:, None, None]
    shape = far.shape
    down = np.broadcast_to(y[:, None, None] + grid[:, None], shape)
    along = np.broadcast_to(x[:, None, None] + grid[None, :], shape)
    own = np.broadcast_to(cell[:, None, None], shape)
    return deposit(nuclei.labels, down, along, own, 1 / (1 + np.exp(6 * (far - 1))))


def fibres(rng: np.random.Generator, field) -> np.ndarray:
    """Draw stress fibres along the cell's long axis, the more parallel the more aligned, (Y, X)."""
    factors = field.factors
    cell = _repeat(factors["actin_density"] * factors["cell_area"] / 100)
    y, x = field.cells.pick(cell, rng.uniform(0, 1, len(cell)))
    loose = (1 - factors["actin_alignment"][cell]) * np.pi / 1.8
    angle = (factors["angle"][cell] + loose * rng.standard_normal(len(cell)))[:, None]
    half = (
        0.5 * np.sqrt(factors["cell_area"][cell]) * rng.uniform(0.4, 1.1, len(cell)) / field.scale
    )
    along = np.linspace(-1, 1, 41)
    bend = 0.12 * rng.standard_normal(len(cell))[:, None] * along**2
    down = half[:, None] * (along * np.sin(angle) + bend * np.cos(angle))
    right = half[:, None] * (along * np.cos(angle) - bend * np.sin(angle))
    weight = (rng.gamma(2, 0.5, len(cell)) * half)[:, None] / 20 * (1 - along**4)
    return trace(field.cells.labels, y[:, None] + down, x[:, None] + right, cell, weight)


def golgi(rng: np.random.Generator, field) -> np.ndarray:
    """Draw Golgi spots in a crescent at one side of the nucleus, (Y, X)."""
    factors = field.factors
    cell = _repeat(factors["golgi_spots"])
    sides = rng.uniform(0, 2 * np.pi, len(factors["golgi_spots"]))
    side = sides[cell] + 0.55 * rng.standard_normal(len(cell))
    radius = np.sqrt(factors["nuclear_area"][cell] / np.pi) * rng.uniform(1.05, 1.5, len(cell))
    y = field.y[cell] + radius * np.sin(side) / field.scale
    x = field.x[cell] + radius * np.cos(side) / field.scale
    spots = trace(field.cytoplasm, y, x, cell, rng.uniform(0.5, 1.5, len(cell)))
    return ndimage.gaussian_filter(spots, 0.6 / field.scale, truncate=3)


def tubes(rng: np.random.Generator, field) -> np.ndarray:
    """Draw mitochondria, begun at a way out that `mito_spread` governs, (Y, X)."""
    factors = field.factors
    area = factors["cell_area"] - factors["nuclear_area"]
    cell = _repeat(np.clip(0.9 * area / factors["mito_length"], 3, 600))
    held = (factors["nuclear_area"] / np.maximum(factors["cell_area"], 1))[cell]
    spread = factors["mito_spread"][cell]
    y, x = field.cells.pick(cell, held + (1 - held) * rng.beta(5 * spread, 5 * (1 - spread)))
    length = factors["mito_length"][cell] * rng.gamma(4, 0.25, len(cell)) / STEP
    steps = np.arange(int(np.clip(length.max(initial=1), 1, 60)) + 1)
    steps = steps - len(steps) // 2
    outward = np.arctan2(y - field.y[cell], x - field.x[cell])
    heading = outward + rng.choice([0, np.pi / 2], len(cell)) + 0.5 * rng.standard_normal(len(cell))
    turn = 0.09 * rng.standard_normal(len(cell))
    angle = heading[:, None] + turn[:, None] * steps
    move = STEP / field.scale
    down = y[:, None] + move * _centred(np.sin(angle))
    right = x[:, None] + move * _centred(np.cos(angle))
    bright = rng.gamma(4, 0.25, len(cell))[:, None]
    weight = (np.abs(steps) <= length[:, None] / 2) * bright
    return trace(field.cytoplasm, down, right, cell, weight)


def level(pattern: np.ndarray, labels: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Scale a pattern so that its mean over each object is as stated; 0 outside, (Y, X)."""
    flat = labels.ravel()
    size = np.bincount(flat, minlength=len(mean) + 1)
    held = np.bincount(flat, weights=pattern.ravel(), minlength=len(mean) + 1)
    ratio = np.concatenate([[0], mean]) * size / np.maximum(held, 1e-9)
    ratio[0] = 0
    return pattern.astype(np.float32) * ratio.astype(np.float32)[labels]


def trace(labels, y, x, cell, weight) -> np.ndarray:
    """Deposit points in the pixels of their own cell, shared among the four they lie between.

    Parameters
    ----------
    labels : (Y, X) int array
    y, x : (n,) or (n, steps) arrays
        Pixels.
    cell : (n,) int array
        Object each row belongs to; what falls on other labels is dropped.
    weight : array like y
        0 skips a point.

    Returns
    -------
    (Y, X) float32 array
    """
    keep = np.broadcast_to(weight > 0, y.shape)
    weight = np.broadcast_to(weight, y.shape)[keep].astype(np.float32)
    cell = np.broadcast_to(cell.reshape(cell.shape + (1,) * (y.ndim - 1)), y.shape)[keep]
    y, x = y[keep].astype(np.float32), x[keep].astype(np.float32)
    top, left = np.floor(y).astype(np.int32), np.floor(x).astype(np.int32)
    dy, dx = y - top, x - left
    corners = ((0, 0, (1 - dy) * (1 - dx)), (0, 1, (1 - dy) * dx), (1, 0, dy * (1 - dx)))
    return sum(
        deposit(labels, top + down, left + right, cell, weight * share)
        for down, right, share in (*corners, (1, 1, dy * dx))
    )


def deposit(labels, y, x, cell, weight) -> np.ndarray:
    """Add weights to whole pixels where the label is the cell's own, (Y, X) float32."""
    inside = (y >= 0) & (x >= 0) & (y < labels.shape[0]) & (x < labels.shape[1])
    flat = y[inside] * labels.shape[1] + x[inside]
    own = labels.ravel()[flat] == cell[inside] + 1
    total = np.bincount(flat[own], weights=weight[inside][own], minlength=labels.size)
    return total.reshape(labels.shape).astype(np.float32)


def _repeat(number):
    """Index of the cell of each part, for a number of parts in each cell."""
    return np.repeat(np.arange(len(number)), np.rint(number).astype(int))


def _centred(moves):
    """Sum moves along the last axis, so that the middle of the path is at 0."""
    path = np.cumsum(moves, axis=1)
    return path - path[:, path.shape[1] // 2][:, None]
