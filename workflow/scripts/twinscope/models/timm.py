"""Networks of the timm library: by tag or repository of a hub, from a file, or untrained."""

import inspect
from collections.abc import Mapping
from functools import partial

import timm
import torch
from timm import layers

from twinscope.channels import COLOURS
from twinscope.errors import InputError
from twinscope.models import Network, bad, hub
from twinscope.models.agreement import check_architecture, check_scaling
from twinscope.models.layers import wanted
from twinscope.models.pooling import Pooled, pool
from twinscope.models.weights import fill, locate, read


def load(row: Mapping) -> Network:
    """Build a timm architecture with the weights that its row names.

    Raises
    ------
    InputError
        If timm does not know the architecture or its arguments, the weights cannot be had or do
        not fit, or they were trained with another architecture, arguments or preprocessing than
        the row gives to the untrained twins.
    """
    weights, config = row["weights"], None
    if weights == "none":
        module = _untrained(row, row.get("seed", 0))
    elif weights.startswith("timm:"):
        module = _from_tag(row, weights.removeprefix("timm:"))
    else:
        path, config = locate(row), hub.config(row)
        check_architecture(row, config)
        module = _untrained(row, 0)
        fill(module, read(path, row), row, _heads(module))
    if "input_size" in row and hasattr(module, "set_input_size"):
        module.set_input_size(row["input_size"])
    network = _network(module.eval().requires_grad_(False), row)
    check_scaling(row, config or {}, network)
    return network


def _untrained(row: Mapping, seed: int) -> torch.nn.Module:
    """Build a network by its family's own initialisation, from a seed of its own."""
    name, trained = row["architecture"], row.get("trained", "")
    # Input size and preprocessing hang on a tag: a twin has its model's.
    if trained.startswith("timm:"):
        name = f"{name}.{trained.removeprefix('timm:')}"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _create(row, name, pretrained=False)


def _heads(module: torch.nn.Module) -> tuple[str, ...]:
    classifier = module.pretrained_cfg.get("classifier") or ()
    return (classifier,) if isinstance(classifier, str) else tuple(classifier)


def _from_tag(row: Mapping, tag: str) -> torch.nn.Module:
    if "sha256" in row:
        raise bad(row, "sha256", "a checksum of a tag", "none: it is of a file of weights")
    name = f"{row['architecture']}.{tag}"
    try:
        given = timm.get_pretrained_cfg(name)
        if given and _channels(row) != given.input_size[0]:
            # timm would adapt the weights, and the twins would be drawn for that many channels.
            expected = "policy adapted, and no in_chans"
            raise bad(row, "model_args", f"in_chans {_channels(row)}", expected)
        return _create(row, name, pretrained=True)
    except InputError:
        raise
    except Exception as error:
        raise hub.explain(error, name, row) from None


def _create(row: Mapping, name: str, *, pretrained: bool) -> torch.nn.Module:
    arguments = {"num_classes": 0, **_arguments(row)}
    if "pooling" in row:
        arguments["global_pool"] = "" if row["pooling"] in ("mean", "both") else row["pooling"]
    try:
        return timm.create_model(name, pretrained=pretrained, **arguments)
    except RuntimeError as error:
        if "Unknown model" in str(error):
            raise bad(row, "architecture", repr(name), "a timm architecture") from error
        raise
    except AssertionError as error:
        if "pooling" not in row:
            raise
        expected = f"a global pooling of {row['architecture']}"
        raise bad(row, "pooling", repr(row["pooling"]), expected) from error
    except (TypeError, ValueError) as error:
        if not row.get("model_args"):
            raise
        expected = f"arguments of {row['architecture']}"
        raise bad(row, "model_args", str(error).splitlines()[0], expected) from error


def _arguments(row: Mapping) -> dict:
    """Arguments of the architecture, layers by name turned into what builds them."""
    return {
        name: _layer(row, name, value) if name.endswith("_layer") else value
        for name, value in row.get("model_args", {}).items()
    }


