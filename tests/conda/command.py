"""The part of conda's command line that Snakemake uses, by the solver and installer of rattler.

For tests only: a channel is a folder in CONDA_CHANNELS, and the `pip:` section of an environment
is solved with the rest, from the same channel.
"""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

import yaml
from channel import conda_spec
from packaging.requirements import Requirement
from rattler import Channel, MatchSpec, Platform, install, solve
from rattler.exceptions import SolverError

VERSION = "26.9.4"
HERE = Path(__file__).parent


def specs_of(environment: dict) -> list[str]:
    """What an environment asks for, in conda's words.

    Without the version of pip: the pip that is linked is the one of this Python, and no rule's
    results depend on it.
    """
    found = []
    for part in environment["dependencies"]:
        if isinstance(part, dict):
            asked = [Requirement(line) for line in part["pip"]]
            found += [conda_spec(each.name, each.specifier) for each in asked]
        else:
            found.append("pip" if part.split()[0] == "pip" else part)
    return found


async def create(file: Path, prefix: Path) -> None:
    """Solve an environment file and install what it comes to."""
    environment = yaml.safe_load(file.read_text())
    folder = Path(os.environ["CONDA_CHANNELS"])
    names = [name for name in environment["channels"] if name != "nodefaults"]
    channels = [Channel((folder / name).as_uri()) for name in names]
    specs = [MatchSpec(spec) for spec in specs_of(environment)]
    records = await solve(channels, specs, platforms=["noarch"])
    await install(records, prefix, cache_dir=folder / "cache", show_progress=False)


def answer(arguments: list[str]) -> str:
    """Do as told; what there is to say."""
    if arguments == ["--version"]:
        return f"conda {VERSION}"
    if arguments[0] == "info":
        facts = {"conda_prefix": str(HERE / "shim"), "platform": str(Platform.current())}
        return json.dumps(facts | {"conda_version": VERSION, "envs_dirs": []})
    if arguments[:3] == ["config", "--get", "channel_priority"]:
        return json.dumps({"get": {"channel_priority": "strict"}})
    if arguments[0] == "clean":
        return ""
    if arguments[:2] == ["env", "create"]:
        parser = argparse.ArgumentParser()
        parser.add_argument("--file", type=Path, required=True)
        parser.add_argument("--prefix", type=Path, required=True)
        for flag in ("--quiet", "--no-default-packages"):
            parser.add_argument(flag, action="store_true")
        given = parser.parse_args(arguments[2:])
        asyncio.run(create(given.file, given.prefix))
        return ""
    raise SystemExit(f"not known to this stand-in for conda: {' '.join(arguments)}")


if __name__ == "__main__":
    try:
        print(answer(sys.argv[1:]), flush=True)
        code = 0
    except SolverError as error:
        print(f"SolverError: {error}", file=sys.stderr, flush=True)
        code = 1
    # rattler's threads may outlive the interpreter and abort it: leave without farewell.
    os._exit(code)
