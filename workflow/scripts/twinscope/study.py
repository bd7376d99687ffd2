"""What a study's tables mean together: twins, what is run on what, and rows that do not fit."""

import re
from collections.abc import Iterable, Mapping

from twinscope.errors import InputError, one_of
from twinscope.families import PLANTED, TRUTH

# A network that is untrained on purpose must not be one of its own twins.
UNTRAINED = 1_000_000
# Dimensions of a planted representation that hold nothing, where the row does not say.
DISTRACTORS = 16
# Families that only true factors can have.
KNOWN = {PLANTED, *TRUTH}
# Columns of models.tsv about untrained networks alone.
OF_TWINS = ("initialisation", "twin_statistics")
TWIN = re.compile(r"-twin\d+$")


def twin(model: str, seed: int) -> str:
    """Name of a model's twin of one seed."""
    return f"{model}-twin{seed}"


def keyed(rows: Iterable[Mapping], column: str) -> dict[str, dict]:
    """Rows by their name."""
    return {row[column]: dict(row) for row in rows}


def units_by_dataset(rows: Iterable[Mapping], datasets: Mapping, file: str) -> dict[str, dict]:
    """Units of each data set, as ``{dataset: {unit: row}}``.

    Raises
    ------
    InputError
        If a unit names a data set that is not in the study, or a data set has no unit, or
        several and no column that tells them apart.
    """
    units: dict[str, dict] = {name: {} for name in datasets}
    for row in rows:
        name = f"{row['dataset']}/{row['unit']}"
        _known(row["dataset"], datasets, file, name, "dataset")
        units[row["dataset"]][row["unit"]] = dict(row)
    for dataset, members in units.items():
        if not members:
            raise InputError("no unit", f"at least one row of data set {dataset!r}", file)
        row = datasets[dataset]
        if len(members) > 1 and row["source"] == "folder" and "unit" not in row:
            raise InputError(
                f"{len(members)} units of {dataset!r}, which names no unit column",
                "one unit, or a unit column in datasets.tsv",
                file,
                column="unit",
            )
    return units


def with_twins(models: Mapping[str, Mapping], seeds: Iterable[int], file: str) -> dict[str, dict]:
    """Each model, and beside it the same network with untrained weights, once per seed.

    Raises
    ------
    InputError
        If a model's own name ends like a twin's.
    """
    for name in models:
        if TWIN.search(name):
            raise InputError(
                repr(name), "a name that does not end in -twin<n>", file, name, "model"
            )
    rows: dict[str, dict] = {}
    for name, row in models.items():
        rows[name] = {**row, "role": "model", "family": "pretrained", "of": name}
        if row["weights"] == "none":
            rows[name] |= {"family": "untrained", "seed": UNTRAINED}
        else:
            # What twins are made of says nothing about their model: it is not embedded again.
            rows[name] = {k: v for k, v in rows[name].items() if k not in OF_TWINS}
        for seed in seeds:
            untrained = {**row, "weights": "none", "seed": seed, "role": "twin", "family": "twin"}
            # A twin is scaled and sized as its model is, which its weights can say.
            rows[twin(name, seed)] = {**untrained, "of": name, "trained": row["weights"]}
    return rows


def with_planted(
    baselines: Mapping[str, Mapping], seeds: Iterable[int], file: str
) -> dict[str, dict]:
    """Each baseline with its role; planted ones are judged as models and have twins.

    The twin of a planted representation has as many dimensions and holds no factor.

    Raises
    ------
    InputError
        If the family and the function of a row do not go together, or a name ends like a twin's.
    """
    rows: dict[str, dict] = {}
    for name, row in baselines.items():
        own = {"planted": PLANTED, "true-factors": "truth"}.get(row["function"])
        if (own or row["family"]) != row["family"] or (not own and row["family"] in KNOWN):
            expected = repr(own) if own else f"any family but {' and '.join(sorted(KNOWN))}"
            raise InputError(repr(row["family"]), expected, file, name, "family")
        if TWIN.search(name):
            raise InputError(
                repr(name), "a name that does not end in -twin<n>", file, name, "baseline"
            )
        if row["function"] != "planted":
            rows[name] = {**row, "role": "baseline", "of": ""}
            continue
        rows[name] = {**row, "role": "model", "of": name}
        for seed in seeds:
            empty = {**row, "role": "twin", "family": "twin", "of": name}
            rows[twin(name, seed)] = {**empty, "arguments": _without(row["arguments"], seed)}
    return rows


