"""Representations that share jobs, because small jobs of their own would mostly import.

A model and its twins always do. Baselines do if the study says so, and are run on all its data sets.
"""

from snakemake.iocontainers import Wildcards

SHARED = (
    study.fit_all(representations, datasets) if config["baselines_share_jobs"] else []
)
SINGLES = [
    name
    for name, row in representations.items()
    if row["role"] == "baseline" and name not in SHARED
]
# The names of families are those of their models.
FAMILIES = [name for name, row in representations.items() if row["role"] == "model"]


def alone(wildcards):
    return [wildcards]


def named(wildcards, names):
    """The wildcards of a job, once for each representation that it makes."""
    return [Wildcards(fromdict={**wildcards, "representation": name}) for name in names]


def names_of_family(model):
    return [model, *(study.twin(model, seed) for seed in config["twin_seeds"])]


def family(wildcards):
    return named(wildcards, names_of_family(wildcards.representation))


def shared(wildcards):
    return named(wildcards, SHARED)


def of_family(path):
    """One path for the model that a wildcard names, and for each of its twins."""
    names = names_of_family("{representation}")
    return [path.replace("{representation}", name) for name in names]


def of_shared(path):
    """One path for each baseline that shares jobs."""
    return [path.replace("{representation}", name) for name in SHARED]


def for_each(found, members):
    """An input function: the files that a representation needs, for each one of a job."""

    def of_each(wildcards):
        return [path for some in members(wildcards) for path in found(some)]

    return of_each


def by_name(asked, members=alone):
    """A parameter function: what is asked of each representation of a job, by its name."""

    def of_each(wildcards):
        return {some.representation: asked(some) for some in members(wildcards)}

    return of_each
