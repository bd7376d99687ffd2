"""Before a night is lost: all that can be known to stop a study, found in a minute."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping

from twinscope import study as studies
from twinscope.networks import on

from . import disk, environments, images, machine, networks, segmenters
from .findings import OK, WARN, Finding, failed, guarded, in_order, table, text, without

__all__ = ["Finding", "examine", "failed", "table", "text"]


def examine(
    study: Mapping,
    packages: Mapping,
    conda: Mapping[str, bool] | None = None,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> list[Finding]:
    """Look for what would stop a study, or make it slow.

    Parameters
    ----------
    study : mapping
        `datasets`, `models` with their twins, `baselines` and `tasks` by name, as the rules have
        them, and `listed`: for each data set what `images.look` takes.
    packages : mapping
        Contents of ``envs/*.yaml`` by name.
    conda : mapping of str to bool, optional
        Where environments are made by conda: whether each is made already.
    watch : callable (done, total)
        Told how many networks are done.

    Returns
    -------
    list of Finding
        The worst at the end. No token is in any of them.
    """
    known = _Known(study)
    parts = {
        "packages": environments.check(packages, study, conda),
        "images": known.images(),
        "network": known.networks(watch),
        "weights": known.weights(),
        "machine": known.machine(),
        "disk": known.disks(),
    }
    # A check that fails itself hides no other.
    found = [line for name, part in parts.items() for line in guarded(name, "all", part, WARN)]
    return in_order(without(known.secret, found))


class _Known:
    """What is known of a study, more with each check, and what each check says.

    Attributes
    ----------
    models : dict of str to mapping
        Rows of models.tsv.
    twins : dict of str to mapping
        One untrained copy of each.
    sizes : dict of str to Images
    measured : dict of str to Measured
    fetched : (int, int)
        Bytes to be fetched from the hub into the folder `cache`, at most and at the least.
    secret : str or None
        The token of the hub.
    """

    def __init__(self, study: Mapping):
        self.study, self.datasets = study, study["datasets"]
        rows = study["models"].items()
        self.models = {name: row for name, row in rows if row["role"] == "model"}
        self.twins = {row["of"]: row for _, row in rows if row["role"] == "twin"}
        self.sizes: dict[str, images.Images] = {}
        self.measured: dict[str, networks.Measured] = {}
        self.fetched, self.cache, self.secret = (0, 0), "", None

    def images(self) -> Iterator[Finding]:
        for name, row in self.datasets.items():
            yield from guarded("images", name, self._images(name, row))
            yield segmenters.check(name, row)

    def _images(self, name: str, row: Mapping) -> Iterator[Finding]:
        listed = self.study["listed"][name]
        self.sizes[name] = images.look(row, listed)
        yield images.describe(name, row, self.sizes[name], len(listed["units"]))

    def channels(self, row: Mapping) -> dict[str, list[str]]:
        """Names of the channels of each data set that a network is run on."""
        return {k: d["channels"] for k, d in self.datasets.items() if studies.fits(row, d)}

    def complete(self, row: Mapping) -> dict:
        """Make a row complete by the first data set that it is run on."""
        return on(row, self.datasets[next(iter(self.channels(row)))])

    def networks(self, watch: Callable) -> Iterator[Finding]:
        for done, (name, row) in enumerate(self.models.items(), 1):
            yield from guarded("network", name, self._network(name, row))
            watch(done, len(self.models))

    def _network(self, name: str, row: Mapping) -> Iterator[Finding]:
        if not (channels := self.channels(row)):
            yield Finding("network", name, OK, "not run: no data set of its modality")
            return
        made = networks.measure(self.complete(self.twins.get(name, row)))
        counts = [networks.count(made, names) for names in channels.values()]
        yield networks.check(name, row, made, counts)
        self.measured[name] = made

    def weights(self) -> Iterator[Finding]:
        # Packages that are not there have been named by now.
        from . import remote, weights

        self.secret, self.cache = remote.secret(), remote.folder()
        rows = self.models.items()
        wanted = {name: self.complete(row) for name, row in rows if self.channels(row)}
        looked = weights.look(wanted)
        self.fetched = weights.missing(self.measured, looked)
        yield from weights.check(wanted, self.measured, looked)

    def machine(self) -> Iterator[Finding]:
        parameters = {name: made.parameters for name, made in self.measured.items()}
        yield from machine.check(machine.look(), parameters)

    def disks(self) -> Iterator[Finding]:
        yield from disk.check(self._places())

    def _places(self) -> Iterator[disk.Place]:
        needed = sum(
            disk.of_dataset(name, self.study, size, self._widths(name))
            for name, size in self.sizes.items()
        )
        there = disk.used(("results", "resources"))
        most, least = (
            max(int(share * needed) - there, 0) + int(share * disk.BESIDE)
            for share in (1, disk.LEAST)
        )
        yield disk.Place("the study", os.getcwd(), most, least, "--directory")
        yield disk.Place("temporary files", tempfile.gettempdir(), disk.TEMPORARY, 0, "TMPDIR")
        if sum(self.fetched):
            yield disk.Place("cache of the hub", self.cache, *self.fetched, "HF_HOME")
        absent = {segmenters.missing(row) for row in self.datasets.values()} - {""}
        if absent:
            size, variable = segmenters.WEIGHTS * len(absent), "CELLPOSE_LOCAL_MODELS_PATH"
            yield disk.Place("Cellpose", segmenters.folder(), size, size, variable)

    def _widths(self, dataset: str) -> dict[str, int]:
        """Numbers that each network gives for an image of a data set."""
        return {
            name: networks.width(made, self.channels(self.models[name])[dataset])
            for name, made in self.measured.items()
            if dataset in self.channels(self.models[name])
        }
