import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import hed2rgb
from skimage.draw import disk

from twinscope.errors import InputError
from twinscope.segmentation import SEGMENTERS, segment

MICRONS = {"channels": ("dna",), "nuclear_channel": "dna", "microns_per_pixel": 0.5}


def classical(image, **changes):
    return segment("classical", image, **(MICRONS | changes))


def discs(centres, radius=10, shape=(128, 128)):
    truth = np.zeros(shape, int)
    for number, centre in enumerate(centres, 1):
        truth[disk(centre, radius, shape=shape)] = number
    return truth


def photograph(truth, level=2000.0, seed=0):
    noise = np.random.default_rng(seed).normal(300, 20, truth.shape)
    return (noise + level * (truth > 0))[None].astype(np.uint16)


def best_overlaps(truth, labels):
    return [
        max(
            np.sum((truth == t) & (labels == p)) / np.sum((truth == t) | (labels == p))
            for p in range(1, labels.max() + 1)
        )
        for t in range(1, truth.max() + 1)
    ]


def test_separate_nuclei_are_found_with_their_outlines_and_numbered_in_raster_order():
    truth = discs([(20, 90), (60, 30), (100, 100)])
    labels = classical(photograph(truth))
    assert labels.dtype == np.int32 and labels.shape == truth.shape
    assert list(np.unique(labels)) == [0, 1, 2, 3]
    assert [labels[20, 90], labels[60, 30], labels[100, 100]] == [1, 2, 3]
    assert min(best_overlaps(truth, labels)) > 0.9


def test_touching_nuclei_are_split_and_a_single_one_is_not():
    pair = discs([(60, 50), (60, 68)])
    assert min(best_overlaps(pair, classical(photograph(pair)))) > 0.8
    assert classical(photograph(pair)).max() == 2
    assert classical(photograph(discs([(60, 60)]))).max() == 1


def test_labels_follow_first_pixels_whatever_the_brightness():
    truth = discs([(30, 30), (32, 90), (90, 20), (95, 100)])
    brightness = np.array([0, 1500, 2500, 2000, 3000])[truth]
    image = photograph(truth, level=0) + brightness[None].astype(np.uint16)
    labels = classical(image)
    first = [np.flatnonzero(labels == number)[0] for number in range(1, labels.max() + 1)]
    assert len(first) == 4 and first == sorted(first)


def test_a_hole_the_size_of_a_nucleolus_is_filled_and_a_lumen_is_not():
    nucleolus = (discs([(60, 60)]) > 0) & ~(discs([(60, 60)], radius=4) > 0)
    assert classical(photograph(nucleolus))[60, 60] == 1
    ring = (discs([(60, 60)], radius=35) > 0) & ~(discs([(60, 60)], radius=22) > 0)
    labels = classical(photograph(ring))
    assert labels[60, 60] == 0 and labels[60, 60 + 28] > 0


def test_debris_is_dropped():
    truth = discs([(40, 40)]) + 2 * discs([(90, 90)], radius=2)
    labels = classical(photograph(truth))
    assert labels.max() == 1 and labels[90, 90] == 0


def test_a_shrunken_nucleus_is_kept():
    labels = classical(photograph(discs([(40, 40)]) + 2 * discs([(90, 90)], radius=3)))
    assert labels.max() == 2 and labels[90, 90] == 2


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("diameter", [3.0, 10.0, 25.0])
def test_noise_has_no_nuclei_and_a_nucleus_in_it_is_found(seed, diameter):
    rng = np.random.default_rng(seed)
    noise = rng.normal(300, 20, (1, 128, 128))
    assert classical(noise, nucleus_diameter=diameter).max() == 0
    truth = discs([(64, 64)], radius=diameter)
    labels = classical(noise + 300 * (truth > 0), nucleus_diameter=diameter)
    assert labels[64, 64] > 0


def test_poisson_noise_and_ramps_have_no_nuclei():
    rng = np.random.default_rng(0)
    assert classical(rng.poisson(5, (1, 128, 128)).astype(np.uint16)).max() == 0
    for row, column in ((1, 0), (0, 1), (1, 1), (2, -1)):
        ramp = 100 + np.add.outer(row * np.arange(128.0), column * np.arange(128.0))
        assert classical(ramp[None]).max() == 0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("value", [0, 1, 200])
def test_constant_images_have_no_nuclei(dtype, value):
    labels = classical(np.full((1, 40, 40), value, dtype))
    assert labels.shape == (40, 40) and labels.max() == 0


def test_hot_pixels_are_neither_nuclei_nor_hide_them():
    empty = photograph(discs([]))
    empty[0, [30, 90], [30, 70]] = 65535
    assert classical(empty).max() == 0
    image = photograph(discs([(40, 40), (90, 90)]), level=500)
    image[0, [10, 60], [100, 20]] = 65535
    labels = classical(image)
    assert labels.max() == 2 and labels[40, 40] == 1 and labels[90, 90] == 2


