import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student
from sklearn.metrics import balanced_accuracy_score

from twinscope import alignment, evaluation

METRICS = ["balanced_accuracy", "macro_f1", "auroc", "log_loss"]
TASK = {
    "task": "t",
    "kind": "classification",
    "alignments": ["none"],
    "probes": ["logistic"],
    "metrics": METRICS,
}
STANDING = {
    "representation": "net",
    "role": "model",
    "family": "pretrained",
    "of": "net",
    "similarity": "cosine",
}


def evaluate(values, folds, index=None, seed=0, draws=500, task=None, **standing):
    index = folds[["item"]] if index is None else index
    task = {**TASK, **(task or {})}
    profiles = {alignment: (values, index, [], {}) for alignment in task["alignments"]}
    return evaluation.evaluate(
        profiles, folds, task, {**STANDING, **standing}, seed=seed, draws=draws
    )


def of_metric(scores, name="balanced_accuracy"):
    return scores.set_index("metric").loc[name]


def test_a_planted_signal_is_found_by_every_probe_and_metric(folds, planted):
    task = {"probes": ["logistic", "knn"]}
    scores, *_ = evaluate(planted(3.0), folds, task=task)
    assert len(scores) == 8 and (scores["reason"] == "").all()
    up = scores[scores["metric"] != "log_loss"]
    assert (up["lower"] > up["chance"]).all() and (up["value"] > 0.8).all()
    down = scores[scores["metric"] == "log_loss"]
    assert (down["upper"] < down["chance"]).all()
    assert ((scores["lower"] <= scores["value"]) & (scores["value"] <= scores["upper"])).all()


def test_a_stronger_signal_scores_more(folds, planted):
    values = [of_metric(evaluate(planted(s), folds)[0])["value"] for s in (0.5, 1.5, 4.0)]
    assert values == sorted(values) and values[0] < values[2] - 0.2


@pytest.mark.parametrize("probe", ["logistic", "knn"])
def test_shuffled_labels_score_chance_within_the_interval(folds, planted, probe):
    inside = []
    for seed in range(10):
        shuffled = folds.assign(
            label=np.random.default_rng(seed).permutation(folds["label"].to_numpy())
        )
        task = {"probes": [probe], "metrics": ["balanced_accuracy"]}
        row = of_metric(evaluate(planted(3.0, seed), shuffled, task=task)[0])
        assert row["chance"] == pytest.approx(1 / 3)
        inside.append(row["lower"] <= row["chance"] <= row["upper"])
    # Of ten 95 % intervals, three that miss are rarer than 1 in 80.
    assert sum(inside) >= 8


def test_scores_are_those_of_the_predictions(folds, planted):
    scores, items, _ = evaluate(planted(1.0), folds)
    p = items.filter(like="p:")
    assert list(p) == ["p:a", "p:b", "p:c"]
    np.testing.assert_allclose(p.sum(axis=1), 1)
    guess = p.columns.str.removeprefix("p:").to_numpy()[p.to_numpy().argmax(axis=1)]
    expected = balanced_accuracy_score(items["label"], guess)
    assert of_metric(scores)["value"] == pytest.approx(expected)
    assert of_metric(scores)["chance"] == pytest.approx(1 / 3)
    assert of_metric(scores, "auroc")["chance"] == 0.5
    assert of_metric(scores, "log_loss")["chance"] == pytest.approx(np.log(3))
    row = of_metric(scores)
    assert (row["items"], row["groups"], row["classes"], row["features"]) == (120, 24, 3, 8)
    assert row["missing"] == 0 and len(row["chosen"].split(",")) == 4
    assert items["key"].tolist() == folds["key"].tolist()
    pd.testing.assert_frame_equal(items[["key", "label", "group", "fold"]], folds.iloc[:, 1:])


def test_names_of_the_representation_stand_in_every_row(folds, planted):
    scores, *_ = evaluate(planted(1.0), folds, representation="net-twin0", role="twin")
    assert set(scores["representation"]) == {"net-twin0"} and set(scores["role"]) == {"twin"}
    assert set(scores["task"]) == {"t"} and set(scores["alignment"]) == {"none"}


def test_the_score_does_not_depend_on_row_order_to_the_byte(folds, planted):
    task = {"probes": ["logistic", "knn"]}
    values, index = planted(1.0), folds[["item"]]
    expected = [table.to_csv() for table in evaluate(values, folds, index, task=task)]
    order = np.random.default_rng(0).permutation(len(folds))
    shuffled = folds.sample(frac=1, random_state=1)
    found = evaluate(values[order], shuffled, index.iloc[order].reset_index(drop=True), task=task)
    assert [table.to_csv() for table in found] == expected


