"""Texture and spectrum of whole images: worked by hand, blind to brightness, found when planted."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from skimage.feature import local_binary_pattern

from twinscope.baselines import Unit, spectrum, texture
from twinscope.errors import InputError
from twinscope.sources import simulated

FUNCTIONS = [texture.haralick, texture.lbp, texture.granularity, spectrum.power_spectrum]


def unit_of(*planes, pixel=0.5, channels=("dna",)):
    images = [np.asarray(plane).reshape(len(channels), *np.shape(plane)[-2:]) for plane in planes]
    items = [f"image-{number}" for number in range(len(images))]
    index = pd.DataFrame({"item": items, "microns_per_pixel": pixel})
    return Unit(index, tuple(channels), pd.DataFrame(), iter(images), iter([]))


def pattern(seed=0, shape=(64, 64)):
    """Grey blobs in 16 bits, far from either end, in steps of 4."""
    plane = np.random.default_rng(seed).integers(100, 240, (shape[0] // 4, shape[1] // 4)) * 4
    grown = np.kron(plane, np.ones((4, 4), int))
    return (grown + 4 * np.random.default_rng(seed + 1).integers(0, 9, shape)).astype(np.uint16)


def test_co_occurrence_of_a_checkerboard():
    board = np.indices((8, 8)).sum(axis=0) % 2 * 200
    row = texture.haralick(unit_of(board.astype(np.uint8)), levels=2, distances=[1]).iloc[0]
    # Along rows and columns all pairs differ by one level, along diagonals none does.
    assert row["haralick_contrast_dna_1"] == pytest.approx(0.5)
    assert row["haralick_dissimilarity_dna_1"] == pytest.approx(0.5)
    assert row["haralick_homogeneity_dna_1"] == pytest.approx((0.5 + 1) / 2)
    # Each direction has two cells of one half (24 and 25 of 49 aslant).
    assert row["haralick_ASM_dna_1"] == pytest.approx(0.5, abs=1e-3)
    assert row["haralick_entropy_dna_1"] == pytest.approx(np.log(2), abs=1e-3)
    assert row["haralick_correlation_dna_1"] == pytest.approx(0, abs=0.05)


def test_stripes_differ_with_the_distance():
    stripes = np.tile([0, 0, 0, 9, 9, 9], (18, 3)).astype(np.uint8)
    row = texture.haralick(unit_of(stripes), levels=10, distances=[1, 3]).iloc[0]
    # Of 17 pairs side by side 5 differ by nine levels; up and down none; 17 x 5 of 17 x 17 aslant.
    share = 5 / 17
    assert row["haralick_contrast_dna_1"] == pytest.approx(81 * (share + 0 + share + share) / 4)
    # Three apart all differ; scikit-image goes two steps aslant, where 11 of 16 do.
    assert row["haralick_contrast_dna_3"] > 2 * row["haralick_contrast_dna_1"]


def test_local_binary_patterns_of_a_bright_pixel():
    plane = np.zeros((7, 7), np.uint8)
    plane[3, 3] = 9
    row = texture.lbp(unit_of(plane), radii=[1]).iloc[0]
    assert list(row.index) == [f"lbp_dna_1_{code:02d}" for code in range(10)]
    # 25 pixels: the bright one has no brighter neighbour, all others have eight at least as bright.
    assert row.tolist() == pytest.approx([1 / 25] + [0] * 7 + [24 / 25, 0])


def test_local_binary_patterns_agree_with_scikit_image_inside():
    plane = pattern()
    row = texture.lbp(unit_of(plane)).iloc[0]
    codes = local_binary_pattern(plane, 16, 2, "uniform")[2:-2, 2:-2]
    expected = [(codes == code).mean() for code in range(18)]
    assert row[[f"lbp_dna_2_{code:02d}" for code in range(18)]].tolist() == pytest.approx(expected)
    assert row.filter(like="dna_1_").sum() == pytest.approx(1)


@pytest.mark.parametrize(("side", "radius"), [(3, 1), (7, 2), (13, 4)])
def test_a_square_of_light_is_a_grain_of_its_own_size(side, radius):
    plane = np.full((60, 60), 50, np.uint16)
    plane[20 : 20 + side, 30 : 30 + side] = 300
    row = texture.granularity(unit_of(plane, pixel=1.0), radii=[1, 2, 4, 8]).iloc[0]
    assert row.sum() == pytest.approx(1)
    # A disc that fits takes the corners only: 4 of 9 pixels of the smallest square.
    assert row.idxmax() == f"granularity_dna_{2 * radius}um" and row.max() > 0.5
    assert side > 3 or row.tolist() == pytest.approx([4 / 9, 5 / 9, 0, 0])


def test_grains_are_measured_in_microns():
    plane = pattern()
    fine = texture.granularity(unit_of(plane, pixel=0.5), radii=[1, 2]).to_numpy()
    coarse = texture.granularity(unit_of(plane, pixel=1.0), radii=[2, 4]).to_numpy()
    assert np.allclose(fine, coarse)
    row = texture.granularity(unit_of(plane, pixel=3.0), radii=[1, 4]).iloc[0]
    assert np.isnan(row["granularity_dna_1um"]) and row["granularity_dna_4um"] == 1


@pytest.mark.parametrize("frequency", [0.05, 0.1, 0.2, 0.4])
@pytest.mark.parametrize("turned", [False, True])
def test_the_power_of_a_wave_is_at_its_frequency(frequency, turned):
    wave = 5 + np.sin(2 * np.pi * frequency * 0.5 * np.arange(160)) * np.ones((160, 1))
    unit = unit_of(wave.T if turned else wave)
    row = spectrum.power_spectrum(unit).iloc[0].drop("power_slope_dna")
    edges = np.geomspace(0.03, 0.75, 13)
    assert row.to_numpy().argmax() == np.searchsorted(edges, frequency) - 1


def test_power_is_relative_to_that_in_the_range():
    rng = np.random.default_rng(0)
    noise, walk = rng.normal(size=(128, 128)), rng.normal(size=(128, 128))
    walk = walk.cumsum(axis=0).cumsum(axis=1)
    frame = spectrum.power_spectrum(unit_of(noise, walk), low=0.05)
    white = frame.iloc[0]
    assert np.abs(white.drop("power_slope_dna")).max() < 0.3
    assert abs(white["power_slope_dna"]) < 0.15
    assert frame["power_slope_dna"].iloc[1] < -1.5


def test_frequencies_that_an_image_does_not_have_are_undefined():
    row = spectrum.power_spectrum(unit_of(pattern(), pixel=2.0)).iloc[0]
    edges = np.geomspace(0.03, 0.75, 13)
    beyond = [f"power_dna_{k:02d}" for k in range(12) if edges[k] > 0.25 * np.sqrt(2)]
    assert row[beyond].isna().all() and np.isfinite(row["power_dna_05"])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_brightness_offset_and_turns_change_nothing(function):
    plane = pattern()
    variants = [plane, plane * 3, plane + 1000, np.rot90(plane, 1), np.rot90(plane, 2)]
    variants += [plane / 4096, (plane // 4).astype(np.uint8)]
    frame = function(unit_of(*variants))
    # A tie between interpolated points may fall either way.
    slack = 0.0005 if function is texture.lbp else 1e-9
    assert np.abs(frame - frame.iloc[0]).max(axis=None) <= slack
    other = function(unit_of(pattern(7)))
    assert np.nanmax(np.abs(other.to_numpy() - frame.iloc[0].to_numpy())) > 0.001


@pytest.mark.parametrize("function", FUNCTIONS)
def test_channels_do_not_mix(function):
    one, two = pattern(1), pattern(2)
    both = function(unit_of(np.stack([one, two]), channels=("dna", "er")))
    for channel, plane in (("dna", one), ("er", two)):
        alone = function(unit_of(plane, channels=(channel,)))
        pd.testing.assert_frame_equal(both[alone.columns], alone)
    assert both.shape[1] == 2 * alone.shape[1]


@pytest.mark.parametrize("value", [np.uint8(0), np.uint16(7), 0.3])
def test_an_even_image_has_no_texture_but_the_even_pattern(value):
    plane = np.full((32, 32), value)
    for function in (texture.haralick, texture.granularity, spectrum.power_spectrum):
        assert function(unit_of(plane)).isna().all(axis=None)
    row = texture.lbp(unit_of(plane)).iloc[0]
    assert row["lbp_dna_1_08"] == row["lbp_dna_2_16"] == 1 and row.sum() == 2


def test_a_nearly_empty_image_is_quantised_over_its_whole_range():
    plane = np.zeros((40, 40), np.uint16)
    plane[10, 10] = 500
    row = texture.haralick(unit_of(plane)).iloc[0]
    assert np.isfinite(row).all() and row["haralick_contrast_dna_1"] > 0


def test_an_image_that_is_too_small_has_no_features_but_the_same_columns():
    plane = np.arange(9, dtype=np.uint8).reshape(3, 3)
    frame = texture.haralick(unit_of(plane))
    assert frame.filter(like="dna_3").isna().all(axis=None)
    assert frame.filter(like="dna_1").notna().all(axis=None)
    assert texture.lbp(unit_of(plane)).filter(like="dna_2").isna().all(axis=None)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_unit_without_images_has_the_same_columns(function):
    empty = function(unit_of())
    assert list(empty.columns) == list(function(unit_of(pattern())).columns) and not len(empty)


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (texture.haralick, {"levels": 1}, "levels 1"),
        (texture.haralick, {"levels": 300}, "levels 300"),
        (texture.haralick, {"distances": []}, "distances"),
        (texture.haralick, {"distances": [1, 1]}, "distances"),
        (texture.haralick, {"distances": [0.5]}, "distances 0.5"),
        (texture.haralick, {"low": 99, "high": 1}, "low 99"),
        (texture.lbp, {"radii": [0]}, "radii 0"),
        (texture.granularity, {"radii": [2, 1]}, "radii"),
        (texture.granularity, {"radii": [-1]}, "-1"),
        (spectrum.power_spectrum, {"bins": 0}, "bins 0"),
        (spectrum.power_spectrum, {"low": 1.0}, "low 1.0 and high"),
        (spectrum.power_spectrum, {"low": 0}, "low 0"),
    ],
)
def test_bad_arguments_are_named(function, arguments, message):
    with pytest.raises(InputError, match=message):
        function(unit_of(pattern()), **arguments)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_pixels_that_are_not_finite_are_refused(function):
    with pytest.raises(InputError, match="not finite"):
        function(unit_of(np.where(np.eye(32) > 0, np.nan, 1.0)))


@pytest.mark.parametrize("function", [texture.granularity, spectrum.power_spectrum])
def test_a_pixel_without_a_size_is_refused(function):
    with pytest.raises(InputError, match="microns_per_pixel"):
        function(unit_of(pattern(), pixel=0.0))


@pytest.fixture(scope="module")
def wells():
    """Simulated wells of one plate: images and their effects."""
    arguments = {"perturbations": ["texture-a", "null-a"], "doses": [2.0], "rows": 8, "columns": 16}
    pictures = list(simulated.simulate("cells", "plate-1", 3, **arguments))
    index = pd.DataFrame([picture.row for picture in pictures])
    return index, [picture.image[:1] for picture in pictures]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(("effect", "seen"), [("texture", True), ("null", False)])
def test_a_planted_texture_is_found_and_none_is_not(wells, function, effect, seen):
    index, images = wells
    frame = function(Unit(index, ("dna",), pd.DataFrame(), images, []))
    treated, control = (index["effect"] == effect).to_numpy(), index["control"].to_numpy(bool)
    assert min(treated.sum(), control.sum()) > 5
    values = frame.loc[:, frame.std() > 0]
    p = stats.mannwhitneyu(values[treated], values[control]).pvalue
    assert (np.min(p) * values.shape[1] < 0.01) == seen
