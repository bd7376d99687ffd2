"""The whole study, tiny: it runs, runs again only what changed, and gives the same bytes."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, Study

pytestmark = pytest.mark.workflow

SUMMARIES = (
    "results/scores.tsv",
    "results/verdicts.tsv",
    "results/flags.tsv",
    "results/detection.tsv",
    "results/rankings.tsv",
    "results/report.html",
)


def changed(before: dict, after: dict) -> set[str]:
    """Files that a run wrote: new ones, and old ones written again."""
    return {path for path in after if path not in before or after[path][1] != before[path][1]}


def allowed(paths: set[str], *patterns: str) -> set[str]:
    """The paths that none of the patterns matches: those that should not have been written."""
    return {path for path in paths if not any(re.fullmatch(p, path) for p in patterns)}


def test_bare_snakemake_at_the_top_lists_jobs():
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--forceall"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.search(r"^embed +\d+$", said, re.M), said[-2000:]
    assert re.search(r"^publish +1$", said, re.M)


def test_study_ends_with_a_report_and_is_then_up_to_date(finished):
    outputs = finished.outputs()
    assert set(SUMMARIES) <= set(outputs)
    scores = finished.table("scores")
    assert set(scores["representation"]) >= {"lite0", "lite0-twin1", "cell-count", "noise"}
    assert scores["chance"].notna().all()
    defined = scores["value"].notna()
    assert (scores.loc[defined, "lower"] <= scores.loc[defined, "value"]).all()
    assert scores.loc[~defined, "reason"].notna().all()
    assert "Nothing to be done" in finished.succeed("--dry-run")


def test_discs_are_told_apart_and_noise_is_not(finished):
    scores = finished.table("scores").query("task == 'toy-kind' and probe == 'logistic'")
    value = scores.query("metric == 'balanced_accuracy'").set_index("representation")["value"]
    assert value["cell-count"] > 0.8
    assert value["noise"] < 0.75


def test_planted_factors_are_found_and_the_true_ones_are_the_ceiling(finished):
    """A planted count shows in the count, and not in the intensity; twelve wells are few."""
    table = finished.table("detection").query("task == 'toy-effect' and alignment == 'none'")
    seen = table.set_index(["class", "representation"])["seen"]
    expected = table.set_index(["class", "representation"])["expected"]
    assert seen["count", "cell-count"] == seen["intensity", "true-factors"] == "yes"
    assert seen["intensity", "planted"] == seen["intensity", "cell-count"] == "no"
    value = table.set_index(["class", "representation"])["value"]
    assert value["count", "planted"] > 0.65 and value["count", "cell-count"] > 0.75
    assert expected["count", "cell-count"] == "yes" and expected["intensity", "batch"] == "no"
    verdicts = finished.table("verdicts").query("representation == 'planted'")
    assert set(verdicts["against"]) >= {"twins", "planted-twin0", "cell-count"}
    assert "true-factors" not in set(finished.table("verdicts")["against"])


def test_measured_from_the_true_masks_cells_agree_with_the_true_factors(finished):
    """Counts exactly, border cells included; areas of whole nuclei within 5 %."""
    for unit in ("plate-1", "plate-2"):
        cells = pd.read_parquet(finished.folder / f"results/toy-cells/cells/{unit}.parquet")
        truth = pd.read_parquet(finished.folder / f"resources/toy-cells/{unit}/objects.parquet")
        index = pd.read_parquet(finished.folder / f"results/toy-cells/images/{unit}.parquet")
        both = cells.merge(truth, on=["item", "cell"], how="outer", indicator=True)
        assert (both["_merge"] == "both").all()
        assert (both["border_x"] == both["border_y"]).all()
        count = cells.groupby("item").size().reindex(index["item"], fill_value=0)
        assert (count.to_numpy() == index["factor_cell_count"].astype(int)).all()
        whole = both[~both["border_x"]]
        assert (whole["area"] / whole["nuclear_area"] - 1).abs().max() < 0.05
        apart = np.hypot(whole["centroid_y"] - whole["y"], whole["centroid_x"] - whole["x"])
        assert apart.max() < 2


def test_every_job_left_a_log(finished):
    logs = {
        path.relative_to(finished.folder / "logs").parts[0]
        for path in (finished.folder / "logs").rglob("*.log")
    }
    assert {"fetch", "simulate", "crop", "embed", "describe", "evaluate", "compare"} <= logs


def test_order_and_hash_seed_change_no_byte(finished, tmp_path):
    """The same study in another folder, its table of images in another order."""
    study = Study(tmp_path / "study", shuffled=True)
    study.succeed(hashseed="1")
    first, second = finished.outputs(), study.outputs()
    assert {p: d for p, (d, _) in first.items()} == {p: d for p, (d, _) in second.items()}


def test_number_of_cores_changes_no_score(finished, tmp_path):
    study, where = Study(tmp_path / "study"), "results/toy-folder/{}/toy-kind{}"
    study.succeed(where.format("verdicts", ".tsv"), cores=1)
    scores = sorted(study.folder.glob(where.format("scores", "/*.tsv")))
    assert "lite0.tsv" in {path.name for path in scores}
    for path in (*scores, study.folder / where.format("verdicts", ".tsv")):
        other = finished.folder / path.relative_to(study.folder)
        ours, theirs = (pd.read_csv(one, sep="\t") for one in (path, other))
        numbers = ours.select_dtypes("number").columns
        np.testing.assert_allclose(ours[numbers], theirs[numbers], rtol=0, atol=1e-6)
        assert ours.drop(columns=numbers).equals(theirs.drop(columns=numbers))


COLLECTED = [re.escape(path) for path in SUMMARIES]


def test_a_new_model_runs_its_own_jobs_and_comparisons(copied):
    before = copied.outputs()
    copied.add("models.tsv", "other\ttimm\ttest_efficientnet\tnone\ttissue\trgb\tdtype\t64")
    copied.succeed()
    written = changed(before, copied.outputs())
    own = [r"results/toy-folder/.*/other(-twin[01])?(/\w+)?\.(h5ad|tsv|parquet)"]
    shared = [r"results/toy-folder/(verdicts|detection)/toy-kind\.tsv"]
    shared.append(r"results/figures/toy-kind(\.detection)?\.svg")
    assert not allowed(written, *own, *shared, *COLLECTED)
    assert sum("/features/other" in path for path in written) == 9
    old = copied.table("verdicts").query("representation == 'lite0'")
    assert len(old) and "other" in set(copied.table("verdicts")["representation"])


def test_a_new_baseline_runs_its_own_jobs(copied):
    before = copied.outputs()
    copied.add("baselines.tsv", "shape\tnuclear-shape\tshape\tcosine\t\t")
    copied.succeed()
    written = changed(before, copied.outputs())
    own = [r"results/toy-\w+/.*/shape(/[\w-]+)?\.(h5ad|tsv|parquet)"]
    shared = [r"results/toy-\w+/(verdicts|detection)/.*\.tsv", r"results/figures/.*\.svg"]
    assert not allowed(written, *own, *shared, *COLLECTED)


def test_baselines_that_share_jobs_score_the_same(copied):
    """One that is added computes the others again, and no network and no baseline of its own."""
    before = copied.outputs()
    copied.add("config.yaml", "baselines_share_jobs: true")
    said = copied.succeed()
    counts = {rule: int(n) for rule, n in re.findall(r"^(\w+_shared) +(\d+)$", said, re.M)}
    assert counts == {"describe_shared": 4, "gather_shared": 2, "evaluate_shared": 2}
    after = copied.outputs()
    names = "(cell-count|intensity-moments|batch|noise)"
    own = [rf"results/toy-\w+/.*/{names}(/[\w-]+)?\.(h5ad|tsv|parquet)"]
    shared = [r"results/toy-\w+/(verdicts|detection)/.*\.tsv", r"results/figures/.*\.svg"]
    written = changed(before, after)
    assert written and not allowed(written, *own, *shared, *COLLECTED)
    assert {path: after[path][0] for path in before} == {p: d for p, (d, _) in before.items()}

    copied.add("baselines.tsv", "shape\tnuclear-shape\tshape\tcosine\t\t")
    copied.succeed()
    latest = copied.outputs()
    own[0] = own[0].replace("noise", "noise|shape")
    assert not allowed(changed(after, latest), *own, *shared, *COLLECTED)
    assert {path for path in latest if "/scores/toy-kind/shape" in path}
    same = [path for path in after if re.fullmatch(own[0], path)]
    assert same and all(latest[path][0] == after[path][0] for path in same)


def test_a_new_task_runs_its_own_jobs(copied):
    before = copied.outputs()
    copied.add("tasks.tsv", "toy-day\ttoy-folder\tclassification\tday\t\tgroup\t3\tnone\tknn")
    copied.succeed()
    written = changed(before, copied.outputs())
    own = [r"results/toy-folder/(scores|items)/toy-day/.*", r"results/toy-folder/.*/toy-day.*"]
    assert not allowed(written, *own, r"results/figures/toy-day(\.detection)?\.svg", *COLLECTED)


def test_a_new_seed_computes_its_own_vectors(copied):
    """A model and its twins share jobs: they are written again, from stored vectors, the same."""
    before = copied.outputs()
    copied.edit("config.yaml", "[0, 1]", "[0, 1, 7]")
    said = copied.succeed()
    after = copied.outputs()
    written = changed(before, after)
    names = "(lite0|lite0-channels|planted)"
    families = [rf"results/toy-\w+/.*/{names}(-twin\d)?(/[\w-]+)?\.(h5ad|tsv|parquet)"]
    shared = [r"results/toy-\w+/(verdicts|detection)/.*\.tsv", r"results/figures/.*\.svg"]
    assert not allowed(written, *families, *shared, *COLLECTED)
    old = {path for path in written & set(before) if re.fullmatch(families[0], path)}
    assert old and all(after[path][0] == before[path][0] for path in old)
    assert {path for path in written if "-twin7" in path}
    computed = re.findall(r"embed \S+ (\S+) \S+: (\d+) of \d+ images computed", said)
    assert {name for name, number in computed if number != "0"} == {
        "lite0-twin7",
        "lite0-channels-twin7",
    }


def test_a_new_unit_leaves_other_units_and_data_sets_alone(copied):
    before = copied.outputs()
    copied.add("units.tsv", "toy-cells\tplate-3\t")
    copied.succeed()
    written = changed(before, copied.outputs())
    per_unit = {p for p in written if "plate-1" in p or "plate-2" in p or "day" in p}
    assert not per_unit
    assert not {path for path in written if path.startswith("results/toy-folder/")}
    assert "results/toy-cells/images/plate-3.tif" in written


def test_a_removed_model_leaves_the_results(copied):
    copied.edit("models.tsv", "\tcells\tper-channel", "\tnatural\tper-channel")
    copied.succeed()
    assert "lite0-channels" not in set(copied.table("scores")["representation"])


def test_the_small_segmenter_is_trained_and_used(copied):
    copied.edit("datasets.tsv", "\t0.5\t\t\t\tgreen", "\t0.5\tcellpose-small\t\t\tgreen")
    config = copied.folder / "config/config.yaml"
    config.write_text(config.read_text() + "segmenter_epochs: 1\n")
    masks = "results/toy-folder/masks/monday"
    copied.succeed(f"{masks}.tif")
    made = json.loads((copied.folder / f"{masks}.json").read_text())
    assert made["segmentation"] == "cellpose-small" and "simulated" in made["network"]
    losses = pd.read_csv(copied.folder / "results/segmenters/cellpose-small.tsv", sep="\t")
    assert len(losses) == 1 and losses["loss"].notna().all()


def test_touching_files_runs_nothing(copied):
    for path in [*copied.folder.glob("config/*"), *copied.folder.glob("images/*")]:
        os.utime(path)
    assert "Nothing to be done" in copied.succeed("--dry-run")
    # A pull touches scripts and modules without changing them.
    touched = [*ROOT.glob("workflow/scripts/*.py"), *ROOT.glob("workflow/scripts/twinscope/*.py")]
    times = {path: path.stat() for path in touched}
    try:
        for path in touched:
            os.utime(path)
        assert "Nothing to be done" in copied.succeed("--dry-run")
    finally:
        for path, stat in times.items():
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_a_changed_label_embeds_nothing_again(copied):
    table = copied.folder / "images/table.csv"
    table.write_text(table.read_text().replace("tile-00,small", "tile-00,large"))
    before = copied.outputs()
    copied.succeed()
    written = changed(before, copied.outputs())
    assert "results/toy-folder/images/monday.parquet" in written
    assert not {path for path in written if re.search(r"features/lite0[^/]*/", path)}
    assert "results/toy-folder/images/tuesday.parquet" not in written


def test_a_changed_image_is_noticed(copied):
    shutil.copy(copied.folder / "images/01.png", copied.folder / "images/00.png")
    said = copied.succeed("--dry-run")
    assert re.search(r"^fetch +1$", said, re.M) and re.search(r"^embed +1$", said, re.M), said


def test_an_interrupted_study_resumes(copied):
    """Stopped in the middle by Ctrl-C, it goes on where it was: what was done is not done again."""
    copied.add("models.tsv", "other\ttimm\ttest_efficientnet\tnone\ttissue\trgb\tdtype\t64")
    features = copied.folder / "results/toy-folder/features"
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--directory", copied.folder]
    running = subprocess.Popen(
        command,
        **{"cwd": ROOT, "stderr": subprocess.DEVNULL, "start_new_session": True},
        # Whoever runs the tests in the background has Ctrl-C ignored, and so would this.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    # The first unit is done, and the second is being done.
    while len(list(features.glob("other*/*.h5ad"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.2)
    os.killpg(running.pid, signal.SIGINT)
    running.wait(timeout=60)
    before = copied.outputs()
    done = {path for path in before if "/features/other" in path}
    assert 3 <= len(done) < 9
    copied.succeed()
    after = copied.outputs()
    assert sum("/features/other" in path for path in after) == 9
    again = {re.sub(r"-twin\d", "", path) for path in done & changed(before, after)}
    assert len(again) <= 1, "more than the one job that was stopped"
