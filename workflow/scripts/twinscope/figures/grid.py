"""Which images a contact sheet shows: one for each value along two sides."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from twinscope.errors import InputError, one_of

NOTHING = "(none)"


def choose(
    index: pd.DataFrame,
    rows: Sequence[str],
    columns: Sequence[str],
    most_rows: int = 24,
    most_columns: int = 8,
) -> pd.DataFrame:
    """Choose one image for each row and column of a contact sheet.

    Parameters
    ----------
    index : DataFrame
        One row an image: `item`, perhaps `control`, and all that `rows` and `columns` name.
    rows, columns : sequence of str
        The columns of the index whose values stand along a side; with two, their pairs.
    most_rows, most_columns : int
        Where there are more, evenly spaced ones are kept, the first and the last among them.

    Returns
    -------
    DataFrame
        The chosen rows of the index with their place on the sheet, `row` and `column`, from 0,
        in reading order; of several images for one place the first by `item`. The index of the
        frame is that of `index`. A place without an image has no row. Its `attrs` say what the
        sheet is: `labels`, a pair of lists with the labels (tuples of str) down and along it,
        `of`, how many values each side has in all, and `by`, the names of the columns. Values
        lie in natural order, those of controls alone before all others, missing ones last.

    Raises
    ------
    InputError
        On no images, no column, an unknown one, or room for less than one.
    """
    sides = [_names(index, rows, "rows"), _names(index, columns, "columns")]
    for name, most in (("most_rows", most_rows), ("most_columns", most_columns)):
        if most < 1:
            raise InputError(f"{name} = {most}", "a whole number, 1 or more")
    if index.empty:
        raise InputError("no images", "one image or more for a contact sheet")
    labels, places, of = [], {}, []
    for where, names, most in zip(("row", "column"), sides, (most_rows, most_columns), strict=True):
        place, told = _along(index, names)
        kept = np.round(np.linspace(0, len(told) - 1, min(most, len(told)))).astype(int)
        places[where] = pd.Series(place, index.index).map({k: n for n, k in enumerate(kept)})
        labels.append([told[k] for k in kept])
        of.append(len(told))
    chosen = index.drop(columns=["row", "column"], errors="ignore").assign(**places)
    chosen = chosen.dropna(subset=["row", "column"]).astype({"row": int, "column": int})
    chosen = chosen.sort_values(["row", "column", "item"], kind="stable")
    chosen = chosen.drop_duplicates(["row", "column"])
    chosen.attrs = {"labels": tuple(labels), "of": tuple(of), "by": tuple(map(tuple, sides))}
    return chosen


def natural(text: str) -> list:
    """Make a key by which 2 comes before 10, and text without digits as usual."""
    parts = re.split(r"(\d+)", text)
    return [(int(part), part) if k % 2 else (0, part) for k, part in enumerate(parts)]


def _names(index: pd.DataFrame, names: Sequence[str], side: str) -> list[str]:
    names = [names] if isinstance(names, str) else list(names)
    if not names:
        raise InputError(f"no column for the {side} of a contact sheet", one_of(index.columns))
    for name in names:
        if name not in index.columns:
            found = f"no column {name!r} (for the {side} of a contact sheet)"
            raise InputError(found, one_of(index.columns, name), column=name)
    return names


def _along(index: pd.DataFrame, names: list[str]) -> tuple[np.ndarray, list[tuple[str, ...]]]:
    """Place of every image along one side, and the label of every place."""
    ranks, texts = zip(*(_ranked(index[name]) for name in names), strict=True)
    table = pd.DataFrame(dict(enumerate(ranks)))
    control = index["control"].eq(True) if "control" in index else pd.Series(False, index.index)
    table["treated"] = ~control.to_numpy(bool)
    keys = list(range(len(names)))
    found = table.groupby(keys)["treated"].any().rename("treated").reset_index()
    found = found.sort_values(["treated", *keys], kind="stable").reset_index(drop=True)
    order = pd.Series(found.index, pd.MultiIndex.from_frame(found[keys]))
    place = order.reindex(pd.MultiIndex.from_frame(table[keys])).to_numpy()
    told = [
        tuple(text[rank] for text, rank in zip(texts, row, strict=True))
        for row in found[keys].itertuples(index=False)
    ]
    return place, told


def _ranked(values: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Rank values, as numbers if all are, and say what is written for each rank."""
    texts = [_text(value) for value in values]
    there = sorted(set(texts) - {""}, key=lambda text: (natural(text), text))
    numbers = pd.to_numeric(pd.Series(there, dtype=object), errors="coerce")
    if numbers.notna().all():
        there = [there[k] for k in np.argsort(numbers.to_numpy(float), kind="stable")]
        told = [f"{values.name} {text}" for text in there]
    else:
        told = list(there)
    rank = {text: k for k, text in enumerate([*there, ""])}
    return np.array([rank[text] for text in texts]), [*told, NOTHING]


def _text(value) -> str:
    if pd.isna(value):
        return ""
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value).strip()
