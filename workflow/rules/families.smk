"""The twins of a model share their jobs: five small ones would mostly import."""

from snakemake.iocontainers import Wildcards

# Representations that have jobs of their own, and those whose twins share one.
SINGLES = [name for name, row in representations.items() if row["role"] != "twin"]
FAMILIES = [name for name in SINGLES if representations[name]["role"] == "model"]


def alone(wildcards):
    return [wildcards]


def twins_of(wildcards):
    """The wildcards of a model, once for each of its twins."""
    model = wildcards.representation
    names = [study.twin(model, seed) for seed in config["twin_seeds"]]
    return [Wildcards(fromdict={**wildcards, "representation": name}) for name in names]


def of_twins(path):
    """One path for each twin of the model that a wildcard names."""
    names = [study.twin("{representation}", seed) for seed in config["twin_seeds"]]
    return [path.replace("{representation}", name) for name in names]


def for_twins(found):
    """An input function: the files that a representation needs, for each twin of a model."""

    def of_each(wildcards):
        return [path for twin in twins_of(wildcards) for path in found(twin)]

    return of_each


def by_name(asked, members=alone):
    """A parameter function: what is asked of each representation of a job, by its name."""

    def of_each(wildcards):
        return {some.representation: asked(some) for some in members(wildcards)}

    return of_each
