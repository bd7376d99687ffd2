"""Print the manual's table of effect sizes: perturbations by measured factors, true masks."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage
from scipy.stats import false_discovery_control

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow/scripts"))

from twinscope import files
from twinscope.contrasts import contrast

STAINS = ("ER", "RNA", "AGP", "Mito")
MEASURES = {
    "cells": ("cell-count", "count"),
    "nuclear area": ("nuclear-shape", "area_mean"),
    "eccentricity": ("nuclear-shape", "eccentricity_mean"),
    "solidity": ("nuclear-shape", "solidity_mean"),
    "cell area": ("cell-shape", "cell_area_mean"),
    "cell elongation": ("cell-shape", "cell_eccentricity_mean"),
    "chromatin contrast": ("nuclear-texture", "texture_cv_DNA_mean"),
    "chromatin scale": ("", "scale"),
    "ER extent": ("organelles", "reach_ER_mean"),
    "mito spread": ("organelles", "reach_Mito_mean"),
    "actin alignment": ("organelles", "coherence_AGP_mean"),
    "DNA": ("nuclear-intensity", "intensity_mean_DNA_mean"),
} | {stain: ("", stain) for stain in STAINS}
APART = 2


def main(folder: Path) -> None:
    """Print the table of a task of the study, from the folder of its contrasts."""
    results = folder.parents[1]
    own = measured(results, files.read_index(results / f"splits/{folder.name}.parquet"))
    columns = {}
    for title, (baseline, feature) in MEASURES.items():
        rows = own if not baseline else read(folder / f"{baseline}.tsv")
        columns[title] = rows[rows["feature"] == feature].set_index("class")[["effect", "p"]]
    effects = pd.DataFrame({title: column["effect"] for title, column in columns.items()})
    levels = pd.DataFrame({title: column["p"] for title, column in columns.items()})
    found = false_discovery_control(levels.to_numpy().ravel()).reshape(levels.shape) < 0.05
    print("| perturbation |", " | ".join(columns), "|")
    print("|---" * (len(columns) + 1) + "|")
    for name, row, seen in zip(effects.index, effects.to_numpy(), found, strict=True):
        numbers = (
            f"**{value:z.1f}**" if hit else f"{value:z.1f}"
            for value, hit in zip(row, seen, strict=True)
        )
        print(f"| {name} |", " | ".join(numbers), "|")
    print(f"\n{found.sum()} of {found.size} at a false discovery rate of 5 %, in bold.")


def read(path: Path) -> pd.DataFrame:
    """Read contrasts; a perturbation may be called null."""
    return pd.read_csv(path, sep="\t", keep_default_na=False, na_values="nan")


def measured(results: Path, folds: pd.DataFrame) -> pd.DataFrame:
    """Contrast what is measured here: light of whole cells, and the scale of chromatin."""
    rows, indices = [], []
    for path in sorted(results.glob("images/*.tif")):
        unit = path.name.removesuffix(".tif")
        index = files.read_index(path.with_suffix(".parquet"))
        indices.append(index[["item", "group", "batch"]])
        nuclei, bodies = (
            files.Labels(results / f"masks/{name}.tif") for name in (unit, f"{unit}.cells")
        )
        rows += [
            lights(image[1:], body) + [scale(image[0], nucleus)]
            for image, nucleus, body in zip(files.Stack(path), nuclei, bodies, strict=True)
        ]
    index = pd.concat(indices).set_index("item")
    frame = pd.DataFrame(rows, index.index).loc[folds["item"]]
    index = index.loc[folds["item"]]
    columns = folds["label"], index["group"], index["batch"]
    return contrast(frame, (*STAINS, "scale"), *(c.to_numpy(str) for c in columns), "dmso")


def lights(image: np.ndarray, mask: np.ndarray) -> list[float]:
    """Average the light of each channel over the cells, each cell alike."""
    named = range(1, mask.max() + 1)
    return [np.nanmean(ndimage.mean(channel, mask, named)) for channel in image]


def scale(light: np.ndarray, mask: np.ndarray) -> float:
    """Measure how far apart pixels of a nucleus still resemble each other.

    The mean square of the difference of pixels 4 apart over that of pixels 2 apart, within nuclei
    without their rim: grows with the size of grains, and does not know the size of the nucleus, as
    a correlation does whose mean and variance are the nucleus's own.
    """
    low, high = ndimage.minimum_filter(mask, 5), ndimage.maximum_filter(mask, 5)
    core = np.where(low == high, mask, 0)
    return _steps(light, core, 2 * APART) / _steps(light, core, APART)


def _steps(light, core, apart):
    squares = []
    for image, labels in ((light.astype(float), core), (light.T.astype(float), core.T)):
        same = (labels[apart:] == labels[:-apart]) & (labels[apart:] > 0)
        squares.append((image[apart:] - image[:-apart])[same] ** 2)
    squares = np.concatenate(squares)
    return squares.mean() if len(squares) else float("nan")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
