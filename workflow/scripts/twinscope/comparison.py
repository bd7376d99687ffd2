"""All models of one task against their twins and the baselines, paired by the same draws."""

from collections.abc import Iterator, Mapping
from itertools import product

import numpy as np
import pandas as pd

from twinscope import families, verdicts
from twinscope.equivalence import ceiling, margin_of
from twinscope.evaluation import Evaluated, column
from twinscope.kinds import KINDS
from twinscope.measures import MEASURES

PAIRED = ["alignment", "probe", "key", "label", "group", "fold"]


def compare(
    results: Mapping[str, Evaluated],
    standings: Mapping[str, Mapping],
    task: Mapping,
    *,
    margin: float,
    least_margin: float,
) -> pd.DataFrame:
    """Judge every model of a task under each of its alignments, probes and metrics.

    Parameters
    ----------
    results : mapping
        Representation to what `evaluation.evaluate` gave.
    standings : mapping
        Representation to role, family, of.
    task : mapping
        task, kind, alignments, probes, metrics.
    margin : float
        Margin of equivalence as a share of the gap between the best baseline and the ceiling:
        the best score of the family "truth" where there is one, else what the scores say, else the
        metric's best value.
    least_margin : float
        The smallest margin, in units of the metric.

    Returns
    -------
    DataFrame
        As from `verdicts.compare` and `verdicts.summarise`, with task, alignment, probe, metric;
        no rows for metrics that are findings, not merits, nor for probes that put each
        representation to items of its own.

    Raises
    ------
    ValueError
        If representations were not scored on the same items.
    """
    tables, unpaired = [], KINDS[task["kind"]].unpaired
    _check_items({name: found.items for name, found in results.items()}, unpaired)
    for run in product(task["alignments"], task["probes"], task["metrics"]):
        if run[1] in unpaired or not MEASURES[run[2]].comparable:
            continue
        named = dict(zip(("alignment", "probe", "metric"), run, strict=True))
        table = _under(results, standings, run, margin, least_margin, KINDS[task["kind"]].folds)
        tables.append(table.assign(task=task["task"], **named))
    columns = ["task", "alignment", "probe", "metric", *verdicts.COLUMNS]
    return pd.concat(tables or [pd.DataFrame(columns=columns)], ignore_index=True)[columns]


def _under(
    results, standings, run: tuple, margin: float, least: float, crossed: bool
) -> pd.DataFrame:
    """Every model against all others under one alignment, probe and metric."""
    measure = MEASURES[run[2]]
    scores, chance, best, n_groups = _scores(results, run)
    rest = {n: s["family"] for n, s in standings.items() if s["role"] == "baseline"}
    truth = [scores[n][0] for n, family in rest.items() if family in families.TRUTH]
    baselines = {n: family for n, family in rest.items() if family not in families.TRUTH}
    known = [scores[n][0] for n, family in baselines.items() if family not in families.NULL]
    top = ceiling(truth, best if np.isfinite(best) else measure.ceiling)
    size = margin_of(known, chance, top, margin, least)
    tables = [pd.DataFrame(columns=verdicts.COLUMNS)]
    for model, twins in _with_twins(standings):
        rows = verdicts.compare(
            model, scores, baselines, twins, size, n_groups, measure.higher_is_better, top, crossed
        )
        tables += [rows, verdicts.summarise(rows)]
    return pd.concat(tables[1:] or tables, ignore_index=True)


def _with_twins(standings: Mapping[str, Mapping]) -> Iterator[tuple[str, list[str]]]:
    """Yield each model with the names of its twins."""
    for name, row in sorted(standings.items()):
        if row["role"] == "model":
            twins = [n for n, s in standings.items() if s["role"] == "twin" and s["of"] == name]
            yield name, sorted(twins)


def _check_items(items: Mapping[str, pd.DataFrame], unpaired) -> None:
    """Refuse representations that were scored on other items than the first."""
    first = None
    for name, table in items.items():
        paired = table[~table["probe"].isin(unpaired)]
        keys = paired[[c for c in PAIRED if c in table]].reset_index(drop=True)
        first = keys if first is None else first
        if not keys.equals(first):
            raise ValueError(f"{name!r} was not scored on the same items as the others")


def _scores(results: Mapping[str, Evaluated], run: tuple):
    """Value and draws of each representation; chance, the replicates' ceiling, and groups."""
    scores, chances, ceilings, groups = {}, [np.nan], [np.nan], [0]
    for name, found in results.items():
        rows = found.scores
        for key, value in zip(("alignment", "probe", "metric"), run, strict=True):
            rows = rows[rows[key] == value]
        if len(rows) != 1:
            raise ValueError(f"{len(rows)} scores of {name!r} under {', '.join(run)}")
        row, drawn = rows.iloc[0], column(*run)
        missing = np.full(max(len(found.draws), 1), np.nan)
        draws = found.draws[drawn].to_numpy() if drawn in found.draws else missing
        scores[name] = float(row["value"]), draws
        chances.append(row["chance"])
        ceilings.append(row["ceiling"])
        groups.append(int(row["groups"]))
    longest = max(len(draws) for _, draws in scores.values())
    for name, (value, draws) in scores.items():
        if len(draws) < longest:
            scores[name] = value, np.full(longest, np.nan)
    return scores, _first(chances), _first(ceilings), max(groups)


def _first(values) -> float:
    """Return the median of what is known: the same number but for items without a score."""
    known = np.array(values, dtype=float)
    known = known[np.isfinite(known)]
    return float(np.median(known)) if len(known) else np.nan
