"""Rows of models.tsv beside the data sets that they are run on: what no schema can see."""

from collections.abc import Mapping

from twinscope.channels import COLOURS, NAMED, positions
from twinscope.errors import InputError
from twinscope.study import fits


def check(models: Mapping[str, Mapping], datasets: Mapping[str, Mapping], file: str) -> None:
    """Check that a network can take the channels of each data set it is run on, and may be built.

    Raises
    ------
    InputError
        If a data set lacks a channel that a network takes, or has other than three for rgb;
        columns do not go together; code would run without leave; or weights that are not there
        should be permuted.
    """
    for name, row in models.items():
        if row.get("loader") == "python" and row.get("executes_code") != "yes":
            expected = "yes, since a Python file runs code of its own"
            found = repr(row.get("executes_code", ""))
            raise InputError(found, expected, file, name, "executes_code")
        untrained = row["weights"] == "none" and row.get("role") != "twin"
        if row.get("initialisation") == "permuted" and untrained:
            expected = "weights to permute, or another initialisation"
            raise InputError("permuted of no weights", expected, file, name, "initialisation")
        _check_columns(name, row, file)
        for dataset, data in datasets.items():
            if fits(row, data):
                _check_channels(name, row, dataset, data["channels"], file)


def on(row: Mapping, dataset: Mapping) -> dict:
    """Complete a row for one data set: an adapted network that names no channels takes all."""
    if row.get("policy") != "adapted" or "channels" in row:
        return dict(row)
    return {**row, "channels": list(dataset["channels"])}


def is_calibrated(row: Mapping) -> bool:
    """Whether running statistics of an untrained network are set from images."""
    return row["weights"] == "none" and row.get("twin_statistics") == "data"


def _check_columns(name: str, row: Mapping, file: str) -> None:
    policy, channels = row["policy"], row.get("channels")
    if channels is None and policy in ("chosen", "native"):
        expected = f"the channels that {policy} takes, in their order"
        raise InputError("nothing", expected, file, name, "channels")
    if channels is not None and policy not in NAMED:
        expected = f"nothing with policy {policy}, which takes all: {', '.join(NAMED)} choose"
        raise InputError(", ".join(channels), expected, file, name, "channels")
    if policy == "chosen" and len(channels) != COLOURS:
        found = f"{len(channels)} channels ({', '.join(channels)})"
        raise InputError(found, "three, for red, green and blue", file, name, "channels")
    counts = {"rgb": {COLOURS}, "chosen": {COLOURS}, "native": {len(channels or ())}}
    for column in ("mean", "std"):
        given = len(row.get(column, ()))
        if given and row.get("intensity") == "own":
            expected = "nothing with intensity own: the network does that itself"
            raise InputError("numbers", expected, file, name, column)
        if given and given not in counts.get(policy, {given}):
            expected = f"{counts[policy].pop()}, one for each channel of the input"
            raise InputError(f"{given} numbers", expected, file, name, column)


def _check_channels(name: str, row: Mapping, dataset: str, channels: list[str], file: str) -> None:
    try:
        positions(row["policy"], row.get("channels", channels), channels)
    except InputError as error:
        column = "policy" if row["policy"] == "rgb" else "channels"
        expected = f"{error.expected}; or a modality that leaves this data set out"
        found = f"{error.found} in data set {dataset!r}"
        raise InputError(found, expected, file, name, column) from error
