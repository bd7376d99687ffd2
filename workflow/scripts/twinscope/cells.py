"""Measure the nuclei of a label image: one row a nucleus, lengths in µm."""

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree
from skimage.measure import regionprops_table

from twinscope.errors import InputError


def measure(
    image: np.ndarray,
    labels: np.ndarray,
    *,
    item: str,
    channels: tuple[str, ...],
    microns_per_pixel: float,
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

    Returns
    -------
    DataFrame
        One row a nucleus, in the order of its label: `item`; `cell`, the label; `centroid_y`,
        `centroid_x` (µm, from the centre of the first pixel); `area` (µm²); `perimeter`,
        `major_axis`, `minor_axis` (µm); `eccentricity`; `solidity`; `form_factor`, 4πA/P²;
        `orientation` (radians between the Y axis and the major axis); `border`, whether it
        touches the edge of the image; `neighbour_distance` (µm to the nearest other centroid);
        `intensity_mean_{channel}` and `intensity_sd_{channel}` (over its pixels). Columns and
        types are the same when there is no nucleus. NaN where a value does not exist: the
        neighbour of a lone nucleus, the form factor of one without a perimeter (a few pixels).

    Raises
    ------
    InputError
        When shapes, names or the pixel size do not fit.

    Notes
    -----
    The perimeter of a pixelated outline is an estimate; the form factor of a small round nucleus
    can exceed 1.
    """
    channels = [str(channel) for channel in channels]
    if not (np.isfinite(microns_per_pixel) and microns_per_pixel > 0):
        raise InputError(f"microns_per_pixel {microns_per_pixel}", "a positive number")
    if image.ndim != 3 or labels.shape != image.shape[1:] or len(channels) != len(image):
        raise InputError(
            f"image {image.shape}, labels {labels.shape}, {len(channels)} channel names",
            "shapes (C, Y, X) and (Y, X) and C names",
        )
    intensities = np.moveaxis(image, 0, -1).astype(float)
    raw = regionprops_table(labels, intensities, properties=PROPERTIES)
    return _table(raw, item, channels, float(microns_per_pixel), labels.shape)


def _table(raw, item, channels, pixel, shape):
    def column(name, scale=1.0):
        return np.asarray(raw[name], float) * scale

    centroids = np.column_stack([column("centroid-0", pixel), column("centroid-1", pixel)])
    area, perimeter = column("area", pixel**2), column("perimeter", pixel)
    circle = np.where(perimeter > 0, perimeter, np.nan)
    columns = {
        "item": pd.Series([item] * len(area), dtype=object),
        "cell": np.asarray(raw["label"], np.int64),
        "centroid_y": centroids[:, 0],
        "centroid_x": centroids[:, 1],
        "area": area,
        "perimeter": perimeter,
        "major_axis": column("axis_major_length", pixel),
        "minor_axis": column("axis_minor_length", pixel),
        "eccentricity": column("eccentricity"),
        "solidity": column("solidity"),
        "form_factor": 4 * np.pi * area / circle**2,
        "orientation": column("orientation"),
        "border": _touches_edge(raw, shape),
        "neighbour_distance": _neighbour_distance(centroids),
    }
    for number, channel in enumerate(channels):
        columns[f"intensity_mean_{channel}"] = column(f"intensity_mean-{number}")
        columns[f"intensity_sd_{channel}"] = column(f"intensity_std-{number}")
    return pd.DataFrame(columns)


def _touches_edge(raw, shape):
    top, left, bottom, right = (np.asarray(raw[f"bbox-{side}"]) for side in range(4))
    return (top == 0) | (left == 0) | (bottom == shape[0]) | (right == shape[1])


def _neighbour_distance(centroids):
    if len(centroids) < 2:
        return np.full(len(centroids), np.nan)
    return cKDTree(centroids).query(centroids, k=2)[0][:, 1]


PROPERTIES = (
    "label",
    "bbox",
    "centroid",
    "area",
    "perimeter",
    "axis_major_length",
    "axis_minor_length",
    "eccentricity",
    "solidity",
    "orientation",
    "intensity_mean",
    "intensity_std",
)
