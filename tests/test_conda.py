"""Every rule in the environment that it declares: made by a real solver, used by real jobs.

What this shows and what it cannot is in tests/conda/README.md.
"""

import json
import re
import shutil
import sys
from copy import copy

import numpy as np
import pytest
import yaml
from conftest import ROOT

pytestmark = [pytest.mark.workflow, pytest.mark.conda]

ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))


def test_the_container_holds_the_environments_as_they_are_written(conda):
    done = conda.run(sys.executable, "-m", "snakemake", "--containerize")
    assert done.returncode == 0, done.said
    made = done.said[done.said.index("FROM ") :].splitlines()
    kept = (ROOT / "containers/Dockerfile").read_text().splitlines()
    # The base image is pinned: "latest" would be another one every month.
    assert made[0] == "FROM condaforge/miniforge3:latest" and kept[0].startswith(made[0][:-6])
    assert kept[1:] == made[1:], "out of date: make container"


def rules_with_scripts() -> dict[str, str]:
    """Text of each rule that runs a script; `use rule` shares that of the rule that it uses."""
    text = "\n".join(path.read_text() for path in sorted((ROOT / "workflow").rglob("*.smk")))
    parts = re.split(r"^(?:use rule (\w+) as (\w+) with|rule (\w+)):$", text, flags=re.M)[1:]
    rules, of = {}, {}
    for old, new, own, body in zip(*(parts[k::4] for k in range(4)), strict=True):
        rules[own or new] = body
        of[own or new] = old or own
    return {name: rules[old] for name, old in of.items() if "    script:" in rules[old]}


def test_every_rule_with_a_script_declares_an_environment():
    rules = rules_with_scripts()
    assert {"fetch", "adopt_cells", "publish"} <= set(rules)
    for name, body in rules.items():
        assert re.search(r"^    conda:\n +.*envs/.*\.yaml\"$", body, re.M), name
        # Snakemake runs these in its own Python whatever they declare.
        assert not re.search(r"^    run:", body, re.M), name


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_an_environment_is_made_as_it_is_written(path, conda, tmp_path):
    flags = ["--quiet", "--no-default-packages", "--file", path, "--prefix", tmp_path / "made"]
    done = conda.run("conda", "env", "create", *flags)
    assert done.returncode == 0, done.said
    records = [json.loads(file.read_text()) for file in tmp_path.glob("made/conda-meta/*.json")]
    assert all(record["url"].startswith(conda.channels.as_uri()) for record in records)
    versions = {record["name"]: record["version"] for record in records}
    assert versions.pop("python").startswith("3.11.")
    dependencies = yaml.safe_load(path.read_text())["dependencies"]
    pip = [line for part in dependencies if isinstance(part, dict) for line in part["pip"]]
    for line in [part for part in dependencies if isinstance(part, str)] + pip:
        name, version = re.match(r"(\S+) ==?(\S+)$", line).groups()
        name = {"torch": "pytorch"}.get(name, name.replace("_", "-"))
        if name not in ("python", "pip"):
            assert versions[name] == version, line


# Where each module is, of all environments: asked for, or needed by what is asked for. The last
# two are what Snakemake itself needs.
HELD = {
    "pandas": {"cellpose", "evaluation", "fetch", "figures", "imaging", "torch"},
    "torch": {"cellpose", "torch"},
    "timm": {"torch"},
    "cellpose": {"cellpose"},
    "sklearn": {"evaluation"},
    "skimage": {"cellpose", "evaluation", "figures", "imaging"},
    "anndata": {"evaluation", "imaging", "torch"},
    "matplotlib": {"figures"},
    "cp_measure": {"imaging"},
    "harmonypy": {"evaluation"},
    "jsonschema": set(),
    "psutil": set(),
}
PROBES = """
rule all:
    input: expand("{name}.json", name=NAMES)
rule probe:
    output: "{name}.json"
    conda: "envs/{name}.yaml"
    script: "probe.py"
"""
PROBE = """
import json, sys
from importlib.util import find_spec
found = {name: find_spec(name) for name in MODULES}
found = {name: spec.origin for name, spec in found.items() if spec}
with open(snakemake.output[0], "w") as file:
    json.dump({"prefix": sys.prefix, "found": found}, file)
"""


