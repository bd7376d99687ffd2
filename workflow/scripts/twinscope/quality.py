"""How masks look where nobody knows the truth: the images of a unit ranked, summed up, flagged."""

import numpy as np
import pandas as pd

from twinscope.errors import InputError, one_of
from twinscope.figures import words


def images(index: pd.DataFrame, cells: pd.DataFrame, nucleus_diameter: float) -> pd.DataFrame:
    """Measure the mask of each image of a unit, and how suspicious it is.

    Without ground truth nothing tells a wrong mask from an unusual image. An image is suspicious
    when it differs from the others of its unit: in the number of its nuclei (square root), their
    median area (logarithm), median solidity or share on the border; or when its nuclei are
    absurd. Each of the first four counts |x − median| in robust standard deviations (1.4826
    times the median absolute deviation, at least `LEAST`) over `FAR`, at most 1; the fifth is
    the share of absurd nuclei. The score is their mean. An image without nuclei counts 1 in all
    but the number. Masks of a unit that are all wrong alike score low: `flags` is for them.

    Parameters
    ----------
    index : DataFrame
        One row an image: `item`, `height`, `width` (pixels), `microns_per_pixel`.
    cells : DataFrame
        One row a nucleus: `item`, `area` (µm²), `solidity`, `border`, as measured.
    nucleus_diameter : float
        Declared diameter, µm.

    Returns
    -------
    DataFrame
        The rows of the index, in its order and under its labels: the four columns; `nuclei`;
        `coverage`, share of the image under nuclei; medians `area` (µm²) and `solidity`; shares
        of nuclei `border` and `absurd`; `score`, 0 to 1; `reason`, a text. NaN for a median or
        share of no nuclei. A nucleus is absurd when its area is above 8 times that of a disc of
        the declared diameter, or below an eighth of it and not cut by the border, or its
        solidity below 0.8.

    Raises
    ------
    InputError
        On no images, missing columns, doubled or unknown items, lengths that are not positive.
    """
    _check(index, cells, nucleus_diameter)
    found = index[list(PLACE)].copy()
    parts = cells.assign(absurd=_absurd(cells, nucleus_diameter)).groupby("item")
    means = parts[["border", "absurd"]].mean()
    values = parts[["area", "solidity"]].median().join(means).reindex(found["item"])
    found["nuclei"] = parts.size().reindex(found["item"], fill_value=0).to_numpy()
    covered = parts["area"].sum().reindex(found["item"], fill_value=0.0).to_numpy()
    pixels = found["height"] * found["width"]
    found["coverage"] = covered / (pixels * found["microns_per_pixel"] ** 2)
    found[list(values)] = values.to_numpy(float)
    suspicion = _suspicion(found)
    return found.assign(score=suspicion.mean(axis=1), reason=_reasons(found, suspicion))


