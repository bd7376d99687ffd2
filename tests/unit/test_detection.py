import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from twinscope import detection, evaluation, metrics
from twinscope.figures import columns
from twinscope.figures import detection as figure

TASK = {
    "task": "t",
    "kind": "classification",
    "dataset": "plates",
    "alignments": ["none"],
    "probes": ["logistic"],
    "reference": "control",
}
ALONE = {**TASK, "reference": ""}
MODEL = {"role": "model", "family": "pretrained", "of": "net"}
BASELINE = {"role": "baseline", "family": "count", "of": ""}


def predictions(labels, groups, p, classes, reason=""):
    """Items as `evaluation.evaluate` gives them."""
    table = pd.DataFrame({"label": labels, "group": groups})
    table["key"] = [f"k{n:03d}" for n in range(len(table))]
    table[["alignment", "probe", "reason", "fold"]] = ["none", "logistic", reason, 0]
    return pd.concat([table, pd.DataFrame(p, columns=[f"p:{c}" for c in classes])], axis=1)


def detect(items, task=TASK, standings=None, draws=500, **more):
    items = items if isinstance(items, dict) else {"net": items}
    standings = standings or dict.fromkeys(items, MODEL)
    return detection.detect(items, standings, task, seed=0, draws=draws, **more)


def drawn(labels, groups, seed=0, strength=0.0, classes=("a", "b", "control")):
    """Random probabilities, with the label added at a given strength."""
    rng = np.random.default_rng(seed)
    logits = rng.standard_normal((len(labels), len(classes)))
    logits += strength * (np.array(labels)[:, None] == np.array(classes))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return predictions(labels, groups, p, classes)


@pytest.fixture
def wells():
    """Labels and groups: 3 classes in 8 groups of their own, 2 items a group."""
    labels = np.repeat(["a", "b", "control"], 16)
    return labels, [f"w{n // 2:02d}" for n in range(len(labels))]


def test_worked_by_hand_with_ties_and_zeros_against_the_reference():
    labels = ["a", "a", "control", "control", "control", "b"]
    own = [0.6, 0.2, 0.2, 0.1, 0.0, 0.9]
    against = [0.2, 0.2, 0.2, 0.4, 0.0, 0.1]
    p = np.column_stack([own, 1 - np.add(own, against), against])
    table = detect(predictions(labels, list("uvwxyz"), p, ["a", "b", "control"]))
    # Odds of a: 3 and 1 against 1, 1/4 and, where both are 0, 1. Six pairs: 3 + (1/2 + 1 + 1/2).
    assert table.set_index("class")["value"]["a"] == pytest.approx(5 / 6, abs=1e-15)
    assert list(table["class"]) == ["a", "b"]
    assert list(table["items"]) == [2, 1] and list(table["groups"]) == [2, 1]
    assert (table["chance"] == 0.5).all()


def test_worked_by_hand_against_all_others():
    p = np.array([0.9, 0.4, 0.4, 0.1])
    items = predictions(
        ["a", "a", "b", "c"], list("uvwx"), np.column_stack([p, 1 - p, 0 * p]), "abc"
    )
    values = detect(items, ALONE).set_index("class")["value"]
    # 0.9 and 0.4 against 0.4 and 0.1: 1 + 1 + 1/2 + 1 of 4; nobody tells c.
    assert values["a"] == 0.875 and values["c"] == 0.5


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_scikit_learn_and_with_the_scores(seed):
    rng = np.random.default_rng(seed)
    labels = rng.choice(["a", "b", "control"], 90)
    p = np.round(rng.dirichlet(np.ones(3), 90), 1)
    items = predictions(labels, rng.integers(12, size=90).astype(str), p, ["a", "b", "control"])
    values = detect(items, ALONE).set_index("class")["value"]
    for column, name in enumerate(["a", "b", "control"]):
        assert values[name] == pytest.approx(roc_auc_score(labels == name, p[:, column]))
    mean = metrics.auroc(labels, p, np.array(["a", "b", "control"]))
    assert values.mean() == pytest.approx(mean, abs=1e-12)
    values = detect(items).set_index("class")["value"]
    for column, name in enumerate("ab"):
        kept = np.isin(labels, [name, "control"])
        score = p[kept, column] / np.where(total := p[kept][:, [column, 2]].sum(axis=1), total, 1)
        score[total == 0] = 0.5
        expected = roc_auc_score(labels[kept] == name, np.round(score, 9))
        assert values[name] == pytest.approx(expected)


