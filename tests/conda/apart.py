"""Run Snakemake so that its jobs see none of its packages.

A script of a rule gets the whole sys.path of Snakemake behind its own. So the packages that
Snakemake and the Snakefile need are found here without being on it: a job that is run in an
environment without them, or in no environment at all, does not find them.
"""

import runpy
import sys
from importlib.machinery import PathFinder
from importlib.metadata import DistributionFinder, MetadataPathFinder


class Hidden(DistributionFinder):
    """Finds packages in one folder, which is not on sys.path."""

    def __init__(self, folder: str):
        self.path = [folder]

    def find_spec(self, name, path=None, target=None):
        return PathFinder.find_spec(name, self.path, target) if path is None else None

    def find_distributions(self, context):
        named = DistributionFinder.Context(name=context.name, path=self.path)
        return MetadataPathFinder.find_distributions(named)


sys.meta_path.append(Hidden(sys.argv.pop(1)))
runpy.run_module("snakemake", run_name="__main__", alter_sys=True)
