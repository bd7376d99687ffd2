import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics.pairwise import cosine_similarity, euclidean_distances

from twinscope import classifiers
from twinscope.similarity import SIMILARITIES, default, levels, matrix, refusal, space


def test_names_are_those_of_the_probes():
    assert set(SIMILARITIES) == set(classifiers.SIMILARITIES)
    assert [default(d) for d in (1, 8, 9, 600)] == ["euclidean", "euclidean", "cosine", "cosine"]


def test_cosine_by_hand_and_by_scikit_learn():
    # (3, 4) and (4, 3) have length 5 and product 24; the last item lies at the centre.
    found = matrix([[3, 4], [4, 3], [-3, -4], [0, 0]], "cosine")
    np.testing.assert_allclose(found[0], [1, 24 / 25, -1, 0], atol=1e-12)
    assert (found[3] == 0).all()
    X = np.random.default_rng(0).normal(size=(9, 30))
    np.testing.assert_allclose(matrix(X, "cosine"), cosine_similarity(X), atol=1e-12)


def test_euclidean_distance_is_on_standardised_features():
    # The features 0, 0, 2, 2 and 0, 10, 10, 0 have standard deviations 1 and 5, the third has none.
    found = matrix([[0, 0, 7], [0, 10, 7], [2, 10, 7], [2, 0, 7]], "euclidean")
    np.testing.assert_allclose(found[0], [0, -2, -np.sqrt(8), -2], atol=1e-12)
    X = np.random.default_rng(0).normal(size=(9, 3)) * [1, 100, 1e-3] + [0, 1e5, 1]
    expected = -euclidean_distances((X - X.mean(axis=0)) / X.std(axis=0))
    np.testing.assert_allclose(matrix(X, "euclidean"), expected, atol=1e-6)


@pytest.mark.parametrize("name", SIMILARITIES)
@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_neither_overflows_nor_vanishes(name, scale):
    X = np.random.default_rng(1).normal(size=(6, 4))
    np.testing.assert_allclose(matrix(X * scale, name), matrix(X, name), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("X", "why"),
    [
        ([[1.0], [2.0], [-3.0]], "cosine of a single feature is all ties"),
        ([[1.0, 7], [2.0, 7], [-3.0, 7]], "cosine of a single feature is all ties"),
        ([[1.0, 7], [1.0, 7]], "cosine of constant features is all ties"),
        ([[1.0, 2.0]], "cosine of constant features is all ties"),
        ([[0.1 + 0.2, 1e9], [0.3, 1e9 + 1e-7]], "cosine of constant features is all ties"),
        ([[np.nan, np.inf], [np.nan, np.nan]], "every feature is missing"),
        (np.empty((0, 3)), "every feature is missing"),
    ],
)
def test_refuses_the_cosine_of_what_has_no_direction(X, why, refused):
    assert why in refusal(X, "cosine")
    with refused(why):
        space(X, "cosine")
    with refused(why):
        matrix(X, "cosine")


def test_euclidean_distance_takes_what_cosine_refuses(refused):
    assert refusal([[1.0], [2.0]], "euclidean") == ""
    assert matrix([[1.0], [2.0]], "euclidean")[0, 1] == -2
    assert (matrix(np.ones((3, 2)), "euclidean") == 0).all()
    with refused("'cosin'", "did you mean 'cosine'"):
        refusal([[1.0]], "cosin")


@pytest.mark.parametrize("name", SIMILARITIES)
def test_missing_values_are_medians_and_items_without_values_have_no_likeness(name):
    X = np.random.default_rng(2).normal(size=(7, 4))
    X[0, 1], X[3, 1] = np.nan, np.inf
    filled = X.copy()
    filled[[0, 3], 1] = np.median(np.delete(X[:, 1], [0, 3]))
    np.testing.assert_allclose(matrix(X, name), matrix(filled, name), atol=1e-12)
    X[5] = np.nan
    found = matrix(X, name)
    assert np.isnan(found[5]).all() and np.isnan(found[:, 5]).all()
    assert np.isfinite(np.delete(np.delete(found, 5, 0), 5, 1)).all()
    assert space(X, name).n_missing == 6
    assert space(X, name).present.tolist() == [True] * 5 + [False, True]


def test_levels_by_hand():
    scores = [[0.9, 0.5, 0.5, 0.1, -np.inf], [1, 2, 3, 4, 5]]
    assert levels(scores).tolist() == [[0, 1, 1, 2, 3], [4, 3, 2, 1, 0]]
    # A grid of nine digits would part the first two, which are 2e-16 apart.
    assert levels([[0.5e-9, 0.5e-9 + 2e-16, 1.0]]).tolist() == [[1, 1, 0]]
    assert levels([[0.5, 0.5 + 2e-9]]).tolist() == [[1, 0]]
    assert levels(np.empty((2, 0))).shape == (2, 0)


@given(arrays(float, (3, 12), elements=st.integers(-20, 20).map(lambda k: k / 20)), st.integers(0))
def test_rounding_makes_no_order(scores, seed):
    noise = np.random.default_rng(seed).uniform(-1e-13, 1e-13, scores.shape)
    found = levels(scores + noise)
    assert (found == levels(scores)).all()
    for row, level in zip(scores, found, strict=True):
        assert (level == np.unique(-row, return_inverse=True)[1]).all()


def test_equal_steps_of_single_precision_tie():
    # Counts 5, 7, 9 standardised and stored: both steps are 2, but not to the last digit.
    counts = np.array([5.0, 7, 9, 14, 3, 8])
    stored = ((counts - 7.3) / 1.7).astype(np.float32)[:, None].astype(float)
    items = space(stored, "euclidean")
    scores = -np.abs(items.values - items.values.T)
    assert levels(scores, items.tolerance)[1, 0] == levels(scores, items.tolerance)[1, 2]
    assert len({scores[1, 0], scores[1, 2]}) == 2
    assert items.tolerance == 1e-6
    assert space(np.random.default_rng(0).normal(size=(9, 2)), "euclidean").tolerance == 1e-9
