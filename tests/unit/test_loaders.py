"""Families of networks: timm with arguments, transformers, a Python file; initialisation."""

import json
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

from twinscope import inputs, models, tables  # noqa: E402
from twinscope.models.initialisation import SCHEMES, calibrate, initialise  # noqa: E402
from twinscope.models.pooling import pool  # noqa: E402

ADDING = Path(__file__).parents[2] / "docs/adding.md"
VIT = {
    **{"model": "net", "loader": "timm", "architecture": "test_vit", "weights": "none"},
    **{"policy": "rgb", "intensity": "dtype"},
}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def load(**changes):
    return models.load({k: v for k, v in {**VIT, **changes}.items() if v is not None})


def prepared(image, network):
    return inputs.prepare(image, network, [f"c{k}" for k in range(len(image))])


def embedded(images, network):
    """One vector an image, without layers."""
    with torch.inference_mode():
        vectors = [network.module(prepared(image, network)).numpy() for image in images]
    return inputs.join(np.stack(vectors), network)


def picture(size=32, channels=3):
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (channels, size, size), dtype=np.uint8)


@pytest.fixture
def rejected(refused):
    def expect(column, *words, **row):
        with refused(*words, file="models.tsv", row="net", column=column) as caught:
            load(**row)
        return caught.value

    return expect


# timm: arguments


ARGUMENTS = {"img_size": 64, "reg_tokens": 2, "init_values": 1e-5, "dynamic_img_size": True}


def test_arguments_reach_the_architecture():
    module = load(model_args=ARGUMENTS).module
    assert module.reg_token.shape == (1, 2, 64)
    assert torch.equal(module.blocks[0].ls1.gamma, torch.full((64,), 1e-5))
    assert load(model_args=ARGUMENTS).size == 64 != load().size
    assert load(model_args=ARGUMENTS, input_size=96).size == 96


def test_layers_go_by_name():
    made = load(model_args={"mlp_layer": "SwiGLUPacked", "act_layer": "SiLU"}).module.blocks[0].mlp
    assert type(made) is timm.layers.GluMlp and type(made.act) is torch.nn.SiLU
    # What SwiGLU is: a gate on half of the units, unlike the usual layer.
    assert made.fc1.out_features == 2 * made.fc2.in_features
    assert type(load().module.blocks[0].mlp.act) is torch.nn.GELU


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"nonsense": 3}, "nonsense"),
        ({"mlp_layer": "NoSuchMlp"}, "NoSuchMlp"),
        ({"act_layer": "no_such"}, "no_such"),
        ({"mlp_layer": "resample_abs_pos_embed"}, "resample_abs_pos_embed"),
        ({"mlp_layer": "_assert"}, "_assert"),
        ({"mlp_layer": 3}, "mlp_layer 3"),
    ],
)
def test_arguments_that_the_architecture_does_not_know(rejected, arguments, word):
    rejected("model_args", word, model_args=arguments)


def test_a_twin_has_the_size_and_scaling_of_its_models_tag():
    row = {"architecture": "vit_small_patch16_224"}
    usual, twin = load(**row), load(trained="timm:dino", **row)
    assert twin.mean == timm.get_pretrained_cfg("vit_small_patch16_224.dino").mean != usual.mean
    sized = timm.get_pretrained_cfg("test_vit3.r160_in1k")
    assert load(architecture="test_vit3", trained="timm:r160_in1k").size == sized.input_size[-1]
    # Where the weights are no tag, the row alone says how.
    assert load(trained="file:w.pth", **row).mean == usual.mean


# weights in files


@pytest.fixture
def saved(tmp_path):
    def write(tensors=lambda made: made, name="w.pth", **arguments):
        torch.manual_seed(8)
        made = timm.create_model("test_vit", **{"num_classes": 0, **arguments}).state_dict()
        path = tmp_path / name
        if name.endswith("safetensors"):
            from safetensors.torch import save_file

            save_file(tensors(made), path)
        else:
            torch.save(tensors(made), path)
        return f"file:{path}"

    return write


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize(
    "prefix", ["module.", "backbone.", "model.", "teacher.backbone.", "module.model."]
)
def test_a_prefix_that_all_names_share_is_stripped(saved, prefix, name):
    # Another order than the network's: names decide, not places.
    path = saved(lambda made: {prefix + k: v for k, v in sorted(made.items())}, name)
    torch.manual_seed(8)
    expected = timm.create_model("test_vit", num_classes=0).state_dict()
    found = load(weights=path).module.state_dict()
    assert all(torch.equal(found[k], v) for k, v in expected.items())


