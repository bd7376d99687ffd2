"""The study's tables, read and checked before any job, and what each rule asks of them."""

import hashlib
import sys
from functools import cache
from pathlib import Path

HERE = Path(str(workflow.current_basedir))
sys.path.insert(0, str(HERE.parent / "scripts"))

from snakemake.exceptions import WorkflowError
from twinscope import files, networks, study, tables
from twinscope.errors import InputError
from twinscope.kinds import rows as questions
from twinscope.sources import folder

# The columns that a job's result depends on; a change in any other runs nothing again.
READING = [
    "source",
    "location",
    "image",
    "item",
    "unit",
    "control",
    "microns_per_pixel",
]
READING += folder.ROLES
MASKS = [*READING, *folder.MASKS]
NUCLEI = ["channels", "segmentation", "network", "nuclear_channel", "nucleus_diameter"]
NETWORK = ["loader", "architecture", "weights", "policy", "intensity", "input_size"]
NETWORK += ["mean", "std", "pooling", "seed", "of"]
NETWORK += ["model_args", "sha256", "interpolation", "register_tokens"]
NETWORK += ["initialisation", "executes_code", "trained", "twin_statistics"]
NETWORK += ["channels", "layers", "precision", "dimension"]
SPLIT = ["task", "kind", "target", "select", "level", "split", "folds", "alignments"]
QUESTIONS = ["task", "kind", "alignments", "probes", "metrics"]


def schema_of(name):
    return files.read_schema(HERE.parent / f"schemas/{name}.schema.yaml")


ALIGNMENTS = schema_of("tasks")["properties"]["alignments"]["items"]["enum"]


def rows_of(name, *key):
    """The rows of one table of the study, checked against its schema."""
    path = config["tables"][name]
    return tables.parse(files.read_config(path), schema_of(name), path, key)


def index_of_folder(dataset):
    """The user's table of images with its roles, every file of it known to be there."""
    row = datasets[dataset]
    index = folder.arrange(files.read_table(row["location"]), row, row["location"])
    if workflow.is_main_process:
        # Once a study: a job that a cluster starts would look for the images of all others, too.
        files.check_present(Path(row["location"]).parent, index, row["location"])
    return index


@cache
def code(*modules):
    """Fingerprint of scripts and package modules. Given as a parameter, it makes a job run again
    when they change; segment, embed and all before them go without, so that a docstring never costs
    GPU days.
    """
    paths = [HERE.parent / "scripts" / module for module in modules]
    found = [f for path in paths for f in sorted(path.rglob("*.py")) or [path]]
    text = b"".join(f.read_bytes() for f in found)
    return hashlib.sha256(text).hexdigest()[:12]


def pattern(names):
    """A regular expression for these names and nothing else."""
    return "|".join(names) or "(?!)"


def part(rows, *columns):
    """The named columns of a row, so that a job runs again only when these change."""
    return {column: rows[column] for column in sorted(columns) if column in rows}


def part_of(rows, wildcard, *columns):
    """A parameter function: these columns of the row that a wildcard names."""

    def found(wildcards):
        return part(rows[getattr(wildcards, wildcard)], *columns)

    return found


def channels_of(wildcards):
    return datasets[wildcards.dataset]["channels"]


def network_of(wildcards):
    """What the job of a network depends on, with the channels of its data set where it adapts."""
    row = representations[wildcards.representation]
    return part(networks.on(row, datasets[wildcards.dataset]), *NETWORK)


@cache
def rows_of_unit(dataset, unit):
    """What the table of images says of one unit; asked for by many jobs of each."""
    row = datasets[dataset]
    return folder.of_unit(indices[dataset], units[dataset][unit], row, row["location"])


def of_every_unit(path):
    """An input function: one file for each unit of a data set."""

    def found(wildcards):
        return collect(path, unit=units[wildcards.dataset], **wildcards)

    return found


def check_tables(tasks):
    """Look whether the tables that tasks name are there."""
    for name, row in tasks.items():
        for path in questions.tables(row).values():
            if path not in questions.SHIPPED and not Path(path).is_file():
                column = "targets" if row["kind"] == "regression" else "pairs"
                expected = f"a file, or one of {', '.join(questions.SHIPPED)}"
                expected = "a file" if column == "targets" else expected
                file = config["tables"]["tasks"]
                raise InputError(f"no file {path!r}", expected, file, name, column)


def representations_of(dataset):
    return [
        name
        for name, row in representations.items()
        if study.fits(row, datasets[dataset])
    ]


def standing_of(wildcards):
    """What a score needs to know of its representation."""
    row = representations[wildcards.representation]
    return {"similarity": "cosine", **part(row, "role", "family", "of", "similarity")}


def read_study():
    """Read and check all tables; the order is that of what depends on what."""
    paths = config["tables"]
    datasets = study.keyed(rows_of("datasets", "dataset"), "dataset")
    study.check_datasets(datasets, paths["datasets"])
    units = rows_of("units", "dataset", "unit")
    units = study.units_by_dataset(units, datasets, paths["units"])
    tasks = study.keyed(rows_of("tasks", "task"), "task")
    tasks = questions.completed(tasks, datasets, paths["tasks"])
    check_tables(tasks)
    models = study.keyed(rows_of("models", "model"), "model")
    models = study.with_twins(models, config["twin_seeds"], paths["models"])
    networks.check(models, datasets, paths["models"])
    baselines = study.keyed(rows_of("baselines", "baseline"), "baseline")
    study.check_baselines(baselines, datasets, paths["baselines"])
    seeds = config["twin_seeds"]
    baselines = study.with_planted(baselines, seeds, paths["baselines"])
    return datasets, units, tasks, models, baselines


try:
    config = tables.check(config, schema_of("config"), "config/config.yaml")
    datasets, units, tasks, models, baselines = read_study()
    representations = study.with_baselines(
        models, baselines, config["tables"]["baselines"]
    )
    folders = [name for name, row in datasets.items() if row["source"] == "folder"]
    given = [name for name, row in datasets.items() if row["segmentation"] == "given"]
    indices = {name: index_of_folder(name) for name in folders}
    for dataset in folders:
        for unit in units[dataset]:
            rows_of_unit(dataset, unit)
except InputError as error:
    # Shown by Snakemake as this one line, with no trace of where in the code it was noticed.
    raise WorkflowError(str(error)) from None


wildcard_constraints:
    dataset=pattern(datasets),
    unit=pattern({unit for members in units.values() for unit in members}),
    task=pattern(tasks),
    # Nothing is written anew where nothing is corrected.
    alignment=pattern([name for name in ALIGNMENTS if name != "none"]),
    representation=pattern(representations),
