"""What a network gives, found without computing it."""

import torch

from twinscope.models import Network


def dimensions(network: Network) -> tuple[int, dict[str, int]]:
    """Lengths of the vector that one input becomes, and of those of its layers.

    Shapes alone are computed, on torch's meta device: in a moment, whatever the network's size.
    Where its code needs real numbers, one input of zeros passes through it.

    Parameters
    ----------
    network : Network
        Left alone.

    Returns
    -------
    int, dict of str to int
    """
    module, shape = network.module, (1, network.inputs, network.size, network.size)
    state = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    shadow = {name: torch.empty_like(tensor, device="meta") for name, tensor in state.items()}
    with torch.inference_mode():
        try:
            with torch.device("meta"):
                given = torch.func.functional_call(module, shadow, (torch.empty(shape),))
        except (NotImplementedError, RuntimeError, TypeError):
            given = module(torch.zeros(shape, device=next(iter(state.values())).device))
    vector, layers = given if isinstance(given, tuple) else (given, {})
    return vector.shape[-1], {name: tensor.shape[-1] for name, tensor in layers.items()}
