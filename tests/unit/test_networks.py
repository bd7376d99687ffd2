"""Rows of models.tsv beside data sets: what is refused before anything is embedded."""

import pytest

from twinscope import networks, study, tables

DATA = {
    "plates": {"modality": "cells", "source": "folder", "channels": ["DNA", "ER", "RNA", "Mito"]},
    "slides": {"modality": "tissue", "source": "folder", "channels": ["red", "green", "blue"]},
}
ROW = {
    **{"model": "net", "loader": "timm", "weights": "timm:x", "policy": "rgb"},
    **{"intensity": "dtype", "modality": ["any"]},
}


def check(data=DATA, **changes):
    networks.check({"net": {**ROW, **changes}}, data, "models.tsv")


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ({}, "policy", ["rgb, and 4 channels (DNA, ER, RNA, Mito)", "'plates'", "modality"]),
        (
            {"policy": "chosen", "channels": ["DNA", "ER", "Mitos"]},
            "channels",
            ["'Mitos'", "'plates'", "did you mean 'Mito'"],
        ),
        (
            {"policy": "native", "channels": ["DNA", "ER"], "modality": ["tissue"]},
            "channels",
            ["'DNA'", "'slides'", "one of blue, green, red"],
        ),
        ({"policy": "adapted", "channels": ["Actin"]}, "channels", ["'Actin'", "'plates'"]),
        ({"policy": "chosen"}, "channels", ["nothing", "in their order"]),
        ({"policy": "native"}, "channels", ["nothing", "in their order"]),
        ({"policy": "chosen", "channels": ["DNA", "ER"]}, "channels", ["2 channels (DNA, ER)"]),
        ({"policy": "per-channel", "channels": ["DNA"]}, "channels", ["DNA", "takes all"]),
        ({"modality": ["tissue"], "channels": list("rgb")}, "channels", ["takes all"]),
        ({"modality": ["tissue"], "mean": [0.5] * 2}, "mean", ["2 numbers", "3, one for each"]),
        (
            {"policy": "native", "modality": ["cells"], "channels": ["ER"], "std": [1, 1, 1]},
            "std",
            ["3 numbers", "1, one for each"],
        ),
        ({"policy": "per-channel", "intensity": "own", "mean": [0.5]}, "mean", ["own"]),
        ({"policy": "per-channel", "intensity": "own", "std": [0.5]}, "std", ["own"]),
    ],
)
def test_rows_that_do_not_fit(refused, row, column, words):
    with refused(*words, file="models.tsv", row="net", column=column):
        check(**row)


@pytest.mark.parametrize(
    "row",
    [
        {"modality": ["tissue"]},
        {"policy": "per-channel"},
        {"policy": "per-channel-mean", "intensity": "own"},
        {"policy": "adapted"},
        {"policy": "per-channel", "mean": [0.5], "std": [0.5]},
        {"policy": "chosen", "modality": ["cells"], "channels": ["Mito", "DNA", "DNA"]},
        {"policy": "native", "modality": ["cells"], "channels": ["ER", "DNA"]},
    ],
)
def test_rows_that_fit(row):
    check(**row)


def test_an_adapted_network_takes_the_channels_of_its_data_set():
    row = {**ROW, "policy": "adapted"}
    assert networks.on(row, DATA["plates"])["channels"] == ["DNA", "ER", "RNA", "Mito"]
    own = {**row, "channels": ["ER", "DNA"]}
    assert networks.on(own, DATA["plates"])["channels"] == ["ER", "DNA"]
    assert "channels" not in networks.on(ROW, DATA["plates"]) and "channels" not in row


def test_code_runs_only_with_leave(refused):
    for says in ({"executes_code": "no"}, {}):
        with refused("runs code", file="models.tsv", row="net", column="executes_code"):
            check({}, loader="python", **says)
    check({}, loader="python", executes_code="yes")


def test_only_weights_are_permuted(refused):
    row = {**ROW, "initialisation": "permuted"}
    networks.check(study.with_twins({"net": row}, [0], "m"), {}, "models.tsv")
    none = study.with_twins({"net": {**row, "weights": "none"}}, [0], "m")
    with refused("weights to permute", file="models.tsv", row="net", column="initialisation"):
        networks.check(none, {}, "models.tsv")


def read(schema, **cells):
    row = {"model": "net", "loader": "timm", "architecture": "a", "weights": "none"}
    row |= {"policy": "rgb", **cells}
    text = "\t".join(row) + "\n" + "\t".join(row.values())
    return tables.parse(text, schema("models"), "models.tsv", ("model",))[0]


def test_columns_are_read(schema):
    row = read(
        schema,
        **{"policy": "native", "channels": "DNA, ER", "intensity": "plate", "mean": "0.1,0.2"},
        **{"layers": "all", "precision": "bfloat16", "twin_statistics": "data"},
        **{"dimension": "384"},
    )
    assert row["channels"] == ["DNA", "ER"] and row["mean"] == [0.1, 0.2]
    assert row["layers"] == ["all"] and row["dimension"] == 384
    new = {"channels", "layers", "precision", "twin_statistics", "dimension"}
    # A table without the columns is the row that it was: nothing is embedded again.
    assert not set(read(schema)) & new


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("policy", "grey"),
        ("channels", "DNA,,ER"),
        ("intensity", "image"),
        ("layers", "1,,2"),
        ("precision", "float8"),
        ("twin_statistics", "batch"),
        ("dimension", "0"),
        ("std", "1,0"),
    ],
)
def test_cells_that_are_refused(schema, refused, column, value):
    with refused(file="models.tsv", row="net", column=column):
        read(schema, **{column: value})
