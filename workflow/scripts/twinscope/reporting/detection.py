"""What each representation sees: classes told from the reference, held against known truth."""

from collections.abc import Mapping, Sequence

import pandas as pd

from twinscope.figures import detection, words


def sections(
    table: pd.DataFrame, tasks: Sequence[Mapping], figures: Mapping[str, str]
) -> list[dict]:
    """Say for each task that has a map what it shows, and where it departs from known truth.

    Parameters
    ----------
    table : DataFrame
        As from `detection.detect`, of the whole study; it may be empty.
    tasks : sequence of mapping
        Rows of tasks.tsv.
    figures : mapping
        Task to the text of its map; tasks without one are left out.

    Returns
    -------
    list of dict
        name, caption, `undefined` (sentences) and `truth`: nothing where no truth is known, else
        the sentence `kept`, and `strays`: groups of a title and of lines.
    """
    return [
        _section(detection.headline(table, task), task)
        for task in tasks
        if task["task"] in figures and len(table)
    ]


def _section(rows: pd.DataFrame, task: Mapping) -> dict:
    rows = rows.sort_values(["representation", "class"])
    return {
        "name": task["task"],
        "caption": _caption(rows, task),
        "undefined": _undefined(rows),
        "truth": _truth(rows),
    }


def _caption(rows: pd.DataFrame, task: Mapping) -> str:
    reference = task.get("reference")
    against = f"from the reference “{reference}”" if reference else "from all others"
    sizes = rows.drop_duplicates("class")
    told = [
        f"AUROC with which each class of “{task['target']}” ({words.count(len(sizes), 'class')};"
        f" {_range(sizes['items'], 'item')} in {_range(sizes['groups'], 'group')} each) is told"
        f" {against}, by predictions out of fold of"
        f" {words.choice(words.PROBES, task['probes'][0])} on {task['dataset']},"
        f" {words.choice(words.ALIGNMENTS, task['alignments'][0])}. Blue lies above chance, 0.50,"
        " orange below. Bold with a dot: seen, that is above chance by resampling groups, at a"
        " false discovery rate of 5 % over the map."
    ]
    if rows["role"].eq("twin").any():
        told.append(
            "Untrained twins: the mean over the seeds of a model, marked where more than half of"
            " them are."
        )
    if rows["expected"].eq("yes").any():
        told.append("A box: the known truth says that it can be seen.")
    return " ".join(told)


def _range(sizes: pd.Series, noun: str) -> str:
    if not len(sizes):
        return f"no {noun}s"
    low, high = int(sizes.min()), int(sizes.max())
    return words.count(low, noun) if low == high else f"{low} to {high} {noun}s"


def _undefined(rows: pd.DataFrame) -> list[str]:
    """Count the cells without a score or an interval, by reason."""
    lost = rows[rows["seen"].eq("")]
    reasons = lost["reason"].map(words.text).replace("", "no reason given")
    return [
        f"{len(part)} of {len(rows)} have no {'score' if none else 'interval'}: {reason}"
        f" ({words.distinct(part['representation'])})"
        for (none, reason), part in lost.groupby([lost["value"].isna(), reasons])
    ]


def _truth(rows: pd.DataFrame) -> dict:
    """Hold what is seen against what can be seen."""
    known = rows[rows["expected"].ne("") & rows["seen"].ne("")]
    if not len(known):
        return {}
    blind = known[known["expected"] == "no"]
    can = known[known["expected"] == "yes"]
    surprising, missed = blind[blind["seen"] == "yes"], can[can["seen"] == "no"]
    kept = len(known) - len(surprising) - len(missed)
    return {
        "kept": f"{kept} of {len(known)} cells are as the known truth says:"
        f" {len(can) - len(missed)} of {len(can)} that can be seen are seen,"
        f" {len(blind) - len(surprising)} of {len(blind)} that cannot are not.",
        "strays": [
            {
                "title": f"Seen although they cannot: {len(surprising)} of {len(blind)}; of all"
                " that is called seen, 1 in 20 may be false",
                "rows": _lines(surprising),
            },
            {
                "title": f"Not seen although they can be: {len(missed)} of {len(can)}",
                "rows": _lines(missed),
            },
        ],
    }


def _lines(rows: pd.DataFrame) -> list[dict]:
    """One line a representation: its classes with their scores."""
    return [
        {
            "representation": name,
            "classes": "; ".join(f"{r['class']} {words.score(r)}" for r in part.to_dict("records")),
        }
        for name, part in rows.groupby("representation")
    ]
