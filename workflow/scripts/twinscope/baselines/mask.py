"""The nuclei drawn as an image, without stain, and seen by an untrained network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter
from skimage.segmentation import find_boundaries
from skimage.transform import resize

from twinscope.errors import InputError, one_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twinscope.baselines import Unit

SPOT = 2.0


def mask_network(
    unit: Unit,
    drawn: str = "mask",
    pixel: float = 1.0,
    widths: Sequence[int] = (8, 16, 32, 32),
    seed: int = 0,
) -> pd.DataFrame:
    """Pass the nuclear mask through an untrained convolutional network.

    What a network can say of an image from where nuclei are and how they are shaped, with no
    training and no intensities. Each layer is a 3 × 3 convolution with weights drawn from
    N(0, 2 / fan-in) (He et al. 2015), a rectifier and a mean over 2 × 2 pixels; features are the
    mean and the standard deviation of every map of the last layer.

    Parameters
    ----------
    unit : Unit
        Uses the index (`microns_per_pixel`, `height`, `width`), and the masks or the cells.
    drawn : {"mask", "centroids"}
        The nuclei with their outlines, or one spot of 2 µm for each.
    pixel : float
        Pixel size in µm at which nuclei are drawn, so that images of any resolution are alike.
    widths : sequence of int
        Maps of each layer.
    seed : int
        Of the weights, the same for all units.

    Returns
    -------
    DataFrame
        ``mean_{map}`` and ``sd_{map}``.

    Raises
    ------
    InputError
        For another drawing, a pixel that is not positive, no layer, or images too small for the
        number of layers.
    """
    if drawn not in DRAWINGS:
        raise InputError(f"drawn {drawn!r}", one_of(DRAWINGS, drawn))
    if not (np.isfinite(pixel) and pixel > 0) or not widths or min(widths) < 1:
        raise InputError(f"pixel {pixel!r} and widths {widths!r}", "positive numbers")
    weights, rows = _weights(tuple(widths), seed), []
    for row, planes in zip(unit.index.itertuples(), DRAWINGS[drawn](unit, pixel), strict=True):
        if min(planes.shape[1:]) < 2 ** len(widths):
            found = f"{row.item!r} drawn as {planes.shape[1]} x {planes.shape[2]} pixels"
            raise InputError(found, f"at least {2 ** len(widths)} for {len(widths)} layers")
        rows.append(_features(planes, weights))
    names = [f"{what}_{k:02d}" for what in ("mean", "sd") for k in range(widths[-1])]
    values = np.asarray(rows).reshape(-1, len(names))
    return pd.DataFrame(values, pd.Index(unit.index["item"]), names)


def _draw_masks(unit, pixel):
    """Yield each mask as two planes: inside of nuclei, and their outlines."""
    for row, labels in zip(unit.index.itertuples(), unit.masks, strict=True):
        shape = _shape(labels.shape, row.microns_per_pixel, pixel)
        small = resize(labels, shape, order=0, anti_aliasing=False, preserve_range=True)
        outlines = find_boundaries(small.astype(int), mode="inner")
        yield np.stack([(small > 0) & ~outlines, outlines]).astype(float)


def _draw_centroids(unit, pixel):
    cells = dict(list(unit.cells.groupby("item")))
    for row in unit.index.itertuples():
        plane = np.zeros(_shape((row.height, row.width), row.microns_per_pixel, pixel))
        own = cells.get(row.item, unit.cells.iloc[:0])
        y, x = own["centroid_y"].to_numpy() / pixel, own["centroid_x"].to_numpy() / pixel
        where = [
            np.clip(np.round(c).astype(int), 0, n - 1)
            for c, n in zip((y, x), plane.shape, strict=True)
        ]
        np.add.at(plane, tuple(where), 1.0)
        spot = SPOT / pixel
        yield gaussian_filter(plane, spot)[None] * (2 * np.pi * spot**2)


def _shape(shape, microns_per_pixel, pixel):
    return tuple(max(1, round(side * microns_per_pixel / pixel)) for side in shape)


def _weights(widths, seed):
    """Draw weights for one and for two planes alike: (9, width in, width out) a layer."""
    rng, weights, width = np.random.default_rng([20150206, int(seed)]), [], 2
    for number in widths:
        scale = np.sqrt(2 / (9 * width))
        weights.append(scale * rng.standard_normal((9, width, number)))
        width = number
    return weights


def _features(planes, weights):
    maps = planes
    for layer in weights:
        maps = _pool(np.maximum(_convolve(maps, layer[:, : len(maps)]), 0))
    flat = maps.reshape(len(maps), -1)
    return np.concatenate([flat.mean(axis=1), flat.std(axis=1)])


def _convolve(maps, layer):
    """Convolve by nine shifted products; the edge is mirrored, so that it is no feature."""
    height, width = maps.shape[1:]
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)), mode="reflect")
    shifts = [(dy, dx) for dy in range(3) for dx in range(3)]
    return sum(
        np.tensordot(weight.T, padded[:, dy : dy + height, dx : dx + width], axes=1)
        for weight, (dy, dx) in zip(layer, shifts, strict=True)
    )


def _pool(maps):
    height, width = (side // 2 * 2 for side in maps.shape[1:])
    blocks = maps[:, :height, :width].reshape(len(maps), height // 2, 2, width // 2, 2)
    return blocks.mean(axis=(2, 4))


DRAWINGS = {"mask": _draw_masks, "centroids": _draw_centroids}
