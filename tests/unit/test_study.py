import pytest

from twinscope import study
from twinscope.kinds import rows as questions


def dataset(**changes):
    row = {
        "dataset": "plates",
        "modality": "cells",
        "source": "folder",
        "location": "table.csv",
        "channels": ["DNA", "ER", "RNA", "AGP", "Mito"],
        "image": ["path"],
        "microns_per_pixel": 0.65,
        "nuclear_channel": "DNA",
    }
    return {k: v for k, v in {**row, **changes}.items() if v is not None}


def model(**changes):
    return {"model": "net", "weights": "timm:x", "policy": "rgb", "modality": ["any"], **changes}


def baseline(**changes):
    row = {"function": "noise", "family": "null", "modality": ["any"], "arguments": {}}
    return {**row, **changes}


def planted(**changes):
    return baseline(**{"function": "planted", "family": "planted", **changes})


def task(**changes):
    known = {"task": "t", "kind": "classification", "dataset": "plates", "alignments": ["none"]}
    return {**known, "level": "item", **changes}


def test_each_model_has_one_twin_a_seed_that_differs_in_weights_only():
    rows = study.with_twins({"net": model(input_size=64)}, [0, 3], "models.tsv")
    assert list(rows) == ["net", "net-twin0", "net-twin3"]
    assert rows["net"]["role"] == "model" and rows["net"]["family"] == "pretrained"
    assert "seed" not in rows["net"]
    for seed in (0, 3):
        twin = rows[f"net-twin{seed}"]
        assert twin["seed"] == seed and twin["weights"] == "none" and twin["of"] == "net"
        assert twin["role"] == twin["family"] == "twin"
        same = {"model", "policy", "modality", "input_size"}
        assert {k: twin[k] for k in same} == {k: rows["net"][k] for k in same}
        assert twin["trained"] == rows["net"]["weights"] and "trained" not in rows["net"]


def test_what_twins_are_made_of_says_nothing_about_their_model():
    twins = {"initialisation": "kaiming", "twin_statistics": "data"}
    rows = study.with_twins({"net": model(**twins)}, [0], "models.tsv")
    assert not set(rows["net"]) & set(twins) and twins.items() <= rows["net-twin0"].items()
    # An untrained model is treated as its twins are.
    rows = study.with_twins({"net": model(weights="none", **twins)}, [0], "models.tsv")
    assert twins.items() <= rows["net"].items()


def test_a_model_without_weights_is_called_untrained_and_is_still_judged():
    rows = study.with_twins({"net": model(weights="none")}, [1], "models.tsv")
    assert (rows["net"]["family"], rows["net"]["role"]) == ("untrained", "model")


@pytest.mark.parametrize("name", ["net-twin0", "a-twin12"])
def test_a_model_cannot_pose_as_a_twin(name, refused):
    with refused("-twin<n>", file="models.tsv", row=name, column="model"):
        study.with_twins({name: model()}, [0], "models.tsv")


def test_names_that_only_resemble_a_twins_are_free():
    names = ["twin0", "net-twin", "net-twin0-large", "nettwin1"]
    assert set(names) <= set(study.with_twins({n: model() for n in names}, [0], "m"))


@pytest.mark.parametrize("name", ["net", "net-twin0"])
def test_a_baseline_cannot_bear_the_name_of_a_network(name, refused):
    models = study.with_twins({"net": model()}, [0], "models.tsv")
    with refused("model's name", file="baselines.tsv", row=name, column="baseline"):
        study.with_baselines(models, {name: baseline()}, "baselines.tsv")


def test_baselines_stand_beside_models():
    models = study.with_twins({"net": model()}, [0], "models.tsv")
    noise = study.with_planted({"noise": baseline()}, [0], "baselines.tsv")
    rows = study.with_baselines(models, noise, "baselines.tsv")
    assert list(rows) == ["net", "net-twin0", "noise"]
    assert rows["noise"] == baseline() | {"role": "baseline", "of": ""}


def test_baselines_of_every_data_set_are_those_that_share_jobs():
    rows = {
        "everywhere": baseline(),
        "cells-only": baseline(modality=["cells"]),
        "truth": baseline(function="true-factors", family="truth"),
        "seen": planted(),
    }
    rows = study.with_planted(rows, [0], "baselines.tsv")
    cells = {"modality": "cells", "source": "simulated"}
    folder = {"modality": "cells", "source": "folder"}
    tissue = {"modality": "tissue", "source": "simulated"}
    assert study.fit_all(rows, {"a": cells}) == ["everywhere", "cells-only", "truth"]
    assert study.fit_all(rows, {"a": cells, "b": folder}) == ["everywhere", "cells-only"]
    assert study.fit_all(rows, {"a": cells, "b": tissue}) == ["everywhere", "truth"]
    assert study.fit_all(rows, {"a": folder, "b": tissue}) == ["everywhere"]


