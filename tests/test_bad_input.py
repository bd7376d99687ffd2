"""Bad input stops before any job, or at the door of the job, with one message that says where."""

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

pytestmark = pytest.mark.workflow


def said_before_any_job(study, *parts: str) -> None:
    said = study.fail("--dry-run")
    assert "Job stats" not in said
    message = " ".join(said.split())
    for part in parts:
        assert part in message, message[-1500:]
    assert "Traceback" not in said


def said_by_the_job(study, target: str, *parts: str) -> None:
    said = study.fail(target)
    lines = [line for line in said.splitlines() if " error: " in line]
    assert len(lines) == 1, said[-3000:]
    for part in parts:
        assert part in lines[0], lines[0]
    assert "Traceback" not in said


TABLES = {
    "datasets.tsv": ("dataset", "modality", "tissue\tfolder", "tisue\tfolder", "tisue"),
    "models.tsv": ("model", "policy", "rgb\tdtype", "grey\tdtype", "grey"),
    "baselines.tsv": ("baseline", "family", "shortcut", "short-cut", "short-cut"),
    "tasks.tsv": ("task", "kind", "classification", "clasification", "clasification"),
}


@pytest.mark.parametrize("name", TABLES)
def test_unknown_column(fresh, name):
    column = TABLES[name][1]
    fresh.edit(name, f"\t{column}\t", f"\t{column}s\t")
    said_before_any_job(fresh, f"config/{name}", f"'{column}s'", f"did you mean '{column}'")


@pytest.mark.parametrize("name", TABLES)
def test_unknown_value(fresh, name):
    _, column, old, new, found = TABLES[name]
    fresh.edit(name, old, new)
    place = f"column {column}"
    said_before_any_job(fresh, f"config/{name}", "row ", place, found, "expected one of")


def test_unknown_column_and_value_in_units(fresh):
    fresh.edit("units.tsv", "\tselect", "\tselects")
    said_before_any_job(fresh, "config/units.tsv", "'selects'", "did you mean 'select'")
    fresh.edit("units.tsv", "\tselects", "\tselect")
    fresh.edit("units.tsv", "toy-cells\tplate-1", "toy-sells\tplate-1")
    said_before_any_job(fresh, "config/units.tsv", "column dataset", "'toy-sells'", "toy-cells")


def test_unknown_setting(fresh):
    fresh.edit("config.yaml", "draws: 500", "drawz: 500")
    said_before_any_job(fresh, "config/config.yaml", "'drawz'", "did you mean 'draws'")


@pytest.mark.parametrize("name", [*TABLES, "units.tsv"])
def test_duplicate_key(fresh, name):
    path = fresh.folder / "config" / name
    path.write_text(path.read_text() + path.read_text().splitlines()[1] + "\n")
    said_before_any_job(fresh, f"config/{name}", "twice")


def test_missing_table(fresh):
    (fresh.folder / "config/models.tsv").unlink()
    said_before_any_job(fresh, "config/models.tsv", "no such file")


def test_task_on_a_missing_data_set(fresh):
    fresh.edit("tasks.tsv", "toy-folder", "toy-holder")
    said_before_any_job(fresh, "config/tasks.tsv", "row toy-kind", "'toy-holder'", "toy-folder")


def test_unit_name_that_leaves_the_folder(fresh):
    fresh.edit("units.tsv", "monday\tMonday", "../monday\tMonday")
    said_before_any_job(fresh, "config/units.tsv", "column unit", "'../monday'", "lower-case")


def test_empty_unit(fresh):
    fresh.edit("units.tsv", "tuesday\tTuesday", "sunday\tSunday")
    said_before_any_job(fresh, "units.tsv", "row toy-folder/sunday", "no image", "'day'")


@pytest.mark.parametrize("scale", ["-0.5", "0", "5000"])
def test_absurd_microns_per_pixel(fresh, scale):
    fresh.edit("datasets.tsv", "\t0.5\t\t\t\tgreen", f"\t{scale}\t\t\t\tgreen")
    said_before_any_job(
        fresh, "config/datasets.tsv", "row toy-folder", "column microns_per_pixel", "0.01 and 100"
    )


def test_item_twice(fresh):
    table = fresh.folder / "images/table.csv"
    table.write_text(table.read_text().replace("tile-07", "tile-03"))
    said_before_any_job(fresh, "images/table.csv", "row 9", "'tile-03'", "row 5")


