"""A network that needs all that a row can ask for, through the workflow."""

import numpy as np
import pandas as pd
import pytest
from conftest import Study

from twinscope import files

pytestmark = pytest.mark.workflow

UNITS = ("plate-1", "plate-2")
CHANNELS = ("DNA", "ER", "RNA", "AGP", "Mito")
ROW = {
    **{"model": "net", "loader": "timm", "architecture": "test_resnet", "weights": "none"},
    **{"modality": "cells", "policy": "adapted", "intensity": "plate", "input_size": "32"},
    **{"twin_statistics": "data", "dimension": "96", "channels": ""},
}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    made = Study(tmp_path_factory.mktemp("networks") / "study")
    table = made.folder / "config/models.tsv"
    table.write_text("\t".join(ROW) + "\n" + "\t".join(ROW.values()) + "\n")
    made.wanted = [f"results/toy-cells/features/net-twin0/{unit}.h5ad" for unit in UNITS]
    made.succeed(*made.wanted)
    return made


def test_a_twin_with_statistics_of_images_is_one_network_for_all_units(study):
    sums = set()
    for path in study.wanted:
        data = files.read_features(study.folder / path)
        assert data.shape == (16, 96) and np.isfinite(data.X).all()
        assert np.ptp(data.X, axis=0).max() > 0
        sums.add(files.read_provenance(study.folder / path)["weights_sha256"])
    assert len(sums) == 1


def test_images_of_a_plate_share_their_levels(study):
    folder = study.folder / "results/toy-cells/images"
    levels = pd.read_parquet(folder / "plate-1.levels.parquet")
    assert list(levels) == [f"{end}:{name}" for name in CHANNELS for end in ("low", "high")]
    assert len(levels) == 16 and (levels.nunique() == 1).all()


def test_a_channel_that_is_not_there_stops_before_any_job(study):
    study.edit("models.tsv", "\t96\t", "\t96\tDNA,Actin")
    said = study.fail("--dry-run")
    assert "no channel 'Actin'" in said and "row net" in said and "'toy-cells'" in said


def test_statistics_of_images_are_those_of_twins_and_never_of_their_model(copied):
    name, path = "lite0-channels", "results/toy-cells/features/{}/plate-1.h5ad"
    names = (name, f"{name}-twin0", f"{name}-twin1")
    before = copied.outputs()
    table = copied.folder / "config/models.tsv"
    header, *rows = table.read_text().splitlines()
    added = [f"{row}\t{'data' if row.startswith(name) else ''}" for row in rows]
    table.write_text("\n".join([f"{header}\ttwin_statistics", *added]) + "\n")
    copied.succeed(path.format(name))
    after = copied.outputs()
    of = [path.format(one) for one in names]
    assert [after[one][0] == before[one][0] for one in of] == [True, False, False]
