"""Image files as they came: listed with their checksums, measured, decoded, or simulated."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from twinscope.errors import InputError
from twinscope.files.stacks import write_labels, write_stack


def sha256(path: str | Path) -> str:
    """Checksum of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_present(root: str | Path, index: pd.DataFrame, file: str) -> None:
    """Look whether every image of a table is there.

    Raises
    ------
    InputError
        Naming the table, the item and the first path that is no file.
    """
    for column in (c for c in index if c.startswith("path:")):
        for item, path in zip(index["item"], index[column], strict=True):
            if not (Path(root) / path).is_file():
                raise InputError(f"no file {path!r}", f"a path from {root}", file, item, "image")


def manifest(root: str | Path, index: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """List every file of a unit with its size and checksum, and the item it belongs to."""
    rows = []
    for _, row in index.iterrows():
        for part, column in enumerate(columns):
            path = Path(root) / row[column]
            rows.append(
                {
                    "item": row["item"],
                    "part": part,
                    "path": row[column],
                    "bytes": path.stat().st_size,
                    "sha256": sha256(path),
                    "microns_per_pixel": row["microns_per_pixel"],
                }
            )
    return pd.DataFrame(rows)


def image_sizes(root: str | Path, manifest: pd.DataFrame) -> pd.DataFrame:
    """Size of every image of a manifest, without decoding it: item, path, height, width."""
    from twinscope import decoding

    first = manifest[manifest["part"] == 0]
    sizes = []
    for row in first.itertuples(index=False):
        with _open(root, row.path, row.item) as file:
            sizes.append(decoding.size(file, row.path, row.item))
    heights, widths = zip(*sizes, strict=True)
    return first[["item", "path", "microns_per_pixel"]].assign(height=heights, width=widths)


def read_images(root: str | Path, manifest: pd.DataFrame) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield each image of a manifest as (item, file name, (C, Y, X) array).

    Raises
    ------
    InputError
        If a file is not there or cannot be decoded, or if the channels differ in size.
    """
    from twinscope import decoding

    for item, rows in manifest.sort_values(["item", "part"]).groupby("item", sort=True):
        parts = []
        for path in rows["path"]:
            with _open(root, path, item) as file:
                parts.append(decoding.decode(file, path, item))
        sizes = {part.shape[1:] for part in parts}
        if len(sizes) > 1:
            raise InputError(f"channels of sizes {sorted(sizes)}", "one size", path, item, "image")
        types = {str(part.dtype) for part in parts}
        if len(types) > 1:
            raise InputError(f"channels of types {sorted(types)}", "one type", path, item, "image")
        yield item, path, np.concatenate(parts) if len(parts) > 1 else parts[0]


def _open(root: str | Path, path: str, item: str):
    if not (Path(root) / path).is_file():
        raise InputError("no such file", "an image", path, item, "image")
    return open(Path(root) / path, "rb")


def write_pictures(
    images: str | Path, masks: str | Path, pictures: Iterable, channels: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write simulated pictures and their true masks, one file each.

    Returns
    -------
    table, objects : DataFrame
        One row a picture, with its path; and one row a cell.
    """
    rows, objects = [], []
    for folder in (images, masks):
        Path(folder).mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        name = f"{picture.row['item']}.tif"
        write_stack(Path(images) / name, [picture.image], 1, channels)
        write_labels(Path(masks) / name, [picture.nuclei], 1)
        rows.append({"path": f"{Path(images).name}/{name}", **picture.row})
        objects.append(picture.objects)
    return pd.DataFrame(rows), pd.concat(objects, ignore_index=True)
