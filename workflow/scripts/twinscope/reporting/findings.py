"""What was found: the headline of every model on every task, in numbers and in a sentence."""

from collections.abc import Mapping, Sequence

import pandas as pd

from twinscope.figures import selection, words
from twinscope.kinds import KINDS

SIDES = ("twin", "structure", "shortcut")
SIZES = (("items", "item"), ("groups", "group"), ("classes", "class"))


def size(scores: pd.DataFrame, tasks: Sequence[Mapping]) -> str:
    """Say how large the study is."""
    named = scores.drop_duplicates("representation")["role"].value_counts()
    parts = [
        words.count(len(tasks), "task"),
        words.count(named.get("model", 0), "model"),
        words.count(named.get("twin", 0), "untrained twin"),
        words.count(named.get("baseline", 0), "baseline"),
    ]
    return words.join(parts)


def models(scores: pd.DataFrame, verdicts: pd.DataFrame, task: Mapping) -> list[dict]:
    """Headline of each model on one task.

    Parameters
    ----------
    scores, verdicts : DataFrame
        Of the whole study.
    task : mapping
        A row of tasks.tsv.

    Returns
    -------
    list of dict
        task, model, metric, score, chance, ceiling (the score of the true factors, or that they
        are not known), seen (gain, and the smallest difference that could be seen), twins,
        structure, shortcut (text), `badges` (verdict by family: twin, structure, shortcut,
        overall), `decided` (the baseline that a verdict rests on where it is not the one shown),
        lead and sentence (the verdict in words).
    """
    rows, judged = selection.headline(scores, task), selection.headline(verdicts, task)
    metric = task["metrics"][0]
    if not selection.is_merit(task):
        return []
    shown = selection.ranked(rows[rows["role"] == "model"], metric)
    return [_model(score, rows, judged, task) for score in shown.to_dict("records")]


def _model(score: Mapping, rows: pd.DataFrame, judged: pd.DataFrame, task: Mapping) -> dict:
    name, metric = score["representation"], task["metrics"][0]
    sides = {
        family: selection.verdict(judged, name, family) for family in (*SIDES, "null", "overall")
    }
    best = {
        "structure": selection.best(rows, selection.STRUCTURE, metric),
        "shortcut": selection.best(rows, selection.SHORTCUT, metric),
    }
    twins = selection.twins(rows, name)
    return {
        "task": task["task"],
        "model": name,
        "metric": words.metric(metric),
        "score": words.score(score),
        "chance": words.number(selection.chance(rows)),
        "ceiling": _ceiling(rows, metric),
        "twins": words.twins(twins),
        **{side: _named(row) for side, row in best.items()},
        "badges": {family: words.text(row.get("verdict")) for family, row in sides.items()},
        "decided": {side: _decided(sides[side], best.get(side)) for side in (*best, "overall")},
        "seen": _seen(sides["overall"]),
        "lead": _lead(score, sides["overall"], task),
        "sentence": _sentence(score, rows, sides, best, twins, task),
    }


def _seen(overall: Mapping) -> str:
    """Say what share of the way to the ceiling was gone, and what difference could be seen."""
    gain, least = overall.get("gain"), overall.get("detectable")
    told = [] if gain is None or pd.isna(gain) else [f"gain {words.signed(gain, 2)}"]
    if least is not None and pd.notna(least):
        told.append(f"could see {words.number(least)}")
    return ", ".join(told)


def _ceiling(rows: pd.DataFrame, metric: str) -> str:
    truth = selection.ceiling(rows, metric)
    if truth is None:
        return "not known"
    known = pd.notna(truth["lower"])
    return words.score(truth) if known else f"{words.number(truth['value'])} (split halves)"


def _named(row: pd.Series | None) -> str:
    return (
        "none defined" if row is None else f"{row['representation']} {words.number(row['value'])}"
    )


def _decided(row: Mapping, best: pd.Series | None) -> str:
    """Name the baseline that a verdict rests on, unless it is the best one, shown anyway."""
    against = words.text(row.get("against"))
    return "" if best is not None and against == best["representation"] else against


def _lead(score: Mapping, overall: Mapping, task: Mapping) -> str:
    said = words.UNDEFINED
    if pd.notna(score["value"]):
        said = f"{words.text(overall.get('verdict')) or words.UNDEFINED} overall"
    return f"{score['representation']} on {task['task']}: {said}."


def _sentence(score, rows, sides: Mapping, best: Mapping, twins, task: Mapping) -> str:
    if pd.isna(score["value"]):
        return f"Reason: {words.text(score['reason']) or 'none was given'}."
    told = [_against(family, sides[family], best.get(family), twins) for family in SIDES]
    if sides["null"] and sides["null"]["verdict"] != "better":
        told.append(_against("null", sides["null"], None, twins))
    told = [text for text in told if text]
    compared = f"; {words.join(told)}" if told else ""
    metric, chance = words.metric(task["metrics"][0], True), selection.chance(rows)
    truth = selection.ceiling(rows, task["metrics"][0])
    top = "" if truth is None else f", ceiling {words.number(truth['value'])}"
    return f"{metric} {words.score(score)}, chance {words.number(chance)}{top}{compared}."


def _against(family: str, row: Mapping, best: pd.Series | None, twins: selection.Twins) -> str:
    """Say how a model stands against one family, with the numbers it is held against."""
    if not row:
        return ""
    verdict = words.text(row["verdict"])
    if family == "twin":
        return f"{words.AGAINST[verdict]} its {twins.seeds} untrained twins ({words.twins(twins)})"
    if not verdict:
        return f"no {words.KINDS[family]} has a score here"
    against, value = words.text(row["against"]), words.number(row["against_value"])
    rank = "the best" if best is not None and against == best["representation"] else "the"
    return f"{words.AGAINST[verdict]} {rank} {words.KINDS[family]}, {against} ({value})"


def caption(scores: pd.DataFrame, task: Mapping) -> str:
    """Say what a figure shows: items, groups, folds, probe, chance."""
    rows, metric = selection.headline(scores, task), task["metrics"][0]
    better = "lower" if selection.lower_is_better(metric) else "higher"
    way = words.choice(words.PROBES, task["probes"][0])
    told = (
        f"{words.metric(metric, True)} of {way} on {_sizes(rows)} of “{task['target']}” from"
        f" {task['dataset']}, {words.choice(words.ALIGNMENTS, task['alignments'][0])};"
        f"{_folds(task)} chance {words.number(selection.chance(rows))}"
    )
    if not selection.is_merit(task):
        return (
            f"{told}. One panel a metric; dashed: labels and batches dealt to other items."
            " A finding, not a merit: noise mixes batches best."
        )
    return (
        f"{told}, {better} is better. Bars: 95 % intervals"
        " from resampling groups; an arrow head marks one that goes on beyond the axis. Shaded"
        " band: from the lowest to the highest untrained twin, with a line at their mean."
    )


def _sizes(rows: pd.DataFrame) -> str:
    known = [(c, noun) for c, noun in SIZES if len(rows) and rows[c].notna().any()]
    told = [words.count(int(rows[column].max()), noun) for column, noun in known]
    if not told:
        return "no items in no groups, no classes"
    return f"{told[0]} in {', '.join(told[1:])}"


def _folds(task: Mapping) -> str:
    if not KINDS[task["kind"]].folds:
        return ""
    return f" {task['folds']} folds that keep each “{task['split']}” on one side;"
