"""What effects and drivers are said to change is what they change."""

import numpy as np
import pytest

from twinscope.errors import InputError
from twinscope.sources import simulated
from twinscope.sources.simulated import causes, effects, plates
from twinscope.sources.simulated.factors import untreated
from twinscope.sources.simulated.genes import DRIVERS

WORDS = {
    "density": "count",
    "nuclear_area": "size",
    "nuclear_eccentricity": "shape",
    "nuclear_irregularity": "shape",
    "chromatin_scale": "texture",
    "chromatin_contrast": "texture",
    "mito_spread": "organelle",
    "actin_alignment": "actin",
    "er_intensity": "intensity",
    "rna_intensity": "intensity",
    "mito_intensity": "intensity",
}


@pytest.mark.parametrize("effect", effects.EFFECTS)
def test_an_effect_moves_exactly_its_causes(effect):
    means = untreated(np.random.default_rng(0), 900)
    for letter in "ab":
        treated = effects.apply(effects.PERTURBATIONS[f"{effect}-{letter}"], means, 0.5)
        moved = {WORDS[name] for name in means if treated[name] != means[name]}
        assert moved == causes.causes(effect) - {"position"}


@pytest.mark.parametrize("effect", effects.EFFECTS)
def test_an_effect_keeps_its_wells_only_if_position_is_its_cause(effect):
    arguments = simulated.check("cells", {"effects": [effect, "count"], "columns": 12})
    held = [
        {
            well.name
            for well in plates.layout(0, unit, arguments)
            if well.perturbation.effect == effect
        }
        for unit in "abcd"
    ]
    assert all(held)
    assert all(wells == held[0] for wells in held) == ("position" in causes.causes(effect))


def test_every_effect_and_driver_has_its_causes():
    assert set(causes.CAUSES) == set(effects.EFFECTS)
    assert tuple(causes.DRIVERS) == DRIVERS
    assert causes.causes("mixed") == {"count", "size", "texture", "organelle"}
    assert causes.causes("null") == frozenset()


def test_an_unknown_effect_is_named():
    with pytest.raises(InputError, match="found effect 'texure'.*did you mean 'texture'"):
        causes.causes("texure")
