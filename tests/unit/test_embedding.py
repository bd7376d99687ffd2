"""Images through networks: what a vector depends on, and what it must not depend on."""

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

from twinscope import embedding, files, inputs, models  # noqa: E402
from twinscope.embedding import devices, keys  # noqa: E402
from twinscope.embedding.forward import Forward, find  # noqa: E402

ROW = {
    "model": "net",
    "loader": "timm",
    "architecture": "test_efficientnet",
    "weights": "none",
    "policy": "rgb",
    "intensity": "dtype",
    "input_size": 32,
}
NAMES = ["red", "green", "blue", "far", "deep"]


def load(**changes):
    return models.load({k: v for k, v in {**ROW, **changes}.items() if v is not None})


def pictures(count=5, channels=3, size=40, dtype=np.uint8, seed=0):
    rng = np.random.default_rng(seed)
    top = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    return [(rng.random((channels, size, size)) * top).astype(dtype) for _ in range(count)]


def run(images, network, **options):
    channels = options.pop("channels", None) or NAMES[: len(images[0])]
    levels = options.pop("levels", None)
    return embedding.embed(images, network, channels, levels, **{"device": "cpu", **options})


def embed(images, network, **options):
    return run(images, network, **options).vectors


def apart(found, expected):
    """Largest distance of two vectors, as a share of their length."""
    return np.max(np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1))


class Toy(torch.nn.Module):
    """Means and spreads of channels; keeps what it was shown."""

    def __init__(self, limit=10**6, layers=()):
        super().__init__()
        self.limit, self.names, self.shown = limit, layers, []

    def forward(self, batch):
        self.shown.append(len(batch))
        if len(batch) > self.limit:
            raise torch.OutOfMemoryError(f"{len(batch)} of {self.limit}")
        vectors = torch.cat([batch.mean((2, 3)), batch.std((2, 3))], 1)
        layers = {name: vectors[:, : k + 1] * 10 for k, name in enumerate(self.names)}
        return (vectors, layers) if layers else vectors


def toy(policy="rgb", size=40, **changes):
    module = Toy(**{k: changes.pop(k) for k in ("limit", "layers") if k in changes})
    usual = {
        **{"module": module, "size": size, "mean": (0.0,) * 3, "std": (1.0,) * 3},
        **{"interpolation": "bicubic", "policy": policy, "intensity": "dtype"},
        **{"layers": tuple(module.names)},
    }
    return models.Network(**{**usual, **changes})


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_vit"])
@pytest.mark.parametrize("policy", ["rgb", "per-channel", "per-channel-mean"])
def test_each_image_becomes_one_vector(name, policy):
    network = load(architecture=name, policy=policy)
    channels = 3 if policy == "rgb" else 2
    vectors = embed(pictures(3, channels), network)
    width = network.module.num_features * (2 if policy == "per-channel" else 1)
    assert vectors.shape == (3, width) and vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    assert len(np.unique(vectors, axis=0)) == 3


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_vit", "test_convnext"])
def test_a_vector_depends_on_its_image_alone_to_the_bit(name):
    network = load(architecture=name)
    images = pictures(21)
    expected = embed(images, network, batch_size=8)
    rng = np.random.default_rng(1)
    for threads in (1, 2, 3):
        order = rng.permutation(21)
        found = embed([images[k] for k in order], network, batch_size=8, threads=threads)
        assert found.tobytes() == expected[order].tobytes()
    # Alone, or with others beside it.
    assert embed(images[4:5], network, batch_size=8).tobytes() == expected[4].tobytes()
    fewer = embed(images[1::2], network, batch_size=8)
    assert fewer.tobytes() == expected[1::2].tobytes()


@pytest.mark.parametrize("policy", ["per-channel", "per-channel-mean"])
def test_channels_of_one_image_may_fall_into_two_batches(policy):
    network = load(policy=policy)
    images = pictures(7, channels=5)
    expected = embed(images, network, batch_size=3)
    for threads in (2, 3):
        found = embed(images[::-1], network, batch_size=3, threads=threads)[::-1]
        assert found.tobytes() == expected.tobytes()