def test_a_classifier_may_be_left_over_behind_a_prefix_too(saved):
    plain = saved(name="a.pth")
    path = saved(lambda made: {f"model.{k}": v for k, v in made.items()}, num_classes=7)
    assert (
        load(weights=path).module.state_dict().keys()
        == load(weights=plain).module.state_dict().keys()
    )


def test_misfits_are_named(saved, rejected):
    def spoil(made):
        made = dict(made)
        made["norm.weight"] = torch.zeros(3)
        made["stranger"] = made.pop("pos_embed")
        return made

    rejected(
        "weights",
        *("missing 'pos_embed'", "unexpected 'stranger'", "'norm.weight' is (3,), not (64,)"),
        *("tensors of test_vit", "fit"),
        weights=saved(spoil),
    )


def test_only_the_first_misfits_are_named(saved, rejected):
    error = rejected(
        "weights", "and 71 more", weights=saved(lambda made: dict(list(made.items())[:4]))
    )
    assert str(error).count("'") < 12


@pytest.mark.parametrize("prefix", ["head.", "student.", "backbone"])
def test_other_prefixes_are_not_guessed(saved, rejected, prefix):
    spoilt = saved(lambda made: {prefix + k: v for k, v in sorted(made.items())})
    rejected("weights", "missing", prefix, weights=spoilt)


def test_a_prefix_that_only_some_share_is_refused(saved, rejected):
    spoilt = saved(
        lambda made: {("model." if "blocks" in k else "") + k: v for k, v in made.items()}
    )
    rejected("weights", "missing 'blocks.0", weights=spoilt)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(saved, rejected, value):
    spoilt = saved(lambda made: {**made, "norm.bias": torch.full((64,), value)})
    rejected("weights", "NaN or infinity in 'norm.bias'", weights=spoilt)


def test_weights_of_other_arguments(saved, rejected):
    rejected("weights", "'reg_token'", weights=saved(), model_args={"reg_tokens": 2})


def test_half_precision_is_widened(saved):
    path = saved(lambda made: {k: v.half() for k, v in made.items()})
    assert {v.dtype for v in load(weights=path).module.state_dict().values()} == {torch.float32}


def test_the_checksum_of_a_file(saved, rejected):
    import hashlib

    path = saved()
    content = Path(path.removeprefix("file:")).read_bytes()
    right = hashlib.sha256(content).hexdigest()
    assert load(weights=path, sha256=right).checksum == load(weights=path).checksum
    rejected("sha256", right, "0" * 64, weights=path, sha256="0" * 64)
    rejected("sha256", "tag", weights="timm:r160_in1k", sha256=right)


# pooling


def test_pooling_by_hand():
    tokens = torch.tensor([[[1.0, 2], [50, 60], [3, 4], [5, 8]]])
    assert pool(tokens, "token").tolist() == [[1, 2]]
    assert pool(tokens, "mean", registers=1).tolist() == [[4, 6]]
    assert pool(tokens, "both", registers=1).tolist() == [[1, 2, 4, 6]]
    assert pool(tokens, "mean", class_tokens=0).tolist() == [[14.75, 18.5]]


@pytest.mark.parametrize(
    ("how", "counts", "word"),
    [
        ("men", {}, "did you mean 'mean'"),
        ("token", {"class_tokens": 0}, "no class token"),
        ("both", {"class_tokens": 0}, "no class token"),
        ("mean", {"registers": 3}, "3 registers among 4 tokens"),
    ],
)
def test_poolings_that_cannot_be(refused, how, counts, word):
    with refused(word):
        pool(torch.zeros(1, 4, 2), how, **counts)


def test_timm_pools_class_and_patches_without_registers():
    arguments = {**ARGUMENTS, "init_values": None}
    row = {"model_args": arguments, "seed": 3}
    image = picture(64)
    (token,), (mean,), (both,) = (
        embedded([image], load(pooling=how, **row)) for how in ("token", "mean", "both")
    )
    module = load(pooling="token", **row).module
    tokens = module.forward_features(prepared(image, load(**row)))[0]
    assert tokens.shape == (3 + 16, 64)
    np.testing.assert_allclose(token, tokens[0].detach(), atol=1e-5)
    np.testing.assert_allclose(mean, tokens[3:].mean(0).detach(), atol=1e-5)
    np.testing.assert_allclose(both, np.concatenate([token, mean]), atol=1e-6)


