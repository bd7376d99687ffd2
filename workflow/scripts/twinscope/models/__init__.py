"""Networks by the rows of models.tsv: how each family is built, and its untrained twin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module

from twinscope.channels import COLOURS, SINGLE
from twinscope.errors import InputError, one_of

# Images that set the running statistics of twins, and network inputs in one pass of them.
CALIBRATION = 256
BATCH = 32


@dataclass(frozen=True)
class Network:
    """A network ready to embed, with what it expects of its input.

    Attributes
    ----------
    module : torch.nn.Module
        In evaluation mode; maps (B, inputs, size, size) to (B, d) or, with `layers`, to that and
        a dict of (B, d_k) by the layers' names, from one forward pass.
    size : int
        Side of the square input in pixels.
    mean, std : tuple of float
        What the input is centred and scaled by, one number for each of its channels.
    interpolation : str
        How images are resized to the input.
    policy : {"rgb", "per-channel", "per-channel-mean", "chosen", "native", "adapted"}
        How channels reach the network.
    intensity : {"dtype", "percentile", "plate", "own"}
        How pixels are brought to [0, 1].
    checksum : str
        sha256 of weights and buffers, over names, shapes and values; a family leaves it empty.
    inputs : int
        Channels of the input.
    channels : tuple of str
        For ``chosen``, ``native`` and ``adapted``, the channels of the data set that reach the
        network, in its order.
    layers : tuple of str
        Names of the layers that the module gives besides.
    precision : {"float32", "bfloat16", "float16"}
        What it may be computed in on a GPU; on a CPU it is always float32.
    made_by : mapping
        What besides the weights decides what the module computes: architecture, arguments,
        pooling, code, library.
    """

    module: object
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    policy: str
    intensity: str
    checksum: str = ""
    inputs: int = COLOURS
    channels: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    precision: str = "float32"
    made_by: Mapping[str, object] = field(default_factory=dict)


def load(row: Mapping) -> Network:
    """Build the network of one row of models.tsv, pretrained or as an untrained twin.

    Parameters
    ----------
    row : mapping
        loader, architecture, weights, policy, intensity and, where they differ from the
        architecture's own, the other columns of models.tsv. With weights ``none`` a `seed` draws
        the weights by the row's `initialisation`. A twin may name the weights of its model as
        `trained`: its preprocessing is then that of those weights, and they can be permuted.

    Raises
    ------
    InputError
        If the loader is unknown or not installed, the weights cannot be had or do not fit, or the
        network does not take or give what the row says.
    """
    from twinscope.models.checks import dimensions
    from twinscope.models.weights import checksum

    network = _built(row)
    if row["weights"] == "none" and row.get("initialisation", "own") != "own":
        network = replace(network, module=_initialised(network.module, row))
    network = _shown(network, row)
    network = replace(network, checksum=checksum(network.module))
    if "dimension" in row and (found := dimensions(network)[0]) != row["dimension"]:
        raise bad(row, "dimension", f"{row['dimension']}", f"{found}, which the network gives")
    return network


def calibrated(
    network: Network,
    images: Sequence,
    channels: Sequence[str],
    levels=None,
) -> Network:
    """Set the running statistics of an untrained network's batch normalisation from images.

    Parameters
    ----------
    network : Network
        Left alone.
    images : sequence of (C, Y, X) arrays
        Up to 256 of them, evenly spaced, are looked at.
    channels : sequence of C str
        Their channels' names.
    levels : (n, C, 2) array, optional
        For the intensity ``plate``, those of each image.

    Returns
    -------
    Network
        With a checksum of its own; the same one if it has no batch normalisation. It hangs neither
        on the device nor on the number of threads.
    """
    import torch

    from twinscope.inputs import prepare
    from twinscope.models.initialisation import calibrate, running
    from twinscope.models.weights import checksum

    if not running(network.module):
        return network
    count = min(len(images), CALIBRATION)
    used = [number * len(images) // count for number in range(count)]
    # Each batch spans all images: neighbours, of one well or slide, would vary too little.
    parts = -(-count // BATCH)
    levels = [None] * len(images) if levels is None else levels
    batches = (
        torch.cat([prepare(images[i], network, channels, levels[i]) for i in used[first::parts]])
        for first in range(parts)
    )
    module = calibrate(network.module, batches)
    return replace(network, module=module, checksum=checksum(module))


def bad(row: Mapping, column: str, found: str, expected: str) -> InputError:
    """Name the row of models.tsv and the column that is wrong; a twin's row is its model's."""
    return InputError(found, expected, "models.tsv", row.get("of", row.get("model")), column)


def _built(row: Mapping) -> Network:
    if row["loader"] not in LOADERS:
        raise InputError(repr(row["loader"]), one_of(LOADERS, row["loader"]), "models.tsv")
    try:
        family = import_module(f"twinscope.models.{LOADERS[row['loader']]}")
    except ModuleNotFoundError as error:
        raise bad(row, "loader", f"no package {error.name!r}", "an installed one") from error
    return family.load(row)


def _initialised(module, row: Mapping):
    """Draw the weights of an untrained network by another scheme than its family's own."""
    from twinscope.models.initialisation import initialise

    scheme, state = row["initialisation"], None
    if scheme == "permuted":
        if row.get("trained", "none") == "none":
            raise bad(row, "initialisation", "'permuted' and no weights", "weights to permute")
        without = {k: v for k, v in row.items() if k not in ("seed", "initialisation")}
        state = _built({**without, "weights": row["trained"]}).module.state_dict()
    try:
        return initialise(module, scheme, row.get("seed", 0), state)
    except InputError as error:
        raise bad(row, "initialisation", error.found, error.expected) from error


def _shown(network: Network, row: Mapping) -> Network:
    """Let a network take the channels that its row names, with numbers for each of them."""
    channels = tuple(row.get("channels", ()))
    if row["policy"] == "adapted":
        network = _adapted(network, row, len(channels))
    wanted = {"native": len(channels), "adapted": len(channels)}.get(row["policy"], COLOURS)
    if network.inputs != wanted and not (row["policy"] in SINGLE and network.inputs == 1):
        found = f"{row['policy']} for a network of {network.inputs} channels"
        expected = f"a network of {wanted}{' or 1' if row['policy'] in SINGLE else ''}"
        raise bad(row, "policy", found, expected)
    if row["intensity"] == "own":
        plain = {"mean": (0.0,) * network.inputs, "std": (1.0,) * network.inputs}
        network = replace(network, **plain)
    for column in ("mean", "std"):
        if len(getattr(network, column)) != network.inputs:
            found = f"{len(getattr(network, column))} numbers"
            raise bad(row, column, found, f"{network.inputs}, one for each channel of the input")
    precision = row.get("precision", "float32")
    return replace(network, channels=channels, precision=precision)


def _adapted(network: Network, row: Mapping, count: int) -> Network:
    from twinscope.models.adaptation import adapt, spread

    if not count:
        raise bad(row, "channels", "nothing", "the channels that reach the network")
    try:
        adapt(network.module, count)
    except InputError as error:
        raise bad(row, "policy", f"adapted, and {error.found}", error.expected) from error
    numbers = {column: spread(getattr(network, column), count) for column in ("mean", "std")}
    return replace(network, inputs=count, **numbers)


LOADERS = {"timm": "timm", "transformers": "transformers", "python": "python"}