def test_channels_one_by_one_stand_side_by_side():
    network = load(policy="per-channel")
    images = pictures(3, channels=4)
    found = embed(images, network, batch_size=8)
    by_hand = np.concatenate(
        [embed([image[[c]] for image in images], network, batch_size=8) for c in range(4)], 1
    )
    assert found.tobytes() == by_hand.tobytes()
    # Each channel is shown to the network as a grey picture.
    rgb = load(policy="rgb")
    grey = [np.repeat(image[[2]], 3, axis=0) for image in images]
    width = rgb.module.num_features
    expected = embed(grey, rgb, batch_size=8)
    assert found[:, 2 * width : 3 * width].tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_vit"])
def test_the_size_of_batches_changes_next_to_nothing(name):
    network = load(architecture=name)
    images = pictures(9)
    expected = embed(images, network)
    for size in (1, 2, 6, 100):
        assert apart(embed(images, network, batch_size=size), expected) <= 1e-6


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_convnext"])
def test_vectors_are_the_networks_own(name):
    network = load(architecture=name)
    images = pictures(5)
    batch = torch.cat([inputs.prepare(image, network, NAMES[:3]) for image in images])
    with torch.inference_mode():
        expected = network.module(batch).numpy()
    assert apart(embed(images, network), expected) <= 1e-5


def test_all_batches_have_one_size_and_the_filling_is_dropped():
    network = toy()
    images = pictures(11)
    vectors = embed(images, network, batch_size=4)
    # One probe; three full batches.
    assert network.module.shown == [1, 4, 4, 4]
    expected = [[*(i / 255).mean((1, 2)), *(i / 255).std((1, 2), ddof=1)] for i in images]
    np.testing.assert_allclose(vectors, expected, rtol=1e-5)


