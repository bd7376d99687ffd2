import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinscope.sources import folder

ROW = {
    "image": ["path"],
    "item": "name",
    "label": "drug",
    "batch": "plate",
    "group": "donor",
    "control": "is_control",
    "position": "well",
    "unit": "plate",
    "microns_per_pixel": 0.5,
}


def table(**changes):
    columns = {
        "path": ["b.tif", "a.tif", "c d.tif"],
        "name": ["2", "1", "3"],
        "drug": ["taxol", "DMSO", "µ-opioid 5 %"],
        "plate": ["001", "001", "002"],
        "donor": ["x", "y", "x"],
        "is_control": ["no", "yes", "no"],
        "well": ["B03", "A12", "AA01"],
        "dose": [0.5, 1.0, np.nan],
        "passed": [True, False, True],
    }
    return pd.DataFrame({k: v for k, v in {**columns, **changes}.items() if v is not None})


def arranged(given_=None, **row):
    return folder.arrange(table() if given_ is None else given_, {**ROW, **row}, "images.csv")


def test_columns_take_their_roles_sorted_by_item():
    index = arranged()
    expected = {
        "path:0": ["a.tif", "b.tif", "c d.tif"],
        "item": ["1", "2", "3"],
        "label": ["DMSO", "taxol", "µ-opioid 5 %"],
        "batch": ["001", "001", "002"],
        "group": ["y", "x", "x"],
        "unit": ["001", "001", "002"],
        "control": [True, False, False],
        "position": ["A12", "B03", "AA01"],
        "position_row": [1.0, 2.0, 27.0],
        "position_column": [12.0, 3.0, 1.0],
        "microns_per_pixel": [0.5] * 3,
        "passed": [False, True, True],
    }
    for column, values in expected.items():
        assert index[column].tolist() == values, column
    assert index["control"].dtype == bool
    # The user's own columns stay, under their own names, beside the roles taken from them.
    assert index["drug"].tolist() == index["label"].tolist()
    np.testing.assert_array_equal(index["dose"], [1.0, 0.5, np.nan])
    assert index.index.tolist() == [0, 1, 2]


def test_what_is_not_given_is_empty():
    index = folder.arrange(pd.DataFrame({"image": ["b.png", "a.png"]}), {"image": ["image"]}, "t")
    assert index["item"].tolist() == index["path:0"].tolist() == ["a.png", "b.png"]
    for role in ("label", "batch", "group", "position", "unit"):
        assert index[role].tolist() == ["", ""]
    assert index["control"].tolist() == [False, False]
    assert index[["position_row", "position_column"]].isna().all(axis=None)
    assert index["microns_per_pixel"].tolist() == [1.0, 1.0]
    assert "image" not in index


def test_one_path_column_a_channel():
    given_ = table(path=None, dna=["b0", "a0", "c0"], er=["b1", "a1", "c1"])
    index = arranged(given_, image=["dna", "er"])
    assert folder.path_columns(index) == ["path:0", "path:1"]
    assert index["path:0"].tolist() == ["a0", "b0", "c0"]
    assert index["path:1"].tolist() == ["a1", "b1", "c1"]
    without_name = arranged(given_, image=["dna", "er"], item="dna")
    assert without_name["item"].tolist() == ["a0", "b0", "c0"]


def test_channels_may_share_a_file_but_images_may_not(refused):
    # One stack listed for two channels in different orders is no double; the same pair is.
    same = table(path=None, dna=["x", "y", "x"], er=["1", "1", "2"])
    assert len(arranged(same, image=["dna", "er"])) == 3
    double = table(path=None, dna=["x", "y", "x"], er=["1", "1", "1"])
    with refused("image 'x' again, first in row 2", file="images.csv", row=4):
        arranged(double, image=["dna", "er"])


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["yes", "no", "No"], [True, False, False]),
        (["TRUE", "false", ""], [True, False, False]),
        (["1", "0", "0"], [True, False, False]),
        ([1, 0, 0], [True, False, False]),
        ([1.0, np.nan, 0.0], [True, False, False]),
        ([True, False, False], [True, False, False]),
        ([None, True, False], [False, True, False]),
    ],
)
def test_controls_as_yes_and_no(cells, expected):
    index = arranged(table(is_control=cells)).set_index("path:0")
    assert index.loc[["b.tif", "a.tif", "c d.tif"], "control"].tolist() == expected


