"""Nuclei of tissue: what each type looks like, and how a spot's latents move it."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Kind:
    """A type of cell in tissue.

    Attributes
    ----------
    area, spread : float
        Nuclear area in µm², and the standard deviation of its logarithm.
    eccentricity, irregularity : float
        Of the nuclear outline.
    haematoxylin : float
        Mean optical density of the nucleus.
    contrast : float
        Chromatin contrast, standard deviation of the logarithm of the density.
    nucleoli : float
        Mean number.
    eosin : float
        Optical density of the cytoplasm; 0 where none shows.
    body : float
        Area of the cell over that of its nucleus.
    core : float
        Least distance between two such nuclei, µm.
    """

    area: float
    spread: float
    eccentricity: float
    irregularity: float
    haematoxylin: float
    contrast: float
    nucleoli: float
    eosin: float
    body: float
    core: float


def draw(rng: np.random.Generator, kinds: np.ndarray, morphology: float, texture: float) -> dict:
    """Draw the factors of nuclei of given types.

    Parameters
    ----------
    rng : numpy.random.Generator
    kinds : (n,) array of str
        Keys of `KINDS`.
    morphology : float
        The spot's latent; each unit makes nuclei 14 % larger.
    texture : float
        The spot's latent; each unit raises chromatin contrast by half.

    Returns
    -------
    dict of (n,) arrays
    """
    n = len(kinds)
    usual = {
        name: np.array([getattr(KINDS[kind], name) for kind in kinds], dtype=float)
        for name in Kind.__dataclass_fields__
    }
    grown = np.exp(0.13 * morphology + usual["spread"] * rng.standard_normal(n))
    rough = np.exp(0.4 * texture + 0.1 * rng.standard_normal(n))
    tilt = 0.05 * (1 - usual["eccentricity"]) / 0.3 * rng.standard_normal(n)
    return {
        "nuclear_area": np.clip(usual["area"] * grown, 12, 260),
        "nuclear_eccentricity": np.clip(usual["eccentricity"] + tilt, 0.05, 0.98),
        "nuclear_irregularity": usual["irregularity"] * np.exp(0.3 * rng.standard_normal(n)),
        "haematoxylin": usual["haematoxylin"] * np.exp(0.16 * rng.standard_normal(n)),
        "chromatin_contrast": np.clip(usual["contrast"] * rough, 0, 0.9),
        "nucleoli_count": rng.poisson(usual["nucleoli"]).astype(float),
        "nucleoli_size": np.full(n, 0.75),
        "eosin": usual["eosin"],
        "body": usual["body"],
    }


def summary(objects, area: float) -> dict[str, float]:
    """Reduce a table of nuclei to the true factors of the image.

    Parameters
    ----------
    objects : pandas.DataFrame
    area : float
        Of the image, mm².

    Returns
    -------
    dict of float
        NaN where there are too few nuclei for a factor to mean anything.
    """
    kinds = objects["type"].to_numpy()
    out = {"cell_count": len(objects), "density": len(objects) / area}
    for kind in KINDS:
        out[f"fraction_{kind}"] = float((kinds == kind).mean()) if len(kinds) else np.nan
    for name in MEANS:
        out[name] = float(objects[name].mean()) if len(kinds) else np.nan
    size = objects["nuclear_area"]
    out["pleomorphism"] = float(size.std() / size.mean()) if len(kinds) > 2 else np.nan
    places = objects.loc[kinds == "lymphocyte", ["y", "x"]].to_numpy()
    out["lymphocyte_clustering"] = _clustering(places, area)
    return out


def _clustering(places, area):
    """Ripley's K at 14 µm over that of complete randomness, without edge correction."""
    n = len(places)
    if n < 4:
        return float("nan")
    gap = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    pairs = (gap < REACH**2).sum() - n
    return float(pairs / (n * (n - 1)) * area * 1e6 / (np.pi * REACH**2))


REACH = 14.0
MEANS = (
    "nuclear_area",
    "nuclear_eccentricity",
    "nuclear_irregularity",
    "chromatin_contrast",
    "haematoxylin",
)

KINDS: dict[str, Kind] = {
    "epithelial": Kind(36, 0.15, 0.72, 0.03, 1.15, 0.18, 0.3, 0.46, 3.4, 6.2),
    "lymphocyte": Kind(27, 0.14, 0.35, 0.035, 1.75, 0.12, 0, 0, 1.3, 5.3),
    "fibroblast": Kind(25, 0.25, 0.955, 0.012, 1.3, 0.1, 0, 0, 1.2, 6.5),
    "endothelial": Kind(20, 0.2, 0.95, 0.012, 1.4, 0.1, 0, 0, 1.2, 5.5),
    "tumour_low": Kind(52, 0.15, 0.6, 0.035, 1.1, 0.2, 0.6, 0.4, 2.4, 8.4),
    "tumour_high": Kind(80, 0.36, 0.66, 0.085, 1.2, 0.3, 1.4, 0.43, 2.2, 10.6),
}
CORE = {name: kind.core for name, kind in KINDS.items()}
