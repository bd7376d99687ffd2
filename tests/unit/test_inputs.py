"""From image to network and back: which channels arrive, in which order, and how vectors join."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from twinscope import channels as naming  # noqa: E402
from twinscope import inputs  # noqa: E402
from twinscope.models import Network  # noqa: E402

NAMES = ["DNA", "ER", "RNA", "AGP", "Mito"]
# Ten pixels a side; channel c is everywhere 25 (c + 1).
IMAGE = np.stack([np.full((10, 10), 25 * (c + 1), np.uint8) for c in range(5)])


def network(**changes):
    usual = {
        "module": None,
        "size": 10,
        "mean": (0.0,) * 3,
        "std": (1.0,) * 3,
        "interpolation": "bicubic",
        "policy": "per-channel",
        "intensity": "dtype",
    }
    return Network(**{**usual, **changes})


def shown(made, image=IMAGE, names=NAMES, **arguments):
    """The channels that arrived, as the numbers that they were painted with."""
    tensor = inputs.prepare(image, made, names, **arguments)
    assert tensor.dtype == torch.float32 and tensor.shape[-2:] == (made.size, made.size)
    assert tensor.shape[0] == inputs.count(made, names)
    assert (tensor == tensor[..., :1, :1]).all()
    return np.round(tensor[..., 0, 0].numpy() * 255 / 25 - 1).astype(int).tolist()


def test_rgb_shows_three_channels_at_once():
    assert shown(network(policy="rgb"), IMAGE[:3], NAMES[:3]) == [[0, 1, 2]]


@pytest.mark.parametrize("policy", ["per-channel", "per-channel-mean"])
def test_channels_one_by_one_are_grey_pictures(policy):
    assert shown(network(policy=policy)) == [[c] * 3 for c in range(5)]
    one = network(policy=policy, inputs=1, mean=(0.0,), std=(1.0,))
    assert shown(one) == [[c] for c in range(5)]


def test_chosen_channels_stand_for_colours_in_their_order():
    assert shown(network(policy="chosen", channels=("Mito", "DNA", "ER"))) == [[4, 0, 1]]
    turned = network(policy="chosen", channels=("RNA", "DNA", "ER"))
    assert shown(turned, IMAGE[:3], NAMES[:3]) == [[2, 0, 1]]


@pytest.mark.parametrize("policy", ["native", "adapted"])
def test_channels_are_matched_by_name_whatever_the_order_of_the_image(policy):
    names = ("AGP", "DNA", "RNA", "ER")
    made = network(policy=policy, channels=names, inputs=4, mean=(0.0,) * 4, std=(1.0,) * 4)
    assert shown(made) == [[3, 0, 2, 1]]
    assert shown(made, IMAGE[::-1], NAMES[::-1]) == [[3, 0, 2, 1]]


def test_each_channel_has_its_own_mean_and_deviation():
    made = network(policy="native", channels=("ER", "DNA"), inputs=2, mean=(0.1, 0), std=(2, 0.5))
    found = inputs.prepare(IMAGE, made, NAMES)[0, :, 0, 0]
    np.testing.assert_allclose(found, [(50 / 255 - 0.1) / 2, 25 / 255 / 0.5], rtol=1e-6)


def test_levels_follow_their_channels():
    ends = np.array([[0, 25], [0, 100], [0, 100], [0, 100], [0, 250]], float)
    made = network(policy="chosen", intensity="plate", channels=("Mito", "ER", "DNA"))
    found = inputs.prepare(IMAGE, made, NAMES, ends)[0, :, 0, 0]
    np.testing.assert_allclose(found, [125 / 250, 50 / 100, 1], rtol=1e-6)


def test_only_channels_that_arrive_are_scaled(monkeypatch):
    seen = []
    own = inputs.pixels.scale
    monkeypatch.setattr(
        inputs.pixels, "scale", lambda image, *rest: seen.append(len(image)) or own(image, *rest)
    )
    shown(network(policy="native", channels=("ER",), inputs=1, mean=(0.0,), std=(1.0,)))
    assert seen == [1]


def test_the_image_is_left_alone():
    image = np.random.default_rng(0).random((3, 9, 9), dtype=np.float32)
    before = image.copy()
    for intensity in ("dtype", "percentile"):
        inputs.prepare(image, network(policy="rgb", size=9, intensity=intensity), list("rgb"))
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize(
    ("policy", "wanted", "names", "words"),
    [
        ("rgb", (), ["a", "b"], ["rgb, and 2 channels (a, b)", "chosen"]),
        ("rgb", (), NAMES, ["5 channels"]),
        ("chosen", ("DNA", "ER", "Actin"), NAMES, ["no channel 'Actin'", "chosen"]),
        ("native", ("Mitos",), NAMES, ["no channel 'Mitos'", "did you mean 'Mito'"]),
        ("adapted", ("x",), NAMES, ["no channel 'x'"]),
    ],
)
def test_channels_that_do_not_fit(refused, policy, wanted, names, words):
    made = network(policy=policy, channels=wanted)
    with refused(*words):
        inputs.count(made, names)
    with refused(*words):
        inputs.prepare(IMAGE, made, names)
    with refused(*words):
        naming.positions(policy, wanted, names)


def test_vectors_of_channels_stand_side_by_side_or_are_averaged():
    vectors = np.array([[[1.0, 2], [3, 5]], [[0, 0], [4, 1]]])
    assert inputs.join(vectors, network()).tolist() == [[1, 2, 3, 5], [0, 0, 4, 1]]
    mean = inputs.join(vectors, network(policy="per-channel-mean"))
    assert mean.tolist() == [[2, 3.5], [2, 0.5]]
    assert inputs.join(vectors[:, :1], network(policy="rgb")).tolist() == [[1, 2], [0, 0]]


CHANGES = {
    **{"size": 12, "mean": (0.5,) * 3, "std": (0.5,) * 3, "interpolation": "bilinear"},
    **{"policy": "chosen", "intensity": "percentile", "inputs": 1, "channels": ("a", "b", "c")},
    **{"layers": ("block_00",), "precision": "bfloat16", "made_by": {"pooling": "mean"}},
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_description_sees_all_that_decides_the_numbers(name):
    usual = network()
    changed = replace(usual, **{name: CHANGES[name]})
    assert inputs.describe(changed) != inputs.describe(usual)
    # Plain values: the same after a journey through a file.
    found = inputs.describe(changed)
    assert json.loads(json.dumps(found)) == found and found["version"] == inputs.VERSION


def test_nothing_that_decides_is_left_out_of_the_description():
    aside = {"module", "checksum"}
    fields = set(Network.__dataclass_fields__) - aside
    assert fields == set(CHANGES)
    weights = replace(network(), module=SimpleNamespace(), checksum="other")
    assert inputs.describe(weights) == inputs.describe(network())