def test_a_planted_representation_is_judged_and_its_twins_hold_nothing():
    row = planted(arguments={"factors": ["a", "b"], "noise": 0.2, "distractors": 4})
    rows = study.with_planted({"seen": row}, [0, 1], "baselines.tsv")
    assert list(rows) == ["seen", "seen-twin0", "seen-twin1"]
    assert (rows["seen"]["role"], rows["seen"]["of"]) == ("model", "seen")
    twin = rows["seen-twin1"]
    assert (twin["role"], twin["family"], twin["of"]) == ("twin", "twin", "seen")
    assert twin["arguments"]["factors"] == [] and twin["arguments"]["distractors"] == 6
    assert twin["arguments"]["noise"] == 0.2
    assert twin["arguments"]["seed"] != rows["seen-twin0"]["arguments"]["seed"] != 0


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"function": "planted", "family": "count"}, "'planted'"),
        ({"function": "true-factors", "family": "count"}, "'truth'"),
        ({"function": "noise", "family": "truth"}, "any family but planted and truth"),
    ],
)
def test_families_of_true_factors_are_for_true_factors_only(row, words, refused):
    with refused(words, file="baselines.tsv", row="x", column="family"):
        study.with_planted({"x": baseline(**row)}, [0], "baselines.tsv")


def test_a_baseline_cannot_pose_as_a_twin(refused):
    with refused("-twin<n>", file="baselines.tsv", row="x-twin0", column="baseline"):
        study.with_planted({"x-twin0": baseline()}, [0], "baselines.tsv")


@pytest.mark.parametrize("row", ["planted", "true-factors"])
def test_true_factors_are_known_of_simulated_images_only(row, refused):
    data = {"real": dataset(), "made": dataset(source="simulated")}
    rows = {"x": planted() if row == "planted" else baseline(function=row, family="truth")}
    rows = study.with_planted(rows, [0], "b")
    for each in rows.values():
        assert not study.fits(each, data["real"]) and study.fits(each, data["made"])
    study.check_baselines(rows, data, "baselines.tsv")
    with refused("simulated", file="baselines.tsv", row="x", column="function"):
        study.check_baselines({"x": rows["x"]}, {"real": data["real"]}, "baselines.tsv")


@pytest.mark.parametrize(
    ("changes", "column", "words"),
    [
        ({"segmentation": "given"}, "mask", "nuclear masks"),
        ({"segmentation": "classical", "mask": "m"}, "segmentation", "given"),
        ({"segmentation": "classical", "cell_mask": "m"}, "segmentation", "given"),
    ],
)
def test_masks_are_given_or_not(changes, column, words, refused):
    with refused(words, file="datasets.tsv", row="plates", column=column):
        study.check_datasets({"plates": dataset(**changes)}, "datasets.tsv")
    given = dataset(segmentation="given", mask="m", cell_mask="c")
    study.check_datasets({"plates": given}, "datasets.tsv")


@pytest.mark.parametrize(
    ("modality", "fits"),
    [(["any"], True), (["cells"], True), (["tissue", "cells"], True), (["tissue"], False)],
)
def test_a_representation_is_run_where_its_modality_fits(modality, fits):
    assert study.fits({"modality": modality}, dataset()) is fits


def test_units_are_sorted_by_data_set():
    rows = [{"dataset": "b", "unit": "u"}, {"dataset": "a", "unit": "u"}]
    data = {name: dataset() for name in "ab"}
    found = study.units_by_dataset(rows, data, "units.tsv")
    assert found == {"a": {"u": rows[1]}, "b": {"u": rows[0]}}


def test_a_unit_of_no_data_set_and_a_data_set_of_no_unit(refused):
    data = {"plates": dataset()}
    with refused("did you mean 'plates'", file="units.tsv", row="plate/u", column="dataset"):
        study.units_by_dataset([{"dataset": "plate", "unit": "u"}], data, "units.tsv")
    with refused("no unit", "'plates'", file="units.tsv"):
        study.units_by_dataset([], data, "units.tsv")


