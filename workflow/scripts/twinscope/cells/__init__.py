"""Measure the nuclei of a label image, and their cells: one row a nucleus, lengths in µm."""

import numpy as np
import pandas as pd

from twinscope.cells import cytoplasm, regions, shape, texture
from twinscope.errors import InputError


def measure(
    image: np.ndarray,
    labels: np.ndarray,
    *,
    item: str,
    channels: tuple[str, ...],
    microns_per_pixel: float,
    cell_labels: np.ndarray | None = None,
) -> pd.DataFrame:
    """Measure every nucleus of one image.

    Parameters
    ----------
    image : ndarray, shape (C, Y, X)
        Intensities, in the units in which they are given back.
    labels : ndarray of int, shape (Y, X)
        0 for background, one positive number a nucleus.
    item : str
        Name of the image, repeated on every row.
    channels : sequence of str, length C
        Names of the channels.
    microns_per_pixel : float
        Pixel size, the same along Y and X.
    cell_labels : ndarray of int, shape (Y, X), optional
        Whole cells, each under the label of its nucleus. A cell without a nucleus is passed over.

    Returns
    -------
    DataFrame
        One row a nucleus, in the order of its label.

        *Place and shape*: `item`; `cell`, the label; `centroid_y`, `centroid_x` (µm, from the
        centre of the first pixel); `area` (µm²); `perimeter`, `major_axis`, `minor_axis` (µm);
        `eccentricity`; `solidity`; `form_factor`, 4πA/P²; `orientation` (radians between the Y
        axis and the major axis); `border`, whether it touches the edge of the image;
        `neighbour_distance` and `neighbour_distance_3` (µm to the nearest other centroid, and on
        average to the three nearest).

        *Every channel*: `intensity_mean_{channel}`, `_sd_`, `_median_`, `_min_` and `_max_` over
        the pixels of the nucleus; `ring_mean_{channel}` and `ring_sd_{channel}` over those within
        3 µm of it, outside every nucleus and, with `cell_labels`, inside its own cell (without,
        a pixel belongs to the nearest nucleus); `texture_{name}_{channel}` as
        `twinscope.cells.texture` defines them.

        *With* `cell_labels` *only*: `cell_area` (µm²), `cell_eccentricity`, `cell_solidity`,
        `cell_border`, `cell_mean_{channel}`, `cell_sd_{channel}`, all over the whole cell, nucleus
        included; `reach_{channel}` and `coherence_{channel}` over the cytoplasm, as
        `twinscope.cells.cytoplasm` defines them.

        Columns and types are the same when there is no nucleus. NaN where a value does not exist:
        a neighbour that is not there, the form factor of a nucleus without a perimeter (a few
        pixels), a ring or cytoplasm without a pixel, the texture of a nucleus that is too small
        or even, a nucleus without a cell.

    Raises
    ------
    InputError
        When shapes, names or the pixel size do not fit.

    Notes
    -----
    Standard deviations are over all pixels (n). The perimeter of a pixelated outline is an
    estimate; the form factor of a small round nucleus can exceed 1.
    """
    channels, pixel = [str(channel) for channel in channels], float(microns_per_pixel)
    _check(image, labels, cell_labels, channels, pixel)
    numbers, labels, cell_labels = regions.number(labels, cell_labels)
    distance, owner = regions.surround(labels, cell_labels)
    parts = _parts(labels, cell_labels, owner, distance, len(numbers), pixel)
    columns = {"item": pd.Series([item] * len(numbers), dtype=object), "cell": numbers}
    columns |= shape.nuclei(labels, pixel)
    if cell_labels is not None:
        columns |= shape.whole_cells(cell_labels, len(numbers), pixel)
    for channel, values in zip(channels, image, strict=True):
        found = _intensities(values.astype(float), parts, distance, pixel)
        columns |= {f"{name}_{channel}": column for name, column in found.items()}
    return pd.DataFrame(columns)


def _check(image, labels, cell_labels, channels, pixel):
    if not (np.isfinite(pixel) and pixel > 0):
        raise InputError(f"microns_per_pixel {pixel}", "a positive number")
    if image.ndim != 3 or labels.shape != image.shape[1:] or len(channels) != len(image):
        raise InputError(
            f"image {image.shape}, labels {labels.shape}, {len(channels)} channel names",
            "shapes (C, Y, X) and (Y, X) and C names",
        )
    if cell_labels is not None and cell_labels.shape != labels.shape:
        raise InputError(f"cell labels {cell_labels.shape}", f"the labels' shape {labels.shape}")


def _parts(labels, cell_labels, owner, distance, count, pixel):
    """Collect the sets of pixels that are measured, by name."""
    rim = RIM / pixel
    owners = {
        "nucleus": labels,
        "core": regions.core(labels, rim),
        "ring": np.where(distance <= RING / pixel, owner, 0),
    }
    if cell_labels is not None:
        inner = np.where(distance > rim, regions.core(cell_labels, rim), 0)
        owners |= {"cell": cell_labels, "cytoplasm": owner, "inner": np.where(owner > 0, inner, 0)}
    return {name: regions.of(image, count) for name, image in owners.items()}


def _intensities(image, parts, distance, pixel):
    """Every value of one channel, by name."""
    nucleus = parts["nucleus"].values(image)
    low, middle, high = parts["nucleus"].quantiles(nucleus, (0, 0.5, 1))
    found = _moments("intensity", image, parts["nucleus"])
    found |= {"intensity_median": middle, "intensity_min": low, "intensity_max": high}
    found |= _moments("ring", image, parts["ring"])
    found |= {f"texture_{k}": v for k, v in texture.texture(image, parts["core"], pixel).items()}
    if "cell" in parts:
        found |= _moments("cell", image, parts["cell"])
        found["reach"] = cytoplasm.reach(image, distance, parts["cytoplasm"])
        found["coherence"] = cytoplasm.coherence(image, parts["inner"], pixel)
    return found


def _moments(name, image, region):
    values = region.values(image)
    return {f"{name}_mean": region.mean(values), f"{name}_sd": region.sd(values)}


RING = 3.0
RIM = 1.3
