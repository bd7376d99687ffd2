"""Images through a network: batches in, one vector an image out."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np
import torch
from torch.nn import functional

from twinscope import images as pixels
from twinscope.models import Network


def embed(
    images: Sequence[np.ndarray],
    network: Network,
    *,
    threads: int = 1,
    batch_size: int = 32,
    device: str | None = None,
    watch: Callable[[Iterable], Iterable] = iter,
) -> np.ndarray:
    """Embed images with one network.

    On a CPU each thread takes whole batches and computes them alone, so the number of threads
    does not change a bit of the result; batches are made by position, so it does not depend on
    what else runs either.

    Parameters
    ----------
    images : sequence of (C, Y, X) arrays
        Read one at a time; at most a few batches are in memory.
    network : Network
        What to embed with.
    threads : int
        CPU threads.
    batch_size : int
        Network inputs in one forward pass: images, or channels of images.
    device : str, optional
        A torch device; by default the best that is there.
    watch : callable
        Wraps the iterable of finished batches, for progress.

    Returns
    -------
    (n, d) float32 array
        With the policy ``per-channel`` the channels' vectors stand side by side: d is the
        network's dimension times C.
    """
    device = device or best_device()
    module = network.module.to(device, memory_format=torch.channels_last)
    workers = threads if device == "cpu" else 1

    def forward(batch: list[np.ndarray]) -> np.ndarray:
        torch.set_num_threads(1)
        with torch.inference_mode():
            return _forward(batch, module, network, device)

    per_batch = batch_size if network.policy == "rgb" else max(1, batch_size // len(images[0]))
    batches = _batches(images, per_batch)
    with ThreadPoolExecutor(workers) as pool:
        return np.concatenate(list(watch(_ahead(pool, forward, batches, 2 * workers))))


def provenance(network: Network, row: Mapping, versions: Mapping) -> dict:
    """Say how a representation was made: the row, the weights, the preprocessing, the device."""
    device = best_device()
    return {
        "row": dict(row),
        "weights_sha256": network.checksum,
        "input_size": network.size,
        "mean": network.mean,
        "std": network.std,
        "interpolation": network.interpolation,
        "device": device,
        "precision": "float32",
        "versions": dict(versions),
    }


def best_device() -> str:
    """Return the best device that is there: CUDA, Apple's MPS, or the CPU."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def prepare(image: np.ndarray, network: Network) -> torch.Tensor:
    """Bring one image to network inputs, (1, 3, s, s), or (C, 3, s, s) channel by channel."""
    tensor = torch.from_numpy(pixels.scale(image, network.intensity))
    tensor = tensor[None] if network.policy == "rgb" else tensor[:, None]
    size = (network.size, network.size)
    if tensor.shape[-2:] != size:
        tensor = functional.interpolate(
            tensor, size, mode=network.interpolation, antialias=True, align_corners=False
        ).clamp(0, 1)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (network.mean, network.std))
    return (tensor - mean) / std


def _forward(batch: list[np.ndarray], module, network: Network, device: str) -> np.ndarray:
    inputs = torch.cat([prepare(image, network) for image in batch])
    vectors = module(inputs.to(device, memory_format=torch.channels_last))
    return vectors.float().cpu().numpy().reshape(len(batch), -1)


def _batches(images: Sequence[np.ndarray], size: int) -> Iterator[list[np.ndarray]]:
    images = iter(images)
    while batch := list(islice(images, size)):
        yield batch


def _ahead(pool: ThreadPoolExecutor, work, items: Iterator, depth: int) -> Iterator:
    """Like map, in order, but never with more than a few items in memory."""
    waiting = [pool.submit(work, item) for item in islice(items, depth)]
    while waiting:
        yield waiting.pop(0).result()
        waiting += [pool.submit(work, item) for item in islice(items, 1)]
