import numpy as np
import pytest

from twinscope import comparison, evaluation

TASK = {
    "task": "t",
    "kind": "classification",
    "alignments": ["none"],
    "probes": ["logistic", "knn"],
    "metrics": ["balanced_accuracy"],
}
SETTINGS = {"margin": 0.1, "least_margin": 0.02}


def standing(role="model", family="pretrained", of=None):
    return {"role": role, "family": family, "of": of or ""}


STANDINGS = {
    "net": standing(of="net"),
    "net-twin0": standing("twin", "twin", "net"),
    "net-twin1": standing("twin", "twin", "net"),
    "net-twin2": standing("twin", "twin", "net"),
    "count": standing("baseline", "structure"),
    "batch": standing("baseline", "shortcut"),
    "noise": standing("baseline", "null"),
}


@pytest.fixture
def predicted(folds):
    """Predictions of representations from their features."""

    def predict(features, task=TASK, seed=0):
        found = {}
        for name, values in features.items():
            who = {"representation": name, "role": "", "family": "", "of": ""}
            found[name] = evaluation.evaluate(
                {alignment: (values, folds[["item"]]) for alignment in task["alignments"]},
                folds,
                task,
                {**who, "similarity": "cosine"},
                seed=seed,
                draws=1000,
            )
        return found

    return predict


@pytest.fixture
def study(planted):
    """A network that knows the labels, beside twins and baselines that hardly do."""

    def make(**changes):
        features = {"net": planted(4.0, 1), "count": planted(0.3, 2), "batch": planted(0.0, 3)}
        features |= {f"net-twin{k}": planted(0.3, 4 + k) for k in range(3)}
        return features | {"noise": planted(0.0, 7)} | changes

    return make


def compare(items, standings=STANDINGS, task=TASK, **settings):
    return comparison.compare(items, standings, task, **{**SETTINGS, **settings})


def verdicts(table, probe="logistic"):
    rows = table[(table["probe"] == probe) & (table["scope"] != "one")]
    return rows.set_index("family")["verdict"].to_dict()


def test_a_planted_signal_is_better_than_twins_baselines_and_noise(predicted, study):
    table = compare(predicted(study()))
    for probe in ("logistic", "knn"):
        expected = dict.fromkeys(["twin", "structure", "shortcut", "null", ""], "better")
        assert verdicts(table, probe) == expected
    assert set(table["task"]) == {"t"} and set(table["alignment"]) == {"none"}
    assert set(table["metric"]) == {"balanced_accuracy"}
    ones = table[(table["probe"] == "logistic") & (table["scope"] == "one")]
    assert sorted(ones["against"]) == sorted([*set(STANDINGS) - {"net"}, "twins"])
    assert (table["n_groups"] == 24).all()


def test_a_signal_in_a_baseline_alone_makes_the_network_worse(predicted, study, planted):
    table = compare(predicted(study(net=planted(0.0, 1), count=planted(4.0, 2))))
    assert verdicts(table)["structure"] == verdicts(table)[""] == "worse"


@pytest.mark.parametrize("strength", [0.0, 1.0, 4.0])
def test_a_copy_under_a_second_name_is_equivalent(predicted, study, planted, strength):
    copy = planted(strength, 1)
    table = compare(predicted(study(net=copy, count=copy.copy())))
    row = table[(table["against"] == "count") & (table["scope"] == "one")]
    assert (row["verdict"] == "equivalent").all() and len(row) == 2
    assert (row["delta"] == 0).all() and (row["lower"] == 0).all() and (row["upper"] == 0).all()
    assert verdicts(table)["structure"] == "equivalent"


def test_a_twin_that_is_a_copy_of_the_network_is_equivalent(predicted, study, planted):
    copies = {f"net-twin{k}": planted(4.0, 1) for k in range(3)}
    assert verdicts(compare(predicted(study(**copies))))["twin"] == "equivalent"


def test_noise_is_not_better_than_chance(predicted, planted):
    standings = {k: STANDINGS[k] for k in ("net", "count")}
    constant = {"count": np.ones((120, 2))}
    task = {**TASK, "probes": ["logistic"]}
    better = 0
    for seed in range(10):
        items = predicted({"net": planted(0.0, seed), **constant}, task)
        table = compare(items, standings, task)
        (row,) = table[table["against"].eq("count") & table["scope"].eq("one")].to_dict("records")
        assert row["against_value"] == pytest.approx(1 / 3)
        better += row["verdict"] == "better"
    # One-sided error is 2.5 %: two of ten are rarer than 1 in 40.
    assert better <= 1


