"""Thumbnails, random patches and correlations of channels, worked by hand."""

import numpy as np
import pandas as pd
import pytest
from skimage.transform import downscale_local_mean

from twinscope.baselines import Unit, intensity, pixels
from twinscope.errors import InputError


def unit_of(*images, channels=("dna", "er")):
    items = [f"image-{number}" for number in range(len(images))]
    return Unit(pd.DataFrame({"item": items}), channels, pd.DataFrame(), iter(images), iter([]))


def image_of(seed=0, shape=(2, 24, 32), kind=np.uint16):
    return np.random.default_rng(seed).integers(0, 200, shape).astype(kind)


def test_a_thumbnail_is_the_mean_of_areas():
    image = image_of()
    row = pixels.thumbnail(unit_of(image), side=4).iloc[0]
    expected = np.stack([downscale_local_mean(plane, (6, 8)) for plane in image])
    assert row.tolist() == pytest.approx(expected.ravel().tolist())
    assert row["pixel_er_03_01"] == pytest.approx(image[1, 18:, 8:16].mean())


def test_a_pixel_on_a_border_counts_on_both_sides():
    image = np.array([[[1.0, 2, 6], [1, 2, 6], [1, 2, 6]]])
    row = pixels.thumbnail(unit_of(image, channels=("dna",)), side=2).iloc[0]
    # Columns of 1.5 pixels: (1 + 2/2) / 1.5 and (2/2 + 6) / 1.5.
    assert row.tolist() == pytest.approx([4 / 3, 14 / 3, 4 / 3, 14 / 3])


def test_thumbnails_of_images_of_any_shape_and_type_have_the_same_columns():
    images = [image_of(shape=(2, 17, 31)), image_of(kind=np.uint8), image_of() / 7.0]
    frame = pixels.thumbnail(unit_of(*images))
    assert frame.shape == (3, 2 * 64) and frame.notna().all(axis=None)
    assert frame.iloc[0].mean() == pytest.approx(images[0].mean())
    brighter = pixels.thumbnail(unit_of(images[2] * 3))
    assert np.allclose(brighter, frame.iloc[2] * 3)


def test_random_patches_by_hand():
    image = image_of(kind=np.uint8)
    frame = pixels.random_patches(unit_of(image), patches=400, size=1, dimensions=3, seed=4)
    weights = np.random.default_rng([4, 0]).standard_normal((3, 2))
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    places = np.random.default_rng([4, 1]).random((400, 2))
    at = image[:, (places[:, 0] * 24).astype(int), (places[:, 1] * 32).astype(int)] / 255
    means, deviations = (weights @ at).mean(axis=1), (weights @ at).std(axis=1)
    assert np.allclose(frame.iloc[0], [*means, *deviations])


def test_an_even_image_answers_with_the_sum_of_the_weights_and_no_spread():
    frame = pixels.random_patches(unit_of(np.full((2, 20, 20), 0.5)), size=3, dimensions=5)
    weights = np.random.default_rng([0, 0]).standard_normal((5, 18))
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    assert np.allclose(frame.filter(like="_mean"), weights.sum(axis=1) / 2)
    assert np.allclose(frame.filter(like="_sd"), 0)


def test_filters_are_the_same_for_every_unit_and_follow_the_seed():
    images = [image_of(seed) for seed in range(3)]
    together = pixels.random_patches(unit_of(*images))
    alone = pixels.random_patches(unit_of(images[2]))
    assert np.array_equal(together.iloc[2], alone.iloc[0])
    assert together.shape == (3, 128)
    fewer = pixels.random_patches(unit_of(*images), dimensions=5)
    assert np.allclose(together[fewer.columns], fewer)
    assert not np.isclose(together, pixels.random_patches(unit_of(*images), seed=1)).any()


def test_finer_grain_spreads_the_responses_less():
    fine = image_of(shape=(1, 64, 64)) / 200
    coarse = np.kron(image_of(shape=(1, 8, 8)) / 200, np.ones((8, 8)))
    frame = pixels.random_patches(unit_of(fine, coarse, channels=("dna",)))
    spread = frame.filter(like="_sd").std(axis=1)
    assert spread.iloc[0] < spread.iloc[1] / 2


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (pixels.thumbnail, {"side": 0}, "side 0"),
        (pixels.thumbnail, {"side": 2.5}, "side 2.5"),
        (pixels.thumbnail, {"side": 25}, "side 25"),
        (pixels.random_patches, {"size": 25}, "24, 32"),
        (pixels.random_patches, {"patches": 0}, "patches 0"),
        (pixels.random_patches, {"dimensions": True}, "dimensions True"),
        (pixels.random_patches, {"seed": -1}, "seed -1"),
    ],
)
def test_bad_arguments_are_named(function, arguments, message):
    with pytest.raises(InputError, match=message):
        function(unit_of(image_of()), **arguments)


@pytest.mark.parametrize(
    "function", [pixels.thumbnail, pixels.random_patches, intensity.channel_correlation]
)
def test_pixels_that_are_not_finite_are_refused(function):
    image = image_of() / 1.0
    image[1, 3, 3] = np.inf
    with pytest.raises(InputError, match="not finite"):
        function(unit_of(image))


def test_correlations_agree_with_numpy_pair_by_pair():
    image = image_of(shape=(3, 9, 11)).astype(float)
    image[2] += 2 * image[0]
    row = intensity.channel_correlation(unit_of(image, channels=("a", "b", "c"))).iloc[0]
    expected = np.corrcoef(image.reshape(3, -1))
    assert list(row.index) == ["correlation_a_b", "correlation_a_c", "correlation_b_c"]
    assert row.tolist() == pytest.approx([expected[0, 1], expected[0, 2], expected[1, 2]])
    assert row["correlation_a_c"] > 0.8


def test_correlations_of_opposite_scaled_and_even_channels():
    plane = image_of(shape=(9, 11)).astype(float)
    image = np.stack([plane, 7 - 3 * plane, np.full_like(plane, 0.1)])
    row = intensity.channel_correlation(unit_of(image, channels=("a", "b", "c"))).iloc[0]
    assert row["correlation_a_b"] == pytest.approx(-1)
    assert np.isnan(row["correlation_a_c"]) and np.isnan(row["correlation_b_c"])


def test_one_channel_correlates_with_none():
    with pytest.raises(InputError, match="one channel"):
        intensity.channel_correlation(unit_of(image_of()[:1], channels=("dna",)))
