"""Nuclei drawn as an image and seen by an untrained network."""

import numpy as np
import pandas as pd
import pytest
import torch

from twinscope import cells
from twinscope.baselines import Unit, mask
from twinscope.errors import InputError


def unit_of(*masks, scale=1.0):
    items = [f"i{k}" for k in range(len(masks))]
    index = pd.DataFrame({"item": items, "microns_per_pixel": scale})
    index["height"], index["width"] = zip(*(m.shape for m in masks), strict=True)
    measured = [
        cells.measure(np.ones((1, *m.shape)), m, item=i, channels=("x",), microns_per_pixel=scale)
        for i, m in zip(items, masks, strict=True)
    ]
    return Unit(index, ("x",), pd.concat(measured, ignore_index=True), [], masks)


def discs(*centres, radius=5, size=64):
    y, x = np.mgrid[:size, :size]
    labels = np.zeros((size, size), int)
    for number, (cy, cx) in enumerate(centres, start=1):
        labels[(y - cy) ** 2 + (x - cx) ** 2 <= radius**2] = number
    return labels


ONE, TWO = discs((20, 20)), discs((20, 20), (40, 44))


def test_the_network_is_that_of_torch():
    """Mirrored 3 x 3 convolutions, rectifier and pooling, by another library."""
    weights = mask._weights((4, 6), 3)
    planes = np.random.default_rng(0).random((2, 17, 24))
    maps = torch.tensor(planes)[None]
    for layer in weights:
        kernel = torch.tensor(layer.transpose(2, 1, 0).reshape(*layer.shape[:0:-1], 3, 3))
        maps = torch.nn.functional.pad(maps, (1, 1, 1, 1), mode="reflect")
        maps = torch.relu(torch.nn.functional.conv2d(maps, kernel))
        maps = torch.nn.functional.avg_pool2d(maps, 2)
    flat = maps[0].flatten(1).numpy()
    expected = np.concatenate([flat.mean(axis=1), flat.std(axis=1)])
    np.testing.assert_allclose(mask._features(planes, weights), expected, rtol=1e-10)


@pytest.mark.parametrize("drawn", ["mask", "centroids"])
def test_more_nuclei_are_another_picture_and_intensities_do_not_enter(drawn):
    frame = mask.mask_network(unit_of(ONE, TWO), drawn)
    assert frame.shape == (2, 64) and not np.allclose(frame.iloc[0], frame.iloc[1])
    assert np.isfinite(frame.to_numpy()).all()


def test_shape_shows_in_the_mask_and_not_in_the_centroids():
    both = unit_of(ONE, discs((20, 20), radius=8))
    assert np.allclose(*mask.mask_network(both, "centroids").to_numpy())
    assert not np.allclose(*mask.mask_network(both, "mask").to_numpy())


def test_no_nuclei_is_black_and_defined():
    for drawn in ("mask", "centroids"):
        frame = mask.mask_network(unit_of(np.zeros((64, 64), int), ONE), drawn)
        assert (frame.iloc[0] == 0).all() and (frame.iloc[1] != 0).any()


def test_resolution_hardly_counts_and_numbers_of_labels_do_not():
    fine = np.kron(TWO, np.ones((2, 2), int))
    one = mask.mask_network(unit_of(TWO)).to_numpy()
    two = mask.mask_network(unit_of(fine, scale=0.5)).to_numpy()
    other = mask.mask_network(unit_of(ONE)).to_numpy()
    assert np.abs(one - two).sum() < 0.3 * np.abs(one - other).sum()
    renumbered = mask.mask_network(unit_of(np.where(TWO > 0, 3 - TWO, 0))).to_numpy()
    assert np.array_equal(one, renumbered)


def test_seeds_differ_and_the_same_seed_does_not():
    first, again, other = (mask.mask_network(unit_of(TWO), seed=s) for s in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not np.allclose(first, other)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"drawn": "masks"}, "did you mean 'mask'"),
        ({"pixel": 0}, "positive"),
        ({"widths": []}, "positive"),
        ({"widths": [4] * 7}, "at least 128"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(InputError, match=words):
        mask.mask_network(unit_of(ONE), **arguments)
