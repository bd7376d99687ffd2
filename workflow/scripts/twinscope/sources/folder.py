"""The user's own images: a table with paths and labels becomes an index with known roles."""

import hashlib
from collections.abc import Mapping

import numpy as np
import pandas as pd

from twinscope.errors import InputError, one_of

ROLES = ("label", "batch", "group", "position")
PATH = "path:"
# Columns with the paths of masks that came with the images, and what each is called in an index.
MASKS = {"mask": "mask:nuclei", "cell_mask": "mask:cells"}


def arrange(table: pd.DataFrame, dataset: Mapping, file: str) -> pd.DataFrame:
    """Give the columns of a user's table the roles that the data set's row names.

    Parameters
    ----------
    table : DataFrame
        One row an image, as the user wrote it, every cell read as it stands.
    dataset : mapping
        The data set's row: `image` (path columns), and optionally `item`, `label`, `batch`,
        `group`, `control`, `position`, `unit`, `microns_per_pixel`, `mask`, `cell_mask`.
    file : str
        The table's name for messages.

    Returns
    -------
    DataFrame
        One row an image sorted by `item`: item, label, batch, group, control (bool), position
        (text) with position_row and position_column (numbers), microns_per_pixel, unit,
        ``path:0`` …, ``mask:nuclei`` and ``mask:cells`` where masks were given, and all other
        columns as they were, with `_given` at the end of a name that is one of these.
        What is not given is empty text, NaN, or False.

    Raises
    ------
    InputError
        On a column that is not in the table, an empty path, an item or image twice, a control
        that is neither yes nor no, or an absurd µm per pixel.
    """
    if table.empty:
        raise InputError("no rows", "one row an image", file)
    paths = [_text(table, column, file, "image") for column in dataset["image"]]
    index = pd.DataFrame({f"{PATH}{k}": column for k, column in enumerate(paths)})
    index["item"] = _text(table, dataset["item"], file, "item") if "item" in dataset else paths[0]
    for role in ROLES:
        index[role] = _role(table, dataset, role, file)
    index["unit"] = _text(table, dataset["unit"], file, "unit") if "unit" in dataset else ""
    index["control"] = _control(table, dataset.get("control"), file)
    masks = [role for role in MASKS if role in dataset]
    for role in masks:
        index[MASKS[role]] = _text(table, dataset[role], file, role)
    index["position_row"], index["position_column"] = _position(index["position"])
    index["microns_per_pixel"] = _scale(table, dataset.get("microns_per_pixel", 1.0), file)
    _check_rows(index, table, file)
    used = [*dataset["image"], *(c for c in index if dataset.get(c) == c)]
    used += [dataset[role] for role in masks]
    rest = _plain(table.drop(columns=used))
    rest = rest.rename(columns={c: f"{c}_given" for c in rest if c in index})
    index = pd.concat([index, rest], axis=1)
    return index.sort_values("item", kind="stable").reset_index(drop=True)


def of_unit(index: pd.DataFrame, unit: Mapping, dataset: Mapping, file: str) -> pd.DataFrame:
    """Return the rows of one unit: those whose unit column holds its `select` value (or name).

    Raises
    ------
    InputError
        If no row belongs to the unit.
    """
    if "unit" not in dataset:
        rows = index
    else:
        rows = index[index["unit"] == unit.get("select", unit["unit"])]
    if rows.empty:
        raise InputError(
            f"no image of unit {unit.get('select', unit['unit'])!r}",
            f"rows with it in column {dataset['unit']!r} of {file}",
            "units.tsv",
            f"{unit['dataset']}/{unit['unit']}",
            "select" if "select" in unit else "unit",
        )
    return rows.assign(unit=unit["unit"]).reset_index(drop=True)


def path_columns(index: pd.DataFrame) -> list[str]:
    """Names of the columns that hold an item's paths, one or one a channel."""
    return [column for column in index.columns if column.startswith(PATH)]


