"""One unit on its way through a network: reading and computing overlap, memory is bounded."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch

from twinscope import inputs
from twinscope.embedding import keys
from twinscope.embedding.forward import Forward, Vectors


class Step(NamedTuple):
    """Some images are done; so many of them were stored already, or stand twice."""

    images: int
    stored: int


class Asked(NamedTuple):
    """One input of the network: which image's, the how-manieth of it, and the pixels."""

    position: int
    slot: int
    pixels: torch.Tensor


class Run:
    """The state of one unit."""

    def __init__(self, images, forward: Forward, channels, levels, count: int, shelves=None):
        self.images, self.forward = images, forward
        self.channels, self.levels, self.count = channels, levels, count
        self.shelves, self.size = shelves, forward.size
        # Positions by key and keys by position; parts of images that are not whole yet.
        self.first: dict[str, int] = {}
        self.names: dict[int, str] = {}
        self.parts: dict[int, list[tuple[Vectors, int]]] = {}
        self.repeats: list[tuple[int, int]] = []
        self.computed = self.stored = 0

    def make_room(self, answer: Vectors) -> None:
        """Set aside one array for all vectors, and one for each layer."""
        vector, layers = self._joined([answer] * self.count)
        rows = len(self.images)
        self.vectors = np.empty((rows, len(vector)), np.float32)
        self.layers = {k: np.empty((rows, len(layer)), np.float32) for k, layer in layers.items()}

    def steps(self, readers: Executor, computers: Executor, workers: int) -> Iterator[Step]:
        """Go through all images with so many batches at a time; yield when some are done."""
        batch = self.size
        ahead = -(-batch * (workers + 1) // self.count)
        looked = _ahead(readers, self._look, range(len(self.images)), ahead)
        waiting: deque[Asked] = deque()
        running: deque[tuple[Future, list[Asked]]] = deque()
        for position, found in enumerate(looked):
            waiting += self._sort(position, *found)
            while len(waiting) >= batch:
                asked = [waiting.popleft() for _ in range(batch)]
                running.append((computers.submit(self._compute, asked), asked))
                if len(running) > workers:
                    yield self._finish(*running.popleft())
            if self.stored >= batch:
                yield self._step(0)
        if waiting:
            running.append((computers.submit(self._compute, list(waiting)), list(waiting)))
        while running:
            yield self._finish(*running.popleft())
        for position, first in self.repeats:
            for values in (self.vectors, *self.layers.values()):
                values[position] = values[first]
        if self.stored:
            yield self._step(0)

    def _look(self, position: int) -> tuple[str, Vectors | None, torch.Tensor | None]:
        image = self.images[position]
        levels = None if self.levels is None else self.levels[position]
        key = keys.of_image(image, self.channels, levels)
        known = self.shelves.get(key, self.size) if self.shelves else None
        # What stands here already was put there by an image before this one.
        if known or key in self.first:
            return key, known, None
        return key, None, inputs.prepare(image, self.forward.network, self.channels, levels)

    def _sort(self, position: int, key: str, known: Vectors | None, prepared) -> list[Asked]:
        """Put away what is known, and return what must be computed."""
        if key in self.first:
            self.repeats.append((position, self.first[key]))
            self.stored += 1
            return []
        self.first[key] = position
        if known:
            self._put(position, *known)
            self.stored += 1
            return []
        self.names[position], self.parts[position] = key, []
        return [Asked(position, slot, pixels) for slot, pixels in enumerate(prepared)]

    def _compute(self, asked: Sequence[Asked]) -> tuple[Vectors, int]:
        return self.forward([one.pixels for one in asked])

    def _finish(self, future: Future, asked: Sequence[Asked]) -> Step:
        """Put away a batch: inputs come in order, so an image is whole with its last one."""
        (vectors, layers), size = future.result()
        if size < self.size and self.shelves:
            self.shelves.remember(size)
        self.size = min(self.size, size)
        done = 0
        for row, one in enumerate(asked):
            part = vectors[row : row + 1], {k: v[row : row + 1] for k, v in layers.items()}
            self.parts[one.position].append((part, size))
            if one.slot == self.count - 1:
                self._whole(one.position)
                done += 1
        self.computed += done
        return self._step(done)

    def _whole(self, position: int) -> None:
        parts = self.parts.pop(position)
        vector, layers = self._joined([part for part, _ in parts])
        self._put(position, vector, layers)
        key = self.names.pop(position)
        sizes = {size for _, size in parts}
        if self.shelves and len(sizes) == 1:
            self.shelves.add(key, sizes.pop(), vector, layers)

    def _joined(self, parts: Sequence[Vectors]) -> Vectors:
        def join(vectors: list[np.ndarray]) -> np.ndarray:
            return inputs.join(np.concatenate(vectors)[None], self.forward.network)[0]

        return join([v for v, _ in parts]), {k: join([x[k] for _, x in parts]) for k in parts[0][1]}

    def _put(self, position: int, vector: np.ndarray, layers: dict[str, np.ndarray]) -> None:
        self.vectors[position] = vector
        for name, values in self.layers.items():
            values[position] = layers[name]

    def _step(self, computed: int) -> Step:
        stored, self.stored = self.stored, 0
        return Step(computed + stored, stored)


def _ahead(pool: Executor, work: Callable, items: Iterable, depth: int) -> Iterator:
    """Like map, in order, but never with more than `depth` items in memory."""
    items = iter(items)
    waiting = deque(pool.submit(work, item) for item in islice(items, depth))
    while waiting:
        yield waiting.popleft().result()
        waiting += [pool.submit(work, item) for item in islice(items, 1)]