def choose(images: pd.DataFrame) -> pd.DataFrame:
    """Choose the worst, the median and the best image of those that `images` describes.

    Returns
    -------
    DataFrame
        Their rows, with `rank`: "worst", "median" and "best" of three or more, no median of
        two, "only" of one. Of equal scores, items earlier in the alphabet are the worse.
    """
    ranked = images.sort_values(["score", "item"], ascending=[False, True])
    last = len(ranked) - 1
    places = {"worst": 0, "median": last // 2, "best": last}
    places = places if last > 1 else {"worst": 0, "best": 1} if last else {"only": 0}
    return ranked.iloc[list(places.values())].assign(rank=list(places))


def summarise(images: pd.DataFrame, cells: pd.DataFrame, nucleus_diameter: float) -> pd.DataFrame:
    """Sum up the masks of a unit.

    Parameters
    ----------
    images : DataFrame
        What `images` returned.
    cells, nucleus_diameter
        What was given to it.

    Returns
    -------
    DataFrame, one row
        `images`, `nuclei`; `per_image_median`, `_min`, `_max`; `empty`, share of images without
        nuclei; `area_q05`, `_q25`, `_median`, `_q75`, `_q95` (µm²) and `diameter_median` (µm, of
        a disc of the median area) of nuclei that the border does not cut; `diameter_declared`;
        shares of nuclei: `border`, `absurd`, `ragged` (solidity below 0.8), `tiny` (of those not
        cut, below a quarter of the declared area); `merged`, share of the nuclear area in
        objects of over 3 median areas of their image (of the unit, in images of fewer than 5
        nuclei) and a solidity below 0.9; `coverage`, median over images. NaN for what no nucleus
        defines.
    """
    whole, counts = cells.loc[~cells["border"].astype(bool), "area"], images["nuclei"]
    areas = whole.quantile(list(QUANTILES.values())).to_numpy(float)
    own = cells.groupby("item")["area"]
    usual = own.transform("median").where(own.transform("size") >= ENOUGH, areas[2])
    merged = (cells["area"] > LARGE * usual) & (cells["solidity"] < WAISTED)
    row = {
        "images": len(images),
        "nuclei": int(counts.sum()),
        **{f"per_image_{how}": float(counts.agg(how)) for how in ("median", "min", "max")},
        "empty": _share(counts == 0),
        **{f"area_{name}": area for name, area in zip(QUANTILES, areas, strict=True)},
        "diameter_median": 2 * np.sqrt(areas[2] / np.pi),
        "diameter_declared": float(nucleus_diameter),
        "border": _share(cells["border"]),
        "absurd": _share(_absurd(cells, nucleus_diameter)),
        "ragged": _share(cells["solidity"] < RAGGED),
        "tiny": _share(whole < TINY * _disc(nucleus_diameter)),
        "merged": cells.loc[merged, "area"].sum() / cells["area"].sum() if len(cells) else np.nan,
        "coverage": float(images["coverage"].median()),
    }
    return pd.DataFrame([row])


def flags(summary: pd.DataFrame) -> pd.DataFrame:
    """Say what is wrong with the masks of a unit as a whole.

    Parameters
    ----------
    summary : DataFrame, one row
        What `summarise` returned.

    Returns
    -------
    DataFrame
        `flag` and `detail` (a text), in the order of `FLAGS`; no row where nothing is wrong.
        Shares of fewer than 10 nuclei raise no flag.
    """
    row = summary.iloc[0]
    rows = [(name, detail) for name, check in FLAGS.items() if (detail := check(row))]
    return pd.DataFrame(rows, columns=["flag", "detail"], dtype=object)


def _check(index, cells, diameter):
    for table, wanted in ((index, PLACE), (cells, CELLS)):
        for name in wanted:
            if name not in table:
                raise InputError(f"no column {name!r}", one_of(table.columns, name), column=name)
    items = index["item"]
    if index.empty or items.duplicated().any():
        raise InputError("no images" if index.empty else "an item twice", "each image once")
    unknown = sorted(set(cells["item"]) - set(items))
    if unknown:
        raise InputError(f"nuclei of {unknown[0]!r}", "nuclei of the given images only")
    lengths = np.array([diameter, *index["microns_per_pixel"]], float)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise InputError(f"nucleus_diameter {diameter}, pixels {lengths[1:].min()} µm", "above 0")


def _disc(diameter):
    return np.pi * diameter**2 / 4


def _share(which):
    return float(which.mean()) if len(which) else np.nan


def _absurd(cells, diameter):
    relative, cut = cells["area"] / _disc(diameter), cells["border"].astype(bool)
    outside = (relative > ABSURD) | ((relative < 1 / ABSURD) & ~cut)
    return outside | (cells["solidity"] < RAGGED)


def _suspicion(found):
    """Five terms an image, 0 for nothing unusual and 1 for as unusual as can be."""
    scaled = found[list(LEAST)].astype(float)
    scaled["nuclei"], scaled["area"] = np.sqrt(scaled["nuclei"]), np.log2(scaled["area"])
    off = (scaled - scaled.median()).abs()
    spread = np.maximum(1.4826 * off.median(), pd.Series(LEAST))
    return (off / spread / FAR).clip(upper=1).assign(absurd=found["absurd"]).fillna(1.0)


def _reasons(found, suspicion):
    """Name the two terms that weigh most if they are unusual, or else the first."""
    usual, told = found[list(suspicion)].median(), []
    for row, terms in zip(found.to_dict("records"), suspicion.to_dict("records"), strict=True):
        most = sorted(terms, key=lambda k: -terms[k])[:2]
        parts = [REASONS[k](row[k], usual[k]) for k in most if terms[k] >= UNUSUAL]
        if not parts and terms[most[0]] > 0:
            parts = ["nothing far off", REASONS[most[0]](row[most[0]], usual[most[0]])]
        told.append("; ".join(parts or ["nothing unusual"]) if row["nuclei"] else "no nuclei")
    return told


def _absurd_size(row):
    ratio = row["diameter_median"] / row["diameter_declared"]
    off = ratio > OFF or ratio < 1 / OFF
    return f"the median diameter is {ratio:.2g} times the declared one" if off else ""


def _over(*bounds, fewest=10):
    """Flag shares that lie above their bounds. Shares of fewer nuclei are chance."""

    def check(row):
        over = [(row[name], said) for name, most, said in bounds if row[name] > most]
        parts = [f"{words.percent(share)} {said}" for share, said in over]
        return "; ".join(parts) if row["nuclei"] >= fewest else ""

    return check


PLACE = ("item", "height", "width", "microns_per_pixel")
CELLS = ("item", "area", "solidity", "border")
QUANTILES = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95}
# Spreads below which nothing is unusual: a half is the standard deviation of the square root of a
# Poisson count; a pixel more or less on the outline of a small nucleus is a quarter of an octave
# of area and 0.02 of solidity; of few nuclei, a quarter may touch a border by chance.
LEAST = {"nuclei": 0.5, "area": 0.25, "solidity": 0.02, "border": 0.25}
# A term is full at 6 robust standard deviations, and told from 2 on.
FAR, UNUSUAL = 6.0, 1 / 3
# A factor of 8 in area is 2.8 in diameter: beyond any ploidy, and any honest declaration.
ABSURD = 8.0
# Nuclei are convex: lobed and dividing ones still reach 0.85.
RAGGED = 0.8
# Half the diameter (a piece, a dead cell, dirt); three nuclei (one doubles before it divides),
# which are not one convex nucleus: three discs side by side have a solidity of 0.85.
TINY, LARGE, WAISTED, ENOUGH = 0.25, 3.0, 0.9, 5
# From one image in five, which images have nuclei at all decides what masks say. Twice or half
# the diameter is not what the segmenter was told to look for.
MOST_EMPTY, OFF = 0.2, 2.0
# Healthy cells and tissue have a few per cent of small, dying and lobed nuclei.
MOST_TINY = MOST_RAGGED = 0.25
# Hand-drawn masks have up to 3 % of their area there (Data Science Bowl 2018, three modalities).
MOST_MERGED = 0.1
# More cut nuclei than whole ones: their shapes are those of the frame. Closely packed nuclei, as
# in a lymph node, cover 50 to 60 %; far above, background is in the mask.
MOST_CUT, MOST_COVERED = 0.5, 0.8
REASONS = {
    "nuclei": lambda own, usual: f"count {own}, usual is {usual:g}",
    "area": lambda own, usual: f"median area {own / usual:.2g} times the usual one",
    "solidity": lambda own, usual: f"median solidity {own:.2f}, usual is {usual:.2f}",
    "border": lambda own, usual: f"{own:.0%} on the border, usual are {usual:.0%}",
    "absurd": lambda own, usual: f"{own:.0%} of absurd size or shape",
}
FLAGS = {
    "empty-segmentation": _over(("empty", MOST_EMPTY, "of images have no nucleus"), fewest=0),
    "absurd-size": _absurd_size,
    "fragmented": _over(
        ("tiny", MOST_TINY, "of nuclei are less than half as wide as declared"),
        ("ragged", MOST_RAGGED, f"of nuclei have a solidity below {RAGGED}"),
    ),
    "merged": _over(("merged", MOST_MERGED, "of the nuclear area is in large, notched objects")),
    "border-heavy": _over(("border", MOST_CUT, "of nuclei are cut by the border of their image")),
    "covered": _over(("coverage", MOST_COVERED, "of the median image is covered"), fewest=0),
}
