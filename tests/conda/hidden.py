"""Let Snakemake find its packages where its jobs do not.

A script of a rule gets the whole sys.path of Snakemake behind its own. So the packages that
Snakemake and the Snakefile need are found here without being on it: a job that is run in an
environment without them, or in no environment at all, does not find them.

A bare venv imports this as its `sitecustomize`, so that it also holds for the Snakemake that is
started on the node of a cluster.
"""

import sys
from importlib.machinery import PathFinder
from importlib.metadata import DistributionFinder, MetadataPathFinder
from pathlib import Path


class Hidden(DistributionFinder):
    """Finds packages in one folder, which is not on sys.path."""

    def __init__(self, folder: Path):
        self.path = [str(folder)]

    def find_spec(self, name, path=None, target=None):
        return PathFinder.find_spec(name, self.path, target) if path is None else None

    def find_distributions(self, context):
        named = DistributionFinder.Context(name=context.name, path=self.path)
        return MetadataPathFinder.find_distributions(named)


# Of what the bare venv holds, all is linked to where it is installed.
if sys.orig_argv[1:3] == ["-m", "snakemake"]:
    sys.meta_path.append(Hidden(Path(__file__).with_name("snakemake").resolve().parent))
