"""Say how sure a score is: cluster bootstrap, intervals that are honest for few groups, Holm."""

from typing import NamedTuple

import numpy as np

# Not scipy.stats, here and in other modules that every score imports: it takes a second to import.
from scipy.special import stdtrit
from threadpoolctl import threadpool_limits

from twinscope.metrics import Metric, codes

CHUNK = 1_000
ZERO = 1e-12
# Variance of a cross-validated score beside that of its bootstrap: see `standard_error`.
CROSSED = 1 + 2 / np.pi


class Interval(NamedTuple):
    """An interval, its standard error, and why it is undefined (or nothing)."""

    lower: float
    upper: float
    error: float
    reason: str


def resamples(
    groups: np.ndarray, draws: int = 10_000, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw groups with replacement.

    Depends on the set of groups and the seed only, so that everything scored on the same groups
    is resampled alike and its differences are paired.

    Parameters
    ----------
    groups : array of str of shape (n,)
        The group of each item.
    draws : int
        Number of draws.
    seed : int
        Seed of the draws.

    Returns
    -------
    names : array of str of shape (G,)
        The groups, sorted.
    counts : array of int of shape (draws, G)
        How often each group was drawn; rows sum to G.
    """
    names = np.unique(np.asarray(groups, dtype=str))
    size = len(names)
    rng = np.random.default_rng(seed)
    counts = np.empty((draws, size), dtype=np.uint16)
    for start in range(0, draws, CHUNK):
        rows = min(CHUNK, draws - start)
        drawn = rng.integers(size, size=(rows, size)) + np.arange(rows)[:, None] * size
        flat = np.bincount(drawn.ravel(), minlength=rows * size)
        counts[start : start + rows] = flat.reshape(rows, size)
    return names, counts


# One thread: sums then have one order whatever the machine.
@threadpool_limits.wrap(limits=1, user_api="blas")
def bootstrap(
    y: np.ndarray,
    p: np.ndarray,
    groups: np.ndarray,
    metric: Metric,
    classes: np.ndarray,
    counts: np.ndarray,
) -> np.ndarray:
    """Score every draw of groups.

    Parameters
    ----------
    y, groups : arrays of str of shape (n,)
        Labels and groups.
    p : array of shape (n, K)
        Probabilities.
    metric : Metric
        From `twinscope.metrics.METRICS`.
    classes : array of str of shape (K,)
        Sorted classes.
    counts : array of int of shape (draws, G)
        From `resamples` on the same groups.

    Returns
    -------
    array of shape (draws,)
        NaN where the metric is undefined.
    """
    member = np.unique(np.asarray(groups, dtype=str), return_inverse=True)[1]
    if member.max() + 1 != counts.shape[1]:
        raise ValueError(f"{member.max() + 1} groups but counts of {counts.shape[1]}")
    values = np.full(len(counts), np.nan)
    if np.isnan(p).any():
        return values
    if metric.terms is not None:
        parts = metric.terms(codes(y, classes), np.asarray(p, dtype=float), len(classes))
        sums = np.zeros((counts.shape[1], parts.shape[1]))
        np.add.at(sums, member, parts)
    for start in range(0, len(counts), CHUNK):
        some = counts[start : start + CHUNK]
        values[start : start + CHUNK] = (
            metric.function(y, p, classes, some[:, member])
            if metric.terms is None
            else metric.combine(some.astype(float) @ sums)
        )
    return values


def standard_error(draws: np.ndarray, n_groups: int, crossed: bool = False) -> float:
    """Return the standard error of the statistic whose bootstrap draws are given.

    The standard deviation of the draws times sqrt(G / (G - 1)): resampling G groups sees their
    spread with divisor G (Efron and Tibshirani 1993, section 5.3).

    A cross-validated score is a sum over pairs of groups, one that taught and one that is tested,
    and in two folds each pair counts twice, either way round. Draws of predictions as they are see
    each once. No estimate of the rest is unbiased (Bengio and Grandvalet 2004, JMLR 5:1089), and
    Nadeau and Bengio (2003, Mach. Learn. 52:239) add a share that is fixed beforehand. So does
    this: where nothing is to be found, the part of a right answer that is linear in the evidence,
    2 / pi of its variance if evidence is normal, counts twice and the rest once. The variance is
    multiplied by 1 + 2 / pi, whatever the number of folds. Theirs, (1 / k + 1 / (k - 1)) / (1 / k),
    is more than 2 and too wide for all but ranks without signal; with much signal and few features
    the truth is near 1, and this is too wide by up to a quarter.

    Parameters
    ----------
    draws : array of shape (draws,)
        Undefined (NaN) draws are left out.
    n_groups : int
        Number of groups resampled.
    crossed : bool
        Whether the statistic is a cross-validated score, or a difference of such, whose groups
        change places between training and test.

    Returns
    -------
    float
        0 when all draws agree; NaN for fewer than 2 groups or fewer than half the draws defined.
    """
    draws = np.asarray(draws, dtype=float)
    defined = draws[np.isfinite(draws)]
    if n_groups < 2 or len(defined) < max(2, len(draws) / 2):
        return np.nan
    factor = n_groups / (n_groups - 1) * (CROSSED if crossed else 1)
    error = float(np.std(defined) * np.sqrt(factor))
    return error if error > ZERO else 0.0


def interval(
    value: float,
    draws: np.ndarray,
    n_groups: int,
    low: float = -np.inf,
    high: float = np.inf,
    level: float = 0.95,
    crossed: bool = False,
) -> Interval:
    """Return value ± t(G - 1) × standard error, kept within the range of the metric.

    Percentiles of a cluster bootstrap are too narrow for few groups; Student's t with one degree
    of freedom less than there are groups is not (Cameron, Gelbach and Miller 2008).

    Parameters
    ----------
    value : float
        The score itself.
    draws : array of shape (draws,)
        Its bootstrap draws.
    n_groups : int
        Number of groups resampled.
    low, high : float
        The range of the metric.
    level : float
        Coverage asked for.
    crossed : bool
        Whether the score is cross-validated, as for `standard_error`.

    Returns
    -------
    Interval
        `lower`, `upper` and `error` are NaN, with a `reason`, where undefined.
    """
    error = standard_error(draws, n_groups, crossed)
    reason = ""
    if not np.isfinite(value):
        reason = "the score is undefined"
    elif n_groups < 2:
        reason = "fewer than 2 groups to resample"
    elif np.isnan(error):
        reason = "undefined in more than half of the draws"
    if reason:
        return Interval(np.nan, np.nan, np.nan, reason)
    reach = float(stdtrit(n_groups - 1, (1 + level) / 2)) * error
    return Interval(max(low, value - reach), min(high, value + reach), error, "")


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Adjust p values so that a bound on them bounds the false discovery rate.

    Step-up method of Benjamini and Hochberg (1995, J. R. Stat. Soc. B 57:289).

    Parameters
    ----------
    p : array of shape (m,)
        NaN stands for a test that could not be made: it stays NaN and is not counted.

    Returns
    -------
    array of shape (m,)
        Adjusted p values, at most 1.
    """
    p = np.asarray(p, dtype=float)
    adjusted = np.full(p.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")][::-1]
    ranks = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum.accumulate(np.minimum(p[order] * len(order) / ranks, 1))
    return adjusted


def holm(p: np.ndarray) -> np.ndarray:
    """Adjust p values for their number by Holm's step-down method (Holm 1979).

    Parameters
    ----------
    p : array of shape (m,)
        NaN stands for a test that could not be made: it stays NaN and is not counted.

    Returns
    -------
    array of shape (m,)
        Adjusted p values, at most 1.
    """
    p = np.asarray(p, dtype=float)
    adjusted = np.full(p.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(steps)) if len(order) else []
    return adjusted