def test_draws_are_the_weighted_auroc_of_the_drawn_groups():
    rng = np.random.default_rng(5)
    labels, group = rng.choice(["a", "b"], 40), rng.integers(7, size=40)
    score = np.round(rng.random(40), 1)
    counts = rng.integers(0, 4, size=(20, 7)).astype(np.uint16)
    metric = detection._metric(score, labels == "a", labels == "b", group, 7)
    found = metric.function(None, None, None, counts)
    for drawn, weights in zip(found, counts[:, group], strict=True):
        expected = roc_auc_score(labels == "a", score, sample_weight=weights)
        assert drawn == pytest.approx(expected)


def test_what_is_seen_is_adjusted_for_the_size_of_the_map(wells):
    labels, groups = wells
    p = np.random.default_rng(4).dirichlet(np.ones(3), len(labels))
    p[labels == "a", 0] += 0.2
    table = detect(predictions(labels, groups, p / p.sum(axis=1)[:, None], ["a", "b", "control"]))
    t = (table["value"] - 0.5) / ((table["upper"] - table["lower"]) / 2)
    inside = (table["lower"] > 0) & (table["upper"] < 1)
    assert inside.any()
    freedom = table["groups"] - 1
    p = stats.t.sf(t * stats.t.ppf(0.975, freedom), freedom)
    np.testing.assert_allclose(table["p"][inside], p[inside], rtol=1e-6)
    np.testing.assert_allclose(table["q"], stats.false_discovery_control(table["p"]))
    assert ((table["seen"] == "yes") == (table["q"] < 0.05)).all()


def test_a_planted_class_is_seen_and_noise_is_not(wells):
    labels, groups = wells
    rng = np.random.default_rng(3)
    p = rng.dirichlet(np.ones(3), len(labels))
    p[labels == "a"] = rng.dirichlet([30, 1, 1], 16)
    found = detect(predictions(labels, groups, p, ["a", "b", "control"])).set_index("class")
    assert found["seen"].to_dict() == {"a": "yes", "b": "no"}
    assert found["lower"]["a"] > 0.5 > found["lower"]["b"]
    assert (found["lower"] <= found["value"]).all() and (found["value"] <= found["upper"]).all()
    swapped = predictions(labels, groups, p[:, [2, 1, 0]], ["a", "b", "control"])
    assert detect(swapped).set_index("class")["seen"]["a"] == "no"


