"""What counts allow: the ceiling of a score, from two halves of the data."""

import numpy as np
import pandas as pd

from twinscope.regression.expression import PROTOCOLS, RESAMPLED, TARGETS, average, score


def ceiling(
    counts: np.ndarray,
    totals: np.ndarray,
    spots: pd.DataFrame,
    genes: np.ndarray,
    protocol: str,
    seed: int = 0,
) -> pd.Series:
    """Say what correlations the noise of counting leaves to be reached: a split-half ceiling.

    The counts of a spot are dealt into two halves, which are independent if they are Poisson. The
    halves' correlation r gives that of whole counts, 2 r / (1 + r) (Spearman 1910, Brown 1910),
    whose root is the correlation of counts with their own mean: what a perfect predictor reaches.

    Parameters
    ----------
    counts, totals, spots, genes
        As for `evaluate`.
    protocol : str
        Whose target is meant.
    seed : int
        Of the deal, which hangs on items, not on their order.

    Returns
    -------
    Series
        By name of the correlation, averaged as scores are; NaN where counts are not whole numbers.
    """
    order = np.argsort(spots["item"].to_numpy(str), kind="stable")
    counts, totals = np.asarray(counts, float)[order], np.asarray(totals, float)[order]
    folds, slides = (spots[name].to_numpy()[order] for name in ("fold", "slide"))
    if (counts != np.floor(counts)).any() or (totals != np.floor(totals)).any():
        return pd.Series(dtype=float)
    rng = np.random.default_rng(seed)
    half = rng.binomial(counts.astype(int), 0.5)
    rest = np.maximum(totals - counts.sum(axis=1), 0).astype(int)
    sizes = half.sum(axis=1) + rng.binomial(rest, 0.5)
    target = TARGETS[PROTOCOLS[protocol].target]
    halves = (half, sizes), (counts - half, totals - sizes)
    Y, P = (target(part, np.maximum(size, 1)) for part, size in halves)
    table = score(Y, P, totals, folds, slides, genes)
    for name in RESAMPLED:
        r = table[name].clip(lower=0)
        table[name] = np.sqrt(2 * r / (1 + r))
    return average(table)[list(RESAMPLED)]
