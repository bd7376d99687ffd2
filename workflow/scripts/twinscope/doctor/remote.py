"""The hub: whether it answers, who asks, and whether it would give each file of weights."""

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.errors import EntryNotFoundError

from twinscope.files import sha256
from twinscope.models import bad, hub

from .findings import FAIL, OK, WARN, Finding, amount, refused
from .sources import Source

SECONDS = 5
AT_ONCE = 8
FETCH = "fetch it where there is a network: hf download owner/name; HF_HOME is the folder"
GATED = "accept the terms on the repository's page, then hf auth login or HF_TOKEN"


@dataclass(frozen=True)
class State:
    """Whether the hub can be asked.

    Attributes
    ----------
    endpoint : str
        Without any password.
    offline : bool
        Whether the client is told to ask nobody.
    seconds : float or None
        In which it answers; None if it does not.
    token : str
        Where the token is from; nothing if there is none.
    """

    endpoint: str
    offline: bool
    seconds: float | None
    token: str


def look(wanted: bool) -> State:
    """See whether the hub answers, if anything is wanted of it, and whether there is a token."""
    offline = constants.HF_HUB_OFFLINE
    parts = urlsplit(constants.ENDPOINT)
    port = f":{parts.port}" if parts.port else ""
    seconds = _seconds() if wanted and not offline else None
    return State(f"{parts.scheme}://{parts.hostname}{port}", offline, seconds, _token())


def folder() -> str:
    """Where the client keeps what it has fetched."""
    return constants.HF_HUB_CACHE


def secret() -> str | None:
    """Return the token itself, to keep it out of what is printed."""
    try:
        return huggingface_hub.get_token()
    except Exception:
        return None


def check(state: State, rows: Mapping[str, Mapping], absent: Iterable[str]) -> Iterator[Finding]:
    """Say how the hub stands.

    Parameters
    ----------
    state : State
    rows : mapping of str to mapping
        Those whose weights are on a hub.
    absent : iterable of str
        The names of those that are not in the cache.
    """
    absent = list(absent)
    if not rows:
        yield Finding("hub", "endpoint", OK, "not needed: no row has weights on a hub")
        return
    if state.offline:
        yield Finding("hub", "endpoint", OK, "HF_HUB_OFFLINE is set: the cache alone counts")
    elif not absent:
        yield Finding("hub", "endpoint", OK, "not needed: all weights are in the cache")
    elif state.seconds is None:
        found = f"{state.endpoint} cannot be reached, and has weights of {len(absent)} networks"
        todo = "a network, or a proxy (HTTPS_PROXY), or a mirror (HF_ENDPOINT)"
        yield Finding("hub", "endpoint", FAIL, found, todo)
    else:
        found = f"{state.endpoint} answers ({state.seconds:.1f} s)"
        yield Finding("hub", "endpoint", OK, found)
    gated = [name for name in absent if rows[name].get("gated")]
    if state.token:
        yield Finding("hub", "token", OK, f"there, from {state.token}")
    elif gated:
        found = f"none, and {len(gated)} networks ask who fetches them, {gated[0]} first"
        yield Finding("hub", "token", WARN, found, GATED)
    else:
        yield Finding("hub", "token", OK, "none, and none needed")


def ask(sources: Iterable[Source]) -> dict[Source, object]:
    """Ask the hub for the size of each source's weights, several at once.

    Returns
    -------
    dict of Source to HfFileMetadata, or to the Exception that asking ended in
    """
    sources = list(dict.fromkeys(sources))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(sources, pool.map(_asked, sources), strict=True))


def here(name: str, row: Mapping, paths: list[str]) -> Finding:
    """Say what the cache has of a row's weights."""
    if "sha256" in row and (found := sha256(paths[0])) != row["sha256"]:
        expected = f"{row['sha256']}, as the row says"
        error = bad(row, "sha256", f"a file in the cache with the sha256 {found}", expected)
        return refused("weights", name, error)
    size = amount(sum(map(os.path.getsize, paths)))
    return Finding("weights", name, OK, f"in the cache of the hub, {size}{checked(row)}")


def away(name: str, row: Mapping, source: Source, answer, state: State) -> Finding:
    """Say whether weights that are not here could be fetched.

    Parameters
    ----------
    name : str
    row : mapping
    source : Source
    answer : object
        As from `ask`; None if the hub was not asked.
    state : State
    """
    if answer is None:
        why = "HF_HUB_OFFLINE is set" if state.offline else "the hub not reached"
        found = f"{source.repo} is not in the cache, {why}"
        return Finding("weights", name, FAIL, found, FETCH)
    if isinstance(answer, Exception):
        return _refused(name, row, source, answer)
    size = f", {amount(answer.size)}" if answer.size else ""
    if "sha256" in row and len(answer.etag or "") == 64 and answer.etag != row["sha256"]:
        found = f"{source.repo} with the sha256 {answer.etag}"
        error = bad(row, "sha256", found, f"{row['sha256']}, as the row says")
        return refused("weights", name, error)
    terms = ", access granted" if row.get("gated") else ""
    return Finding("weights", name, OK, f"to be fetched from {source.repo}{size}{terms}")


def checked(row: Mapping) -> str:
    """Say that a checksum was compared, where the row has one."""
    return ", sha256 as the row says" if "sha256" in row else ""


def _refused(name: str, row: Mapping, source: Source, error: Exception) -> Finding:
    if isinstance(error, EntryNotFoundError):
        found = f"{source.repo} without {' or '.join(source.names)}"
        error = bad(row, "weights", found, "a file of the repository: hf-hub:owner/name/file")
        return refused("weights", name, error)
    if "Timeout" in type(error).__name__:
        found = f"{source.repo}: no answer within {SECONDS} seconds"
        return Finding("weights", name, FAIL, found, "a hub that answers: run doctor again")
    told = refused("weights", name, hub.explain(error, source.repo, row))
    status = getattr(getattr(error, "response", None), "status_code", None)
    if row.get("gated") and status in (401, 403):
        return Finding("weights", name, FAIL, told.found, GATED)
    return told


def _asked(source: Source):
    error = None
    for name in source.names:
        url = huggingface_hub.hf_hub_url(source.repo, name, revision=source.revision)
        try:
            return huggingface_hub.get_hf_file_metadata(url, timeout=SECONDS)
        except EntryNotFoundError as found:
            error = found
        except Exception as found:
            # The client's transport errors have no common class across its versions.
            return found
    return error


def _seconds() -> float | None:
    began = time.monotonic()
    try:
        huggingface_hub.get_session().head(constants.ENDPOINT, timeout=SECONDS)
    except Exception:
        return None
    return time.monotonic() - began


def _token() -> str:
    if not secret():
        return ""
    names = [name for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN") if os.environ.get(name)]
    return names[0] if names else "hf auth login"
