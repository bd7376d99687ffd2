"""Networks by the rows of models.tsv: how each family is built, and its untrained twin."""

from collections.abc import Mapping
from dataclasses import dataclass
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
        architecture's own, input_size, mean, std, pooling. A `seed` makes an untrained network.

    Raises
    ------
    InputError
        If the loader is unknown, or the weights cannot be had or do not fit.
    """
    if row["loader"] not in LOADERS:
        raise InputError(repr(row["loader"]), one_of(LOADERS, row["loader"]), "models.tsv")
    return import_module(f"twinscope.models.{LOADERS[row['loader']]}").load(row)


LOADERS = {"timm": "timm"}
