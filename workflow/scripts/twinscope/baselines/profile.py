"""The classical profile of cells: all that CellProfiler would measure, and which of it to keep."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from twinscope.baselines.pixels import finite, white_of
from twinscope.errors import InputError, one_of

if TYPE_CHECKING:
    from twinscope.baselines import Unit

OUTLINES = ("sizeshape", "zernike", "feret")
STAINS = ("intensity", "texture", "granularity", "radial_distribution", "radial_zernikes")
PAIRS = ("pearson", "manders_fold", "rwc", "costes")
GROUPS = (*OUTLINES, *STAINS, *PAIRS)
# Costes takes two thirds of the time for a fiftieth of the columns.
FEATURES = tuple(name for name in GROUPS if name != "costes")
# Where a nucleus lies in its image is not what it is like; the three moments are never defined.
LEFT_OUT = (
    *("Center_", "BoundingBoxMinimum_", "BoundingBoxMaximum_", "Location_"),
    *("NormalizedMoment_0_0", "NormalizedMoment_0_1", "NormalizedMoment_1_0"),
)


def classical(
    unit: Unit, features: Sequence[str] = FEATURES, white: float | None = None
) -> pd.DataFrame:
    """Summarise all classical measurements of the nuclei of every image.

    A nucleus cut by the edge of the image is left out wherever the image has a whole one.

    Parameters
    ----------
    unit : Unit
        Uses the items of the index, the channels, and the images and masks, once, together.
    features : sequence of str
        Groups of measurements, from `GROUPS`.
    white : float, optional
        Intensity that counts as 1; brighter pixels count as 1, too. If not given, the largest
        value of an integer type; float images must then lie between 0 and 1. Textures are
        measured in 256 grey levels from 0 to 1, so a camera of 12 bits in files of 16 needs 4095.

    Returns
    -------
    DataFrame
        `{measurement}_median` and `_mad` (median absolute deviation) over the nuclei of the
        image, for the measurements of outlines; `{measurement}_{channel}_…` for those of stains;
        `{measurement}_{channel}_{channel}_…` for those of pairs of stains. Names are cp_measure's.
        Lengths are in pixels. Measurements of place are left out. NaN for an image without
        nuclei, or where a measurement exists for none; the deviation of one nucleus is NaN.
        `attrs["select"]` asks for `select` on negative controls when the units are put together.

    Raises
    ------
    InputError
        For an unknown group or none, one named twice, a white that is not positive, or pixels
        that are not finite.

    References
    ----------
    Stirling DR et al. (2021). CellProfiler 4: improvements in speed, utility and usability. BMC
    Bioinformatics 22, 433. Computed by cp_measure.
    """
    groups = _groups(features)
    if white is not None and not 0 < white < np.inf:
        raise InputError(f"white {white}", "a positive number")
    items, channels = pd.Index(unit.index["item"]), [str(channel) for channel in unit.channels]
    names = list(_measure(*_sample(len(channels)), channels, groups))
    rows = []
    for image, labels in zip(unit.images, unit.masks, strict=True):
        labels, image = _whole(np.asarray(labels)), _scaled(image, white)
        found = _measure(image, labels, channels, groups) if labels.any() else {}
        rows.append(_summary([found[name] for name in names] if found else [[]] * len(names)))
    columns = [f"{name}_{part}" for part in ("median", "mad") for name in names]
    values = np.asarray(rows, float).reshape(len(items), len(columns))
    frame = pd.DataFrame(values, items, columns)
    frame.attrs["select"] = True
    return frame


def select(
    values: pd.DataFrame,
    control: np.ndarray,
    missing: float = 0.05,
    variance: float = 1e-6,
    outlier: float = 500.0,
    correlation: float = 0.9,
) -> list[str]:
    """Choose columns that vary, say something of their own, and can be trusted.

    Parameters
    ----------
    values : DataFrame, shape (n, d)
        Profiles as measured or normalised.
    control : ndarray of bool, shape (n,)
        Which rows to learn from.
    missing : float
        Columns with a larger share of values that are not finite are dropped.
    variance, outlier : float
        Of what is left, in units of the controls' median absolute deviation (scaled to the
        standard deviation of a normal distribution), columns of no more variance, or with a
        larger absolute value, are dropped.
    correlation : float
        Of two columns with a larger Pearson correlation, that which correlates more with all
        others is dropped; strong negative correlations are not looked at.

    Returns
    -------
    list of str
        The kept columns, in the order in which they stand in `values`.

    Raises
    ------
    InputError
        When there are fewer than two controls, their number does not fit, or no column is kept.

    Notes
    -----
    The rules and their defaults are pycytominer's. Columns of which half the controls are alike
    have no unit and are dropped; of columns that are alike in all controls, the first by name is
    kept. Nothing depends on the order of rows or columns.

    References
    ----------
    Serrano E et al. (2025). Reproducible image-based profiling with Pycytominer. Nature Methods.
    """
    control = np.asarray(control, bool)
    if control.shape != (len(values),) or control.sum() < 2:
        expected = f"{len(values)} values, two or more of them true"
        raise InputError(f"control of shape {control.shape}, {control.sum()} true", expected)
    frame = _robust(values.loc[control], missing)
    if frame.shape[1]:
        frame = frame.drop(columns=_rejected(frame, variance, outlier, correlation))
    if not frame.shape[1]:
        raise InputError(f"{values.shape[1]} columns of which none can be kept", "at least one")
    return [name for name in values.columns if name in set(frame.columns)]


def _groups(features):
    features = [features] if isinstance(features, str) else list(features)
    for name in features:
        if name not in GROUPS:
            raise InputError(f"feature group {name!r}", one_of(GROUPS, name))
    if not features or len(set(features)) < len(features):
        raise InputError(f"features {features}", "groups of features, each once")
    return [name for name in GROUPS if name in features]


def _sample(channels):
    """Any image and mask: which measurements there are does not depend on them."""
    labels = np.zeros((32, 32), int)
    labels[8:24, 8:22] = 1
    return np.random.default_rng(0).random((channels, *labels.shape)), labels


def _measure(image, labels, channels, groups):
    """All measurements by name, one value a nucleus."""
    from cp_measure.bulk import get_core_measurements, get_correlation_measurements

    known, found = get_core_measurements() | get_correlation_measurements(), {}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # What has no value is NaN in the result; every nucleus need not say so.
        warnings.simplefilter("ignore")
        for group in groups:
            if group in OUTLINES:
                found |= known[group](labels, image[0])
            elif group in STAINS:
                for channel, plane in zip(channels, image, strict=True):
                    own = known[group](labels, plane)
                    found |= {f"{name}_{channel}": own[name] for name in own}
            else:
                given = {"scale_max": 65535} if group == "costes" else {}
                for (a, one), (b, two) in combinations(zip(channels, image, strict=True), 2):
                    own = known[group](one, two, labels, **given)
                    found |= {f"{name}_{a}_{b}": own[name] for name in own}
    return {name: found[name] for name in found if not name.startswith(LEFT_OUT)}


def _whole(labels):
    """Keep the nuclei that the edge does not cut, or all if it cuts them all; number them."""
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    whole = np.where(np.isin(labels, edge), 0, labels)
    kept = whole if whole.any() else labels
    return np.unique(np.append(0, kept.ravel()), return_inverse=True)[1][1:].reshape(labels.shape)


def _scaled(image, white):
    values = finite(image) / (white_of(image.dtype) if white is None else white)
    if white is None and (values.min() < 0 or values.max() > 1):
        raise InputError(
            f"intensities from {values.min():g} to {values.max():g}", "0 to 1, or white"
        )
    return np.clip(values, 0, 1)


def _summary(measured):
    table = np.array(measured, float)
    table[~np.isfinite(table)] = np.nan
    frame = pd.DataFrame(table.T)
    median = frame.median()
    deviation = (frame - median).abs().median().where(frame.count() > 1)
    return [*median, *deviation]


def _robust(values, missing):
    """Columns by name in units of their spread, rows sorted, without the first two kinds."""
    from pycytominer.operations import get_na_columns

    frame = values.astype(float).where(np.isfinite(values.astype(float)))
    names = sorted(frame.columns)
    frame = frame[names].drop(columns=get_na_columns(frame, names, cutoff=missing))
    centre = frame.median()
    spread = (frame - centre).abs().median() * 1.4826022185056018
    # A column that is even but for rounding errors has no spread.
    kept = spread > 1e-9 * centre.abs()
    # Rounded, so that one measurement in two units is seen to be one.
    frame = ((frame - centre) / spread).loc[:, kept].round(9)
    order = np.lexsort(frame.to_numpy().T[::-1]) if frame.shape[1] else slice(None)
    return frame.iloc[order].T.drop_duplicates().T


def _rejected(frame, variance, outlier, correlation):
    from pycytominer.cyto_utils import drop_outlier_features
    from pycytominer.operations import correlation_threshold
    from threadpoolctl import threadpool_limits

    flat = frame.columns[~(frame.var(ddof=0) > variance)].tolist()
    wild = drop_outlier_features(frame, list(frame.columns), outlier_cutoff=outlier)
    left = [name for name in frame.columns if name not in {*flat, *wild}]
    # Threads add in the order in which they finish: one thread gives the same bits each time.
    with threadpool_limits(1):
        twins = correlation_threshold(frame, left, threshold=correlation) if len(left) > 1 else []
    return [name for name in frame.columns if name in {*flat, *wild, *twins}]
