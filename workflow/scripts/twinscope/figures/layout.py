"""Where each representation stands in the figure of a task, in inches from the top."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from twinscope.families import NULL, SHORTCUT, STRUCTURE, TRUTH
from twinscope.figures import selection, style, words

ROW, TWIN, LINE, HEADING, GAP = 0.235, 0.13, 0.165, 0.25, 0.1
REASON_WIDTH = {"twin": 30, "choice": 56, "model": 56, "baseline": 56}
BASELINES = (*STRUCTURE, *SHORTCUT, *NULL, *TRUTH)


@dataclass
class Row:
    """One line of the figure.

    Attributes
    ----------
    kind : {"heading", "model", "twin", "baseline", "choice"}
    y, height : float
        Middle and height, in inches from the top of the panel.
    family, label : str
    score : dict
        A row of the scores; empty for headings.
    notes : list of (str, str, bool)
        Lines of the right column: text, colour, whether it is bold.
    band : tuple or None
        Twins of a model, and the top and bottom of their band.
    reference : dict
        The best structural baseline, where the line stands alone.
    """

    kind: str
    y: float
    height: float
    family: str
    label: str
    score: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)
    band: tuple | None = None
    reference: dict = field(default_factory=dict)


def headline(rows: pd.DataFrame, verdicts: pd.DataFrame, metric: str) -> tuple[list[Row], float]:
    """Place every representation: models with their twins, then baselines by family.

    Parameters
    ----------
    rows, verdicts : DataFrame
        Scores and verdicts of one task under one alignment, probe and metric.
    metric : str

    Returns
    -------
    lines : list of Row
    height : float
        Of the panel, in inches.
    """
    lines: list[Row] = []
    y = GAP
    for score in selection.ranked(rows[rows["role"] == "model"], metric).to_dict("records"):
        block, y = _block(score, rows, verdicts, y)
        lines += block
    baselines = selection.ranked(rows[rows["role"] == "baseline"], metric)
    for family in BASELINES:
        members = baselines[baselines["family"] == family].to_dict("records")
        if members:
            lines.append(Row("heading", y + HEADING / 2, HEADING, family, words.FAMILIES[family]))
            y += HEADING
        for score in members:
            line = _line("baseline", score, y, ROW)
            lines.append(line)
            y += line.height
    return lines, y + GAP / 2


def others(scores: pd.DataFrame, verdicts: pd.DataFrame, task: Mapping) -> tuple[list[Row], float]:
    """Place every model once for each alignment and probe that is not the headline's."""
    lines: list[Row] = []
    y, metric = GAP / 2, task["metrics"][0]
    for alignment, probe in selection.choices(task)[1:]:
        rows = selection.at(scores, task, alignment, probe, metric)
        judged = selection.at(verdicts, task, alignment, probe, metric)
        models = selection.ranked(rows[rows["role"] == "model"], metric).to_dict("records")
        if models:
            label = (
                f"{words.choice(words.ALIGNMENTS, alignment)}, {words.choice(words.PROBES, probe)}"
            )
            lines.append(Row("heading", y + HEADING / 2, HEADING, "", label))
            y += HEADING
        for score in models:
            line = _line("choice", score, y, ROW)
            found = selection.best(rows, selection.STRUCTURE, metric)
            line.reference = {} if found is None else found.to_dict()
            line.band = (
                selection.twins(rows, score["representation"]),
                line.y - ROW * 0.36,
                line.y + ROW * 0.36,
            )
            overall = selection.verdict(judged, score["representation"], "overall")
            word = words.text(overall.get("verdict"))
            line.notes = [
                (f"{said}  {words.badge(word)}", style.VERDICTS[word], False)
                for said, *_ in line.notes
            ]
            lines.append(line)
            y += line.height
    return lines, y + GAP / 2


def _block(score: dict, rows: pd.DataFrame, verdicts: pd.DataFrame, y: float):
    """Place a model, its twins in thin rows below it, and what was found about it beside them."""
    name, top = score["representation"], y
    model = _line("model", score, y, ROW)
    y += model.height
    lines = [model]
    own = rows[(rows["role"] == "twin") & (rows["of"] == name)].sort_values("representation")
    for twin in own.to_dict("records"):
        line = _line("twin", twin, y, TWIN)
        line.label, line.notes = "", []
        lines.append(line)
        y += line.height
    model.notes += _judged(verdicts, name) if pd.notna(score["value"]) else []
    y = max(y, top + ROW + LINE * (len(model.notes) - 1))
    model.band = (selection.twins(rows, name), top, y)
    return lines, y + GAP


def _line(kind: str, score: dict, y: float, height: float) -> Row:
    """One line; taller where the reason for an undefined score needs more room."""
    notes = [(_value(score), style.INK, kind == "model")]
    if pd.isna(score["value"]):
        reason = words.text(score["reason"]) or "no reason given"
        said = f"{words.UNDEFINED}: {reason}"
        if kind == "twin":
            said = f"{score['representation'].removeprefix(score['of']).lstrip('-')} {said}"
        parts = textwrap.wrap(said, REASON_WIDTH[kind])
        score = score | {"text": "\n".join(parts)}
        height, notes = max(height, LINE * len(parts) + 0.05), []
    return Row(kind, y + height / 2, height, score["family"], score["representation"], score, notes)


def _value(score: dict) -> str:
    value = words.number(score["value"])
    if pd.isna(score["value"]):
        return value
    if pd.isna(score["lower"]) or pd.isna(score["upper"]):
        return f"{value}, no interval"
    return f"{value} {words.bracket(score['lower'], score['upper'])}"


def _judged(verdicts: pd.DataFrame, model: str) -> list[tuple[str, str, bool]]:
    """Verdict lines of a model: over all, then against its twins, structure and shortcuts."""
    notes = []
    for family, name in (
        ("overall", "overall"),
        ("twin", "twins"),
        ("structure", "structure"),
        ("shortcut", "shortcuts"),
    ):
        row = selection.verdict(verdicts, model, family)
        if not row:
            continue
        word = words.text(row["verdict"])
        said = words.badge(word) if family == "overall" else words.SYMBOLS[word]
        text = f"{said} {words.AGAINST[word]} {name}" if family != "overall" else f"{said} overall"
        notes.append((text, style.VERDICTS[word], family == "overall"))
    return notes
