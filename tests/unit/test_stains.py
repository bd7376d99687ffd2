"""Optical density of stains and cover of tissue and cells: mixed by hand, planted, compared."""

from itertools import islice

import numpy as np
import pandas as pd
import pytest
from skimage.color import separate_stains

from twinscope.baselines import Unit, coverage, stains
from twinscope.errors import InputError
from twinscope.sources import simulated

RGB = ("red", "green", "blue")


def unit_of(*images, channels=RGB, pixel=0.5):
    items = [f"image-{number}" for number in range(len(images))]
    index = pd.DataFrame({"item": items, "microns_per_pixel": pixel})
    return Unit(index, channels, pd.DataFrame(), iter(images), iter([]))


def mixed(haematoxylin, eosin):
    """An image of float whose pixels hold so much of the two stains."""
    directions = np.array([stains.HAEMATOXYLIN, stains.EOSIN])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    densities = np.einsum("sc,syx->cyx", directions, np.stack([haematoxylin, eosin]))
    return 10**-densities


def test_what_was_mixed_is_taken_apart():
    rng = np.random.default_rng(0)
    haematoxylin, eosin = rng.uniform(0, 0.8, (2, 12, 15))
    image = mixed(haematoxylin, eosin)
    row = stains.optical_density(unit_of(image)).iloc[0]
    for name, amount in (("haematoxylin", haematoxylin), ("eosin", eosin)):
        expected = [amount.mean(), amount.std(), *np.quantile(amount, [0.1, 0.5, 0.9])]
        found = row[[f"{name}_{part}" for part in ("mean", "sd", "q10", "q50", "q90")]]
        assert found.tolist() == pytest.approx(expected)
    assert np.allclose(row.filter(like="residual"), 0)
    assert row["density_mean"] == pytest.approx(-np.log10(image).mean())


def test_unmixing_agrees_with_scikit_image_where_it_does_not_cut():
    image = np.random.default_rng(1).uniform(0.05, 0.95, (3, 20, 20))
    directions = np.array(
        [stains.HAEMATOXYLIN, stains.EOSIN, np.cross(stains.HAEMATOXYLIN, stains.EOSIN)]
    )
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    expected = separate_stains(np.moveaxis(image, 0, -1), np.linalg.inv(directions))
    found = np.moveaxis(stains.unmix(stains.density(image)), 0, -1)
    # scikit-image takes logarithms to the base of a millionth, and cuts at 0.
    assert np.allclose(np.maximum(found, 0), 6 * expected)


def test_white_and_types_agree():
    image = mixed(*np.random.default_rng(2).uniform(0, 0.5, (2, 40, 40)))
    kinds = [image, np.round(image * 65535).astype(np.uint16), np.round(image * 255)]
    frame = stains.optical_density(unit_of(kinds[0], kinds[1], kinds[2].astype(np.uint8)))
    assert np.allclose(frame.iloc[1], frame.iloc[0], atol=1e-4)
    assert np.allclose(frame.iloc[2], frame.iloc[0], atol=0.01)
    darker = np.round(image * 200).astype(np.uint8)
    own = stains.optical_density(unit_of(darker), white=200)
    assert np.allclose(own, frame.iloc[:1], atol=0.01)
    assert (
        stains.optical_density(unit_of(darker))["density_mean"].iloc[0]
        > own["density_mean"].iloc[0] + 0.1
    )


def test_empty_and_black_slides_are_finite():
    frame = stains.optical_density(
        unit_of(
            *np.array([255, 0], np.uint8)[:, None, None, None] * np.ones((2, 3, 6, 6), np.uint8)
        )
    )
    assert np.allclose(frame.iloc[0], 0)
    assert frame["density_mean"].iloc[1] == pytest.approx(np.log10(255))
    assert np.isfinite(frame).all(axis=None)


def test_turning_changes_nothing():
    image = mixed(*np.random.default_rng(2).uniform(0, 0.5, (2, 20, 30)))
    turned = np.rot90(image, axes=(1, 2))
    for function in (stains.optical_density, coverage.tissue_fraction):
        frame = function(unit_of(image, turned))
        assert np.allclose(frame.iloc[0], frame.iloc[1])


