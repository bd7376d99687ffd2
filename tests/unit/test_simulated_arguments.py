"""What the simulator refuses, and how it says so."""

import pytest

from twinscope.errors import InputError
from twinscope.sources import simulated
from twinscope.sources.simulated.effects import EFFECTS

BAD = [
    ("cells", {"density": -1}, "density = -1"),
    ("cells", {"density": "many"}, "density = 'many'"),
    ("cells", {"doses": [1, 3]}, "doses = 3"),
    ("cells", {"doses": []}, "doses = []"),
    ("cells", {"effects": ["texure"]}, "did you mean 'texture'"),
    ("cells", {"perturbations": ["aspirin"]}, "perturbations = 'aspirin'"),
    ("cells", {"effects": ["count"], "perturbations": ["null-a"]}, "nothing in common"),
    ("cells", {"desnity": 900}, "did you mean 'density'"),
    ("cells", {"size": 32}, "larger than a cell"),
    ("cells", {"size": 200.5}, "a whole number"),
    ("cells", {"rows": True}, "rows = True"),
    ("cells", {"rows": 2, "columns": 3}, "rows x columns = 6 wells"),
    ("cells", {"doses": 0}, "doses = 0"),
    ("cells", {"size": float("nan")}, "size = nan"),
    ("cells", {"density": float("inf")}, "density = inf"),
    ("cells", {"controls": 1}, "controls = 1"),
    ("cells", {"sites": 0}, "sites = 0"),
    ("cells", {"edge_effect": -0.1}, "edge_effect = -0.1"),
    ("cells", {"microns_per_pixel": 0}, "microns_per_pixel = 0"),
    ("cells", {"effects": []}, "effects = []"),
    ("cells", {"preset": "tny"}, "did you mean 'tiny'"),
    ("cells", {"preset": ["tiny"]}, "preset = ['tiny']"),
    ("cells", {"scale": 0}, "scale = 0"),
    ("cells", {"scale": 1.5}, "scale = 1.5"),
    ("cells", {"scale": 7}, "scale = 7: 336 wells"),
    ("cells", {"scale": 7}, "more units"),
    ("cells", {"preset": "tiny", "effects": list(EFFECTS)}, "rows x columns = 16 wells"),
    ("tissue", {"preset": "huge"}, "preset = 'huge'"),
    ("tissue", {"scale": -2}, "scale = -2"),
    ("tissue", {"scale": 1000}, "scale = 1000: 16000 spots"),
    ("tissue", {"regions": []}, "regions = []"),
    ("tissue", {"spots": 0}, "spots = 0"),
    ("tissue", {"effects": ["count"]}, "argument 'effects'"),
    ("tissue", {"genes": {"a": [0.5]}}, "genes.a = [0.5]"),
    ("tissue", {"genes": {"a": {"slide": True}}}, "genes.a.slide = True"),
    ("tissue", {"density": -0.1}, "density = -0.1"),
    ("tissue", {"regions": ["bone"]}, "regions = 'bone'"),
    ("tissue", {"size": 32}, "a few cells wide"),
    ("tissue", {"genes": {"a": {"slide": 0.7, "density": 0.4}}}, "shares that sum to 1.1"),
    ("tissue", {"genes": {"a": {"slides": 0.7}}}, "did you mean 'slide'"),
    ("tissue", {"genes": {"a": {"slide": -0.7}}}, "genes.a.slide = -0.7"),
    ("tissue", {"genes": -1}, "genes = -1"),
    ("tissue", {"genes": "many"}, "genes = 'many'"),
]


@pytest.mark.parametrize(("design", "arguments", "says"), BAD)
def test_bad_arguments_are_named(design, arguments, says):
    with pytest.raises(InputError, match=".*") as caught:
        simulated.check(design, arguments)
    assert says in str(caught.value)


def test_simulate_complains_before_the_first_picture():
    with pytest.raises(InputError, match="density"):
        simulated.simulate("cells", "plate-1", 1, density=-5)
    with pytest.raises(InputError, match="seed"):
        simulated.simulate("cells", "plate-1", -1)
    with pytest.raises(InputError, match="did you mean 'tissue'"):
        simulated.simulate("tisue", "a", 1)
