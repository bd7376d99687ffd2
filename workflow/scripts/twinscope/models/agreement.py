"""What a repository says of its weights, held against the row that the twins are built from."""

import json
from collections.abc import Mapping

from twinscope.models import Network, bad


def check_architecture(row: Mapping, config: Mapping) -> None:
    """Compare architecture and arguments: some, like activations, leave no trace in the weights.

    Parameters
    ----------
    row : mapping
        A row of models.tsv.
    config : mapping
        timm's config.json of the repository; one without `architecture` says nothing.

    Raises
    ------
    InputError
        If the row's architecture is another, or an argument of the weights is missing or another.
    """
    if "architecture" not in config:
        return
    theirs = config["architecture"].partition(".")[0]
    if theirs != row["architecture"]:
        raise bad(row, "architecture", repr(row["architecture"]), f"{theirs}{SAID}")
    ours = row.get("model_args", {})
    # The head is not used, and pooling has a column of its own.
    for name, value in config.get("model_args", {}).items():
        if name not in ("num_classes", "global_pool") and ours.get(name) != value:
            found = f"{name} {json.dumps(ours[name])}" if name in ours else f"no {name}"
            raise bad(row, "model_args", found, f'"{name}": {json.dumps(value)}{SAID}')


def check_scaling(row: Mapping, config: Mapping, network: Network) -> None:
    """Compare how images are scaled and resized, where the row does not say it.

    Raises
    ------
    InputError
        If the weights expect something else than the architecture's own, which twins would get.
    """
    usual = config.get("pretrained_cfg", config)
    for name in ("mean", "std", "interpolation"):
        ours = getattr(network, name)
        theirs = usual.get(name, ours)
        if name not in row and _plain(theirs) != _plain(ours):
            raise bad(row, name, f"nothing, which is {_cell(ours)}", f"{_cell(theirs)}{SAID}")


def _plain(value):
    return value if isinstance(value, str) else list(value)


def _cell(value) -> str:
    return value if isinstance(value, str) else ",".join(map(str, value))


SAID = ", as the config.json of the weights says: the untrained twins are built from the row alone"