def digest(index: pd.DataFrame, pixels_only: bool = False) -> str:
    """Fingerprint of a unit's rows: of all they say, or only of what its pixels depend on."""
    if pixels_only:
        index = index[["item", *path_columns(index), "microns_per_pixel"]]
    text = index.sort_index(axis=1).to_csv(index=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def mask_digest(index: pd.DataFrame) -> str:
    """Fingerprint of which masks belong to a unit's images."""
    return digest(index[["item", *(c for c in index if c.startswith("mask:"))]])


def _column(table: pd.DataFrame, column: str, file: str, role: str) -> pd.Series:
    if column not in table.columns:
        raise InputError(
            f"no column {column!r} (named as {role} in datasets.tsv)",
            one_of(table.columns, column),
            file,
            column=column,
        )
    return table[column]


def _text(table: pd.DataFrame, column: str, file: str, role: str) -> pd.Series:
    return _as_text(_column(table, column, file, role))


def _as_text(values: pd.Series) -> pd.Series:
    """Cells as text; whole numbers that a blank turned into floats lose their ``.0`` again."""
    if pd.api.types.is_float_dtype(values):
        known = values.dropna()
        if (known % 1 == 0).all() and (known.abs() < 2**53).all():
            values = values.astype("Int64")
    return values.astype(object).where(values.notna(), "").astype(str).str.strip()


def _role(table: pd.DataFrame, dataset: Mapping, role: str, file: str) -> pd.Series:
    named = dataset.get(role)
    columns = [part.strip() for part in named.split(",")] if named else []
    if role in table.columns and columns and columns != [role]:
        raise InputError(
            f"a column {role!r} although datasets.tsv takes {named!r} as {role}",
            f"that column under another name, since {role!r} is the name of a role",
            file,
            column=role,
        )
    if not columns:
        return pd.Series("", index=table.index)
    parts = [_text(table, column, file, role) for column in columns]
    joined = parts[0].str.cat(parts[1:], sep=",") if len(parts) > 1 else parts[0]
    return joined.where(joined.str.strip(",") != "", "")


def _control(table: pd.DataFrame, named: str | None, file: str) -> pd.Series:
    """Read negative controls: a yes/no column, or ``column=value``."""
    if named is None:
        return pd.Series(False, index=table.index)
    column, _, value = named.partition("=")
    cells = _text(table, column, file, "control")
    if value:
        if not (cells == value).any():
            found = f"no {value!r} (the controls of datasets.tsv)"
            raise InputError(found, one_of(sorted(set(cells))[:20], value), file, column=column)
        return cells == value
    known = {
        "true": True,
        "1": True,
        "yes": True,
        "false": False,
        "0": False,
        "no": False,
        "": False,
    }
    for row, cell in cells.items():
        if cell.lower() not in known:
            raise InputError(repr(cell), "yes or no, true or false, 1 or 0", file, row + 2, column)
    return cells.str.lower().map(known).astype(bool)


def _position(position: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Read a well name such as B03, or two numbers, as row and column; NaN where neither."""
    well = position.str.extract(r"^(?P<row>[A-Za-z]{1,2})0*(?P<column>\d{1,2})$")
    pair = position.str.extract(r"^(?P<row>[^,]+),(?P<column>[^,]+)$")
    pair = pair.apply(pd.to_numeric, errors="coerce")
    letters = well["row"].fillna("").str.upper()
    row = letters.map(_letters_to_number).where(well["row"].notna(), pair["row"])
    column = well["column"].astype(float).where(well["column"].notna(), pair["column"])
    return row.to_numpy(float), column.to_numpy(float)


def _letters_to_number(letters: str) -> float:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return float(number)


def _scale(table: pd.DataFrame, given: float | str, file: str) -> pd.Series:
    if not isinstance(given, str):
        return pd.Series(float(given), index=table.index)
    cells = _column(table, given, file, "microns_per_pixel")
    scales = pd.to_numeric(cells, errors="coerce").astype(float)
    odd = cells[~scales.between(0.01, 100)]
    if len(odd):
        found = f"'{odd.iloc[0]}'" if str(odd.iloc[0]).strip() else "nothing"
        expected = "µm per pixel between 0.01 and 100"
        raise InputError(found, expected, file, odd.index[0] + 2, given)
    return scales


def _check_rows(index: pd.DataFrame, table: pd.DataFrame, file: str) -> None:
    expected = {"item": "a name for the item"} | dict.fromkeys(MASKS.values(), "a path to a mask")
    for column in [*path_columns(index), *(c for c in expected if c in index)]:
        empty = index.index[index[column] == ""]
        if len(empty):
            what = expected.get(column, "a path to an image")
            raise InputError("nothing", what, file, empty[0] + 2, column)
    for columns, what in ((["item"], "item"), (path_columns(index), "image")):
        twice = index.index[index.duplicated(columns)]
        if len(twice):
            name = index.loc[twice[0], columns[0]]
            first = index.index[(index[columns[0]] == name)][0] + 2
            raise InputError(
                f"{what} {name!r} again, first in row {first}",
                f"each {what} once",
                file,
                twice[0] + 2,
            )


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """All other columns, in types that every file format keeps: numbers, booleans, text."""
    plain = {}
    for column in table.columns:
        values = table[column]
        numeric = pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)
        plain[column] = values if numeric and values.dtype != object else _as_text(values)
    return pd.DataFrame(plain, index=table.index)