def test_controls_as_a_value_of_a_column():
    assert arranged(control="drug=DMSO")["control"].tolist() == [True, False, False]
    assert arranged(control="drug=µ-opioid 5 %")["control"].tolist() == [False, False, True]
    as_number = table(is_control=[0.0, 5.0, np.nan])
    assert arranged(as_number, control="is_control=0")["control"].tolist() == [False, True, False]


def test_a_control_that_is_neither_yes_nor_no(refused):
    with refused("'perhaps'", "yes or no", file="images.csv", row=3, column="is_control"):
        arranged(table(is_control=["no", "perhaps", "maybe"]))


def test_a_control_value_that_stands_nowhere(refused):
    with refused("'DMS0'", "did you mean 'DMSO'", file="images.csv", column="drug"):
        arranged(control="drug=DMS0")


@pytest.mark.parametrize(
    ("cell", "row", "column"),
    [
        ("B03", 2, 3),
        ("b3", 2, 3),
        ("H12", 8, 12),
        ("AF48", 32, 48),
        ("Z1", 26, 1),
        ("AA1", 27, 1),
        ("1.5,-2", 1.5, -2),
        ("1e3,2.5E+02", 1000, 250),
        ("3,4", 3, 4),
        ("1.2.3,4", np.nan, 4),
        ("left", np.nan, np.nan),
        ("B", np.nan, np.nan),
        ("B003", 2, 3),
        ("B123", np.nan, np.nan),
        ("", np.nan, np.nan),
    ],
)
def test_wells_and_coordinates(cell, row, column):
    index = arranged(table(well=[cell, "A01", "A02"])).set_index("item").loc["2"]
    np.testing.assert_equal([index["position_row"], index["position_column"]], [row, column])


def test_two_columns_of_coordinates():
    given_ = table(x=[1.5, 2, 3], y=["7", "8", ""])
    index = arranged(given_, position="x, y")
    assert index["position"].tolist() == ["2.0,8", "1.5,7", "3.0,"]
    np.testing.assert_equal(index["position_row"].to_numpy(), [2, 1.5, np.nan])
    np.testing.assert_equal(index["position_column"].to_numpy(), [8, 7, np.nan])
    blank = arranged(table(x=[1, 2, None], y=[1, 2, None]), position="x,y")
    assert blank["position"].tolist() == ["2,2", "1,1", ""]


@pytest.mark.parametrize(
    ("cells", "texts"),
    [
        ([1.0, 2.0, np.nan], ["2", "1", ""]),
        ([1, 2, 3], ["2", "1", "3"]),
        ([1.5, 2.0, 3.0], ["2.0", "1.5", "3.0"]),
        ([1e20, 2.0, np.nan], ["2.0", "1e+20", ""]),
        (["1", 2, None], ["2", "1", ""]),
        ([" a ", "NA", "None"], ["NA", "a", "None"]),
        ([True, False, True], ["False", "True", "True"]),
        (pd.array([1, 2, None], dtype="Int64"), ["2", "1", ""]),
        (pd.Categorical(["u", "v", None]), ["v", "u", ""]),
    ],
)
def test_labels_are_text_as_it_was_meant(cells, texts):
    assert arranged(table(drug=cells))["label"].tolist() == texts


