"""Ask whether a compound lies nearer to the genes it acts on than to genes it leaves alone."""

from itertools import combinations
from math import comb
from zlib import crc32

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from twinscope.alignment import aggregate
from twinscope.alignment.rows import order
from twinscope.errors import InputError
from twinscope.retrieval import precision
from twinscope.similarity import between, compared, levels
from twinscope.statistics import interval

ACTIVE, INACTIVE = 1_000.0, 10_000.0
FEWEST = 20
ENUMERATED, DRAWN = 20_000, 5_000
MAXIMUM = "max"


def sample(activities: pd.DataFrame, genes: np.ndarray, seed: int = 0) -> pd.DataFrame:
    """Choose for each compound the genes it is held against.

    All genes it acts on (at most 1,000 nM), and max(2 * actives, 20) of those it does not (above
    10,000 nM), or as many as there are. A gene measured several times counts by its median on
    a log scale. The draw hangs on the seed, the compound's name and its sorted genes alone.

    Parameters
    ----------
    activities : DataFrame
        compound, gene, nanomolar; rows with a missing value are left out.
    genes : array of str
        Genes to choose from: the same for all representations that are to be compared.
    seed : int

    Returns
    -------
    DataFrame
        compound, gene, active; sorted. Compounds without actives or without inactives are left out.

    Raises
    ------
    InputError
        When a column is not there, or a concentration is not above 0.
    """
    for column in ("compound", "gene", "nanomolar"):
        if column not in activities:
            raise InputError("no such column", "compound, gene and nanomolar", column=column)
    known = activities.dropna(subset=["compound", "gene", "nanomolar"])
    if (known["nanomolar"] <= 0).any():
        raise InputError(f"{known['nanomolar'].min()} nM", "a concentration above 0")
    known = known[known["gene"].isin(np.asarray(genes, dtype=str))]
    known = known.assign(log=np.log(known["nanomolar"]))
    median = known.groupby(["compound", "gene"], sort=True)["log"].median().reset_index()
    tables = [pd.DataFrame(columns=["compound", "gene", "active"])]
    for compound, table in median.groupby("compound", sort=True):
        actives = table.loc[table["log"] <= np.log(ACTIVE), "gene"].to_numpy(str)
        pool = np.sort(table.loc[table["log"] > np.log(INACTIVE), "gene"].to_numpy(str))
        size = min(max(2 * len(actives), FEWEST), len(pool))
        if not len(actives) or not size:
            continue
        rng = np.random.default_rng([seed, crc32(str(compound).encode())])
        chosen = np.concatenate([actives, np.sort(rng.choice(pool, size, replace=False))])
        rows = {
            "compound": compound,
            "gene": chosen,
            "active": np.arange(len(chosen)) < len(actives),
        }
        tables.append(pd.DataFrame(rows))
    return pd.concat(tables[1:] or tables, ignore_index=True)


