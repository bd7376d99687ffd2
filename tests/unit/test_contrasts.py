import numpy as np
import pandas as pd
import pytest
from scipy import stats

from twinscope.contrasts import contrast


def test_two_classes_by_hand():
    """Controls 1, 3 and 11, 13 in two batches: centred ∓1, variance 4 / 2 = 2."""
    values = np.array([[1.0], [3], [11], [13], [5], [17]])
    labels = np.array(["dmso"] * 4 + ["x"] * 2)
    batches = np.array(["a", "a", "b", "b", "a", "b"])
    table = contrast(values, ["f"], labels, np.arange(6).astype(str), batches, "dmso")
    (row,) = table.to_dict("records")
    # x lies 3 and 5 above the controls of its batch.
    assert row["effect"] == pytest.approx(4 / np.sqrt(2))
    assert (row["groups"], row["control_groups"]) == (2, 4)
    a, b = 2 / 2, 2 / 4
    df = (a + b) ** 2 / (a**2 / 1 + b**2 / 3)
    reach = stats.t.ppf(0.975, df) * np.sqrt(a + b) / np.sqrt(2)
    assert row["upper"] - row["effect"] == pytest.approx(reach)
    assert row["effect"] - row["lower"] == pytest.approx(reach)
    assert row["p"] == pytest.approx(2 * stats.t.sf(4 / np.sqrt(a + b), df))


def test_sites_of_a_well_are_one_replicate():
    values = np.array([[0.0], [2], [4], [6], [9], [11]])
    labels, groups = np.array(["c"] * 4 + ["x"] * 2), np.array(["1", "1", "2", "2", "3", "3"])
    row = contrast(values, ["f"], labels, groups, np.array(["a"] * 6), "c").iloc[0]
    assert row["effect"] == pytest.approx((10 - 3) / np.sqrt(8))
    assert row["reason"] == "one group: no interval" and np.isnan([row["lower"], row["p"]]).all()


def test_intervals_cover_and_planted_shifts_are_found():
    rng, hits = np.random.default_rng(0), 0
    labels = np.repeat(["c", "null", "far"], 12)
    batches, groups = np.tile(["a", "b", "c"], 12), np.arange(36).astype(str)
    for _ in range(300):
        values = rng.standard_normal((36, 1)) + 5 * (batches == "b")[:, None]
        values[labels == "far"] += 3
        table = contrast(values, ["f"], labels, groups, batches, "c").set_index("class")
        hits += table.loc["null", "lower"] <= 0 <= table.loc["null", "upper"]
        assert table.loc["far", "effect"] > 1
    assert 0.91 < hits / 300 < 0.985


def test_what_is_undefined_says_why():
    labels, groups = np.array(["c", "c", "x", "x"]), np.array(list("1234"))
    values = np.array([[1.0, 1, np.nan], [1, 2, np.nan], [2, 3, 1], [2, 4, 1]])
    table = contrast(values, list("abc"), labels, groups, np.array(["p"] * 4), "c")
    reasons = table.set_index("feature")["reason"]
    assert reasons["a"] == "the same in all reference groups"
    assert reasons["c"] == "no group has this feature"
    assert reasons["b"] == "" and table["effect"].isna().tolist() == [True, False, True]
    two = [0, 2]
    alone = contrast(values[two], list("abc"), labels[two], groups[:2], np.array(["p"] * 2), "c")
    assert alone["reason"].iloc[1] == "fewer than 2 reference groups in each batch"


def test_row_order_does_not_matter(refused):
    rng = np.random.default_rng(1)
    values, labels = rng.standard_normal((20, 3)), np.repeat(["c", "x"], 10)
    groups, batches = np.arange(20).astype(str), np.tile(["a", "b"], 10)
    order = rng.permutation(20)
    one = contrast(values, list("abc"), labels, groups, batches, "c")
    two = contrast(values[order], list("abc"), labels[order], groups[order], batches[order], "c")
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    with refused("'cc'", "did you mean 'c'"):
        contrast(values, list("abc"), labels, groups, batches, "cc")
