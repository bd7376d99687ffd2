"""What a task asks: which items, which labels, which groups, and in which folds."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from twinscope import flags, splits
from twinscope.errors import InputError, one_of
from twinscope.kinds import KINDS
from twinscope.retrieval import designs

# Flags that also hold where nothing is learned, or where labels are no classes.
FLAGS = {
    "multilabel": ("no-groups", "few-groups", "batch-straddles", "unlabelled"),
    "regression": ("no-groups", "few-groups", "batch-straddles", "unlabelled"),
    **dict.fromkeys(("activity", "replicates"), ("unlabelled",)),
    **dict.fromkeys(("retrieval", "relations", "compound-gene"), ("unlabelled",)),
    "confounders": ("batch-confounded", "unlabelled"),
}


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
    fold = _deal(keys, task, seed)
    known = keys[["batch", "position"]]
    told = flags.found(
        known.mask(known == ""),
        keys["label"],
        keys["group"],
        fold,
        len(chosen) - len(labelled),
    )
    kept = FLAGS.get(task["kind"])
    told = told if kept is None else told[told["flag"].isin(kept)].reset_index(drop=True)
    if KINDS[task["kind"]].holds_controls:
        told = pd.concat([told, _of_design(keys, labelled, task)], ignore_index=True)
    if (_values(labelled, task, "split") != "").all():
        # Groups that were named are groups, even where each holds a single item.
        told = told[told["flag"] != "no-groups"].reset_index(drop=True)
    if "harmony" in task["alignments"]:
        told.loc[len(told)] = "transductive", "harmony sees the features of items it is tested on"
    told.insert(0, "task", name)
    by_key = pd.Series(fold, index=keys["key"])
    level = labelled["item"] if task["level"] == "item" else _values(labelled, task, "level")
    parts = {"item": labelled["item"], "key": level}
    folds = pd.DataFrame(parts).merge(keys[["key", "label", "group"]], on="key", validate="m:1")
    return folds.assign(fold=folds["key"].map(by_key)).sort_values("item"), told


def _deal(keys: pd.DataFrame, task: Mapping, seed: int) -> np.ndarray:
    """Deal keys into folds; where nothing is learned, all are in one."""
    kind = KINDS[task["kind"]]
    if not kind.folds:
        return np.zeros(len(keys), dtype=int)
    columns = [keys[name].to_numpy(str) for name in ("key", "label", "group")]
    stratified = task["kind"] == "classification"
    try:
        if stratified:
            return splits.assign(*columns, task["folds"], seed)
        return splits.assign_groups(columns[0], columns[2], task["folds"], seed)
    except InputError as error:
        column = error.column or "target"
        where = "tasks.tsv", task["task"], column
        raise InputError(error.found, error.expected, *where) from error


def _of_design(keys: pd.DataFrame, index: pd.DataFrame, task: Mapping) -> pd.DataFrame:
    """Flag perturbations that keep to one well position: edge effects look like activity."""
    whole = task["level"] != "item"
    control = index.groupby(_values(index, task, "level") if whole else index["item"])["control"]
    meta = keys.rename(columns={"key": "item"})
    meta = meta.assign(control=meta["item"].map(control.first()).astype(bool))
    meta = meta.assign(position=meta["position"].where(meta["position"] != ""))
    meta = meta.sort_values("item", ignore_index=True)
    notes = designs.read(meta, "label", "control", "batch", "batch", "position").notes
    rows = [note.partition(": ")[::2] for note in notes]
    rows = [(flag, detail) if detail else ("no-positions", flag) for flag, detail in rows]
    return pd.DataFrame(rows, columns=["flag", "detail"], dtype=str)


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