@pytest.mark.parametrize("name", ["test_resnet", "swin_tiny_patch4_window7_224"])
def test_maps_are_averaged_over_places(name):
    row = {"architecture": name, "seed": 1}
    if "swin" in name:
        row["model_args"] = {
            "img_size": 56,
            "depths": [1, 1, 1, 1],
            "embed_dim": 24,
            "window_size": 7,
        }
    network = load(pooling="mean", **row)
    image = picture(network.size)
    features = network.module.network(prepared(image, network))[0].detach()
    last = "swin" in name
    expected = features.mean((0, 1) if last else (1, 2))
    assert len(expected) == network.module.network.num_features
    np.testing.assert_allclose(embedded([image], network)[0], expected, atol=1e-5)


def test_no_class_token_no_token(rejected):
    rejected(
        "pooling", "test_resnet has no class token", architecture="test_resnet", pooling="both"
    )


# initialisation


def test_schemes_are_seeded_and_different():
    made = {
        (scheme, seed): load(initialisation=scheme, seed=seed).checksum
        for scheme in ("own", "kaiming", "xavier", "orthogonal")
        for seed in (0, 1)
    }
    assert len(set(made.values())) == 8
    torch.manual_seed(77)
    before = torch.get_rng_state()
    for (scheme, seed), checksum in made.items():
        assert load(initialisation=scheme, seed=seed).checksum == checksum
    assert torch.equal(torch.get_rng_state(), before)
    assert load(initialisation="own").checksum == load().checksum


def test_what_the_schemes_draw():
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        *(torch.nn.Conv2d(16, 64, 3), torch.nn.BatchNorm2d(64), torch.nn.Flatten()),
        *(torch.nn.Linear(256, 512), torch.nn.Embedding(5, 4)),
    )
    before = {k: v.clone() for k, v in module.state_dict().items()}
    for scheme in ("kaiming", "xavier", "orthogonal"):
        drawn = initialise(module, scheme, 4)
        assert not drawn[0].bias.any() and not drawn[3].bias.any()
        assert torch.equal(drawn[1].weight, module[1].weight)
        assert torch.equal(drawn[4].weight, module[4].weight)
    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())
    kaiming, xavier, square = (
        initialise(module, s, 4) for s in ("kaiming", "xavier", "orthogonal")
    )
    # Variance 2 / fan in; uniform within sqrt(6 / (fan in + fan out)); orthogonal columns.
    np.testing.assert_allclose(kaiming[0].weight.var().item(), 2 / (16 * 9), rtol=0.05)
    np.testing.assert_allclose(kaiming[3].weight.var().item(), 2 / 256, rtol=0.05)
    bound = (6 / (256 + 512)) ** 0.5
    assert 0.99 * bound < xavier[3].weight.abs().max() <= bound
    weight = square[3].weight
    np.testing.assert_allclose((weight.T @ weight).detach(), np.eye(256), atol=1e-5)


def test_attention_weights_are_drawn_too():
    module = torch.nn.MultiheadAttention(8, 2)
    drawn = initialise(module, "kaiming", 0)
    assert not torch.equal(drawn.in_proj_weight, module.in_proj_weight)
    assert not torch.equal(drawn.out_proj.weight, module.out_proj.weight)


def test_permuted_keeps_the_values_of_each_tensor_and_their_order_not(saved):
    path = saved(lambda made: {k: v + torch.randn(v.shape) for k, v in made.items()})
    trained = load(weights=path).module.state_dict()
    row = {"trained": path, "initialisation": "permuted"}
    twins = [load(seed=seed, **row) for seed in (0, 1, 0)]
    assert twins[0].checksum == twins[2].checksum != twins[1].checksum
    for name, tensor in twins[0].module.state_dict().items():
        flat, theirs = tensor.flatten(), trained[name].flatten()
        assert torch.equal(flat.sort().values, theirs.sort().values), name
        if len(flat) > 60:
            # Shuffled: no more in place than by chance.
            assert (flat == theirs).float().mean() < 0.2, name
            assert abs(np.corrcoef(flat, theirs)[0, 1]) < 6 / len(flat) ** 0.5, name
    # The network of the weights themselves is left alone by the scheme.
    assert load(weights=path, initialisation="permuted").checksum == load(weights=path).checksum


