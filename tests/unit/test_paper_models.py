"""The untrained twins of the paper's networks: built offline, of the published size and width."""

import socket
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

from twinscope import models, study, tables  # noqa: E402

ROOT = Path(__file__).parents[2]
STUDY = ROOT / "studies/paper"
NATURAL = {
    **{"resnet50": 2048, "dino-small": 384},
    **{"dinov2-small": 384, "dinov2-base": 768, "dinov2-large": 1024, "dinov2-giant": 1536},
    **{"dinov3-small": 384, "dinov3-base": 768, "dinov3-large": 1024, "dinov3-huge-plus": 1280},
    **{"mae-base": 768, "mae-large": 1024, "mae-huge": 1280},
}
# The same pretrained network, beside twins whose running statistics are those of images.
DATA = ("resnet50-data", "resnet50-channels-data")
# As published; what is shown one channel at a time gives as many for each channel.
DIMENSION = {
    **NATURAL,
    **{f"{name}-channels": dimension for name, dimension in NATURAL.items()},
    **dict.fromkeys(DATA, 2048),
    **{"conch-v15": 768},
    **{"phikon": 768, "phikon-v2": 1024, "uni": 1024, "uni2-h": 1536, "conch": 512},
    **{"virchow": 2560, "virchow2": 2560, "gigapath": 1536, "midnight": 1536, "ctranspath": 768},
    **{"h-optimus-0": 1536, "h-optimus-1": 1536, "h0-mini": 768},
    **{"hibou-base": 768, "hibou-large": 1024, "lunit-small-8": 384},
    **{"kaiko-small-16": 384, "kaiko-small-8": 384, "kaiko-base-16": 768, "kaiko-base-8": 768},
    **{"kaiko-large-14": 1024},
    **{"openphenom": 384, "morphem": 384, "subcell": 1536, "cell-dino": 1024},
}
# Parameters of the published checkpoints without heads: depth and widths, which d does not show.
PARAMETERS = {
    **{"resnet50": 23_508_032, "phikon": 85_798_656, "phikon-v2": 303_351_808},
    **{"uni": 303_350_784, "uni2-h": 681_394_176, "virchow": 631_229_184},
    **{"virchow2": 631_239_424, "gigapath": 1_134_953_984, "midnight": 1_136_480_768},
    **{"h-optimus-0": 1_134_774_272, "h-optimus-1": 1_134_774_272},
    **{"hibou-base": 85_741_056, "hibou-large": 303_659_264},
}
# The families of ../shared/MODELS.md: each has a row.
FAMILIES = (
    *("resnet50", "dino-", "dinov2-", "dinov3-", "mae-", "phikon", "phikon-v2", "uni", "uni2-h"),
    *("conch", "conch-v15", "virchow", "virchow2", "gigapath", "h-optimus-0", "h-optimus-1"),
    *("h0-mini", "hibou-", "kaiko-", "lunit-", "midnight", "ctranspath", "openphenom", "morphem"),
    *("subcell", "cell-dino"),
)
# Small enough to draw real weights; the others are built without any, on torch's meta device.
DRAWN = (
    *("resnet50", "dino-small", "dinov2-small", "dinov3-small", "kaiko-small-16"),
    *("ctranspath", "openphenom", "morphem"),
)
DRAWN_SLOWLY = (
    *("dinov2-base", "dinov3-base", "mae-base", "phikon", "conch", "h0-mini", "hibou-base"),
    *("kaiko-small-8", "kaiko-base-16", "kaiko-base-8", "lunit-small-8"),
    "subcell",
)


@pytest.fixture(scope="module")
def rows(schema):
    text = (STUDY / "config/models.tsv").read_text("utf-8")
    return study.keyed(tables.parse(text, schema("models"), "models.tsv", ("model",)), "model")


