"""The canonical form of a notebook: the same bytes for two runs, and not for two results."""

import copy
import json
import random
from typing import Any

import pytest

from tools.canonicalise import WIDGET_STATE, canonical
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
