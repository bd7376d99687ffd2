"""Read expression, or other amounts, from a representation by ridge regression, out of fold."""

import numpy as np
import pandas as pd

from twinscope import statistics
from twinscope.errors import InputError
from twinscope.kinds.asked import LAST, Asked, Run, Score
from twinscope.regression import correlation, expression, halves


def evaluate(asked: Asked) -> list[Run]:
    """Score every protocol: means over genes, then over folds.

    Items are genes in folds. The ceiling of correlations is what the counts themselves allow: two
    halves of them, drawn without replacement, predict each other only so well.
    """
    counts, totals, genes = _targets(asked)
    groups = asked.keys["group"].to_numpy(str)
    slide = asked.column("batch", "dataset").astype(str).to_numpy()
    slide = np.where(slide == "", groups, slide)
    spots = pd.DataFrame({"item": asked.keys["key"], "group": groups, "slide": slide})
    spots["fold"] = asked.keys["fold"]
    X = asked.X[LAST] if isinstance(asked.X, dict) else asked.X
    width = (X(asked.train) if callable(X) else X).shape[1]
    given = X, counts, totals, spots, genes
    table, predictions = expression.evaluate(*given, asked.task["probes"])
    drawn = statistics.resamples(groups, asked.draws, asked.seed)[1]
    runs = []
    for probe in asked.task["probes"]:
        own = table[table["protocol"] == probe].rename(columns={"gene": "key"})
        split = totals, spots["fold"].to_numpy(), slide
        draws = correlation.bootstrap(*predictions[probe], *split, groups, drawn)
        best = halves.ceiling(counts, totals, spots, genes, probe, asked.seed)
        scores = _scores(asked, own, draws, best, drawn.shape[1], width)
        runs.append(Run(probe, own.assign(group=own["key"]).drop(columns="protocol"), scores))
    return runs


def _scores(asked: Asked, table, draws, best: pd.Series, n_groups: int, n_features: int):
    values, scores = expression.average(table.rename(columns={"key": "gene"})), []
    for name in asked.task["metrics"]:
        resampled = name in expression.RESAMPLED
        drawn = draws[:, expression.RESAMPLED.index(name)] if resampled else None
        reason = ""
        if np.isnan(values[name]):
            reason = table["reason"][table["reason"] != ""].mode()[0]
        sizes = n_groups, len(asked.keys)
        said = {"features": n_features, "undefined_genes": int(values["n_undefined"])}
        said |= {"chosen": f"{table['penalty'].median():.3g}"}
        numbers = name, values[name], expression.CHANCE, drawn, *sizes, reason
        scores.append(Score(*numbers, ceiling=best.get(name, np.nan), crossed=True, said=said))
    return scores


def _targets(asked: Asked) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return counts (n, G) and totals (n,) of the keys, and the names of the genes."""
    table = asked.more["targets"]
    named, genes = table.columns[0], table.columns[1:]
    genes = genes[: asked.task.get("genes", len(genes))]
    table = table.assign(**{named: table[named].astype(str)}).set_index(named)
    file = asked.task["targets"]
    if table.index.has_duplicates:
        twice = table.index[table.index.duplicated()][0]
        raise InputError(f"{twice!r} twice", "one row an item", file, column=named)
    lost = set(asked.keys["key"]) - set(table.index)
    if lost:
        raise InputError(f"no row for {min(lost)!r}", "a row for each item", file, column=named)
    rows = table.loc[asked.keys["key"].to_numpy(str), genes]
    counts = rows.apply(pd.to_numeric, errors="coerce").to_numpy(float)
    if np.isnan(counts).any():
        row, column = np.argwhere(np.isnan(counts))[0]
        what = repr(rows.iloc[row, column]), "a count", file, rows.index[row], genes[column]
        raise InputError(*what)
    totals = pd.to_numeric(asked.column(asked.task["totals"], "totals"), errors="coerce")
    return counts, totals.to_numpy(float), np.asarray(genes, dtype=str)
