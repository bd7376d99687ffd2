import itertools

import anndata
import numpy as np
import pandas as pd
import pytest

from twinscope import files, representations


def part(tmp_path, name, items, features, provenance=None):
    """One unit as it comes from its file: item a in feature f holds its place in the alphabet."""
    values = [[ord(i) * 10 + k for k, _ in enumerate(features)] for i in items]
    obs = pd.DataFrame({"item": list(items)})
    path = tmp_path / f"{name}.h5ad"
    made = {"row": {"function": name}} | (provenance or {})
    files.write_features(path, np.array(values, float), obs, features, made)
    return files.read_features(path)


def known(items, **columns):
    return pd.DataFrame({"item": list(items), "label": [f"l{i}" for i in items], **columns})


def test_units_are_put_together_by_item_and_not_by_order(tmp_path):
    parts = [part(tmp_path, "u", "dab", ["f", "g"]), part(tmp_path, "v", "ec", ["f", "g"])]
    indices = [known("bda"), known("ce")]
    values, index, names, provenance = representations.gather(parts, indices)
    assert index["item"].tolist() == list("abcde")
    assert index["label"].tolist() == ["la", "lb", "lc", "ld", "le"]
    assert values.dtype == np.float32 and names == ["f", "g"]
    assert values.tolist() == [[ord(i) * 10, ord(i) * 10 + 1] for i in "abcde"]
    assert provenance == {"row": {"function": "u"}}
    assert index.index.tolist() == list(range(5))


def test_order_of_units_does_not_matter(tmp_path):
    units = [(part(tmp_path, i, i, ["f", "g"]), known(i)) for i in "abc"]
    expected = representations.gather(*zip(*units, strict=True))
    for order in itertools.permutations(units):
        values, index, names, _ = representations.gather(*zip(*order, strict=True))
        np.testing.assert_array_equal(values, expected[0])
        pd.testing.assert_frame_equal(index, expected[1])
        assert names == expected[2]


def test_units_may_list_their_features_in_another_order(tmp_path):
    second = part(tmp_path, "v", "b", ["g", "f"])
    values, _, names, _ = representations.gather(
        [part(tmp_path, "u", "a", ["f", "g"]), second], [known("a"), known("b")]
    )
    assert names == ["f", "g"]
    assert values.tolist() == [[970, 971], [981, 980]]


def test_many_features_keep_the_order_of_the_network(tmp_path):
    names = [str(k) for k in range(12)]
    parts = [part(tmp_path, i, i, names) for i in "ab"]
    assert representations.gather(parts, [known("a"), known("b")])[2] == names


@pytest.mark.parametrize("reverse", [False, True])
def test_a_batch_that_a_unit_does_not_have_is_0_there(tmp_path, reverse):
    units = [
        (part(tmp_path, "u", "a", ["q"], {"absent": 0.0}), known("a")),
        (part(tmp_path, "v", "b", ["p"], {"absent": 0.0}), known("b")),
    ]
    units = units[::-1] if reverse else units
    values, _, names, _ = representations.gather(*zip(*units, strict=True))
    assert names == ["p", "q"]
    assert values.tolist() == [[0, 970], [980, 0]]


def test_a_feature_in_some_units_only_stops(tmp_path):
    parts = [part(tmp_path, "u", "a", ["f"]), part(tmp_path, "v", "b", ["f", "g"])]
    for order in (parts, parts[::-1]):
        with pytest.raises(ValueError, match="feature 'g' in some units only"):
            representations.gather(order, [known("a"), known("b")])


@pytest.mark.parametrize(
    ("of_features", "of_index", "message"),
    [
        (["ab", "c"], ["ab", ""], "item 'c' in one of features and index only"),
        (["ab", "c"], ["ab", "cd"], "item 'd' in one of features and index only"),
        (["ab", "b"], ["ab", ""], "item 'b' twice"),
        (["ab", "c"], ["ab", "cb"], "item 'b' twice"),
        (["ab", "c"], ["ab", "d"], "item 'c' in one of features and index only"),
    ],
)
def test_an_item_lost_or_doubled_stops(tmp_path, of_features, of_index, message):
    parts = [part(tmp_path, str(n), items, ["f"]) for n, items in enumerate(of_features)]
    with pytest.raises(ValueError, match=message):
        representations.gather(parts, [known(items) for items in of_index])


def test_missing_values_stay_missing(tmp_path):
    path = tmp_path / "x.h5ad"
    values = np.array([[1, np.nan], [np.nan, 2]])
    files.write_features(path, values, known("ba"), ["f", "g"], {})
    gathered = representations.gather([files.read_features(path)], [known("ab")])[0]
    np.testing.assert_array_equal(gathered, [[np.nan, 2], [1, np.nan]])


def test_what_is_gathered_is_unpacked_with_the_types_it_had(tmp_path):
    index = known(
        ["001", "a", "b"],
        batch=["", "NA", ""],
        group=["1", "1", "2"],
        control=[True, False, True],
        position_row=[1.0, np.nan, 3.0],
        passed=pd.array([True, None, False], dtype="boolean"),
        count=[1, 2, 3],
    )
    values = np.array([[1.5, np.nan], [2, 3], [4, 5]])
    files.write_features(tmp_path / "x.h5ad", values, index, ["f", "g"], {"k": [1]})
    read = representations.unpack(files.read_features(tmp_path / "x.h5ad"))
    np.testing.assert_array_equal(read[0], values)
    assert read[0].dtype == np.float64
    for column in ("item", "label", "batch", "group"):
        assert read[1][column].tolist() == index[column].tolist(), column
    assert read[1]["control"].tolist() == [True, False, True]
    assert read[1]["control"].dtype == bool
    np.testing.assert_array_equal(read[1]["position_row"], index["position_row"])
    assert read[1].index.tolist() == [0, 1, 2]
    assert read[2:] == (["f", "g"], {"k": [1]})


def test_controls_are_none_where_there_is_none():
    index = pd.DataFrame({"control": [False, True]})
    assert representations.controls(index).tolist() == [False, True]
    assert representations.controls(index.iloc[:1]) is None


def test_parts_may_come_with_categories():
    obs = pd.DataFrame({"item": pd.Categorical(["b", "a"])}, index=["b", "a"])
    data = anndata.AnnData(np.array([[2.0], [1.0]]), obs, uns={"provenance": "{}"})
    values, index, *_ = representations.gather([data], [known("ab")])
    assert values.tolist() == [[1], [2]] and index["item"].tolist() == ["a", "b"]


def test_a_profile_that_asks_for_it_keeps_what_its_controls_show_to_be_worth_it(tmp_path):
    rng, items = np.random.default_rng(0), list("abcdefghijkl")
    values = rng.normal(size=(12, 4))
    values[:, 1], values[:, 3] = 1.0, values[:, 0] * 2 + 1
    obs, names = pd.DataFrame({"item": items}), ["w", "same", "x", "copy"]
    files.write_features(tmp_path / "p.h5ad", values, obs, names, {"select": True})
    profile = files.read_features(tmp_path / "p.h5ad")
    index = known(items, control=[True] * 8 + [False] * 4)
    kept, _, names, made = representations.gather([profile], [index])
    assert "same" not in names and len({"w", "copy"} & set(names)) == 1 and "x" in names
    assert made["selected"] == "2 of 4" and kept.shape == (12, 2)
    assert len(representations.gather([profile], [index.assign(control=False)])[2]) == 4