@pytest.mark.parametrize("channels", [("dna", "er", "mito"), ("blue", "green", "red"), ("dna",)])
def test_what_is_no_colour_image_is_refused(channels):
    image = np.ones((len(channels), 4, 4), np.uint8)
    with pytest.raises(InputError, match=f"channels {channels[0]}"):
        stains.optical_density(unit_of(image, channels=channels))
    with pytest.raises(InputError, match="2 channels"):
        stains.optical_density(unit_of(np.ones((2, 4, 4), np.uint8)))


@pytest.mark.parametrize("white", [0, -1, np.nan])
def test_a_white_that_is_none_is_refused(white):
    with pytest.raises(InputError, match="white"):
        stains.optical_density(unit_of(np.ones((3, 4, 4), np.uint8)), white=white)


def test_the_tissue_of_half_a_slide_is_half():
    image = np.full((3, 20, 20), 245, np.uint8)
    image[:, :, :10] = np.array([200, 120, 180])[:, None, None]
    full, empty = np.full_like(image, 150), np.full_like(image, 250)
    frame = coverage.tissue_fraction(unit_of(image, full, empty))
    assert frame["covered"].tolist() == [0.5, 1.0, 0.0]
    assert coverage.tissue_fraction(unit_of(image), density=2.0)["covered"].tolist() == [0]


def field(kind, scale=1.0, offset=0.0):
    """Two channels with noise about 100; squares that stand out of one or the other."""
    rng = np.random.default_rng(0)
    image = rng.normal(100, 5, (2, 100, 100))
    image[0, 20:60, 20:60] += 200
    image[1, 40:80, 40:80] += 200
    return (np.round(image * 10) * scale + offset).astype(kind)


def test_cells_are_what_stands_out_of_the_background_in_any_channel():
    even = np.full((2, 100, 100), 7, np.uint8)
    noise = np.random.default_rng(1).poisson(100, (2, 100, 100)).astype(np.uint16)
    images = [field(np.uint16), field(float, 0.37, 5.0), even, noise]
    found = coverage.tissue_fraction(unit_of(*images, channels=("dna", "er")))["covered"]
    # Two squares of 40 x 40 that share 20 x 20 cover 2800 of 10000 pixels, and their glow a little.
    assert 0.28 <= found.iloc[0] < 0.34
    assert found.iloc[1] == pytest.approx(found.iloc[0], abs=0.002)
    assert found.iloc[2] == 0 and found.iloc[3] < 0.01


@pytest.mark.parametrize(
    ("arguments", "pixel", "message"),
    [
        ({"above": 0}, 1, "above 0"),
        ({"density": -1}, 1, "density -1"),
        ({}, 0, "microns_per_pixel"),
    ],
)
def test_bad_arguments_of_cover_are_named(arguments, pixel, message):
    unit = unit_of(field(np.uint16), channels=("dna", "er"), pixel=pixel)
    with pytest.raises(InputError, match=message):
        coverage.tissue_fraction(unit, **arguments)


def test_cover_follows_the_cells_of_simulated_wells():
    pictures = list(simulated.simulate("cells", "plate-1", 5, rows=4, columns=8))
    channels = simulated.channels("cells")
    images = [picture.image for picture in pictures]
    unit = Unit(pd.DataFrame([p.row for p in pictures]), channels, pd.DataFrame(), images, [])
    truth = [(picture.cells > 0).mean() for picture in pictures]
    found = coverage.tissue_fraction(unit)["covered"]
    assert np.corrcoef(found, truth)[0, 1] > 0.9


def test_haematoxylin_and_cover_follow_the_truth_of_simulated_tissue():
    pictures = list(islice(simulated.simulate("tissue", "slides-1", 5), 40))
    index = pd.DataFrame([picture.row for picture in pictures])
    unit = Unit(index, RGB, pd.DataFrame(), [picture.image for picture in pictures], [])
    found = stains.optical_density(unit)["haematoxylin_mean"]
    nuclei = [(picture.nuclei > 0).mean() for picture in pictures]
    assert np.corrcoef(found, nuclei)[0, 1] > 0.7
    empty = index["factor_empty_fraction"].astype(float)
    assert np.corrcoef(coverage.tissue_fraction(unit)["covered"], empty)[0, 1] < -0.5
