"""Rows of the study's tables, read from text and held against their schemas."""

import csv
import io
import json
import math
from collections.abc import Mapping

from jsonschema import Draft202012Validator

from twinscope.errors import InputError, one_of


def parse(text: str, schema: Mapping, file: str, key: tuple[str, ...]) -> list[dict]:
    """Read a tab-separated table and check every cell against the table's schema.

    Parameters
    ----------
    text : str
        The table: a header, one row a line. Blank lines and lines that start with # are skipped.
    schema : mapping
        JSON schema of one row. Its property types say how a cell is read: numbers, booleans
        (true, false), arrays (separated by commas), objects (JSON), or text. An empty cell takes
        the property's default, or is left out.
    file : str
        The table's name for messages.
    key : tuple of str
        The columns that together name a row; no two rows may share them.

    Returns
    -------
    list of dict
        One dictionary a row, keys sorted, so that the order of columns never matters.

    Raises
    ------
    InputError
        On an unknown column, a bad value, a missing one, or two rows with one name.
    """
    numbered = [
        (number, line)
        for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1)
        if line.strip() and not line.startswith("#")
    ]
    if not numbered:
        raise InputError("an empty table", "a header line with the column names", file)
    numbers, lines = zip(*numbered, strict=True)
    reader = csv.reader(io.StringIO("\n".join(lines)), delimiter="\t")
    header = [column.strip() for column in next(reader)]
    _check_header(header, schema, file)
    rows, seen = [], set()
    for cells in reader:
        number = numbers[reader.line_num - 1]
        if len(cells) > len(header):
            raise InputError(
                f"{len(cells)} cells", f"{len(header)}, as in the header", file, number
            )
        raw = {c: v.strip() for c, v in zip(header, cells, strict=False) if v.strip()}
        name = "/".join(raw.get(column, "") for column in key).strip("/") or str(number)
        row = check(_read_cells(raw, schema, file, name), schema, file, name)
        if name in seen:
            raise InputError(
                f"{name!r} twice", "a name of its own in each row", file, name, key[-1]
            )
        seen.add(name)
        rows.append(row)
    return rows


def check(row: Mapping, schema: Mapping, file: str, name: str | None = None) -> dict:
    """Hold one row (or the study's config) against a schema and fill in its defaults.

    Raises
    ------
    InputError
        Naming the file, the row, the column, what was found and what was expected.
    """
    properties = schema["properties"]
    filled = {k: v["default"] for k, v in properties.items() if "default" in v} | dict(row)
    for error in Draft202012Validator(schema).iter_errors(filled):
        _complain(error, properties, file, name)
    return dict(sorted(filled.items()))


def _check_header(header: list[str], schema: Mapping, file: str) -> None:
    known = schema["properties"]
    for column in header:
        if column not in known:
            raise InputError(f"the column {column!r}", one_of(known, column), file, column=column)
    for column in schema.get("required", []):
        if column not in header:
            raise InputError("no such column", f"a column {column!r}", file, column=column)
    if len(set(header)) < len(header):
        raise InputError("a column twice", "each column once", file)


def _read_cells(raw: Mapping[str, str], schema: Mapping, file: str, name: str) -> dict:
    return {
        column: _read_cell(text, schema["properties"][column], file, name, column)
        for column, text in raw.items()
    }


def _read_cell(text: str, kind: Mapping, file: str, name: str, column: str):
    """Read one cell as the first of its types that fits; text is what remains."""
    types = kind.get("type", "string")
    for wanted in [types] if isinstance(types, str) else types:
        try:
            value = _READERS[wanted](text)
            if wanted == "array" and kind["items"]["type"] == "number":
                value = [_number(part) for part in value]
            return value
        except ValueError:
            continue
    raise InputError(repr(text), kind["description"], file, name, column)


def _number(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(text)
    return value


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def _object(text: str) -> dict:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(text)
    return value


_READERS = {
    "integer": int,
    "number": _number,
    "boolean": _boolean,
    "array": lambda text: [part.strip() for part in text.split(",")],
    "object": _object,
    "string": str,
}


def _complain(error, properties: Mapping, file: str, name: str | None) -> None:
    """Turn a schema error into one that names the place in the user's own terms."""
    known = error.schema.get("properties", {})
    if error.validator == "additionalProperties":
        column = min(set(error.instance) - set(known))
        raise InputError(f"{column!r}", one_of(known, column), file, name, column)
    if error.validator == "required":
        column = next(c for c in error.validator_value if c not in error.instance)
        raise InputError("nothing", known[column]["description"], file, name, column)
    column = error.absolute_path[0] if error.absolute_path else None
    expected = properties[column]["description"] if column else error.message
    if error.validator == "enum":
        expected = f"{one_of(error.validator_value, error.instance)} - {expected}"
    raise InputError(repr(error.instance), expected, file, name, column)
