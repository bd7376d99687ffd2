"""Networks of the transformers library: from a hub, or untrained from a configuration alone."""

import inspect
from collections.abc import Mapping

import torch
import transformers

from twinscope.channels import COLOURS
from twinscope.errors import one_of
from twinscope.files import sha256
from twinscope.models import Network, bad, hub
from twinscope.models.layers import wanted
from twinscope.models.pooling import POOLINGS, Pooled

# What says nothing about the network: labels, versions, where it was kept.
ASIDE = {"_name_or_path", "architectures", "dtype", "torch_dtype", "transformers_version"}
ASIDE |= {"id2label", "label2id", "num_labels", "problem_type", "finetuning_task"}
CLASS_TOKENS = ("cls_token", "class_token", "class_embedding", "cls_embedding")


def load(row: Mapping) -> Network:
    """Build a model of transformers: untrained from its configuration, or with a hub's weights.

    The configuration is the row's `model_args` (with `model_type`, or that as `architecture`), or
    that of the repository that `architecture` names.

    Raises
    ------
    InputError
        If the configuration is none, differs from that of the weights, or asks for code that the
        row does not allow; if the weights cannot be had or do not fit; or if the row does not say
        how images are scaled.
    """
    config = _config(row)
    if row["weights"] == "none":
        module = _untrained(row, config, row.get("seed", 0))
    else:
        module = _trained(row, config)
    taken = wanted(row, _layer_names(config))
    made_by = _made_by(row, module, config)
    module = _pooled(module.float(), row, config, taken).eval().requires_grad_(False)
    return Network(
        module=module,
        size=_size(row, config),
        mean=_numbers(row, "mean"),
        std=_numbers(row, "std"),
        interpolation=row.get("interpolation", "bicubic"),
        policy=row["policy"],
        intensity=row["intensity"],
        inputs=getattr(config, "num_channels", COLOURS),
        layers=tuple(taken),
        made_by=made_by,
    )


def _config(row: Mapping):
    architecture, arguments = row["architecture"], row.get("model_args")
    if isinstance(architecture, Mapping):
        arguments = architecture
    elif not arguments and "/" in architecture:
        return _of_repository(row, architecture)
    else:
        arguments = {"model_type": architecture} | (arguments or {})
    try:
        return transformers.AutoConfig.for_model(**arguments)
    except (KeyError, TypeError, ValueError) as error:
        found = f"{arguments['model_type']!r} ({str(error).splitlines()[0]})"
        expected = "a model_type of transformers and arguments of its configuration"
        raise bad(row, "model_args", found, expected) from error


def _of_repository(row: Mapping, where: str):
    repo, revision, _ = hub.split(where)
    return _call(row, repo, transformers.AutoConfig.from_pretrained, repo, **_shared(row, revision))


def _untrained(row: Mapping, config, seed: int) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        make, trusted = transformers.AutoModel.from_config, _trusted(row)
        return _call(row, row["architecture"], make, config, trust_remote_code=trusted)


def _trained(row: Mapping, config) -> torch.nn.Module:
    kind, _, where = row["weights"].partition(":")
    if kind != "hf-hub":
        raise bad(row, "weights", repr(row["weights"]), "hf-hub:owner/name, or none")
    if "sha256" in row:
        found, expected = "a checksum of one file", "none: name a commit, hf-hub:owner/name@commit"
        raise bad(row, "sha256", found, expected)
    _hold_against(row, config, _of_repository(row, where))
    repo, revision, _ = hub.split(where)
    arguments = {"weights_only": True, "output_loading_info": True, **_shared(row, revision)}
    make = transformers.AutoModel.from_pretrained
    # A head that no file fills is drawn at random: not from the state of the process.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module, told = _call(row, repo, make, repo, config=config, **arguments)
    # The head over the class token is not used; all else has to come from the file.
    missing = [k for k in told["missing_keys"] if "pooler" not in k.split(".")]
    bare = sorted([*missing, *(str(key) for key in told["mismatched_keys"])])
    if bare:
        found = f"{len(bare)} tensors that {repo} does not fill, the first {bare[0]!r}"
        raise bad(row, "weights", found, "weights of this configuration")
    return module


