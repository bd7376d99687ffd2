"""A job of embedding that is killed in the middle of a unit goes on where it was."""

import json
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from twinscope import files

pytest.importorskip("torch")
pytestmark = pytest.mark.workflow

SCRIPTS = Path(__file__).parents[1] / "workflow/scripts"
IMAGES = 640
ROW = {
    **{"model": "net", "loader": "timm", "architecture": "tf_efficientnet_lite0", "seed": 0},
    **{"weights": "none", "policy": "rgb", "intensity": "dtype", "input_size": 128},
}
# The script as Snakemake runs it, but for shards that are written every moment.
JOB = """
import json, runpy, sys
from types import SimpleNamespace
from snakemake.iocontainers import Namedlist
from twinscope.files import store
store.EVERY = 0.05
given = json.loads(sys.argv[1])
kinds = ("input", "output", "params", "wildcards")
job = {name: Namedlist(fromdict=given.pop(name)) for name in kinds}
runpy.run_path(given.pop("path"), {"snakemake": SimpleNamespace(**job, **given)}, "__main__")
"""


@pytest.fixture
def unit(tmp_path):
    """Starts the job, with a store or without."""
    rng = np.random.default_rng(0)
    images = (rng.integers(0, 256, (3, 96, 96), np.uint8) for _ in range(IMAGES))
    files.write_stack(tmp_path / "images.tif", images, IMAGES, ["red", "green", "blue"])
    items = pd.DataFrame({"item": [f"i{number:04d}" for number in range(IMAGES)]})
    files.write_index(tmp_path / "tiles.parquet", items)

    def start(output, store, threads=2):
        job = {
            "input": {
                "images": str(tmp_path / "images.tif"),
                "tiles": str(tmp_path / "tiles.parquet"),
            },
            "output": {"features": [str(tmp_path / output)]},
            "params": {
                **{"networks": {"net": ROW}, "channels": ["red", "green", "blue"]},
                **{"run": {"batch_size": "auto", "compiled": False}},
            },
            "wildcards": {"dataset": "d", "representation": "net", "unit": "u"},
            **{"log": [str(tmp_path / "log")], "threads": threads},
            **{"config": {"store": str(store)}, "path": str(SCRIPTS / "embed.py")},
        }
        command = [sys.executable, "-c", JOB, json.dumps(job)]
        environment = {"PYTHONPATH": str(SCRIPTS), "CUDA_VISIBLE_DEVICES": ""}
        return subprocess.Popen(
            command, env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True
        )

    def finish(*arguments, **options):
        said = start(*arguments, **options).communicate()[1]
        (computed,) = re.findall(rf"(\d+) of {IMAGES} images computed", said) or [said]
        return int(computed)

    start.finish = finish
    return start


def test_killed_ten_times_it_goes_on_and_ends_the_same_to_the_byte(unit, tmp_path):
    store, moments = tmp_path / "store", random.Random(0)
    assert unit.finish("undisturbed.h5ad", "none") == IMAGES

    def shards():
        return len(list(store.glob("*/*.npz")))

    for _ in range(10):
        job, before, fewest = unit("killed.h5ad", store), shards(), moments.randint(1, 2)
        while shards() < before + fewest and job.poll() is None:
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.1))
        job.kill()
        job.communicate()
        assert job.returncode == -9, "the unit was done before it was killed: make it larger"
    assert not (tmp_path / "killed.h5ad").exists()
    computed = unit.finish("killed.h5ad", store, threads=1)
    assert 0 < computed <= IMAGES - 10 * 10
    whole = (tmp_path / "undisturbed.h5ad").read_bytes()
    assert (tmp_path / "killed.h5ad").read_bytes() == whole
    assert unit.finish("again.h5ad", store) == 0
    assert (tmp_path / "again.h5ad").read_bytes() == whole