def with_baselines(models: Mapping, baselines: Mapping, file: str) -> dict[str, dict]:
    """Every representation of the study by name: models, their twins, and the baselines.

    Raises
    ------
    InputError
        If a baseline bears the name of a model or of a twin.
    """
    for name in baselines:
        if name in models:
            raise InputError(
                f"{name!r}, which is a model's name, too", "another name", file, name, "baseline"
            )
    return {**models, **baselines}


def fits(row: Mapping, dataset: Mapping) -> bool:
    """Whether a representation is run on a data set: its modalities name the data set's.

    True factors are known of simulated images only.
    """
    if row.get("family") in KNOWN or row.get("function") == "planted":
        return dataset["source"] == "simulated" and _modal(row, dataset)
    return _modal(row, dataset)


def fit_all(rows: Mapping[str, Mapping], datasets: Mapping[str, Mapping]) -> list[str]:
    """Names of the baselines that are run on every data set of a study."""
    return [
        name
        for name, row in rows.items()
        if row["role"] == "baseline" and all(fits(row, data) for data in datasets.values())
    ]


def check_baselines(baselines: Mapping[str, Mapping], datasets: Mapping, file: str) -> None:
    """Check that a baseline of true factors has simulated images to be run on.

    Raises
    ------
    InputError
        Naming the baseline.
    """
    for name, row in baselines.items():
        of_truth = row["function"] in ("planted", "true-factors")
        if of_truth and not any(fits(row, data) for data in datasets.values()):
            raise InputError(
                f"{row['function']!r} in a study without simulated images of its modality",
                "a data set of source simulated, whose true factors are known",
                file,
                name,
                "function",
            )


def check_datasets(datasets: Mapping[str, Mapping], file: str) -> None:
    """Check what a schema cannot see: columns that hang together.

    Raises
    ------
    InputError
        On µm per pixel missing or absurd, a number of path columns that does not fit the
        channels, or a nuclear channel that is none of them.
    """
    for name, row in datasets.items():
        scale = row.get("microns_per_pixel")
        if scale is None and row["modality"] != "natural":
            raise InputError("nothing", "µm per pixel", file, name, "microns_per_pixel")
        if isinstance(scale, float) and not 0.01 <= scale <= 100:
            raise InputError(
                f"{scale:g}", "µm per pixel between 0.01 and 100", file, name, "microns_per_pixel"
            )
        if len(row["image"]) not in (1, len(row["channels"])):
            raise InputError(
                f"{len(row['image'])} path columns",
                f"one, or one for each of the {len(row['channels'])} channels",
                file,
                name,
                "image",
            )
        nuclear = row["nuclear_channel"]
        allowed = [*row["channels"], "haematoxylin", "luminance"]
        if nuclear not in allowed:
            raise InputError(repr(nuclear), one_of(allowed, nuclear), file, name, "nuclear_channel")
        _check_masks(name, row, file)
        if row["source"] == "folder" and "location" not in row:
            raise InputError("nothing", "the table of images", file, name, "location")


def _check_masks(name: str, row: Mapping, file: str) -> None:
    is_given = row.get("segmentation") == "given"
    if is_given and "mask" not in row:
        raise InputError("nothing", "the column with the nuclear masks", file, name, "mask")
    for channel in row.get("cell_channel", []):
        if channel not in row["channels"]:
            expected = one_of(row["channels"], channel)
            raise InputError(repr(channel), expected, file, name, "cell_channel")
    if is_given and "cell_channel" in row:
        expected = "nothing with masks that were given: cell_mask names those of whole cells"
        raise InputError("a channel", expected, file, name, "cell_channel")
    if "network" in row and row.get("segmentation") != "cellpose":
        expected = "cellpose, for which network is meant"
        raise InputError(repr(row.get("segmentation")), expected, file, name, "segmentation")
    for column in ("mask", "cell_mask"):
        if column in row and not is_given:
            expected = f"given, as {column} names masks"
            raise InputError(repr(row["segmentation"]), expected, file, name, "segmentation")


def _without(arguments: Mapping, seed: int) -> dict:
    """Arguments of a planted representation that holds nothing, with as many dimensions."""
    factors = arguments.get("factors", [])
    number = 1 if isinstance(factors, str) else len(factors)
    distractors = arguments.get("distractors", DISTRACTORS) + number
    return {**arguments, "factors": [], "distractors": distractors, "seed": UNTRAINED + seed}


def _modal(row: Mapping, dataset: Mapping) -> bool:
    return "any" in row["modality"] or dataset["modality"] in row["modality"]


def _known(name: str, rows: Mapping, file: str, row: str, column: str) -> None:
    if name not in rows:
        raise InputError(repr(name), one_of(rows, name), file, row, column)
