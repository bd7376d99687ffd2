"""Ask whether items that share an annotation, such as a mechanism, find each other."""

import numpy as np
import pandas as pd

from twinscope.errors import InputError
from twinscope.kinds import PAIRS
from twinscope.kinds.asked import Asked, Run, Score, averaged
from twinscope.retrieval.annotations import consistency
from twinscope.retrieval.matching import nearest_match

# Annotations may have hundreds of members, whose permutations are long; p is shown, not judged by.
PERMUTATIONS = 1_000


def evaluate(asked: Asked) -> list[Run]:
    """Score the mean average precision of annotations, and whether the nearest one matches.

    Items are annotations for `map`, and profiles for `nsc` (the nearest profile of another
    compound has the same mechanism) and `nscb` (of another compound in another batch).
    """
    runs = []
    X = asked.features()
    for probe, kept in _sets(asked).items():
        tables, scores = [], []
        for name in asked.task["metrics"]:
            table = _items(asked, X, name, kept)
            tables.append(table.assign(metric=name))
            scores.append(_score(asked, name, table, kept))
        runs.append(Run(probe, pd.concat(tables, ignore_index=True), scores))
    return runs


def _items(asked: Asked, X: np.ndarray, name: str, kept: np.ndarray) -> pd.DataFrame:
    """One row an annotation, or one a profile: key, group, value, chance, reason."""
    meta = _meta(asked)[kept].reset_index(drop=True)
    if name == "map":
        given = {role: asked.task.get(role, []) for role in PAIRS}
        more = {"within": asked.task.get("within", []), "seed": asked.seed}
        more |= {"name": asked.similarity, "permutations": min(asked.draws, PERMUTATIONS)}
        found = consistency(X[kept], meta, "annotation", **given, **more).groups
        found = found.rename(columns={"mean_average_precision": "value"})
        return found.assign(key=found["group"])
    columns = [asked.task["compound"], *(["batch"] if name == "nscb" else [])]
    found = nearest_match(X[kept], meta, "annotation", columns, name=asked.similarity)
    # Profiles of one compound are no independent witnesses.
    compound = meta.set_index("item")[asked.task["compound"]].astype(str)
    found = found.rename(columns={"item": "key", "hit": "value"})
    return found.assign(group=compound.loc[found["key"]].to_numpy())


def _score(asked: Asked, name: str, table: pd.DataFrame, kept: np.ndarray) -> Score:
    found = averaged(name, table, asked, "value", "chance")
    few = f"{kept.sum()} items to look at" if kept.sum() < 2 else ""
    return found._replace(reason=few or found.reason)


def _meta(asked: Asked) -> pd.DataFrame:
    """Return the columns that pairs are declared by."""
    meta = pd.DataFrame({"item": asked.keys["key"], "annotation": asked.keys["label"]})
    declared = {c: role for role in (*PAIRS, "within") for c in asked.task.get(role, [])}
    nearest = {"nsc", "nscb"} & set(asked.task["metrics"])
    if nearest:
        if "compound" not in asked.task:
            raise InputError(
                f"no compound for {min(nearest)}",
                "the column of compounds",
                *("tasks.tsv", asked.name, "compound"),
            )
        declared[asked.task["compound"]] = "compound"
    if "nscb" in nearest:
        declared["batch"] = "metrics"
    for column, role in declared.items():
        meta[column] = asked.column(column, role).to_numpy()
    return meta


def _sets(asked: Asked) -> dict[str, np.ndarray]:
    """All items, and those that the task named by `active` found active under this alignment."""
    sets = {"all": np.ones(len(asked.keys), dtype=bool)}
    if "active" in asked.task["probes"]:
        if "active" not in asked.more:
            what = "the task of kind activity that says which are", "tasks.tsv", asked.name
            raise InputError("no active set", *what, "active")
        found = asked.more["active"]
        own = found["alignment"] == asked.alignment
        found = found[own] if own.any() else found[found["alignment"] == found["alignment"].iloc[0]]
        names = set(found["key"][found["active"] == 1])
        sets["active"] = asked.keys["key"].isin(names).to_numpy()
    return {probe: sets[probe] for probe in asked.task["probes"]}
