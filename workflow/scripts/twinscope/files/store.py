"""Vectors computed earlier, by the content of their images: a folder that many jobs may share.

A network has a folder, named after all that decides its vectors. In it are shards, each of many
vectors of one batch size, written under another name and renamed when they are whole: no reader
sees half a shard, and no writer needs a lock. Nothing is ever changed, so nothing goes stale; to
free the space, delete the folder.
"""

import hashlib
import os
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from uuid import uuid4

import numpy as np

# A shard is written when it is this old, in seconds, or this large, in bytes.
EVERY = 20.0
LARGEST = 64 * 2**20
# Shards held in memory: what stood together once is mostly asked for together.
HELD = 4
DAY = 24 * 3600.0

Vectors = tuple[np.ndarray, dict[str, np.ndarray]]


class Store:
    """A folder of stored vectors; it need not be there yet."""

    def __init__(self, folder: str | Path):
        self._folder = Path(folder)

    def of(self, network: str, asked: int | str) -> "Shelves":
        """Open the part of one network, by its key, for a batch size that is asked for."""
        return Shelves(self._folder / network, asked)


def open_store(folder: str | Path) -> Store | None:
    """Return the store that a study names, or None where it says ``none``."""
    return None if folder == "none" else Store(folder)


class Shelves:
    """The stored vectors of one network. Several threads may read."""

    def __init__(self, folder: Path, asked: int | str):
        self._folder, self._asked = folder, asked
        self._places: dict[tuple[str, int], tuple[Path, int]] = {}
        self._held: dict[Path, dict[str, np.ndarray]] = {}
        self._lock, self._warned, self._writing = Lock(), False, True
        self._pending: dict[int, list[tuple[str, Vectors]]] = {}
        self._began, self._bytes = time.monotonic(), 0
        for path in sorted(folder.glob("*.npz")):
            self._list(path)
        for path in folder.glob("*.part"):
            _remove_old(path)

    def remembered(self) -> int | None:
        """Return the batch size that jobs came down to, where it is not what is asked for."""
        sizes = [path.name.split("-")[1] for path in self._folder.glob(f"{self._asked}-*.size")]
        return min((int(size.removesuffix(".size")) for size in sizes), default=None)

    def remember(self, size: int) -> None:
        """Let later jobs begin with this batch size when the same is asked for."""
        self._write(f"{self._asked}-{size}.size", lambda file: None)

    def get(self, key: str, size: int) -> Vectors | None:
        """Return vector and layers of an image, or None."""
        with self._lock:
            if (key, size) not in self._places:
                return None
            path, row = self._places[key, size]
            shard = self._read(path)
            if shard is None:
                self._places = {k: place for k, place in self._places.items() if place[0] != path}
                return None
        layers = {k[6:]: v[row] for k, v in shard.items() if k.startswith("layer_")}
        return shard["vectors"][row], layers

    def add(self, key: str, size: int, vector: np.ndarray, layers: Mapping) -> None:
        """Keep a new vector; it is on the disk within seconds."""
        self._pending.setdefault(size, []).append((key, (vector, dict(layers))))
        self._bytes += vector.nbytes + sum(layer.nbytes for layer in layers.values())
        if time.monotonic() - self._began >= EVERY or self._bytes >= LARGEST:
            self.flush()

    def flush(self) -> None:
        """Write what is kept."""
        for size, rows in self._pending.items():
            names = rows[0][1][1]
            shard = {
                "keys": np.array([key for key, _ in rows]),
                "vectors": np.stack([vector for _, (vector, _) in rows]),
                **{f"layer_{k}": np.stack([layers[k] for _, (_, layers) in rows]) for k in names},
            }
            whole = {**shard, "checksum": np.array(_checksum(shard))}
            name = f"{size}-{whole['checksum']}.npz"
            self._write(name, lambda file, whole=whole: np.savez(file, **whole))
        self._pending, self._bytes, self._began = {}, 0, time.monotonic()

    def _write(self, name: str, write) -> None:
        if not self._writing:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            part = self._folder / f"{uuid4().hex}.part"
            with open(part, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._folder / name)
        except OSError as error:
            self._writing = False
            warnings.warn(f"nothing more is stored: {error}", stacklevel=2)

    def _list(self, path: Path) -> None:
        """Note which vectors a shard holds; they are read, and checked, when one is asked for."""
        try:
            size = int(path.name.split("-")[0])
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as shard:
                keys = shard["keys"].tolist()
        except Exception as error:
            self._ignore(path, error)
            return
        self._places |= {(key, size): (path, row) for row, key in enumerate(keys)}

    def _read(self, path: Path) -> dict[str, np.ndarray] | None:
        if path not in self._held:
            try:
                with open(path, "rb") as file, np.load(file, allow_pickle=False) as found:
                    shard = {name: found[name] for name in found.files}
                if str(shard.pop("checksum")) != _checksum(shard):
                    raise ValueError("checksum differs")
            except Exception as error:
                self._ignore(path, error)
                return None
            while len(self._held) >= HELD:
                self._held.pop(next(iter(self._held)))
            self._held[path] = shard
        return self._held[path]

    def _ignore(self, path: Path, error: Exception) -> None:
        if not self._warned:
            self._warned = True
            text = f"ignored, and computed anew: {path} is not a whole shard ({error})"
            warnings.warn(text, stacklevel=2)


def _checksum(shard: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(shard):
        values = np.ascontiguousarray(shard[name])
        digest.update(f"{name} {values.dtype.str} {values.shape}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def _remove_old(path: Path) -> None:
    """Remove what a killed job left half written; a living one is done within seconds."""
    try:
        if time.time() - path.stat().st_mtime > DAY:
            path.unlink()
    except OSError:
        return
