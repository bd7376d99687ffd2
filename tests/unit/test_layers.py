"""Intermediate layers come from the pass that gives the vector, and leave it as it was."""

import threading

import numpy as np
import pytest

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

from twinscope import models  # noqa: E402
from twinscope.models.checks import dimensions  # noqa: E402

ROW = {
    **{"model": "net", "loader": "timm", "weights": "none", "policy": "rgb"},
    **{"intensity": "dtype", "seed": 3},
}
REGISTERS = {"img_size": 64, "reg_tokens": 2, "dynamic_img_size": True}
SWIN = {"img_size": 56, "depths": [1, 1, 1, 1], "embed_dim": 24, "window_size": 7}
# A ViT with registers, one with rotary positions, two kinds of convolutions, maps channels last.
NETWORKS = {
    "vit": {"architecture": "test_vit", "model_args": REGISTERS},
    "eva": {"architecture": "vit_small_patch16_dinov3", "input_size": 64},
    "resnet": {"architecture": "test_resnet"},
    "convnext": {"architecture": "test_convnext"},
    "efficientnet": {"architecture": "test_efficientnet"},
    "swin": {"architecture": "swin_tiny_patch4_window7_224", "model_args": SWIN},
}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def load(**changes):
    return models.load({k: v for k, v in {**ROW, **changes}.items() if v is not None})


def shown(network, count=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (count, network.inputs, network.size, network.size)
    images = torch.rand(shape, generator=generator)
    with torch.inference_mode():
        return network.module(images), images


def inner(network):
    return getattr(network.module, "network", network.module)


@pytest.mark.parametrize("pooling", [None, "mean", "avg"])
@pytest.mark.parametrize("name", NETWORKS)
def test_layers_leave_the_vector_as_it_was(name, pooling):
    row = {**NETWORKS[name], "pooling": pooling}
    plain, _ = shown(load(**row))
    network = load(**row, layers=["all"])
    (vector, layers), _ = shown(network)
    assert torch.equal(vector, plain)
    assert tuple(layers) == network.layers == tuple(sorted(layers))
    assert dimensions(network) == (len(vector[0]), {k: len(v[0]) for k, v in layers.items()})


@pytest.mark.parametrize("name", ["resnet", "convnext", "efficientnet", "swin"])
def test_maps_are_timms_features_averaged(name):
    row = NETWORKS[name]
    network = load(**row, layers=["all"])
    (_, layers), images = shown(network)
    only = timm.create_model(
        row["architecture"], features_only=True, **row.get("model_args", {})
    ).eval()
    own = inner(network).state_dict()
    # features_only drops the head, and joins the names of stages by underscores.
    theirs = only.state_dict()
    renamed = {k.replace("_", ".", 1) if k not in own else k: k for k in theirs}
    only.load_state_dict({theirs_: own[k] for k, theirs_ in renamed.items()})
    with torch.inference_mode():
        maps = only(images)
    assert len(maps) == len(layers)
    for found, expected in zip(layers.values(), maps, strict=True):
        last = str(getattr(only, "output_fmt", "")).endswith("NHWC") or (
            expected.shape[1] != found.shape[1]
        )
        mean = expected.mean((1, 2) if last else (2, 3))
        np.testing.assert_allclose(found, mean, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("pooling", ["token", "mean", "both", "avg"])
@pytest.mark.parametrize(("name", "registers"), [("vit", 2), ("eva", 4)])
def test_tokens_are_pooled_as_the_row_pools(name, registers, pooling):
    network = load(**NETWORKS[name], pooling=pooling, layers=["all"])
    (_, layers), images = shown(network)
    # The blocks' own outputs, caught from outside.
    blocks, caught = inner(network).blocks, []
    for block in blocks:
        block.register_forward_hook(lambda _, __, output: caught.append(output))
    with torch.inference_mode():
        inner(network).forward_features(images)
    assert len(caught) == len(blocks) == len(layers)
    for found, tokens in zip(layers.values(), caught, strict=True):
        patches = tokens[:, 1 + registers :].mean(1)
        expected = {
            "token": tokens[:, 0],
            "both": torch.cat([tokens[:, 0], patches], 1),
        }.get(pooling, patches)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_layers_by_number_and_by_name():
    every = shown(load(**NETWORKS["resnet"], layers=["all"]))[0][1]
    assert list(every) == [f"block_{k:02d}" for k in range(5)]
    some = shown(load(**NETWORKS["resnet"], layers=["-1", "layer1", "0", "4"]))[0][1]
    assert list(some) == ["block_00", "block_01", "block_04"]
    assert all(torch.equal(some[k], every[k]) for k in some)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (["layer7"], ["'layer7'", "a number below 5", "layer1"]),
        (["5"], ["'5'", "below 5"]),
        (["-6"], ["'-6'"]),
        (["1.5"], ["'1.5'"]),
    ],
)
def test_layers_that_are_not_there(refused, layers, words):
    with refused(*words, file="models.tsv", row="net", column="layers"):
        load(**NETWORKS["resnet"], layers=layers)


def test_twins_have_the_layers_of_their_model_and_their_own_weights():
    one, other = (shown(load(**NETWORKS["vit"], seed=s, layers=["2"]))[0][1] for s in (0, 1))
    assert list(one) == list(other) == ["block_02"]
    assert not torch.allclose(one["block_02"], other["block_02"])


def test_other_schemes_keep_layers():
    row = {**NETWORKS["resnet"], "initialisation": "kaiming"}
    (vector, layers), _ = shown(load(**row, layers=["1"]))
    assert torch.equal(vector, shown(load(**row))[0]) and list(layers) == ["block_01"]


