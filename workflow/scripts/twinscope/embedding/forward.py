"""Forward passes of one network: batches of one size, halved when memory runs out."""

import warnings
from collections.abc import Callable, Sequence
from threading import Lock
from time import perf_counter

import numpy as np
import torch

from twinscope.embedding import devices
from twinscope.errors import InputError
from twinscope.models import Network

# Network inputs in a batch on a CPU. Of 8, 16, 32 and 64, 16 is the smallest with which torch takes
# the quick convolutions; more is no faster, only larger.
ON_CPU = 16
LARGEST = 1024
GAIN = 1.05

Vectors = tuple[np.ndarray, dict[str, np.ndarray]]


class Forward:
    """A network on a device.

    All batches have one size: the last is filled up, and what filled it is dropped. Then, on a
    CPU, one thread gives an image the same vector to the bit wherever it stands in a batch and
    whatever stands beside it. Seen with torch 2.14 and AVX-512 for untrained ResNet, ViT, Swin,
    ConvNeXt, RegNet, EfficientNet and MobileNet; with AVX2 for the same, but before linear layers
    were computed as convolutions.

    Parameters
    ----------
    network : Network
        What runs.
    device : str
        A torch device.
    compiled : bool
        Whether torch compiles it first.
    """

    def __init__(self, network: Network, device: str, compiled: bool = False):
        devices.settle(device)
        self.network, self.device, self.compiled = network, device, compiled
        self.precision = devices.precision_on(device, network.precision)
        self.size = 1
        self._own = network.module.to(device, memory_format=torch.channels_last)
        self._module = torch.compile(self._own, dynamic=False) if compiled else self._own
        self._lock = Lock()

    def probe(self) -> Vectors:
        """Vector and layers of one fixed input: they tell what the network computes, and sizes."""
        shape = (1, self.network.inputs, self.network.size, self.network.size)
        noise = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
        return self._run(torch.from_numpy(noise), self._own, compiled=False)

    def compile(self) -> None:
        """Compile now, in the calling thread.

        Raises
        ------
        InputError
            If torch cannot.
        """
        shape = (self.network.inputs, self.network.size, self.network.size)
        try:
            self([torch.zeros(shape)])
        except Exception as error:
            if _out_of_memory(error):
                raise
            found = f"true, and torch cannot compile: {str(error).strip().splitlines()[0]}"
            raise InputError(found, "false", "config/config.yaml", column="compile") from error

    def __call__(self, inputs: Sequence[torch.Tensor]) -> tuple[Vectors, int]:
        """Compute inputs (c, s, s); return (m, d) vectors, layers, and the batch size that went.

        Out of memory, the size is halved, for good.
        """
        while True:
            size = self.size
            try:
                return self._batches(inputs, size), size
            except (RuntimeError, MemoryError) as error:
                if not _out_of_memory(error) or size == 1:
                    raise
            self._halve(size)

    def seconds(self, size: int) -> float:
        """Time one batch of a size, after one that warms up."""
        inputs = [torch.zeros(self.network.inputs, self.network.size, self.network.size)] * size
        self._batches(inputs, size)
        began = perf_counter()
        self._batches(inputs, size)
        return perf_counter() - began

    def _batches(self, inputs: Sequence[torch.Tensor], size: int) -> Vectors:
        made = [self._batch(inputs[n : n + size], size) for n in range(0, len(inputs), size)]
        vectors = np.concatenate([vectors for vectors, _ in made])
        names = made[0][1]
        return vectors, {k: np.concatenate([layers[k] for _, layers in made]) for k in names}

    def _batch(self, inputs: Sequence[torch.Tensor], size: int) -> Vectors:
        shape = (size, *inputs[0].shape)
        batch = torch.empty(shape, memory_format=torch.channels_last)
        for place in range(size):
            batch[place] = inputs[min(place, len(inputs) - 1)]
        vectors, layers = self._run(batch, self._module, self.compiled)
        return vectors[: len(inputs)], {k: layer[: len(inputs)] for k, layer in layers.items()}

    def _run(self, batch: torch.Tensor, module: Callable, compiled: bool) -> Vectors:
        batch = batch.to(self.device, memory_format=torch.channels_last)
        with torch.inference_mode(), devices.arithmetic(self.device, self.precision, compiled):
            found = module(batch)
            vectors, layers = found if isinstance(found, tuple) else (found, {})
            return _array(vectors), {name: _array(layer) for name, layer in layers.items()}

    def _halve(self, size: int) -> None:
        with self._lock:
            if self.size == size:
                self.size = size // 2
                warnings.warn(f"out of memory: batches of {self.size} from here on", stacklevel=2)
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()


def find(seconds: Callable[[int], float], first: int = 8, largest: int = LARGEST) -> int:
    """Find a batch size by doubling until memory runs out or an input takes no less time.

    Parameters
    ----------
    seconds : callable
        Runs a batch of a size and says how long it took.
    first, largest : int
        Where to start, and where to stop.
    """
    size, best = first, np.inf
    while size <= largest:
        try:
            each = seconds(size) / size
        except (RuntimeError, MemoryError) as error:
            if not _out_of_memory(error):
                raise
            break
        if each * GAIN > best:
            break
        size, best = size * 2, each
    return max(size // 2, 1)


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.float().cpu().numpy()


def _out_of_memory(error: Exception) -> bool:
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    # MPS and CPU have no error of their own for it.
    words = ("out of memory", "can't allocate memory")
    return isinstance(error, RuntimeError) and any(word in str(error) for word in words)
