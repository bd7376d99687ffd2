"""The manual's own measures, by hand, and the scale of chromatin on known patterns."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

PATH = Path(__file__).parents[2] / "docs/effects.py"


@pytest.fixture(scope="module")
def table():
    spec = importlib.util.spec_from_file_location("effects_table", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_light_is_averaged_over_cells_and_not_over_pixels(table):
    mask = np.array([[1, 1, 1, 2], [0, 0, 0, 0]])
    image = np.array([[[1.0, 2, 3, 10], [99, 99, 99, 99]]])
    assert table.lights(image, mask) == [pytest.approx((2 + 10) / 2)]


def test_scale_by_hand(table):
    # A ramp along a row: 4² over 2²; down the columns nothing changes, so both means are halved.
    ramp = np.tile(np.arange(16.0), (16, 1))
    mask = np.ones((16, 16), int)
    assert table.scale(ramp, mask) == pytest.approx(4)
    assert np.isnan(table.scale(ramp, np.zeros_like(mask)))


def test_scale_grows_with_grains_and_not_with_nuclei(table):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:64, :64] - 31.5
    found = {}
    for grain in (0.8, 1.6):
        for radius in (10, 20):
            mask = (np.hypot(y, x) < radius).astype(int)
            each = [
                table.scale(100 + ndimage.gaussian_filter(rng.normal(size=(64, 64)), grain), mask)
                for _ in range(60)
            ]
            found[grain, radius] = np.mean(each), np.std(each) / np.sqrt(len(each))
    for grain in (0.8, 1.6):
        (small, a), (large, b) = found[grain, 10], found[grain, 20]
        assert abs(small - large) < 4 * np.hypot(a, b)
    assert found[1.6, 10][0] > found[0.8, 10][0] + 0.5
