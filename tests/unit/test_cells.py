import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.feature import graycomatrix, graycoprops

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
    assert row["intensity_median_dna"] == 25
    assert row["intensity_min_dna"] == 10 and row["intensity_max_dna"] == 60000
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
    assert measured(labels)["neighbour_distance_3"].isna().all()
    labels[2, 38] = 9
    # From 2, 12, 32 and 38, in pixels of 0.5 µm.
    expected = np.array([10 + 30 + 36, 10 + 20 + 26, 6 + 20 + 30, 6 + 26 + 36]) / 3 / 2
    assert np.allclose(measured(labels)["neighbour_distance_3"], expected)


@pytest.mark.parametrize("cells", [None, np.ones((20, 30), np.int32)])
def test_columns_and_types_are_the_same_without_nuclei(cells):
    full, empty = (
        measured(labels, cell_labels=cells)
        for labels in (two_nuclei(), np.zeros((20, 30), np.int32))
    )
    assert len(empty) == 0
    assert list(empty.columns) == list(full.columns)
    assert list(empty.dtypes) == list(full.dtypes)
    assert full["border"].dtype == bool and full["cell"].dtype == np.int64
    assert list(pd.concat([empty, full]).dtypes) == list(full.dtypes)
    floats = set(full.columns) - {"item", "cell", "border", "cell_border"}
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
        ({"cell_labels": np.zeros((30, 20), int)}, "cell labels"),
    ],
)
def test_what_does_not_fit_is_named(changes, message):
    with pytest.raises(InputError, match=message):
        measured(two_nuclei(), **changes)


def grey(rng, shape=(40, 40)):
    """Noise with structure of a few pixels, all positive."""
    return ndimage.gaussian_filter(rng.normal(size=shape), 1.5) + 2


def test_medians_are_those_of_each_nucleus_whatever_its_label():
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 4, 7, 900], (20, 30))
    image = rng.integers(0, 50, (2, 20, 30))
    table = measured(labels, image).set_index("cell")
    assert list(table.index) == [4, 7, 900]
    for label, row in table.iterrows():
        inside = image[1][labels == label]
        found = row[[f"intensity_{name}_actin" for name in ("median", "min", "max", "mean", "sd")]]
        expected = [np.median(inside), inside.min(), inside.max(), inside.mean(), inside.std()]
        assert np.allclose(found.astype(float), expected)


def test_ring_is_three_microns_wide_and_ends_where_another_nucleus_is_nearer():
    labels = np.zeros((3, 40), int)
    labels[:, 10], labels[:, 15] = 1, 2
    image = np.zeros((2, 3, 40))
    image[0] = np.arange(40)
    image[1, 1] = image[1, 2] = 30
    table = measured(labels, image)
    # 6 pixels of 0.5 µm: columns 4..9 and 11..12 of the first, 13..14 and 16..21 of the second.
    expected = [np.r_[4:10, 11:13].mean(), np.r_[13:15, 16:22].mean()]
    assert table["ring_mean_dna"].tolist() == expected
    assert np.allclose(table["ring_sd_actin"], np.std([0, 30, 30]))
    wide = measured(labels, image, microns_per_pixel=1.5)
    assert wide["ring_mean_dna"].tolist() == [np.r_[8:10, 11:13].mean(), np.r_[13:15, 16:18].mean()]


def test_ring_stays_inside_the_own_cell():
    labels, cells = np.zeros((3, 40), int), np.zeros((3, 40), int)
    labels[:, 10], labels[:, 15] = 1, 2
    # The cell of the first reaches up to the second nucleus, and 2 pixels the other way.
    cells[:, 8:15], cells[:, 15:30] = 1, 2
    image = np.zeros((2, 3, 40))
    image[0] = np.arange(40)
    table = measured(labels, image, cell_labels=cells)
    assert table["ring_mean_dna"].tolist() == [np.r_[8:10, 11:15].mean(), np.r_[16:22].mean()]
    # Of the first: columns 8..14, nucleus included, of 3 pixels of 0.25 µm² each.
    assert table["cell_area"].tolist() == [21 * 0.25, 45 * 0.25]
    assert table["cell_mean_dna"].tolist() == [11, np.r_[15:30].mean()]
    assert table["cell_sd_dna"].tolist() == pytest.approx([2, np.r_[15:30].std()])
    assert table["cell_border"].all() and (table["cell_solidity"] == 1).all()


