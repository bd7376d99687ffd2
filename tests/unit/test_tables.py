import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinscope import tables
from twinscope.errors import InputError, one_of

KEYS = {
    "datasets": ("dataset",),
    "units": ("dataset", "unit"),
    "models": ("model",),
    "baselines": ("baseline",),
    "tasks": ("task",),
}
ROWS = {
    "datasets": {"dataset": "d", "modality": "cells", "source": "folder", "channels": "DNA,ER"},
    "units": {"dataset": "d", "unit": "plate-1"},
    "models": {
        "model": "m",
        "loader": "timm",
        "architecture": "a",
        "weights": "none",
        "policy": "rgb",
    },
    "baselines": {
        "baseline": "b",
        "function": "noise",
        "family": "null",
        "similarity": "cosine",
    },
    "tasks": {"task": "t", "dataset": "d", "kind": "classification"},
}
WRONG = [
    ("datasets", "modality", "cell", "did you mean 'cells'"),
    ("datasets", "source", "foldr", "did you mean 'folder'"),
    ("datasets", "tile", "15", "at least 16"),
    ("datasets", "tile", "64.5", "at least 16"),
    ("datasets", "channels", "DNA,DNA", "names of the channels"),
    ("datasets", "channels", "DNA,,ER", "names of the channels"),
    ("datasets", "segmentation", "clasical", "did you mean 'classical'"),
    ("datasets", "nucleus_diameter", "0", "above 0"),
    ("datasets", "nucleus_diameter", "nan", "above 0"),
    ("datasets", "arguments", "{seed: 1}", "JSON object"),
    ("datasets", "arguments", "[1, 2]", "JSON object"),
    ("models", "loader", "tim", "did you mean 'timm'"),
    ("models", "weights", "pretrained", "timm:tag"),
    ("models", "policy", "per-chanel", "did you mean 'per-channel'"),
    ("models", "intensity", "percentiles", "did you mean 'percentile'"),
    ("models", "mean", "0.5,half", "a number for each channel"),
    ("models", "std", "0.2,0.2,inf", "a number above 0"),
    ("models", "std", "0.2,0.2,0", "above 0"),
    ("models", "gated", "maybe", "true where"),
    ("models", "modality", "cells,tisue", "did you mean 'tissue'"),
    ("baselines", "function", "cell-counts", "did you mean 'cell-count'"),
    ("baselines", "family", "structural", "did you mean 'structure'"),
    ("baselines", "similarity", "cosin", "did you mean 'cosine'"),
    ("tasks", "kind", "clasification", "did you mean 'classification'"),
    ("tasks", "select", "control", "column=value"),
    ("tasks", "folds", "1", "at least 2"),
    ("tasks", "folds", "five", "at least 2"),
    ("tasks", "alignments", "standardise", "did you mean 'standardize'"),
    ("tasks", "probes", "logistic,logistic", "classifiers"),
]


def text(*rows, columns=None):
    columns = columns or list(dict.fromkeys(c for row in rows for c in row))
    lines = ["\t".join(columns)] + ["\t".join(row.get(c, "") for c in columns) for row in rows]
    return "\n".join(lines) + "\n"


def parse(schema, name, *rows, **arguments):
    return tables.parse(text(*rows, **arguments), schema(name), f"{name}.tsv", KEYS[name])


@pytest.fixture
def config(schema):
    paths = dict.fromkeys(KEYS, "config/x.tsv")
    return lambda **changes: tables.check(
        {"tables": paths, **changes}, schema("config"), "config.yaml"
    )


def every_object(part):
    """All schemas of objects with declared properties, however deep."""
    if isinstance(part, dict):
        if "properties" in part:
            yield part
        for inner in part.values():
            yield from every_object(inner)


@pytest.mark.parametrize("name", [*KEYS, "config"])
def test_schemas_let_no_typo_pass_and_describe_every_column(schema, name):
    found = list(every_object(schema(name)))
    assert found
    for part in found:
        assert part["additionalProperties"] is False
        assert set(part.get("required", [])) <= set(part["properties"])
        for column, kind in part["properties"].items():
            assert len(kind.get("description", "")) > 5, column
            assert set(kind) & {"type", "enum"}, column


