"""What stands behind the findings: undefined values, flags, other choices, every comparison."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd

from twinscope.figures import selection, words
from twinscope.measures import NOT_RESAMPLED

FLAGS = {
    "no-groups": "No groups",
    "few-groups": "Few groups",
    "batch-straddles": "Batches in training and test",
    "batch-confounded": "Labels follow the batch",
    "position-confounded": "Position-confounded",
    "rare-classes": "Rare classes",
    "no-positions": "No well positions",
    "transductive": "Alignment sees tested items",
    "unlabelled": "Items left out",
}
MEANINGS = {
    "no-groups": "Related images may stand on both sides of a split; scores may be too high.",
    "few-groups": "What is resampled is few; intervals are wide and verdicts often undecided.",
    "batch-straddles": "A batch effect seen in training helps at the test; look at the shortcuts.",
    "batch-confounded": "Knowing the batch is partly knowing the label; look at the shortcuts.",
    "position-confounded": "Knowing the well or place is partly knowing the label.",
    "rare-classes": "Classes with few items weigh as much as others and are scored roughly.",
    "no-positions": "Whether replicates lie in one well position cannot be told.",
    "transductive": "It sees features and batches of tested items, never their labels.",
    "unlabelled": "These items took no part.",
}


def undefined(scores: pd.DataFrame) -> dict:
    """Count and list the scores, and intervals, that have no value, with their reasons."""
    none = scores[scores["value"].isna()]
    bare = scores[scores["value"].notna() & scores[["lower", "upper"]].isna().any(axis=1)]
    # What is never resampled is not undefined.
    bare = bare[bare["reason"] != NOT_RESAMPLED]
    rows = [
        row for what, part in (("score", none), ("interval", bare)) for row in _lost(part, what)
    ]
    return {"scores": len(none), "intervals": len(bare), "of": len(scores), "rows": rows}


def _lost(part: pd.DataFrame, what: str) -> list[dict]:
    part = part.assign(reason=part["reason"].map(words.text).replace("", "no reason given"))
    return [
        {
            "task": task,
            "representation": name,
            "what": what,
            "choices": words.distinct(rows["alignment"] + " / " + rows["probe"]),
            "metrics": words.distinct(rows["metric"].map(words.metric)),
            "reason": reason,
        }
        for (task, name, reason), rows in part.groupby(["task", "representation", "reason"])
    ]


def imputed(scores: pd.DataFrame, tasks: Sequence[Mapping]) -> list[dict]:
    """Representations with missing feature values, which were filled with training medians."""
    rows = [selection.headline(scores, task) for task in tasks]
    found = [row for part in rows for row in part.to_dict("records") if 0 < row["missing"] < 1]
    found.sort(key=lambda row: (row["task"], row["representation"]))
    return [{k: row[k] for k in ("task", "representation", "missing")} for row in found]


def flags(table: pd.DataFrame) -> list[dict]:
    """Warnings about a task's design, with what each means."""
    ordered = table.sort_values(["task", "flag", "detail"]).to_dict("records")
    return [
        {
            "task": row["task"],
            "flag": FLAGS.get(row["flag"], row["flag"]),
            "detail": words.text(row["detail"]),
            "meaning": MEANINGS.get(row["flag"], ""),
        }
        for row in ordered
    ]


def scores(table: pd.DataFrame, task: Mapping) -> list[dict]:
    """Headline scores of a task, three decimals, by role and from best to worst."""
    rows = selection.ranked(selection.headline(table, task), task["metrics"][0])
    rows = rows.sort_values("role", key=lambda r: r.map(_ROLES), kind="stable")
    return [
        {
            "representation": row["representation"],
            "family": words.family(row["family"]),
            "score": words.score(row, 3),
            "features": words.whole(row["features"]),
            "missing": words.percent(row["missing"]) if pd.notna(row["missing"]) else "–",
            "chosen": words.text(row["chosen"]) or str(row["chosen"]),
            "reason": words.text(row["reason"]),
        }
        for row in rows.to_dict("records")
    ]


