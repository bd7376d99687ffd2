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
    for column in (c for c in index if c.startswith(("path:", "mask:"))):
        what = "image" if column.startswith("path:") else "mask"
        for item, path in zip(index["item"], index[column], strict=True):
            if not (Path(root) / path).is_file():
                raise InputError(f"no file {path!r}", f"a path from {root}", file, item, what)


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
    """Size of every image of a manifest, without decoding it: item, path, height, width, bytes."""
    from twinscope import decoding

    first = manifest[manifest["part"] == 0]
    sizes = []
    for row in first.itertuples(index=False):
        with _open(root, row.path, row.item) as file:
            sizes.append(decoding.size(file, row.path, row.item))
    heights, widths = zip(*sizes, strict=True)
    total = manifest.groupby("item")["bytes"].sum().loc[first["item"]].to_numpy()
    known = first[["item", "path", "microns_per_pixel"]]
    return known.assign(height=heights, width=widths, bytes=total)


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


def read_masks(
    root: str | Path, index: pd.DataFrame, column: str
) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield each image's mask as (item, file name, (C, Y, X) array), sorted by item.

    Raises
    ------
    InputError
        If a file is not there or cannot be decoded.
    """
    from twinscope import decoding

    for item, path in index.sort_values("item")[["item", column]].itertuples(index=False):
        with _open(root, path, item) as file:
            yield item, path, decoding.decode(file, path, item)


def _open(root: str | Path, path: str, item: str):
    if not (Path(root) / path).is_file():
        raise InputError("no such file", "an image", path, item, "image")
    return open(Path(root) / path, "rb")


def write_pictures(
    images: str | Path,
    masks: str | Path,
    cells: str | Path,
    pictures: Iterable,
    channels: Sequence[str],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write simulated pictures and their true masks of nuclei and whole cells, one file each.

    Parameters
    ----------
    images, masks, cells : path
        Folders, made if need be; that of whole cells stays empty if a design has no such masks.
    pictures : iterable of Picture
    channels : sequence of str

    Returns
    -------
    table, objects : DataFrame
        One row a picture, with `path`, `mask` and, where there are whole cells, `cell_mask`; and
        one row a cell.
    """
    rows, objects = [], []
    for folder in (images, masks, cells):
        Path(folder).mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        name = f"{picture.row['item']}.tif"
        write_stack(Path(images) / name, [picture.image], 1, channels)
        write_labels(Path(masks) / name, [picture.nuclei], 1)
        paths = {"path": f"{Path(images).name}/{name}", "mask": f"{Path(masks).name}/{name}"}
        if picture.cells is not None:
            write_stack(Path(cells) / name, [picture.cells[None]], 1, ["cells"])
            paths["cell_mask"] = f"{Path(cells).name}/{name}"
        rows.append(paths | picture.row)
        objects.append(picture.objects)
    return pd.DataFrame(rows), pd.concat(objects, ignore_index=True)