@pytest.mark.parametrize("name", KEYS)
def test_the_smallest_row_is_accepted_and_filled_with_defaults(schema, name):
    (row,) = parse(schema, name, ROWS[name])
    defaults = {k: v["default"] for k, v in schema(name)["properties"].items() if "default" in v}
    assert defaults.items() <= row.items()
    assert set(row) == set(defaults) | set(ROWS[name])
    assert list(row) == sorted(row)


@pytest.mark.parametrize("name", KEYS)
def test_each_required_column_is_asked_for(schema, name, refused):
    for column in schema(name)["required"]:
        rest = {k: v for k, v in ROWS[name].items() if k != column}
        with refused("no such column", file=f"{name}.tsv", column=column):
            parse(schema, name, rest)
        if len(ROWS[name]) > 1:
            with refused("found nothing", file=f"{name}.tsv", column=column):
                parse(schema, name, rest, columns=list(ROWS[name]))


@pytest.mark.parametrize("name", KEYS)
def test_unknown_column_is_named_with_the_one_that_was_meant(schema, name, refused):
    column = KEYS[name][-1]
    with refused(f"did you mean {column!r}", file=f"{name}.tsv", column=f"{column}z"):
        parse(schema, name, {**ROWS[name], f"{column}z": "1"})


@pytest.mark.parametrize(("name", "column", "cell", "words"), WRONG)
def test_bad_value_is_named_with_row_and_column(schema, name, column, cell, words, refused):
    good = parse(schema, name, ROWS[name])[0]
    row = good[KEYS[name][-1]] if name != "units" else "d/plate-1"
    with refused(words, file=f"{name}.tsv", row=row, column=column):
        parse(schema, name, {**ROWS[name], column: cell})


@pytest.mark.parametrize("name", KEYS)
def test_two_rows_of_one_name_are_refused(schema, name, refused):
    key = "/".join(ROWS[name][column] for column in KEYS[name])
    with refused("twice", file=f"{name}.tsv", row=key, column=KEYS[name][-1]):
        parse(schema, name, ROWS[name], ROWS[name])


def test_units_of_one_name_in_two_data_sets_are_two(schema):
    rows = parse(schema, "units", {"dataset": "d", "unit": "u"}, {"dataset": "e", "unit": "u"})
    assert [row["dataset"] for row in rows] == ["d", "e"]


@pytest.mark.parametrize("unit", ["..", "../up", "a/b", "a\\b", "Plate1", ".hidden", "-x", "a b"])
def test_unit_names_cannot_leave_the_folder_of_the_study(schema, unit, refused):
    with refused(repr(unit), "lower-case", file="units.tsv", row=f"d/{unit}", column="unit"):
        parse(schema, "units", {"dataset": "d", "unit": unit})


@pytest.mark.parametrize("content", ["", "\n \n", "# only a remark\n"])
def test_empty_table_is_refused(schema, content, refused):
    with refused("an empty table", "header", file="units.tsv"):
        tables.parse(content, schema("units"), "units.tsv", KEYS["units"])


def test_header_alone_is_a_table_without_rows(schema):
    assert parse(schema, "tasks", columns=["task", "dataset", "kind"]) == []


def test_cells_beyond_the_header_are_named_by_their_line(schema, refused):
    content = "# remark\n\ndataset\tunit\nd\ta\n\nd\tb\tc\n"
    with refused("3 cells", "expected 2", file="units.tsv", row=6):
        tables.parse(content, schema("units"), "units.tsv", KEYS["units"])


def test_a_row_without_a_name_is_named_by_its_line(schema, refused):
    with refused("found nothing", row=3, column="task"):
        parse(schema, "tasks", ROWS["tasks"], {"dataset": "d", "kind": "classification"})


def test_a_column_twice_is_refused(schema, refused):
    with refused("column twice", file="units.tsv"):
        tables.parse("dataset\tunit\tunit\nd\ta\tb", schema("units"), "units.tsv", ("unit",))