def test_missing_image(fresh):
    (fresh.folder / "images/05.png").unlink()
    said_before_any_job(fresh, "images/table.csv", "row tile-05", "05.png")


def test_missing_column_of_a_role(fresh):
    fresh.edit("datasets.tsv", "\tpatient\t", "\tpatent\t")
    said_before_any_job(fresh, "images/table.csv", "'patent'", "did you mean 'patient'")


def crop_fails(study, *parts: str) -> None:
    said_by_the_job(study, "results/toy-folder/images/monday.tif", "tile-05", *parts)


def test_truncated_image(fresh):
    path = fresh.folder / "images/05.png"
    path.write_bytes(path.read_bytes()[:2000])
    crop_fails(fresh, "05.png", "cannot be decoded")


def test_file_that_is_no_image(fresh):
    (fresh.folder / "images/05.png").write_text("not an image")
    crop_fails(fresh, "05.png", "TIFF, PNG or JPEG")


def test_channel_count_that_differs(fresh):
    Image.fromarray(np.arange(4096, dtype=np.uint8).reshape(64, 64)).save(
        fresh.folder / "images/05.png"
    )
    crop_fails(fresh, "05.png", "1 channels", "3 (red, green, blue)")


def test_constant_image(fresh):
    Image.fromarray(np.full((64, 64, 3), 7, np.uint8)).save(fresh.folder / "images/05.png")
    crop_fails(fresh, "05.png", "every pixel equal to 7")


def test_nan_in_an_image(fresh):
    image = np.random.default_rng(0).random((3, 64, 64), dtype=np.float32)
    image[1, 2, 3] = np.nan
    tifffile.imwrite(fresh.folder / "images/05.png", image)
    crop_fails(fresh, "05.png", "1 NaN or infinite")


def relabel(study, change) -> None:
    path = study.folder / "images/table.csv"
    table = pd.read_csv(path)
    change(table)
    table.to_csv(path, index=False)


SPLIT = "results/toy-folder/splits/toy-kind.parquet"


def test_label_with_one_member(fresh):
    relabel(fresh, lambda table: table.__setitem__("kind", ["rare", *table["kind"][1:]]))
    said_by_the_job(fresh, SPLIT, "tasks.tsv", "row toy-kind", "column target", "'rare'")


def test_all_items_of_a_class_in_one_group(fresh):
    def change(table):
        table.loc[table["patient"] == "P2", "kind"] = "special"

    relabel(fresh, change)
    said_by_the_job(fresh, SPLIT, "row toy-kind", "all items of class 'special'", "'P2'")


def test_fewer_groups_than_folds(fresh):
    fresh.edit(
        "tasks.tsv",
        "toy-folder\tclassification\tlabel\t\tgroup\t3",
        "toy-folder\tclassification\tlabel\t\tgroup\t9",
    )
    said_by_the_job(fresh, SPLIT, "row toy-kind", "6 groups", "folds (9)")


def test_unknown_target(fresh):
    fresh.edit(
        "tasks.tsv", "toy-folder\tclassification\tlabel", "toy-folder\tclassification\tkinds"
    )
    said_by_the_job(fresh, SPLIT, "row toy-kind", "column target", "'kinds'", "did you mean 'kind'")


def test_weights_file_that_is_not_there(fresh):
    fresh.edit("models.tsv", "lite0-57934424.pth\ttissue", "lite0-12345678.pth\ttissue")
    target = "results/toy-folder/features/lite0/monday.h5ad"
    said_by_the_job(
        fresh, target, "models.tsv", "row lite0", "column weights", "lite0-12345678.pth"
    )


def test_weights_of_another_architecture(fresh):
    fresh.edit(
        "models.tsv", "lite0\ttimm\ttf_efficientnet_lite0", "lite0\ttimm\ttf_efficientnet_lite1"
    )
    target = "results/toy-folder/features/lite0/monday.h5ad"
    said_by_the_job(fresh, target, "row lite0", "column weights", "tensors")


def test_wrong_argument_of_the_simulator(fresh):
    fresh.edit("datasets.tsv", '"seed": 3', '"seed": 3, "density": -1')
    said_by_the_job(fresh, "resources/toy-cells/plate-1/table.parquet", "density", "-1")
