import numpy as np
import pandas as pd
import pytest

from twinscope import tasks

TASK = {
    "task": "t",
    "kind": "classification",
    "alignments": ["none"],
    "target": "label",
    "level": "item",
    "split": "group",
    "folds": 3,
}


def index(count=24, **columns):
    number = np.arange(count)
    table = {
        "item": [f"i{n:03d}" for n in number],
        "image": [f"i{n:03d}" for n in number],
        "label": np.array(["a", "b"])[number % 2],
        "batch": "",
        "group": [f"g{n // 4}" for n in number],
        "position": "",
        "control": number % 8 == 0,
        "dose": (number % 4) / 2,
    }
    return pd.DataFrame({**table, **columns})


def split(table, seed=0, **task):
    return tasks.split(table, {**TASK, **task}, seed)


def test_all_items_are_dealt_once_and_groups_stay_whole():
    folds, flags = split(index())
    assert list(folds) == ["item", "key", "label", "group", "fold"]
    assert folds["item"].tolist() == index()["item"].tolist()
    assert folds["key"].tolist() == folds["item"].tolist()
    assert folds["label"].tolist() == index()["label"].tolist()
    assert set(folds["fold"]) == {0, 1, 2}
    assert folds.groupby("group")["fold"].nunique().eq(1).all()
    assert flags["task"].eq("t").all() and set(flags["flag"]) == {"few-groups", "rare-classes"}


def test_order_of_rows_does_not_matter_and_the_seed_does():
    shuffled = index().sample(frac=1, random_state=3)
    for one, two in zip(split(index()), split(shuffled), strict=True):
        pd.testing.assert_frame_equal(one.reset_index(drop=True), two.reset_index(drop=True))
    dealt = {tuple(split(index(48), seed)[0]["fold"]) for seed in range(5)}
    assert len(dealt) > 1


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ("label=a", lambda t: t["label"] == "a"),
        ("label=a,b", lambda t: t["label"] != ""),
        ("label = a, b", lambda t: t["label"] != ""),
        ("control=False", lambda t: ~t["control"]),
        ("dose=0.5,1.5", lambda t: t["dose"].isin([0.5, 1.5])),
        ("label=", lambda t: t["label"] == ""),
    ],
)
def test_select_takes_the_rows_that_it_names(select, expected):
    table = index(label=["a", "b", ""] * 8)
    chosen = tasks.select(table, {**TASK, "select": select})
    assert chosen["item"].tolist() == table.loc[expected(table), "item"].tolist()
    assert 0 < len(chosen) <= len(table)


def test_without_select_all_rows_take_part():
    assert len(tasks.select(index(), TASK)) == 24


def test_select_and_values_with_an_equals_sign():
    table = index(label=["x=1", "x=2"] * 12)
    assert len(tasks.select(table, {**TASK, "select": "label=x=1"})) == 12


@pytest.mark.parametrize(
    ("task", "column", "words"),
    [
        ({"select": "lable=a"}, "select", "did you mean 'label'"),
        ({"select": "label=c"}, "select", "one of a, b"),
        ({"select": "control=no"}, "select", "one of False, True"),
        ({"target": "labels"}, "target", "did you mean 'label'"),
        ({"split": "groups"}, "split", "did you mean 'group'"),
        ({"level": "well"}, "level", "'well'"),
    ],
)
def test_a_column_or_value_that_is_not_there(task, column, words, refused):
    with refused(words, file="tasks.tsv", row="t", column=column):
        split(index(), **task)


def test_items_without_a_label_are_left_out_and_counted():
    labels = ["a", "b", ""] * 8
    folds, flags = split(index(label=labels))
    assert len(folds) == 16 and set(folds["label"]) == {"a", "b"}
    (detail,) = flags.loc[flags["flag"] == "unlabelled", "detail"]
    assert detail.startswith("8 items")
    missing = [None if label == "" else label for label in labels]
    pd.testing.assert_frame_equal(split(index(label=missing))[0], folds)


@pytest.mark.parametrize(
    ("labels", "texts"),
    [
        ([1, 2], {"1", "2"}),
        ([True, False], {"True", "False"}),
        (["NA", "None"], {"NA", "None"}),
        (["µ opioid 5 %", "naïve\u00a0ctrl"], {"µ opioid 5 %", "naïve\u00a0ctrl"}),
        (["01", "1"], {"01", "1"}),
    ],
)
def test_labels_of_any_kind_are_text(labels, texts):
    folds, _ = split(index(label=labels * 12))
    assert set(folds["label"]) == texts and len(folds) == 24