def _shared(row: Mapping, revision: str | None) -> dict:
    shared = {"trust_remote_code": _trusted(row)}
    return shared if revision is None else {**shared, "revision": revision}


def _trusted(row: Mapping) -> bool:
    return row.get("executes_code") == "yes"


def _call(row: Mapping, what, function, *arguments, **named):
    """Call the library, whose errors are many and each mean that the row cannot be built."""
    try:
        return function(*arguments, **named)
    except Exception as error:
        if "trust_remote_code" in str(error) and not _trusted(row):
            expected = "yes, once you have read that code: it would run here"
            raise bad(row, "executes_code", f"code of its own in {what}", expected) from error
        # The library turns what a hub answers into an OSError.
        if isinstance(error, OSError):
            raise hub.explain(error, str(what), row) from None
        why = (str(error) or "no message").splitlines()[0]
        found = f"{what}, which cannot be built ({type(error).__name__}: {why})"
        raise bad(row, "architecture", found, "a model of transformers") from error


def _hold_against(row: Mapping, ours, theirs) -> None:
    """Refuse weights of another configuration than the twins are built from."""
    for name in sorted({*ours.to_diff_dict(), *theirs.to_diff_dict()} - ASIDE):
        mine, value = getattr(ours, name, None), getattr(theirs, name, None)
        if mine != value:
            expected = f"{value!r}, as in the configuration of the weights"
            raise bad(row, "model_args", f"{name} {mine!r}", expected)


def _pooled(module: torch.nn.Module, row: Mapping, config, taken: Mapping[str, int]) -> Pooled:
    names = {name.rpartition(".")[2] for name, _ in module.named_parameters()}
    class_tokens = int(bool(names & set(CLASS_TOKENS)))
    how = row.get("pooling", "token" if class_tokens else "mean")
    if getattr(config, "mask_ratio", 0):
        expected = "a network that sees all of an image: timm has the same one"
        raise bad(row, "architecture", "one that hides patches at random (mask_ratio)", expected)
    if how not in POOLINGS:
        raise bad(row, "pooling", repr(how), one_of(POOLINGS, how))
    if how != "mean" and not class_tokens:
        raise bad(row, "pooling", f"{how!r}, and the network has no class token", "mean")
    registers = row.get("register_tokens", getattr(config, "num_register_tokens", 0) or 0)
    if taken:
        return _Layered(module, how, class_tokens, registers, taken)
    return Pooled(module, how, class_tokens, registers)


class _Layered(Pooled):
    """A network whose layers are pooled as its vector is, all from one forward pass."""

    def __init__(self, network, how: str, class_tokens: int, registers: int, taken: Mapping):
        super().__init__(network, how, class_tokens, registers)
        self.taken = dict(taken)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Map (B, inputs, y, x) to (B, d) and each layer's (B, d_k)."""
        output = self.network(images, output_hidden_states=True)
        # The first state is what enters the first layer.
        states = output.hidden_states[1:]
        layers = {name: self.pooled(states[place]) for name, place in self.taken.items()}
        return self.pooled(output.last_hidden_state), layers


def _layer_names(config) -> list[str]:
    count = getattr(config, "num_hidden_layers", None) or len(getattr(config, "depths", ()))
    return [f"layer.{number}" for number in range(count)]


def _made_by(row: Mapping, module: torch.nn.Module, config) -> dict:
    """Say what leaves no trace in the weights: configuration, pooling, code of a repository."""
    arguments = {k: v for k, v in config.to_diff_dict().items() if k not in ASIDE}
    made_by = {"model_args": arguments, "library": f"transformers {transformers.__version__}"}
    if _trusted(row):
        made_by["code"] = sha256(inspect.getsourcefile(type(module)))
    return made_by | {k: row[k] for k in ("pooling", "register_tokens") if k in row}


def _size(row: Mapping, config) -> int:
    size = row.get("input_size", getattr(config, "image_size", None))
    if size is None:
        raise bad(row, "input_size", "nothing", "the side of the input in pixels")
    return size if isinstance(size, int) else size[-1]


def _numbers(row: Mapping, column: str) -> tuple[float, ...]:
    if row["intensity"] == "own":
        return ()
    if column not in row:
        expected = "three numbers: see preprocessor_config.json of the repository"
        raise bad(row, column, "nothing", expected)
    return tuple(row[column])
