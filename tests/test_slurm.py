"""The tiny study on a real SLURM of two nodes: nodes fail, jobs fail, time runs out, rows come."""

import os
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml
from conftest import ROOT, Study
from rig import Apart
from slurm.cluster import NODES, Cluster, Unavailable

PROFILE = ROOT / "profiles/slurm"
SETTINGS = yaml.safe_load((PROFILE / "profile.yaml").read_text())
# What the cluster of the tests needs; all else is the profile for production.
PROFILES = ["--profile", ROOT / "tests/slurm/profile", "--workflow-profile", PROFILE]
PROFILES += ["--jobs", "8", "--group-components", "images=2", "cells=2", "scores=10"]
# A second network, so that two nodes have four jobs for their devices.
ADDED = "small"
KEYS = ["task", "representation", "alignment", "probe", "metric"]


def cut(study: Study) -> None:
    """Leave one data set, a network and two baselines, and add a network."""
    kept = {"dataset", "toy-folder", "model", "lite0", "baseline", "cell-count", "noise"}
    kept |= {"task", "toy-kind"}
    for path in (study.folder / "config").glob("*.tsv"):
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if line.split("\t")[0] in kept))
    study.add("models.tsv", f"{ADDED}\ttimm\ttest_efficientnet\tnone\ttissue\trgb\tdtype\t32")


def submitted(said: str) -> dict[str, str]:
    """Rule or group of each job that Snakemake gave to SLURM, by SLURM's number."""
    found = r"submitted with SLURM jobid (\d+) \(log: \S*/(?:rule_(\w+)|group_([a-z]+)\w*)/"
    return {job: rule or group for job, rule, group in re.findall(found, said)}


def asked(said: str) -> dict[tuple[str, ...], dict[str, str]]:
    """Resources of the jobs of a dry run, by rule, data set and what else is in its wildcards."""
    found = {}
    for job in re.split(r"^ *(?:local)?rule ", said, flags=re.M)[1:]:
        wildcards = re.search(r"^ *wildcards: (.*)$", job, re.M)
        resources = re.search(r"^ *resources: (.*)$", job, re.M)
        if wildcards and resources:
            of = [part.split("=")[1] for part in wildcards[1].split(", ")]
            found[job.split(":")[0], *of] = dict(p.split("=", 1) for p in resources[1].split(", "))
    return found


@pytest.mark.workflow
def test_jobs_ask_for_what_they_read(copied):
    copied.add(
        "tasks.tsv", "toy-both\ttoy-folder\tclassification\tlabel\t\tgroup\t3\tnone,tvn\tknn"
    )
    results = copied.folder / "results/toy-folder"
    (results / "profiles/tvn").mkdir(parents=True)
    for path in results.glob("features/*.h5ad"):
        (results / "profiles/tvn" / path.name).touch()
    (results / "splits/toy-both.parquet").touch()
    # Sizes only: a dry run opens none of these.
    for folder, megabytes in (
        ("images/*.tif", 400),
        ("features/*/*", 100),
        ("features/*.h5ad", 200),
        ("profiles/tvn/*", 150),
    ):
        for path in results.glob(folder):
            os.truncate(path, megabytes << 20)
    plan = ["--dry-run", "--forceall", *PROFILES[2:4]]
    jobs = asked(copied.succeed(*plan, cores=8))
    copied.add("config.yaml", "baselines_share_jobs: true")
    jobs |= asked(copied.succeed(*plan, cores=8))
    embed = jobs["embed", "toy-folder", "lite0", "monday"]
    assert (embed["mem_mb"], embed["gpu"], embed["runtime"]) == ("16000", "1", "100")
    # The second of a group: what the first of it will make is not there yet.
    assert int(jobs["measure", "toy-folder", "monday"]["runtime"]) == 10 + (400 << 20) // 20_000_000
    # Two units of 100 MB, or what was made of them; both alignments of a representation, the larger
    # one counting for both. Those that share a job do not lie in memory at the same time.
    for megabytes, rule, *of in (
        (2 * 100, "gather", "batch"),
        (2 * 100, "gather_family", "lite0"),
        (2 * 100, "gather_shared"),
        (200, "align", "tvn", "batch"),
        (200, "align_family", "tvn", "lite0"),
        (200, "align_shared", "tvn"),
        (200, "evaluate", "toy-kind", "batch"),
        (200, "evaluate_family", "toy-kind", "lite0"),
        (2 * 200, "evaluate", "toy-both", "batch"),
        (2 * 200, "evaluate_family", "toy-both", "lite0"),
        (2 * 200, "evaluate_shared", "toy-both"),
    ):
        memory = float(jobs[rule, "toy-folder", *of]["mem_mb"])
        assert memory == pytest.approx(4000 + 6 * megabytes, abs=12), (rule, *of)


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    try:
        with Cluster(tmp_path_factory.mktemp("slurm") / "cluster") as cluster:
            yield cluster
    except Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def overtime(slurm, tmp_path_factory):
    """A job that is given a minute and would take ten, started beside all else."""
    folder = tmp_path_factory.mktemp("overtime")
    minutes = SETTINGS["default-resources"]["runtime"].replace("20 +", "1 +")
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "tests/slurm/Snakefile"]
    command += ["--directory", folder, *PROFILES[:4], "--jobs", "1"]
    command += ["--default-resources", "mem_mb=100", f"runtime={minutes}"]
    with open(folder / "said", "w") as said:
        running = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=said)
        yield folder, running
        running.terminate()
        running.wait()


