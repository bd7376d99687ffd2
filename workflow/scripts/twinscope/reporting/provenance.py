"""Where the numbers come from: versions, networks with their weights, rows of the tables."""

import json
from collections.abc import Mapping, Sequence


def versions(own: Mapping[str, str], networks: Sequence[Mapping]) -> list[dict]:
    """Versions of what made the report and the embeddings; all of them where they differ."""
    found: dict[str, set] = {name: {version} for name, version in own.items()}
    for network in networks:
        for name, version in network["versions"].items():
            found.setdefault(name, set()).add(version)
    return pairs({name: sorted(found[name]) for name in found})


def networks(given: Sequence[Mapping]) -> list[dict]:
    """How each network's representation was made, one row each, by data set and name."""
    ordered = sorted(given, key=lambda n: (n["dataset"], n["representation"]))
    return [
        {
            "dataset": network["dataset"],
            "representation": network["representation"],
            "architecture": written(network["row"].get("architecture")),
            "weights": _weights(network["row"]),
            "sha256": written(network["weights_sha256"]),
            "preprocessing": _preprocessing(network),
            "run": f"{written(network['device'])}, {written(network['precision'])}",
        }
        for network in ordered
    ]


def tables(given: Mapping[str, Sequence[Mapping]]) -> list[dict]:
    """Every row of the study's tables with every column, its name first."""
    return [
        {"name": name, "rows": _rows(rows, name.removesuffix("s"))}
        for name, rows in sorted(given.items())
    ]


def pairs(values: Mapping) -> list[dict]:
    """Names with their values as text, sorted."""
    return [{"name": name, "value": written(values[name])} for name in sorted(values)]


def written(value) -> str:
    """Write a value of a table as a person would type it into the table."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(written(part) for part in value) or "–"
    return json.dumps(value, sort_keys=True) if isinstance(value, Mapping) else str(value)


def _weights(row: Mapping) -> str:
    weights = written(row.get("weights"))
    return f"{weights}, seed {row['seed']}" if row.get("seed") is not None else weights


def _preprocessing(network: Mapping) -> str:
    row = network["row"]
    return (
        f"{written(network['input_size'])} px, {written(network['interpolation'])};"
        f" mean {written(network['mean'])}; sd {written(network['std'])};"
        f" channels {written(row.get('policy'))}; intensity {written(row.get('intensity'))}"
    )


def _rows(rows: Sequence[Mapping], key: str) -> list[dict]:
    named = [{"title": written(row.get(key)), "cells": pairs(row)} for row in rows]
    return sorted(named, key=lambda row: (row["title"], json.dumps(row["cells"])))