def test_units_of_a_table_need_a_column_that_tells_them_apart(refused):
    rows = [{"dataset": "plates", "unit": u} for u in "ab"]
    with refused("2 units of 'plates'", "unit column", file="units.tsv", column="unit"):
        study.units_by_dataset(rows, {"plates": dataset()}, "units.tsv")
    assert study.units_by_dataset(rows, {"plates": dataset(unit="plate")}, "u")["plates"]
    assert study.units_by_dataset(rows, {"plates": dataset(source="simulated")}, "u")["plates"]


@pytest.mark.parametrize("scale", [0.01, 0.65, 100.0, "column"])
def test_sensible_scales_are_accepted(scale):
    study.check_datasets({"plates": dataset(microns_per_pixel=scale)}, "datasets.tsv")


@pytest.mark.parametrize(
    ("scale", "words"), [(-0.65, "-0.65"), (0.0, "found 0"), (1e6, "1e+06"), (0.009, "0.009")]
)
def test_absurd_scales_are_refused(scale, words, refused):
    place = {"file": "datasets.tsv", "row": "plates", "column": "microns_per_pixel"}
    with refused(words, "between 0.01 and 100", **place):
        study.check_datasets({"plates": dataset(microns_per_pixel=scale)}, "datasets.tsv")


def test_only_natural_images_may_lack_a_scale(refused):
    with refused("found nothing", row="plates", column="microns_per_pixel"):
        study.check_datasets({"plates": dataset(microns_per_pixel=None)}, "datasets.tsv")
    natural = dataset(microns_per_pixel=None, modality="natural", nuclear_channel="luminance")
    study.check_datasets({"plates": natural}, "datasets.tsv")


def test_path_columns_are_one_or_one_a_channel(refused):
    five = [f"path{k}" for k in range(5)]
    study.check_datasets({"plates": dataset(image=five)}, "datasets.tsv")
    with refused("4 path columns", "5 channels", row="plates", column="image"):
        study.check_datasets({"plates": dataset(image=five[:4])}, "datasets.tsv")


def test_the_nuclear_channel_is_one_of_the_channels(refused):
    for name in ("Mito", "haematoxylin", "luminance"):
        study.check_datasets({"plates": dataset(nuclear_channel=name)}, "datasets.tsv")
    with refused("did you mean 'DNA'", row="plates", column="nuclear_channel"):
        study.check_datasets({"plates": dataset(nuclear_channel="DNa")}, "datasets.tsv")


def test_a_folder_needs_its_table(refused):
    with refused("the table of images", row="plates", column="location"):
        study.check_datasets({"plates": dataset(location=None)}, "datasets.tsv")
    study.check_datasets({"plates": dataset(location=None, source="simulated")}, "datasets.tsv")


def test_a_task_stands_on_a_data_set_of_the_study(refused):
    with refused("did you mean 'plates'", file="tasks.tsv", row="t", column="dataset"):
        questions.completed({"t": task(dataset="plate")}, {"plates": dataset()}, "tasks.tsv")


def test_standardize_needs_controls(refused):
    tasks = {"t": task(alignments=["none", "standardize"])}
    with refused("names no control column", file="tasks.tsv", row="t", column="alignments"):
        questions.completed(tasks, {"plates": dataset()}, "tasks.tsv")
    questions.completed(tasks, {"plates": dataset(control="is_dmso")}, "tasks.tsv")
    questions.completed({"t": task()}, {"plates": dataset()}, "tasks.tsv")


@pytest.mark.parametrize(
    ("changes", "column", "words"),
    [
        ({"cell_channel": ["ERR"]}, "cell_channel", "did you mean 'ER'"),
        (
            {"segmentation": "given", "mask": "m", "cell_channel": ["ER"]},
            "cell_channel",
            "cell_mask",
        ),
        ({"segmentation": "classical", "network": "cpsam_v2"}, "segmentation", "cellpose"),
    ],
)
def test_cells_are_grown_in_channels_that_exist_and_networks_are_cellposes(
    changes, column, words, refused
):
    with refused(words, file="datasets.tsv", row="plates", column=column):
        study.check_datasets({"plates": dataset(**changes)}, "datasets.tsv")
    study.check_datasets({"plates": dataset(cell_channel=["ER", "AGP"])}, "datasets.tsv")
    named = dataset(segmentation="cellpose", network="file:x")
    study.check_datasets({"plates": named}, "datasets.tsv")
