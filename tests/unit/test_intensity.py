"""Intensities: percentiles as numpy has them, levels that a plate shares, and scaling."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from twinscope import images, levels

SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9))


def by_numpy(image, shares=(0.001, 0.999)):
    return np.percentile(image, 100 * np.array(shares), axis=(1, 2)).T


@given(
    st.one_of(
        arrays(np.uint8, SHAPES),
        arrays(np.uint16, SHAPES),
        arrays(np.float32, SHAPES, elements=st.floats(-1e3, 1e3, width=32)),
    ),
    st.lists(st.floats(0, 1), min_size=1, max_size=3),
)
def test_percentiles_are_numpys(image, shares):
    found = images.percentiles(image, shares)
    assert found.dtype == np.float64 and found.shape == (len(image), len(shares))
    np.testing.assert_allclose(found, by_numpy(image, shares), rtol=1e-6, atol=1e-3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_percentiles_of_a_real_size_are_numpys_to_rounding(dtype):
    rng = np.random.default_rng(3)
    image = rng.gamma(2, np.iinfo(dtype).max / 12, (2, 200, 300)).clip(0, np.iinfo(dtype).max)
    image = image.astype(dtype)
    np.testing.assert_allclose(images.percentiles(image), by_numpy(image), rtol=1e-13)


def test_percentiles_by_hand():
    # 11 values: the share 0.1 is the second one, 0.25 half way between the third and the fourth.
    image = np.array([[[10, 0, 20, 30, 40, 50, 60, 70, 80, 90, 100]]], np.uint16)
    assert images.percentiles(image, (0, 0.1, 0.25, 1)).tolist() == [[0, 10, 25, 100]]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_scaling_is_what_double_precision_gives(dtype):
    rng = np.random.default_rng(0)
    # A narrow range far from zero: what single precision alone would spoil.
    high = {np.uint8: 255, np.uint16: 65535, np.float32: 65535}[dtype]
    image = (high - rng.random((2, 40, 40)) * 60).astype(dtype)
    low, top = (v[:, None, None] for v in by_numpy(image).T)
    expected = np.clip((image.astype(np.float64) - low) / (top - low), 0, 1)
    found = images.scale(image, "percentile")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_own_intensities_are_those_of_the_type():
    image = np.array([[[0, 51, 255]]], np.uint8)
    np.testing.assert_array_equal(images.scale(image, "own"), images.scale(image, "dtype"))


def test_plate_levels_are_used_and_clipped():
    image = np.array([[[0, 10, 20, 40]], [[5, 5, 6, 7]]], np.uint16)
    found = images.scale(image, "plate", np.array([[10.0, 30.0], [5.0, 5.0]]))
    # Levels without a range take one unit, so nothing is divided by 0.
    assert found.tolist() == [[[0, 0, 0.5, 1]], [[0, 0, 1, 1]]]


def test_a_plate_without_levels(refused):
    with refused("no levels"):
        images.scale(np.zeros((1, 2, 2), np.uint8), "plate")


def test_images_of_a_plate_share_the_median_of_its_levels():
    pictures = [np.arange(1001).reshape(1, 7, 143) * gain for gain in (1, 2, 3, 5)]
    found = levels.measure([p.astype(np.uint16) for p in pictures], ["DNA"])
    assert found["low:DNA"].tolist() == [1, 2, 3, 5]
    assert found["high:DNA"].tolist() == [999, 1998, 2997, 4995]
    shared = levels.share(found, ["a", "a", "a", "b"])
    assert shared["low:DNA"].tolist() == [2, 2, 2, 5]
    assert shared["high:DNA"].tolist() == [1998, 1998, 1998, 4995]
    one = levels.share(found, ["", "", "", ""])
    assert set(one["high:DNA"]) == {(1998 + 2997) / 2}
    assert found["low:DNA"].tolist() == [1, 2, 3, 5]


def test_images_of_a_plate_keep_their_brightness():
    dim = np.random.default_rng(0).integers(0, 500, (1, 20, 20)).astype(np.uint16)
    pictures = [dim, dim * 2, dim * 4]
    shared = levels.share(levels.measure(pictures, ["x"]), ["p"] * 3).to_numpy()
    means = [
        images.scale(p, "plate", each.reshape(1, 2)).mean()
        for p, each in zip(pictures, shared, strict=True)
    ]
    alone = [images.scale(p, "percentile").mean() for p in pictures]
    assert means[1] / means[0] > 1.9 and np.ptp(alone) < 1e-3


class Input(dict):
    """A job's input, as far as levels look at it."""


def test_levels_as_an_array():
    table = pd.DataFrame({"high:b": [4], "low:a": [1], "high:a": [2], "low:b": [3], "item": ["i"]})
    found = levels.read(Input(levels="file"), "levels", ["a", "b"], {"file": table}.get)
    assert found.tolist() == [[[1, 2], [3, 4]]]
    assert levels.read(Input(), "levels", ["a", "b"], None) is None
