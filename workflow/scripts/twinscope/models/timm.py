"""Networks of the timm library: by tag from a hub, from a package, a file, or untrained."""

import hashlib
from collections.abc import Mapping
from importlib import import_module, resources
from pathlib import Path

import timm
import torch
from safetensors.torch import load_file

from twinscope.errors import InputError
from twinscope.models import Network


def load(row: Mapping) -> Network:
    """Build a timm architecture with the weights that its row names.

    Raises
    ------
    InputError
        If timm does not know the architecture, or the weights cannot be had or do not fit.
    """
    weights = row["weights"]
    if weights == "none":
        module = _untrained(row, row.get("seed", 0))
    elif weights.startswith("timm:"):
        module = _from_hub(row, weights.removeprefix("timm:"))
    else:
        module = _untrained(row, 0)
        _fill(module, _read(row, weights), row)
    if "input_size" in row and hasattr(module, "set_input_size"):
        module.set_input_size(row["input_size"])
    return _network(module.eval().requires_grad_(False), row)


def checksum(module: torch.nn.Module) -> str:
    """Sha256 over the names, shapes and bytes of all weights of a network."""
    digest = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _create(row: Mapping, name: str, **arguments) -> torch.nn.Module:
    if "pooling" in row:
        arguments["global_pool"] = row["pooling"]
    try:
        return timm.create_model(name, num_classes=0, **arguments)
    except RuntimeError as error:
        if "Unknown model" in str(error):
            raise _bad(row, "architecture", repr(name), "a timm architecture") from error
        raise
    except AssertionError as error:
        if "pooling" not in row:
            raise
        expected = f"a global pooling of {row['architecture']}"
        raise _bad(row, "pooling", repr(row["pooling"]), expected) from error


def _untrained(row: Mapping, seed: int) -> torch.nn.Module:
    """Build a network by its family's own initialisation, from a seed of its own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _create(row, row["architecture"], pretrained=False)


def _from_hub(row: Mapping, tag: str) -> torch.nn.Module:
    name = f"{row['architecture']}.{tag}"
    try:
        return _create(row, name, pretrained=True)
    except InputError:
        raise
    except Exception as error:
        # The hub's client has many errors of its own; each means that the weights are not here.
        found = f"{name} cannot be had from the hub ({str(error).splitlines()[0]})"
        raise _bad(row, "weights", found, "weights in the cache, or a hub to reach") from error


def _read(row: Mapping, weights: str) -> dict[str, torch.Tensor]:
    """Weights from `package:module/file` or `file:path`, never running code they carry."""
    kind, _, where = weights.partition(":")
    if kind == "package":
        package, _, name = where.partition("/")
        try:
            path = Path(str(resources.files(import_module(package)) / name))
        except ModuleNotFoundError as error:
            raise _bad(row, "weights", f"no package {package!r}", "an installed one") from error
    else:
        path = Path(where)
    if not path.is_file():
        raise _bad(row, "weights", f"no file {where!r}", "a file of weights")
    expected = "a whole file of named tensors alone"
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # Damaged bytes make the readers raise whatever they like; code, an UnpicklingError.
        why = (str(error) or type(error).__name__).splitlines()[0].split(". ")[0]
        found = f"{where!r}, which cannot be read ({why})"
        raise _bad(row, "weights", found, expected) from error
    if isinstance(tensors, Mapping) and all(map(torch.is_tensor, tensors.values())):
        return dict(tensors)
    raise _bad(row, "weights", f"{where!r}, which holds something else", expected)


def _fill(module: torch.nn.Module, weights: dict[str, torch.Tensor], row: Mapping) -> None:
    """Fill in weights by name or, where a family names its layers otherwise, by order and shape."""
    own = module.state_dict()
    named = set(own) <= set(weights)
    names = list(own if named else weights)[: len(own)]
    values = [weights[name] for name in names]
    # Weight and bias, mean and variance have one shape: the last part of the name tells them apart.
    fitting = [
        own[a].shape == b.shape and a.split(".")[-1] == name.split(".")[-1]
        for a, name, b in zip(own, names, values, strict=False)
    ]
    # A classifier's own two tensors may follow the network's; without names nothing else may.
    spare = named or len(weights) - len(own) in (0, 2)
    if not (all(fitting) and len(fitting) == len(own) and spare):
        found = f"{len(weights)} tensors of which {sum(fitting)} fit"
        raise _bad(row, "weights", found, f"the {len(own)} tensors of {row['architecture']}")
    module.load_state_dict(dict(zip(own, values, strict=True)))


def _network(module: torch.nn.Module, row: Mapping) -> Network:
    usual = module.pretrained_cfg
    return Network(
        module=module,
        size=row.get("input_size", usual["input_size"][-1]),
        mean=tuple(row.get("mean", usual["mean"])),
        std=tuple(row.get("std", usual["std"])),
        interpolation=usual.get("interpolation", "bicubic"),
        policy=row["policy"],
        intensity=row["intensity"],
        checksum=checksum(module),
    )


def _bad(row: Mapping, column: str, found: str, expected: str) -> InputError:
    return InputError(found, expected, "models.tsv", row.get("of", row.get("model")), column)
