"""The files of the explorables: as modules, joined for a notebook, and joined for the website, they are the same."""

import json
import re
from pathlib import Path

import pytest
from conftest import HOST, ROOT, SITE, Blank
from explorable_helpers import WIDGETS, module, node

from lstm_lib import widgets
from lstm_lib.widgets import _base

NAMES = _base.explorables()

SAME = """
const told = (exports) => Object.fromEntries(Object.keys(exports).sort().map((key) => {
  const value = exports[key];
  return [key, JSON.stringify(value, (_, part) => (typeof part === "function" ? String(part) : part)) ?? String(value)];
}));
"""


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """Load each explorable in its three forms under node; return what each exports, functions as their text."""
    folder = tmp_path_factory.mktemp("joined")
    for name in NAMES:
        (folder / f"{name}.mjs").write_text(_base.esm(name), encoding="utf-8")
    loads = [
        f"{json.dumps(name)}: [told(await import({module(name)})), told(await import({json.dumps(joined)})), "
        f"told(window.lstmWidgets.modules[{json.dumps(f'lstm_lib.widgets.{name}')}])]"
        for name in NAMES
        for joined in [(folder / f"{name}.mjs").as_uri()]
    ]
    site = f"globalThis.window = globalThis; (0, eval)({json.dumps(_base.script())});"
    return node(f"{SAME}{site}console.log(JSON.stringify({{ {', '.join(loads)} }}));")


@pytest.mark.parametrize("name", NAMES)
def test_all_three_forms_export_the_same(exports: dict[str, dict], name: str) -> None:
    alone, notebook, website = exports[name]
    assert "default" in alone
    assert alone == notebook == website


def test_each_class_has_its_files_and_each_file_its_class() -> None:
    classes = [getattr(widgets, name) for name in widgets.__all__]
    assert sorted(cls.__module__ for cls in classes) == [f"lstm_lib.widgets.{name}" for name in NAMES]
    for cls in classes:
        assert cls._esm == _base.esm(cls.__module__.rpartition(".")[2])
        assert cls._css == _base.css(cls.__module__.rpartition(".")[2])


@pytest.mark.parametrize(
    "line", ['import parts from "./parts.js";', 'import * as p from "./parts.js";', "export { a };"]
)
def test_what_cannot_be_joined_is_refused_with_its_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str
) -> None:
    (tmp_path / "odd.js").write_text(f"{line}\nexport const a = 1;\nexport default {{ a }};\n", encoding="utf-8")
    monkeypatch.setattr(_base, "HERE", tmp_path)
    with pytest.raises(ValueError, match=r"got '(import|export) .* in odd\.js, expected import"):
        _base.esm("odd")


def test_names_in_two_files_cannot_meet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    files = {
        "low": "const own = 1;\nexport const a = own;\n",
        "high": 'import { a } from "./low.js";\nconst own = 10;\nexport const b = own + a;\n',
        "odd": 'import { b as a } from "./high.js";\nconst own = 100;\nexport const c = own + a;\n',
    }
    for name, source in files.items():
        (tmp_path / f"{name}.js").write_text(source, encoding="utf-8")
    monkeypatch.setattr(_base, "HERE", tmp_path)
    (tmp_path / "joined.mjs").write_text(_base.esm("odd"), encoding="utf-8")
    joined = json.dumps((tmp_path / "joined.mjs").as_uri())
    assert node(f"console.log(JSON.stringify((await import({joined})).c));") == 111


def test_the_website_serves_what_the_library_holds() -> None:
    assert (SITE / "_static" / "course" / "widgets.js").read_text(encoding="utf-8") == _base.script()


def test_an_own_rule_for_something_shared_wins_in_any_order() -> None:
    """In a notebook the shared rules of one explorable may come after the own rules of another."""
    for name in NAMES:
        for line in (WIDGETS / f"{name}.css").read_text(encoding="utf-8").splitlines():
            if ".lw-" in line.partition("{")[0]:
                assert line.lstrip().startswith(".lstm-widget."), line  # it may stand in a query of the container


def test_other_widgets_bring_their_code_and_one_without_code_says_so(blank: Blank) -> None:
    code = 'export default { render: ({ model, el }) => { el.textContent = `It says ${model.get("word")}.`; } };'
    entries = {
        "a": {"_anywidget_id": "elsewhere.Widget", "_esm": code, "word": "yes"},
        "b": {"_anywidget_id": "elsewhere.Lost", "word": "no"},
    }
    state = {id: {"model_module": "anywidget", "model_name": "AnyModel", "state": e} for id, e in entries.items()}
    views = [f'<script type="application/vnd.jupyter.widget-view+json">{{"model_id": "{id}"}}</script>' for id in state]
    blank.files["page.html"] = f"""<!doctype html><title>Two others</title><link rel="icon" href="data:,"><body>
      <script type="application/vnd.jupyter.widget-state+json">{json.dumps({"state": state})}</script>
      {"".join(views)}<script src="widgets.js" defer></script><script src="anyhost.js" defer></script>"""
    blank.page.goto(f"{HOST}page.html")
    blank.page.get_by_text("could not start").wait_for()
    said = blank.page.locator("body").inner_text()
    assert "It says yes." in said
    assert "This explorable could not start: there is no code for elsewhere.Lost" in said
    assert len(blank.complaints) == 1


FIRST_STEPS = f"""
import * as play from {module("play_the_stream")};
import * as gate from {module("be_the_gate")};
import * as walk from {module("cell_walk")};
import * as failures from {module("gate_failures")};
import * as flow from {module("gradient_flow")};
import * as truncation from {module("truncation")};
const game = play.open("two", 0);
const cell = {{ weights: {{ W: [], b: [] }}, xs: [1, 2, 3] }};
const numbers = {{ x: 1, h_prev: 0, c_prev: 0 }};
console.log(JSON.stringify({{
  play: play.stepWords(game, {{ shown: 1, given: [], step: game.steps[0], question: -1, open: false, over: false }}),
  gate: gate.eventWords({{ kind: "write", symbol: 0 }}, 0),
  walk: walk.forwardWords(cell, numbers, 0, 0),
  failures: failures.streamWords([{{ t: 0, box: 0, said: 0, possible: [0], kind: "" }}]),
  flow: flow.unitWords("LSTM", [3, 2, 1], [0, 0, 0]),
  truncation: truncation.pairWords({{ mode: "carry", window: 8, lag: 2, position: 1 }}),
}}));
"""


def test_every_explorable_calls_the_first_step_1_as_chapter_1_says() -> None:
    told = node(FIRST_STEPS)
    for name, words in told.items():
        assert re.search(r"(step|event is) 1\b", words, re.IGNORECASE), (name, words)
        assert not re.search(r"(step|event is) 0\b", words, re.IGNORECASE), (name, words)
    assert len(told) == 6
    chapter = json.loads((ROOT / "chapters" / "01_sequences_and_memory.ipynb").read_text(encoding="utf-8"))
    assert "all else that you can play with, counts from 1" in "".join(sum((c["source"] for c in chapter["cells"]), []))
