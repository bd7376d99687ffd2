"""What a task asks: which items, which labels, which groups, and in which folds."""

from collections.abc import Mapping

import pandas as pd

from twinscope import splits
from twinscope.errors import InputError, one_of


def split(index: pd.DataFrame, task: Mapping, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Select the items of a task and deal them into folds.

    Parameters
    ----------
    index : DataFrame
        One row an item, of the whole data set.
    task : mapping
        A row of tasks.tsv.
    seed : int
        Seed of the folds.

    Returns
    -------
    folds : DataFrame
        One row an item and task unit: item (the image), key (what is classified: the item, or
        the value of the level's column), label, group, fold.
    flags : DataFrame
        task, flag, detail: what a reader of the scores must know.

    Raises
    ------
    InputError
        Naming the task and the column, if the items cannot be split.
    """
    name = task["task"]
    twice = index["item"][index["item"].duplicated()]
    if len(twice):
        raise InputError(f"item {twice.iloc[0]!r} twice", "each item in one unit", "units.tsv")
    chosen = select(index, task)
    labelled = chosen[_values(chosen, task, "target") != ""]
    keys = items_of_level(labelled, task)
    try:
        fold = splits.assign(
            keys["key"].to_numpy(str),
            keys["label"].to_numpy(str),
            keys["group"].to_numpy(str),
            task["folds"],
            seed,
        )
    except InputError as error:
        column = error.column or "target"
        raise InputError(error.found, error.expected, "tasks.tsv", name, column) from error
    known = keys[["batch", "position"]]
    flags = splits.flags(
        known.mask(known == ""),
        keys["label"],
        keys["group"],
        fold,
        len(chosen) - len(labelled),
    )
    if (_values(labelled, task, "split") != "").all():
        # Groups that were named are groups, even where each holds a single item.
        flags = flags[flags["flag"] != "no-groups"].reset_index(drop=True)
    flags.insert(0, "task", name)
    by_key = pd.Series(fold, index=keys["key"])
    level = labelled["item"] if task["level"] == "item" else _values(labelled, task, "level")
    parts = {"item": labelled["item"], "key": level}
    folds = pd.DataFrame(parts).merge(keys[["key", "label", "group"]], on="key", validate="m:1")
    return folds.assign(fold=folds["key"].map(by_key)).sort_values("item"), flags


def select(index: pd.DataFrame, task: Mapping) -> pd.DataFrame:
    """Return the items that a task's `select` names, all of them where it names none.

    Raises
    ------
    InputError
        If there is no such column, or no such value in it.
    """
    if "select" not in task:
        return index
    column, _, wanted = task["select"].partition("=")
    values = _values(index, {"task": task["task"], "select": column.strip()}, "select")
    chosen = [value.strip() for value in wanted.split(",")]
    missing = set(chosen) - set(values)
    if missing:
        expected = one_of(sorted(set(values))[:20], min(missing))
        raise InputError(repr(min(missing)), expected, "tasks.tsv", task["task"], "select")
    return index[values.isin(chosen)]


def items_of_level(labelled: pd.DataFrame, task: Mapping) -> pd.DataFrame:
    """One row a classified thing: an image, or all images that share the level's value.

    Raises
    ------
    InputError
        If the images of one thing differ in label or group.
    """
    groups = _values(labelled, task, "split")
    whole = task["level"] != "item"
    keys = _values(labelled, task, "level") if whole else labelled["item"]
    if (keys == "").any():
        found = f"nothing in {(keys == '').sum()} images"
        raise InputError(found, "a value for each image", "tasks.tsv", task["task"], "level")
    # Tiles of one image are one image: without groups they must not straddle.
    groups = groups.where(groups != "", keys if whole else labelled["image"])
    frame = pd.DataFrame(
        {
            "key": keys,
            "label": _values(labelled, task, "target"),
            "group": groups,
            "batch": labelled["batch"].astype(str),
            "position": labelled["position"].astype(str),
        }
    )
    for column in ("label", "group"):
        several = frame.groupby("key")[column].nunique() > 1
        if several.any():
            raise InputError(
                f"more than one {column} in {several.index[several][0]!r}",
                f"one {column} for each value of {task['level']!r}",
                "tasks.tsv",
                task["task"],
                "level",
            )
    # Sorted by all columns, so that the batch of a well of several does not hang on row order.
    return frame.sort_values(list(frame)).drop_duplicates("key").reset_index(drop=True)


def _values(index: pd.DataFrame, task: Mapping, role: str) -> pd.Series:
    """Cells, as text, of the column that a task names for a role."""
    column = task[role]
    if column not in index:
        raise InputError(
            repr(column), one_of(index.columns, column), "tasks.tsv", task["task"], role
        )
    values = index[column]
    return values.astype(object).where(values.notna(), "").astype(str)
