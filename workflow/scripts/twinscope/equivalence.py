"""What difference is too small to matter, and tests of differences against it."""

from collections.abc import Sequence

import numpy as np
from scipy.special import stdtr, stdtrit

from twinscope.statistics import ZERO

ALPHA, POWER = 0.05, 0.8


def margin_of(
    baselines: Sequence[float],
    chance: float,
    ceiling: float,
    fraction: float = 0.10,
    floor: float = 0.01,
) -> float:
    """Return the difference that is too small to matter.

    Parameters
    ----------
    baselines : sequence of float
        Scores of the baselines of every family but "null"; NaN is left out.
    chance : float
        Chance level, which stands in when no baseline has a score.
    ceiling : float
        The best score there is, as from `ceiling`.
    fraction : float
        Share of the gap between the best baseline and the ceiling.
    floor : float
        The smallest margin.

    Returns
    -------
    float
        max(fraction × gap, floor), in units of the metric.
    """
    up = 1 if ceiling >= chance else -1
    gaps = up * (ceiling - np.asarray(list(baselines), dtype=float))
    gaps = gaps[np.isfinite(gaps)]
    # A baseline can lie above an estimated ceiling: then no gap is left, and the floor holds.
    gap = gaps.min() if len(gaps) else abs(ceiling - chance)
    return float(max(fraction * gap, floor))


def ceiling(truth: Sequence[float], best: float) -> float:
    """Return the score that nothing can be expected to exceed.

    Parameters
    ----------
    truth : sequence of float
        Scores of the true factors; NaN, or none where nobody knows them.
    best : float
        The best value of the metric.

    Returns
    -------
    float
        The score of the true factors that is nearest to the best value, or the best value.
    """
    known = np.asarray(list(truth), dtype=float)
    known = known[np.isfinite(known)]
    return float(known[np.abs(best - known).argmin()]) if len(known) else float(best)


def with_seeds(error: float, df: int, values: np.ndarray) -> tuple[float, float]:
    """Add the variance between seeds, s² (1 + 1 / S), to that of the resampling.

    Parameters
    ----------
    error, df : float
        Standard error over the resampled groups, and its degrees of freedom.
    values : array of shape (S,)
        Scores of the seeds.

    Returns
    -------
    float, float
        Error and degrees of freedom, by Welch and Satterthwaite.
    """
    n_seeds = len(values)
    seeds = values.var(ddof=1) * (1 + 1 / n_seeds)
    total = error**2 + seeds
    if total <= ZERO**2:
        return 0.0, df
    return float(np.sqrt(total)), total**2 / (error**4 / df + seeds**2 / (n_seeds - 1))


def tested(delta: float, error: float, df: float, margin: float, n_draws: int) -> dict:
    """Test a difference.

    Parameters
    ----------
    delta, error : float
        The difference and its standard error.
    df : float
        Degrees of freedom of the error.
    margin : float
        What is too small to matter.
    n_draws : int
        Of the bootstrap: no p value is smaller than one in so many and one.

    Returns
    -------
    dict
        95 % interval; `p`, two-sided, of no difference; `p_equivalence` of two one-sided tests
        (Schuirmann 1987); `detectable`, the smallest true difference that p < .05 would be found
        for in 80 % of such studies, (t_.975 + t_.8) x error, before any adjustment of p.
    """
    if error == 0:
        smallest = 1 / (n_draws + 1)
        same = abs(delta) <= ZERO
        near = 0.0 if same else smallest if abs(delta) < margin else 1.0
        p = 1.0 if same else smallest
        return {"lower": delta, "upper": delta, "p": p, "p_equivalence": near, "detectable": 0.0}
    reach = stdtrit(df, 1 - ALPHA / 2) * error
    outside = max(stdtr(df, -(delta + margin) / error), stdtr(df, (delta - margin) / error))
    return {
        "lower": delta - reach,
        "upper": delta + reach,
        "p": 2 * stdtr(df, -abs(delta) / error),
        "p_equivalence": outside,
        "detectable": float(reach + stdtrit(df, POWER) * error),
    }