def test_permuted_leaves_counts_and_indices():
    module = timm.create_model("test_resnet", num_classes=0)
    state = {k: v + 3 if not v.is_floating_point() else v for k, v in module.state_dict().items()}
    drawn = initialise(module, "permuted", 0, state).state_dict()
    whole = [k for k, v in state.items() if not v.is_floating_point()]
    assert whole and all(torch.equal(drawn[k], state[k]) for k in whole)


def test_schemes_that_cannot_be(rejected, refused):
    rejected("initialisation", "did you mean 'xavier'", initialisation="xavir")
    rejected("initialisation", "no weights", initialisation="permuted")
    rejected("initialisation", "no weights", initialisation="permuted", trained="none")
    module = torch.nn.Linear(2, 3)
    for state in (None, {}, {"weight": torch.zeros(3, 2)}, torch.nn.Linear(3, 2).state_dict()):
        with refused("no weights of this network"):
            initialise(module, "permuted", 0, state)
    assert set(SCHEMES) == {"own", "kaiming", "xavier", "orthogonal", "permuted"}


# running statistics


def batches(count=3, seed=0, scale=20.0):
    generator = torch.Generator().manual_seed(seed)
    return [
        scale * torch.rand(4, 3, 64, 64, generator=generator) + 5 * number
        for number in range(count)
    ]


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet"])
def test_calibration_is_torchs_own_average(name):
    from torch.optim.swa_utils import update_bn

    module = load(architecture=name).module
    before = {k: v.clone() for k, v in module.state_dict().items()}
    found = calibrate(module, batches())
    oracle = timm.create_model(name, num_classes=0)
    oracle.load_state_dict(before)
    update_bn(batches(), oracle)
    moved = 0
    for key, value in found.state_dict().items():
        torch.testing.assert_close(value, oracle.state_dict()[key], rtol=1e-5, atol=1e-6)
        moved += not torch.equal(value, before[key])
    assert moved > 4
    # Pure, in evaluation mode, and with the momentum it had.
    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())
    assert not any(m.training for m in found.modules())
    norms = [m for m in found.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert norms and all(m.momentum is not None for m in norms)
    again = calibrate(module, iter(batches()))
    assert all(torch.equal(v, again.state_dict()[k]) for k, v in found.state_dict().items())


def test_calibration_by_hand_and_without_dropout():
    module = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.BatchNorm1d(1))
    ones = [torch.tensor([[0.0], [2.0]]), torch.tensor([[6.0], [10.0]])]
    norm = calibrate(module, ones)[1]
    # Means 1 and 8, unbiased variances 2 and 8.
    assert norm.running_mean.item() == 4.5 and norm.running_var.item() == 5.0


def test_calibrated_features_do_not_hang_on_the_scale_of_images():
    module = load(architecture="test_resnet", initialisation="kaiming").module
    images, large = batches(), [300 * batch for batch in batches()]
    with torch.no_grad():
        raw, raw_large = module(images[0]), module(large[0])
        one, other = calibrate(module, images)(images[0]), calibrate(module, large)(large[0])
    assert raw_large.abs().max() > 100 * raw.abs().max()
    torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)
    assert one.std(0).max() > 0.1


def test_calibration_without_batches_or_without_norms():
    with pytest.raises(ValueError, match="no batch"):
        calibrate(torch.nn.BatchNorm2d(3), [])
    module = load().module
    same = calibrate(module, [torch.zeros(1, 3, 160, 160)]).state_dict()
    assert all(torch.equal(v, same[k]) for k, v in module.state_dict().items())


# a Python file


PYTHON = {"loader": "python", "architecture": "net.py:build", "executes_code": "yes"}
SOURCE = """
import torch

class Net(torch.nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.layer = torch.nn.Conv2d(channels, 6, 4)

    def forward(self, images):
        return self.layer(images).mean((2, 3))

def build(weights, seed):
    assert (weights is None) != (seed is None)
    network = Net({channels})
    if weights is not None:
        network.load_state_dict(torch.load(weights, weights_only=True))
    return network, {expects}
"""
EXPECTS = {"input_size": 24, "mean": [0.1, 0.2, 0.3], "std": [1, 2, 3]}


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(source=SOURCE, channels=3, expects=EXPECTS, name="net.py"):
        text = source.replace("{channels}", str(channels)).replace("{expects}", repr(expects))
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        return tmp_path

    return write


