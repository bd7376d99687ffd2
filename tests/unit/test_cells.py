import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinscope.cells import measure
from twinscope.errors import InputError

CHANNELS = ("dna", "actin")


def measured(labels, image=None, **changes):
    if image is None:
        image = np.ones((2, *labels.shape), np.uint8)
    settings_ = {"item": "well-1", "channels": CHANNELS, "microns_per_pixel": 0.5}
    return measure(image, labels, **(settings_ | changes))


def two_nuclei():
    labels = np.zeros((20, 30), np.int32)
    labels[2:6, 3:7] = 1
    labels[10:12, 20:28] = 2
    return labels


def test_hand_worked_square_and_rectangle():
    table = measured(two_nuclei()).set_index("cell")
    assert list(table.index) == [1, 2]
    assert list(table["item"]) == ["well-1"] * 2
    # 16 pixels each of 0.25 µm².
    assert list(table["area"]) == [4.0, 4.0]
    # Centres of rows 2..5 and columns 3..6, of rows 10..11 and columns 20..27, at 0.5 µm.
    assert np.allclose(table[["centroid_y", "centroid_x"]], [[1.75, 2.25], [5.25, 11.75]])
    # The outline runs through the centres of the outer pixels: 4 sides of 3 steps.
    assert table.loc[1, "perimeter"] == pytest.approx(12 * 0.5)
    assert table.loc[1, "form_factor"] == pytest.approx(4 * np.pi * 4 / 36)
    # Axes are 4 standard deviations of the pixel centres: n in a row have variance (n² - 1) / 12.
    axes = 4 * np.sqrt(np.array([[15, 15], [63, 3]]) / 12) * 0.5
    assert np.allclose(table[["major_axis", "minor_axis"]], axes)
    assert np.allclose(table["eccentricity"], [0, np.sqrt(1 - 3 / 63)])
    assert np.allclose(table["solidity"], 1)
    assert abs(table.loc[2, "orientation"]) == pytest.approx(np.pi / 2)
    distance = np.hypot(5.25 - 1.75, 11.75 - 2.25)
    assert np.allclose(table["neighbour_distance"], distance)
    assert not table["border"].any()


def test_intensities_are_those_of_the_nucleus_in_each_channel():
    labels = np.zeros((6, 6), int)
    labels[1, 1:5] = 3
    image = np.zeros((2, 6, 6), np.uint16)
    image[0, 1, 1:5] = [10, 20, 30, 60000]
    image[1] = 7
    row = measured(labels, image).iloc[0]
    assert row["cell"] == 3
    assert row["intensity_mean_dna"] == pytest.approx(np.mean([10, 20, 30, 60000]))
    assert row["intensity_sd_dna"] == pytest.approx(np.std([10, 20, 30, 60000]))
    assert row["intensity_mean_actin"] == 7 and row["intensity_sd_actin"] == 0


@pytest.mark.parametrize(
    ("rows", "columns", "border"),
    [
        (slice(0, 3), slice(4, 7), True),
        (slice(7, 10), slice(4, 7), True),
        (slice(4, 7), slice(0, 3), True),
        (slice(4, 7), slice(9, 12), True),
        (slice(1, 4), slice(1, 4), False),
        (slice(6, 9), slice(8, 11), False),
    ],
)
def test_border_is_any_edge_of_the_image(rows, columns, border):
    labels = np.zeros((10, 12), int)
    labels[rows, columns] = 1
    assert measured(labels)["border"].tolist() == [border]


def test_solidity_and_form_factor_tell_a_cross_from_a_square():
    labels = np.zeros((30, 30), int)
    labels[5:24, 12:17] = labels[12:17, 5:24] = 1
    square = np.zeros((30, 30), int)
    square[5:18, 5:18] = 1
    cross, square = measured(labels).iloc[0], measured(square).iloc[0]
    assert cross["solidity"] < 0.75 < square["solidity"]
    assert cross["form_factor"] < 0.75 * square["form_factor"]


def test_a_lone_nucleus_has_no_neighbour_and_a_pixel_no_form_factor():
    labels = np.zeros((10, 10), int)
    labels[4, 4] = 1
    row = measured(labels).iloc[0]
    assert np.isnan(row["neighbour_distance"]) and np.isnan(row["form_factor"])
    assert row["area"] == 0.25


def test_neighbour_is_the_nearest():
    labels = np.zeros((5, 40), int)
    labels[2, 2], labels[2, 12], labels[2, 32] = 1, 2, 3
    assert measured(labels)["neighbour_distance"].tolist() == [5.0, 5.0, 10.0]


def test_columns_and_types_are_the_same_without_nuclei():
    full, empty = measured(two_nuclei()), measured(np.zeros((20, 30), np.int32))
    assert len(empty) == 0
    assert list(empty.columns) == list(full.columns)
    assert list(empty.dtypes) == list(full.dtypes)
    assert full["border"].dtype == bool and full["cell"].dtype == np.int64
    assert list(pd.concat([empty, full]).dtypes) == list(full.dtypes)
    floats = set(full.columns) - {"item", "cell", "border"}
    assert all(full[column].dtype == float for column in floats)


@given(down=st.integers(0, 6), right=st.integers(0, 1))
@settings(max_examples=10, deadline=None)
def test_translation_moves_the_centroid_only(down, right):
    moved = np.roll(two_nuclei(), (down, right), (0, 1))
    before, after = measured(two_nuclei()), measured(moved)
    fixed = before.columns.difference(["centroid_y", "centroid_x"])
    pd.testing.assert_frame_equal(before[fixed], after[fixed])
    assert np.allclose(after["centroid_y"] - before["centroid_y"], 0.5 * down)
    assert np.allclose(after["centroid_x"] - before["centroid_x"], 0.5 * right)


def test_a_quarter_turn_changes_the_orientation_only():
    before, after = measured(two_nuclei()), measured(np.rot90(two_nuclei()).copy())
    before, after = before.sort_values("major_axis"), after.sort_values("major_axis")
    shape = ["area", "perimeter", "major_axis", "minor_axis", "eccentricity", "solidity"]
    assert np.allclose(before[shape], after[shape])
    turn = before["orientation"].iloc[1] - after["orientation"].iloc[1]
    assert abs(turn) == pytest.approx(np.pi / 2)


def test_units_scale_with_the_pixel():
    labels = two_nuclei()
    small, large = measured(labels), measured(labels, microns_per_pixel=1.0)
    lengths = ["perimeter", "major_axis", "minor_axis", "neighbour_distance", "centroid_x"]
    assert np.allclose(large[lengths], 2 * small[lengths])
    assert np.allclose(large["area"], 4 * small["area"])
    ratios = ["eccentricity", "solidity", "form_factor", "intensity_mean_dna"]
    assert np.allclose(large[ratios], small[ratios])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"microns_per_pixel": 0.0}, "microns_per_pixel 0"),
        ({"microns_per_pixel": float("nan")}, "microns_per_pixel nan"),
        ({"channels": ("dna",)}, "1 channel names"),
        ({"image": np.ones((2, 20, 31))}, "image"),
        ({"image": np.ones((20, 30))}, "image"),
    ],
)
def test_what_does_not_fit_is_named(changes, message):
    with pytest.raises(InputError, match=message):
        measured(two_nuclei(), **changes)
