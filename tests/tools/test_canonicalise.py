"""The canonical form of a notebook: the same bytes for two runs, and not for two results."""

import copy
import json
import random
from typing import Any
from urllib.parse import quote

import pytest
from explorable_helpers import node

from tools.canonicalise import STAND_IN, WIDGET_STATE, canonical, states
from tools.notebooks import comparable


def notebook(ids: list[str], *, value: float = 1.0) -> dict[str, Any]:
    """Return an executed notebook as Jupyter stores it: a widget with its layout, and another widget."""
    slider, layout, other = ids
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": slider}, "text/plain": ["a slider"]}
    state = {
        layout: {"model_name": "LayoutModel", "state": {}},
        slider: {"model_name": "AnyModel", "state": {"layout": f"IPY_MODEL_{layout}", "value": value}},
        other: {"model_name": "AnyModel", "state": {"value": 7}},
    }
    return {
        "cells": [
            {
                "cell_type": "code",
                "metadata": {"execution": {"iopub.execute_input": str(random.random())}, "tags": []},
                "outputs": [{"output_type": "display_data", "data": view, "metadata": {}}],
                "source": "f",
            }
        ],
        "metadata": {
            "language_info": {"name": "python", "version": "3.11.2"},
            "widgets": {WIDGET_STATE: {"state": dict(sorted(state.items()))}},
        },
    }


def run(seed: int, **changes: Any) -> str:
    """Return the notebook as one more run would store it: new identities, in a new order."""
    rng = random.Random(seed)
    return json.dumps(notebook([f"{rng.getrandbits(128):032x}" for _ in range(3)], **changes))


def test_two_runs_give_the_same_bytes() -> None:
    runs = {canonical(run(seed), "a.ipynb") for seed in range(20)}
    assert len(runs) == 1


def test_what_a_cell_printed_is_one_text_however_many_pieces_it_came_in() -> None:
    def printed(*pieces: tuple[str, str]) -> str:
        outputs = [{"output_type": "stream", "name": name, "text": [text]} for name, text in pieces]
        cell = {"cell_type": "code", "metadata": {}, "source": [], "outputs": outputs}
        return canonical(json.dumps({"cells": [cell], "metadata": {}}), "a.ipynb")

    whole = printed(("stdout", "one\n"), ("stdout", "two\n"))
    assert whole == printed(("stdout", "on"), ("stdout", "e\nt"), ("stdout", "wo\n"))
    assert json.loads(whole)["cells"][0]["outputs"][0]["text"] == ["one\n", "two\n"]
    mixed = json.loads(printed(("stdout", "one\n"), ("stderr", "two\n"), ("stdout", "three\n")))
    assert [output["name"] for output in mixed["cells"][0]["outputs"]] == ["stdout", "stderr", "stdout"]


def test_a_second_pass_changes_nothing() -> None:
    once = canonical(run(0), "a.ipynb")
    assert canonical(once, "a.ipynb") == once


def test_a_different_result_stays_different() -> None:
    assert canonical(run(0, value=1.0), "a.ipynb") != canonical(run(0, value=2.0), "a.ipynb")


def test_references_between_widgets_survive() -> None:
    stored = json.loads(canonical(run(3), "a.ipynb"))
    state = stored["metadata"]["widgets"][WIDGET_STATE]["state"]
    shown = stored["cells"][0]["outputs"][0]["data"]["application/vnd.jupyter.widget-view+json"]["model_id"]
    layout = state[shown]["state"]["layout"].removeprefix("IPY_MODEL_")
    assert state[layout]["model_name"] == "LayoutModel"


def test_widgets_of_two_notebooks_have_different_identities() -> None:
    first, second = (json.loads(canonical(run(0), name)) for name in ("a.ipynb", "b.ipynb"))
    states = [n["metadata"]["widgets"][WIDGET_STATE]["state"] for n in (first, second)]
    assert not states[0].keys() & states[1].keys()


def test_other_hexadecimal_numbers_stay() -> None:
    written = notebook(["a" * 32, "b" * 32, "c" * 32])
    written["cells"][0]["source"] = checksum = f"'{'d' * 32}'"
    assert json.loads(canonical(json.dumps(written), "a.ipynb"))["cells"][0]["source"] == checksum


def coded(code: str, *, id: str = "lstm_lib.widgets.quiz.Quiz", value: float = 1.0) -> str:
    """Return a notebook with an explorable that brings its code and its style."""
    written = notebook(["a" * 32, "b" * 32, "c" * 32], value=value)
    states(written)["a" * 32]["state"] |= {"_anywidget_id": id, "_esm": code, "_css": code}
    return json.dumps(written)


def test_a_change_of_code_makes_no_notebook_stale() -> None:
    assert canonical(coded("export default 1;"), "a.ipynb") == canonical(coded("export default 2;"), "a.ipynb")
    assert canonical(coded("same"), "a.ipynb") != canonical(coded("same", value=2.0), "a.ipynb")


def test_an_explorable_keeps_its_numbers_and_a_line_that_stands_in_for_its_code() -> None:
    stored = states(json.loads(canonical(coded("export default 1;"), "a.ipynb"))).values()
    (state,) = [model["state"] for model in stored if "_anywidget_id" in model["state"]]
    assert state["value"] == 1.0
    assert state["_esm"] == STAND_IN
    assert "_css" not in state


def test_the_line_that_stands_in_is_a_module_that_anywidget_can_show() -> None:
    address = json.dumps(f"data:text/javascript,{quote(STAND_IN)}")
    render = f"const {{ default: widget }} = await import({address}); const el = {{}}; widget.render({{ el }});"
    assert node(f"{render} console.log(JSON.stringify(el.textContent));") == "Run this cell to see the explorable."


def test_a_widget_that_the_course_does_not_serve_keeps_its_code() -> None:
    stored = states(json.loads(canonical(coded("export default 1;", id="drawdata.Widget"), "a.ipynb"))).values()
    assert [model["state"]["_esm"] for model in stored if "_esm" in model["state"]] == ["export default 1;"]


def test_a_layout_keeps_what_was_set() -> None:
    written = notebook(["a" * 32, "b" * 32, "c" * 32])
    states(written)["b" * 32]["state"] = {"_model_name": "LayoutModel", "width": "50%", "height": None}
    stored = states(json.loads(canonical(json.dumps(written), "a.ipynb"))).values()
    (layout,) = [model["state"] for model in stored if model["model_name"] == "LayoutModel"]
    assert layout == {"_model_name": "LayoutModel", "width": "50%"}


@pytest.mark.parametrize("tags", [["nbval-ignore-output"], []])
def test_only_ignored_outputs_and_pictures_may_differ_between_two_runs(tags: list[str]) -> None:
    first = notebook(["a" * 32, "b" * 32, "c" * 32])
    first["cells"][0]["metadata"]["tags"] = tags
    text, picture = copy.deepcopy(first), copy.deepcopy(first)
    text["cells"][0]["outputs"][0]["data"]["text/plain"] = ["another"]
    picture["cells"][0]["outputs"][0]["data"]["image/png"] = "iVBOR"
    as_compared = [comparable(json.dumps(n)) for n in (first, text, picture)]
    assert as_compared[0] == as_compared[2]
    assert (as_compared[0] == as_compared[1]) == bool(tags)