def _layer(row: Mapping, name: str, value: str):
    known = {"act_layer": layers.get_act_layer, "norm_layer": layers.get_norm_layer}
    try:
        found = known[name](value) if name in known else getattr(layers, value)
    except (AssertionError, AttributeError, KeyError, TypeError) as error:
        raise bad(row, "model_args", f"{name} {value!r}", "a layer of timm by name") from error
    made = found.func if isinstance(found, partial) else found
    if isinstance(made, type) and issubclass(made, torch.nn.Module):
        return found
    raise bad(row, "model_args", f"{name} {value!r}", "a layer of timm by name")


def _network(module: torch.nn.Module, row: Mapping) -> Network:
    usual = module.pretrained_cfg
    size = row.get("input_size", row.get("model_args", {}).get("img_size", usual["input_size"][-1]))
    taken = wanted(row, _layer_names(module))
    made_by = {k: row[k] for k in ("architecture", "model_args", "pooling") if k in row}
    return Network(
        module=_pooled(module, row, taken),
        size=size if isinstance(size, int) else size[-1],
        mean=tuple(row.get("mean", usual["mean"])),
        std=tuple(row.get("std", usual["std"])),
        interpolation=row.get("interpolation", usual.get("interpolation", "bicubic")),
        policy=row["policy"],
        intensity=row["intensity"],
        inputs=_channels(row),
        layers=tuple(taken),
        made_by={**made_by, "library": f"timm {timm.__version__}"},
    )


def _pooled(module: torch.nn.Module, row: Mapping, taken: Mapping[str, int]) -> torch.nn.Module:
    class_tokens = int(getattr(module, "cls_token", None) is not None)
    if row.get("pooling") == "both" and not class_tokens:
        found = f"'both', and {row['architecture']} has no class token"
        raise bad(row, "pooling", found, "mean")
    registers = getattr(module, "num_prefix_tokens", class_tokens) - class_tokens
    how = row.get("pooling") if row.get("pooling") in ("mean", "both") else None
    if taken:
        return _Layered(module, how, class_tokens, registers, taken).eval()
    return Pooled(module, how, class_tokens, registers).eval() if how else module


def _channels(row: Mapping) -> int:
    return row.get("model_args", {}).get("in_chans", COLOURS)


def _own_pooling(module: torch.nn.Module) -> str:
    return "token" if getattr(module, "global_pool", None) == "token" else "mean"


def _layer_names(module: torch.nn.Module) -> list[str]:
    """Names that timm has for what `features_only` can give, or none."""
    if not hasattr(module, "forward_intermediates"):
        return []
    return [part["module"] for part in module.feature_info]


class _Layered(Pooled):
    """A network whose layers are pooled beside its vector, all from one forward pass.

    Without `how`, the network pools its vector itself.
    """

    def __init__(self, network, how: str | None, class_tokens: int, registers: int, taken: Mapping):
        super().__init__(network, how, class_tokens, registers)
        self.taken = dict(taken)
        self.of_layers = how or (_own_pooling(network))
        known = inspect.signature(network.forward_intermediates).parameters
        has_tokens = "return_prefix_tokens" in known
        self.options = {"output_fmt": "NLC", "return_prefix_tokens": True} if has_tokens else {}

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Map (B, inputs, y, x) to (B, d) and each layer's (B, d_k)."""
        places = list(self.taken.values())
        features, parts = self.network.forward_intermediates(images, places, **self.options)
        vector = self.network.forward_head(features)
        vector = vector if self.how is None else self.pooled(vector)
        return vector, dict(zip(self.taken, map(self._pooled_layer, parts), strict=True))

    def _pooled_layer(self, part) -> torch.Tensor:
        patches, before = part if isinstance(part, tuple) else (part, None)
        if patches.ndim == 4:
            return patches.mean((2, 3))
        if before is None:
            return pool(patches, "mean", class_tokens=0)
        tokens = torch.cat([before, patches], 1)
        return pool(tokens, self.of_layers, registers=before.shape[1] - 1)
