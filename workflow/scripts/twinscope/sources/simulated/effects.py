"""What perturbations do to the factors of a well: one function an effect."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Perturbation:
    """A treatment: an effect, how strongly it is met at dose 1, and what it is related to."""

    name: str
    effect: str
    relation: str
    strength: float = 1.0
    agent: str = "compound"


def apply(perturbation: Perturbation, means: dict[str, float], dose: float) -> dict[str, float]:
    """Shift the means of a well as a perturbation does at a dose.

    Parameters
    ----------
    perturbation : Perturbation
    means : dict of float
        Means of an untreated well.
    dose : float
        0 is no effect, 1 is the usual dose.

    Returns
    -------
    dict of float
        A changed copy.
    """
    return means | EFFECTS[perturbation.effect](means, perturbation.strength * dose)


def count(means, dose):
    """Kill cells and leave the others as they are."""
    return _times(means, dose, density=0.55)


def nuclear_shape(means, dose):
    """Stretch and indent nuclei of unchanged area."""
    return _times(means, dose, nuclear_eccentricity=1.3, nuclear_irregularity=1.7)


def nuclear_size(means, dose):
    """Swell nuclei."""
    return _times(means, dose, nuclear_area=1.25)


def chromatin_texture(means, dose):
    """Coarsen chromatin, and leave stain and contrast, so the histogram of DNA, as they are."""
    return _times(means, dose, chromatin_scale=1.8)


def mitochondria_arrangement(means, dose):
    """Draw mitochondria to the nucleus at unchanged stain."""
    return _times(means, dose, mito_spread=0.6)


def actin_arrangement(means, dose):
    """Align actin fibres at unchanged stain."""
    return _times(means, dose, actin_alignment=1.6)


def intensity(means, dose):
    """Brighten ER and RNA stains, and dim mitochondria, with no change of form."""
    return _times(means, dose, er_intensity=1.35, rna_intensity=1.3, mito_intensity=0.72)


def mixed(means, dose):
    """Move count, texture, shape and mitochondria at once."""
    return _times(means, dose, density=0.7, nuclear_area=1.15, chromatin_scale=1.5, mito_spread=0.7)


def null(means, dose):
    """Change nothing."""
    return {}


def _times(means, dose, **ratios):
    """Multiply means by ratios that are reached at dose 1."""
    return {name: means[name] * float(np.exp(dose * np.log(r))) for name, r in ratios.items()}


EFFECTS: dict[str, Callable] = {
    "count": count,
    "nuclear-shape": nuclear_shape,
    "nuclear-size": nuclear_size,
    "texture": chromatin_texture,
    "organelle": mitochondria_arrangement,
    "actin": actin_arrangement,
    "intensity": intensity,
    "mixed": mixed,
    "null": null,
    "position": null,
}

UNRELATED = ("null",)
PERTURBATIONS: dict[str, Perturbation] = {
    f"{effect}-{letter}": Perturbation(
        name=f"{effect}-{letter}",
        effect=effect,
        relation=f"{effect}-{letter}" if effect in UNRELATED else effect,
        strength=strength,
        agent=agent,
    )
    for effect in EFFECTS
    for letter, strength, agent in (("a", 1.0, "compound"), ("b", 0.8, "gene"))
}
