"""Weights: here in a file, in a package or in the cache of the hub, or there to be fetched."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from twinscope import models
from twinscope.models.weights import locate

from . import remote
from .findings import OK, WARN, Finding, amount, guarded
from .machine import BYTES
from .networks import LARGE, Measured
from .sources import Source, cached, find


@dataclass(frozen=True)
class Looked:
    """What was found of the networks whose weights are on a hub.

    Attributes
    ----------
    sources : dict of str to Source
    paths : dict of str to list of str
        Files in the cache; none if it does not have all.
    state : State
        Of the hub.
    answers : dict of Source to object
        What the hub said of those that are not in the cache.
    """

    sources: Mapping[str, Source]
    paths: Mapping[str, list[str]]
    state: remote.State
    answers: Mapping[Source, object]

    @property
    def absent(self) -> list[str]:
        """Names of the networks whose weights are to be fetched."""
        return [name for name in self.sources if not self.paths[name]]


def look(rows: Mapping[str, Mapping]) -> Looked:
    """Look into the cache, and ask the hub for what is not there."""
    sources = {name: find(row) for name, row in rows.items()}
    sources = {name: source for name, source in sources.items() if source}
    paths = {name: cached(source) for name, source in sources.items()}
    absent = [sources[name] for name in sources if not paths[name]]
    state = remote.look(wanted=bool(absent))
    answers = {} if state.seconds is None else remote.ask(absent)
    return Looked(sources, paths, state, answers)


def check(
    rows: Mapping[str, Mapping], measured: Mapping[str, Measured], looked: Looked
) -> Iterator[Finding]:
    """Say of the hub, and of each network's weights, how they stand."""
    on_hub = {name: rows[name] for name in looked.sources}
    yield from remote.check(looked.state, on_hub, looked.absent)
    for name, row in rows.items():
        yield from guarded("weights", name, _of_row(name, row, measured.get(name), looked))


def missing(measured: Mapping[str, Measured], looked: Looked) -> tuple[int, int]:
    """Bytes to be fetched: by the hub's word or the number of parameters, and by its word alone."""
    most: dict[Source, int] = {}
    least: dict[Source, int] = {}
    for name in looked.absent:
        source = looked.sources[name]
        usual = BYTES * measured[name].parameters if name in measured else 0
        least[source] = getattr(looked.answers.get(source), "size", None) or 0
        most[source] = least[source] or usual
    return sum(most.values()), sum(least.values())


def _of_row(name: str, row: Mapping, made: Measured | None, looked: Looked) -> Iterator[Finding]:
    source = looked.sources.get(name)
    if source is None:
        yield _local(name, row, made)
    elif looked.paths[name]:
        yield remote.here(name, row, looked.paths[name])
    else:
        yield remote.away(name, row, source, looked.answers.get(source), looked.state)


def _local(name: str, row: Mapping, made: Measured | None) -> Finding:
    if row["weights"] == "none":
        return Finding("weights", name, OK, "none: untrained on purpose")
    if row["weights"].startswith("timm:"):
        found = f"{row['weights']} is on no hub: timm fetches it from its authors, not asked here"
        return Finding("weights", name, WARN, found, "a network when it first runs")
    path = locate(row)
    found = f"here, {amount(os.path.getsize(path))}{remote.checked(row)}"
    if made and made.parameters <= LARGE:
        models.load(row)
        found += ", and all tensors fit"
    return Finding("weights", name, OK, found)
