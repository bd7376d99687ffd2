import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from twinscope import flags, splits
from twinscope.errors import InputError


def patients(n_groups=20, per_group=6, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    n = n_groups * per_group
    items = np.array([f"item{i:03d}" for i in range(n)])
    groups = np.repeat([f"g{g:02d}" for g in range(n_groups)], per_group)
    return items, rng.choice(list("abc")[:n_classes], n), groups


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6))
def test_groups_stay_whole_and_every_fold_trains_on_every_class(seed, folds):
    items, labels, groups = patients(seed=seed)
    fold = splits.assign(items, labels, groups, folds, seed)
    assert set(fold) == set(range(folds))
    assert all(len(set(fold[groups == g])) == 1 for g in set(groups))
    assert all(set(labels[fold != f]) == set(labels) for f in range(folds))


def test_the_order_of_rows_does_not_matter_and_the_seed_does():
    items, labels, groups = patients()
    fold = splits.assign(items, labels, groups, 5, 0)
    shuffled = np.random.default_rng(1).permutation(len(items))
    again = splits.assign(items[shuffled], labels[shuffled], groups[shuffled], 5, 0)
    assert np.array_equal(fold[shuffled], again)
    alone = splits.assign(items, labels, items, 5, 0)
    again = splits.assign(items[shuffled], labels[shuffled], items[shuffled], 5, 0)
    assert np.array_equal(alone[shuffled], again)
    others = [splits.assign(items, labels, groups, 5, seed) for seed in range(1, 5)]
    assert any((fold != other).any() for other in others)


def test_single_items_are_stratified():
    items = np.array([f"i{i:03d}" for i in range(100)])
    labels = np.array(["a"] * 80 + ["b"] * 20)
    fold = splits.assign(items, labels, items, 5)
    assert [int((labels[fold == f] == "b").sum()) for f in range(5)] == [4] * 5


def test_as_many_folds_as_groups_is_leave_one_group_out():
    items, labels, groups = patients(n_groups=5, per_group=12)
    fold = splits.assign(items, labels, groups, 5)
    assert len({(g, f) for g, f in zip(groups, fold, strict=True)}) == 5
    assert len(set(fold)) == 5


@pytest.mark.parametrize("failures", [3, 100])
@pytest.mark.parametrize("fault", ["an empty fold", "a class lost"])
def test_a_faulty_split_is_not_taken(monkeypatch, failures, fault):
    """Other shuffles are tried first, then a split by size alone."""

    class Faulty(StratifiedGroupKFold):
        def split(self, X, y, groups):
            if self.random_state >= failures:
                yield from super().split(X, y, groups)
            elif fault == "an empty fold":
                for number in range(5):
                    yield None, np.flatnonzero(np.arange(len(y)) % 4 == number)
            else:
                for number, label in enumerate("abcde"):
                    yield None, np.flatnonzero((y == label) | ((y == "c") & (number == 3)))

    items, labels, groups = patients()
    fourth = splits.assign(items, labels, groups, 5, seed=3)
    monkeypatch.setattr(splits, "StratifiedGroupKFold", Faulty)
    fold = splits.assign(items, labels, groups, 5)
    assert np.array_equal(fold, fourth) == (failures == 3)
    assert set(fold) == set(range(5))
    assert all(len(set(fold[groups == g])) == 1 for g in set(groups))
    assert all(set(labels[fold != f]) == set("abc") for f in range(5))


