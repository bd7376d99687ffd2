"""Networks: each built with random weights, at its input size, and what it gives counted."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from twinscope.channels import SINGLE
from twinscope.errors import InputError

from .findings import FAIL, OK, Finding

# Networks up to this size are drawn and run; of larger ones only the shapes are computed.
LARGE = 30_000_000
STATED = "models.tsv, dimension: what the model has; or its architecture, model_args, pooling"


@dataclass(frozen=True)
class Measured:
    """What a network is, found out without its trained weights.

    Attributes
    ----------
    network : Network
        What it expects of its input; its module is gone.
    drawn : bool
        Whether it had weights, and computed a vector with them.
    dimension : int
        Numbers it gives for one input.
    layers : int
        Numbers that its intermediate layers give besides.
    parameters : int
    """

    network: object
    drawn: bool
    dimension: int
    layers: int
    parameters: int


def measure(row: Mapping) -> Measured:
    """Build an untrained network and pass one image through it.

    Large networks are built on torch's meta device, where tensors have shapes and no values.

    Parameters
    ----------
    row : mapping
        Of an untrained twin, complete for one data set. How its weights are drawn does not matter
        here; what it states of its dimension, `check` compares.

    Raises
    ------
    InputError
        If it cannot be built, or gives something else than one finite vector.
    """
    row = {k: v for k, v in row.items() if k not in ("initialisation", "dimension")}
    try:
        shapes = _shapes(row)
    except Exception:
        if row["loader"] != "python":
            raise
        # A user's code need not know of a device where tensors have no values.
        return _drawn(row)
    return _drawn(row) if shapes.parameters <= LARGE else shapes


def check(name: str, row: Mapping, measured: Measured, counts: Collection[int]) -> Finding:
    """Hold a network against its row, and say what it is.

    Parameters
    ----------
    name : str
    row : mapping
        Of models.tsv; `dimension`, where it is stated, is what the network should give.
    measured : Measured
    counts : collection of int
        How many inputs an image becomes, in each data set that the network is run on.
    """
    counts, words = sorted(set(counts)), f"{measured.dimension} numbers"
    if counts != [1]:
        words += f" for each of {' or '.join(map(str, counts))} channels"
    if measured.layers:
        words += f", {measured.layers} of layers besides"
    size = f"{measured.network.size} x {measured.network.size}"
    how = "drawn and run" if measured.drawn else "shapes only (meta device)"
    found = f"{words} from {size}, {measured.parameters / 1e6:.1f} M parameters, {how}"
    stated = row.get("dimension", measured.dimension)
    if stated != measured.dimension:
        return Finding("network", name, FAIL, f"{found}; its row says {stated}", STATED)
    agrees = ", as its row says" if "dimension" in row else ""
    return Finding("network", name, OK, f"{found}{agrees}")


def count(measured: Measured, channels: Sequence[str]) -> int:
    """How many inputs of a network one image becomes."""
    return len(channels) if measured.network.policy in SINGLE else 1


def width(measured: Measured, channels: Sequence[str]) -> int:
    """Numbers that one image ends as, of the network and of its layers."""
    averaged = measured.network.policy == "per-channel-mean"
    return (1 if averaged else count(measured, channels)) * (measured.dimension + measured.layers)


def _shapes(row: Mapping) -> Measured:
    import torch

    with torch.device("meta"), _valueless():
        return _measured(_load(row), drawn=False, make=torch.empty)


def _drawn(row: Mapping) -> Measured:
    import torch

    from twinscope.embedding import best_device

    network, device = _load(row), best_device()
    network.module.to(device)
    return _measured(network, drawn=True, make=lambda *shape: torch.rand(*shape, device=device))


def _load(row: Mapping):
    from twinscope import models

    return models.load(row)


def _measured(network, drawn: bool, make: Callable) -> Measured:
    import torch

    with torch.inference_mode():
        made = network.module(make(1, network.inputs, network.size, network.size))
    vectors, layers = made if isinstance(made, tuple) else (made, {})
    for name, part in {"the network": vectors, **layers}.items():
        if part.ndim != 2 or len(part) != 1:
            found = f"{tuple(part.shape)} from {name} for one image"
            raise InputError(found, "(1, d)", "models.tsv", column="pooling")
        if drawn and not part.isfinite().all():
            found = f"NaN or infinity from {name} with random weights"
            raise InputError(found, "finite numbers", "models.tsv", column="architecture")
    parameters = sum(parameter.numel() for parameter in network.module.parameters())
    others = sum(part.shape[1] for part in layers.values())
    # Fifty networks at once would fill the memory.
    network = replace(network, module=None)
    return Measured(network, drawn, vectors.shape[1], others, parameters)


def _valueless():
    from torch import Tensor, empty
    from torch.overrides import TorchFunctionMode

    class Valueless(TorchFunctionMode):
        """What has no values is copied to the CPU as nothing, which is what a checksum reads."""

        def __torch_function__(self, function, types, args=(), kwargs=None):
            if function is Tensor.cpu and args[0].is_meta:
                return empty(0, device="cpu")
            return function(*args, **(kwargs or {}))

    return Valueless()
