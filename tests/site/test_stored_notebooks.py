"""What is stored in the notebooks is what the course would store today."""

import json
import re
from pathlib import Path

import nbformat
import pytest
from conftest import notebooks

from lstm_lib import widgets
from lstm_lib.widgets import _base
from tools import hosting, setup_cell
from tools.canonicalise import STAND_IN, canonical, states

pytestmark = pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)

MADE_BY_ANYWIDGET = {"_anywidget_id", "_css", "_esm"}
STALE = "run `make execute`, look at the difference, and commit it"


def test_a_notebook_begins_with_the_set_up_cell(path: Path) -> None:
    cell = setup_cell.find(nbformat.read(path, as_version=4))
    assert cell["source"] == setup_cell.source(hosting.stated()), STALE
    assert cell["metadata"]["tags"] == setup_cell.TAGS, STALE


def test_a_notebook_is_stored_in_canonical_form(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert canonical(text, path.name) == text, STALE


def test_every_code_cell_of_a_notebook_has_run_in_order(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    run = [cell for cell in cells if cell.cell_type == "code" and cell.source]
    assert [cell.execution_count for cell in run] == list(range(1, len(run) + 1)), STALE
    for cell in run:
        for output in cell.outputs:
            assert output.get("execution_count", cell.execution_count) == cell.execution_count, STALE


def test_an_explorable_is_stored_without_its_code_and_the_site_has_it(path: Path) -> None:
    stored = [model["state"] for model in states(json.loads(path.read_text(encoding="utf-8"))).values()]
    for state in [state for state in stored if "_anywidget_id" in state]:
        assert state["_esm"] == STAND_IN, STALE
        assert "_css" not in state, STALE
        served, _, name = state["_anywidget_id"].rpartition(".")
        assert served in [f"lstm_lib.widgets.{file}" for file in _base.explorables()]
        assert set(getattr(widgets, name).class_traits(sync=True)) >= state.keys() - MADE_BY_ANYWIDGET, STALE


def test_no_question_asks_to_run_a_cell(path: Path) -> None:
    """On the website they have run."""
    stored = [model["state"] for model in states(json.loads(path.read_text(encoding="utf-8"))).values()]
    parts = ("question", "options", "because", "mistakes")
    texts = [json.dumps([state[part] for part in parts]) for state in stored if "choice" in state]
    assert [text for text in texts if re.search(r"\brun the next|\brun th(e|is) cell", text, re.IGNORECASE)] == []


def test_every_fold_of_code_says_what_is_in_it(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        tags = set(cell.metadata.get("tags", []))
        if cell.cell_type == "code" and tags & {"hide-input", "hide-cell"} and "setup" not in tags:
            named = cell.metadata.get("mystnb", {})
            words = named.get("code_prompt_show", "").partition(" ")[2]
            assert words, cell.id
            assert named["code_prompt_hide"].strip(), cell.id
            playthings = "|".join(set(widgets.__all__) - {"Quiz"})
            if re.search(rf"^({playthings})\(", cell.source, re.MULTILINE):
                assert words in ("the code of the explorable", "the code of the game"), cell.id


def test_every_figure_has_a_description(path: Path) -> None:
    for n, cell in enumerate(nbformat.read(path, as_version=4).cells):
        if any("image/png" in output.get("data", {}) for output in cell.get("outputs", [])):
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            assert len(alt) >= 15, f"cell {n} draws a figure: say what it shows in its metadata, mystnb.image.alt"


def test_what_is_not_compared_is_asserted(path: Path) -> None:
    """After outputs that nbval ignores comes an assertion: in the cell itself, or in the next one that it compares.

    (A quiz in between asks before the assertion tells; what is folded counts if it asserts.)
    """
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    cells = [cell for cell in cells if "hide-input" not in cell.metadata.get("tags", []) or "assert" in cell.source]
    ignored = ["nbval-ignore-output" in cell.metadata.get("tags", []) for cell in cells]
    for n, cell in enumerate(cells):
        if ignored[n] and "assert" not in cell.source:
            compared = next((later.source for m, later in enumerate(cells) if m > n and not ignored[m]), "")
            assert "assert" in compared, cell.source
