"""Sizes by name, and a scale that multiplies the wells of a plate or the spots of a slide."""

import math

from twinscope.errors import InputError

from .arguments import Name, Number, fill

EMBEDDED = "embedded"
SCALE = Number(1, 1, 10000, whole=True)


def choose(specification: dict, presets: dict[str, dict], arguments: dict) -> tuple[dict, int]:
    """Check arguments, filled in from a preset and then from the defaults.

    Parameters
    ----------
    specification : dict
        Argument name to its rule, see `arguments.fill`.
    presets : dict of dict
        Arguments of each preset.
    arguments : dict
        As given; ``preset`` and ``scale`` may be among them, and all others win over the preset.

    Returns
    -------
    arguments : dict
        Every argument of the specification, spelled out.
    scale : int

    Raises
    ------
    InputError
        For an unknown preset or argument or a value that is not allowed.
    """
    name = Name(tuple(presets), EMBEDDED)
    preset = presets[name.check("preset", arguments.get("preset", EMBEDDED))]
    if "perturbations" in arguments:
        preset = {key: value for key, value in preset.items() if key != "effects"}
    given = fill(specification | {"preset": name, "scale": SCALE}, preset | arguments)
    given.pop("preset")
    return given, given.pop("scale")


def plate(rows: int, columns: int, scale: int, most: tuple[int, int]) -> dict[str, int]:
    """Multiply the wells of a plate, and keep its shape as near to 2 : 3 as can be.

    Parameters
    ----------
    rows, columns, scale : int
    most : (int, int)
        Rows and columns that a plate may have.

    Returns
    -------
    dict of int
        New ``rows`` and ``columns``: ``scale`` times as many wells.

    Raises
    ------
    InputError
        If they fit on no plate.
    """
    shares = (share for share in range(1, scale + 1) if scale % share == 0)
    shapes = [(rows * share, columns * (scale // share)) for share in shares]
    fitting = [shape for shape in shapes if shape[0] <= most[0] and shape[1] <= most[1]]
    if not fitting:
        raise InputError(
            f"scale = {scale}: {rows * columns * scale} wells of a plate",
            f"whole multiples of {rows} rows and {columns} columns, up to {most[0]} x {most[1]}; "
            "for more wells use more units",
        )
    high, wide = min(fitting, key=_lopsided)
    return {"rows": high, "columns": wide}


def slide(spots: int, scale: int, most: int) -> dict[str, int]:
    """Multiply the spots of a slide.

    Parameters
    ----------
    spots, scale, most : int

    Returns
    -------
    dict of int
        New ``spots``.

    Raises
    ------
    InputError
        If they are more than a slide may have.
    """
    if spots * scale > most:
        expected = f"at most {most:g} spots; for more use more slides or units"
        raise InputError(f"scale = {scale}: {spots * scale} spots of a slide", expected)
    return {"spots": spots * scale}


def _lopsided(shape):
    """Tell how far from 2 : 3 a plate is; of two that are as far, the wide one comes first."""
    return round(abs(math.log(1.5 * shape[0] / shape[1])), 9), shape[0]


CELLS: dict[str, dict] = {
    EMBEDDED: {},
    "tiny": {"size": 96, "rows": 4, "columns": 4, "effects": ["count", "intensity"]},
}
TISSUE: dict[str, dict] = {
    EMBEDDED: {},
    "tiny": {"size": 96, "slides": 3, "spots": 4, "regions": ["infiltrate", "stroma"]},
}
