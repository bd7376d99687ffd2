import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from twinscope.metrics import METRICS
from twinscope.statistics import (
    benjamini_hochberg,
    bootstrap,
    holm,
    interval,
    resamples,
    standard_error,
)

CLASSES = np.array(["a", "b", "c"])


def study(seed=0, n_groups=12, per_group=5):
    rng = np.random.default_rng(seed)
    y = np.tile(CLASSES, n_groups * per_group)[: n_groups * per_group]
    groups = np.repeat([f"g{i:02d}" for i in range(n_groups)], per_group)
    return y, rng.dirichlet(np.ones(3), len(y)), groups


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_false_discovery_rate_is_that_of_benjamini_and_hochberg(p):
    expected = stats.false_discovery_control(p)
    found = benjamini_hochberg(np.array([*p, np.nan]))
    np.testing.assert_allclose(found[:-1], expected, atol=1e-12)
    assert np.isnan(found[-1])


def test_resamples_are_multinomial_and_paired():
    _, _, groups = study()
    names, counts = resamples(groups, draws=5000, seed=1)
    assert names.tolist() == sorted(set(groups))
    assert counts.shape == (5000, 12) and (counts.sum(axis=1) == 12).all()
    assert counts.mean(axis=0) == pytest.approx(np.ones(12), abs=0.06)
    assert counts.var(axis=0) == pytest.approx(np.full(12, 11 / 12), abs=0.1)
    shuffled = np.random.default_rng(0).permutation(np.repeat(groups, 2))
    assert np.array_equal(counts, resamples(shuffled, draws=5000, seed=1)[1])
    assert np.array_equal(counts[:1500], resamples(groups, draws=1500, seed=1)[1])
    assert not np.array_equal(counts, resamples(groups, draws=5000, seed=2)[1])


@pytest.mark.parametrize("name", METRICS)
def test_bootstrap_scores_the_items_of_the_groups_drawn(name):
    y, p, groups = study()
    names, counts = resamples(groups, draws=1100)
    found = bootstrap(y, p, groups, METRICS[name], CLASSES, counts)
    assert found.shape == (1100,)
    for draw in (0, 7, 1099):
        rows = np.concatenate(
            [
                np.tile(np.flatnonzero(groups == g), c)
                for g, c in zip(names, counts[draw], strict=True)
            ]
        )
        again = METRICS[name].function(y[rows], p[rows], CLASSES)
        assert found[draw] == pytest.approx(again, abs=1e-12)


def test_bootstrap_of_an_undefined_score_is_undefined():
    y, p, groups = study()
    counts = resamples(groups, draws=10)[1]
    assert np.isnan(bootstrap(y, p * np.nan, groups, METRICS["auroc"], CLASSES, counts)).all()
    with pytest.raises(ValueError, match="12 groups but counts of 11"):
        bootstrap(y, p, groups, METRICS["auroc"], CLASSES, counts[:, :11])


def test_interval_by_hand():
    draws = np.array([0.4, 0.6] * 50)
    found = interval(0.5, draws, n_groups=5)
    # sd .1, times sqrt(5/4) = .1118034; t(4 df, 97.5 %) = 2.776445
    assert found.error == pytest.approx(0.1118034, abs=1e-7)
    assert found.lower == pytest.approx(0.5 - 0.3104160, abs=1e-6)
    assert found.upper == pytest.approx(0.5 + 0.3104160, abs=1e-6)
    assert found.reason == ""
    assert interval(0.5, draws, 5, 0.3, 0.7)[:2] == (0.3, 0.7)


def test_the_variance_of_a_cross_validated_score_is_more_than_its_draws_say():
    draws = np.array([0.4, 0.6] * 50)
    # .1118034 times sqrt(1 + 2 / 3.1415927) = 1.2793044
    assert standard_error(draws, 5, crossed=True) == pytest.approx(0.1430306, abs=1e-7)
    found, plain = interval(0.5, draws, 5, crossed=True), interval(0.5, draws, 5)
    assert found.error == standard_error(draws, 5, crossed=True)
    assert found.upper - 0.5 == pytest.approx(1.2793044 * (plain.upper - 0.5), abs=1e-7)
    assert standard_error(np.full(100, 0.7), 9, crossed=True) == 0.0


