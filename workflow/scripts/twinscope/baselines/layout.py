"""How the nuclei are spaced, whatever their number."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.spatial import Voronoi, cKDTree

from twinscope.baselines.points import describe_points, named
from twinscope.baselines.randomness import expected_distances
from twinscope.errors import InputError

if TYPE_CHECKING:
    from twinscope.baselines import Unit

ORDERS = (1, 3)
QUANTILES = (0.1, 0.5, 0.9)


def layout(
    unit: Unit,
    radii: Sequence[float] = (10, 20, 40, 80),
    ring: float = 0.25,
    quadrats: Sequence[int] = (2, 4, 8),
) -> pd.DataFrame:
    """Describe the arrangement of the nuclei of every image by statistics of point patterns.

    Parameters
    ----------
    unit : Unit
        Uses the index (`height`, `width` in pixels, `microns_per_pixel`) and the centroids.
    radii : sequence of float
        Radii of L and of the pair correlation, µm.
    ring : float
        Half the width of the ring of the pair correlation, as a share of its radius, below 1.
    quadrats : sequence of int
        The image is cut into q × q equal rectangles, for each q.

    Returns
    -------
    DataFrame
        `clark_evans`, the mean distance to the nearest nucleus over its mean under complete
        spatial randomness of as many points in the same window [1]_; `neighbour3_mean`, likewise
        of the third nearest; `neighbour{j}_sd` (n − 1), `_q10`, `_q50` and `_q90` of both
        distances in the same units; `ripley_{r}um`, L(r) − r in µm, and `pair_correlation_{r}um`,
        both with translation correction [2]_; `voronoi_cv`, `_q10`, `_q50` and `_q90` of the
        areas of Voronoi cells clipped to the image, over their mean; `morisita_{q}`, Morisita's
        index of the counts in q × q quadrats [3]_. NaN where a value does not exist: the j-th
        neighbour of j nuclei; pairs and areas of one nucleus; the spread of the distances of two,
        which are one distance; and radii (with the ring) beyond half the shorter side of the
        image.

    Raises
    ------
    InputError
        For radii, ring or quadrats that are not positive, or a nucleus outside its image.

    Notes
    -----
    No column is the density. Two kinds of freedom from it: L, the pair correlation and Morisita's
    index keep their expectation when nuclei are removed at random, and do change with
    magnification; neighbours, Clark–Evans and Voronoi areas keep their value under magnification,
    and do change when nuclei are removed from a pattern that is not random. Under randomness the
    expectations of `clark_evans`, `neighbour3_mean`, `pair_correlation` and `morisita` are 1 for
    any number of nuclei; that of L(r) − r is below 0 where few pairs are nearer than r, since the
    root of a mean is above the mean of the root. Fewer nuclei make every value noisier.
    Nuclei keep a distance of their own size, in µm: where they do, the columns that are free of
    magnification tell the density after all, the more the denser they lie; those of pairs and
    quadrats do not.
    A square lattice, which no edge disturbs, has a Clark–Evans index of 2 in a large window.
    The variance-to-mean ratio of the quadrat counts is 1 + (morisita − 1)(n − 1) / (q² − 1): the
    same number times the density. Mean Voronoi area is the area of the image over n.

    References
    ----------
    .. [1] Clark & Evans (1954), Ecology 35, 445. The mean is computed for the very window, by
       `expected_distances`; Donnelly (1978), Simulation methods in archaeology, 91, approximates
       it as ½√(A/n) + 0.0514 P/n + 0.0412 P/n^(3/2) with the perimeter P.
    .. [2] Ohser (1983), Math. Operationsforsch. Stat. 14, 63. K(r) = A²/(n(n − 1)) times the sum
       over ordered pairs nearer than r of 1 / ((H − |Δy|)(W − |Δx|)); L = √(K/π); the pair
       correlation is the growth of K over a ring, over the area of the ring.
    .. [3] Morisita (1959), Mem. Fac. Sci. Kyushu Univ. E 2, 215. Q Σ c(c − 1) / (n(n − 1)).
    """
    if not 0 < ring < 1:
        raise InputError(f"ring {ring}", "a number between 0 and 1")
    ripley, rings = named("ripley", radii, "um"), named("pair_correlation", radii, "um")
    grids = named("morisita", quadrats)
    if any(q % 1 for q in grids):
        raise InputError(f"quadrats {list(quadrats)}", "whole numbers")

    def describe(points):
        k = partial(_ripley_k, *_weighted_pairs(points, (1 + ring) * max(ripley)))
        values = _neighbours(points)
        values |= {name: np.sqrt(k(r) / np.pi) - r for r, name in ripley.items()}
        for r, name in rings.items():
            inner, outer = (1 - ring) * r, (1 + ring) * r
            values[name] = (k(outer) - k(inner)) / (np.pi * (outer**2 - inner**2))
        values |= _voronoi(points)
        return values | {name: _morisita(points, int(q)) for q, name in grids.items()}

    return describe_points(unit, describe)


def _neighbours(points):
    count = len(points)
    values = {}
    for order in ORDERS:
        ratios = np.empty(0)
        if count > order:
            found = cKDTree(points.places).query(points.places, k=order + 1)[0][:, order]
            ratios = found / expected_distances(count, *points.window, order)[-1]
        mean = "clark_evans" if order == 1 else f"neighbour{order}_mean"
        values[mean] = ratios.mean() if len(ratios) else np.nan
        values[f"neighbour{order}_sd"] = ratios.std(ddof=1) if len(ratios) > 2 else np.nan
        values |= _quantiles(f"neighbour{order}", ratios)
    return values


def _weighted_pairs(points, reach):
    """Distances of pairs, their shares in K, and the largest radius that the window allows."""
    count, largest = len(points), points.window.min() / 2
    if count < 2:
        return np.empty(0), np.empty(0), 0.0
    pairs = cKDTree(points.places).query_pairs(min(reach, largest), output_type="ndarray")
    apart = np.abs(points.places[pairs[:, 0]] - points.places[pairs[:, 1]])
    overlap = np.prod(points.window - apart, axis=1)
    share = 2 * points.area**2 / (count * (count - 1)) / overlap
    return np.linalg.norm(apart, axis=1), share, largest


def _ripley_k(distances, shares, largest, radius):
    return shares[distances <= radius].sum() if radius <= largest else np.nan


def _voronoi(points):
    areas = _clipped_areas(points) / points.spacing**2 if len(points) > 1 else np.empty(0)
    cv = areas.std(ddof=1) if len(areas) else np.nan
    return {"voronoi_cv": cv} | _quantiles("voronoi", areas)


def _clipped_areas(points):
    """Areas of Voronoi cells: mirror images across the four sides clip them to the window."""
    places, back, twins = np.unique(points.places, axis=0, return_inverse=True, return_counts=True)
    mirrored = [places]
    for axis in (0, 1):
        for edge in (0, points.window[axis]):
            image = places.copy()
            image[:, axis] = 2 * edge - image[:, axis]
            mirrored.append(image)
    diagram = Voronoi(np.concatenate(mirrored))
    regions = [diagram.regions[number] for number in diagram.point_region[: len(places)]]
    sizes = np.array([len(region) for region in regions])
    starts = np.cumsum(sizes) - sizes
    following = np.arange(sizes.sum()) + 1
    following[starts + sizes - 1] = starts
    y, x = diagram.vertices[np.concatenate(regions)].T
    areas = np.abs(np.add.reduceat(y * x[following] - x * y[following], starts)) / 2
    return (areas / twins)[back]


def _morisita(points, q):
    count = len(points)
    if count < 2:
        return np.nan
    cell = np.minimum((points.places / points.window * q).astype(int), q - 1)
    counts = np.bincount(cell[:, 0] * q + cell[:, 1])
    return float(q**2 * (counts * (counts - 1)).sum() / (count * (count - 1)))


def _quantiles(prefix, values):
    found = np.quantile(values, QUANTILES) if len(values) else [np.nan] * len(QUANTILES)
    return {f"{prefix}_q{q * 100:.0f}": value for q, value in zip(QUANTILES, found, strict=True)}