def choices(verdicts: pd.DataFrame, task: Mapping) -> dict:
    """Overall verdict of each model under every alignment, probe and metric, and its stability."""
    pairs = selection.choices(task)
    own = verdicts[(verdicts["task"] == task["task"]) & (verdicts["scope"] == "overall")]
    found = {
        (r["representation"], r["metric"], r["alignment"], r["probe"]): words.text(r["verdict"])
        for r in own.to_dict("records")
    }
    names = sorted(set(own["representation"]))
    metrics = [metric for metric in task["metrics"] if metric in set(own["metric"])]
    pairs = [pair for pair in pairs if pair in {key[2:] for key in found}]
    rows = [
        {
            "model": name,
            "metric": words.metric(metric),
            "verdicts": [found.get((name, metric, *pair), "") for pair in pairs],
        }
        for name in names
        for metric in metrics
    ]
    return {
        "columns": [" / ".join(pair) for pair in pairs],
        "rows": rows,
        "stability": [_stability(name, [r for r in rows if r["model"] == name]) for name in names],
    }


def _stability(name: str, rows: Sequence[Mapping]) -> str:
    """Say whether a verdict holds whatever was chosen."""
    found = [verdict or words.UNDEFINED for row in rows for verdict in row["verdicts"]]
    if len(found) == 1:
        return f"{name}: {found[0]}; the task names no other choice."
    if len(set(found)) == 1:
        return f"{name}: stable, {found[0]} under all {len(found)} choices."
    tally = sorted(Counter(found).items(), key=lambda pair: (-pair[1], pair[0]))
    told = words.join([f"{verdict} under {number}" for verdict, number in tally])
    return f"{name}: depends on the choice; {told} of {len(found)}. Headline: {found[0]}."


def rankings(table: pd.DataFrame, task: Mapping) -> list[str]:
    """Say how far other choices rank models and baselines as the headline does."""
    headline = f"{task['alignments'][0]} / {task['probes'][0]}"
    own = table[(table["task"] == task["task"]) & (table["metric"] == task["metrics"][0])]
    own = own[(own["first"] == headline) | (own["second"] == headline)]
    told = []
    for row in own.sort_values(["first", "second"]).to_dict("records"):
        other = row["second"] if row["first"] == headline else row["first"]
        if pd.isna(row["tau"]):
            told.append(f"Ranking under {other}: not comparable, {words.text(row['reason'])}.")
            continue
        pairs = row["representations"] * (row["representations"] - 1) // 2
        best = ", and another one is best" if str(row["best_changes"]) == "True" else ""
        stable = "stable" if not row["flips"] else "unstable"
        told.append(
            f"Ranking under {other}: {stable}, Kendall’s τ {words.number(row['tau'])};"
            f" {row['flips']} of {pairs} pairs change places{best}."
        )
    return told


def comparisons(verdicts: pd.DataFrame, task: Mapping) -> list[dict]:
    """Every comparison of a task, those of the headline first, as two lists of rows."""
    own = verdicts[verdicts["task"] == task["task"]]
    ordered = own.sort_values(
        ["representation", "alignment", "probe", "metric", "scope", "family", "against"],
        key=lambda column: column.map(_SCOPES) if column.name == "scope" else column,
    )
    first = selection.headline(ordered, task)
    rest = ordered.drop(first.index)
    return [
        {"title": title, "headline": headline, "rows": [_comparison(r) for r in part]}
        for title, headline, part in (
            ("Every comparison of the headline", True, first.to_dict("records")),
            ("Every comparison under other choices", False, rest.to_dict("records")),
        )
        if part
    ]


def _comparison(row: Mapping) -> dict:
    return {
        "model": row["representation"],
        "choice": f"{row['alignment']} / {row['probe']} / {words.metric(row['metric'])}",
        "scope": row["scope"],
        "against": words.text(row["against"]),
        "family": words.family(words.text(row["family"])),
        "value": words.number(row["value"], 3),
        "against_value": words.number(row["against_value"], 3),
        "delta": _difference(row),
        "p": words.p_value(row["p"]),
        "p_holm": words.p_value(row["p_holm"]),
        "p_equivalence": words.p_value(row["p_equivalence"]),
        "margin": words.number(row["margin"], 3),
        "verdict": words.text(row["verdict"]),
        "gain": words.signed(row["gain"], 2) if pd.notna(row["gain"]) else "–",
        "detectable": words.number(row["detectable"], 3) if pd.notna(row["detectable"]) else "–",
        "groups": words.whole(row["n_groups"]),
        "seeds": words.whole(row["n_seeds"]),
        "reason": words.text(row["reason"]),
    }


def _difference(row: Mapping) -> str:
    """Write a difference with its interval; without a difference there is none to write."""
    said = words.signed(row["delta"])
    return (
        said if pd.isna(row["delta"]) else f"{said} {words.bracket(row['lower'], row['upper'], 3)}"
    )


_ROLES = {"model": 0, "twin": 1, "baseline": 2}
_SCOPES = {"overall": 0, "family": 1, "twins": 2, "one": 3}
