import pytest

from twinscope import visibility
from twinscope.baselines import BASELINES
from twinscope.sources.simulated.effects import EFFECTS

FUNCTIONS = {name: name for name in visibility.READS} | {"net": "network"}


def test_each_baseline_is_declared_for_functions_that_exist():
    assert set(visibility.READS) <= set(BASELINES)
    for sees, blind in visibility.READS.values():
        assert not sees & blind and sees | blind <= visibility.ALL


@pytest.mark.parametrize(
    ("effect", "who", "answer"),
    [
        ("count", "cell-count", "yes"),
        ("count", "nuclear-shape", "no"),
        ("count", "nuclear-intensity", "no"),
        ("texture", "nuclear-texture", "yes"),
        ("texture", "cell-count", "no"),
        ("texture", "nuclear-shape", "no"),
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
        found = visibility.expected(["yes", "no"], FUNCTIONS, target)
        assert found["yes"]["net"] == found["yes"]["cell-count"] == "no"
        assert "true-factors" not in found["yes"]
    assert visibility.expected(["yes", "no"], FUNCTIONS, "high_density") == {}
