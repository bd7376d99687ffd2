"""Place, size and shape of nuclei and of whole cells."""

import numpy as np
from scipy.spatial import cKDTree
from skimage.measure import regionprops_table


def nuclei(labels: np.ndarray, pixel: float) -> dict[str, np.ndarray]:
    """Measure place and shape of nuclei numbered 1 to n.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
    pixel : float
        µm.

    Returns
    -------
    dict of ndarray, shape (n,)
        The columns that `twinscope.cells.measure` describes.
    """
    raw = regionprops_table(labels, properties=PROPERTIES)

    def column(name, scale=1.0):
        return np.asarray(raw[name], float) * scale

    centroids = np.column_stack([column("centroid-0", pixel), column("centroid-1", pixel)])
    area, perimeter = column("area", pixel**2), column("perimeter", pixel)
    circle = np.where(perimeter > 0, perimeter, np.nan)
    return {
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
        "border": _touches_edge(raw, labels.shape),
        "neighbour_distance": _neighbour_distance(centroids, 1),
        "neighbour_distance_3": _neighbour_distance(centroids, 3),
    }


def whole_cells(cell_labels: np.ndarray, count: int, pixel: float) -> dict[str, np.ndarray]:
    """Measure the shape of cells numbered like their nuclei, 1 to `count`.

    Parameters
    ----------
    cell_labels : ndarray of int, shape (Y, X)
    count : int
        Nuclei, some of which may have no cell.
    pixel : float
        µm.

    Returns
    -------
    dict of ndarray, shape (count,)
        `cell_area`, `cell_eccentricity`, `cell_solidity`: NaN for a nucleus without a cell;
        `cell_border`: False for it.
    """
    raw = regionprops_table(cell_labels, properties=("label", "bbox", *CELL_PROPERTIES))
    rows = np.asarray(raw["label"], int) - 1
    columns = {}
    for name in CELL_PROPERTIES:
        columns[f"cell_{name}"] = np.full(count, np.nan)
        columns[f"cell_{name}"][rows] = raw[name]
    columns["cell_area"] *= pixel**2
    columns["cell_border"] = np.zeros(count, bool)
    columns["cell_border"][rows] = _touches_edge(raw, cell_labels.shape)
    return columns


def _touches_edge(raw, shape):
    top, left, bottom, right = (np.asarray(raw[f"bbox-{side}"]) for side in range(4))
    return (top == 0) | (left == 0) | (bottom == shape[0]) | (right == shape[1])


def _neighbour_distance(centroids, nearest):
    if len(centroids) <= nearest:
        return np.full(len(centroids), np.nan)
    return cKDTree(centroids).query(centroids, k=nearest + 1)[0][:, 1:].mean(axis=1)


CELL_PROPERTIES = ("area", "eccentricity", "solidity")
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
)
