import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from twinscope.metrics import METRICS, codes

CLASSES = np.array(["a", "b", "c"])


def sample(seed, n=40, decimals=9, classes=CLASSES):
    rng = np.random.default_rng(seed)
    p = np.round(rng.dirichlet(np.ones(len(classes)), n), decimals) + 1e-3
    y = np.r_[classes, rng.choice(classes, n - len(classes))]
    return y, p / p.sum(axis=1, keepdims=True)


def by_oracle(name, y, p, w=None, classes=CLASSES):
    predicted = classes[p.argmax(axis=1)]
    if name == "balanced_accuracy":
        return oracle.balanced_accuracy_score(y, predicted, sample_weight=w)
    if name == "macro_f1":
        return oracle.f1_score(y, predicted, average="macro", sample_weight=w)
    if name == "log_loss":
        w = np.ones(len(y)) if w is None else w
        total = np.array([w[y == c].sum() for c in classes])
        balanced = w / total[codes(y, classes)]
        return oracle.log_loss(y, p, sample_weight=balanced, labels=classes)
    return np.mean(
        [oracle.roc_auc_score(y == c, p[:, k], sample_weight=w) for k, c in enumerate(classes)]
    )


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_scores_agree_with_scikit_learn(name, seed):
    y, p = sample(seed)
    assert METRICS[name].function(y, p, CLASSES) == pytest.approx(by_oracle(name, y, p), abs=1e-10)


@pytest.mark.parametrize("name", METRICS)
def test_integer_weights_are_repeated_items(name):
    y, p = sample(1)
    weights = np.random.default_rng(2).integers(0, 4, (50, len(y)))
    weights[:, :3] = 1
    found = METRICS[name].function(y, p, CLASSES, weights)
    for draw, value in zip(weights, found, strict=True):
        repeated = np.repeat(np.arange(len(y)), draw)
        again = METRICS[name].function(y[repeated], p[repeated], CLASSES)
        assert value == pytest.approx(again, abs=1e-12)
        assert value == pytest.approx(by_oracle(name, y, p, draw.astype(float)), abs=1e-10)


def test_many_draws_are_cut_into_the_same_pieces(monkeypatch):
    y, p = sample(3)
    weights = np.random.default_rng(2).integers(0, 4, (50, len(y)))
    whole = METRICS["auroc"].function(y, p, CLASSES, weights)
    monkeypatch.setattr("twinscope.metrics.CHUNK", 7 * len(y))
    assert np.array_equal(whole, METRICS["auroc"].function(y, p, CLASSES, weights))


@pytest.mark.parametrize("seed", range(5))
def test_ties_count_half_in_auroc(seed):
    y, p = sample(seed, decimals=1)
    p = np.round(p, 6)
    assert len(np.unique(p[:, 0])) < 0.7 * len(y)
    found = METRICS["auroc"].function(y, p, CLASSES)
    assert found == pytest.approx(by_oracle("auroc", y, p), abs=1e-12)


@pytest.mark.parametrize("name", METRICS)
def test_rounding_does_not_break_ties(name):
    y, p = sample(7, decimals=1)
    blurred = p * (1 + np.random.default_rng(0).normal(0, 1e-14, p.shape))
    found = [METRICS[name].function(y, values, CLASSES) for values in (p, blurred)]
    assert found[0] == pytest.approx(found[1], abs=1e-12)


def test_auroc_by_hand():
    y, first = np.array(["a", "a", "b", "b"]), np.array([0.9, 0.4, 0.4, 0.1])
    p = np.column_stack([first, 1 - first])
    # Pairs a over b: 0.9 wins twice, 0.4 ties once and wins once: 3.5 of 4.
    assert METRICS["auroc"].function(y, p, CLASSES[:2]) == 3.5 / 4


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("shares", [(10, 10, 10), (50, 8, 3)])
def test_uniform_probabilities_score_chance(name, shares):
    y = np.repeat(CLASSES, shares)
    metric = METRICS[name]
    found = metric.function(y, np.full((len(y), 3), 1 / 3), CLASSES)
    assert found == pytest.approx(metric.chance(y), abs=1e-12)


def test_chance_levels_by_hand():
    y = np.repeat(["a", "b"], [30, 10])
    assert METRICS["balanced_accuracy"].chance(y) == 0.5
    assert METRICS["auroc"].chance(y) == 0.5
    assert METRICS["log_loss"].chance(y) == pytest.approx(np.log(2))
    # a: precision .75, recall .5 -> .6; b: precision .25, recall .5 -> 1/3
    assert METRICS["macro_f1"].chance(y) == pytest.approx((0.6 + 1 / 3) / 2)


@pytest.mark.parametrize("name", METRICS)
def test_a_perfect_and_a_hopeless_classifier_reach_the_ends(name):
    y, metric = np.tile(CLASSES, 5), METRICS[name]
    right = np.eye(3)[codes(y, CLASSES)]
    assert metric.function(y, right, CLASSES) == pytest.approx(metric.ceiling, abs=1e-12)
    assert metric.function(y, (1 - right) / 2, CLASSES) == pytest.approx(metric.floor, abs=1e-12)
    assert metric.higher_is_better == (metric.ceiling > metric.floor)
    assert metric.range == (min(metric.floor, metric.ceiling), max(metric.floor, metric.ceiling))


@pytest.mark.parametrize("name", METRICS)
def test_a_class_that_was_not_drawn_is_left_out(name):
    y, p = sample(4)
    p[:, 2] = 0
    p /= p.sum(axis=1, keepdims=True)
    some = y != "c"
    found = METRICS[name].function(y, p, CLASSES, some[None].astype(int))
    expected = METRICS[name].function(y[some], p[some][:, :2], CLASSES[:2])
    assert found[0] == pytest.approx(expected, abs=1e-12)


def test_macro_f1_leaves_out_a_class_that_is_predicted_but_was_not_drawn():
    y, predicted = np.array(["a", "a", "b", "c"]), [0, 2, 1, 2]
    found = METRICS["macro_f1"].function(y, np.eye(3)[predicted], CLASSES, [[1, 1, 1, 0]])
    # a: precision 1, recall 1/2 -> 2/3; b: 1
    assert found == pytest.approx([5 / 6])


@pytest.mark.parametrize("name", METRICS)
def test_undefined_probabilities_and_empty_draws_are_nan(name):
    y, p = sample(5)
    metric = METRICS[name]
    assert np.isnan(metric.function(y, p, CLASSES, np.zeros((2, len(y))))).all()
    p[:] = np.nan
    assert np.isnan(metric.function(y, p, CLASSES))
    assert np.isnan(metric.function(y, p, CLASSES, np.ones((2, len(y))))).tolist() == [True, True]


@pytest.mark.parametrize("name", METRICS)
def test_the_order_of_items_does_not_matter(name):
    y, p = sample(6, decimals=1)
    order = np.random.default_rng(0).permutation(len(y))
    one, other = (
        METRICS[name].function(y, p, CLASSES),
        METRICS[name].function(y[order], p[order], CLASSES),
    )
    assert one == pytest.approx(other, abs=1e-12)


def test_a_label_outside_the_classes_is_refused():
    with pytest.raises(ValueError, match="'z'"):
        codes(np.array(["a", "z"]), CLASSES)
