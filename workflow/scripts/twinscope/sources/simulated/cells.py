"""Cell culture: plates of wells of stained cells, in the manner of Cell Painting."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from twinscope.errors import InputError

from . import optics, sizes
from .arguments import Names, Number, Numbers
from .culture import TYPES, populate
from .effects import EFFECTS, PERTURBATIONS, apply
from .factors import CELL, untreated
from .picture import Picture, crop
from .plates import Plate, Well, edge, layout, plate
from .render import CHANNELS
from .seeding import generator

SMALLEST = 40.0


def check(arguments: dict) -> dict:
    """Check the arguments of the design and fill in defaults.

    Parameters
    ----------
    arguments : dict

    Returns
    -------
    dict
        Complete; ``perturbations`` holds only those whose effect is in ``effects``, and ``preset``
        and ``scale`` are spelled out.

    Raises
    ------
    InputError
        For an unknown argument, a value out of bounds, or a plate too small for the perturbations.
    """
    given, scale = sizes.choose(ARGUMENTS, sizes.CELLS, arguments)
    most = ARGUMENTS["rows"].high, ARGUMENTS["columns"].high
    given |= sizes.plate(given["rows"], given["columns"], scale, most)
    chosen = [p for p in given["perturbations"] if PERTURBATIONS[p].effect in given["effects"]]
    if not chosen:
        raise InputError(
            "effects and perturbations that have nothing in common",
            "at least one perturbation of a chosen effect",
        )
    wells = given["rows"] * given["columns"]
    controls = max(round(given["controls"] * wells), 1)
    if wells < len(chosen) + controls:
        raise InputError(
            f"rows x columns = {wells} wells",
            f"at least {len(chosen) + controls}: {len(chosen)} perturbations, {controls} controls",
        )
    if given["size"] * given["microns_per_pixel"] < SMALLEST:
        raise InputError(
            f"size = {given['size']} pixels of {given['microns_per_pixel']:g} µm",
            f"an image of at least {SMALLEST:g} µm, larger than a cell",
        )
    return given | {"perturbations": chosen}


def number(arguments: dict) -> int:
    """Count the pictures of a plate, for arguments as returned by `check`."""
    return arguments["rows"] * arguments["columns"] * arguments["sites"]


def parts(unit: str, seed: int, arguments: dict) -> Iterator[tuple[Well, int]]:
    """List the wells and sites of one plate, in order.

    Parameters
    ----------
    unit : str
        Name of the plate.
    seed : int
    arguments : dict
        As returned by `check`.

    Yields
    ------
    Well, int
    """
    for well in layout(seed, unit, arguments):
        for site in range(1, arguments["sites"] + 1):
            yield well, site


def picture(unit: str, seed: int, arguments: dict, part: tuple[Well, int]) -> Picture:
    """Make the picture of one site, which needs no other.

    Parameters
    ----------
    unit : str
    seed : int
    arguments : dict
        As returned by `check`.
    part : (Well, int)
        One of `parts`.

    Returns
    -------
    Picture
    """
    well, site = part
    camera = plate(seed, unit, len(CHANNELS))
    rim = edge(well, arguments["rows"], arguments["columns"])
    means = untreated(generator(seed, "cells", unit, well.name), arguments["density"])
    means = apply(well.perturbation, means, well.dose)
    means["density"] *= 1 - arguments["edge_effect"] * rim
    size, scale = arguments["size"], arguments["microns_per_pixel"]
    rng = generator(seed, "cells", unit, well.name, site)
    field, types, pad = populate(rng, means, size, scale)
    light = np.stack([stain(field, rng) for stain in CHANNELS.values()])
    glow = 1 + 2 * arguments["edge_effect"] * rim
    image = optics.expose(rng, light, camera, pad, scale, glow)
    shown = crop(field.nuclei, pad, size)
    labels = shown.labels(field.nuclei.labels), shown.labels(field.cells.labels)
    row = _identity(unit, well, site) | {"microns_per_pixel": scale}
    objects = _objects(row["item"], field, types, pad, shown)
    true = _true(objects, (size * scale) ** 2 / 1e6)
    true |= {"clustering": means["clustering"], "edge": rim} | _optics(camera)
    row |= {f"factor_{name}": value for name, value in true.items()}
    return Picture(row, image, *labels, objects)


def _identity(unit, well: Well, site):
    treatment, control = well.perturbation, well.dose == 0
    return {
        "item": f"{unit}-{well.name.lower()}-s{site}",
        "plate": unit,
        "well": well.name,
        "site": site,
        "well_id": f"{unit}-{well.name}",
        "perturbation": treatment.name,
        "dose": well.dose,
        "effect": "control" if control else treatment.effect,
        "relation": treatment.relation,
        "agent": treatment.agent,
        "control": control,
        "plate_row": well.row,
        "plate_column": well.column,
    }


def _objects(item, field, types, pad, part):
    number = np.arange(1, len(part.own) + 1)
    objects = pd.DataFrame({"item": item, "cell": number, "type": types[part.own]})
    objects["y"] = (field.y[part.own] - pad) * field.scale
    objects["x"] = (field.x[part.own] - pad) * field.scale
    for name in CELL:
        objects[name] = field.factors[name][part.own]
    objects["border"] = part.border
    return objects


def _true(objects, area):
    """Reduce the cells that show to the true factors of the image; NaN where there are none."""
    true = {"cell_count": len(objects), "density": len(objects) / area}
    true |= {f"{kind}_fraction": _mean(objects["type"] == kind) for kind in TYPES[1:]}
    return true | {name: _mean(objects[name]) for name in CELL}


def _optics(camera: Plate):
    return {
        "blur": camera.blur,
        "gain": float(camera.gain.mean()),
        "background": float(camera.background.mean()),
    }


def _mean(values):
    return float(np.mean(values)) if len(values) else float("nan")


ARGUMENTS = {
    "size": Number(192, 16, 4096, whole=True),
    "microns_per_pixel": Number(0.65, 0.1, 2.0),
    "rows": Number(6, 1, 26, whole=True),
    "columns": Number(8, 1, 48, whole=True),
    "sites": Number(1, 1, 64, whole=True),
    "density": Number(900, 0, 1200),
    "controls": Number(0.25, 0, 0.9),
    "doses": Numbers([1.0], 0.01, 2.0),
    "effects": Names(tuple(EFFECTS)),
    "perturbations": Names(tuple(PERTURBATIONS)),
    "edge_effect": Number(0.15, 0, 0.5),
}
