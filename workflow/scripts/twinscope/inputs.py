"""From an image to the inputs of a network: channels, intensities, size; and back to one vector."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from twinscope import channels as naming
from twinscope import images as pixels
from twinscope.models import Network

# Counts up when the same image and network would give other numbers: stored results are then old.
VERSION = 1
# What is not told by words: the weights, which have a checksum.
ASIDE = ("module", "checksum")


def count(network: Network, channels: Sequence[str]) -> int:
    """How many inputs one image becomes: one for each channel, or one in all.

    Parameters
    ----------
    network : Network
        What the image is for.
    channels : sequence of str
        The names of the image's channels.

    Raises
    ------
    InputError
        If the channels do not fit the network's policy.
    """
    found = naming.positions(network.policy, network.channels, channels)
    return len(found) if network.policy in naming.SINGLE else 1


def prepare(
    image: np.ndarray,
    network: Network,
    channels: Sequence[str],
    levels: np.ndarray | None = None,
) -> torch.Tensor:
    """Bring one image to inputs of a network.

    Channels that do not reach the network are not touched.

    Parameters
    ----------
    image : (C, Y, X) array
        uint8, uint16 or float32.
    network : Network
        What the image is for.
    channels : sequence of C str
        The names of the image's channels.
    levels : (C, 2) array, optional
        For the intensity ``plate``, which pixels become 0 and 1.

    Returns
    -------
    (k, inputs, size, size) float32 Tensor
        k is what `count` says.

    Raises
    ------
    InputError
        If the channels do not fit the network's policy, or levels are missing.
    """
    used = naming.positions(network.policy, network.channels, channels)
    if used != list(range(len(image))):
        image, levels = image[used], None if levels is None else levels[used]
    tensor = torch.from_numpy(pixels.scale(image, network.intensity, levels))
    tensor = tensor[:, None] if network.policy in naming.SINGLE else tensor[None]
    size = (network.size, network.size)
    if tensor.shape[-2:] != size:
        tensor = functional.interpolate(
            tensor, size, mode=network.interpolation, antialias=True, align_corners=False
        ).clamp_(0, 1)
    mean, std = (torch.tensor(v).view(1, -1, 1, 1) for v in (network.mean, network.std))
    return (tensor - mean) / std


def join(vectors: np.ndarray, network: Network) -> np.ndarray:
    """One vector an image from those of its inputs.

    Parameters
    ----------
    vectors : (n, k, d) array
        Of n images with k inputs each.
    network : Network
        What they were computed with.

    Returns
    -------
    (n, D) array
        D is k d for ``per-channel``, where the channels' vectors stand side by side, and d
        otherwise; for ``per-channel-mean`` they are averaged.
    """
    if network.policy == "per-channel-mean":
        return vectors.mean(1)
    return vectors.reshape(len(vectors), -1)


def describe(network: Network) -> dict:
    """All that decides the numbers but the weights and the device, as plain values.

    Returns
    -------
    dict
        Part of the provenance and, with the weights' checksum, the key of stored results.
    """
    described = {name: value for name, value in vars(network).items() if name not in ASIDE}
    plain = {k: list(v) if isinstance(v, tuple) else v for k, v in described.items()}
    return {**plain, "version": VERSION}
