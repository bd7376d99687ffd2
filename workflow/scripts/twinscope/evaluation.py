"""One representation on one task: scores with their uncertainty, items, and bootstrap draws."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from twinscope import kinds, statistics
from twinscope.errors import InputError
from twinscope.kinds.asked import Score
from twinscope.kinds.asking import ask
from twinscope.measures import MEASURES, NOT_RESAMPLED

STANDING = ("representation", "role", "family", "of")
BESIDE = ("classes", "features", "missing", "chosen", "layers")
SEPARATOR = "/"
# Shares of groups that are all 0 or all 1 vary in no resample, and still are not known exactly.
SHARES = ("active", "consistent")


class Evaluated(NamedTuple):
    """What is kept of one representation on one task.

    Attributes
    ----------
    scores : DataFrame
        One row an alignment, probe and metric: value, 95 % interval, chance, ceiling, p, sizes,
        and a reason where something is undefined.
    items : DataFrame
        One row an item, alignment and probe: key, group, and what its kind says of it.
    draws : DataFrame
        One column an alignment, probe and metric (`column`), one row a draw of the groups: the same
        draws for all representations, whose differences are paired by them.
    """

    scores: pd.DataFrame
    items: pd.DataFrame
    draws: pd.DataFrame


def evaluate(
    profiles: Mapping[str, tuple],
    folds: pd.DataFrame,
    task: Mapping,
    standing: Mapping,
    *,
    more: Mapping[str, pd.DataFrame] | None = None,
    seed: int = 0,
    draws: int = 10_000,
) -> Evaluated:
    """Score a representation under every alignment, probe and metric of a task.

    Parameters
    ----------
    profiles : mapping
        Alignment to (values (n, d), index with `item`, names, provenance), as
        `representations.unpack` gives, and, where a network has them, its layers {name: (n, d_k)},
        of which each fold takes one. Where the provenance says `fit`, features are learned in each
        fold, as by `fitted.transform`.
    folds : DataFrame
        item, key, label, group, fold, as from `tasks.split`.
    task : mapping
        task, kind, alignments, probes, metrics, and what its kind needs.
    standing : mapping
        representation, role, family, of, similarity.
    more : mapping of DataFrame, optional
        Tables that the kind needs besides, by name.
    seed, draws : int
        Of the inner folds, of permutations and of the resampling.

    Returns
    -------
    Evaluated

    Raises
    ------
    InputError
        If negative controls are items and an alignment was fitted on all of them, or a group is in
        more than one fold.
    """
    scores, items, drawn = [], [], {}
    _check_controls(profiles, folds, task)
    _check_folds(folds, task)
    score = kinds.module(task["kind"]).evaluate
    for alignment, (values, index, *known) in profiles.items():
        asked = ask(values, index, folds, task, *known)
        more_of = {"alignment": alignment, "similarity": standing["similarity"]}
        asked = asked._replace(**more_of, more=more or {}, seed=seed, draws=draws)
        for run in score(asked):
            what = {"task": task["task"], **{name: standing[name] for name in STANDING}}
            named_by = {"alignment": alignment, "probe": run.probe}
            scores += [what | named_by | _row(one) for one in run.scores]
            items.append(run.items.assign(**named_by))
            drawn |= {
                column(alignment, run.probe, one.metric): one.draws
                for one in run.scores
                if one.draws is not None
            }
    table = pd.DataFrame(scores)
    return Evaluated(table, pd.concat(items, ignore_index=True), pd.DataFrame(drawn))


def column(alignment: str, probe: str, metric: str) -> str:
    """Name the column of draws of one way of asking."""
    return SEPARATOR.join((alignment, probe, metric))


def profiles(found: Sequence[tuple], task: Mapping) -> dict[str, tuple]:
    """Pair alignments with what was read: one an alignment, or one that is aligned here.

    Alignments are fitted on negative controls. Where these are items of the task, a control that
    is tested must not have taken part in the fit: the plate's correction would tell it from all
    else. Such tasks are given the representation as it is.

    Parameters
    ----------
    found : sequence of tuple
        As from `representations.unpack`: one for each alignment, or, for tasks that
        `kinds.aligns_within`, a single one that is not aligned.
    task : mapping
        kind, alignments, and `reference` where controls are a class.

    Returns
    -------
    dict
        Alignment to (values, index, names, provenance), as for `evaluate`.
    """
    if not kinds.aligns_within(task):
        return dict(zip(task["alignments"], found, strict=True))
    ((values, index, names, made, *layers),) = found
    return {
        name: (values, index, names, {**made, "within": name}, *layers)
        for name in task["alignments"]
    }


def _check_folds(folds: pd.DataFrame, task: Mapping) -> None:
    """Refuse a split in which a group is in training and test at once."""
    if not kinds.KINDS[task["kind"]].folds:
        return
    several = folds.groupby("group")["fold"].nunique() > 1
    if several.any():
        group = several.index[several][0]
        where = "tasks.tsv", task["task"], "split"
        raise InputError(f"group {group!r} in more than one fold", "each group in one", *where)


def _check_controls(profiles: Mapping[str, tuple], folds: pd.DataFrame, task: Mapping) -> None:
    """Refuse controls as items that an alignment was fitted on, the tested ones among them."""
    for alignment, (_, index, *known) in profiles.items():
        within = (known[1] if len(known) > 1 else {}).get("within")
        drops = task["kind"] in ("relations", "compound-gene")
        if alignment == "none" or within or drops or "control" not in index:
            continue
        if index.loc[index["item"].isin(folds["item"]), "control"].any():
            raise InputError(
                f"negative controls among the items of a task with alignment {alignment!r}",
                "their label as reference, so that they are aligned within folds, or a select "
                "that leaves them out",
                "tasks.tsv",
                task["task"],
                "reference",
            )


def _of_share(share: float, n: int) -> statistics.Interval:
    """Return the exact interval of a share that is 0 or 1 (Clopper and Pearson 1934)."""
    reach = 1 - 0.025 ** (1 / n)
    lower, upper = (0.0, reach) if share == 0 else (1 - reach, 1.0)
    return statistics.Interval(lower, upper, np.nan, "")


def _row(score: Score) -> dict:
    """One row of the scores."""
    measure = MEASURES[score.metric]
    interval = statistics.Interval(np.nan, np.nan, np.nan, NOT_RESAMPLED)
    if score.draws is not None:
        given = score.value, score.draws, score.groups, *measure.range
        interval = statistics.interval(*given, crossed=score.crossed)
        if interval.error == 0 and score.metric in SHARES:
            interval = _of_share(score.value, score.groups)
    elif not np.isfinite(score.value):
        interval = interval._replace(reason="")
    return {
        "metric": score.metric,
        "value": score.value,
        "lower": interval.lower,
        "upper": interval.upper,
        "chance": score.chance,
        "ceiling": score.ceiling,
        "p": score.p,
        "items": score.items,
        "groups": score.groups,
        **{name: "" if name in ("chosen", "layers") else np.nan for name in BESIDE},
        **score.said,
        "reason": score.reason or interval.reason,
    }