@pytest.mark.parametrize("size", [2, 4, 12])
def test_permuted_labels_are_rarely_seen(size):
    """Few groups a class or many, groups of their own or shared: at most 2.5 % and its noise."""
    seen = total = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        labels = np.repeat(["a", "b", "c", "control"], [2 * size, 2 * size, 2 * size, 24])
        groups = np.arange(len(labels)) // 2
        p = rng.dirichlet(np.ones(4), len(groups) // 2 + 1)[groups]
        p = p * rng.uniform(0.5, 1.5, p.shape)
        items = predictions(labels, groups.astype(str), p, ["a", "b", "c", "control"])
        table = detect(items, draws=200)
        seen, total = seen + (table["seen"] == "yes").sum(), total + len(table)
    assert total == 450 and seen <= 0.06 * total


def test_same_bytes_whatever_the_order_of_rows_and_names(wells):
    items = {"net": drawn(*wells, 1, 1.0), "count": drawn(*wells, 2), "noise": drawn(*wells, 3)}
    standings = {"net": MODEL, "count": BASELINE, "noise": BASELINE}
    task = {**TASK, "probes": ["logistic", "knn"]}
    items = {n: pd.concat([t, t.assign(probe="knn")]) for n, t in items.items()}
    expected = {"a": {"count": "yes", "noise": "no"}, "b": {"noise": "no"}}
    first = detect(items, task, standings, expected=expected)
    mixed = {n: items[n].sample(frac=1, random_state=4) for n in reversed(items)}
    other = {c: dict(reversed(row.items())) for c, row in reversed(expected.items())}
    second = detect(mixed, task, dict(reversed(standings.items())), expected=other)
    assert first.to_csv() == second.to_csv()
    assert list(first.columns) == detection.COLUMNS and len(first) == 3 * 2 * 2
    told = first[first["probe"] == "knn"].set_index(["representation", "class"])["expected"]
    assert told["count", "a"] == "yes" and told["noise", "b"] == "no" and told["net", "a"] == ""


def test_predictions_of_real_probes_find_the_planted_class(folds, planted):
    who = {"representation": "net", **MODEL, "similarity": "cosine"}
    task = {**ALONE, "metrics": ["auroc"]}
    scores, items, _ = evaluation.evaluate(
        {"none": (planted(4.0, 1), folds[["item"]])}, folds, task, who, draws=200
    )
    table = detect(items, task, draws=200)
    assert (table["seen"] == "yes").all() and len(table) == 3
    assert table["value"].mean() == pytest.approx(scores["value"][0])


def test_undefined_predictions_are_undefined_with_their_reason(wells):
    labels, groups = wells
    nothing = np.full((len(labels), 3), np.nan)
    items = predictions(labels, groups, nothing, ["a", "b", "control"], "every feature is missing")
    table = detect(items)
    assert table[["value", "lower", "upper"]].isna().all().all()
    assert (table["seen"] == "").all() and (table["reason"] == "every feature is missing").all()
    assert (table["items"] == 16).all() and (table["groups"] == 8).all()
    assert (detect(items.assign(reason=""))["reason"] == "the score is undefined").all()


def test_a_class_of_one_group_has_a_score_and_no_interval(wells):
    labels, groups = wells
    groups = ["one" if label == "a" else group for label, group in zip(labels, groups, strict=True)]
    found = detect(drawn(labels, groups, 1, 5.0)).set_index("class")
    assert found["value"]["a"] > 0.9 and np.isnan(found["lower"]["a"])
    assert found["seen"].to_dict() == {"a": "", "b": "yes"}
    assert found["reason"]["a"] == "fewer than 2 groups of this class"
    groups = [
        "one" if label == "control" else group for label, group in zip(labels, groups, strict=True)
    ]
    assert set(detect(drawn(labels, groups))["reason"][1:]) == {
        "fewer than 2 groups of what it is told from"
    }


@pytest.mark.parametrize(("number", "seen"), [(3, ""), (4, "yes")])
def test_groups_so_few_that_perfect_is_luck_have_no_interval(number, seen):
    labels = np.repeat(["a", "control"], number)
    p = np.repeat([0.9, 0.1], number)
    items = predictions(
        labels, np.arange(2 * number).astype(str), np.column_stack([p, 1 - p]), ["a", "control"]
    )
    row = detect(items).iloc[0]
    assert row["value"] == 1 and row["seen"] == seen
    assert ("3 groups against 3" in row["reason"]) == (seen == "")


def test_a_reference_that_is_no_class_is_refused(wells, refused):
    with refused("'contrl'", "did you mean 'control'", row="t", column="reference"):
        detect(drawn(*wells), {**TASK, "reference": "contrl"})


def test_other_groups_are_refused(wells):
    labels, groups = wells
    other = drawn(labels, ["x", *groups[1:]])
    with pytest.raises(ValueError, match="'net' was not scored on the same groups"):
        detect({"count": drawn(labels, groups), "net": other})


def seen_table(models=1, classes=("a", "b", "c"), baselines=("count", "intensity"), expected=""):
    """Detections of models with two twins each and of a baseline a family."""
    standings = [(f"net{m}", "model", "pretrained", f"net{m}") for m in range(models)]
    standings += [
        (f"net{m}-twin{s}", "twin", "twin", f"net{m}") for m in range(models) for s in (0, 1, 2)
    ]
    standings += [(f"by-{family}", "baseline", family, "") for family in baselines]
    rows = []
    for number, (name, role, family, of) in enumerate(standings):
        for place, label in enumerate(classes):
            value = 0.4 + 0.1 * ((number + place) % 6)
            rows.append(
                {
                    "task": "t",
                    "kind": "classification",
                    "alignment": "none",
                    "probe": "logistic",
                    "representation": name,
                }
                | {"role": role, "family": family, "of": of, "class": label, "value": value}
                | {"lower": value - 0.05, "upper": value + 0.05, "chance": 0.5, "items": 9}
                | {"groups": 3, "seen": "yes" if value > 0.55 else "no", "reason": ""}
                | {"expected": expected if role == "baseline" else ""}
            )
    return pd.DataFrame(rows)


def boxes(svg):
    """Paths of an SVG that are filled with nothing, as boxes are."""
    return len(re.findall(r"fill: none; stroke: #[0-9a-f]{6}; stroke-width: 0.9", svg))


def test_columns_are_models_then_twins_then_baselines_with_the_truth_last():
    table = seen_table(2, baselines=("truth", "null", "intensity", "oddity", "count"))
    found, classes = columns.arrange(table)
    assert [(c.family, c.name) for c in found] == [
        *(("pretrained", "net0"), ("pretrained", "net1"), ("twin", "net0"), ("twin", "net1")),
        *(("count", "by-count"), ("intensity", "by-intensity"), ("null", "by-null")),
        *(("oddity", "by-oddity"), ("truth", "by-truth")),
    ]
    own = table[(table["of"] == "net1") & (table["role"] == "twin") & (table["class"] == "b")]
    cell = found[3].cells["b"]
    assert cell["value"] == pytest.approx(own["value"].mean())
    assert cell["seen"] == ("yes" if own["seen"].eq("yes").sum() > 1 else "no")
    assert classes == ["a", "b", "c"]


def test_twins_are_marked_where_more_than_half_of_them_see():
    table = seen_table()
    twins = (table["role"] == "twin") & (table["class"] == "a")
    for seen, expected in (
        (["yes", "yes", "no"], "yes"),
        (["yes", "no", "no"], "no"),
        ([""] * 3, ""),
    ):
        table.loc[twins, "seen"] = seen
        assert columns.arrange(table)[0][1].cells["a"]["seen"] == expected


def test_classes_sort_as_numbers_and_of_too_many_the_best_seen_are_kept():
    names = [f"dose {n}" for n in range(60)]
    table = seen_table(classes=names)
    table.loc[table["class"] == "dose 59", "value"] = 1.0
    kept = columns.arrange(table)[1]
    assert len(kept) == 40 and kept[-1] == "dose 59" and kept == sorted(kept, key=columns._natural)
    assert columns.arrange(seen_table(classes=["x10", "x2"]))[1] == ["x2", "x10"]


@pytest.mark.parametrize("number", [1, 12, 17, 18, 30, 50])
def test_panels_hold_every_column_once_and_none_too_many(number):
    families = ["pretrained"] * (number // 2) + ["count"] * (number - number // 2)
    given = [columns.Column(family, str(k), {}) for k, family in enumerate(families)]
    panels = columns.split(given, 1.0)
    most = int((7 - 1 - columns.EDGE) / columns.NARROW)
    assert sum(panels, []) == given and max(map(len, panels)) <= most
    assert len(panels) == -(-number // most)


def test_headings_never_meet_nor_cross_a_leader():
    families = [*columns.ORDER, "oddity", "truth"]
    panel = columns.place([columns.Column(f, f, {}) for f in families], 1.0)
    for place, (_, _, _, text, tier) in enumerate(panel.headings):
        for _, _, right, _, below in panel.headings[:place]:
            assert right <= text or below < tier
    assert min(text for _, _, _, text, _ in panel.headings) >= columns.EDGE


@pytest.mark.parametrize("models", [1, 12])
def test_map_is_well_formed_and_the_same_whatever_the_order(models):
    table = seen_table(models, expected="yes")
    svg = figure.draw(table, TASK)
    ElementTree.fromstring(svg)
    assert svg == figure.draw(table.sample(frac=1, random_state=1), TASK)
    other = pd.concat([table, table.assign(probe="knn", value=0.1), table.assign(task="u")])
    assert svg == figure.draw(other, TASK)
    assert svg != figure.draw(table.assign(value=table["value"] + 0.1), TASK)


def test_boxes_stand_where_the_truth_says_so():
    # Two baselines of three classes, and the sample of the key.
    assert boxes(figure.draw(seen_table(expected="yes"), TASK)) == 7
    assert boxes(figure.draw(seen_table(expected="no"), TASK)) == 0


def test_undefined_cells_are_hatched_and_nothing_is_drawn_as_zero():
    table = seen_table()
    hatched = "url(#h"
    assert figure.draw(table, TASK).count(hatched) == 1  # the sample of the key
    own = table["representation"] == "by-count"
    table.loc[own, ["value", "lower", "upper"]] = np.nan
    table.loc[own, "seen"] = ""
    svg = figure.draw(table, TASK)
    assert svg.count(hatched) == 1 + 3
    assert svg != figure.draw(table.fillna({"value": 0.0}), TASK)
    ElementTree.fromstring(figure.draw(table[:0], TASK))
