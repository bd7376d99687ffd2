"""Which kinds of nuclei there are, in which shares, and which lie beside which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from twinscope.baselines.cooccurrence import describer
from twinscope.baselines.points import describe_points
from twinscope.baselines.shape import MEASURES
from twinscope.errors import InputError, one_of

if TYPE_CHECKING:
    from twinscope.baselines import Unit

KEPT = ("centroid_y", "centroid_x", "border", *MEASURES)


def codebook(
    cells: pd.DataFrame, clusters: int = 8, seed: int = 0, columns: Sequence[str] = MEASURES
) -> dict:
    """Learn clusters of nuclei by k-means on standardised columns.

    Parameters
    ----------
    cells : DataFrame
        One row a nucleus, of the training units only. Nuclei cut by the edge of their image, and
        those without a value in one of the columns, are left out.
    clusters : int
        Number of clusters.
    seed : int
        Seed of k-means++, the best of 10 starts.
    columns : sequence of str
        Columns of `cells` to learn from.

    Returns
    -------
    dict
        Ready for JSON: `columns` (d names); `mean` and `scale` (d), the latter the standard
        deviation (n), 1 for a constant column; `centres` (clusters × d) in standardised units,
        sorted by the first column, then the next.

    Raises
    ------
    InputError
        When a column is missing, or there are fewer different nuclei than clusters.

    Notes
    -----
    Does not depend on the order of the rows.
    """
    # Describing needs no scikit-learn: only learning imports it.
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    values = _values(cells.loc[~cells["border"].astype(bool)], columns)
    values = values[np.isfinite(values).all(axis=1)]
    values = values[np.lexsort(values.T[::-1])]
    different = len(np.unique(values, axis=0))
    if clusters < 1 or different < clusters:
        raise InputError(f"{clusters} clusters", f"from 1 to {different}, the different nuclei")
    mean, scale = values.mean(axis=0), values.std(axis=0)
    scale[np.ptp(values, axis=0) == 0] = 1.0
    # Threads add in the order in which they finish: one thread gives the same bits each time.
    with threadpool_limits(1):
        model = KMeans(clusters, n_init=10, random_state=seed).fit((values - mean) / scale)
    centres = model.cluster_centers_
    centres = centres[np.lexsort(centres.T[::-1])]
    parts = {"mean": mean.tolist(), "scale": scale.tolist(), "centres": centres.tolist()}
    return {"columns": list(columns)} | parts


def bag(unit: Unit, clusters: int = 8, k: int = 5, cells: int = 200, seed: int = 0) -> pd.DataFrame:
    """Keep the nuclei of every image, for clusters that are learned later, on training items only.

    Parameters
    ----------
    unit : Unit
        Uses the index (`height`, `width` in pixels, `microns_per_pixel`), and of the cells the
        centroids, `border` and `shape.MEASURES`.
    clusters, k, seed : int
        As for `codebook` and `composition`.
    cells : int
        At most so many nuclei of an image are kept: those nearest its centre.

    Returns
    -------
    DataFrame
        ``height`` and ``width`` of the image and its ``pixel`` (µm), then the columns of each
        nucleus, NaN where an image has fewer. `attrs["fit"]` says what is to be learned from them.

    Raises
    ------
    InputError
        For numbers that are not positive.
    """
    for name, number in (("clusters", clusters), ("k", k), ("cells", cells)):
        if number < 1 or number % 1:
            raise InputError(f"{name} {number}", "a whole number of at least 1")
    groups = dict(list(unit.cells.groupby("item", sort=False)))
    rows = []
    for image in unit.index.itertuples():
        window = np.array([image.height, image.width], float) * image.microns_per_pixel
        own = groups.get(image.item, unit.cells.iloc[:0])
        values = _values(own, KEPT)
        far = np.hypot(*(values[:, :2] + image.microns_per_pixel / 2 - window / 2).T)
        values = values[np.lexsort((*values.T[::-1], far))][: int(cells)]
        flat = np.full(int(cells) * len(KEPT), np.nan)
        flat[: values.size] = values.ravel()
        rows.append(np.concatenate([window, [image.microns_per_pixel], flat]))
    nuclei = [f"{name}_{number:04d}" for number in range(int(cells)) for name in KEPT]
    columns = ["height", "width", "pixel", *nuclei]
    values = np.asarray(rows, float).reshape(-1, len(columns))
    frame = pd.DataFrame(values, pd.Index(unit.index["item"]), columns)
    frame.attrs["fit"] = {"kind": "composition", "clusters": clusters, "k": k, "seed": seed}
    return frame


def unpack(frame: pd.DataFrame):
    """Turn rows of `bag`, in any selection, into images and their nuclei again.

    Parameters
    ----------
    frame : DataFrame
        Columns of `bag`; the items are numbered anew, in order.

    Returns
    -------
    Unit
    """
    from twinscope.baselines import Unit

    values = frame.to_numpy(float)
    items = [f"{number:09d}" for number in range(len(values))]
    nuclei = values[:, 3:].reshape(len(values), -1, len(KEPT))
    image, place = np.nonzero(np.isfinite(nuclei[:, :, 0]))
    cells = pd.DataFrame(nuclei[image, place], columns=list(KEPT))
    cells["item"] = np.array(items, dtype=object)[image]
    index = pd.DataFrame({"item": items, "microns_per_pixel": values[:, 2]})
    index["height"], index["width"] = (values[:, :2] / values[:, 2:3]).T
    return Unit(index, (), cells, (), ())


def composition(unit: Unit, codebook: dict, k: int = 5) -> pd.DataFrame:
    """Describe the clusters of nuclei of every image and their neighbourhoods.

    Parameters
    ----------
    unit : Unit
        Uses the index (`height`, `width` in pixels, `microns_per_pixel`) and of the cells the
        centroids, `border` and the columns of the codebook.
    codebook : dict
        Of `codebook`, learned on training units.
    k : int
        Nearest neighbours of a nucleus.

    Returns
    -------
    DataFrame
        `fraction_{c}`, the share of the nuclei whose nearest centre is c = 1, 2, …; and for
        c ≤ d `cooccurrence_{c}_with_{d}` as in `types`. A nucleus without a value in a column of
        the codebook has no cluster and does not enter; one cut by the edge of the image has a
        false shape and does not enter where the image has a whole one. NaN for an image without
        such nuclei.

    Raises
    ------
    InputError
        When a column is missing, k is below 1, or a nucleus lies outside its image.
    """
    centres = np.array(codebook["centres"], float)
    border = unit.cells["border"].astype(bool)
    has_whole = unit.cells["item"].isin(unit.cells.loc[~border, "item"])
    cells = unit.cells.loc[~(border & has_whole)]
    values = _values(cells, codebook["columns"])
    values = (values - codebook["mean"]) / codebook["scale"]
    known = np.isfinite(values).all(axis=1)
    squares = ((values[known, None, :] - centres) ** 2).sum(axis=2)
    names = [f"{number}" for number in range(1, len(centres) + 1)]
    kind = pd.Series(squares.argmin(axis=1), cells.index[known], dtype=int)
    return describe_points(unit, describer(names, k), cells.loc[known].assign(kind=kind))


def types(unit: Unit, column: str, types: Sequence[str], k: int = 5) -> pd.DataFrame:
    """Describe given types of nuclei in every image and their neighbourhoods.

    Parameters
    ----------
    unit : Unit
        Uses the index (`height`, `width` in pixels, `microns_per_pixel`) and of the cells the
        centroids and the column.
    column : str
        Column of the cells with the type of each; a nucleus without one does not enter.
    types : sequence of str
        All types that any unit may have, which fixes the columns.
    k : int
        Nearest neighbours of a nucleus.

    Returns
    -------
    DataFrame
        `fraction_{t}`, the share of the nuclei of type t. For every pair of types, in the order
        given, `cooccurrence_{t}_with_{u}`: how often one is among the k nearest neighbours of the
        other, over the mean of that when the types of the image are dealt out at random among its
        places. 1 by chance, 0 for types that shun each other. NaN where a value does not exist:
        fractions of no nuclei; pairs that the image cannot have; k + 1 nuclei or fewer, all
        neighbours of each other.

    Raises
    ------
    InputError
        When the column is missing, holds a type that is not declared, types are declared twice,
        k is below 1, or a nucleus lies outside its image.

    Notes
    -----
    Of n nuclei with k n pairs (nucleus, neighbour), dealing out n_t and n_u types at random gives
    a mean of k n_t n_u / (n − 1) pairs from t to u, and k n_t (n_t − 1) / (n − 1) within t.
    """
    names = [str(name) for name in types]
    if not names or len(set(names)) < len(names):
        raise InputError(f"types {names}", "at least one, each once")
    _need(unit.cells, [column])
    cells = unit.cells.loc[unit.cells[column].notna()]
    found = cells[column].astype(str)
    for stray in sorted(set(found) - set(names)):
        raise InputError(f"type {stray!r} in column {column!r}", one_of(names, stray))
    kind = found.map({name: number for number, name in enumerate(names)}).astype(int)
    return describe_points(unit, describer(names, k), cells.assign(kind=kind))


def _values(cells, columns):
    _need(cells, columns)
    return cells[list(columns)].to_numpy(float)


def _need(cells, columns):
    for column in columns:
        if column not in cells:
            raise InputError(f"cells without {column!r}", one_of(cells.columns, column))