def test_any_column_can_be_the_target_and_the_split():
    table = index(plate=[f"p{n % 6}" for n in range(24)], drug=["x", "y", "x"] * 8)
    folds, _ = split(table, target="drug", split="plate")
    assert folds["label"].tolist() == table["drug"].tolist()
    assert folds["group"].tolist() == table["plate"].tolist()
    assert folds.groupby("group")["fold"].nunique().eq(1).all()


def test_tiles_of_one_image_never_straddle():
    images = [f"m{n // 3}" for n in range(24)]
    labels = np.array(["a", "b"])[np.arange(24) // 3 % 2]
    folds, flags = split(index(image=images, group="", label=labels))
    assert folds["group"].tolist() == images
    assert folds.groupby("group")["fold"].nunique().eq(1).all()
    assert "no-groups" not in set(flags["flag"])


def test_images_without_groups_stand_alone():
    folds, flags = split(index(group=""))
    assert folds["group"].tolist() == folds["item"].tolist()
    assert "no-groups" in set(flags["flag"])


def wells(**columns):
    number = np.arange(24)
    well = [f"w{n // 2:02d}" for n in number]
    return index(well=well, label=np.array(["a", "b"])[number // 2 % 2], **columns)


@pytest.mark.parametrize("grouped", [True, False])
def test_a_level_is_classified_as_one_and_its_images_share_a_fold(grouped):
    table = wells() if grouped else wells(group="")
    folds, flags = split(table, level="well")
    assert folds["item"].tolist() == table["item"].tolist()
    assert folds["key"].tolist() == table["well"].tolist()
    assert folds.groupby("key")["fold"].nunique().eq(1).all()
    assert folds["group"].tolist() == table["group" if grouped else "well"].tolist()
    keys = tasks.items_of_level(table, {**TASK, "level": "well"})
    assert keys["key"].tolist() == sorted(set(table["well"]))
    assert ("no-groups" in set(flags["flag"])) != grouped


@pytest.mark.parametrize("column", ["label", "group"])
def test_a_level_with_mixed_labels_or_groups_is_refused(column, refused):
    table = wells()
    table.loc[5, column] = "other"
    with refused(f"more than one {column} in 'w02'", file="tasks.tsv", row="t", column="level"):
        split(table, level="well")


def test_an_image_without_a_value_of_the_level_is_refused(refused):
    table = wells()
    table.loc[[3, 4], "well"] = ""
    with refused("nothing in 2 images", file="tasks.tsv", row="t", column="level"):
        split(table, level="well")


def test_batches_and_positions_reach_the_flags():
    table = index(batch=[f"p{n // 12}" for n in range(24)], position=["A01", "A02"] * 12)
    detail = split(table)[1].set_index("flag")["detail"]
    assert detail["batch-straddles"].startswith("2 of 2")
    assert detail["position-confounded"].startswith("100%")


def test_the_batch_of_a_well_does_not_hang_on_row_order():
    table = wells(batch=["p", "q"] * 12, position=["1", "2"] * 12)
    there, back = (
        tasks.items_of_level(t, {**TASK, "level": "well"}) for t in (table, table.iloc[::-1])
    )
    pd.testing.assert_frame_equal(there, back)
    assert set(there["batch"]) == {"p"}


@pytest.mark.parametrize(
    ("columns", "task", "column", "found", "expected"),
    [
        (
            {"label": ["a", "b"] * 11 + ["a", "c"]},
            {},
            "target",
            "one item of class 'c'",
            "2 or more",
        ),
        (
            {"label": [f"{'ab'[n % 2]}" if n < 20 else "c" for n in range(24)]},
            {},
            "split",
            "all items of class 'c' in group 'g5'",
            "2 groups or more",
        ),
        ({}, {"folds": 7}, "folds", "6 groups", "folds (7)"),
        ({"group": ""}, {"folds": 25}, "folds", "24 items", "folds (25)"),
        ({"label": "a"}, {}, "target", "1 classes", "at least 2"),
        ({"label": ""}, {}, "target", "0 classes", "at least 2"),
    ],
)
def test_items_that_cannot_be_split(columns, task, column, found, expected, refused):
    place = {"file": "tasks.tsv", "row": "t", "column": column}
    with refused(found, expected, **place):
        split(index(**columns), **task)


def test_an_item_of_two_units_is_refused(refused):
    with refused("item 'i000' twice", "each item in one unit", file="units.tsv"):
        split(pd.concat([index(), index()[:1]]))


@pytest.mark.parametrize("named", [True, False])
def test_groups_of_one_item_are_groups_if_they_were_named(named):
    table = index(group=[f"w{n:02d}" if named else "" for n in range(24)])
    assert ("no-groups" in set(split(table)[1]["flag"])) != named
