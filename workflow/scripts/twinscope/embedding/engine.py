"""From images to vectors: each read, prepared and computed only once, and kept."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from twinscope import channels as naming
from twinscope import inputs
from twinscope.embedding import keys
from twinscope.embedding.devices import best_device
from twinscope.embedding.forward import ON_CPU, Forward, find
from twinscope.embedding.run import Run, Step
from twinscope.models import Network


@dataclass(frozen=True)
class Embedded:
    """What came of images.

    Attributes
    ----------
    vectors : (n, D) float32 array
        D is the network's dimension, times C with the policy ``per-channel``.
    layers : dict of (n, D_k) float32 arrays
        By name, in the network's order.
    facts : dict
        How it was computed, for the provenance: device, precision, batch size, compiled.
    computed : int
        How many images went through the network; the others were stored, or stand twice.
    """

    vectors: np.ndarray
    layers: dict[str, np.ndarray]
    facts: dict
    computed: int


def embed(
    images: Sequence[np.ndarray],
    network: Network,
    channels: Sequence[str],
    levels: np.ndarray | None = None,
    *,
    store=None,
    threads: int = 1,
    batch_size: int | str = "auto",
    device: str | None = None,
    compiled: bool = False,
    watch: Callable[[Iterable[Step]], Iterable] = iter,
) -> Embedded:
    """Embed images with one network.

    Images are read, looked up in the store and prepared by a pool of threads while batches go
    through the network; on a CPU the same threads compute them, one batch each, with one thread
    of torch: the number of threads and the order of the images do not change a bit. Another batch
    size on a CPU changes a vector by up to about 1e-6 of its length. On a GPU, 1e-5 with float32
    and 1e-2 with half precision are to be expected; nobody has measured that yet.

    Parameters
    ----------
    images : sequence of (C, Y, X) arrays
        Read once each, by several threads; a few batches are in memory at any time. Of a
        files.Stack only the channels that reach the network are decoded.
    network : Network
        What to embed with.
    channels : sequence of C str
        The images' channels.
    levels : (n, C, 2) array, optional
        For the intensity ``plate``: which pixels of each image become 0 and 1.
    store : files.Store, optional
        Where vectors computed earlier are found and new ones are kept.
    threads : int
        CPU threads.
    batch_size : int or "auto"
        Network inputs in one forward pass: images, or channels of images. ``auto`` is 16 on a CPU;
        on a CUDA GPU it is found, and remembered by the store. Out of memory, it is halved for the
        rest of the job, and for later ones of the same network.
    device : str, optional
        A torch device; by default the best that is there.
    compiled : bool
        Whether torch compiles the network first.
    watch : callable
        Wraps the iterable of steps, for progress.

    Raises
    ------
    InputError
        If the channels do not fit the network, or it cannot be compiled.
    """
    forward = Forward(network, device or best_device(), compiled)
    count = inputs.count(network, channels)
    places = naming.positions(network.policy, network.channels, channels)
    if hasattr(images, "only") and places != list(range(len(channels))):
        images, channels = images.only(places), [channels[place] for place in places]
        levels = None if levels is None else levels[:, places]
    on_cpu = forward.device == "cpu"
    readers = ThreadPoolExecutor(threads, initializer=_alone)
    computers = readers if on_cpu else ThreadPoolExecutor(1, initializer=_alone)
    shelves = None
    try:
        answer = computers.submit(forward.probe).result()
        shelves = store and store.of(keys.of_network(forward, answer), batch_size)
        forward.size = computers.submit(_size, batch_size, forward, shelves).result()
        if compiled:
            computers.submit(forward.compile).result()
        run = Run(images, forward, channels, levels, count, shelves)
        run.make_room(answer)
        for _ in watch(run.steps(readers, computers, threads if on_cpu else 1)):
            pass
    finally:
        for pool in {readers, computers}:
            pool.shutdown(cancel_futures=True)
        if shelves:
            shelves.flush()
    facts = {
        "device": forward.device,
        "precision": forward.precision,
        "compiled": compiled,
        "batch_size": forward.size,
    }
    return Embedded(run.vectors, run.layers, facts, run.computed)


def _size(asked: int | str, forward: Forward, shelves) -> int:
    """Return the size that an earlier job came down to or found; else as asked, or found now."""
    known = shelves.remembered() if shelves else None
    if known is not None:
        return known
    if asked != "auto":
        return asked
    if not forward.device.startswith("cuda"):
        return ON_CPU
    size = find(forward.seconds)
    if shelves:
        shelves.remember(size)
    return size


def _alone() -> None:
    torch.set_num_threads(1)
