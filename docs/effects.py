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

CHANNELS = ("DNA", "ER", "RNA", "AGP", "Mito")
OF_CELLS = CHANNELS[1:]

MEASURES = {
    "cells": ("cell-count", "count"),
    "nuclear area": ("nuclear-shape", "area_mean"),
    "eccentricity": ("nuclear-shape", "eccentricity_mean"),
    "solidity": ("nuclear-shape", "solidity_mean"),
    "cell area": ("cell-shape", "cell_area_mean"),
    "cell elongation": ("cell-shape", "cell_eccentricity_mean"),
    "chromatin contrast": ("nuclear-texture", "texture_cv_DNA_mean"),
    "chromatin scale": ("nuclear-texture", "texture_correlation_DNA_mean"),
    "ER extent": ("organelles", "reach_ER_mean"),
    "mito spread": ("organelles", "reach_Mito_mean"),
    "actin alignment": ("organelles", "coherence_AGP_mean"),
    "DNA": ("nuclear-intensity", "intensity_mean_DNA_mean"),
}


def cell_intensities(results: Path, folds: pd.DataFrame) -> pd.DataFrame:
    """Effect sizes of the mean light of whole cells, channel by channel."""
    values, indices = [], []
    for path in sorted(results.glob("images/*.tif")):
        unit = path.name.removesuffix(".tif")
        index = files.read_index(path.with_suffix(".parquet"))
        indices.append(index[["item", "group", "batch"]])
        masks = files.Labels(results / f"masks/{unit}.cells.tif")
        values += [
            _lights(image, mask) for image, mask in zip(files.Stack(path), masks, strict=True)
        ]
    index = pd.concat(indices).set_index("item")
    frame = pd.DataFrame(values, index.index).loc[folds["item"]]
    index = index.loc[folds["item"]]
    labels, groups, batches = folds["label"], index["group"], index["batch"]
    found = contrast(
        frame, CHANNELS, *(column.to_numpy(str) for column in (labels, groups, batches)), "dmso"
    )
    return found.set_index("class")


def _lights(image: np.ndarray, mask: np.ndarray) -> list[float]:
    named = range(1, mask.max() + 1)
    return [np.nanmean(ndimage.mean(channel, mask, named)) for channel in image]


folder = Path(sys.argv[1])
results = folder.parents[1]
columns = {}
for title, (baseline, feature) in MEASURES.items():
    # A perturbation may be called null.
    rows = pd.read_csv(folder / f"{baseline}.tsv", sep="\t", keep_default_na=False, na_values="nan")
    columns[title] = rows[rows["feature"] == feature].set_index("class")[["effect", "p"]]
lights = cell_intensities(results, files.read_index(results / f"splits/{folder.name}.parquet"))
for channel in OF_CELLS:
    columns[channel] = lights.loc[lights["feature"] == channel, ["effect", "p"]]
effects = pd.DataFrame({title: column["effect"] for title, column in columns.items()})
levels = pd.DataFrame({title: column["p"] for title, column in columns.items()})
found = false_discovery_control(levels.to_numpy().ravel()).reshape(levels.shape) < 0.05
print("| perturbation |", " | ".join(columns), "|")
print("|---" * (len(columns) + 1) + "|")
for name, row, seen in zip(effects.index, effects.to_numpy(), found, strict=True):
    cells = [
        f"**{value:.1f}**" if hit else f"{value:.1f}" for value, hit in zip(row, seen, strict=True)
    ]
    print(f"| {name} |", " | ".join(cells), "|")
print(f"\n{found.sum()} of {found.size} at a false discovery rate of 5 %, in bold.")