# One thread: sums then have one order whatever the machine.
@threadpool_limits.wrap(limits=1, user_api="blas")
def score(
    compounds: np.ndarray,
    wells: pd.DataFrame,
    genes: np.ndarray,
    names: np.ndarray,
    sampled: pd.DataFrame,
    seed: int = 0,
) -> pd.DataFrame:
    """Rank each compound's genes by |cosine|, at every concentration, and take the best of these.

    Parameters
    ----------
    compounds : array of shape (m, d)
        Features of wells with compounds; NaN is missing, and imputed as by `similarity.space`.
    wells : DataFrame of m rows
        compound, concentration; wells alike in both are averaged.
    genes : array of shape (g, d)
        Features of wells with a gene perturbed, averaged by name.
    names : array of str of shape (g,)
    sampled : DataFrame
        As from `sample`.
    seed : int
        Of labels drawn for the chance of the maximum.

    Returns
    -------
    DataFrame
        One row a compound and concentration, and one with concentration "max": tie-aware average
        precision `ap` (`precision.average_precision`), its `chance`, whether that is `exact`,
        numbers of `actives` and `inactives`, and a `reason` where `ap` is NaN. Chance of the
        maximum is its mean over the ways to label as many genes active, each labelled alike at all
        concentrations: all ways up to 20,000, else 5,000 drawn.
    """
    names = np.asarray(names, dtype=str)
    if wells[["compound", "concentration"]].isna().any(axis=None):
        raise InputError("a well without compound or concentration", "both, of every well")
    by_level = wells.groupby(["compound", "concentration"], sort=True)
    doses = by_level.size().reset_index()
    profiles, _ = _averaged(compounds, np.char.zfill(by_level.ngroup().to_numpy(str), 9))
    targets, known = _averaged(genes, names)
    items, refusal = compared(np.vstack([profiles, targets]), "cosine")
    if items:
        # Without any feature, or at the origin, there is no direction.
        items.values[~items.present | ~items.values.any(axis=1)] = np.nan
    tables = []
    for compound, own in doses.groupby("compound", sort=True):
        # Sorted, because the draw of labels goes by place.
        chosen = sampled[sampled["compound"] == compound].sort_values("gene")
        rows = pd.Index(known).get_indexer(chosen["gene"])
        lost = chosen["gene"][rows < 0].tolist()
        # The remedy it names, another similarity, is not to be had here.
        reason = refusal.partition(":")[0] if len(chosen) else NONE
        if lost and not reason:
            reason = f"no profile of gene '{lost[0]}'"
        similarity = np.full((len(own), len(chosen)), np.nan)
        if not reason:
            similarity = np.abs(between(items, own.index, len(doses) + rows))
        rng = np.random.default_rng([seed, crc32(str(compound).encode())])
        table = _of_compound(similarity, chosen["active"].to_numpy(bool), reason, rng)
        table.insert(0, "concentration", [*(f"{c:g}" for c in own["concentration"]), MAXIMUM])
        table.insert(0, "compound", compound)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def summarise(items: pd.DataFrame, counts: np.ndarray) -> pd.DataFrame:
    """Average over compounds, with 95 % intervals and chance.

    Parameters
    ----------
    items : DataFrame
        As from `score`.
    counts : array of int of shape (draws, C)
        From `statistics.resamples` on the compounds of `items`.

    Returns
    -------
    DataFrame
        One row a concentration, and one for the maximum: value, lower, upper, error, chance,
        compounds, undefined ones, reason.
    """
    names = np.unique(items["compound"].to_numpy(str))
    if counts.shape[1] != len(names):
        raise ValueError(f"{len(names)} compounds but counts of {counts.shape[1]}")
    rows = []
    for level, table in items.groupby("concentration", sort=False):
        defined = table[table["ap"].notna()]
        member = np.searchsorted(names, defined["compound"].to_numpy(str))
        drawn = counts[:, member].astype(float)
        weight = drawn.sum(axis=1)
        draws = np.full(len(counts), np.nan)
        np.divide(drawn @ defined["ap"].to_numpy(float), weight, out=draws, where=weight > 0)
        value = defined["ap"].mean()
        *bounds, reason = interval(value, draws, len(member), 0, 1)
        undefined = len(table) - len(member)
        rows.append(
            (level, value, *bounds, defined["chance"].mean(), len(member), undefined, reason)
        )
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.sort_values("concentration", key=_rising, ignore_index=True)


def _averaged(X: np.ndarray, names: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average by name; rows are added up in an order of their own, not in that of the file."""
    X = np.asarray(X, dtype=float)
    rows = order(X, names)
    return aggregate(X[rows], names[rows])


def _of_compound(similarity: np.ndarray, active: np.ndarray, reason: str, rng) -> pd.DataFrame:
    """Score one compound, similarity (concentrations, genes), and the maximum in the last row."""
    n, k, size = len(active), int(active.sum()), len(similarity) + 1
    ap, expected, exact = np.full(size, np.nan), np.full(size, np.nan), np.ones(size, bool)
    why = [reason or _fault(scores) for scores in similarity]
    defined = np.flatnonzero([not said for said in why])
    why.append("" if len(defined) else why[0])
    if len(defined):
        labels, exact[-1] = _labels(n, k, rng)
        scores = similarity[defined]
        relevant = np.broadcast_to(active, scores.shape)
        ap[defined] = precision.average_precision(scores, relevant)
        expected[defined] = precision.expected_average_precision(k, n)
        under_null = [
            precision.of_levels(np.broadcast_to(level, labels.shape), labels, ~labels)
            for level in levels(scores)
        ]
        ap[-1], expected[-1] = np.nanmax(ap), np.max(under_null, axis=0).mean()
    columns = {"ap": ap, "chance": expected, "exact": exact, "actives": k, "inactives": n - k}
    return pd.DataFrame({**columns, "reason": why})


def _fault(scores: np.ndarray) -> str:
    if np.isnan(scores).any():
        return "no profile of the compound or of a gene"
    return "" if levels(scores[None]).any() else "all genes are equally similar"


def _labels(n: int, k: int, rng) -> tuple[np.ndarray, bool]:
    """All ways to call k of n genes active, or many of them, and whether they are all."""
    exact = comb(n, k) <= ENUMERATED
    if exact:
        chosen = np.array(list(combinations(range(n), k)))
    else:
        chosen = rng.permuted(np.tile(np.arange(n), (DRAWN, 1)), axis=1)[:, :k]
    labels = np.zeros((len(chosen), n), dtype=bool)
    np.put_along_axis(labels, chosen, True, axis=1)
    return labels, exact


def _rising(levels: pd.Series) -> pd.Series:
    return levels.map(lambda level: np.inf if level == MAXIMUM else float(level))


NONE = "no active or no inactive gene"
COLUMNS = ["concentration", "value", "lower", "upper", "error", "chance"]
COLUMNS += ["compounds", "undefined", "reason"]
