"""How the masks look that all structure is measured from: one row a unit, flags, and overlays."""

import base64
from collections.abc import Mapping

import pandas as pd

from twinscope.figures import words
from twinscope.figures.grid import natural

MOST = 12
FLAGS = {
    "empty-segmentation": "Images without nuclei",
    "absurd-size": "Size not as declared",
    "fragmented": "Fragmented",
    "merged": "Merged",
    "border-heavy": "Many cut by the border",
    "covered": "Image covered",
}
MEANINGS = {
    "empty-segmentation": "Baselines from masks have no value there, or say only that.",
    "absurd-size": "Something else was segmented, or nucleus_diameter or µm per pixel are wrong.",
    "fragmented": "Counts are too high, and areas and shapes are those of pieces or dirt.",
    "merged": "Counts are too low, and areas and shapes are those of clumps.",
    "border-heavy": "Areas and shapes are those of the frame; larger tiles would help.",
    "covered": "Background is in the masks; counts and shapes mean little.",
}


def section(
    quality: pd.DataFrame | None,
    flags: pd.DataFrame | None,
    overlays: Mapping[str, bytes] | None,
) -> dict:
    """Say how the masks of every unit look.

    Parameters
    ----------
    quality : DataFrame
        One row a unit: `dataset`, `unit`, `segmentation`, `scaled` (whether µm are known), and
        what `quality.summarise` gives. Empty or None: there is no section.
    flags : DataFrame
        `dataset`, `unit`, `flag`, `detail`.
    overlays : mapping
        "dataset/unit" to a JPEG file; units without one have none.

    Returns
    -------
    dict
        Empty without a unit. Else `rows`, one a unit, by data set and unit; `flagged`, how many
        units are; `flags`, one a kind, with title, meaning, and name and detail of each unit;
        `overlays`, at most 12, those of flagged units first, each with name, flags in words and
        picture (a data URI); `left_out`, a sentence where there are more.
    """
    if quality is None or quality.empty:
        return {}
    units = sorted(quality.to_dict("records"), key=_place)
    raised: dict[str, dict[str, str]] = {_name(row): {} for row in units}
    if flags is not None and len(flags):
        for row in sorted(
            flags.to_dict("records"), key=lambda row: (*_place(row), _rank(row["flag"]))
        ):
            raised.setdefault(_name(row), {})[row["flag"]] = words.text(row["detail"])
    shown = [name for name in map(_name, units) if name in (overlays or {})]
    shown.sort(key=lambda name: not raised[name])
    return {
        "rows": [_row(row, raised[_name(row)]) for row in units],
        "flagged": f"{sum(bool(raised[_name(row)]) for row in units)} of"
        f" {words.count(len(units), 'unit')} flagged",
        "flags": _kinds(raised),
        "overlays": [_overlay(name, raised[name], overlays[name]) for name in shown[:MOST]],
        "left_out": _left_out(shown),
    }


def _row(row: Mapping, raised: Mapping[str, str]) -> dict:
    length = "µm" if row["scaled"] else "pixels"
    low, high = (words.whole(row[f"per_image_{end}"]) for end in ("min", "max"))
    return {
        "dataset": row["dataset"],
        "unit": row["unit"],
        "segmenter": row["segmentation"],
        "images": f"{row['images']:.0f}",
        "nuclei": f"{row['nuclei']:.0f}",
        "per_image": f"{row['per_image_median']:g} ({low} to {high})",
        "empty": words.percent(row["empty"]),
        "diameter": _value(row["diameter_median"], words.number(row["diameter_median"], 1)),
        "declared": f"declared {row['diameter_declared']:g} {length}",
        "border": _value(row["border"], words.percent(row["border"])),
        "coverage": words.percent(row["coverage"]),
        "flags": _said(raised) or "none",
    }


def _value(value: float, said: str) -> str:
    return words.UNDEFINED if pd.isna(value) else said


def _kinds(raised: Mapping[str, Mapping[str, str]]) -> list[dict]:
    found = {flag for flags in raised.values() for flag in flags}
    return [
        {
            "title": words.choice(FLAGS, flag),
            "meaning": MEANINGS.get(flag, ""),
            "units": [
                {"name": name, "detail": flags[flag]}
                for name, flags in raised.items()
                if flag in flags
            ],
        }
        for flag in sorted(found, key=_rank)
    ]


def _overlay(name: str, raised: Mapping[str, str], picture: bytes) -> dict:
    said = _said(raised) or "no flag"
    data = base64.b64encode(picture).decode()
    return {"name": name, "said": said, "picture": f"data:image/jpeg;base64,{data}"}


def _said(raised: Mapping[str, str]) -> str:
    return ", ".join(words.choice(FLAGS, flag).lower() for flag in raised)


def _left_out(shown: list[str]) -> str:
    if len(shown) <= MOST:
        return ""
    return (
        f"{MOST} of {len(shown)} units are shown, those with flags first; all are in"
        " results/{dataset}/quality."
    )


def _name(row: Mapping) -> str:
    return f"{row['dataset']}/{row['unit']}"


def _place(row: Mapping) -> tuple:
    return natural(str(row["dataset"])), natural(str(row["unit"]))


def _rank(flag: str) -> tuple:
    names = list(FLAGS)
    return names.index(flag) if flag in names else len(names), flag
