"""Nearest class mean of a few items."""

import numpy as np
import pytest

from twinscope import few, probes, splits
from twinscope.classifiers import PROBES
from twinscope.metrics import METRICS


def dot(a, b):
    return a @ b.T


def test_one_item_a_class_by_hand():
    Z, Q = np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[3.0, 1.0]])
    (found,) = few.means(Z, np.array(["a", "b"]), Q, [2.0], dot)
    # Similarities are 3 and 2: a softmax of 6 and 4.
    assert found[0] == pytest.approx([1 / (1 + np.exp(-2)), 1 / (1 + np.exp(2))])


def test_no_more_than_ten_items_of_a_class_are_seen():
    # One item in fifty is far off: most draws of ten do not see it, a mean of all would.
    Z = np.ones((100, 1))
    Z[0], y = 1_000.0, np.repeat(["a", "b"], 50)
    seen = []
    list(few.means(Z, y, np.ones((1, 1)), [1.0], lambda q, m: seen.append(m[0, 0]) or q @ m.T))
    far = np.array(seen) > 1.5
    assert len(seen) == few.DRAWS and 0 < far.mean() < 0.5
    assert np.allclose(np.array(seen)[far], (1_000 + 9) / 10)


@pytest.mark.parametrize("similarity", ["cosine", "euclidean"])
def test_classes_are_told_and_noise_is_not(similarity):
    rng, values = np.random.default_rng(0), {}
    y = np.repeat(["a", "b", "c"], 40)
    groups = np.array([f"g{k:03d}" for k in range(120)])
    folds = splits.assign(groups, y, groups, 4)
    for strength in (0.0, 1.5):
        place = strength * rng.standard_normal((3, 10))
        X = place[np.repeat([0, 1, 2], 40)] + rng.standard_normal((120, 10))
        found = probes.cross_validate(X, y, groups, folds, "means", similarity)
        assert np.allclose(found.probabilities.sum(axis=1), 1)
        assert set(found.chosen) <= set(PROBES["means"].grid)
        metric = METRICS["balanced_accuracy"]
        values[strength] = metric.function(y, found.probabilities, found.classes)
    assert values[0.0] < 0.45 and values[1.5] > 0.9


def test_cosine_of_one_feature_is_refused():
    y = np.tile(["a", "b"], 10)
    groups = np.array([f"g{k:02d}" for k in range(20)])
    X = np.arange(20.0)[:, None]
    found = probes.cross_validate(X, y, groups, np.arange(20) // 2 % 2, "means", "cosine")
    assert "cosine" in found.reason and np.isnan(found.probabilities).all()
