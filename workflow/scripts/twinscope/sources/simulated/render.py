"""How each stain lights up a field of cells: one function a channel."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .fields import noise
from .strokes import fibres, golgi, level, tubes
from .territory import Territory, edges


@dataclass(frozen=True)
class Field:
    """Everything a stain needs to know: territories, factors, positions, scale.

    Attributes
    ----------
    nuclei, cells : Territory
    factors : dict of (n,) arrays
        True factors of the cells, labels 1 to n, and ``angle``, the direction of the long axis.
    y, x : (n,) arrays
        Centres of the nuclei, pixels.
    discs : (Y, X) array
        Nucleoli, as made by `strokes.nucleoli`: dark in DNA and bright in RNA.
    scale : float
        µm per pixel.
    """

    nuclei: Territory
    cells: Territory
    factors: dict[str, np.ndarray]
    y: np.ndarray
    x: np.ndarray
    discs: np.ndarray
    scale: float

    def of(self, name: str, labels: np.ndarray) -> np.ndarray:
        """Spread a factor over a label image; 0 in the background."""
        return np.concatenate([[0], self.factors[name]]).astype(np.float32)[labels]

    def noise(self, rng, microns: float) -> np.ndarray:
        """Draw a smooth random field whose grains have a size in µm."""
        return noise(rng, self.cells.labels.shape, microns / self.scale)

    @property
    def nuclear(self) -> np.ndarray:
        """Mask of the nuclei."""
        return self.nuclei.labels > 0

    @property
    def cytoplasm(self) -> np.ndarray:
        """Label image of the cells without their nuclei."""
        return np.where(self.nuclear, 0, self.cells.labels)

    @property
    def outward(self) -> np.ndarray:
        """Way from the nucleus (0) to the edge of the cell (1), by area."""
        held = self.of("nuclear_area", self.cells.labels)
        held = held / np.maximum(self.of("cell_area", self.cells.labels), 1)
        return np.clip((self.cells.depth - held) / np.maximum(1 - held, 1e-3), 0, 1)


def dna(field: Field, rng: np.random.Generator) -> np.ndarray:
    """Chromatin: grains of the cell's own scale and contrast, dark nucleoli, a domed profile."""
    labels = field.nuclei.labels
    pattern = np.exp(field.of("chromatin_contrast", labels) * _grain(field, rng, labels))
    pattern *= 0.6 + 0.4 * np.sqrt(np.clip(1 - field.nuclei.depth**2, 0, 1))
    pattern *= 1 - 0.35 * np.clip(field.discs, 0, 1)
    return level(pattern, labels, field.factors["dna_intensity"])


def er(field: Field, rng: np.random.Generator) -> np.ndarray:
    """Endoplasmic reticulum: a net that thins out from the nucleus to the edge."""
    labels, outward = field.cells.labels, field.outward
    net = np.exp(-((field.noise(rng, 0.6) / 0.55) ** 2))
    fall = np.exp(-outward / np.maximum(field.of("er_extent", labels), 0.05))
    pattern = (0.5 + 0.6 * net) * np.exp(0.35 * field.noise(rng, 1.8)) * (0.05 + fall)
    pattern = np.where(field.nuclear, 0.22 * (1 + 0.1 * field.noise(rng, 1.0)), pattern)
    return level(pattern, labels, field.factors["er_intensity"])


def rna(field: Field, rng: np.random.Generator) -> np.ndarray:
    """RNA: bright nucleoli, a granular cytoplasm, a dimmer nucleoplasm."""
    labels = field.cells.labels
    grain = np.exp(0.2 * field.noise(rng, 0.45) + 0.15 * field.noise(rng, 1.5))
    pattern = np.where(field.nuclear, 0.6, 0.12 + np.exp(-1.3 * field.outward)) * grain
    pattern += 1.6 * np.clip(field.discs, 0, 1.2) * field.nuclear
    return level(pattern, labels, field.factors["rna_intensity"])


def agp(field: Field, rng: np.random.Generator) -> np.ndarray:
    """Actin fibres, Golgi and a ruffled plasma membrane over a diffuse haze."""
    labels = field.cells.labels
    haze = (0.25 + np.exp(-1.1 * field.outward)) * np.exp(0.25 * field.noise(rng, 0.9))
    pattern = 0.5 * haze * np.where(field.nuclear, 0.55, 1)
    ruffles = edges(labels) * np.exp(0.9 * field.noise(rng, 2.5) - 0.4)
    pattern += 0.9 * ndimage.gaussian_filter(ruffles, 0.5 / field.scale, truncate=3)
    pattern += 1.1 * fibres(rng, field) + 6.0 * golgi(rng, field)
    return level(pattern, labels, field.factors["agp_intensity"])


def mito(field: Field, rng: np.random.Generator) -> np.ndarray:
    """Mitochondria: curved tubes of the cell's own length, near the nucleus or far from it."""
    labels, factors = field.cytoplasm, field.factors
    room = np.maximum(1 - factors["nuclear_area"] / np.maximum(factors["cell_area"], 1), 0.1)
    mean, haze = factors["mito_intensity"] / room, 1.1 - field.outward
    return level(tubes(rng, field) + 1e-4, labels, 0.85 * mean) + level(haze, labels, 0.15 * mean)


def _grain(field, rng, labels):
    """Mix octaves of noise so that every nucleus has grains of its own size, variance 1."""
    place = np.interp(np.log(field.factors["chromatin_scale"]), np.log(OCTAVES), range(4))
    share = np.clip(1 - np.abs(place[:, None] - np.arange(4)), 0, 1)
    table = np.concatenate([np.zeros((1, 4)), np.sqrt(share)]).astype(np.float32)
    return sum(table[:, k][labels] * field.noise(rng, size) for k, size in enumerate(OCTAVES))


OCTAVES = (0.45, 0.8, 1.4, 2.4)
CHANNELS: dict[str, Callable[[Field, np.random.Generator], np.ndarray]] = {
    "DNA": dna,
    "ER": er,
    "RNA": rna,
    "AGP": agp,
    "Mito": mito,
}