def test_a_python_file_gives_a_network_and_its_twins(study):
    study(name="code/net.py")
    row = {**PYTHON, "architecture": "code/net.py:build"}
    twins = [load(seed=seed, **row) for seed in (0, 1, 0)]
    assert twins[0].checksum == twins[2].checksum != twins[1].checksum
    assert (twins[0].size, twins[0].mean, twins[0].std) == (24, (0.1, 0.2, 0.3), (1, 2, 3))
    torch.save(twins[1].module.state_dict(), "w.pth")
    trained = load(weights="file:w.pth", **row)
    assert trained.checksum == twins[1].checksum
    assert embedded([picture()], trained).shape == (1, 6)
    assert not trained.module.training
    changed = load(mean=[0, 0, 0], input_size=30, interpolation="bilinear", **row)
    assert (changed.mean, changed.size, changed.interpolation) == ((0, 0, 0), 30, "bilinear")


def test_a_network_of_one_channel_sees_each_channel_alone(study):
    study(channels=1, expects={"input_size": 24, "mean": [0.5], "std": [0.25], "channels": 1})
    network = load(policy="per-channel", **PYTHON)
    assert (network.inputs, network.mean, network.std) == (1, (0.5,), (0.25,))
    image = picture(24, channels=2)
    grey = torch.from_numpy((image[:, None] / 255 - 0.5) / 0.25).float()
    expected = network.module(grey).detach().numpy().ravel()
    np.testing.assert_allclose(embedded([image], network)[0], expected, atol=1e-4)


@pytest.mark.parametrize("says", [None, "no"])
def test_code_runs_only_where_the_row_says_so(study, rejected, says):
    folder = study("open('ran', 'w').close()\n" + SOURCE)
    rejected("executes_code", "net.py", "yes", **{**PYTHON, "executes_code": says})
    assert not (folder / "ran").exists()
    load(**PYTHON)
    assert (folder / "ran").exists()


RETURN = "import torch\ndef build(weights, seed):\n    return "


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def (", ["SyntaxError", "net.py"]),
        ("import no_such_thing", ["No module named 'no_such_thing'"]),
        ("build = 3", ["no function 'build'"]),
        ("def build(weights): pass", ["TypeError"]),
        ("def build(weights, seed): raise OSError('gone')", ["OSError: gone"]),
        (RETURN + "None", ["NoneType", "(module, mapping)"]),
        (RETURN + "torch.nn.Identity(), 3", ["(Identity, int)"]),
        (RETURN + "3, {}", ["(int, dict)"]),
        (RETURN + "torch.nn.Identity(), {'men': [0]}", ["did you mean 'mean'"]),
        (RETURN + "torch.nn.Identity(), {}", ["3 numbers for mean"]),
        (RETURN + f"torch.nn.Identity(), {EXPECTS}", ["gives (1, 3, 24, 24)", "(1, d)"]),
        (RETURN + f"torch.nn.Linear(2, 2), {EXPECTS}", ["RuntimeError", "fails"]),
    ],
)
def test_files_that_give_no_network(study, rejected, source, words):
    study(source)
    rejected("architecture", *words, **PYTHON)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mean": [0.5]}, ["3 numbers for mean"]),
        ({"std": [1, 0, 1]}, ["3 numbers for std"]),
        ({"std": "abc"}, ["3 numbers for std"]),
        ({"input_size": "24"}, ["input_size '24'"]),
        ({"input_size": None}, ["input_size None"]),
        ({"channels": 0}, ["channels 0", "how many"]),
        ({"channels": ["DNA"]}, ["channels ['DNA']", "how many"]),
        ({"channels": 5}, ["5 numbers for mean"]),
    ],
)
def test_files_that_expect_what_cannot_be(study, rejected, change, words):
    study(expects={**EXPECTS, **change})
    rejected("architecture", *words, **PYTHON)


