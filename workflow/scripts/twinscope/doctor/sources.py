"""Repositories of the hub: which one has a row's weights, and what of it is in the cache."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from huggingface_hub import _CACHED_NO_EXIST, try_to_load_from_cache

from twinscope.files import read_text
from twinscope.models import hub

INDEX = ".index.json"


@dataclass(frozen=True)
class Source:
    """Weights in a repository of a hub.

    Attributes
    ----------
    repo : str
    revision : str or None
    names : tuple of str
        What the file of weights may be called, in the order in which it is looked for.
    beside : tuple of str
        Other files that loading asks for.
    """

    repo: str
    revision: str | None
    names: tuple[str, ...]
    beside: tuple[str, ...] = ()


def find(row: Mapping) -> Source | None:
    """Where a hub has the weights of a row; None if they are elsewhere."""
    kind, _, where = row["weights"].partition(":")
    if kind == "timm":
        return _of_tag(f"{row['architecture']}.{where}")
    if kind != "hf-hub":
        return None
    repo, revision, file = hub.split(where)
    if row["loader"] == "transformers":
        names = [name + end for name in hub.NAMES for end in ("", INDEX)]
        return Source(repo, revision, tuple(names), (hub.CONFIG,))
    names = (file,) if file else hub.NAMES
    # The settings beside weights are what timm's rows are held against.
    beside = (hub.CONFIG,) if row["loader"] == "timm" and not file else ()
    return Source(repo, revision, names, beside)


def cached(source: Source) -> list[str]:
    """Paths of the weights, if all that loading needs is in the cache; else none."""
    for name in source.beside:
        if try_to_load_from_cache(source.repo, name, revision=source.revision) is None:
            return []
    for name in source.names:
        path = _in_cache(source, name)
        if path and name.endswith(INDEX):
            shards = sorted(set(json.loads(read_text(path))["weight_map"].values()))
            paths = [_in_cache(source, shard) for shard in shards]
            return paths if all(paths) else []
        if path:
            return [path]
    return []


def _of_tag(tag: str) -> Source | None:
    from timm.models import get_pretrained_cfg

    # What is no tag of timm's is refused when the network is built.
    settings = get_pretrained_cfg(tag)
    if not settings or not settings.hf_hub_id:
        return None
    repo, revision, _ = hub.split(settings.hf_hub_id)
    names = (settings.hf_hub_filename,) if settings.hf_hub_filename else hub.NAMES
    return Source(repo, revision, names)


def _in_cache(source: Source, name: str) -> str | None:
    path = try_to_load_from_cache(source.repo, name, revision=source.revision)
    return None if path in (None, _CACHED_NO_EXIST) else path