def test_a_hot_pixel_costs_no_nucleus_its_outline():
    truth = discs([(40, 40), (90, 90)])
    image = photograph(truth, level=500)
    labels = classical(image)
    image[0, 40, 42] = 65535
    assert min(best_overlaps(truth, labels)) > 0.9
    assert np.mean(classical(image) != labels) < 0.002


def test_uneven_illumination_hides_no_nuclei():
    truth = discs([(25, 20), (60, 50), (30, 90), (100, 105), (100, 30)])
    ramp = np.linspace(0, 1500, 128).astype(np.uint16)
    labels = classical(photograph(truth, level=1500) + ramp)
    assert labels.max() == 5
    assert min(best_overlaps(truth, labels)) > 0.8


@given(gain=st.floats(0.01, 100), offset=st.floats(-1000, 1000))
@settings(max_examples=15, deadline=None)
def test_gain_and_offset_do_not_matter(gain, offset):
    image = photograph(discs([(30, 30), (60, 80), (100, 40)])).astype(float)
    labels, changed = classical(image), classical(image * gain + offset)
    assert labels.max() == changed.max() == 3
    assert np.mean(labels != changed) < 0.001


@pytest.mark.parametrize("turn", [np.fliplr, np.flipud, np.transpose])
def test_mirrored_images_have_the_same_nuclei(turn):
    image = photograph(discs([(30, 30), (60, 80), (100, 40), (100, 58)]))[0]
    labels, turned = classical(image[None]), classical(np.ascontiguousarray(turn(image))[None])
    assert labels.max() == turned.max() == 4
    assert np.mean((turn(labels) > 0) != (turned > 0)) < 0.001


def test_lengths_are_in_micrometres():
    image = photograph(discs([(60, 50), (60, 68)]))
    labels = classical(image)
    assert labels.max() == 2
    rescaled = classical(image, microns_per_pixel=1.0, nucleus_diameter=20.0)
    assert np.array_equal(labels, rescaled)
    assert classical(image, microns_per_pixel=0.15).max() == 1


@pytest.mark.parametrize("microns", [0.05, 0.25, 1.0, 8.0])
@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (7, 40), (40, 40)])
def test_tiny_images_survive_any_pixel_size(shape, microns):
    image = np.random.default_rng(0).integers(0, 255, (1, *shape)).astype(np.uint8)
    assert classical(image, microns_per_pixel=microns).shape == shape


def test_a_small_image_of_one_cell_has_one_nucleus():
    image = photograph(discs([(20, 19)], radius=9, shape=(40, 40)))
    labels = classical(image)
    assert labels.max() == 1 and abs(np.sum(labels) - np.pi * 81) < 40


def stained(haematoxylin, eosin):
    stains = np.stack([0.15 * haematoxylin, 0.15 * eosin, np.zeros(eosin.shape)], axis=-1)
    return np.moveaxis(hed2rgb(stains), -1, 0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float64])
def test_haematoxylin_is_unmixed_from_eosin(dtype):
    nuclei, eosin = discs([(30, 30), (80, 40)]), discs([(60, 100)], radius=12)
    image = stained(0.1 + (nuclei > 0), 0.1 + (eosin > 0))
    if dtype != np.float64:
        image = np.round(image * np.iinfo(dtype).max).astype(dtype)
    labels = classical(image, channels=("red", "green", "blue"), nuclear_channel="haematoxylin")
    assert labels.max() == 2 and min(best_overlaps(nuclei, labels)) > 0.9
    assert labels[60, 100] == 0


def test_channels_are_chosen_by_name_and_luminance_sees_them_all():
    first, second = discs([(30, 30)]), discs([(80, 40), (90, 90)])
    image = np.concatenate([photograph(first), photograph(second)])
    two = {"channels": ("actin", "dna")}
    assert classical(image, **two, nuclear_channel="actin").max() == 1
    assert classical(image, **two, nuclear_channel="dna").max() == 2
    assert classical(image, **two, nuclear_channel="luminance").max() == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nuclear_channel": "dan"}, "'dan'.*did you mean 'dna'"),
        ({"nuclear_channel": "haematoxylin"}, "RGB"),
        ({"channels": ("dna", "actin")}, "C names"),
        ({"microns_per_pixel": 0}, "microns_per_pixel 0"),
        ({"microns_per_pixel": float("nan")}, "microns_per_pixel nan"),
        ({"nucleus_diameter": -1.0}, "nucleus_diameter -1"),
    ],
)
def test_bad_settings_are_named(changes, message):
    with pytest.raises(InputError, match=message):
        classical(photograph(discs([(60, 60)])), **changes)


def test_bad_images_are_named():
    image = photograph(discs([(60, 60)])).astype(float)
    image[0, 3, 3] = np.nan
    with pytest.raises(InputError, match="not finite"):
        classical(image)
    with pytest.raises(InputError, match="shape"):
        classical(np.zeros((40, 40)))


def test_an_unknown_segmenter_is_named_with_those_that_exist():
    with pytest.raises(InputError, match="'clasical'.*did you mean 'classical'"):
        segment("clasical", np.zeros((1, 40, 40)), **MICRONS)
    assert "classical" in SEGMENTERS