def test_a_nucleus_that_fills_the_image_or_has_no_cell_has_no_surroundings():
    labels = np.ones((20, 30), int)
    row = measured(labels, cell_labels=np.zeros_like(labels)).iloc[0]
    absent = ["ring_mean_dna", "ring_sd_actin", "cell_area", "cell_mean_dna", "reach_dna"]
    assert row[[*absent, "coherence_dna", "cell_solidity"]].isna().all()
    assert not row["cell_border"]
    stray = measured(two_nuclei(), cell_labels=np.full((20, 30), 7))
    assert len(stray) == 2 and stray["cell_area"].isna().all()


def square(side=16, shape=(40, 40)):
    labels = np.zeros(shape, int)
    labels[10 : 10 + side, 10 : 10 + side] = 1
    return labels


def test_texture_of_the_core_by_hand_and_by_scikit_image():
    image = np.stack([grey(np.random.default_rng(1))] * 2)
    row = measured(square(), image).iloc[0]
    # Depth over 1.3 µm is over 2.6 pixels: without two rows on each side.
    core = image[0, 12:24, 12:24]
    score = (core - core.mean()) / core.std()
    assert row["texture_cv_dna"] == pytest.approx(core.std() / core.mean())
    assert row["texture_skewness_dna"] == pytest.approx(np.mean(score**3))
    levels = np.floor((np.clip(score, -3, 3) + 3) / 6 * 16).clip(0, 15).astype(np.uint8)
    # Two pixels of 0.5 µm apart, along both axes on the diagonals.
    directions = [(2, 0), (2, np.pi / 2), (8**0.5, np.pi / 4), (8**0.5, 3 * np.pi / 4)]
    matrices = [graycomatrix(levels, [r], [a], 16, True, True) for r, a in directions]
    for name in ("contrast", "correlation", "homogeneity"):
        expected = np.mean([graycoprops(matrix, name)[0, 0] for matrix in matrices])
        assert row[f"texture_{name}_dna"] == pytest.approx(expected), name


def test_a_blurred_rim_and_what_lies_outside_do_not_reach_the_texture():
    image = np.stack([grey(np.random.default_rng(1))] * 2)
    rim = square().astype(bool)
    rim[12:24, 12:24] = False
    dark = np.where(rim | (square() == 0), 0, image)
    textures = [c for c in measured(square()).columns if c.startswith("texture_")]
    before, after = (measured(square(), one)[textures] for one in (image, dark))
    pd.testing.assert_frame_equal(before, after)


@given(factor=st.floats(0.01, 1000), offset=st.floats(0, 1000))
@settings(max_examples=15, deadline=None)
def test_texture_and_coherence_know_neither_brightness_nor_offset(factor, offset):
    image = np.stack([grey(np.random.default_rng(2))] * 2)
    cells = np.pad(np.ones((30, 30), int), 5)
    before, scaled, moved = (
        measured(square(), one, cell_labels=cells).iloc[0]
        for one in (image, image * factor, image + offset)
    )
    names = ["skewness", "contrast", "correlation", "homogeneity"]
    names = ["coherence_dna", *(f"texture_{name}_dna" for name in names)]
    free = [*names, "texture_cv_dna", "reach_dna"]
    assert np.allclose(scaled[free].astype(float), before[free].astype(float), rtol=0.02)
    assert np.allclose(moved[names].astype(float), before[names].astype(float), rtol=0.02)
    assert moved["texture_cv_dna"] <= before["texture_cv_dna"]


def test_texture_tells_coarse_from_fine_and_strong_from_weak():
    rng = np.random.default_rng(3)
    noise = rng.normal(size=(40, 40))
    fine, coarse = (ndimage.gaussian_filter(noise, sigma) for sigma in (0.5, 2.0))
    fine, coarse = (5 + one / one[12:24, 12:24].std() for one in (fine, coarse))
    fine, coarse, strong = (
        measured(square(), np.stack([one, one])).iloc[0] for one in (fine, coarse, 2 * fine - 5)
    )
    assert coarse["texture_correlation_dna"] > 0.5 > 0.2 > fine["texture_correlation_dna"]
    assert coarse["texture_homogeneity_dna"] > fine["texture_homogeneity_dna"]
    assert coarse["texture_contrast_dna"] < fine["texture_contrast_dna"]
    assert strong["texture_cv_dna"] > 1.5 * fine["texture_cv_dna"]
    assert strong["texture_correlation_dna"] == pytest.approx(fine["texture_correlation_dna"])