@pytest.mark.parametrize("role", ["image", "item", "label", "batch", "group", "position", "unit"])
def test_a_column_that_is_not_there(role, refused):
    named = ["drugs"] if role == "image" else "drugs"
    with refused("named as " + role, "did you mean 'drug'", file="images.csv", column="drugs"):
        arranged(**{role: named})


@pytest.mark.parametrize("role", ["control", "microns_per_pixel"])
def test_a_control_or_scale_column_that_is_not_there(role, refused):
    with refused("named as " + role, file="images.csv", column="wells"):
        arranged(**{role: "wells"})


def test_a_table_without_rows(refused):
    with refused("no rows", file="images.csv"):
        arranged(table().iloc[:0])


@pytest.mark.parametrize("empty", ["", "  ", None])
def test_an_empty_path_or_name(empty, refused):
    with refused("found nothing", "path", file="images.csv", row=3):
        arranged(table(path=["b.tif", empty, "c.tif"]))
    with refused("found nothing", "name", file="images.csv", row=4, column="item"):
        arranged(table(name=["1", "2", empty]))


def test_an_item_or_an_image_twice(refused):
    with refused("item '2' again, first in row 2", file="images.csv", row=4):
        arranged(table(name=["2", "1", 2]))
    with refused("image 'b.tif' again, first in row 2", file="images.csv", row=3):
        arranged(table(path=["b.tif", "b.tif ", "c.tif"]))


@pytest.mark.parametrize("scale", [-0.5, 0, 1e6, "wide", "", None, np.nan, np.inf])
def test_an_absurd_scale_in_a_column(scale, refused):
    with refused("between 0.01 and 100", file="images.csv", row=3, column="mpp") as caught:
        arranged(table(mpp=[0.5, scale, 0.5]), microns_per_pixel="mpp")
    assert "np." not in str(caught.value)


def test_a_scale_for_each_image():
    index = arranged(table(mpp=["0.25", "0.5", "1"]), microns_per_pixel="mpp")
    assert index["microns_per_pixel"].tolist() == [0.5, 0.25, 1.0]


def test_a_role_taken_from_another_column_than_its_namesake(refused):
    with refused("'drug' as label", "another name", file="images.csv", column="label"):
        arranged(table(label=["p", "q", "r"]))


def test_columns_that_have_the_name_of_an_unused_role_are_kept_aside():
    given_ = pd.DataFrame({"path": ["a", "b"], "item": ["p", "q"], "group": ["g", "h"]})
    index = folder.arrange(given_.assign(label=["x", "y"]), {"image": ["path"]}, "t")
    assert index["item"].tolist() == ["a", "b"] and index["group"].tolist() == ["", ""]
    assert index["item_given"].tolist() == ["p", "q"]
    assert index["group_given"].tolist() == ["g", "h"]
    used = folder.arrange(given_, {"image": ["path"], "group": "group", "item": "item"}, "t")
    assert used["group"].tolist() == ["g", "h"] and not [c for c in used if "given" in c]


@settings(deadline=None, max_examples=20)
@given(st.permutations(range(3)))
def test_shuffled_rows_give_the_same_index_and_digest(order):
    shuffled = table().iloc[order].reset_index(drop=True)
    pd.testing.assert_frame_equal(arranged(shuffled), arranged())
    assert folder.digest(arranged(shuffled)) == folder.digest(arranged())


def test_order_of_columns_does_not_change_the_digest():
    backwards = table()[table().columns[::-1]]
    assert folder.digest(arranged(backwards)) == folder.digest(arranged())


@pytest.mark.parametrize(
    ("changes", "pixels"),
    [
        ({"drug": ["taxol", "taxol", "taxol"]}, False),
        ({"dose": [0.5, 1.0, 2.0]}, False),
        ({"well": ["B04", "A12", "AA01"]}, False),
        ({"path": ["b2.tif", "a.tif", "c d.tif"]}, True),
        ({"name": ["2", "1", "4"]}, True),
    ],
)
def test_what_changes_which_digest(changes, pixels):
    before, after = arranged(), arranged(table(**changes))
    assert folder.digest(before) != folder.digest(after)
    assert (folder.digest(before, True) != folder.digest(after, True)) == pixels


