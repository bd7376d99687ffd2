"""Simulated effects are told from controls by baselines of their own family and by no others."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from twinscope import cells
from twinscope.baselines import Unit, function
from twinscope.sources import simulated

STAINS = ("dna", "er", "rna", "agp", "mito")
TEXTURES = ["nuclear-texture", "haralick", "lbp", "granularity", "power-spectrum"]
OF_CELLS = ["nuclear-shape", "cell-shape", "nuclear-intensity", "nuclear-texture", "organelles"]
OF_IMAGES = ["graph", "mask-network", "intensity-moments", "intensity-histogram", "thumbnail"]
NAMES = ["cell-count", "layout", "channel-correlation", *OF_CELLS, *OF_IMAGES, *TEXTURES[1:]]
ARGUMENTS = {"layout": {"radii": (10, 20, 30)}}
FITTED_ON, HELD_OUT = ("plate-1", "plate-2"), ("plate-3", "plate-4")


@pytest.fixture(scope="module")
def wells():
    """Baselines of simulated wells, and the wells' effects and plates."""
    effects = ["count", "nuclear-shape", "texture", "organelle", "actin", "intensity", "null"]
    rows, tables, images, masks = [], [], [], []
    for plate in (*FITTED_ON, *HELD_OUT):
        arguments = {"perturbations": [f"{e}-a" for e in effects], "rows": 8, "columns": 10}
        for picture in simulated.simulate("cells", plate, 11, **arguments):
            rows.append({name: picture.row[name] for name in ("item", "plate", "effect")})
            given = {"item": picture.row["item"], "channels": STAINS, "microns_per_pixel": 0.65}
            table = cells.measure(picture.image, picture.nuclei, cell_labels=picture.cells, **given)
            tables.append(table)
            images.append(picture.image)
            masks.append(picture.nuclei)
    index = pd.DataFrame(rows).assign(microns_per_pixel=0.65, height=192, width=192)
    unit = Unit(index, STAINS, pd.concat(tables, ignore_index=True), images, masks)
    return index, {
        name: function(name)(unit, **ARGUMENTS.get(name, {})) for name in dict.fromkeys(NAMES)
    }


# An effect may show elsewhere for a reason, which is not asked here: mitochondria at the nucleus
# brighten ring and nucleus; an elongated nucleus glows so; cells with few neighbours are rounder;
# noise and offset weigh more in a dim stain. What reads the whole image adds up its cells.
CELLS = dict.fromkeys(["cell-count", *OF_CELLS], False)
SEEN = {
    "count": CELLS | dict.fromkeys(["cell-count", *OF_IMAGES], True),
    "nuclear-shape": dict.fromkeys(["cell-count", "nuclear-intensity", "cell-shape"], False)
    | {"nuclear-texture": False, "nuclear-shape": True},
    "texture": dict.fromkeys(NAMES, False) | dict.fromkeys(TEXTURES, True),
    "organelle": {"cell-count": False, "nuclear-shape": False, "cell-shape": False}
    | {"organelles": True},
    "actin": CELLS | {"organelles": True},
    "intensity": {"cell-count": False, "nuclear-shape": False, "cell-shape": False}
    | dict.fromkeys(["nuclear-intensity", "intensity-moments", "intensity-histogram"], True),
    "null": dict.fromkeys(NAMES, False),
}


@pytest.mark.parametrize(
    ("effect", "baseline", "seen"), [(e, b, s) for e in SEEN for b, s in SEEN[e].items()]
)
def test_an_effect_is_told_by_its_own_family_and_by_no_other(wells, effect, baseline, seen):
    """A 99.9 % interval of a discriminant, on plates it was not fitted on, leaves out 0 or not.

    Two plates fit and two are judged, once: wells that change places, as in cross-validation,
    depend on each other, and the interval would be too narrow.
    """
    index, frames = wells
    numbers = standardised(index, frames[baseline])
    control, chosen = index["effect"] == "control", index["effect"].isin([effect, "control"])
    fit, held = (chosen & index["plate"].isin(plates) for plates in (FITTED_ON, HELD_OUT))
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=[0.5, 0.5])
    model.fit(numbers[fit], ~control[fit])
    scores = pd.Series(model.decision_function(numbers[held]), index.index[held])
    low, high = interval(scores[~control[held]], scores[control[held]])
    assert (low > 0) == seen and high > 0, (low, high)


@pytest.mark.parametrize(
    ("effect", "baseline", "feature", "sign"),
    [
        ("texture", "nuclear-texture", "texture_contrast_dna_mean", -1),
        ("texture", "nuclear-texture", "texture_correlation_dna_mean", 1),
        ("organelle", "organelles", "reach_mito_mean", -1),
        ("organelle", "organelles", "ring_share_mito_mean", 1),
        ("actin", "organelles", "coherence_agp_mean", 1),
        ("intensity", "nuclear-intensity", "intensity_mean_rna_mean", 1),
        ("intensity", "nuclear-intensity", "ring_mean_mito_mean", -1),
        ("count", "organelles", "reach_mito_mean", 0),
        ("count", "nuclear-texture", "texture_cv_dna_mean", 0),
        ("intensity", "organelles", "reach_mito_mean", 0),
        ("intensity", "nuclear-texture", "texture_cv_dna_mean", 0),
        ("texture", "nuclear-intensity", "intensity_mean_dna_mean", 0),
        ("texture", "nuclear-texture", "texture_cv_dna_mean", 0),
    ],
)
def test_an_effect_moves_its_own_feature_as_it_should(wells, effect, baseline, feature, sign):
    index, frames = wells
    numbers = standardised(index, frames[baseline])[feature]
    low, high = interval(*(numbers[index["effect"] == one] for one in (effect, "control")))
    assert (low > 0, high < 0) == (sign > 0, sign < 0), (low, high)


def standardised(index, frame):
    """Features in standard deviations of the controls of the plate; a missing one is 0."""
    frame = frame.reset_index(drop=True)
    controls = frame[index["effect"] == "control"].groupby(index["plate"])
    middle, spread = (
        part.loc[index["plate"]].to_numpy() for part in (controls.mean(), controls.std())
    )
    moved = (frame - middle) / np.where(spread > 0, spread, np.nan)
    return moved.clip(-10, 10).fillna(0.0)


def interval(sample, control):
    return stats.ttest_ind(sample, control, equal_var=False).confidence_interval(0.999)