def test_the_same_seed_gives_the_same_and_another_another_interval(folds, planted):
    values = planted(1.0)
    one, again, other = (evaluate(values, folds, seed=seed)[0] for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(one, again, check_exact=True)
    assert of_metric(one)["lower"] != of_metric(other)["lower"]


def test_items_that_are_not_in_the_task_play_no_part(folds, planted):
    values = planted(1.0)
    some = folds[folds["fold"] != 3]
    index = folds[["item"]]
    wild = values.copy()
    wild[~index["item"].isin(some["item"])] = 1e9
    for one, two in zip(evaluate(values, some, index), evaluate(wild, some, index), strict=True):
        pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_images_of_one_well_are_averaged(folds, planted):
    values = planted(1.0)
    offset = np.random.default_rng(3).standard_normal(values.shape)
    twice = pd.concat([folds, folds.assign(item=folds["item"] + "-2")], ignore_index=True)
    both = np.concatenate([values + offset, values - offset])
    scores, items, _ = evaluate(both, twice, twice[["item"]])
    expected, expected_items, _ = evaluate(values, folds)
    assert len(items) == 120
    np.testing.assert_allclose(scores["value"], expected["value"], rtol=1e-6)
    np.testing.assert_allclose(items.filter(like="p:"), expected_items.filter(like="p:"), atol=1e-5)
    assert (scores["items"] == 120).all()


def test_each_alignment_is_scored_on_its_own_features(folds, planted):
    profiles = {
        "none": (planted(0.0), folds[["item"]], [], {}),
        "standardize": (planted(4.0), folds[["item"]], [], {}),
    }
    task = {**TASK, "alignments": ["none", "standardize"], "metrics": ["balanced_accuracy"]}
    scores, items, _ = evaluation.evaluate(profiles, folds, task, STANDING, seed=0, draws=200)
    value = scores.set_index("alignment")["value"]
    assert value["standardize"] > 0.9 > value["none"] + 0.3
    assert items["alignment"].value_counts().to_dict() == {"none": 120, "standardize": 120}


def test_an_item_without_features_stops(folds, planted):
    with pytest.raises(ValueError, match="no features of item 'i119'"):
        evaluate(planted(1.0)[:119], folds, folds[["item"]][:119])


def test_missing_values_are_imputed_and_counted(folds, planted):
    values = planted(3.0)
    values[::4, 5] = np.nan
    row = of_metric(evaluate(values, folds)[0])
    assert row["missing"] == pytest.approx(30 / values.size)
    assert row["value"] > 0.8


def test_what_is_undefined_is_nan_with_a_reason(folds, planted):
    task = {"probes": ["knn"]}
    scores, items, _ = evaluate(planted(3.0)[:, :1], folds, task=task)
    assert scores[["value", "lower", "upper"]].isna().all(axis=None)
    assert scores["reason"].str.contains("a single feature is all ties").all()
    assert items["reason"].eq(scores["reason"][0]).all()
    assert items.filter(like="p:").isna().all(axis=None)
    assert scores["chance"].notna().all()
    # Judged by distance, one feature is enough.
    fine, *_ = evaluate(planted(3.0)[:, :1], folds, task=task, similarity="euclidean")
    assert of_metric(fine)["value"] > 1 / 3 + 0.1
    nothing, *_ = evaluate(np.full((120, 2), np.nan), folds)
    assert nothing["value"].isna().all()
    assert nothing["reason"].str.contains("every feature is missing").all()


def test_constant_features_score_chance(folds):
    scores, items, _ = evaluate(np.ones((120, 3)), folds)
    np.testing.assert_allclose(items.filter(like="p:"), 1 / 3)
    for metric in METRICS:
        row = of_metric(scores, metric)
        if metric in ("auroc", "log_loss", "balanced_accuracy"):
            assert row["value"] == pytest.approx(row["chance"]), metric


def plates(seed=0, wells=24):
    """Controls and treated wells of four plates, of which only the place is known, one-hot."""
    rng = np.random.default_rng(seed)
    index = pd.DataFrame({"item": [f"w{n:03d}" for n in range(4 * wells)]})
    index["batch"] = np.repeat(list("abcd"), wells)
    index["control"] = np.concatenate([rng.permutation(wells) < wells // 2 for _ in range(4)])
    values = np.tile(np.eye(wells), (4, 1))
    label = np.where(index["control"], "control", "null")
    folds = pd.DataFrame({"item": index["item"], "key": index["item"], "label": label})
    folds = folds.assign(group=index["item"], fold=rng.permutation(len(index)) % 5)
    return values, index, folds


def auroc(found):
    return found[0].set_index("metric")["value"]["auroc"]


def test_controls_that_shaped_the_correction_are_told_apart_and_within_folds_they_are_not():
    """Places say nothing; a place that is constant over a plate's controls says "treated"."""
    task = {
        "task": "t",
        "kind": "classification",
        "alignments": ["standardize"],
        "probes": ["logistic"],
    }
    task |= {"metrics": ["auroc"], "reference": "control"}
    who = {"representation": "r", "role": "", "family": "", "of": "", "similarity": "cosine"}
    outside, inside = [], []
    for seed in range(4):
        values, index, folds = plates(seed)
        raw = [(values, index, [], {})]
        inside.append(
            auroc(evaluation.evaluate(evaluation.profiles(raw, task), folds, task, who, draws=100))
        )
        control = index["control"].to_numpy()
        leaked = alignment.align(
            "standardize", values, index["batch"].to_numpy(str), control
        ).features
        blind = index.assign(control=False)
        outside.append(
            auroc(
                evaluation.evaluate({"standardize": (leaked, blind)}, folds, task, who, draws=100)
            )
        )
    assert np.mean(outside) > 0.6 > np.mean(inside)
    assert np.mean(inside) < 0.58


@pytest.mark.parametrize("name", alignment.ALIGNMENTS)
def test_every_alignment_within_folds_keeps_a_signal_and_makes_none(name):
    """A treatment moves two of ten features, plates move all; a constant one is of no use."""
    if name == "harmony":
        pytest.importorskip("harmonypy")
    places, index, folds = plates(1)
    rng = np.random.default_rng(1)
    values = (
        rng.normal(size=(len(places), 10))
        + 3 * rng.normal(size=(4, 10))[np.repeat(np.arange(4), 24)]
    )
    values[:, 9] = 1.0
    treated = values + 2.5 * np.outer(folds["label"] == "null", np.arange(10) < 2)
    # What is learned in each fold comes after the alignment, whatever its columns are by then.
    fit = {"fit": {"kind": "components", "components": 4}}
    task = {
        "task": "t",
        "kind": "classification",
        "alignments": [name],
        "probes": ["logistic"],
        "metrics": ["auroc"],
    }
    task |= {"reference": "control"}
    who = {"representation": "r", "role": "", "family": "", "of": "", "similarity": "cosine"}
    found = {}
    for what, X, made in (("null", values, {}), ("fit", treated, fit), ("signal", treated, {})):
        names = [f"f{k}" for k in range(10)]
        pair = evaluation.profiles([(X, index, names, made)], task)
        found[what] = auroc(evaluation.evaluate(pair, folds, task, who, draws=100))
    assert found["null"] < 0.65 and found["signal"] > 0.85
    assert found["fit"] > (0.5 if name == "none" else 0.6)


def test_controls_as_items_want_their_label_as_reference(refused):
    values, index, folds = plates()
    task = {
        "task": "t",
        "kind": "classification",
        "alignments": ["standardize"],
        "probes": ["knn"],
        "metrics": ["auroc"],
    }
    who = {"representation": "r", "role": "", "family": "", "of": "", "similarity": "cosine"}
    with refused("label as reference", file="tasks.tsv", row="t", column="reference"):
        evaluation.evaluate({"standardize": (values, index)}, folds, task, who, draws=100)
    evaluation.evaluate(
        {"none": (values, index)}, folds, task | {"alignments": ["none"]}, who, draws=100
    )


def test_profiles_are_paired_with_their_alignments():
    task = {"kind": "classification", "alignments": ["none", "standardize"]}
    assert evaluation.profiles(["a", "b"], task) == {"none": "a", "standardize": "b"}
    found = evaluation.profiles([(1, 2, 3, {"x": 1})], task | {"reference": "dmso"})
    assert found["standardize"] == (1, 2, 3, {"x": 1, "within": "standardize"})
    with pytest.raises(ValueError):
        evaluation.profiles(["a"], task)


def test_a_layer_that_tells_more_than_the_last_is_taken_in_every_fold():
    rng = np.random.default_rng(0)
    labels = np.tile(["a", "b"], 30)
    index = pd.DataFrame({"item": [f"i{i:02d}" for i in range(60)]})
    noise = rng.standard_normal((60, 4))
    telling = noise + 4 * (labels == "a")[:, None]
    folds = index.assign(key=index["item"], label=labels, group=index["item"])
    folds["fold"] = np.arange(60) // 2 % 5
    task = {**TASK, "metrics": ["balanced_accuracy"]}
    last = (noise, index, list("abcd"), {})
    scores, *_ = evaluation.evaluate(
        {"none": (*last, {"early": telling})}, folds, task, STANDING, draws=100
    )
    assert scores.loc[0, "layers"] == "early,early,early,early,early"
    assert scores.loc[0, "value"] > 0.9
    plain, *_ = evaluation.evaluate({"none": last}, folds, task, STANDING, draws=100)
    assert plain.loc[0, "layers"] == "" and plain.loc[0, "value"] < 0.8


def test_intervals_of_cross_validated_scores_are_wider_than_their_draws(folds, planted):
    scores, _, draws = evaluate(planted(0.7), folds)
    row, n = of_metric(scores), folds["group"].nunique()
    drawn = draws[evaluation.column("none", "logistic", "balanced_accuracy")]
    reach = student.ppf(0.975, n - 1) * drawn.std(ddof=0) * np.sqrt(n / (n - 1) * (1 + 2 / np.pi))
    assert row["value"] - row["lower"] == pytest.approx(reach, rel=1e-9)
