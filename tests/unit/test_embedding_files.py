"""Vectors and layers of a network on their way through files, and what is said meanwhile."""

import json
import logging

import numpy as np
import pandas as pd
import pytest

from twinscope import files, jobs, representations

BLOCKS = ("block_02", "block_00", "block_11")


def unit(path, items, blocks=BLOCKS, **made):
    """Item a has everywhere its place in the alphabet; each layer another sign and width."""
    codes = np.array([[ord(item)] for item in items], np.float32)
    layers = {name: codes * (k + 2) * np.ones(k + 1) for k, name in enumerate(blocks)}
    obs = pd.DataFrame({"item": list(items)})
    files.write_features(path, codes, obs, ["0"], {"row": {}, **made}, layers)
    return files.read_features(path)


def index(items):
    return pd.DataFrame({"item": list(items), "label": [f"l{item}" for item in items]})


def test_layers_are_gathered_by_item_and_keep_the_networks_order(tmp_path):
    made = {"layers": list(BLOCKS)}
    parts = [unit(tmp_path / "u", "dab", **made), unit(tmp_path / "v", "ec", BLOCKS[::-1], **made)]
    parts[1].obsm["X_pca"] = np.zeros((2, 2))
    for name in BLOCKS:
        parts[1].obsm[f"layer_{name}"] = np.array([[101], [99]]) * (
            np.ones(BLOCKS.index(name) + 1) * (BLOCKS.index(name) + 2)
        )
    values, table, names, provenance = representations.gather(parts, [index("bda"), index("ce")])
    layers = representations.gather_layers(parts, table)
    path = tmp_path / "all.h5ad"
    files.write_features(path, values, table, names, provenance, layers=layers)
    found = representations.layers(files.read_features(path))
    assert list(found) == list(BLOCKS)
    for k, name in enumerate(BLOCKS):
        expected = [[ord(item) * (k + 2)] * (k + 1) for item in "abcde"]
        assert found[name].dtype == np.float64 and found[name].tolist() == expected


def test_a_representation_without_layers_has_none(tmp_path):
    part = unit(tmp_path / "u", "ab", ())
    assert representations.layers(part) == {}
    assert representations.gather_layers([part], index("ab")) == {}


def test_a_layer_that_some_units_lack(tmp_path):
    parts = [unit(tmp_path / "u", "a"), unit(tmp_path / "v", "b", BLOCKS[:2])]
    with pytest.raises(ValueError, match="'block_11' in some units only"):
        representations.gather_layers(parts, index("ab"))


def test_layers_have_a_row_for_each_item(tmp_path):
    obs = pd.DataFrame({"item": ["a", "b"]})
    with pytest.raises(ValueError, match="3 rows of features for 2 items"):
        files.write_features(
            tmp_path / "u", np.zeros((2, 1)), obs, ["0"], {}, {"b": np.zeros((3, 1))}
        )


def test_equal_content_gives_equal_bytes(tmp_path):
    for name in "uv":
        unit(tmp_path / name, "abc", device="cpu")
    assert (tmp_path / "u").read_bytes() == (tmp_path / "v").read_bytes()


def test_provenance_is_kept(tmp_path):
    part = unit(tmp_path / "u", "a", device="cpu")
    assert json.loads(part.uns["provenance"]) == {"row": {}, "device": "cpu"}


def test_stored_images_do_not_distort_the_rate(monkeypatch, caplog):
    clock = [0.0]
    monkeypatch.setattr(jobs.time, "monotonic", lambda: clock[0])
    # 1000 stored within 10 s; then 2 a second, with 50 more stored among them.
    steps = [(500, 500, 5), (500, 500, 5), (20, 0, 10), (70, 50, 10), (20, 0, 10)]

    def work():
        for images, stored, seconds in steps:
            clock[0] += seconds
            yield images, stored

    with caplog.at_level(logging.INFO, logger="twinscope"):
        monkeypatch.setattr(jobs.log, "propagate", True)
        told = {"size": lambda step: step[0], "free": lambda step: step[1]}
        assert len(list(jobs.progress(work(), 1200, "embed", **told))) == 5
    assert [record.message for record in caplog.records] == [
        "embed: 500 of 1200 images",
        "embed: 1000 of 1200 images",
        "embed: 1020 of 1200 images, 2.0 a second, 1:30 left",
        "embed: 1090 of 1200 images, 2.0 a second, 0:55 left",
        "embed: 1110 of 1200 images, 2.0 a second, 0:45 left",
    ]
