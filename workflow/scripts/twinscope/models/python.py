"""Networks of a user's own Python file, which runs only where its row allows it."""

import sys
from collections.abc import Callable, Mapping
from importlib.util import module_from_spec, spec_from_file_location
from os.path import basename, isfile

import torch

from twinscope.channels import COLOURS
from twinscope.errors import InputError, one_of
from twinscope.files import sha256
from twinscope.models import Network, bad
from twinscope.models.layers import wanted
from twinscope.models.weights import locate


def load(row: Mapping) -> Network:
    """Call the function that a row names as ``path/to/file.py:function``, and check what it gives.

    The function takes the path of the weights, or None, and a seed, or None, and returns the module
    and a mapping with `input_size`, `mean` and `std` (one number for each channel) and, where they
    are not usual, `interpolation` (bicubic), `channels` (3; 1 for per-channel alone; any number for
    native), `policy` and `intensity` (which the row then has to name) and `layers`: names of what
    the module gives besides its vector, as a dict in their order.

    Raises
    ------
    InputError
        If the row does not say ``executes_code: yes``, there is no such function, or it fails or
        returns something else.
    """
    if row.get("executes_code") != "yes":
        expected = f"yes, once you have read {row['architecture']}: its code would run here"
        raise bad(row, "executes_code", repr(row.get("executes_code", "nothing")), expected)
    weights = None if row["weights"] == "none" else locate(row)
    module, expects = _called(row, _function(row), weights)
    expects = _checked(row, expects)
    taken = wanted(row, expects["layers"])
    module = module.float().eval().requires_grad_(False)
    if expects["layers"]:
        chosen = {name: expects["layers"][place] for name, place in taken.items()}
        module = _Chosen(module, chosen).eval()
    network = _network(module, expects, row, tuple(taken))
    _try(network, row)
    return network


class _Chosen(torch.nn.Module):
    """A network that gives its vector and a dict of layers, of which some are kept."""

    def __init__(self, network: torch.nn.Module, chosen: Mapping[str, str]):
        super().__init__()
        self.network, self.chosen = network, dict(chosen)

    def forward(self, images: torch.Tensor):
        vector, layers = self.network(images)
        kept = {name: layers[own] for name, own in self.chosen.items()}
        return (vector, kept) if kept else vector


def _function(row: Mapping) -> Callable:
    path, _, name = row["architecture"].rpartition(":")
    if not path.endswith(".py") or not name:
        raise bad(row, "architecture", repr(row["architecture"]), "path/to/file.py:function")
    if not isfile(path):
        raise bad(row, "architecture", f"no file {path!r}", "a path from the study's folder")
    spec = spec_from_file_location(f"of_the_study_{basename(path)[:-3]}", path)
    module = module_from_spec(spec)
    # Data classes and pickles look their module up by name.
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise _failed(row, path, error) from error
    function = getattr(module, name, None)
    if not callable(function):
        raise bad(
            row, "architecture", f"no function {name!r} in {path!r}", "a function of the file"
        )
    return function


def _called(row: Mapping, function: Callable, weights: str | None):
    seed = row.get("seed", 0) if weights is None else None
    with torch.random.fork_rng(devices=[]):
        # A function that forgets its seed still gives each twin weights of its own.
        torch.manual_seed(seed or 0)
        try:
            made = function(weights, seed)
        except Exception as error:
            raise _failed(row, row["architecture"], error) from error
    if not (isinstance(made, tuple) and len(made) == 2):
        raise _returned(row, f"{type(made).__name__}", "(module, mapping)")
    if not isinstance(made[0], torch.nn.Module) or not isinstance(made[1], Mapping):
        kinds = ", ".join(type(part).__name__ for part in made)
        raise _returned(row, f"({kinds})", "(torch.nn.Module, mapping)")
    return made


def _checked(row: Mapping, expects: Mapping) -> dict:
    """Check what the network expects of its input; the row has the last word."""
    for key in expects:
        if key not in KEYS:
            raise _returned(row, f"the key {key!r}", one_of(KEYS, key))
    usual = {"interpolation": "bicubic", "channels": COLOURS, "layers": ()}
    own = {**usual, "policy": row["policy"], "intensity": row["intensity"], **expects}
    for column in ("policy", "intensity"):
        if own[column] != row[column]:
            expected = f"{own[column]}, as {row['architecture']} says"
            raise bad(row, column, row[column], expected)
    if not isinstance(own["channels"], int) or own["channels"] < 1:
        raise _returned(row, f"channels {own['channels']!r}", "how many channels it takes")
    own |= {key: row[key] for key in ("input_size", "interpolation") if key in row}
    for key in ("mean", "std"):
        own[key] = tuple(row[key]) if key in row else _numbers(row, own, key)
    size = own.get("input_size")
    if not isinstance(size, int) or size < 1:
        raise _returned(row, f"input_size {size!r}", "the side of the input in pixels")
    return own


def _numbers(row: Mapping, own: Mapping, key: str) -> tuple[float, ...]:
    if own["intensity"] == "own":
        return ()
    try:
        values = tuple(float(value) for value in own.get(key, ()))
    except (TypeError, ValueError):
        values = ()
    if len(values) != own["channels"] or (key == "std" and min(values) <= 0):
        raise _returned(row, f"{key} {own.get(key)!r}", f"{own['channels']} numbers for {key}")
    return values


def _network(module, expects: Mapping, row: Mapping, layers: tuple[str, ...]) -> Network:
    path, _, name = row["architecture"].rpartition(":")
    return Network(
        module=module,
        size=expects["input_size"],
        mean=expects["mean"],
        std=expects["std"],
        interpolation=expects["interpolation"],
        policy=row["policy"],
        intensity=row["intensity"],
        inputs=expects["channels"],
        layers=layers,
        made_by={"function": name, "code": sha256(path)},
    )


def _try(network: Network, row: Mapping) -> None:
    """Let the network see one image of zeros: what it gives must be vectors."""
    shape = (1, network.inputs, network.size, network.size)
    with torch.inference_mode():
        try:
            made = network.module(torch.zeros(shape))
        except Exception as error:
            raise _failed(row, f"the network of {row['architecture']}", error) from error
    vector, layers = made if network.layers else (made, {})
    for given in (vector, *layers.values()):
        if not torch.is_tensor(given) or given.ndim != 2 or len(given) != 1:
            found = tuple(given.shape) if torch.is_tensor(given) else type(given).__name__
            raise _returned(row, f"a network that gives {found} for one image", "(1, d)")


def _failed(row: Mapping, what: str, error: Exception) -> InputError:
    why = (str(error) or "no message").splitlines()[0]
    found = f"{what}, which fails ({type(error).__name__}: {why})"
    return bad(row, "architecture", found, "code that runs: the log has its own error")


def _returned(row: Mapping, found: str, expected: str) -> InputError:
    return bad(row, "architecture", f"{found} from {row['architecture']}", expected)


KEYS = ("input_size", "mean", "std", "interpolation", "channels", "policy", "intensity", "layers")