# transformers

VIT = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "patch_size": 8}
VIT |= {"intermediate_size": 32, "image_size": 32}
STAGES = {"embedding_size": 8, "hidden_sizes": [8, 12], "depths": [1, 1]}
HF = {
    **{"loader": "transformers", "architecture": "of-the-arguments", "input_size": 32},
    **{"mean": [0.5] * 3, "std": [0.5] * 3},
}


@pytest.mark.parametrize("pooling", ["token", "mean", "both"])
@pytest.mark.parametrize(
    ("kind", "registers", "blocks"),
    [("vit", 0, "layers"), ("dinov2", 0, "layers"), ("dinov2_with_registers", 4, "layers")],
)
def test_blocks_of_transformers(kind, registers, blocks, pooling):
    pytest.importorskip("transformers")
    arguments = {"model_type": kind, **VIT}
    arguments |= {"num_register_tokens": registers} if registers else {}
    row = {**HF, "model_args": arguments, "pooling": pooling}
    plain, _ = shown(load(**row))
    network = load(**row, layers=["all"])
    (vector, layers), images = shown(network)
    assert torch.equal(vector, plain) and len(layers) == 3
    caught = []
    stack = next(m for m in inner(network).modules() if isinstance(m, torch.nn.ModuleList))
    for block in stack:
        block.register_forward_hook(
            lambda _, __, o: caught.append(o[0] if isinstance(o, tuple) else o)
        )
    with torch.inference_mode():
        inner(network)(images)
    for found, tokens in zip(layers.values(), caught, strict=True):
        patches = tokens[:, 1 + registers :].mean(1)
        both = torch.cat([tokens[:, 0], patches], 1)
        expected = {"token": tokens[:, 0], "mean": patches, "both": both}[pooling]
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", ["resnet", "convnext"])
def test_maps_of_transformers(kind):
    pytest.importorskip("transformers")
    arguments = {"model_type": kind, **STAGES, "hidden_sizes": [8, 12, 16, 24], "depths": [1] * 4}
    network = load(**HF, model_args=arguments, layers=["all"])
    (vector, layers), images = shown(network)
    with torch.inference_mode():
        output = inner(network)(images, output_hidden_states=True)
    np.testing.assert_allclose(vector, output.last_hidden_state.mean((2, 3)), rtol=1e-6, atol=1e-6)
    assert [v.shape[1] for v in layers.values()] == [8, 12, 16, 24]
    for found, state in zip(layers.values(), output.hidden_states[1:], strict=True):
        np.testing.assert_allclose(found, state.mean((2, 3)), rtol=1e-6, atol=1e-6)


def test_a_network_that_hides_patches_at_random_is_refused(refused):
    pytest.importorskip("transformers")
    with refused("at random", "timm", file="models.tsv", row="net", column="architecture"):
        load(**HF, model_args={"model_type": "vit_mae", **VIT})


@pytest.mark.parametrize("family", ["timm", "transformers"])
def test_several_threads_may_share_a_module(family):
    row = {**NETWORKS["vit"]}
    if family == "transformers":
        pytest.importorskip("transformers")
        row = {**HF, "model_args": {"model_type": "vit", **VIT}}
    network = load(**row, layers=["all"])
    expected = [shown(network, seed=seed)[0] for seed in range(6)]
    found = [None] * 6

    def work(seed):
        for _ in range(5):
            found[seed] = shown(network, seed=seed)[0]

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for (vector, layers), (theirs, parts) in zip(expected, found, strict=True):
        assert torch.equal(vector, theirs)
        assert all(torch.equal(layers[k], parts[k]) for k in layers)


# a Python file

SOURCE = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.Conv2d(3, 4, 4), torch.nn.Conv2d(4, 6, 4)

    def forward(self, images):
        low = self.first(images)
        high = self.second(low)
        return high.mean((2, 3)), {"low": low.mean((2, 3)), "high": high.amax((2, 3))}

def build(weights, seed):
    expects = {"input_size": 24, "mean": [0] * 3, "std": [1] * 3, "layers": ["low", "high"]}
    return Net(), expects
"""


def test_layers_of_a_python_file(tmp_path, monkeypatch, refused):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(SOURCE)
    row = {"loader": "python", "architecture": "net.py:build", "executes_code": "yes"}
    plain, _ = shown(load(**row))
    network = load(**row, layers=["high"])
    (vector, layers), images = shown(network)
    assert torch.equal(vector, plain) and plain.shape == (2, 6)
    with torch.inference_mode():
        assert torch.equal(layers["block_01"], inner(network)(images)[1]["high"])
    assert list(shown(load(**row, layers=["all"]))[0][1]) == ["block_00", "block_01"]
    with refused("'middle'", "high", file="models.tsv", row="net", column="layers"):
        load(**row, layers=["middle"])
    (tmp_path / "net.py").write_text(SOURCE.replace('"layers": ["low", "high"]', ""))
    with refused("(1, d)", column="architecture"):
        load(**row)


def test_a_python_file_without_layers(tmp_path, monkeypatch, refused):
    monkeypatch.chdir(tmp_path)
    source = SOURCE.replace(', "layers": ["low", "high"]', "").replace(
        ', {"low": low.mean((2, 3)), "high": high.amax((2, 3))}', ""
    )
    (tmp_path / "net.py").write_text(source)
    row = {"loader": "python", "architecture": "net.py:build", "executes_code": "yes"}
    assert shown(load(**row))[0].shape == (2, 6)
    with refused("gives no layers", file="models.tsv", row="net", column="layers"):
        load(**row, layers=["all"])
