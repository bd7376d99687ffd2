"""What a study's tables mean together: twins, what is run on what, and rows that do not fit."""

import re
from collections.abc import Iterable, Mapping

from twinscope.errors import InputError, one_of

# A network that is untrained on purpose must not be one of its own twins.
UNTRAINED = 1_000_000
TWIN = re.compile(r"-twin\d+$")


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
        for seed in seeds:
            twin = {**row, "weights": "none", "seed": seed, "role": "twin", "family": "twin"}
            rows[f"{name}-twin{seed}"] = {**twin, "of": name}
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
    return {**models, **{k: {**v, "role": "baseline", "of": ""} for k, v in baselines.items()}}


def fits(row: Mapping, dataset: Mapping) -> bool:
    """Whether a representation is run on a data set: its modalities name the data set's."""
    return "any" in row["modality"] or dataset["modality"] in row["modality"]


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
        if row["source"] == "folder" and "location" not in row:
            raise InputError("nothing", "the table of images", file, name, "location")


def check_tasks(tasks: Mapping[str, Mapping], datasets: Mapping, file: str) -> None:
    """Check that tasks stand on data sets of the study and on controls where they need them.

    Raises
    ------
    InputError
        Naming the task and the column.
    """
    for name, row in tasks.items():
        _known(row["dataset"], datasets, file, name, "dataset")
        if "standardize" in row["alignments"] and "control" not in datasets[row["dataset"]]:
            raise InputError(
                f"standardize on {row['dataset']!r}, which names no control column",
                "none, or a data set with negative controls, on which standardize is fitted",
                file,
                name,
                "alignments",
            )


def check_models(models: Mapping[str, Mapping], datasets: Mapping, file: str) -> None:
    """Check that a network can take the channels of each data set it is run on.

    Raises
    ------
    InputError
        If an rgb network meets a data set without exactly three channels.
    """
    for name, row in models.items():
        for dataset, data in datasets.items():
            channels = len(data["channels"])
            if row["policy"] == "rgb" and fits(row, data) and channels != 3:
                raise InputError(
                    f"rgb, and data set {dataset!r} has {channels} channels",
                    "per-channel, or a modality that leaves this data set out",
                    file,
                    name,
                    "policy",
                )


def _known(name: str, rows: Mapping, file: str, row: str, column: str) -> None:
    if name not in rows:
        raise InputError(repr(name), one_of(rows, name), file, row, column)