def test_the_hash_seed_does_not_matter():
    code = (
        "import numpy as np; from twinscope.splits import assign\n"
        "i = np.array([f'i{k:03d}' for k in range(60)]); g = np.array([v[:3] for v in i])\n"
        "g = np.array([f'g{k % 13}' for k in range(60)])\n"
        "print(assign(i, np.array(list('abc') * 20), g).tolist())"
    )
    package = str(Path(splits.__file__).parents[1])
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": package, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1 and next(iter(told)).startswith("[")


def refused(match, change=lambda items, labels, groups: None, folds=5, **design):
    items, labels, groups = patients(**design)
    groups, labels, items = groups.astype(object), labels.astype(object), items.astype(object)
    change(items, labels, groups)
    with pytest.raises(InputError, match=match):
        splits.assign(items, labels, groups, folds)


def test_refusals_say_what_is_wrong():
    def twice(items, labels, groups):
        items[1] = items[0]

    def single(items, labels, groups):
        labels[3] = "rare"

    def one_home(items, labels, groups):
        labels[groups == "g04"] = "solo"

    def alike(items, labels, groups):
        labels[:] = "a"

    def alone(items, labels, groups):
        groups[:] = items

    def tiny(items, labels, groups):
        groups[:], labels[:] = items, [f"c{i // 2}" for i in range(len(items))]

    refused("item 'item000' 2 times", twice)
    refused("one item of class 'rare'", single)
    refused("all items of class 'solo' in group 'g04'", one_home)
    refused("1 classes", alike)
    refused("4 groups; expected at least as many as folds", n_groups=4)
    refused("4 items; expected at least as many as folds", alone, n_groups=2, per_group=2)
    refused("1 folds", folds=1)
    refused("2 items in the largest class; expected 5 or more", tiny)


def test_a_class_that_no_split_can_keep_in_training_is_refused():
    # Two of three groups share a fold, whichever they are, and they hold all of one class.
    items = np.array([f"i{i:02d}" for i in range(12)])
    groups = np.repeat(["g1", "g2", "g3"], 4)
    labels = np.array(list("aabbaaccbbcc"))
    with pytest.raises(InputError, match="no item of class '[abc]' to train on in fold"):
        splits.assign(items, labels, groups, 2)
    assert set(splits.assign(items, labels, groups, 3)) == {0, 1, 2}


def flags_of(labels, groups, folds=None, unlabelled=0, **columns):
    labels, groups = np.asarray(labels), np.asarray(groups)
    folds = np.arange(len(labels)) % 2 if folds is None else folds
    index = pd.DataFrame({"item": np.arange(len(labels)), **columns})
    found = flags.found(index, labels, groups, folds, unlabelled)
    assert list(found.columns) == ["flag", "detail"]
    return dict(zip(found["flag"], found["detail"], strict=True))


def test_a_sound_design_raises_no_flag():
    labels = np.tile(["a", "b"], 60)
    groups = np.repeat([f"g{i:02d}" for i in range(20)], 6)
    folds = np.repeat(np.arange(20) % 5, 6)
    batch = np.repeat([f"b{i}" for i in range(5)], 24)
    folds = np.repeat(np.arange(5), 24)
    position = np.tile(["A1", "A2", "A3"], 40)
    assert flags_of(labels, groups, folds, batch=batch, position=position) == {}
    assert flags_of(labels, groups, folds, batch=[np.nan] * 120, position=[None] * 120) == {}


def test_each_flag_is_raised_by_what_it_names():
    labels = np.array(["a"] * 40 + ["b"] * 40)
    alone = np.array([f"i{i:02d}" for i in range(80)])
    assert set(flags_of(labels, alone)) == {"no-groups"}
    few = np.tile([f"g{i}" for i in range(9)], 9)[:80]
    assert flags_of(labels, few) == {"few-groups": "9 groups: intervals are wide"}
    found = flags_of(labels, alone, batch=np.repeat(["p1", "p2"], 40), unlabelled=7)
    assert found["unlabelled"] == "7 items with no label were left out"
    assert found["batch-straddles"] == "2 of 2 batches are in training and test"
    assert found["batch-confounded"].startswith("100% of items have a label found in one batch")
    assert "is right for 100% (5" in found["batch-confounded"]
    assert "batch-confounded" not in flags_of(labels, alone, batch=np.tile(["p1", "p2"], 40))
    rare = np.array(["a"] * 40 + ["b"] * 37 + ["c"] * 3)
    assert flags_of(rare, alone)["rare-classes"] == "c (3)"


def test_batches_that_lean_are_confounded_though_every_label_is_in_both():
    labels = np.array(["a"] * 36 + ["b"] * 4 + ["a"] * 4 + ["b"] * 36)
    groups = np.array([f"g{i % 16}" for i in range(80)])
    found = flags_of(labels, groups, batch=np.repeat(["p1", "p2"], 40))
    assert found["batch-confounded"].startswith("0% of items")
    assert "right for 90%" in found["batch-confounded"]


def test_position_counts_the_labels_at_one_position():
    labels = np.repeat(["a", "b", "c", "d"], 20)
    groups = np.array([f"g{i % 16}" for i in range(80)])
    position = np.array(["A1"] * 20 + ["A2"] * 20 + ["A3", "A4"] * 20)
    found = flags_of(labels, groups, position=position)
    assert found["position-confounded"] == "50% of labels occupy one position"
