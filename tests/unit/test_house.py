"""The house keeps its own rules: thin scripts, documented columns, one set of pinned versions."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "workflow/scripts").glob("*.py"))
SCHEMAS = sorted((ROOT / "workflow/schemas").glob("*.yaml"))
PACKAGE = sorted((ROOT / "workflow/scripts/twinscope").rglob("*.py"))


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.lower().split("==") for line in lines if "==" in line)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_are_thin_and_bear_the_name_of_a_rule(path):
    assert len(path.read_text().splitlines()) <= 25
    rules = "".join(file.read_text() for file in (ROOT / "workflow/rules").glob("*.smk"))
    assert re.search(rf"^rule {path.stem}:$", rules, re.M)


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_every_column_is_described_in_schema_and_manual(path):
    schema = yaml.safe_load(path.read_text())
    assert schema["additionalProperties"] is False
    manual = (ROOT / "config/README.md").read_text()
    for column, row in schema["properties"].items():
        assert row["description"], column
        assert f"| `{column}` |" in manual, f"{column} is not in config/README.md"


def test_environments_pin_the_versions_of_constraints():
    known = pins()
    for path in (ROOT / "envs").glob("*.yaml"):
        dependencies = yaml.safe_load(path.read_text())["dependencies"]
        pip = [line for part in dependencies if isinstance(part, dict) for line in part["pip"]]
        for line in [part for part in dependencies if isinstance(part, str)] + pip:
            name, _, version = line.replace("==", "=").replace(" ", "").partition("=")
            name = name.lower().removesuffix("-base")
            if name not in ("python", "pip"):
                assert known[name] == version, f"{path.name}: {line}"


def test_all_dependencies_are_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [d for group in project["optional-dependencies"].values() for d in group]
    for dependency in project["dependencies"] + extras:
        assert re.split(r"[<>=\[ ]", dependency)[0].lower() in pins(), dependency


def test_only_files_and_jobs_touch_the_disk():
    for path in PACKAGE:
        if "files" in path.parts or path.stem in ("jobs", "timm"):
            continue
        names = {
            node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)
        }
        assert not names & {"open", "Path"}, path.name