@pytest.fixture
def build(rows, monkeypatch):
    """Build the untrained twin of a row, in the study's folder and with no network to reach."""

    def unreachable(*_, **__):
        raise AssertionError("the network was asked")

    for name in ("getaddrinfo", "create_connection"):
        monkeypatch.setattr(socket, name, unreachable)
    monkeypatch.setattr(socket.socket, "connect", unreachable)
    monkeypatch.chdir(STUDY)

    def make(name, seed=0):
        row = rows[name]
        if row["loader"] == "transformers":
            pytest.importorskip("transformers")
        twins = study.with_twins({name: row}, [seed], "models.tsv")
        return models.load(twins[f"{name}-twin{seed}"])

    return make


@pytest.fixture
def without_weights(build, monkeypatch):
    """Build on the meta device, where tensors have shapes alone."""

    def make(name):
        with torch.device("meta"):
            # Weights that are not there have no checksum.
            monkeypatch.setattr("twinscope.models.weights.checksum", lambda _: "")
            return build(name)

    return make


def test_every_network_states_its_dimension(rows):
    assert {name: row["dimension"] for name, row in rows.items()} == DIMENSION
    for family in FAMILIES:
        assert any(name.startswith(family) for name in rows), family
    assert set(PARAMETERS) | set(DRAWN) | set(DRAWN_SLOWLY) <= set(rows)


def test_networks_of_natural_images_are_the_same_on_channels(rows):
    differ = {"model", "modality", "policy", "intensity"}
    for name in NATURAL:
        one, other = rows[name], rows[f"{name}-channels"]
        assert {c for c in {*one, *other} if one.get(c) != other.get(c)} == differ


@pytest.mark.parametrize("name", DATA)
def test_twins_with_statistics_of_images_belong_to_the_same_network(rows, name):
    one, other = rows[name], rows[name.removesuffix("-data")]
    assert one["twin_statistics"] == "data" and "twin_statistics" not in other
    differ = {"model", "twin_statistics"}
    assert {c for c in one if one.get(c) != other.get(c)} == differ


def test_a_row_says_what_its_image_is(rows):
    for name, row in rows.items():
        cells = row["modality"] == ["cells"]
        assert (row["policy"] == "per-channel") is cells, name
        assert (row["intensity"] == "percentile") is cells, name
        assert ("mean" in row) is ("std" in row), name


@pytest.mark.parametrize("name", [n for n in DIMENSION if "-channels" not in n and n not in DATA])
def test_twin_has_the_published_width_and_size(without_weights, rows, name):
    network = without_weights(name)
    row = rows[name]
    with torch.device("meta"):
        vectors = network.module(torch.empty(2, network.inputs, network.size, network.size))
    assert vectors.shape == (2, DIMENSION[name])
    assert network.size == row["input_size"]
    if "mean" in row:
        assert (network.mean, network.std) == (tuple(row["mean"]), tuple(row["std"]))
    named = network.module.named_parameters()
    # The head over the class token that transformers adds is not in the published file.
    count = sum(p.numel() for n, p in named if "pooler" not in n.split("."))
    assert count == PARAMETERS.get(name, count)
    inner = getattr(network.module, "network", network.module)
    if "register_tokens" in row and hasattr(inner, "num_prefix_tokens"):
        assert inner.num_prefix_tokens == 1 + row["register_tokens"]
    if "register_tokens" in row and hasattr(inner, "config"):
        assert getattr(inner.config, "num_register_tokens", 0) == row["register_tokens"]


@pytest.mark.parametrize(
    "name", [*DRAWN, *(pytest.param(n, marks=pytest.mark.slow) for n in DRAWN_SLOWLY)]
)
def test_twin_with_weights_tells_two_images_apart(build, name):
    network = build(name)
    generator = torch.Generator().manual_seed(1)
    shape = (2, network.inputs, network.size, network.size)
    images = torch.rand(shape, generator=generator)
    images[1] *= torch.linspace(0, 1, network.size)
    with torch.inference_mode():
        vectors = network.module(images)
    assert vectors.shape == (2, DIMENSION[name])
    assert vectors.isfinite().all()
    assert (vectors[0] - vectors[1]).abs().max() > 1e-4


def test_another_seed_is_another_network(build):
    one, again, other = (build("dino-small", seed).checksum for seed in (0, 0, 1))
    assert one == again != other
