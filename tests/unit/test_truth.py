"""Representations of true factors: what they hold, in what strength, and nothing else."""

import itertools

import numpy as np
import pandas as pd
import pytest

from twinscope.baselines import Unit, describe
from twinscope.errors import InputError
from twinscope.sources import simulated
from twinscope.sources.simulated.scales import CULTURE, TISSUE


def unit_of(count=400, seed=0, **factors):
    """Images with drawn factors, each in its own natural spread."""
    rng = np.random.default_rng(seed)
    items = [f"i{number:03d}" for number in range(count)]
    index = pd.DataFrame({"item": items})
    for name in ("cell_count", "nuclear_area", "chromatin_contrast", "gain"):
        mean, sd = CULTURE[name]
        index[f"factor_{name}"] = mean + sd * rng.standard_normal(count)
    index = index.assign(**{f"factor_{name}": values for name, values in factors.items()})
    return Unit(index, ("DNA",), pd.DataFrame({"item": []}), [], [])


def explained(X, y):
    """R² of y from X by least squares, on the half that was not fitted."""
    A = np.column_stack([np.ones(len(X)), X])
    half = len(X) // 2
    weights = np.linalg.lstsq(A[:half], y[:half], rcond=None)[0]
    rest = y[half:] - A[half:] @ weights
    return 1 - rest.var() / y[half:].var()


def test_true_factors_are_those_of_the_index_without_the_microscopes():
    unit = unit_of(3)
    frame = describe("true-factors", unit, {})
    assert list(frame.columns) == ["cell_count", "chromatin_contrast", "nuclear_area"]
    assert (frame["nuclear_area"] == unit.index["factor_nuclear_area"].to_numpy()).all()


def test_true_factors_of_text_are_numbers_and_nothing_is_nothing():
    frame = describe("true-factors", unit_of(3, nuclear_area=["1.5", "", None]), {})
    assert frame["nuclear_area"].tolist()[0] == 1.5
    assert frame["nuclear_area"].isna().tolist() == [False, True, True]


@pytest.mark.parametrize(("noise", "expected"), [(0.0, 1.0), (0.5, 0.8), (1.0, 0.5), (2.0, 0.2)])
def test_planted_factors_come_back_in_the_strength_that_noise_leaves(noise, expected):
    """A factor of variance 1 under noise of variance s² on each axis leaves R² = 1 / (1 + s²)."""
    unit = unit_of(4000)
    arguments = {"factors": ["nuclear_area"], "noise": noise, "distractors": 6}
    X = describe("planted", unit, arguments).to_numpy()
    assert X.shape == (4000, 7)
    assert explained(X, unit.index["factor_nuclear_area"].to_numpy()) == pytest.approx(
        expected, abs=0.04
    )
    assert explained(X, unit.index["factor_chromatin_contrast"].to_numpy()) < 0.02


def test_no_single_dimension_is_the_factor():
    unit = unit_of(2000)
    arguments = {"factors": ["nuclear_area"], "noise": 0.1, "distractors": 15}
    X = describe("planted", unit, arguments).to_numpy()
    z = unit.index["factor_nuclear_area"].to_numpy()
    assert np.abs([np.corrcoef(column, z)[0, 1] for column in X.T]).max() < 0.9


def test_a_planted_item_follows_from_its_name_and_the_seed():
    whole, arguments = unit_of(20), {"factors": ["nuclear_area"], "seed": 3}
    part = Unit(whole.index.iloc[::-3], whole.channels, whole.cells, [], [])
    full, some = (describe("planted", unit, arguments) for unit in (whole, part))
    pd.testing.assert_frame_equal(full.loc[some.index], some)
    other = describe("planted", whole, arguments | {"seed": 4})
    assert not np.isclose(full, other).any()


def test_planted_without_factors_is_noise():
    X = describe("planted", unit_of(4000), {"factors": [], "distractors": 5, "noise": 0.5})
    assert X.shape == (4000, 5)
    assert np.allclose(np.cov(X.to_numpy().T), np.eye(5) * 1.25, atol=0.12)


def test_an_image_without_the_factor_is_undefined():
    X = describe("planted", unit_of(3, nuclear_area=[150.0, np.nan, 170.0]), {"factors": "gain"})
    assert X.notna().all(axis=None)
    unit = unit_of(3, nuclear_area=[150.0, np.nan, 170.0])
    X = describe("planted", unit, {"factors": ["nuclear_area"]})
    assert X.isna().all(axis=1).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"factors": ["nuclear_aera"]}, "did you mean 'nuclear_area'"),
        ({"factors": ["gain", "gain"]}, "each factor once"),
        ({"factors": ["gain"], "noise": -1}, "0 or more"),
        ({"factors": ["gain"], "distractors": 0.5}, "whole number"),
        ({"factors": [], "distractors": 0}, "at least one of them"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(InputError, match=words):
        describe("planted", unit_of(3), arguments)


@pytest.mark.parametrize("function", ["true-factors", "planted"])
def test_images_of_unknown_truth_are_refused(function):
    unit = Unit(pd.DataFrame({"item": ["a"]}), ("DNA",), pd.DataFrame({"item": []}), [], [])
    arguments = {"factors": ["gain"]} if function == "planted" else {}
    with pytest.raises(InputError, match="simulated"):
        describe(function, unit, arguments)


@pytest.mark.parametrize(("design", "table"), [("cells", CULTURE), ("tissue", TISSUE)])
def test_every_factor_of_the_index_has_a_scale_of_its_size(design, table):
    arguments = {"effects": ["null"], "controls": 0.9} if design == "cells" else {}
    count = 16 if design == "cells" else 32
    rows = [
        picture.row
        for picture in itertools.islice(
            simulated.simulate(design, "scales", 11, **arguments), count
        )
    ]
    factors = pd.DataFrame(rows).filter(like="factor_")
    factors.columns = factors.columns.str.removeprefix("factor_")
    factors = factors.loc[:, ~factors.columns.str.startswith("driver_")]
    assert set(factors.columns) == set(table)
    for name in set(factors) - {"gain", "blur", "background"}:
        mean, sd = table[name]
        z = (factors[name].mean() - mean) / sd
        assert abs(z) < 1.2, name
        assert factors[name].std() < 3 * sd, name