def test_a_file_may_insist_on_a_policy(study, rejected):
    study(expects={**EXPECTS, "policy": "per-channel"})
    rejected("policy", "per-channel", **PYTHON)
    assert load(policy="per-channel", **PYTHON).policy == "per-channel"


@pytest.mark.parametrize("where", ["net.py", "gone.py:build", "net.txt:build", "net.py:"])
def test_files_that_are_not_there(study, rejected, where):
    study()
    rejected("architecture", **{**PYTHON, "architecture": where})


def test_weights_of_a_python_file_that_are_not_there(study, rejected):
    study()
    rejected("weights", "no file 'gone.pth'", weights="file:gone.pth", **PYTHON)
    rejected("weights", "file:path", weights="timm:tag", **PYTHON)


def test_the_recipe_for_a_python_file_works_word_for_word(tmp_path, monkeypatch):
    section = re.search(
        r"^## A model in a Python file\n(.*?)(?=^## |\Z)", ADDING.read_text(), re.M | re.S
    )
    assert section, "docs/adding.md has no heading '## A model in a Python file'"
    source = re.search(r"^```python\n(.*?)^```", section[1], re.M | re.S)[1]
    rest = section[1].replace(source, "").replace("```python\n```", "")
    table = re.search(r"^```\n(.*?)^```", rest, re.M | re.S)[1].splitlines()
    header, cells = (re.split(r" {2,}|\t", line.strip()) for line in table[:2])
    row = {"intensity": "dtype", **dict(zip(header, cells, strict=True))}
    monkeypatch.chdir(tmp_path)
    path = tmp_path / row["architecture"].partition(":")[0]
    path.parent.mkdir(exist_ok=True)
    path.write_text(source)
    twins = [models.load({**row, "weights": "none", "seed": seed}) for seed in (0, 1, 0)]
    assert twins[0].checksum == twins[2].checksum != twins[1].checksum
    weights = tmp_path / row["weights"].removeprefix("file:")
    weights.parent.mkdir(exist_ok=True)
    torch.save(twins[1].module.state_dict(), weights)
    trained = models.load(row)
    assert trained.checksum == twins[1].checksum
    vectors = embedded([picture(), picture()[:, ::-1].copy()], trained)
    assert vectors.shape[0] == 2 and not np.array_equal(vectors[0], vectors[1])


# transformers, by a stand-in for the library