def test_an_interval_that_cannot_be_is_nan_with_a_reason():
    draws = np.array([0.4, 0.6] * 50)
    lost = np.where(np.arange(100) < 60, np.nan, draws)
    for found, reason in (
        (interval(0.5, draws, 1), "fewer than 2 groups"),
        (interval(np.nan, draws, 5), "the score is undefined"),
        (interval(0.5, lost, 5), "more than half"),
    ):
        assert np.isnan(found[:3]).all() and reason in found.reason
    kept = interval(0.5, np.where(np.arange(100) < 20, np.nan, draws), 5)
    assert kept.error == pytest.approx(0.1118034, abs=1e-7)


def test_equal_draws_have_no_error():
    assert standard_error(np.full(1000, 0.7), 9) == 0.0
    assert np.isnan(standard_error(np.full(1000, 0.7), 1))


def test_holm_by_hand():
    # sorted .005 .01 .03 .04 -> x4 .02, x3 .03, x2 .06, x1 .04 raised to .06
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([0.04]) == pytest.approx([0.04])


def test_holm_does_not_count_tests_that_were_not_made():
    found = holm([0.01, np.nan, 0.04])
    assert found[[0, 2]] == pytest.approx([0.02, 0.04]) and np.isnan(found[1])
    assert np.isnan(holm([np.nan, np.nan])).all()
    assert holm([]).shape == (0,)


@pytest.mark.parametrize("n_groups", [5, 30])
def test_intervals_cover_the_truth_about_as_often_as_they_say(n_groups):
    """Groups differ in how hard they are, which an interval over items would not see."""
    rng = np.random.default_rng(0)
    classes, hits, truth = CLASSES[:2], 0, 0.7
    groups = np.repeat([f"g{i:02d}" for i in range(n_groups)], 20)
    y = np.tile(classes, n_groups * 10)
    counts = resamples(groups, draws=400)[1]
    for _ in range(200):
        ease = np.repeat(rng.beta(7, 3, n_groups), 20)
        right = rng.random(len(y)) < ease
        p = np.where((y == "a") == right, 0.9, 0.1)[:, None] * [1, -1] + [0, 1]
        metric = METRICS["balanced_accuracy"]
        value = metric.function(y, p, classes)
        found = interval(value, bootstrap(y, p, groups, metric, classes, counts), n_groups, 0, 1)
        hits += found.lower <= truth <= found.upper
    assert 0.90 <= hits / 200 <= 0.99


def taught(rng, gap, n_groups=24, per_group=4, folds=5):
    """Groups of wells, told by the difference of the class means of the other folds."""
    group = np.repeat(np.arange(n_groups), per_group)
    sign = np.tile([-1, 1], len(group) // 2)
    X = rng.standard_normal((n_groups, 12))[group] + rng.standard_normal((len(group), 12))
    X[:, 0] += gap * sign / 2
    fold, found = (rng.permutation(n_groups) % folds)[group], np.empty(len(group))
    for k in range(folds):
        test, train = fold == k, fold != k
        means = [X[train & (sign == s)].mean(axis=0) for s in (-1, 1)]
        found[test] = (X[test] - np.mean(means, axis=0)) @ (means[1] - means[0])
    p = np.where(found > 0, 0.9, 0.1)[:, None] * [-1, 1] + [1, 0]
    return CLASSES[(sign + 1) // 2], p, np.char.mod("g%02d", group)


@pytest.mark.parametrize(("gap", "folds"), [(0, 3), (0, 10), (1, 5), (2, 5)])
def test_intervals_of_cross_validated_scores_cover_the_truth(gap, folds):
    """Groups that teach in one fold are tested in another, which draws alone do not see."""
    rng, metric, told = np.random.default_rng(0), METRICS["balanced_accuracy"], []
    for _ in range(300):
        y, p, groups = taught(rng, gap, folds=folds)
        value = metric.function(y, p, CLASSES[:2])
        counts = resamples(groups, draws=300)[1]
        draws = bootstrap(y, p, groups, metric, CLASSES[:2], counts)
        told += [(value, *interval(value, draws, 24, crossed=c)[:2]) for c in (False, True)]
    value, lower, upper = np.array(told).reshape(-1, 2, 3).T
    truth = value.mean()
    plain, crossed = ((lower <= truth) & (truth <= upper)).mean(axis=1)
    assert 0.92 <= crossed <= 0.985
    assert gap or plain < 0.91
