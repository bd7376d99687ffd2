"""A network of three colours made to take as many channels as there are."""

from collections.abc import Sequence

import torch
from timm.models import adapt_input_conv

from twinscope.channels import COLOURS
from twinscope.errors import InputError


def adapt(module: torch.nn.Module, count: int) -> None:
    """Widen the first convolution of a network, in place, to another number of channels.

    As timm's ``adapt_input_conv``: channel i takes the kernels of colour i modulo 3, all scaled by
    3 / `count`, which keeps what they add up to at its size; a single channel takes their sum. A
    pretrained network and its untrained twins pass through the same step, each with the weights
    that it has for three colours: a twin whose kernels were drawn for `count` channels could tell
    channels apart that share their kernels in the pretrained one.

    Parameters
    ----------
    module : Module
        Of timm, whose configuration names the first convolution; or any, whose first convolution
        of three channels it is.
    count : int
        Channels.

    Raises
    ------
    InputError
        If there is no such convolution.
    """
    for conv in _first(module):
        weight = adapt_input_conv(count, conv.weight.detach())
        conv.weight = torch.nn.Parameter(weight, requires_grad=conv.weight.requires_grad)
        conv.in_channels = count
    for owner in module.modules():
        # The transformers library holds images against what it was built for.
        if getattr(owner, "num_channels", None) == COLOURS:
            owner.num_channels = count


def spread(values: Sequence[float], count: int) -> tuple[float, ...]:
    """Give each channel the number of the colour whose kernels it takes; a single one, the mean."""
    if len(values) == count:
        return tuple(values)
    if count == 1:
        return (sum(values) / len(values),)
    return tuple(values[i % len(values)] for i in range(count))


def _first(module: torch.nn.Module) -> list[torch.nn.Module]:
    parts = dict(module.named_modules())
    for path, part in parts.items():
        named = (getattr(part, "pretrained_cfg", None) or {}).get("first_conv")
        if named:
            prefix = f"{path}." if path else ""
            names = [named] if isinstance(named, str) else named
            return [_colours(parts.get(prefix + name), name) for name in names]
    convolutions = [p for p in parts.values() if isinstance(p, torch.nn.Conv2d)]
    return [_colours(next(iter(convolutions), None), "the first one")]


def _colours(part, name: str) -> torch.nn.Module:
    if isinstance(part, torch.nn.Conv2d) and part.in_channels == COLOURS and part.groups == 1:
        return part
    raise InputError(f"no convolution of three colours ({name})", "another policy")
