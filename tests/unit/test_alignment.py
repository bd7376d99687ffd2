import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinscope.alignment import aggregate, align
from twinscope.errors import InputError


def plates(seed=0, d=4):
    rng = np.random.default_rng(seed)
    batches = np.repeat(["p1", "p2", "p3"], 12)
    controls = np.tile([True] * 5 + [False] * 7, 3)
    shift = np.repeat(rng.normal(0, 10, (3, d)), 12, axis=0)
    return rng.normal(3, 2, (36, d)) + shift, batches, controls


def test_none_changes_nothing():
    X, batches, controls = plates()
    aligned = align("none", X, batches, None)
    assert np.array_equal(aligned.features, X)
    assert aligned.n_constant == 0


def test_standardize_by_hand():
    X = np.array([[1.0], [3.0], [10.0], [100.0], [102.0], [98.0]])
    batches = np.repeat(["a", "b"], 3)
    controls = np.array([True, True, False, True, True, False])
    # a: mean 2, sd 1; b: mean 101, sd 1
    expected = [[-1], [1], [8], [-1], [1], [-3]]
    assert align("standardize", X, batches, controls).features.tolist() == expected


@given(st.integers(0, 1000))
def test_controls_have_mean_0_and_sd_1_in_every_batch(seed):
    X, batches, controls = plates(seed)
    Z = align("standardize", X, batches, controls).features
    for batch in np.unique(batches):
        own = Z[(batches == batch) & controls]
        assert np.abs(own.mean(axis=0)).max() < 1e-9
        assert np.abs(own.std(axis=0) - 1).max() < 1e-9


def test_treated_wells_do_not_change_the_fit():
    X, batches, controls = plates()
    changed = X.copy()
    changed[~controls] = 1e6
    one, other = (align("standardize", v, batches, controls).features for v in (X, changed))
    assert np.array_equal(one[controls], other[controls])
    assert not np.array_equal(one[~controls], other[~controls])


def test_constant_controls_are_centred_divided_by_1_and_counted():
    X, batches, controls = plates()
    X[(batches == "p2") & controls, 1] = 0.1
    aligned = align("standardize", X, batches, controls)
    assert aligned.n_constant == 1
    inside = (batches == "p2") & ~controls
    assert np.allclose(aligned.features[inside, 1], X[inside, 1] - 0.1)
    assert (aligned.features[(batches == "p2") & controls, 1] == 0).all()


def test_missing_values_stay_missing_and_do_not_spread():
    X, batches, controls = plates()
    X[0, 0] = np.nan
    X[(batches == "p1") & controls, 2] = np.nan
    Z = align("standardize", X, batches, controls).features
    assert np.isnan(Z[0, 0]) and np.isfinite(Z[1:12, 0]).all()
    assert np.isnan(Z[:12, 2]).all() and np.isfinite(Z[12:]).all()
    own = Z[1:5, 0]
    assert np.isclose(own.mean(), 0) and np.isclose(own.std(), 1)


def test_refusals_name_what_is_missing():
    X, batches, controls = plates()
    with pytest.raises(InputError, match="fitted on negative controls"):
        align("standardize", X, batches, None)
    controls[(batches == "p3").nonzero()[0][1:]] = False
    with pytest.raises(InputError, match="1 negative controls in batch 'p3'"):
        align("standardize", X, batches, controls)
    with pytest.raises(InputError, match="did you mean 'standardize'"):
        align("standardise", X, batches, controls)


def test_aggregate_averages_by_key():
    X = np.array([[1.0, 2.0], [3.0, np.nan], [5.0, 6.0], [7.0, np.nan]])
    means, order = aggregate(X, np.array(["w2", "w1", "w2", "w1"]))
    assert order.tolist() == ["w1", "w2"]
    assert np.array_equal(means, [[5.0, np.nan], [3.0, 4.0]], equal_nan=True)
