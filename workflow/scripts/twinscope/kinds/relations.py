"""Ask whether genes known to work together lie close, or opposite, in a map of perturbations."""

import numpy as np
import pandas as pd

from twinscope.kinds.asked import Asked, Run, Score
from twinscope.relations import maps, rewiring
from twinscope.retrieval.permutation import p_value
from twinscope.statistics import resamples


def evaluate(asked: Asked) -> list[Run]:
    """Score the map on each source of annotated pairs.

    Perturbations are the task's labels; items are annotated pairs. Where the task names
    `experiments`, pairs within and between these stand beside, each held against its own kind.
    `p` is from dealing the genes of the map anew; `p_rewired` from annotations that keep how often
    each gene is annotated and nothing else, which take whole complexes apart and so spread less.
    """
    X, genes = asked.features(), asked.keys["label"].to_numpy(str)
    if "control" in asked.meta:
        treated = ~asked.column("control", "level").astype(bool).to_numpy()
        X, genes = X[treated], genes[treated]
    else:
        treated = slice(None)
    whole = maps.build(X, genes, asked.similarity)
    runs = []
    for source in asked.task["probes"]:
        pairs = maps.locate(asked.more[source], whole.genes)
        runs.append(_run(asked, source, whole, pairs))
        if "experiments" in asked.task:
            where = asked.column(asked.task["experiments"], "experiments")[treated].to_numpy(str)
            for name, part in maps.strata(whole, pairs, genes, where).items():
                runs.append(_run(asked, f"{source}, {name}", *part))
    return runs


def _run(asked: Asked, probe: str, whole: maps.GeneMap, pairs: maps.Pairs) -> Run:
    counts = resamples(whole.genes, asked.draws, asked.seed)[1]
    values = maps.annotated(whole, pairs.a, pairs.b)
    table, draws = maps.summarise(whole, pairs, counts)
    summary = table.set_index("metric")
    items = pd.DataFrame(values, columns=list(maps.METRICS))
    items.insert(0, "key", [f"{whole.genes[a]}|{whole.genes[b]}" for a, b in _ends(pairs)])
    items.insert(1, "group", whole.genes[pairs.a])
    nulls = {kind: rewiring.null(whole, pairs, kind, seed=asked.seed) for kind in rewiring.NULLS}
    scores = []
    for name in asked.task["metrics"]:
        row, k = summary.loc[name], list(maps.METRICS).index(name)
        p = {kind: p_value(row["value"], null[:, k]) for kind, null in nulls.items()}
        sizes = int(row["genes"]), int(row["pairs"])
        reason = row["reason"] if np.isnan(row["value"]) else ""
        numbers = row["value"], row["chance"], draws[:, k], *sizes, reason
        said = {"p_rewired": p["rewired"]}
        scores.append(Score(name, *numbers, p=p["permuted"], said=said))
    return Run(probe, items, scores)


def _ends(pairs: maps.Pairs):
    return zip(pairs.a, pairs.b, strict=True)
