import numpy as np
import pandas as pd
import pytest

from twinscope import equivalence, probes, splits, statistics, verdicts
from twinscope.metrics import METRICS

SEEDS = [f"model-twin-{i}" for i in range(5)]


def resampled(right, counts):
    """Accuracy of right answers, and its draws."""
    return float(right.mean()), counts @ right / right.size


def row_of(table, against, scope="one"):
    found = table[(table["against"] == against) & (table["scope"] == scope)]
    assert len(found) == 1
    return found.iloc[0]


def judge(scores, others, twins=(), margin=0.01, n_groups=5, **more):
    return verdicts.compare("model", scores, others, list(twins), margin, n_groups, **more)


def shaken(value, wobble, n=100):
    """Draws around a value with a known standard deviation."""
    return value, value + wobble * np.tile([-1.0, 1.0], n // 2)


def test_the_margin_is_a_share_of_the_gap_with_a_floor():
    margin = equivalence.margin_of
    assert margin([0.4, 0.6, np.nan], 0.25, 1.0) == pytest.approx(0.04)
    assert margin([0.4, 0.95], 0.25, 1.0) == pytest.approx(0.01)
    assert margin([1.2, 0.8], np.log(4), 0.0) == pytest.approx(0.08)
    assert margin([], 0.25, 1.0) == pytest.approx(0.075)
    assert margin([0.4], 0.25, 1.0, fraction=0.2) == pytest.approx(0.12)
    # A baseline above an estimated ceiling leaves no gap; chance lies on the other side.
    assert margin([0.4, 0.9], 0.25, 0.8) == pytest.approx(0.01)
    assert margin([0.9, 0.3], np.log(4), 0.5) == pytest.approx(0.01)


def test_the_ceiling_is_the_best_score_of_the_truth_where_there_is_one():
    assert equivalence.ceiling([], 1.0) == 1.0
    assert equivalence.ceiling([np.nan], 1.0) == 1.0
    assert equivalence.ceiling([0.7, np.nan, 0.9], 1.0) == 0.9
    assert equivalence.ceiling([0.7, 0.4], 0.0) == 0.4


def test_true_factors_are_no_baseline():
    scores = {"model": shaken(0.7, 0.03), "count": (0.6, np.full(100, 0.6))}
    rows = judge(scores | {"truth": (0.9, np.full(100, 0.9))}, {"count": "count"}, n_groups=40)
    assert "truth" not in set(rows["against"])
    assert set(verdicts.summarise(rows)["family"]) >= {"structure", ""}


def test_a_difference_from_a_baseline_by_hand():
    scores = {"model": shaken(0.7, 0.03), "count": (0.6, np.full(100, 0.6))}
    row = row_of(judge(scores, {"count": "structure"}, margin=0.02), "count")
    # error .03 sqrt(5/4) = .0335410; t = .1 / .0335410 = 2.981424, 4 df; quantile 2.776445
    assert row["delta"] == pytest.approx(0.1)
    assert row["lower"] == pytest.approx(0.1 - 0.0931247, abs=1e-6)
    assert row["upper"] == pytest.approx(0.1 + 0.0931247, abs=1e-6)
    assert row["p"] == pytest.approx(0.0407, abs=2e-4)
    # outside the margin: t = (.1 - .02) / .0335410 = 2.385, the lower tail is .962
    assert row["p_equivalence"] == pytest.approx(0.962, abs=1e-3)
    assert (row["verdict"], row["n_groups"], row["n_seeds"]) == ("better", 5, 0)


def test_the_twins_are_a_sample_by_hand():
    values = [0.50, 0.52, 0.54]
    scores = {"model": shaken(0.62, 0.01)}
    scores |= {f"t{i}": (v, np.full(100, v)) for i, v in enumerate(values)}
    table = judge(scores, {}, ["t0", "t1", "t2"])
    row = row_of(table, "twins")
    # V1 = .01² 5/4 = 1.25e-4; s² = 4e-4, times 4/3 = 5.3333e-4; sum 6.58333e-4
    error = np.sqrt(6.58333e-4)
    df = 6.58333e-4**2 / (1.25e-4**2 / 4 + 5.33333e-4**2 / 2)
    assert df == pytest.approx(2.9659, abs=1e-3)
    assert row["delta"] == pytest.approx(0.10)
    reach = (row["upper"] - row["lower"]) / 2
    assert reach / error == pytest.approx(3.205, abs=0.01)  # t between 2 df 4.303, 3 df 3.182
    assert (row["family"], row["n_seeds"], row["against_value"]) == ("twin", 3, pytest.approx(0.52))
    alone = row_of(table, "t2")
    assert (alone["family"], alone["n_seeds"]) == ("twin", 1)
    assert alone["upper"] - alone["lower"] < 0.4 * (row["upper"] - row["lower"])
    assert set(table["against"]) == {"t0", "t1", "t2", "twins"}


def test_pairing_takes_out_what_both_share():
    shared = np.random.default_rng(0).normal(0, 0.1, 400)
    scores = {"model": (0.7, 0.7 + shared), "count": (0.6, 0.6 + 0.9 * shared)}
    row = row_of(judge(scores, {"count": "structure"}, n_groups=40), "count")
    assert (row["upper"] - row["lower"]) / 2 == pytest.approx(0.01 * 2.0, rel=0.15)


def test_holm_counts_baselines_and_twins_apart_and_the_sample_of_twins_not_at_all():
    scores = {name: shaken(0.6, 0.01) for name in ("b1", "b2", "b3", *SEEDS)}
    scores["model"] = (0.63, np.full(100, 0.63))
    table = judge(scores, dict.fromkeys(("b1", "b2", "b3"), "structure"), SEEDS, n_groups=30)
    assert len(table) == 9
    rows = table.set_index("against")
    for names in (["b1", "b2", "b3"], SEEDS):
        assert rows.loc[names, "p_holm"].to_numpy() == pytest.approx(
            statistics.holm(rows.loc[names, "p"])
        )
        assert (rows.loc[names, "p_holm"] > 2 * rows.loc[names, "p"]).all()
    assert rows.loc["twins", "p_holm"] == rows.loc["twins", "p"]


def test_lower_is_better_turns_the_sign():
    scores = {"model": shaken(0.5, 0.01), "count": (0.8, np.full(100, 0.8))}
    row = row_of(judge(scores, {"count": "structure"}, higher_is_better=False), "count")
    assert row["delta"] == pytest.approx(0.3) and row["verdict"] == "better"
    row = row_of(judge(scores, {"count": "structure"}), "count")
    assert row["delta"] == pytest.approx(-0.3) and row["verdict"] == "worse"


@pytest.mark.parametrize(
    ("delta", "wobble", "verdict"),
    [(0.2, 0.01, "better"), (-0.2, 0.01, "worse"), (0.005, 0.005, "equivalent")]
    + [(-0.005, 0.005, "equivalent"), (0.05, 0.1, "undecided"), (0.04, 0.02, "undecided")],
)
def test_each_verdict(delta, wobble, verdict):
    scores = {"model": shaken(0.5 + delta, wobble), "count": (0.5, np.full(100, 0.5))}
    table = judge(scores, {"count": "structure"}, margin=0.05, n_groups=20)
    assert row_of(table, "count")["verdict"] == verdict


def test_the_same_representation_under_two_names_is_equivalent():
    right = (np.random.default_rng(0).random(200) < 0.7).astype(float)
    counts = statistics.resamples(np.arange(200).astype(str), 500)[1]
    scores = {"model": resampled(right, counts), "copy": resampled(right, counts)}
    row = row_of(judge(scores, {"copy": "structure"}, n_groups=200), "copy")
    assert (row["delta"], row["p"], row["p_equivalence"]) == (0, 1, 0)
    assert row["verdict"] == "equivalent"


def test_differences_that_never_waver():
    scores = {"model": (0.7, np.full(99, 0.7)), "count": (0.5, np.full(99, 0.5))}
    row = row_of(judge(scores, {"count": "structure"}), "count")
    assert row["p"] == pytest.approx(1 / 100) and row["p_equivalence"] == 1
    assert (row["lower"], row["upper"], row["verdict"]) == (row["delta"], row["delta"], "better")
    row = row_of(judge(scores, {"count": "structure"}, margin=0.3), "count")
    assert row["p_equivalence"] == pytest.approx(1 / 100) and row["verdict"] == "equivalent"


def test_what_is_undefined_has_a_reason_and_costs_the_others_nothing():
    scores = {"model": shaken(0.7, 0.01), "a": shaken(0.5, 0.005), "t0": shaken(0.5, 0.005)}
    scores["b"] = (np.nan, np.full(100, np.nan))
    table = judge(scores, {"a": "structure", "b": "shortcut"}, ["t0"], n_groups=20)
    lost = row_of(table, "b")
    assert np.isnan(lost[["delta", "p", "p_holm", "p_equivalence"]].astype(float)).all()
    assert (lost["verdict"], lost["reason"]) == ("", "the score of b is undefined")
    assert row_of(table, "twins")["reason"].startswith("1 twin seeds: 2 or more")
    assert row_of(table, "a")["p_holm"] == pytest.approx(2 * row_of(table, "a")["p"])
    one = judge(scores, {"a": "structure"}, n_groups=1)
    assert "fewer than 2 groups" in row_of(one, "a")["reason"]
    scores["model"] = scores["b"]
    none = judge(scores, {"a": "structure"}, ["t0"])
    assert set(none["reason"]) == {"the score of model is undefined"}
    summary = verdicts.summarise(none)
    assert (summary["verdict"] == "").all() and (summary["reason"] != "").all()


def table_of(*rows):
    columns = ("against", "family", "delta", "verdict")
    filled = [
        dict.fromkeys(verdicts.COLUMNS, np.nan)
        | {"representation": "model", "scope": "one", "reason": ""}
        | dict(zip(columns, row, strict=True))
        for row in rows
    ]
    return pd.DataFrame(filled)[verdicts.COLUMNS]


def summary_of(*rows):
    table = verdicts.summarise(table_of(*rows))
    assert list(table.columns) == verdicts.COLUMNS
    families = {r["family"]: r for r in table.to_dict("records") if r["scope"] == "family"}
    overall = table[table["scope"] == "overall"]
    assert len(overall) == 1
    return families, overall.iloc[0]


def test_the_least_favourable_baseline_decides():
    families, overall = summary_of(
        ("count", "structure", 0.10, "better"),
        ("shape", "structure", 0.08, "better"),
        ("moments", "intensity", 0.03, "undecided"),
        ("texture", "texture", 0.02, "undecided"),
        ("batch", "shortcut", 0.01, "equivalent"),
        ("noise", "null", 0.30, "better"),
        ("twins", "twin", 0.05, "better"),
        ("model-twin-1", "twin", -0.5, "worse"),
    )
    told = {name: (row["verdict"], row["against"]) for name, row in families.items()}
    assert told == {
        "twin": ("better", "twins"),
        "structure": ("undecided", "texture"),
        "shortcut": ("equivalent", "batch"),
        "null": ("better", "noise"),
    }
    assert (overall["verdict"], overall["against"], overall["delta"]) == (
        "equivalent",
        "batch",
        0.01,
    )
    _, overall = summary_of(
        ("count", "structure", 0.10, "better"),
        ("shape", "structure", -0.08, "worse"),
        ("batch", "shortcut", 0.01, "equivalent"),
    )
    assert (overall["verdict"], overall["against"]) == ("worse", "shape")
    _, overall = summary_of(("a", "null", 0.2, "better"), ("b", "texture", 0.1, "better"))
    assert (overall["verdict"], overall["against"]) == ("better", "b")


def test_what_is_left_out_is_counted():
    families, overall = summary_of(
        ("count", "structure", 0.10, "better"),
        ("shape", "structure", np.nan, ""),
        ("twins", "twin", np.nan, ""),
    )
    assert (families["structure"]["verdict"], families["twin"]["verdict"]) == ("better", "")
    assert families["structure"]["reason"] == "1 of 2 undefined: shape"
    assert (overall["verdict"], overall["reason"]) == ("better", "2 of 3 undefined: shape, twins")
    assert set(families) == {"structure", "twin"}


def trial(seed, gain=0.0, seed_spread=0.04, n=300):
    """Networks that share what is hard, differ by seed; the model is one more, with a gain."""
    rng = np.random.default_rng(seed)
    ease = rng.beta(3, 2, n)
    counts = statistics.resamples(np.arange(n).astype(str), 200, seed)[1].astype(float)
    names = ["model", *SEEDS]
    gains = rng.normal(0, seed_spread, 6) + np.r_[gain, np.zeros(5)]
    right = [(rng.random(n) < ease + g).astype(float) for g in gains]
    scores = {name: resampled(one, counts) for name, one in zip(names, right, strict=True)}
    return judge(scores, {}, SEEDS, margin=0.03, n_groups=n)


def test_another_draw_of_the_twin_is_rarely_called_better_and_a_gain_is():
    null = [row_of(trial(seed), "twins") for seed in range(60)]
    assert sum(row["p"] < 0.05 and row["delta"] > 0 for row in null) <= 6
    assert sum(row["verdict"] == "better" for row in null) <= 4
    assert sum(row["p"] < 0.5 for row in null) >= 15
    gain = [row_of(trial(seed, gain=0.3), "twins")["verdict"] for seed in range(20)]
    assert gain.count("better") >= 18


def test_seeds_that_differ_widely_forbid_a_claim():
    near, far = (row_of(trial(1, 0.15, spread), "twins") for spread in (0.0, 0.12))
    assert far["upper"] - far["lower"] > 1.8 * (near["upper"] - near["lower"])


def predicted(X, y, groups, folds, counts, similarity="cosine"):
    found = probes.cross_validate(X, y, groups, folds, "logistic", similarity)
    metric = METRICS["balanced_accuracy"]
    value = metric.function(y, found.probabilities, found.classes)
    return value, statistics.bootstrap(
        y, found.probabilities, groups, metric, found.classes, counts
    )


def test_from_features_to_verdicts():
    rng = np.random.default_rng(0)
    y = np.tile(["a", "b"], 120)
    groups = np.array([f"g{i // 6:02d}" for i in range(240)])
    folds = splits.assign(np.array([f"i{i:03d}" for i in range(240)]), y, groups)
    counts = statistics.resamples(groups, 500)[1]
    signal = rng.standard_normal((240, 8))
    signal[y == "a", 0] += 2.5
    features = {"model": signal, "copy": signal * 2, "constant": np.ones((240, 3))}
    features |= {name: rng.standard_normal((240, 8)) for name in ("noise", *SEEDS)}
    scores = {name: predicted(X, y, groups, folds, counts) for name, X in features.items()}
    null = {"noise": "null", "constant": "null"}
    table = judge(scores, null | {"copy": "structure"}, SEEDS, margin=0.03, n_groups=40)
    told = table.set_index("against")["verdict"]
    assert (told[["noise", "constant", "twins", *SEEDS]] == "better").all()
    assert told["copy"] == "equivalent"
    summary = verdicts.summarise(table).set_index(["scope", "family"])["verdict"]
    assert summary[("family", "twin")] == "better"
    assert summary[("overall", "")] == "equivalent"
    scores["model"], scores["noise"] = scores["noise"], scores["model"]
    told = judge(scores, {"constant": "null"}, SEEDS, margin=0.03, n_groups=40)
    assert "better" not in set(told["verdict"])