HF = {
    **{"loader": "transformers", "architecture": "vit", "input_size": 32},
    **{"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
}


class Config:
    usual = {"hidden_size": 8, "hidden_act": "gelu", "image_size": 32, "num_register_tokens": 0}

    def __init__(self, model_type, **given):
        self.given = {k: v for k, v in given.items() if v != self.usual.get(k)}
        self.__dict__ |= {"model_type": model_type, **self.usual, **given}

    def to_diff_dict(self):
        return {"model_type": self.model_type, "transformers_version": "0", **self.given}


class Model(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config, width = config, config.hidden_size
        self.embeddings = torch.nn.Module()
        count = 1 + config.num_register_tokens
        if config.model_type != "no-class":
            self.embeddings.cls_token = torch.nn.Parameter(torch.randn(1, count, width))
        self.patches = torch.nn.Conv2d(3, width, 16, 16)
        self.pooler = torch.nn.Linear(width, width)

    def forward(self, pixel_values):
        tokens = self.patches(pixel_values).flatten(2).transpose(1, 2)
        if self.config.model_type != "no-class":
            first = self.embeddings.cls_token.expand(len(tokens), -1, -1)
            tokens = torch.cat([first, tokens], 1)
        return SimpleNamespace(last_hidden_state=tokens, pooler_output=tokens[:, 0])


@pytest.fixture
def library(monkeypatch):
    """What is documented of AutoConfig and AutoModel, over one repository."""
    told = {"missing_keys": ["pooler.weight"], "mismatched_keys": [], "unexpected_keys": ["head"]}
    state = SimpleNamespace(calls=[], config=Config("vit"), told=told, code=False, error=None)

    def trust(repo, trust_remote_code):
        if state.error is not None:
            raise state.error
        if state.code and not trust_remote_code:
            raise ValueError(f"{repo} contains custom code: pass `trust_remote_code=True`")

    class AutoConfig:
        @staticmethod
        def for_model(model_type, **arguments):
            if model_type not in ("vit", "no-class"):
                raise ValueError(f"Unrecognized model identifier: {model_type}")
            return Config(model_type, **arguments)

        @staticmethod
        def from_pretrained(repo, *, trust_remote_code=None, revision="main"):
            state.calls.append(("config", repo, revision, trust_remote_code))
            trust(repo, trust_remote_code)
            return state.config

    class AutoModel:
        @staticmethod
        def from_config(config, *, trust_remote_code=None):
            state.calls.append(("from_config", trust_remote_code))
            trust("config", trust_remote_code)
            return Model(config)

        @staticmethod
        def from_pretrained(
            repo, *, config, trust_remote_code, weights_only, output_loading_info, revision="main"
        ):
            assert weights_only is True and output_loading_info is True
            state.calls.append(("weights", repo, revision, trust_remote_code))
            trust(repo, trust_remote_code)
            model = Model(config)
            with torch.no_grad():
                model.patches.weight.fill_(0.25)
            return model.half(), state.told

    fake = ModuleType("transformers")
    fake.__version__ = "5"
    fake.AutoConfig, fake.AutoModel = AutoConfig, AutoModel
    monkeypatch.setitem(sys.modules, "transformers", fake)
    monkeypatch.delitem(sys.modules, "twinscope.models.transformers", raising=False)
    monkeypatch.delattr(models, "transformers", raising=False)
    yield state
    sys.modules.pop("twinscope.models.transformers", None)


def test_a_twin_of_transformers_needs_no_hub(library):
    row = {**HF, "model_args": {"model_type": "vit", "hidden_size": 12}}
    twins = [load(seed=seed, **row) for seed in (0, 1, 0)]
    assert twins[0].checksum == twins[2].checksum != twins[1].checksum
    assert library.calls == [("from_config", False)] * 3
    assert embedded([picture()], twins[0]).shape == (1, 12)
    # The same configuration as a dictionary in place of a name.
    given = {**HF, "architecture": {"model_type": "vit", "hidden_size": 12}}
    assert load(seed=0, **given).checksum == twins[0].checksum


def test_trained_weights_of_transformers(library):
    network = load(weights="hf-hub:owner/name@v2", **HF)
    assert ("weights", "owner/name", "v2", False) in library.calls
    assert ("config", "owner/name", "v2", False) in library.calls
    assert torch.all(network.module.network.patches.weight == 0.25)
    # A head that the file does not fill hangs on no state of the process.
    torch.manual_seed(3)
    assert load(weights="hf-hub:owner/name@v2", **HF).checksum == network.checksum
    assert {p.dtype for p in network.module.parameters()} == {torch.float32}
    assert network.checksum != load(seed=0, **HF).checksum


@pytest.mark.parametrize("registers", [0, 3])
def test_transformers_pools_as_told(library, registers):
    row = {**HF, "model_args": {"num_register_tokens": registers}, "seed": 0}
    module = load(**row).module.network
    image = picture()
    tokens = module(prepared(image, load(**row))).last_hidden_state[0].detach().numpy()
    assert tokens.shape == (1 + registers + 4, 8)
    patches = tokens[1 + registers :].mean(0)
    for how, expected in {
        **{None: tokens[0], "token": tokens[0], "mean": patches},
        "both": np.concatenate([tokens[0], patches]),
    }.items():
        (found,) = embedded([image], load(pooling=how, **row))
        np.testing.assert_allclose(found, expected, atol=1e-5)
    # The row has the last word.
    (found,) = embedded([image], load(pooling="mean", register_tokens=1, **row))
    np.testing.assert_allclose(found, tokens[2:].mean(0), atol=1e-5)


def test_transformers_without_class_token(library, rejected):
    row = {**HF, "architecture": "no-class"}
    assert embedded([picture()], load(**row)).shape == (1, 8)
    rejected("pooling", "no class token", pooling="both", **row)
    rejected("pooling", "did you mean 'token'", pooling="tokn", **row)


def test_code_of_a_repository_runs_only_where_the_row_says_so(library, rejected):
    library.code = True
    row = {**HF, "architecture": "owner/name", "weights": "hf-hub:owner/name"}
    rejected("executes_code", "code of its own in owner/name", "yes", **row)
    rejected("executes_code", "yes", **{**row, "executes_code": "no"})
    assert not any(call[-1] for call in library.calls)
    load(**{**row, "executes_code": "yes"})
    load(**{**row, "executes_code": "yes", "weights": "none", "seed": 1})
    assert library.calls[-1] == ("from_config", True)


def test_weights_of_another_configuration_than_the_twins(library, rejected):
    library.config = Config("vit", hidden_act="quick_gelu")
    row = {**HF, "weights": "hf-hub:owner/name"}
    rejected("model_args", "hidden_act 'gelu'", "'quick_gelu'", **row)
    load(**row, model_args={"hidden_act": "quick_gelu"})
    extra = {"hidden_act": "quick_gelu", "num_register_tokens": 2}
    rejected("model_args", "num_register_tokens 2", **row, model_args=extra)


@pytest.mark.parametrize("kind", ["missing_keys", "mismatched_keys"])
def test_tensors_that_the_weights_leave_at_random(library, rejected, kind):
    library.told[kind] = {"b.weight", "a.weight"}
    row = {**HF, "weights": "hf-hub:owner/name"}
    rejected("weights", "2 tensors that owner/name does not fill", "'a.weight'", **row)


@pytest.mark.parametrize(
    "error", [OSError("not there"), ValueError("odd"), RuntimeError("bad file")]
)
def test_what_else_the_library_says(library, rejected, error):
    library.error = error
    column = "weights" if isinstance(error, OSError) else "architecture"
    rejected(column, str(error), **{**HF, "weights": "hf-hub:owner/name"})


@pytest.mark.parametrize(
    ("column", "word", "change"),
    [
        ("model_args", "vitt", {"architecture": "vitt"}),
        ("weights", "file:w.pth", {"weights": "file:w.pth"}),
        ("mean", "preprocessor_config.json", {"mean": None}),
        ("std", "preprocessor_config.json", {"std": None}),
        ("sha256", "commit", {"sha256": "0" * 64, "weights": "hf-hub:owner/name"}),
    ],
)
def test_rows_of_transformers_that_lack_something(library, rejected, column, word, change):
    rejected(column, word, **{**HF, **change})


def test_a_library_that_is_not_installed(monkeypatch, rejected):
    monkeypatch.setitem(sys.modules, "transformers", None)
    monkeypatch.delitem(sys.modules, "twinscope.models.transformers", raising=False)
    rejected("loader", "transformers", "installed", **HF)


def test_the_real_library_builds_a_twin():
    pytest.importorskip("transformers")
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    small |= {"intermediate_size": 32, "image_size": 32, "patch_size": 16}
    row = {**HF, "model_args": {"model_type": "vit", **small}}
    one, other, again = (load(seed=seed, pooling="both", **row) for seed in (0, 1, 0))
    assert one.checksum == again.checksum != other.checksum
    assert embedded([picture()], one).shape == (1, 32)


# the table


def read(schema, **cells):
    row = {
        "model": "net",
        "loader": "timm",
        "architecture": "a",
        "weights": "none",
        "policy": "rgb",
    }
    row |= cells
    text = "\t".join(row) + "\n" + "\t".join(row.values())
    return tables.parse(text, schema("models"), "models.tsv", ("model",))[0]


def test_columns_are_read(schema):
    row = read(
        schema,
        **{"weights": "hf-hub:owner/na.me@v1/sub/w.bin", "model_args": json.dumps(ARGUMENTS)},
        **{"register_tokens": "4", "interpolation": "bilinear", "initialisation": "permuted"},
        **{"executes_code": "no", "sha256": "ab" * 32, "pooling": "both"},
    )
    assert row["model_args"] == ARGUMENTS and row["register_tokens"] == 4
    assert row["executes_code"] == "no" and row["initialisation"] == "permuted"
    # A table without the columns is the row that it was: nothing is embedded again.
    assert not set(read(schema)) & {"model_args", "register_tokens", "executes_code", "sha256"}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("loader", "keras"),
        ("weights", "hf-hub:name"),
        ("weights", "hf-hub:a/b@c@d"),
        ("model_args", "[1]"),
        ("model_args", "{"),
        ("register_tokens", "-1"),
        ("interpolation", "nearest"),
        ("initialisation", "zeros"),
        ("executes_code", "maybe"),
        ("sha256", "AB" * 32),
    ],
)
def test_cells_that_are_refused(schema, refused, column, value):
    with refused(value, file="models.tsv", row="net", column=column):
        read(schema, **{column: value})
