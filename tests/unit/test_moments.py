"""Linear moments: worked by hand, known distributions, and no trace of the number of cells."""

import numpy as np
import pandas as pd
import pytest

from twinscope.baselines.moments import summarise


def moments(values, orders=4):
    table = pd.DataFrame({"area": values})
    return summarise(table, pd.Series(["a"] * len(values)), ["area"], orders).loc["a"].to_numpy()


def test_by_hand():
    # Of 1, 2, 6: half of the mean of 1, 4, 5; a third of 6 - 2 * 2 + 1.
    assert moments([6.0, 1.0, 2.0])[:3] == pytest.approx([3, 5 / 3, 1])
    assert np.isnan(moments([6.0, 1.0, 2.0])[3])
    # The least four: a quarter of 10 - 3 * 6 + 3 * 2 - 1.
    assert moments([1.0, 2.0, 6.0, 10.0])[3] == pytest.approx(-3 / 4)


def test_a_normal_law_has_its_known_moments():
    """Hosking 1990, table 1: λ2 is σ/√π, λ3 is 0, and λ4 is 0.1226 λ2."""
    found = moments(np.random.default_rng(0).normal(5, 2, 200_000))
    assert found == pytest.approx([5, 2 / np.sqrt(np.pi), 0, 0.1226 * 2 / np.sqrt(np.pi)], abs=0.02)


@pytest.mark.parametrize("draw", ["normal", "exponential", "lognormal"])
def test_few_cells_have_the_same_moments_as_many_on_average(draw):
    """Where the outer quantile and the standard deviation give the number of cells away."""
    rng = np.random.default_rng(1)
    means = {}
    for number in (5, 20):
        values = getattr(rng, draw)(size=(4000, number))
        items = pd.Series(np.repeat(np.arange(4000), number))
        frame = summarise(pd.DataFrame({"x": values.ravel()}), items, ["x"])
        means[number] = frame.mean(), frame.std() / np.sqrt(4000)
        means[number] += (np.quantile(values, 0.1, axis=1).mean(),)
    error = np.hypot(means[5][1], means[20][1])
    assert (np.abs(means[5][0] - means[20][0]) < 4 * error).all()
    assert means[5][2] > means[20][2] + 0.05


def test_missing_values_are_left_out_and_a_measure_without_any_is_missing():
    table = pd.DataFrame({"x": [1.0, np.nan, 3.0, 8.0], "y": [np.nan] * 3 + [5.0]})
    frame = summarise(table, pd.Series(["a", "a", "a", "b"]), ["x", "y"], 2)
    assert frame.loc["a", ["x_mean", "x_l2"]].tolist() == [2, 1]
    assert frame.loc["a", ["y_mean", "y_l2"]].isna().all()
    assert frame.loc["b", ["x_mean", "y_mean"]].tolist() == [8, 5]
    assert frame.loc["b", ["x_l2", "y_l2"]].isna().all()


def test_no_cell_gives_no_row_and_all_columns():
    frame = summarise(pd.DataFrame({"x": []}), pd.Series([], dtype=str), ["x"])
    assert frame.shape == (0, 4)


def test_the_order_of_cells_does_not_change_a_bit():
    values = np.random.default_rng(2).lognormal(size=33)
    assert moments(values).tolist() == moments(values[::-1]).tolist()
