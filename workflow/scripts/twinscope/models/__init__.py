"""Networks by the rows of models.tsv: how each family is built, and its untrained twin."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module

from twinscope.errors import InputError, one_of


@dataclass(frozen=True)
class Network:
    """A network ready to embed, with what it expects of its input.

    Attributes
    ----------
    module : torch.nn.Module
        In evaluation mode; maps (B, 3, size, size) to (B, d).
    size : int
        Side of the square input in pixels.
    mean, std : tuple of 3 float
        What the input is centred and scaled by.
    interpolation : str
        How images are resized to the input.
    policy : {"rgb", "per-channel"}
        How channels reach the network.
    intensity : {"dtype", "percentile"}
        How pixels are brought to [0, 1].
    checksum : str
        sha256 of the weights, over names, shapes and values.
    """

    module: object
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    policy: str
    intensity: str
    checksum: str


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
        If the loader is unknown or not installed, or the weights cannot be had or do not fit.
    """
    if row["loader"] not in LOADERS:
        raise InputError(repr(row["loader"]), one_of(LOADERS, row["loader"]), "models.tsv")
    try:
        family = import_module(f"twinscope.models.{LOADERS[row['loader']]}")
    except ModuleNotFoundError as error:
        raise bad(row, "loader", f"no package {error.name!r}", "an installed one") from error
    network = family.load(row)
    if row["weights"] == "none" and row.get("initialisation", "own") != "own":
        return _initialised(network, row)
    return network


def bad(row: Mapping, column: str, found: str, expected: str) -> InputError:
    """Name the row of models.tsv and the column that is wrong; a twin's row is its model's."""
    return InputError(found, expected, "models.tsv", row.get("of", row.get("model")), column)


def _initialised(network: Network, row: Mapping) -> Network:
    """Draw the weights of an untrained network by another scheme than its family's own."""
    from twinscope.models.initialisation import initialise
    from twinscope.models.weights import checksum

    scheme, state = row["initialisation"], None
    if scheme == "permuted":
        if row.get("trained", "none") == "none":
            raise bad(row, "initialisation", "'permuted' and no weights", "weights to permute")
        without = {k: v for k, v in row.items() if k not in ("seed", "initialisation")}
        state = load({**without, "weights": row["trained"]}).module.state_dict()
    try:
        module = initialise(network.module, scheme, row.get("seed", 0), state)
    except InputError as error:
        raise bad(row, "initialisation", error.found, error.expected) from error
    return replace(network, module=module, checksum=checksum(module))


LOADERS = {"timm": "timm", "transformers": "transformers", "python": "python"}
