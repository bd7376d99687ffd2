"""Cellpose with a published network: found, checked and run, never another in its place."""

import os
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from cellpose import core, models, vit

from twinscope.errors import InputError, one_of
from twinscope.files import sha256

from .classical import diameter_in_pixels, nuclear_plane
from .flows import follow

# What whoever runs a published network should be told.
LICENCE = "Code: BSD-3-Clause. Published networks: trained on data licensed CC-BY-NC."


@dataclass(frozen=True)
class Published:
    """A published network, ready to run.

    Attributes
    ----------
    model : cellpose.models.CellposeModel
    name : str
        As asked for.
    sha256 : str
        Of the file of weights.
    device : str
        "cuda", "mps" or "cpu".
    precision : str
        "bfloat16" or "float32".
    """

    model: models.CellposeModel
    name: str
    sha256: str
    device: str
    precision: str


def load(network: str = "cpsam_v2", bfloat16: bool = True) -> Published:
    """Load a published network, on a GPU (CUDA or Apple's MPS) if there is one.

    A published name is looked for in the folder that the environment variable
    CELLPOSE_LOCAL_MODELS_PATH names when Cellpose is first imported (else ~/.cellpose/models), and
    if it is not there, Cellpose downloads it into that folder.

    Parameters
    ----------
    network : str
        A name that Cellpose publishes, or "file:" and the path of a file of weights.
    bfloat16 : bool
        Run in 16 bits, Cellpose's own default and several times faster.

    Returns
    -------
    Published

    Raises
    ------
    InputError
        When there is no such name or file, it cannot be downloaded, it cannot be read whole, or it
        holds the weights of another architecture. Cellpose itself goes on with its default network
        after a mistyped name, and ignores weights whose names it does not know.
    """
    path = _locate(network)
    _check(path, network)
    device = core.assign_device(gpu=True)[0]
    model = models.CellposeModel(pretrained_model=path, device=device, use_bfloat16=bfloat16)
    precision = "bfloat16" if bfloat16 else "float32"
    return Published(model, network, sha256(path), device.type, precision)


def describe(network: Published) -> dict:
    """Say what was loaded, for the provenance of masks."""
    made = {"network": network.name, "sha256": network.sha256, "licence": LICENCE}
    return made | {"device": network.device, "precision": network.precision}


def segment(
    image: np.ndarray,
    *,
    channels: tuple[str, ...],
    nuclear_channel: str,
    microns_per_pixel: float,
    nucleus_diameter: float = 10.0,
    network: Published,
    batch_size: int = 8,
) -> np.ndarray:
    """Segment nuclei with a published Cellpose network.

    The image is resized so that nuclei are 30 pixels wide, normalised between its 1st and 99th
    percentile, and passed through the network in overlapping tiles of 256 pixels. With
    "haematoxylin" the network sees the three colours as they are, which it was trained on; else it
    sees the nuclear plane alone.

    Parameters
    ----------
    image : ndarray, shape (C, Y, X)
        uint8, uint16 or float.
    channels : sequence of str, length C
        Names of the channels, in order.
    nuclear_channel : str
        The name of a channel, "haematoxylin" (the image is RGB) or "luminance".
    microns_per_pixel : float
        Pixel size.
    nucleus_diameter : float
        Typical diameter in µm.
    network : Published
        As loaded by `load`.
    batch_size : int
        Tiles that pass through the network together.

    Returns
    -------
    ndarray of int32, shape (Y, X)
        0 for background, 1..n for the nuclei in raster order of their first pixels.

    Raises
    ------
    InputError
        When the nuclear channel is not there, lengths are not positive, or pixels are not finite.

    References
    ----------
    Pachitariu, Rariden and Stringer 2025, bioRxiv 2025.04.28.651001 (Cellpose-SAM).
    """
    plane = nuclear_plane(image, channels, nuclear_channel)
    diameter = diameter_in_pixels(plane.shape, microns_per_pixel, nucleus_diameter)
    colours = nuclear_channel == "haematoxylin" and nuclear_channel not in channels
    pixels = np.moveaxis(np.asarray(image), 0, -1) if colours else plane[..., None]
    return follow(network.model, pixels, diameter, batch_size=batch_size)


def _locate(network):
    """Path of a file of weights, downloaded if a published network has none yet."""
    if network.startswith("file:"):
        path = network.removeprefix("file:")
        if not os.path.isfile(path):
            raise InputError(f"no file {path!r}", "a file of weights of a Cellpose network")
        return path
    if network not in models.MODEL_NAMES:
        raise InputError(
            f"network {network!r}", f"{one_of(models.MODEL_NAMES, network)}, or file:path"
        )
    try:
        return models.cache_model_path(network)
    except OSError as error:
        raise InputError(
            f"{network} not in {models.MODEL_DIR} and not to be downloaded ({error})",
            "the file of that name in the folder CELLPOSE_LOCAL_MODELS_PATH, or a network",
        ) from error


def _check(path, network):
    """Compare the names and shapes of the weights with those of the architecture."""
    try:
        weights = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
        shapes = {name: tuple(weight.shape) for name, weight in weights.items()}
    except Exception as error:
        # Damaged bytes make the reader raise whatever it likes; code, an UnpicklingError.
        why = (str(error) or type(error).__name__).splitlines()[0].split(". ")[0]
        raise InputError(
            f"{network}: {path!r} cannot be read ({why})",
            "a whole file of weights alone; delete this one to have it downloaded anew",
        ) from error
    expected = _shapes(path, network)
    fitting = sum(shapes.get(name) == shape for name, shape in expected.items())
    if not fitting == len(expected) == len(shapes):
        raise InputError(
            f"{network}: {path!r} with {len(shapes)} weights of which {fitting} fit",
            f"the {len(expected)} weights of the network",
        )


def _shapes(path, network):
    backbone = models.get_backbone(path)
    if backbone == "sam_vitl":
        return _sam_shapes()
    if not hasattr(models, "CPDINO") or not hasattr(vit, "dinov3_vitl16"):
        raise InputError(f"network {network!r} without the package dinov3", "cpsam_v2, or dinov3")
    with torch.device("meta"):
        return _shapes_of(models.CPDINO(model_name=backbone[-4:]))


@cache
def _sam_shapes():
    with torch.device("meta"):
        return _shapes_of(models.CPSAM())


def _shapes_of(module):
    return {name: tuple(weight.shape) for name, weight in module.state_dict().items()}
