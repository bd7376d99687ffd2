import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twinscope.errors import InputError
from twinscope.segmentation.scoring import score


def boxes(*columns, width=40):
    """One row of pixels with objects 1, 2, … between the given columns."""
    labels = np.zeros((1, width), int)
    for number, (start, stop) in enumerate(columns, 1):
        labels[0, start:stop] = number
    return labels


def test_counts_and_rates_of_a_case_worked_by_hand():
    truth = boxes((0, 10), (12, 22), (24, 34))
    # Overlaps: 8 of 10 (0.8), 6 of 10 (0.6), and an object where nothing is.
    found = boxes((0, 8), (12, 18), (36, 40))
    table = score(truth, found)
    half, strict = table.iloc[0], table.iloc[1]
    assert table["threshold"].tolist() == [0.5, 0.75]
    assert (half.TP, half.FP, half.FN) == (2, 1, 1)
    assert (strict.TP, strict.FP, strict.FN) == (1, 2, 2)
    assert half.precision == half.recall == half.F1 == pytest.approx(2 / 3)
    assert pytest.approx(1 / 3) == strict.F1


def test_precision_and_recall_tell_too_many_from_too_few():
    truth = boxes((0, 10), (12, 22))
    many = score(truth, boxes((0, 10), (12, 22), (25, 30), (32, 40))).iloc[0]
    few = score(truth, boxes((0, 10))).iloc[0]
    assert (many.precision, many.recall, many.F1) == (0.5, 1, pytest.approx(2 / 3))
    assert (few.precision, few.recall, few.F1) == (1, 0.5, pytest.approx(2 / 3))


def test_a_merged_pair_is_one_match_at_most_and_a_threshold_is_reached_by_equality():
    truth, merged = boxes((0, 10), (10, 20)), boxes((0, 20))
    row = score(truth, merged).iloc[0]
    assert (row.TP, row.FP, row.FN) == (1, 0, 1)
    assert score(truth, merged, thresholds=[0.51]).iloc[0].TP == 0


def test_matching_finds_the_most_pairs_where_the_best_overlap_would_block_one():
    truth, found = boxes((0, 6), (6, 16)), boxes((3, 13), (13, 16))
    # Overlaps: first with first 3/13, second with first 7/13, second with second 3/10.
    assert score(truth, found, thresholds=[0.2]).iloc[0].TP == 2
    assert score(truth, found, thresholds=[0.5]).iloc[0].TP == 1


def test_what_has_no_meaning_is_nan_with_a_reason():
    none, one = boxes(), boxes((0, 5))
    both, missed, invented = (
        score(*pair).iloc[0] for pair in ((none, none), (one, none), (none, one))
    )
    assert np.isnan([both.precision, both.recall, both.F1]).all()
    assert both.reason == "no true object; no predicted object"
    assert np.isnan(missed.precision) and missed.recall == 0 and missed.F1 == 0
    assert invented.precision == 0 and np.isnan(invented.recall) and invented.F1 == 0
    assert invented.reason == "no true object" and score(one, one).iloc[0].reason == ""


def random_labels(seed, shape=(24, 24), objects=8):
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, int)
    for number in range(1, objects + 1):
        y, x, height, width = rng.integers(0, 18, 2).tolist() + rng.integers(2, 8, 2).tolist()
        labels[y : y + height, x : x + width] = number
    return labels


@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_names_of_labels_and_the_order_of_arguments_do_not_matter(seed):
    truth, found = random_labels(seed), random_labels(seed + 1)
    names = np.append(0, np.random.default_rng(seed).permutation(50)[:8] + 100)
    plain, renamed = score(truth, found), score(names[truth], found)
    assert plain.equals(renamed)
    turned = score(found, truth)
    assert (plain.TP == turned.TP).all() and (plain.FP == turned.FN).all()
    assert score(truth, truth).F1.eq(1).all()


@pytest.mark.filterwarnings("ignore")
def test_counts_are_those_of_cellpose():
    metrics = pytest.importorskip("cellpose.metrics")
    thresholds = [0.1, 0.3, 0.5, 0.75, 0.9]
    for seed in range(40):
        truth, found = random_labels(seed), random_labels(seed // 2)
        found = np.roll(found, seed % 3, axis=0)
        precision, hits, false, missed = metrics.average_precision(truth, found, thresholds)
        table = score(truth, found, thresholds)
        assert (hits == table.TP).all() and (false == table.FP).all() and (missed == table.FN).all()
        ours = table.TP / (table.TP + table.FP + table.FN)
        assert np.allclose(ours, precision, atol=1e-6)


@pytest.mark.parametrize(
    ("truth", "found", "thresholds", "message"),
    [
        (boxes(), boxes(width=30), [0.5], "shapes"),
        (boxes(), boxes(), [0.0], "threshold 0.0"),
        (boxes(), boxes(), [1.1], "threshold 1.1"),
        (boxes() - 1, boxes(), [0.5], "truth"),
        (boxes(), boxes().astype(float), [0.5], "predicted of type float64"),
    ],
)
def test_bad_input_is_named(truth, found, thresholds, message):
    with pytest.raises(InputError, match=message):
        score(truth, found, thresholds)
