"""Make a conda channel of the distributions installed here: each package a handful of links.

Names, versions and dependencies are those of the distributions, so that a solver has the choice
that it would have among their real packages, and an environment holds what was asked for.
"""

import hashlib
import io
import json
import os
import sys
import sysconfig
import tarfile
from importlib.metadata import Distribution, distributions
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

# What conda-forge calls otherwise than PyPI, of all that the environments name.
RENAMED = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"


def conda_name(name: str) -> str:
    """The name on conda-forge of a distribution of PyPI."""
    plain = canonicalize_name(name)
    return RENAMED.get(plain, plain)


def conda_spec(name: str, specifier: SpecifierSet) -> str:
    """A requirement of pip as conda writes it."""
    return f"{conda_name(name)} {specifier}".strip()


def depends(found: Distribution, installed: dict[str, Distribution]) -> list[str]:
    """What a distribution requires here, and what the extras that it asks for require."""
    wanted = [conda_spec("python", SpecifierSet(found.metadata["Requires-Python"] or ""))]
    for requirement in _required(found, ""):
        wanted.append(conda_spec(requirement.name, requirement.specifier))
        for extra in requirement.extras:
            more = _required(installed[canonicalize_name(requirement.name)], extra)
            wanted += [conda_spec(each.name, each.specifier) for each in more]
    return sorted(set(wanted))


def _required(found: Distribution, extra: str) -> list[Requirement]:
    """The requirements of an extra and no others; those of the distribution itself for ''."""

    def holds(requirement: Requirement, name: str) -> bool:
        return requirement.marker is None or requirement.marker.evaluate({"extra": name})

    parsed = [Requirement(line) for line in found.requires or ()]
    parsed = [each for each in parsed if holds(each, extra)]
    return [each for each in parsed if not extra or not holds(each, "")]


def shares(installed: dict[str, Distribution]) -> dict[str, set[PurePosixPath]]:
    """The fewest files and folders of site-packages that make up each distribution.

    A folder that several fill, such as a namespace package, is shared out between them.
    """
    owners: dict[PurePosixPath, set[str]] = {}
    files = {name: list(_importable(found)) for name, found in installed.items()}
    for name, paths in files.items():
        for path in paths:
            for place in (path, *path.parents):
                owners.setdefault(place, set()).add(name)
    return {
        name: {next(p for p in _from_top(path) if owners[p] == {name}) for path in paths}
        for name, paths in files.items()
    }


def _importable(found: Distribution):
    for path in found.files or ():
        if ".." not in path.parts and "__pycache__" not in path.parts:
            yield PurePosixPath(path)


def _from_top(path: PurePosixPath) -> list[PurePosixPath]:
    return [*reversed(path.parents[:-1]), path]


def write_package(
    folder: Path, name: str, version: str, wants: list[str], files: dict[str, Path | bytes]
) -> tuple[str, dict]:
    """One package, and its line of the channel's index; a path stands for a link to it."""
    index = {"name": name, "version": version, "build": "0", "build_number": 0}
    index |= {"depends": wants, "subdir": "noarch", "noarch": "generic"}
    paths = [_described(place, files[place]) for place in sorted(files)]
    target = folder / f"{name}-{version}-0.tar.bz2"
    with tarfile.open(target, "w:bz2") as package:
        for place, content in sorted(files.items()):
            member = tarfile.TarInfo(place)
            if isinstance(content, Path):
                member.type, member.linkname = tarfile.SYMTYPE, str(content)
                package.addfile(member)
            else:
                _add(package, place, content)
        _add(package, "info/index.json", json.dumps(index).encode())
        _add(package, "info/paths.json", json.dumps({"paths": paths, "paths_version": 1}).encode())
    packed = target.read_bytes()
    index |= {"size": len(packed), "sha256": hashlib.sha256(packed).hexdigest()}
    return target.name, index


def _described(place: str, content: Path | bytes) -> dict:
    linked = isinstance(content, Path)
    data = b"" if linked else content
    kind = "softlink" if linked else "hardlink"
    digest = hashlib.sha256(data).hexdigest()
    return {"_path": place, "path_type": kind, "sha256": digest, "size_in_bytes": len(data)}


def _add(package: tarfile.TarFile, place: str, content: bytes) -> None:
    member = tarfile.TarInfo(place)
    member.size = len(content)
    package.addfile(member, io.BytesIO(content))


def python_files() -> dict[str, Path | bytes]:
    """Python as `venv` makes it: a link to the interpreter, and none of its packages."""
    real = Path(os.path.realpath(sys.executable))
    configured = f"home = {real.parent}\ninclude-system-site-packages = false\n"
    names = ("python", "python3", PYTHON)
    return {f"bin/{name}": real for name in names} | {"pyvenv.cfg": configured.encode()}


def make(folder: Path) -> int:
    """Write the channel into a folder; how many packages it has."""
    site = Path(sysconfig.get_path("purelib"))
    installed = {canonicalize_name(d.name): d for d in distributions(path=[str(site)])}
    noarch = folder / "noarch"
    noarch.mkdir(parents=True)
    version = ".".join(map(str, sys.version_info[:3]))
    packages = dict([write_package(noarch, "python", version, [], python_files())])
    for name, places in shares(installed).items():
        found = installed[name]
        files = {f"lib/{PYTHON}/site-packages/{place}": site / place for place in places}
        wants = depends(found, installed)
        file, index = write_package(noarch, conda_name(name), found.version, wants, files)
        packages[file] = index
    index = {"info": {"subdir": "noarch"}, "packages": packages, "packages.conda": {}}
    (noarch / "repodata.json").write_text(json.dumps(index))
    return len(packages)


if __name__ == "__main__":
    print(make(Path(sys.argv[1])), "packages")
