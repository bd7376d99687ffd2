"""Ask whether two protocols rank representations alike."""

from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import kendalltau
from threadpoolctl import threadpool_limits


# One thread: sums then have one order whatever the machine.
@threadpool_limits.wrap(limits=1, user_api="blas")
def agreement(table: pd.DataFrame) -> pd.DataFrame:
    """Compare how protocols rank representations.

    Parameters
    ----------
    table : DataFrame
        A row a representation, a column a protocol; NaN where undefined.

    Returns
    -------
    DataFrame
        A row a pair of protocols, `first` and `second`: Kendall's `tau` (tau-b) over so many
        `representations`, how many pairs of them `flips`, whether the ranking is `unstable` (one
        does), whether the `best_changes`, and a `reason` where tau is NaN.
    """
    rows = []
    for first, second in combinations(table.columns, 2):
        both = table[[first, second]].dropna().to_numpy(dtype=float)
        tau = kendalltau(*both.T).statistic if len(both) > 1 else np.nan
        order = np.sign(both[:, None] - both)
        flips = int((order[..., 0] * order[..., 1] < 0).sum()) // 2
        best = both == both.max(axis=0, initial=-np.inf)
        changes = len(both) > 1 and not best.all(axis=1).any()
        reason = "" if np.isfinite(tau) else "all are tied"
        reason = reason if len(both) > 1 else "fewer than 2 representations"
        rows.append((first, second, tau, len(both), flips, flips > 0, changes, reason))
    columns = ["first", "second", "tau", "representations", "flips", "unstable", "best_changes"]
    return pd.DataFrame(rows, columns=[*columns, "reason"])
