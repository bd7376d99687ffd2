"""Weights in files: where they are, what they hold, and whether they are a network's own."""

import hashlib
from collections.abc import Collection, Mapping
from importlib import import_module, resources
from os.path import isfile

import torch
from safetensors.torch import load_file

from twinscope.files import sha256
from twinscope.models import bad, hub

# What training code puts before the names of a network's own tensors.
PREFIXES = ("module.", "backbone.", "model.", "teacher.")


def locate(row: Mapping) -> str:
    """Find the file that a row's weights name, fetched where they are on a hub.

    Parameters
    ----------
    row : mapping
        weights (``package:module/file``, ``file:path`` or ``hf-hub:owner/name[@revision][/file]``)
        and, where the file is to be a certain one, its `sha256`.

    Raises
    ------
    InputError
        If the file is not there, or is not the one that `sha256` says.
    """
    kind, _, where = row["weights"].partition(":")
    if kind == "hf-hub":
        path = hub.weights(row, where)
    elif kind == "package":
        package, _, name = where.partition("/")
        try:
            path = str(resources.files(import_module(package)) / name)
        except ModuleNotFoundError as error:
            raise bad(row, "weights", f"no package {package!r}", "an installed one") from error
    elif kind == "file":
        path = where
    else:
        expected = "file:path, package:module/file or hf-hub:owner/name"
        raise bad(row, "weights", repr(row["weights"]), expected)
    if not isfile(path):
        raise bad(row, "weights", f"no file {where!r}", "a file of weights")
    if "sha256" in row and (found := sha256(path)) != row["sha256"]:
        expected = f"{row['sha256']}, as the row says"
        raise bad(row, "sha256", f"{where!r} with the sha256 {found}", expected)
    return path


def read(path: str, row: Mapping) -> dict[str, torch.Tensor]:
    """Named tensors of a file of weights, safetensors or torch's, never running code in it.

    Raises
    ------
    InputError
        If the file is damaged, or holds anything but named tensors.
    """
    where, expected = row["weights"].partition(":")[2], "a whole file of named tensors alone"
    try:
        if path.endswith(".safetensors"):
            return load_file(path)
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # Damaged bytes make the readers raise whatever they like; code, an UnpicklingError.
        why = (str(error) or type(error).__name__).splitlines()[0].split(". ")[0]
        found = f"{where!r}, which cannot be read ({why})"
        raise bad(row, "weights", found, expected) from error
    if isinstance(tensors, Mapping) and all(map(torch.is_tensor, tensors.values())):
        return dict(tensors)
    raise bad(row, "weights", f"{where!r}, which holds something else", expected)


def fill(
    module: torch.nn.Module,
    tensors: Mapping[str, torch.Tensor],
    row: Mapping,
    heads: Collection[str] = (),
) -> None:
    """Fill a network with the tensors of a file: all of its own, and none else.

    A prefix that all names share (``module.``, ``backbone.``, ``model.``, ``teacher.`` or several)
    is stripped. Where no name at all is the network's, tensors are filled in by order, if every
    shape and the last part of every name fit.

    Parameters
    ----------
    module : Module
        Filled in place.
    tensors : mapping of str to Tensor
        As read.
    row : mapping
        For messages.
    heads : collection of str
        Names of classifiers, whose tensors may be left over.

    Raises
    ------
    InputError
        Naming the first tensors that are missing, unknown, of another shape, or not finite.
    """
    own = module.state_dict()
    named = _named(tensors, own, heads)
    if not set(named) & set(own):
        named = _in_order(named, own)
    if complaint := _misfits(named, own):
        found = f"{len(tensors)} tensors of which {_fitting(named, own)} fit ({complaint})"
        raise bad(row, "weights", found, f"the {len(own)} tensors of {row['architecture']}")
    for name, tensor in named.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise bad(row, "weights", f"NaN or infinity in {name!r}", "finite numbers")
    module.load_state_dict(named)


def checksum(module: torch.nn.Module) -> str:
    """Sha256 over the names, shapes and bytes of all weights of a network."""
    digest = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _named(tensors: Mapping, own: Mapping, heads: Collection[str]) -> dict:
    """Tensors without classifiers, and without the prefix of all, if that makes every one fit."""
    plain = _headless(tensors, own, heads)
    if not _misfits(plain, own):
        return plain
    names = list(tensors)
    while prefix := next((p for p in PREFIXES if all(n.startswith(p) for n in names)), None):
        names = [name.removeprefix(prefix) for name in names]
        stripped = _headless(dict(zip(names, tensors.values(), strict=True)), own, heads)
        if not names or not _misfits(stripped, own):
            return stripped
    return plain


def _headless(tensors: Mapping, own: Mapping, heads: Collection[str]) -> dict:
    return {k: v for k, v in tensors.items() if k in own or k.rpartition(".")[0] not in heads}


def _in_order(tensors: Mapping, own: Mapping) -> dict:
    """Tensors under the names of the network, if each fits the one in its place."""
    # Weight and bias, mean and variance have one shape: the last part of the name tells them apart.
    fitting = all(
        own[a].shape == tensors[b].shape and a.split(".")[-1] == b.split(".")[-1]
        for a, b in zip(own, tensors, strict=False)
    )
    # A classifier's own two tensors may follow the network's; without names nothing else may.
    if fitting and len(tensors) - len(own) in (0, 2):
        return dict(zip(own, tensors.values(), strict=False))
    return dict(tensors)


def _misfits(tensors: Mapping, own: Mapping) -> str:
    """Say which tensors do not fit, the first of each kind by name; nothing if all do."""
    misshapen = [
        f"{name!r} is {tuple(tensors[name].shape)}, not {tuple(own[name].shape)}"
        for name in own
        if name in tensors and tensors[name].shape != own[name].shape
    ]
    parts = {
        "missing ": [repr(name) for name in own if name not in tensors],
        "unexpected ": [repr(name) for name in tensors if name not in own],
        "": misshapen,
    }
    return "; ".join(kind + _first(names) for kind, names in parts.items() if names)


def _fitting(tensors: Mapping, own: Mapping) -> int:
    return sum(name in tensors and tensors[name].shape == own[name].shape for name in own)


def _first(names: list[str], count: int = 3) -> str:
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + more
