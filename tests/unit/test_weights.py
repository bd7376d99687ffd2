"""Weights in files: bad ones stop with one message, code in them never runs, good ones fit."""

import pickle

import pytest

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

from twinscope import models  # noqa: E402
from twinscope.models.weights import checksum  # noqa: E402

ROW = {
    "model": "net",
    "loader": "timm",
    "architecture": "test_efficientnet",
    "weights": "none",
    "policy": "rgb",
    "intensity": "dtype",
    "input_size": 32,
}


def load(**changes):
    return models.load({k: v for k, v in {**ROW, **changes}.items() if v is not None})


def test_the_checksum_sees_every_value_name_shape_and_buffer():
    module = load().module
    before = checksum(module)
    with torch.no_grad():
        last = list(module.parameters())[-1]
        last[-1] += 1e-6 + last[-1].abs() * 1e-3
    changed = checksum(module)
    assert changed != before
    module.bn1.running_var[0] += 1
    assert checksum(module) not in (before, changed)
    one, two = torch.nn.Linear(2, 3, bias=False), torch.nn.Linear(3, 2, bias=False)
    with torch.no_grad():
        two.weight.copy_(one.weight.reshape(2, 3))
    assert checksum(one) != checksum(two)


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