def test_how_cells_are_read(schema):
    row = {
        **ROWS["datasets"],
        "channels": "DNA, ER ,Mito 2",
        "arguments": '{"design": "cells", "plates": [1, 2], "nested": {"x": null}}',
        "microns_per_pixel": "0.65",
        "tile": "64",
        "nucleus_diameter": "14",
        "label": "  a label ",
    }
    (read,) = parse(schema, "datasets", row)
    assert read["channels"] == ["DNA", "ER", "Mito 2"]
    assert read["arguments"] == {"design": "cells", "plates": [1, 2], "nested": {"x": None}}
    assert read["microns_per_pixel"] == 0.65 and isinstance(read["microns_per_pixel"], float)
    assert read["tile"] == 64 and isinstance(read["tile"], int)
    assert read["nucleus_diameter"] == 14.0
    assert read["label"] == "a label"
    (named,) = parse(schema, "datasets", {**row, "microns_per_pixel": "scale"})
    assert named["microns_per_pixel"] == "scale"


def test_numbers_booleans_and_lists_of_models(schema):
    given_ = {**ROWS["models"], "mean": "0.5,.25, 1e-1", "gated": "TRUE", "modality": "cells,any"}
    (read,) = parse(schema, "models", given_)
    assert read["mean"] == [0.5, 0.25, 0.1]
    assert read["gated"] is True
    assert read["modality"] == ["cells", "any"]
    assert parse(schema, "models", ROWS["models"])[0]["gated"] is False


@given(st.permutations(list(ROWS["datasets"]) + ["label", "tile"]))
def test_order_of_columns_is_irrelevant(columns):
    schema = {"properties": dict.fromkeys(sorted(columns), {"type": "string", "description": "x"})}
    row = {**ROWS["datasets"], "label": "phase", "tile": "32"}
    read = tables.parse(text(row, columns=columns), schema, "t", ("dataset",))
    assert [list(one.items()) for one in read] == [sorted(row.items())]


def test_windows_line_ends_a_byte_order_mark_and_remarks(schema):
    plain = text(ROWS["tasks"], {**ROWS["tasks"], "task": "u"})
    odd = "\ufeff# a remark\r\n" + plain.replace("\n", "\r\n\r\n")
    expected = tables.parse(plain, schema("tasks"), "t", ("task",))
    assert tables.parse("\ufeff" + plain, schema("tasks"), "t", ("task",)) == expected
    assert tables.parse(odd, schema("tasks"), "t", ("task",)) == expected


def test_config_is_filled_with_defaults(config):
    found = config(seed=7)
    assert found["seed"] == 7
    assert found["twin_seeds"] == [0, 1, 2, 3, 4]
    assert found["draws"] == 10_000


@pytest.mark.parametrize(
    ("changes", "column", "words"),
    [
        ({"sed": 1}, "sed", "did you mean 'seed'"),
        ({"twin_seeds": [1]}, "twin_seeds", "at least two"),
        ({"twin_seeds": [1, 1]}, "twin_seeds", "none twice"),
        ({"draws": 10}, "draws", "at least 100"),
        ({"margin": 2}, "margin", "from 0 to 1"),
        ({"seed": "x"}, "seed", "whole number"),
        ({"tables": {"datasets": "x"}}, "units", "path of the table of units"),
        ({"tables": dict.fromkeys([*KEYS, "ladder", "aux"], "x")}, "aux", "one of baselines"),
        ({"tables": {**dict.fromkeys(KEYS, "x"), "units": 3}}, "tables", "five tables"),
    ],
)
def test_bad_config_is_named(config, changes, column, words, refused):
    with refused(words, file="config.yaml", column=column):
        config(**changes)


def test_an_error_says_where_what_and_what_else():
    error = InputError("'x'", "a number", "t.tsv", "r", "c")
    assert str(error) == "t.tsv, row r, column c: found 'x'; expected a number"
    assert str(InputError("'x'", "a number")) == "found 'x'; expected a number"
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error) and again.column == "c"


def test_choices_are_sorted_with_the_likely_one_named():
    assert one_of(["b", "a"]) == "one of a, b"
    assert one_of(["cells", "tissue"], "tisue") == "one of cells, tissue (did you mean 'tissue'?)"
    assert one_of([1, 2], 9) == "one of 1, 2"
