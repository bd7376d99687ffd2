"""Weights of untrained twins: several schemes to draw them, and running statistics from data."""

from collections.abc import Iterable, Mapping
from copy import deepcopy

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from twinscope.errors import InputError, one_of


def initialise(
    module: nn.Module, scheme: str, seed: int, state: Mapping[str, torch.Tensor] | None = None
) -> nn.Module:
    """Draw the weights of an untrained network by a named scheme.

    Parameters
    ----------
    module : Module
        An untrained network, which is left alone. What is no weight or bias of a convolution,
        linear or attention layer (norms, positions, tokens, layer scales) keeps its values.
    scheme : {"own", "kaiming", "xavier", "orthogonal", "permuted"}
        ``own`` keeps all values; ``kaiming`` [1]_ (normal, fan in), ``xavier`` [2]_ (uniform) and
        ``orthogonal`` [3]_ draw weights and set biases to 0; ``permuted`` shuffles the values of
        each tensor of `state`: every distribution of trained weights, and nothing that they encode.
    seed : int
        Of the draw; the global random state is left alone.
    state : mapping of str to Tensor, optional
        Trained weights under the module's own names, for ``permuted``.

    Returns
    -------
    Module
        A copy, in the mode of `module`.

    Raises
    ------
    InputError
        If the scheme is unknown, or `state` is missing or of another network.

    References
    ----------
    .. [1] He et al., "Delving Deep into Rectifiers", ICCV 2015.
    .. [2] Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
       networks", AISTATS 2010.
    .. [3] Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural
       networks", ICLR 2014.
    """
    if scheme not in SCHEMES:
        raise InputError(repr(scheme), one_of(SCHEMES, scheme))
    drawn = deepcopy(module)
    generator = torch.Generator().manual_seed(seed)
    if scheme == "permuted":
        _fill_permuted(drawn, state, generator)
    elif scheme != "own":
        _draw(drawn, _DRAWS[scheme], generator)
    return drawn


def calibrate(module: nn.Module, batches: Iterable[torch.Tensor]) -> nn.Module:
    """Set the running statistics of batch normalisation from data.

    An untrained network believes that every layer's input has mean 0 and variance 1; where that is
    far off, its features are constant or explode. Statistics are the plain average over batches,
    each layer seeing its input normalised by the batch, as in training. All else stays in
    evaluation mode, so nothing is random. One thread computes: more would add up in another order.

    Parameters
    ----------
    module : Module
        Left alone.
    batches : iterable of (B, inputs, y, x) Tensor
        Prepared as the network's inputs; one pass.

    Returns
    -------
    Module
        A copy in evaluation mode; without batch normalisation, with nothing changed.

    Raises
    ------
    ValueError
        If there is no batch.
    """
    copy = deepcopy(module).eval()
    norms = running(copy)
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch's word for a cumulative average
        norm.train()
    seen, threads = False, torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.no_grad():
        for batch in batches:
            copy(batch)
            seen = True
    torch.set_num_threads(threads)
    if not seen:
        raise ValueError("no batch to calibrate with")
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return copy.eval()


def running(module: nn.Module) -> list[nn.Module]:
    """Layers of batch normalisation that keep running statistics."""
    return [m for m in module.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]


def _draw(module: nn.Module, draw, generator: torch.Generator) -> None:
    for owner in module.modules():
        own = dict(owner.named_parameters(recurse=False))
        weights = [v for k, v in own.items() if k.endswith("weight") and v.ndim > 1]
        if not weights or isinstance(owner, nn.Embedding):
            continue
        with torch.no_grad():
            for weight in weights:
                draw(weight, generator=generator)
            for name, value in own.items():
                if name.endswith("bias"):
                    value.zero_()


def _fill_permuted(
    module: nn.Module, state: Mapping[str, torch.Tensor] | None, generator: torch.Generator
) -> None:
    own = module.state_dict()
    shapes = {name: tensor.shape for name, tensor in own.items()}
    if state is None or {name: tensor.shape for name, tensor in state.items()} != shapes:
        raise InputError("no weights of this network", "trained weights to permute")
    shuffled = {
        # Whole numbers are counts and indices, not weights.
        name: state[name]
        .flatten()[torch.randperm(state[name].numel(), generator=generator)]
        .reshape(shape)
        .clone()
        if state[name].is_floating_point()
        else state[name]
        for name, shape in shapes.items()
    }
    module.load_state_dict(shuffled)


def _kaiming(weight: torch.Tensor, generator: torch.Generator) -> None:
    nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)


_DRAWS = {
    "kaiming": _kaiming,
    "xavier": nn.init.xavier_uniform_,
    "orthogonal": nn.init.orthogonal_,
}
SCHEMES = ("own", *_DRAWS, "permuted")
