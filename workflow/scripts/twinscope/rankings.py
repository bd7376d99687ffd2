"""Ask whether two ways of asking rank representations alike."""

from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import kendalltau
from threadpoolctl import threadpool_limits

COLUMNS = ["first", "second", "tau", "representations", "flips", "unstable", "best_changes"]
COLUMNS += ["reason"]


def of_study(scores: pd.DataFrame) -> pd.DataFrame:
    """Compare how the alignments and probes of each task rank models and baselines.

    Parameters
    ----------
    scores : DataFrame
        Of the whole study; twins are left out, which are no candidates.

    Returns
    -------
    DataFrame
        task, metric, and the columns of `agreement`; a choice is written "alignment / probe".
    """
    own = scores[scores["role"] != "twin"]
    own = own.assign(choice=own["alignment"] + " / " + own["probe"])
    tables = [pd.DataFrame(columns=["task", "metric", *COLUMNS])]
    for (task, metric), part in own.groupby(["task", "metric"], sort=True):
        table = part.pivot_table("value", "representation", "choice", dropna=False)
        if table.shape[1] > 1:
            tables.append(agreement(table).assign(task=task, metric=metric))
    return pd.concat(tables[1:] or tables, ignore_index=True)[["task", "metric", *COLUMNS]]


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
    return pd.DataFrame(rows, columns=COLUMNS)