def test_an_environment_holds_nothing_else(conda, tmp_path):
    shutil.copytree(ROOT / "envs", tmp_path / "envs")
    (tmp_path / "probe.py").write_text(f"MODULES = {list(HELD)}" + PROBE)
    names = [path.stem for path in ENVIRONMENTS]
    done = conda.workflow(tmp_path, f"NAMES = {names}\n" + PROBES)
    assert done.returncode == 0, done.said
    made = {name: json.loads((tmp_path / f"{name}.json").read_text()) for name in names}
    for module, places in HELD.items():
        assert {name for name in names if module in made[name]["found"]} == places, module
    for each in made.values():
        assert str(tmp_path) in each["prefix"]
        assert all(origin.startswith(each["prefix"]) for origin in each["found"].values())


def test_without_an_environment_a_script_finds_no_package(conda, tmp_path):
    (tmp_path / "count.py").write_text("import numpy")
    done = conda.workflow(tmp_path, 'rule count:\n    script: "count.py"\n')
    assert done.returncode != 0
    assert "ModuleNotFoundError: No module named 'numpy'" in done.said


@pytest.mark.parametrize(
    ("name", "line", "wrong", "said"),
    [
        ("fetch", r"numpy =.+", "numpy =99.1", "numpy 99.1"),
        ("torch", r"timm ==.+", "timm ==99.1", "timm ==99.1"),
        ("imaging", r"cp_measure ==.+", "nobody-s-package ==1.0", "nobody-s-package ==1.0"),
        ("evaluation", r"h5py =.+", "joblib <1", "joblib <1"),
    ],
    ids=["conda", "pip", "unknown", "at odds with another"],
)
def test_a_pin_that_cannot_be_met_is_named(name, line, wrong, said, conda, tmp_path):
    text, changes = re.subn(line, wrong, (ROOT / f"envs/{name}.yaml").read_text())
    assert changes == 1
    (tmp_path / "wrong.yaml").write_text(text)
    (tmp_path / "nothing.py").touch()
    rule = 'rule nothing:\n    conda: "wrong.yaml"\n    script: "nothing.py"\n'
    done = conda.workflow(tmp_path, rule)
    assert done.returncode != 0
    assert "Could not create conda environment" in done.said
    assert re.search(rf"SolverError: .*{re.escape(said)}", done.said, re.S), done.said


def test_every_rule_runs_in_its_environment(apart):
    ran = set(re.findall(r"^Finished jobid: \d+ \(Rule: (\w+)\)$", apart.said, re.M))
    missing = set(rules_with_scripts()) - ran
    assert not missing, f"add what makes it run to cut() or TARGETS: {missing}"
    made = (apart.conda.folder / "environments").glob("*.yaml")
    assert {path.read_text() for path in made} == {path.read_text() for path in ENVIRONMENTS}
    assert (apart.folder / "results/report.html").is_file()


def test_scores_are_those_of_a_run_without_conda(apart, finished):
    key = ["representation", "probe", "metric"]
    ours, theirs = (each.table("scores").query("task == 'toy-kind'") for each in (apart, finished))
    theirs = theirs[theirs["representation"].isin(ours["representation"])]
    ours, theirs = (table.set_index(key).sort_index() for table in (ours, theirs))
    assert len(ours) >= 5 and list(ours.index) == list(theirs.index)
    numbers = ours.select_dtypes("number").columns
    np.testing.assert_allclose(ours[numbers], theirs[numbers], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("rule", "module", "target"),
    [
        ("split", "torch", "results/toy-folder/splits/toy-kind.parquet"),
        ("plot", "sklearn", "results/figures/toy-kind.svg"),
    ],
)
def test_a_rule_that_imports_what_it_does_not_declare_fails(rule, module, target, apart, tmp_path):
    root = tmp_path / "root"
    for part in ("workflow", "envs", "profiles"):
        shutil.copytree(ROOT / part, root / part)
    shutil.copy(ROOT / "Snakefile", root)
    script = root / f"workflow/scripts/{rule}.py"
    script.write_text(script.read_text() + f"import {module}\n")
    changed = copy(apart)
    changed.folder, changed.root = tmp_path / "study", root
    shutil.copytree(apart.folder, changed.folder)
    said = changed.fail("--forcerun", rule, "--", target)
    assert f"ModuleNotFoundError: No module named '{module}'" in said, said[-3000:]