def test_true_factors_are_the_ceiling_and_nothing_is_held_against_them(predicted, study):
    items = predicted(study(truth=study()["net"] * 1.5))
    standings = STANDINGS | {"truth": standing("baseline", "truth")}
    table = compare(items, standings, least_margin=0.0)
    assert "truth" not in set(table["against"])
    ones = table[(table["scope"] == "one") & (table["probe"] == "logistic")]
    rows = items["truth"].items.query("probe == 'logistic'")
    p = rows[[c for c in rows if c.startswith("p:")]].to_numpy()
    classes = np.unique(rows["label"])
    right = classes[p.argmax(axis=1)] == rows["label"]
    ceiling = right.groupby(rows["label"]).mean().mean()
    best = ones.loc[ones["against"].isin(["count", "batch"]), "against_value"].max()
    np.testing.assert_allclose(ones["margin"], 0.1 * max(ceiling - best, 0))


def test_the_margin_is_a_share_of_the_gap_between_best_baseline_and_ceiling(predicted, study):
    items = predicted(study())
    table = compare(items)
    ones = table[(table["probe"] == "logistic") & (table["scope"] == "one")]
    best = ones.loc[ones["against"].isin(["count", "batch"]), "against_value"].max()
    np.testing.assert_allclose(ones["margin"], 0.1 * (1 - best))
    np.testing.assert_allclose(compare(items, least_margin=0.5)["margin"], 0.5)


def test_row_order_and_order_of_names_do_not_change_a_byte(predicted, study, folds):
    items = predicted(study())
    expected = compare(items).to_csv()
    backwards = dict(reversed(items.items()))
    standings = dict(reversed(STANDINGS.items()))
    assert compare(backwards, standings).to_csv() == expected


def test_draws_are_set_by_the_seed(predicted, study):
    items = predicted(study())
    assert compare(items).equals(compare(items))
    assert not compare(items).equals(compare(predicted(study(), seed=1)))


def test_a_metric_that_falls_as_things_improve_is_turned(predicted, study):
    task = {**TASK, "metrics": ["log_loss"]}
    table = compare(predicted(study(), task), task=task)
    assert verdicts(table)[""] == "better"
    assert (table.loc[table["scope"] == "one", "delta"] > 0).all()


def test_what_is_undefined_is_not_judged_and_says_so(predicted, study, planted):
    alone = planted(4.0, 1)[:, :1]
    table = compare(predicted(study(count=alone)))
    knn = table[(table["probe"] == "knn") & (table["against"] == "count")]
    one = knn[knn["scope"] == "one"].iloc[0]
    assert np.isnan(one["delta"]) and one["verdict"] == ""
    assert "count" in one["reason"] and "undefined" in one["reason"]
    assert "1 of" in _overall(table, "knn")["reason"]
    # The other probe can make use of one feature.
    assert verdicts(table)["structure"] in ("better", "undecided", "equivalent", "worse")
    undefined = compare(predicted(study(net=alone)))
    overall = _overall(undefined, "knn")
    assert overall["verdict"] == "" and np.isnan(overall["delta"])
    assert (undefined.loc[undefined["probe"] == "knn", "verdict"] == "").all()
    assert (undefined.loc[undefined["probe"] == "logistic", "verdict"] != "").all()


def _overall(table, probe):
    rows = table[(table["probe"] == probe) & (table["scope"] == "overall")]
    assert len(rows) == 1
    return rows.iloc[0]


@pytest.mark.parametrize("change", ["lost", "label", "fold", "group"])
def test_representations_scored_on_different_items_are_refused(predicted, study, change):
    items = predicted(study())
    other = items["count"].items
    if change == "lost":
        other = other.iloc[1:]
    else:
        value = 9 if change == "fold" else "z"
        other = other.assign(**{change: other[change].where(other.index != 3, value)})
    items["count"] = items["count"]._replace(items=other)
    with pytest.raises(ValueError, match="not scored on the same items"):
        compare(items)


def test_a_study_without_models_has_no_verdicts(predicted, study):
    items = predicted({k: v for k, v in study().items() if k in ("count", "noise")})
    table = compare(items, {k: STANDINGS[k] for k in items})
    assert table.empty and {"task", "alignment", "probe", "metric", "verdict"} <= set(table)


def test_one_twin_is_too_few_to_know_how_seeds_differ(predicted, study):
    names = ["net", "net-twin0", "count"]
    features = {k: v for k, v in study().items() if k in names}
    table = compare(predicted(features), {k: STANDINGS[k] for k in names})
    pooled = table[(table["against"] == "twins") & (table["scope"] == "one")]
    assert (pooled["verdict"] == "").all() and pooled["reason"].str.contains("1 twin seeds").all()