@pytest.fixture(scope="module")
def stopped(slurm, overtime, conda, tmp_path_factory):
    """The study in the environments of its rules; the second node fails while it embeds."""
    study = Apart(tmp_path_factory.mktemp("slurm-study") / "study", conda)
    cut(study)
    with open(study.folder / "said", "w") as said:
        running = subprocess.Popen(
            study.command(*PROFILES, cores=4),
            **{"cwd": ROOT, "env": study.environment(), "stdout": said, "stderr": said},
        )
    try:
        slurm.wait_for(lambda: running.poll() is not None or embeds_on(slurm, "n2"), "n2", 180)
        slurm.stop("n2")
        before = slurm.tasks()
        running.wait(timeout=480)
    finally:
        running.terminate()
        running.wait()
    slurm.start("n2")
    study.said = (study.folder / "said").read_text()
    return SimpleNamespace(study=study, before=before, after=slurm.tasks(), running=running)


def embeds_on(slurm: Cluster, node: str) -> bool:
    return any(t["node"] == node and t["devices"] != "none" for t in slurm.tasks())


@pytest.mark.workflow
@pytest.mark.conda
def test_a_study_outlives_a_node_and_scores_as_a_local_run(stopped, finished):
    study = stopped.study
    assert stopped.running.returncode == 0, study.said[-5000:]
    assert {task["node"] for task in stopped.before} == set(NODES)
    lost = {t["job"] for t in stopped.before if t["node"] == "n2" and "ended" not in t}
    again = {t["job"] for t in stopped.after if t["node"] == "n1"}
    assert lost and lost <= again, "what ran on the stopped node has not run on the other"
    later = [t for t in stopped.after if t not in stopped.before]
    assert {t["node"] for t in later} == {"n1"}
    hold_scores_of(study, finished)


def hold_scores_of(study: Study, finished: Study) -> None:
    """See that scores are all there, and those of a run on one machine."""
    ours, theirs = (s.table("scores").set_index(KEYS).sort_index() for s in (study, finished))
    ours = ours[~ours.index.get_level_values(1).str.startswith(ADDED)]
    assert {"lite0", "lite0-twin1", "cell-count", "noise"} <= set(ours.index.unique(1))
    pd.testing.assert_frame_equal(
        ours, theirs.loc[ours.index], rtol=0, atol=1e-6, check_dtype=False
    )


@pytest.mark.workflow
def test_jobs_with_a_gpu_see_their_own_and_others_see_none(stopped):
    named = submitted(stopped.study.said)
    embeds = [task for task in stopped.after if named.get(task["job"]) == "embed"]
    assert len({task["job"] for task in embeds}) == 4
    assert {task["devices"] for task in embeds} == {"0", "1"}
    together = [pair for pair in combinations(embeds, 2) if overlap(*pair)]
    assert together, "no two of them ran at the same time on one node"
    assert all(one["devices"] != other["devices"] for one, other in together)
    others = [task for task in stopped.after if task not in embeds]
    assert others and {task["devices"] for task in others} == {"none"}


def overlap(one: dict, other: dict) -> bool:
    """Whether two tasks ran at one time on one node."""
    begin = max(one["began"], other["began"])
    end = min(task.get("ended", float("inf")) for task in (one, other))
    return one["node"] == other["node"] and begin < end


@pytest.mark.workflow
def test_small_jobs_share_submissions(stopped):
    named = list(submitted(stopped.study.said).values())
    assert not {"fetch", "crop", "annotate", "measure", "describe", "evaluate"} & set(named)
    assert named.count("images") == named.count("cells") == named.count("scores") == 1


@pytest.mark.workflow
def test_a_failing_job_is_reported_with_its_logs_and_mended_submits_its_own_jobs(slurm, stopped):
    study = stopped.study
    row = "other\ttimm\ttest_efficientnet\t{}\ttissue\trgb\tdtype\t64"
    study.add("models.tsv", row.format("file:weights/none.pth"))
    embedded = "results/toy-folder/features/other/monday.h5ad"
    done = study.run(embedded, *PROFILES, "--retries", "0", cores=4)
    assert done.returncode != 0
    assert re.search(r"Error in rule embed", done.said), done.said[-5000:]
    assert "SLURM status is: 'FAILED'" in done.said
    log = re.search(r"log: (logs/embed/\S+/monday.log)", done.said)[1]
    assert "weights/none.pth" in (study.folder / log).read_text()
    kept = re.search(r"\(log: (\S*/rule_embed/\S+/\d+\.log)\)", done.said)[1]
    assert "Error in rule embed" in Path(kept).read_text()

    study.edit("models.tsv", "file:weights/none.pth", "none")
    named = list(submitted(study.succeed(*PROFILES, cores=4)).values())
    assert {name: named.count(name) for name in set(named)} == {
        **{"embed": 2, "gather_family": 1, "scores": 1, "compare": 1, "detect": 1},
    }
    assert "other-twin1" in set(study.table("scores")["representation"])


@pytest.mark.workflow
def test_a_job_over_its_time_is_tried_again_with_more(overtime, stopped):
    folder, running = overtime
    running.wait(timeout=180)
    said = (folder / "said").read_text()
    assert running.returncode == 0, said[-5000:]
    assert "SLURM status is: 'TIMEOUT'" in said
    assert (folder / "minutes.txt").read_text().split() == ["1", "2"]


@pytest.mark.slow
def test_a_study_runs_on_nodes_without_environments(slurm, finished, tmp_path):
    study = Study(tmp_path / "study")
    cut(study)
    said = study.succeed(*PROFILES, cores=4)
    assert set(submitted(said)) <= {task["job"] for task in slurm.tasks()}
    hold_scores_of(study, finished)