@pytest.mark.parametrize("policy", ["rgb", "per-channel", "per-channel-mean"])
def test_layers_come_from_the_same_pass_and_are_joined_like_the_vectors(policy):
    network = toy(policy, layers=("block_01", "block_00"))
    found = run(pictures(5), network, batch_size=2)
    assert list(found.layers) == ["block_01", "block_00"]
    vectors = found.vectors.reshape(5, -1, 6)
    np.testing.assert_allclose(
        found.layers["block_00"].reshape(5, -1, 2), vectors[..., :2] * 10, rtol=1e-6
    )
    assert found.layers["block_01"].dtype == np.float32
    inputs_of_one = 3 if policy != "rgb" else 1
    assert len(network.module.shown) == 1 + -(-5 * inputs_of_one // 2)


def test_images_are_read_and_prepared_once_and_few_at_a_time(monkeypatch):
    read, alive, most, prepared = [], set(), [0], []
    lock = threading.Lock()

    class Image(np.ndarray):
        def __del__(self):
            alive.discard(id(self))

    class Lazy(list):
        def __getitem__(self, number):
            image = np.array(super().__getitem__(number)).view(Image)
            with lock:
                read.append(number)
                alive.add(id(image))
                most[0] = max(most[0], len(alive))
            return image

    own = inputs.prepare
    monkeypatch.setattr(inputs, "prepare", lambda *a: prepared.append(1) or own(*a))
    steps = []

    def watch(given):
        for step in given:
            steps.append((step.images, len(read)))
            yield step

    gc.disable()
    try:
        options = {"channels": NAMES[:3], "batch_size": 2, "threads": 2}
        run(Lazy(pictures(60)), load(), watch=watch, **options)
    finally:
        gc.enable()
    assert sorted(read) == list(range(60)) and len(prepared) == 60
    assert sum(images for images, _ in steps) == 60
    # Reading is ahead of computing, but by a few batches only.
    done = np.cumsum([images for images, _ in steps])
    assert all(n - d <= 2 * (2 * 3 + 3) for d, (_, n) in zip(done, steps, strict=True))
    assert most[0] <= 2 * (2 * 3 + 3)


def test_an_image_that_stands_twice_is_computed_once():
    network = toy()
    images = pictures(4)
    found = run([*images, *images[::-1], images[0]], network, batch_size=3, threads=2)
    assert found.computed == 4 and sum(network.module.shown) - 1 == 6
    expected = embed(images, toy(), batch_size=3)
    assert (
        found.vectors.tobytes()
        == np.concatenate([expected, expected[::-1], expected[:1]]).tobytes()
    )


def test_of_a_stack_only_channels_that_reach_the_network_are_decoded(tmp_path, monkeypatch):
    images = pictures(4, channels=5, dtype=np.uint16)
    files.write_stack(tmp_path / "s.tif", images, 4, NAMES)
    levels = np.array([[0, 60000 - 9000 * c] for c in range(5)], float)[None].repeat(4, 0)
    network = toy("chosen", channels=("deep", "red", "far"), intensity="plate")
    expected = embed(images, network, channels=NAMES, levels=levels)
    seen, own = [], files.Stack._page
    monkeypatch.setattr(files.Stack, "_page", lambda s, n: seen.append(n % 5) or own(s, n))
    stack = files.Stack(tmp_path / "s.tif")
    found = embed(stack, network, channels=NAMES, levels=levels, threads=3)
    assert found.tobytes() == expected.tobytes()
    assert sorted(seen) == [0] * 4 + [3] * 4 + [4] * 4


def test_a_stack_may_be_read_by_several_threads(tmp_path):
    images = pictures(60, channels=2, dtype=np.uint16)
    files.write_stack(tmp_path / "s.tif", images, 60, NAMES[:2])
    stack = files.Stack(tmp_path / "s.tif")
    with ThreadPoolExecutor(8) as pool:
        for found, image in zip(pool.map(stack.__getitem__, range(60)), images, strict=True):
            np.testing.assert_array_equal(found, image)


def test_intensity_policy_reaches_the_network():
    dim = [(image / 100).astype(np.uint16) for image in pictures(2, dtype=np.uint16)]
    bright = [image * np.uint16(50) for image in dim]
    by_type, stretched = load(intensity="dtype"), load(intensity="percentile")
    np.testing.assert_allclose(
        embed(dim, stretched), embed(bright, stretched), rtol=1e-4, atol=1e-5
    )
    assert np.abs(embed(dim, by_type) - embed(bright, by_type)).max() > 1e-3


def test_the_global_random_state_is_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    embed(pictures(2), load(seed=3))
    assert torch.equal(torch.rand(3), expected)


def test_an_error_in_an_image_ends_the_run():
    class Broken(list):
        def __getitem__(self, number):
            if number == 7:
                raise OSError("torn")
            return super().__getitem__(number)

    with pytest.raises(OSError, match="torn"):
        run(Broken(pictures(40)), toy(), threads=2, batch_size=2)


@pytest.mark.parametrize(("limit", "left"), [(64, 64), (63, 32), (10, 8), (1, 1)])
def test_out_of_memory_halves_batches_for_the_rest_of_the_job(limit, left):
    network = toy(limit=limit)
    images = pictures(150)
    with pytest.warns(UserWarning, match="out of memory") if left < 64 else no_warning():
        found = run(images, network, batch_size=64)
    assert found.facts["batch_size"] == left
    np.testing.assert_allclose(found.vectors, embed(images, toy(), batch_size=5), rtol=1e-6)
    tries = [size for size in network.module.shown[1:] if size > limit]
    assert tries == [size for size in (64, 32, 16, 8, 4, 2) if size > limit]


class no_warning:
    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False


def test_out_of_memory_for_a_single_input_is_an_error():
    with pytest.raises(torch.OutOfMemoryError), pytest.warns(UserWarning):
        run(pictures(3), load_with_limit(), batch_size=4)


def load_with_limit():
    network = toy()
    probed = []

    def forward(batch):
        if probed:
            raise torch.OutOfMemoryError("full")
        probed.append(1)
        return batch.mean((2, 3))

    network.module.forward = forward
    return network


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    network = toy()
    network.module.forward = lambda batch: torch.zeros(2) @ torch.zeros(3)
    with pytest.raises(RuntimeError, match="size"):
        run(pictures(2), network)


def test_a_batch_size_is_found_by_doubling():
    tried = []

    def until(limit, each):
        def seconds(size):
            tried.append(size)
            if size > limit:
                raise torch.OutOfMemoryError
            return size * each(size)

        tried.clear()
        return seconds

    assert find(until(100, lambda size: 1 / size)) == 64 and tried == [8, 16, 32, 64, 128]
    assert find(until(1e9, lambda size: 1 / min(size, 32))) == 32 and tried[-1] == 64
    assert find(until(1e9, lambda size: 1 / size)) == 1024
    assert find(until(3, lambda size: 1.0)) == 4
    network = toy(limit=40, size=8)
    assert find(Forward(network, "cpu").seconds, largest=128) <= 32
    with pytest.raises(RuntimeError, match="other"):
        find(raises(RuntimeError("other")))


def raises(error):
    def seconds(size):
        raise error

    return seconds


def test_half_precision_is_for_gpus_only():
    network = toy(precision="bfloat16")
    found = run(pictures(3), network)
    assert found.facts["precision"] == "float32"
    assert found.vectors.tobytes() == embed(pictures(3), toy()).tobytes()
    assert devices.precision_on("cuda:0", "bfloat16") == "bfloat16"
    assert {devices.precision_on(on, "float16") for on in ("cpu", "mps")} == {"float32"}


def test_provenance_says_how_it_was_made():
    network = load(seed=1)
    found = run(pictures(3), network)
    assert found.facts == {
        **{"device": "cpu", "precision": "float32", "batch_size": 16, "compiled": False}
    }
    made = embedding.provenance(network, {"model": "net"}, {"torch": "x"}, found.facts)
    assert made["weights_sha256"] == network.checksum and made["row"] == {"model": "net"}
    assert made["input_size"] == 32 and made["precision"] == "float32"
    assert made["versions"] == {"torch": "x"} and made["interpolation"] == "bicubic"


def test_the_key_of_an_image_sees_all_that_it_brings():
    image = pictures(1, dtype=np.uint16)[0]
    other = image.copy()
    other[2, 39, 39] += 1
    levels = np.zeros((3, 2))
    found = [
        keys.of_image(*arguments)
        for arguments in (
            (image, NAMES[:3], None),
            (other, NAMES[:3], None),
            (image, NAMES[1:4], None),
            (image, NAMES[2::-1], None),
            (image, NAMES[:3], levels),
            (image, NAMES[:3], levels + 1e-9),
            (image.view(np.int16), NAMES[:3], None),
            (image.reshape(3, 20, 80), NAMES[:3], None),
            (image[:, ::-1], NAMES[:3], None),
        )
    ]
    assert len(set(found)) == len(found)
    turned = np.asfortranarray(image)
    assert keys.of_image(turned, NAMES[:3], None) == found[0]


def test_the_key_of_a_network_sees_what_it_is_and_what_it_does():
    def key(network, compiled=False, answer=None):
        forward = Forward(network, "cpu")
        forward.compiled = compiled
        return keys.of_network(forward, answer or forward.probe())

    usual = load(architecture="test_vit")
    found = [
        key(usual),
        key(load(architecture="test_vit", seed=1)),
        key(replace(usual, checksum="other")),
        key(replace(usual, mean=(0.1, 0.2, 0.3))),
        key(replace(usual, policy="per-channel")),
        key(replace(usual, layers=("block_00",))),
        key(usual, compiled=True),
        key(usual, answer=(np.zeros((1, 3), np.float32), {})),
    ]
    assert len(set(found)) == len(found)
    assert key(load(architecture="test_vit")) == found[0]
    # Code that changed, under the same weights and the same words.
    changed = load(architecture="test_vit")
    changed.module.norm.eps = 1e-3
    assert changed.checksum == usual.checksum and key(changed) not in found


def test_a_compiled_network_gives_the_same(monkeypatch):
    network = toy()
    calls = []
    monkeypatch.setattr(torch, "compile", lambda module, **how: calls.append(how) or module)
    found = run(pictures(3), network, compiled=True)
    assert calls == [{"dynamic": False}] and found.facts["compiled"]
    assert found.vectors.tobytes() == embed(pictures(3), toy()).tobytes()


def test_a_network_that_cannot_be_compiled(monkeypatch, refused):
    def compiled(module, **how):
        def fail(batch):
            raise RuntimeError("no compiler\nmore")

        return fail

    monkeypatch.setattr(torch, "compile", compiled)
    with refused("true, and torch cannot compile: no compiler", "false", column="compile"):
        run(pictures(3), toy(), compiled=True)


def test_linear_layers_as_convolutions_give_the_same():
    torch.manual_seed(0)
    layer = torch.nn.Linear(20, 7)
    plain = torch.nn.Linear(20, 7, bias=False)
    for shape in ((2, 5, 20), (1, 1, 20), (3, 4, 6, 20), (3, 20), (20,)):
        x = torch.randn(shape)
        for one in (layer, plain, lambda x: torch.nn.functional.linear(x, weight=plain.weight)):
            with torch.inference_mode():
                expected = one(x)
                with devices.arithmetic("cpu", "float32", False):
                    found = one(x)
            assert found.shape == expected.shape
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    half = torch.randn(2, 5, 20, dtype=torch.float64)
    with torch.inference_mode(), devices.arithmetic("cpu", "float32", False):
        assert torch.equal(layer.double()(half), layer(half))


def test_stored_vectors_are_not_computed_again_and_are_the_same_to_the_bit(tmp_path):
    images = pictures(20)
    expected = run(images, load(), batch_size=4)
    assert expected.computed == 20
    first = run(images[5:12], load(), batch_size=4, store=files.Store(tmp_path))
    assert first.computed == 7
    steps = []
    again = run(
        images[::-1],
        load(),
        **{"batch_size": 4, "threads": 2, "store": files.Store(tmp_path)},
        watch=lambda given: [steps.append(step) for step in given],
    )
    assert again.computed == 13
    assert again.vectors.tobytes() == expected.vectors[::-1].tobytes()
    assert again.facts == expected.facts
    assert sum(step.images for step in steps) == 20
    assert sum(step.stored for step in steps) == 7
    assert run(images, load(), batch_size=4, store=files.Store(tmp_path)).computed == 0
    # Another network, batch size, preprocessing or picture of the channels is another matter.
    for other, options in (
        (load(seed=1), {"batch_size": 4}),
        (load(), {"batch_size": 5}),
        (load(mean=[0.1, 0.2, 0.3]), {"batch_size": 4}),
        (load(), {"batch_size": 4, "channels": NAMES[1:4]}),
    ):
        assert run(images, other, store=files.Store(tmp_path), **options).computed == 20


def test_layers_are_stored_too(tmp_path):
    images = pictures(6)
    once = run(images, toy(layers=("b", "a")), store=files.Store(tmp_path))
    again = run(images, toy(layers=("b", "a")), store=files.Store(tmp_path))
    assert (once.computed, again.computed) == (6, 0) and list(again.layers) == ["b", "a"]
    for name in "ab":
        assert again.layers[name].tobytes() == once.layers[name].tobytes()


def test_what_was_computed_before_an_error_is_kept(tmp_path):
    class Broken(list):
        def __getitem__(self, number):
            if number == 30:
                raise OSError("torn")
            return super().__getitem__(number)

    with pytest.raises(OSError, match="torn"):
        run(Broken(pictures(40)), toy(), batch_size=2, store=files.Store(tmp_path))
    assert run(pictures(40), toy(), batch_size=2, store=files.Store(tmp_path)).computed < 25


def test_a_batch_size_that_was_come_down_to_is_where_the_next_job_begins(tmp_path):
    images = pictures(40)
    with pytest.warns(UserWarning, match="out of memory"):
        run(images[:20], toy(limit=5), batch_size=16, store=files.Store(tmp_path))
    network = toy(limit=5)
    found = run(images, network, batch_size=16, store=files.Store(tmp_path))
    assert found.facts["batch_size"] == 4 and max(network.module.shown) == 4
    assert found.computed == 20
