"""A shortcut that groups carry: grouped folds do not see it, and ungrouped ones would."""

import numpy as np
import pandas as pd
import pytest
from test_kinds import WHO, asked, of, row

from twinscope import evaluation, tasks
from twinscope.errors import InputError


def wells(n_groups=16, size=8, seed=0):
    """Features that tell groups, and nothing else: each group has a place of its own."""
    rng = np.random.default_rng(seed)
    number = np.repeat(np.arange(n_groups), size)
    X = 3 * rng.standard_normal((n_groups, 24))[number]
    X = X + 0.3 * rng.standard_normal((len(number), 24))
    index = pd.DataFrame({"item": [f"i{k:03d}" for k in range(len(number))]})
    index = index.assign(image=index["item"], control=False, batch="b", position="")
    index["group"] = [f"g{k:02d}" for k in number]
    return X, index, rng


def both(X, index, task, metric, more=None):
    """Score with groups, and as if every item stood alone."""
    grouped = of(asked(X, index, task, more)[0], metric)
    alone = of(asked(X, index.assign(group=index["item"]), task, more)[0], metric)
    return grouped, alone


@pytest.mark.parametrize("probe", ["logistic", "knn", "means"])
def test_classes_that_groups_carry(probe):
    values = []
    for seed in range(4):
        X, index, rng = wells(seed=seed)
        # Every group is of one class: what tells groups tells classes, of groups seen before.
        index["label"] = np.repeat(rng.permutation(np.arange(16) % 2), 8).astype(str)
        task = row("classification", probes=[probe])
        grouped, alone = both(X, index, task, "balanced_accuracy")
        values.append((grouped["value"], alone["value"]))
    grouped, alone = np.mean(values, axis=0)
    assert grouped < 0.65 and alone > (0.75 if probe == "means" else 0.95)


def test_several_labels_that_groups_carry():
    values = []
    for seed in range(4):
        X, index, rng = wells(seed=seed)
        has = rng.random((16, 2)) < 0.5
        labels = ["|".join(np.array(["x", "y"])[h]) or "z" for h in has]
        index["label"] = np.repeat(labels, 8)
        task = row("multilabel", probes=["logistic"])
        values.append([found["value"] for found in both(X, index, task, "auroc")])
    grouped, alone = np.mean(values, axis=0)
    assert grouped < 0.65 and alone > 0.95


def test_expression_that_groups_carry():
    values = []
    for seed in range(4):
        X, index, rng = wells(seed=seed)
        rate = np.exp(3 + rng.standard_normal((16, 3)))
        counts = pd.DataFrame(rng.poisson(rate.repeat(8, axis=0)), columns=list("abc"))
        counts = counts.astype(str)
        counts.insert(0, "item", index["item"])
        index = index.assign(label="", n=5000, batch="")
        task = row("regression", targets="t.csv", totals="n", probes=["corrected-raw"])
        found = both(X, index, task, "pearson", {"targets": counts})
        values.append([one["value"] for one in found])
    grouped, alone = np.mean(values, axis=0)
    assert abs(grouped) < 0.2 and alone > 0.9


def test_amounts_that_groups_carry_are_not_decoded_from_other_groups():
    values = []
    for seed in range(4):
        X, index, rng = wells(seed=seed)
        index["cells"] = rng.standard_normal(16).repeat(8).round(4).astype(str)
        index["label"] = np.tile(["a", "b"], 64)
        index["batch"] = np.tile(["p", "q"], 64)
        task = row("confounders", decode=["cells"], metrics=["pcr_batch"])
        found = both(X, index, task, "r2")
        values.append([one["value"] for one in found])
    grouped, alone = np.mean(values, axis=0)
    assert grouped < 0.1 and alone > 0.9


def test_replicates_of_one_batch_are_no_positives_of_each_other():
    # Wells of a perturbation share a place in each batch, another one in every batch.
    rng = np.random.default_rng(0)
    rows, X = [], []
    for batch in range(4):
        for k in range(8):
            place = 3 * rng.standard_normal(10)
            for well in range(3):
                rows.append((f"b{batch}k{k}w{well}", f"d{k}", False, f"b{batch}"))
                X.append(place + rng.standard_normal(10))
        for well in range(16):
            rows.append((f"b{batch}c{well:02d}", "dmso", True, f"b{batch}"))
            X.append(3 * rng.standard_normal(10) + rng.standard_normal(10))
    index = pd.DataFrame(rows, columns=["item", "label", "control", "batch"])
    index = index.assign(image=index["item"], group="", position="")
    found = of(asked(np.array(X), index, row("activity"))[0], "active")
    assert found["value"] <= 1 / 8
    # Batches that are not told apart would find them.
    wrong = index.assign(batch=index["item"].str[-2:].where(~index["control"], "w0"))
    wrong["batch"] = wrong["batch"].where(~wrong["control"], [f"w{k % 3}" for k in range(160)])
    found = of(asked(np.array(X), wrong, row("activity"))[0], "active")
    assert found["value"] > 0.5


def test_what_is_resampled_is_the_group_whatever_stands_in_it():
    """Sixteen groups of eight wells are sixteen, not 128: the interval is as wide."""
    X, index, rng = wells()
    index["label"] = np.tile(["a", "b"], 64)
    signal = X + 1.0 * (index["label"] == "a").to_numpy()[:, None]
    grouped, alone = both(signal, index, row("classification"), "balanced_accuracy")
    assert grouped["groups"] == 16 and alone["groups"] == 128


@pytest.mark.parametrize("kind", ["classification", "multilabel", "regression"])
def test_a_split_whose_groups_straddle_does_not_start(kind):
    X, index, _ = wells()
    index["label"] = np.tile(["a", "b"], 64)
    extra = {"targets": "t.csv", "totals": "n"} if kind == "regression" else {}
    task = row(kind, **extra)
    counts = pd.DataFrame({"item": index["item"], "gene": "3"})
    index = index.assign(n=100)
    folds, _ = tasks.split(index, task, 0)
    folds["fold"] = np.arange(len(folds)) % 4
    given = {"none": (X, index, [], {})}
    with pytest.raises(InputError, match="in more than one fold"):
        evaluation.evaluate(given, folds, task, WHO, more={"targets": counts}, draws=50)


def test_tiles_of_one_image_are_one_group():
    X, index, _ = wells()
    index["label"] = np.repeat(["a", "b"], 64)
    index["image"], index["group"] = index["group"], ""
    folds, _ = tasks.split(index, row("classification"), 0)
    assert (
        folds.groupby(folds["item"].map(index.set_index("item")["image"]))["fold"].nunique() == 1
    ).all()
