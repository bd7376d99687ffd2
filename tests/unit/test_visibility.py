import pytest

from twinscope import visibility
from twinscope.baselines import BASELINES
from twinscope.sources.simulated.effects import EFFECTS

FUNCTIONS = {name: name for name in visibility.OF_EFFECTS} | {"net": "network"}
OF_TISSUE = {name: name for name in visibility.OF_GENES} | {"net": "network"}


@pytest.mark.parametrize(
    ("reads", "words"),
    [
        (visibility.OF_EFFECTS, visibility.CULTURE),
        (visibility.OF_GENES, visibility.TISSUE),
    ],
)
def test_each_baseline_is_declared_for_functions_that_exist(reads, words):
    assert set(reads) <= set(BASELINES)
    for sees, faint in reads.values():
        assert not sees & faint and sees | faint <= words


@pytest.mark.parametrize(
    ("effect", "who", "answer"),
    [
        ("count", "cell-count", "yes"),
        ("count", "nuclear-shape", "no"),
        ("count", "nuclear-intensity", "no"),
        ("texture", "nuclear-texture", "yes"),
        ("texture", "cell-count", "no"),
        ("texture", "nuclear-shape", "no"),
        ("texture", "intensity-histogram", "no"),
        ("texture", "power-spectrum", "yes"),
        ("nuclear-shape", "nuclear-shape", "yes"),
        ("organelle", "organelles", "yes"),
        ("organelle", "nuclear-shape", "no"),
        ("intensity", "cell-count", "no"),
        ("mixed", "cell-count", "yes"),
        ("position", "position", "yes"),
        ("position", "batch", "no"),
        ("count-b", "cell-count", "yes"),
        ("count", "mask-network", "yes"),
        ("texture", "mask-network", "no"),
    ],
)
def test_who_can_see_what(effect, who, answer):
    assert visibility.expected([effect], FUNCTIONS)[effect][who] == answer


def test_nobody_sees_what_changes_nothing_and_nothing_is_said_of_networks():
    found = visibility.expected([*EFFECTS, "control", "anything"], FUNCTIONS)
    assert set(found) == set(EFFECTS)
    assert set(found["null"].values()) == {"no"} and set(found["null"]) == set(FUNCTIONS)
    assert all("net" not in found[effect] for effect in EFFECTS if effect != "null")
    assert "nuclear-texture" not in found["organelle"]


def test_no_picture_tells_of_a_gene_that_follows_nothing():
    for target in ("high_none", "high_slide"):
        found = visibility.expected(["yes", "no"], OF_TISSUE, target)
        assert found["yes"]["net"] == found["yes"]["cell-count"] == "no"
    assert "true-factors" not in found["yes"]


@pytest.mark.parametrize(
    ("gene", "who", "answer"),
    [
        ("density", "cell-count", "yes"),
        ("density", "layout", "yes"),
        ("density", "nuclear-shape", "no"),
        ("density", "true-factors", "yes"),
        ("morphology", "nuclear-shape", "yes"),
        ("morphology", "layout", "no"),
        ("morphology", "cell-count", None),
        ("arrangement", "layout", "yes"),
        ("arrangement", "nuclear-shape", "no"),
        ("texture", "nuclear-texture", "yes"),
        ("texture", "mask-network", "no"),
        ("texture", "haralick", None),
        ("composition", "position", "no"),
        ("composition", "net", None),
        # Of mixed, density is a tenth: too little to be asked for, too much to be excluded.
        ("mixed", "cell-count", None),
        ("mixed", "nuclear-shape", "yes"),
        ("mixed", "noise", "no"),
    ],
)
def test_who_can_see_which_gene(gene, who, answer):
    found = visibility.expected(["yes"], OF_TISSUE, f"high_{gene}")
    assert found["yes"].get(who) == answer


def test_genes_of_other_data_are_not_judged():
    for target in ("high_grade", "density", "label", ""):
        assert visibility.expected(["yes", "no"], OF_TISSUE, target) == {}
