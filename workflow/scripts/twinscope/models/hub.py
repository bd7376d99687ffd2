"""Files of a model hub: fetched, checked, and what to do when they cannot be had."""

import errno
import json
import os
import re
from collections.abc import Iterator, Mapping

import huggingface_hub
from huggingface_hub import _CACHED_NO_EXIST, try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError, OfflineModeIsEnabled, RevisionNotFoundError

from twinscope.errors import InputError
from twinscope.files import read_config, sha256
from twinscope.models import bad

NAMES = ("model.safetensors", "pytorch_model.bin")
CONFIG = "config.json"
LOGIN = "HF_TOKEN, or hf auth login"


def split(where: str) -> tuple[str, str | None, str | None]:
    """Split ``owner/name[@revision][/file]`` into repository, revision and file."""
    owner, _, rest = where.partition("/")
    name, _, file = rest.partition("/")
    name, _, revision = name.partition("@")
    return f"{owner}/{name}", revision or None, file or None


def weights(row: Mapping, where: str) -> str:
    """Path of the weights of a repository: the file that is named, or the usual one.

    Raises
    ------
    InputError
        If there is no such file, or it cannot be had.
    """
    repo, revision, file = split(where)
    for name in [file] if file else NAMES:
        path = fetch(row, repo, name, revision)
        if path is not None:
            return path
    found = f"{repo} without the file {file!r}" if file else f"{repo} without {' or '.join(NAMES)}"
    raise bad(row, "weights", found, "a file of the repository: hf-hub:owner/name/file")


def config(row: Mapping) -> dict:
    """Read the config.json beside weights of a repository; empty for other weights.

    A file that the row names need not be what config.json is about: it says nothing of that.

    Raises
    ------
    InputError
        If it cannot be had.
    """
    kind, _, where = row["weights"].partition(":")
    repo, revision, file = split(where)
    if kind != "hf-hub" or file:
        return {}
    path = fetch(row, repo, CONFIG, revision)
    return {} if path is None else json.loads(read_config(path))


def fetch(row: Mapping, repo: str, file: str, revision: str | None = None) -> str | None:
    """Path of one file of a repository in the cache, fetched if need be; None if it has none.

    Raises
    ------
    InputError
        If the repository cannot be had, or the file in the cache is damaged.
    """
    # With no network it is the cache that knows that a repository lacks a file.
    if try_to_load_from_cache(repo, file, revision=revision) is _CACHED_NO_EXIST:
        return None
    try:
        path = huggingface_hub.hf_hub_download(repo, file, revision=revision)
    except Exception as error:
        # An entry that is missing in the cache alone says nothing about the repository.
        if isinstance(error, EntryNotFoundError) and not isinstance(error, FileNotFoundError):
            return None
        raise explain(error, f"{repo}/{file}", row) from None
    blob = os.path.realpath(path)
    expected = os.path.basename(blob)
    # The cache names a large file by its sha256; the hub's client does not look at it.
    if re.fullmatch("[0-9a-f]{64}", expected) and sha256(blob) != expected:
        found = f"{repo}/{file} damaged in the cache: its sha256 is not {expected}"
        raise bad(row, "weights", found, f"a whole file: delete {blob} and run again")
    return path


def explain(error: Exception, what: str, row: Mapping) -> InputError:
    """Say in one line why something cannot be had from a hub, and what would help.

    What a server answers never enters the message, nor does a token.
    """
    why, expected = _reason(error)
    found = f"{what} cannot be had from the hub ({why})"
    return bad(row, "weights", found, expected)


def _reason(error: Exception) -> tuple[str, str]:
    chain = list(_chain(error))
    status = next((s for s in map(_status, chain) if s), None)
    if any(isinstance(e, RevisionNotFoundError) for e in chain):
        return "no such revision", "a branch, tag or commit of the repository"
    if any(isinstance(e, OfflineModeIsEnabled) for e in chain):
        return "HF_HUB_OFFLINE is set, and the cache has none", "the file in the cache"
    if status in _ANSWERS:
        return _ANSWERS[status]
    if status:
        return f"it answers {status}", "a hub that works: run again later"
    if any(getattr(e, "errno", None) == errno.ENOSPC for e in chain):
        return "the disk is full", "space where HF_HOME points"
    if any(_cut(e) for e in chain):
        return "the download was cut short", "a whole file: run again"
    if any(isinstance(e, (ConnectionError, FileNotFoundError)) or _network(e) for e in chain):
        return "no network, and the cache has none", "weights in the cache, or a hub to reach"
    return _first_line(error), "weights in the cache, or a hub to reach"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _status(error: BaseException) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)


def _cut(error: BaseException) -> bool:
    # The client's transport errors have no common class across its versions, but these names.
    names = ("ReadError", "RemoteProtocolError", "ReadTimeout", "IncompleteRead")
    return type(error).__name__ in names or "Consistency check failed" in str(error)


def _network(error: BaseException) -> bool:
    return type(error).__name__ in ("ConnectError", "ConnectTimeout", "ProxyError", "URLError")


def _first_line(error: Exception) -> str:
    line = (str(error) or type(error).__name__).splitlines()[0]
    token = huggingface_hub.get_token()
    return line.replace(token, "***") if token else line


_ANSWERS = {
    401: (
        "401: it wants to know who asks, or there is no such repository",
        f"a repository that exists, and a valid token that may read it ({LOGIN})",
    ),
    403: (
        "403: access is not granted",
        f"terms accepted on the repository's page, and a token of that account ({LOGIN})",
    ),
    404: ("404: no such repository", "hf-hub:owner/name of a repository that exists"),
    429: ("429: too many requests", f"patience, or a token ({LOGIN})"),
}
