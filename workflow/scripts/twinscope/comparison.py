"""All models of one task against their twins and the baselines, on the same resampled items."""

from collections.abc import Iterator, Mapping
from itertools import product

import numpy as np
import pandas as pd

from twinscope import families, statistics, verdicts
from twinscope.metrics import METRICS


def compare(
    items: Mapping[str, pd.DataFrame],
    standings: Mapping[str, Mapping],
    task: Mapping,
    *,
    seed: int,
    draws: int,
    margin: float,
    least_margin: float,
) -> pd.DataFrame:
    """Judge every model of a task under each of its alignments, probes and metrics.

    Parameters
    ----------
    items : mapping
        Representation to its predictions, as from `evaluation.evaluate`.
    standings : mapping
        Representation to role, family, of.
    task : mapping
        task, alignments, probes, metrics.
    seed, draws : int
        Of the resampling of groups.
    margin : float
        Margin of equivalence as a share of the gap between the best baseline and the ceiling:
        the best score of the family "truth" where there is one, else the metric's best value.
    least_margin : float
        The smallest margin, in units of the metric.

    Returns
    -------
    DataFrame
        As from `verdicts.compare` and `verdicts.summarise`, with task, alignment, probe, metric.

    Raises
    ------
    ValueError
        If representations were not scored on the same items.
    """
    groups = _same_items(items)
    counts = statistics.resamples(groups, draws, seed)[1]
    tables = []
    for run in product(task["alignments"], task["probes"], task["metrics"]):
        named = dict(zip(("alignment", "probe", "metric"), run, strict=True))
        table = _under(items, standings, *run, counts, margin, least_margin)
        tables.append(table.assign(task=task["task"], **named))
    columns = ["task", "alignment", "probe", "metric", *verdicts.COLUMNS]
    return pd.concat(tables, ignore_index=True)[columns]


def _under(
    items, standings, alignment: str, probe: str, name: str, counts, margin: float, least: float
) -> pd.DataFrame:
    """Every model against all others under one alignment, probe and metric."""
    metric = METRICS[name]
    scores, chance = _scores(items, alignment, probe, metric, counts)
    rest = {n: s["family"] for n, s in standings.items() if s["role"] == "baseline"}
    truth = [scores[n][0] for n, family in rest.items() if family in families.TRUTH]
    baselines = {n: family for n, family in rest.items() if family not in families.TRUTH}
    known = [scores[n][0] for n, family in baselines.items() if family not in families.NULL]
    ceiling = verdicts.ceiling(truth, metric.ceiling)
    size = verdicts.equivalence_margin(known, chance, ceiling, margin, least)
    tables = [pd.DataFrame(columns=verdicts.COLUMNS)]
    for model, twins in _with_twins(standings):
        rows = verdicts.compare(
            model, scores, baselines, twins, size, counts.shape[1], metric.higher_is_better
        )
        tables += [rows, verdicts.summarise(rows)]
    return pd.concat(tables[1:] or tables, ignore_index=True)


def _with_twins(standings: Mapping[str, Mapping]) -> Iterator[tuple[str, list[str]]]:
    """Yield each model with the names of its twins."""
    for name, row in sorted(standings.items()):
        if row["role"] == "model":
            twins = [n for n, s in standings.items() if s["role"] == "twin" and s["of"] == name]
            yield name, sorted(twins)


def _same_items(items: Mapping[str, pd.DataFrame]) -> np.ndarray:
    """Return the groups of the items, which every representation must have been scored on."""
    columns = ["alignment", "probe", "key", "label", "group", "fold"]
    first = None
    for name, table in items.items():
        keys = table[columns].reset_index(drop=True)
        first = keys if first is None else first
        if not keys.equals(first):
            raise ValueError(f"{name!r} was not scored on the same items as the others")
    return first["group"].to_numpy(str)


def _scores(
    items: Mapping[str, pd.DataFrame], alignment: str, probe: str, metric, counts: np.ndarray
) -> tuple[dict[str, tuple[float, np.ndarray]], float]:
    """Value and bootstrap draws of each representation under one alignment and probe."""
    scores = {}
    for name, table in items.items():
        rows = table[(table["alignment"] == alignment) & (table["probe"] == probe)]
        columns = [column for column in rows if column.startswith("p:")]
        classes = np.array([column.removeprefix("p:") for column in columns])
        y, p = rows["label"].to_numpy(str), rows[columns].to_numpy(float)
        value = metric.function(y, p, classes)
        drawn = statistics.bootstrap(y, p, rows["group"].to_numpy(str), metric, classes, counts)
        scores[name] = value, drawn
    return scores, metric.chance(y)
