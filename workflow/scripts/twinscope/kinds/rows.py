"""Rows of tasks.tsv: what each kind needs, and what it is asked by default."""

from collections.abc import Mapping
from pathlib import PurePath

from twinscope.errors import InputError, one_of
from twinscope.kinds import KINDS, PAIRS, defaults

# Columns that belong to some kinds only.
OWN = {
    **dict.fromkeys(PAIRS, ("retrieval",)),
    **{"within": ("retrieval",), "active": ("retrieval",)},
    "compound": ("retrieval", "compound-gene"),
    "concentration": ("compound-gene",),
    "pairs": ("relations", "compound-gene"),
    "experiments": ("relations",),
    **dict.fromkeys(("targets", "genes", "totals"), ("regression",)),
    "decode": ("confounders",),
    "reference": ("classification",),
}
# Annotated pairs that a package ships, by the name of its file.
SHIPPED = {
    **{"corum": "CORUM", "humap": "HuMAP", "reactome": "Reactome"},
    **{"signor": "SIGNOR", "string": "StringDB"},
}


def completed(tasks: Mapping[str, Mapping], datasets: Mapping, file: str) -> dict[str, dict]:
    """Check tasks against their kind and data set, and fill in what they are asked by default.

    Parameters
    ----------
    tasks, datasets : mapping
        Rows by name.
    file : str
        The table's name for messages.

    Returns
    -------
    dict
        Rows with target, probes and metrics.

    Raises
    ------
    InputError
        Naming the task and the column.
    """
    found = {}
    for name, row in tasks.items():
        if row["dataset"] not in datasets:
            raise InputError(
                repr(row["dataset"]), one_of(datasets, row["dataset"]), file, name, "dataset"
            )
        _check_columns(row, datasets[row["dataset"]], file)
        row = {"target": "label", **defaults(row["kind"]), **row}
        if row["kind"] == "relations":
            row["probes"] = list(sources(row))
        if row["kind"] == "regression":
            # Nothing is left out for want of a class.
            row["target"] = row["level"]
        _check_asked(row, file)
        found[name] = dict(sorted(row.items()))
    for name, row in found.items():
        _check_active(name, row, found, file)
    return found


def sources(row: Mapping) -> dict[str, str]:
    """Return the sources of annotated pairs of a task: name to what the row says."""
    return {PurePath(given).name.partition(".")[0]: given for given in row["pairs"]}


def tables(row: Mapping) -> dict[str, str]:
    """Return the tables that a task needs besides: name to the user's path or a shipped source."""
    if row["kind"] == "relations":
        return sources(row)
    if row["kind"] == "compound-gene":
        return {"activities": row["pairs"][0]}
    return {"targets": row["targets"]} if row["kind"] == "regression" else {}


def _check_columns(row: Mapping, dataset: Mapping, file: str) -> None:
    kind, name = row["kind"], row["task"]
    for column, owners in OWN.items():
        if column in row and kind not in owners:
            expected = f"nothing: it belongs to {' and '.join(owners)}"
            raise InputError(f"{column} of a task of kind {kind}", expected, file, name, column)
    for column in KINDS[kind].needs:
        if column not in row:
            raise InputError("nothing", f"what kind {kind} needs", file, name, column)
    for role in KINDS[kind].roles:
        if role not in dataset:
            found = f"kind {kind} on {row['dataset']!r}, which names no {role} column"
            raise InputError(found, f"a data set with a {role} column", file, name, "kind")
    if "standardize" in row["alignments"] and "control" not in dataset:
        raise InputError(
            f"standardize on {row['dataset']!r}, which names no control column",
            "none, or a data set with negative controls, on which standardize is fitted",
            *(file, name, "alignments"),
        )


def _check_asked(row: Mapping, file: str) -> None:
    known = KINDS[row["kind"]]
    for column, choices in (("probes", known.probes), ("metrics", known.metrics)):
        for one in row[column] if choices else ():
            if one not in choices:
                expected = f"{one_of(choices, one)} for kind {row['kind']}"
                raise InputError(repr(one), expected, file, row["task"], column)


def _check_active(name: str, row: Mapping, tasks: Mapping, file: str) -> None:
    """Check that a task that looks at active perturbations names the task that tells which."""
    wanted = "active" in row["probes"]
    if not wanted and "active" not in row:
        return
    possible = [
        other
        for other, task in tasks.items()
        if task["kind"] == "activity" and task["dataset"] == row["dataset"]
    ]
    if row.get("active") not in possible:
        expected = f"a task of kind activity on {row['dataset']!r}"
        raise InputError(repr(row.get("active", "")), expected, file, name, "active")
    if not wanted:
        raise InputError("active without the probe active", "all,active", file, name, "probes")