def test_a_scale_is_part_of_the_pixels():
    assert folder.digest(arranged(), True) != folder.digest(arranged(microns_per_pixel=1.0), True)


def test_rows_of_a_unit_by_its_name_or_its_value():
    unit = {"dataset": "d", "unit": "plate-1", "select": "001"}
    rows = folder.of_unit(arranged(), unit, ROW, "images.csv")
    assert rows["item"].tolist() == ["1", "2"] and rows["unit"].tolist() == ["plate-1"] * 2
    rows = folder.of_unit(arranged(), {"dataset": "d", "unit": "002"}, ROW, "images.csv")
    assert rows["item"].tolist() == ["3"] and rows.index.tolist() == [0]


def test_without_a_unit_column_all_rows_are_one_unit():
    row = {k: v for k, v in ROW.items() if k != "unit"}
    rows = folder.of_unit(
        folder.arrange(table(), row, "t"), {"dataset": "d", "unit": "all"}, row, "t"
    )
    assert len(rows) == 3 and set(rows["unit"]) == {"all"}


@pytest.mark.parametrize(
    ("unit", "column", "words"),
    [
        ({"unit": "plate-9"}, "unit", "'plate-9'"),
        ({"unit": "p", "select": "1"}, "select", "'1'"),
    ],
)
def test_a_unit_without_images(unit, column, words, refused):
    place = {"file": "units.tsv", "row": f"d/{unit['unit']}", "column": column}
    with refused(words, "'plate' of images.csv", **place):
        folder.of_unit(arranged(), {"dataset": "d", **unit}, ROW, "images.csv")


def test_rows_are_named_by_their_line_though_blank_lines_were_left_out(refused):
    gaps = table(is_control=["no", "yes", "?"])
    gaps.index = [0, 1, 5]
    with refused("'?'", row=7):
        arranged(gaps)
    with refused("again, first in row 2", row=7):
        gaps["is_control"], gaps["name"] = "no", ["2", "1", "2"]
        arranged(gaps)


def test_columns_without_a_role_are_text_numbers_or_booleans():
    mixed = table(mix=[1, "b", None], when=pd.to_datetime(["2024-01-02"] * 3), tags=[[1], [2], []])
    index = arranged(mixed)
    assert index["mix"].tolist() == ["b", "1", ""]
    assert index["when"].tolist() == ["2024-01-02 00:00:00"] * 3
    assert index["tags"].tolist() == ["[2]", "[1]", "[]"]
    assert index["passed"].dtype == bool and index["dose"].dtype == float


def test_masks_have_a_role_of_their_own_and_do_not_touch_the_pixels_digest():
    given_ = table(m=["m1", "m2", "m3"], whole=["w1", "w2", "w3"])
    plain = arranged(table())
    index = arranged(given_, mask="m", cell_mask="whole")
    assert index["mask:nuclei"].tolist() == ["m2", "m1", "m3"]
    assert index["mask:cells"].tolist() == ["w2", "w1", "w3"]
    assert "m" not in index and folder.path_columns(index) == ["path:0"]
    assert folder.digest(index, True) == folder.digest(plain, True)
    other = arranged(given_.assign(m=["m9", "m2", "m3"]), mask="m", cell_mask="whole")
    assert folder.mask_digest(other) != folder.mask_digest(index)
    relabelled = arranged(given_.assign(drug="x"), mask="m", cell_mask="whole")
    assert folder.mask_digest(relabelled) == folder.mask_digest(index)


def test_an_image_without_its_mask_is_named(refused):
    with refused("nothing", "a path to a mask", file="images.csv", row=3, column="mask:nuclei"):
        arranged(table(m=["m1", "", "m3"]), mask="m")