def test_what_is_even_or_too_small_has_no_texture():
    textures = [c for c in measured(square()).columns if c.startswith("texture_")]
    assert len(textures) == 10
    assert measured(square(), np.full((2, 40, 40), 0.1))[textures].isna().all(axis=None)
    image = np.stack([grey(np.random.default_rng(0))] * 2)
    # Cores of 3 x 3 and of 4 x 4 pixels.
    assert measured(square(7), image)[textures].isna().all(axis=None)
    assert measured(square(8), image)[textures].notna().all(axis=None)
    # At 2 µm a pixel, every pixel is deeper than 1.3 µm.
    assert measured(square(4), image, microns_per_pixel=2)[textures].notna().all(axis=None)
    both = square(16) + 5 * np.roll(square(7), (-9, -9), (0, 1))
    table = measured(both, image).set_index("cell")
    assert table.loc[5, textures].isna().all() and table.loc[1, textures].notna().all()


def test_texture_does_not_turn_with_the_image():
    image = np.stack([grey(np.random.default_rng(4))] * 2)
    cells = np.pad(np.ones((30, 34), int), ((5, 5), (3, 3)))
    before = measured(square(), image, cell_labels=cells)
    after = measured(np.rot90(square()), np.rot90(image, axes=(1, 2)), cell_labels=np.rot90(cells))
    fixed = before.columns.drop(["item", "centroid_y", "centroid_x", "orientation"])
    assert np.allclose(before[fixed].astype(float), after[fixed].astype(float), equal_nan=True)


def test_reach_by_hand():
    labels, cells = np.zeros((1, 12), int), np.zeros((1, 12), int)
    labels[0, 2], labels[0, 8] = 1, 2
    cells[0, 2:7], cells[0, 8:11] = 1, 2
    image = np.zeros((2, 1, 12))
    image[0] = 5
    image[1, 0, 3:7] = [1, 0, 0, 3]
    table = measured(labels, image, cell_labels=cells)
    # Distances 1, 2, 3, 4 to the own nucleus, though the second is only 2 from the last pixel.
    assert table["reach_dna"].tolist() == [1, 1]
    assert table.loc[0, "reach_actin"] == (1 * 1 + 3 * 4) / 4 / 2.5
    assert np.isnan(table.loc[1, "reach_actin"])


def test_coherence_tells_parallel_fibres_from_noise_and_ignores_the_edges_of_the_nucleus():
    shape = (80, 80)
    labels, cells = np.zeros(shape, int), np.zeros(shape, int)
    labels[36:44, 20:60] = 1
    cells[5:75, 5:75] = 1
    rng = np.random.default_rng(5)
    down, along = np.indices(shape)
    stripes = np.sin((down + 2 * along) * 0.8)
    noise = rng.normal(size=shape)
    bright = noise + 20 * (labels > 0)
    fibres = measured(labels, np.stack([stripes, noise]), cell_labels=cells).iloc[0]
    assert fibres["coherence_dna"] > 0.95
    assert fibres["coherence_actin"] < 0.1
    edged = measured(labels, np.stack([bright, np.ones(shape)]), cell_labels=cells).iloc[0]
    assert edged["coherence_dna"] < 0.15
    assert np.isnan(edged["coherence_actin"])


def test_cells_are_measured_alike_whatever_lies_about():
    """A second cell, touching, changes nothing of the first but its neighbours."""
    image = np.stack([grey(np.random.default_rng(6), (40, 80))] * 2)
    labels, cells = np.zeros((40, 80), int), np.zeros((40, 80), int)
    labels[10:26, 10:26] = 3
    cells[4:36, 4:36] = 3
    alone = measured(labels, image, cell_labels=cells)
    labels[12:28, 40:50] = 5
    cells[4:36, 36:70] = 5
    both = measured(labels, image, cell_labels=cells).iloc[:1]
    pd.testing.assert_frame_equal(
        alone.drop(columns="neighbour_distance"), both.drop(columns="neighbour_distance")
    )
