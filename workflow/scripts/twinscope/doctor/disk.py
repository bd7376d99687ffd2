"""Disks: how much the study will write where, and how much is free there."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from twinscope import study as studies

from .findings import FAIL, OK, WARN, Finding, amount
from .images import Images

NUMBER = 4
LABEL = 2
# What a baseline may have of numbers an image: the widest have some hundreds.
BASELINE = 300
# Logs, tables, figures and the report, whatever the images.
BESIDE = 50_000_000
# What libraries put into the temporary folder.
TEMPORARY = 500_000_000
# Estimates are of what is not compressed; this share of them is written at the least.
LEAST = 0.4


@dataclass(frozen=True)
class Place:
    """A folder that the study writes to.

    Attributes
    ----------
    what : str
        Its name for the table.
    folder : str
        Its path; it need not exist yet.
    needed, least : int
        Bytes: at most about, and at the least.
    variable : str
        What sets another folder.
    """

    what: str
    folder: str
    needed: int
    least: int
    variable: str


def of_dataset(name: str, study: Mapping, images: Images, widths: Mapping[str, int]) -> int:
    """Bytes that one data set will take, uncompressed: images, masks and all representations.

    Parameters
    ----------
    name : str
        Of the data set.
    study : mapping
        As for `examine`.
    images : Images
        As from `images.look`.
    widths : mapping of str to int
        Numbers that each network gives for one image of this data set, layers included.
    """
    row = study["datasets"][name]
    # Simulated images are written twice: as they come, and as one stack a unit.
    copies = 2 if row["source"] == "simulated" else 1
    masks = 2 if {"cell_mask", "cell_channel"} & set(row) else 1
    plane = images.number * images.height * images.width
    pixels = copies * (images.bytes + masks * plane * LABEL)
    models = {k: m for k, m in study["models"].items() if studies.fits(m, row)}
    width = sum(widths.get(model["of"], 0) for model in models.values())
    width += BASELINE * sum(studies.fits(b, row) for b in study["baselines"].values())
    tasks = [task for task in study["tasks"].values() if task["dataset"] == name]
    aligned = {way for task in tasks for way in task["alignments"]}
    # By unit, of all units, and once for each alignment.
    return pixels + images.number * width * NUMBER * (2 + len(aligned))


def check(
    places: Iterable[Place], free: Callable[[str], tuple[int, int]] | None = None
) -> Iterator[Finding]:
    """Hold what is needed against what is free; folders on one disk share it.

    Parameters
    ----------
    places : iterable of Place
    free : callable, optional
        From a folder to the number of its disk and its free bytes.
    """
    taken: dict[int, tuple[int, int]] = {}
    for place in places:
        disk, left = (free or look)(place.folder)
        most, least = taken.get(disk, (0, 0))
        taken[disk] = most + place.needed, least + place.least
        yield _held(place, *taken[disk], left)


def look(folder: str) -> tuple[int, int]:
    """Return the number of the disk of a folder, and its free bytes; -1 if none may be written."""
    there = _existing(folder)
    left = shutil.disk_usage(there).free if os.access(there, os.W_OK) else -1
    return os.stat(there).st_dev, left


def used(folders: Iterable[str]) -> int:
    """Bytes that files in these folders take."""
    return sum(
        os.lstat(os.path.join(path, name)).st_size
        for folder in folders
        for path, _, names in os.walk(folder)
        for name in names
    )


def _existing(folder: str) -> str:
    folder = os.path.abspath(os.path.expanduser(folder))
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder


def _held(place: Place, most: int, least: int, left: int) -> Finding:
    if left < 0:
        found = f"{place.folder} may not be written to"
        return Finding("disk", place.what, FAIL, found, f"another folder: {place.variable}")
    shared = f" ({amount(most)} with the above)" if most > place.needed else ""
    found = f"about {amount(place.needed)} at most{shared}, {amount(left)} free in {place.folder}"
    if most <= left:
        return Finding("disk", place.what, OK, found)
    todo = f"space there, or another folder: {place.variable}"
    return Finding("disk", place.what, FAIL if least > left else WARN, found, todo)
