"""Segmenters: whether what each data set's nuclei are found with is here."""

import os
from collections.abc import Mapping

from .findings import FAIL, OK, WARN, Finding, amount

# Of the published networks of Cellpose.
WEIGHTS = 1_200_000_000
ANOTHER = "datasets.tsv, network: a file of weights, or cpsam_v2"


def folder() -> str:
    """Where Cellpose looks for its published networks."""
    own = os.path.join("~", ".cellpose", "models")
    return os.path.expanduser(os.environ.get("CELLPOSE_LOCAL_MODELS_PATH") or own)


def missing(row: Mapping) -> str:
    """Path of a published network that would be fetched for a data set; else nothing."""
    name = row.get("network", "cpsam_v2")
    if row["segmentation"] != "cellpose" or name.startswith("file:"):
        return ""
    path = os.path.join(folder(), name)
    return "" if os.path.isfile(path) else path


def check(dataset: str, row: Mapping) -> Finding:
    """Say what the nuclei of a data set will be found with."""
    segmenter = row["segmentation"]
    if segmenter == "cellpose":
        return _published(dataset, row)
    words = {
        "given": "none needed: masks came with the images",
        "classical": "threshold and watershed",
        "cellpose-small": "a small network, which the study trains in some minutes",
    }
    return Finding("segmenter", dataset, OK, words.get(segmenter, segmenter))


def _published(dataset: str, row: Mapping) -> Finding:
    name = row.get("network", "cpsam_v2")
    if name.startswith("file:"):
        path = name.removeprefix("file:")
        if os.path.isfile(path):
            found = f"Cellpose with {path}, {amount(os.path.getsize(path))}"
            return Finding("segmenter", dataset, OK, found)
        return Finding("segmenter", dataset, FAIL, f"Cellpose without a file {path!r}", ANOTHER)
    if (known := _names()) and name not in known:
        found = f"no network {name!r} of Cellpose's ({', '.join(known)})"
        return Finding("segmenter", dataset, FAIL, found, ANOTHER)
    if path := missing(row):
        found = f"Cellpose, whose {name} ({amount(WEIGHTS)}) is not in {os.path.dirname(path)}"
        todo = "a network when it first runs; or put it there, or set CELLPOSE_LOCAL_MODELS_PATH"
        return Finding("segmenter", dataset, WARN, found, todo)
    return Finding("segmenter", dataset, OK, f"Cellpose with {name}, in {folder()}")


def _names() -> list[str]:
    """Names that Cellpose publishes; none where it is not in this environment."""
    try:
        from cellpose.models import MODEL_NAMES
    except Exception:
        return []
    return list(MODEL_NAMES)
