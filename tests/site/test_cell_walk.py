"""The walk through the cell: every number is the library's, and a reader walks it with buttons, keys and a finger."""

import json
import re
from collections.abc import Callable

import numpy as np
import pytest
from anywidget import AnyWidget
from conftest import Blank
from explorable_helpers import axe, module, node, text_sizes
from playwright.sync_api import Locator, expect

from lstm_lib import _cell_map, cells
from lstm_lib.widgets import CellWalk
from lstm_lib.widgets.cell_walk import PENCIL

RNG = np.random.default_rng(12)
CELLS = [  # the pencil's, and five by chance
    {"W": PENCIL.W, "b": PENCIL.b, "W_u": np.ones((1, 1)), "b_u": np.zeros(1), "h": 0.5, "c": 1.2, "xs": [1, -1, 1]},
    *(
        {
            "W": RNG.normal(0, 1.5, (4, 1, 2)), "b": RNG.normal(0, 1, (4, 1)), "W_u": RNG.normal(0, 1, (1, 1)),
            "b_u": RNG.normal(0, 1, 1), "h": RNG.uniform(-1, 1), "c": RNG.normal(0, 2), "xs": RNG.normal(0, 1, 2 + n),
        }
        for n in range(5)
    ),
]  # fmt: skip

SCRIPT = f"""
import * as walk from {module("cell_walk")};
const map = {json.dumps(_cell_map.plain(_cell_map.both_uses()))};
const told = {json.dumps(CELLS, default=lambda a: np.asarray(a).tolist())}.map(({{ h, c, xs, ...weights }}) => {{
  const cell = {{ weights, start: {{ h, c }}, xs }};
  const losses = xs.map((_, n) => n + 1);
  const steps = walk.forward(cell);
  const backs = losses.map((loss) => walk.backward(cell, loss));
  const places = [0, 1, 2, 3, 4, 5];
  return {{
    steps, backs,
    words: steps.map((n, t) => places.map((place) => walk.forwardWords(cell, n, t, place))),
    backWords: backs.map((ds, k) =>
      ds.map((d, t) => places.map((place) => walk.backWords(cell, steps[t], d, t, place, k + 1)))),
    verdicts: ["forward", "back"].map((mode) => walk.verdict({{ ...cell, mode }}, mode === "back" ? "h" : "keep")),
  }};
}});
console.log(JSON.stringify({{
  told,
  lit: [walk.FORWARD, walk.BACK].map((places) => places.map(({{ wires, parts }}) => [wires, parts])),
  where: [0, 7, 17].map((at) => ["forward", "back"].map((mode) => walk.whereIs(at, {{ mode, loss: 3 }}))),
}}));
"""


@pytest.fixture(scope="module")
def told() -> dict:
    """Walk through all cells under node."""
    return node(SCRIPT)


def tapes(cell: dict) -> list[tuple[cells.LSTMTape, cells.LSTMState]]:
    """Run a cell in the library: the tape of each step, and the state after it."""
    params, found = cells.LSTMParams(cell["W"], cell["b"]), []
    state = cells.LSTMState(*np.array([[[cell["h"]]], [[cell["c"]]]]))
    for x in cell["xs"]:
        state, tape = cells.lstm_step(params, np.array([[float(x)]]), state)
        found.append((tape, state))
    return found


@pytest.mark.parametrize("n", range(len(CELLS)))
def test_every_number_forwards_is_the_library_s_at_every_step(told: dict, n: int) -> None:
    cell, steps = CELLS[n], told["told"][n]["steps"]
    drawn = cells.DrawnParams(cell["W"], cell["b"], cell["W_u"], cell["b_u"])
    for shown, (tape, state), x in zip(steps, tapes(cell), cell["xs"], strict=True):
        sums = np.einsum("khd,bd->kbh", cell["W"], tape.z) + cell["b"][:, None]
        said, drawn_tape = cells.drawn_step(drawn, np.array([[float(x)]]), cells.LSTMState(tape.z[:, :1], tape.c_prev))
        expected = {
            "h_prev": tape.z[0, 0], "x": x, "c_prev": tape.c_prev, "i": tape.i, "f": tape.f, "g": tape.g, "o": tape.o,
            "learned": tape.i * tape.g, "kept": tape.f * tape.c_prev, "c": tape.c, "c_next": tape.c, "c_read": tape.c,
            "u": np.tanh(tape.c), "h": state.h, **{f"a_{gate}": a for gate, a in zip("ifgo", sums, strict=True)},
            "drawn kept": drawn_tape.kept, "drawn u": drawn_tape.u, "drawn o": drawn_tape.o, "drawn h": said.h,
            "drawn a_u": np.arctanh(drawn_tape.u),
        }  # fmt: skip
        assert shown.keys() == expected.keys()
        for name, value in expected.items():
            rtol = 1e-9 if name == "drawn a_u" else 1e-12
            np.testing.assert_allclose(shown[name], np.squeeze(value), rtol=rtol, err_msg=name)


@pytest.mark.parametrize("n", range(len(CELLS)))
def test_every_gradient_is_the_library_s_for_the_loss_at_every_step(told: dict, n: int) -> None:
    cell = CELLS[n]
    params = cells.LSTMParams(cell["W"], cell["b"])
    for loss, shown in enumerate(told["told"][n]["backs"], 1):
        dstate = cells.LSTMState(np.ones((1, 1)), np.zeros((1, 1)))
        for step, (tape, _) in zip(shown[::-1], tapes(cell)[:loss][::-1], strict=True):
            dparams, dx, before = cells.lstm_step_backward(params, tape, dstate)
            u = np.tanh(tape.c)
            dc = dstate.c + dstate.h * tape.o * (1 - u**2)
            expected = {
                "h": dstate.h, "c_next": dstate.c, "u": dstate.h * tape.o, "o": dstate.h * u, "c_read": dc - dstate.c,
                "c": dc, "kept": dc, "learned": dc, "f": dc * tape.c_prev, "i": dc * tape.g, "g": dc * tape.i,
                **{f"a_{gate}": da for gate, da in zip("ifgo", dparams.b, strict=True)},
                "x": dx, "h_prev": before.h, "c_prev": before.c,
            }  # fmt: skip
            assert step.keys() == expected.keys()
            for name, value in expected.items():
                np.testing.assert_allclose(step[name], np.squeeze(value), rtol=1e-9, atol=1e-14, err_msg=name)
            dstate = before


def test_the_words_have_the_pencil_s_numbers(told: dict) -> None:
    words = [line.replace("\u00a0", " ") for line in told["told"][0]["words"][0]]
    assert "σ(0·0.500 + 2·1 − 1) = σ(1.000) = [learn:0.731]" in words[1]
    assert "kept + learned = 0.323 + 0.620 = [remember:0.943]" in words[3]
    assert "[use:0.458]" in words[4]
    assert "does not hear i·g = 0.620" in words[5]
    back = told["told"][0]["backWords"][0][0]
    assert back[0].endswith("∂h = 1.000, and nothing arrives along c: ∂c = 0.000.")
    assert "∂o = ∂h·u = 1.000·0.737 = 0.737" in back[1]
    assert "[remember:0.285]" in back[1]
    assert "∂f = ∂kept·c_{t−1} = 0.285·1.200 = 0.342" in back[3]
    assert "= [remember:0.077]" in back[3]
    assert "0.5·0.058 + 1·0.173 = [use:0.202]" in back[5]


def test_the_verdicts_say_what_the_cell_does(told: dict) -> None:
    forward, back = told["told"][0]["verdicts"]
    assert forward.startswith("Right. At step 2, f = 0.95 and i = 0.05: 0.90 of 0.94 is kept, and i·g = −0.03")
    assert back.startswith("You said: “Through h”. It is “Along c”.")
    assert "Through step 2 come 0.141 along c and 0.035 through h." in back


def test_all_that_is_lit_is_in_the_map_and_all_of_the_map_is_lit_once(told: dict) -> None:
    map_ = _cell_map.both_uses()
    for places, drawn in zip(told["lit"], (True, False), strict=True):
        wires = {wire for lit, _ in places for wire in lit}
        parts = {part for _, lit in places for part in lit}
        assert wires == {wire.carries for wire in map_.wires if drawn or not wire.carries.startswith("drawn")}
        assert parts == {name for name in map_.parts if drawn or not name.startswith("drawn")}


def test_the_walk_back_begins_at_the_loss(told: dict) -> None:
    steps = [[(one["t"], one["place"]) for one in pair] for pair in told["where"]]
    assert steps == [[(0, 0), (2, 0)], [(1, 1), (1, 1)], [(2, 5), (0, 5)]]


def test_what_is_no_small_cell_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="got mode 'up', expected 'forward' or 'back'"):
        CellWalk("up")
    with pytest.raises(ValueError, match=r"got W and b of shapes \(4, 2, 3\) and \(4, 2\), expected"):
        CellWalk(params=cells.init_lstm(np.random.default_rng(0), 1, 2))
    with pytest.raises(ValueError, match="got number of events 9, expected 1 to 8"):
        CellWalk(xs=[0.0] * 9)


# ---------------------------------------------------------------- in a browser


@pytest.fixture
def walk(alone: Callable[[AnyWidget], Locator]) -> Callable[..., Locator]:
    """Give a function that opens the walk on a page of 390 px, past its question."""

    def open_walk(mode: str = "forward", **options: object) -> Locator:
        widget = CellWalk(mode, **options)
        widget.guess = "skipped"
        return alone(widget)

    return open_walk


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("mode", ["forward", "back"])
def test_the_walk_fits_one_screen_of_a_telephone_at_every_place(
    walk: Callable[..., Locator], mode: str, theme: str
) -> None:
    explorable = walk(mode)
    page = explorable.page
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    page.add_style_tag(content="body { margin: 0 16px } .anyhost { border: 1px solid; padding: 1rem }")
    forward = explorable.get_by_role("button", name="Next")
    for _ in range(18):
        box = explorable.bounding_box()
        assert box["height"] <= 720, explorable.get_by_role("status").inner_text()
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
        assert min(text_sizes(explorable)) >= 9
        outside = explorable.locator("svg").evaluate(
            """svg => [...svg.querySelectorAll("text")].filter((t) => {
                const [inner, outer] = [t, svg].map((e) => e.getBoundingClientRect());
                return inner.left < outer.left - 1 || inner.right > outer.right + 1;
            }).map((t) => t.textContent)"""
        )
        assert outside == []
        if forward.is_enabled():
            forward.click()
    assert forward.is_disabled()
    assert axe(page) == []


# Texts whose boxes meet each other, or meet a line, by more than the space around letters.
MET = """svg => {
  const texts = [...svg.querySelectorAll("text")].map((t) => [t, t.getBBox()]);
  const over = (a, b, y = 4) =>
    a.x + 1 < b.x + b.width && b.x + 1 < a.x + a.width && a.y + y < b.y + b.height && b.y + y < a.y + a.height;
  const lines = [...svg.querySelectorAll(".cw-line")].flatMap((line) => {
    const points = line.getAttribute("d").slice(1).split("L").map((point) => point.split(" ").map(Number));
    return points.slice(1).map(([x, y], n) => ({
      x: Math.min(x, points[n][0]), y: Math.min(y, points[n][1]),
      width: Math.abs(x - points[n][0]), height: Math.abs(y - points[n][1]),
    }));
  });
  const free = texts.filter(([t]) => !t.closest(".cw-part"));
  return [
    ...texts.flatMap(([s, a], n) => texts.slice(n + 1).filter(([, b]) => over(a, b)).map(([t]) => [s, t])),
    ...free.flatMap(([t, a]) => lines.filter((line) => over(a, line, 3)).map((line) => [t, { textContent: line }])),
  ].map((pair) => pair.map(({ textContent }) => textContent));
}"""


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("mode", ["forward", "back"])
def test_no_number_lies_on_another_or_on_a_wire(walk: Callable[..., Locator], mode: str, width: int) -> None:
    explorable = walk(mode, params=cells.LSTMParams(-PENCIL.W, -PENCIL.b), start=(-0.5, -1.2))  # every minus is there
    explorable.page.set_viewport_size({"width": width, "height": 844})
    explorable.page.wait_for_timeout(50)
    for at in range(18):
        explorable.get_by_role("slider").first.evaluate(
            "(e, at) => { e.value = at; e.dispatchEvent(new Event('input', { bubbles: true })); }", at
        )
        assert explorable.locator("svg").evaluate(MET) == [], at


def test_keys_buttons_and_the_slider_walk_both_ways(walk: Callable[..., Locator]) -> None:
    explorable = walk()
    page, words = explorable.page, explorable.get_by_role("status").last
    back, forward = explorable.get_by_role("button", name="Back"), explorable.get_by_role("button", name="Next")
    slider = explorable.get_by_role("slider")
    expect(words).to_contain_text("In come the event")
    assert back.is_disabled()
    forward.click()
    expect(words).to_contain_text("Now the learn gate")
    page.keyboard.press("ArrowRight")
    expect(words).to_contain_text("Now the forget gate")
    page.keyboard.press("ArrowLeft")
    back.click()
    expect(words).to_contain_text("In come the event")
    slider.focus()
    page.keyboard.press("End")
    expect(words).to_contain_text("Step 3 of 3. The use gate as drawn")
    assert slider.get_attribute("aria-valuetext") == "step 3, use gate, as drawn"
    assert forward.is_disabled()
    expect(explorable.get_by_role("img")).to_have_attribute("aria-label", "The cell at step 3, use gate, as drawn.")


def test_what_is_not_computed_yet_has_no_number(walk: Callable[..., Locator]) -> None:
    explorable = walk()
    assert explorable.locator(".cw-value").evaluate_all("v => v.map((e) => e.textContent)") == ["1.20", "0.50", "1.00"]
    explorable.get_by_role("slider").press("End")
    assert explorable.locator(".cw-value").count() == 14


def test_the_loss_can_be_moved_and_the_walk_begins_anew(walk: Callable[..., Locator]) -> None:
    explorable = walk("back")
    words = explorable.get_by_role("status").last
    place, loss = explorable.get_by_role("slider").all()
    place.press("End")
    expect(words).to_contain_text("Step 1 of 3. Through the weights")
    loss.press("Home")
    expect(words).to_contain_text("Step 1 of 3. The loss is this h itself")
    assert place.get_attribute("max") == "5"


@pytest.mark.parametrize("mode", ["forward", "back"])
def test_the_question_comes_first_and_the_keyboard_goes_on(alone: Callable[[AnyWidget], Locator], mode: str) -> None:
    explorable = alone(CellWalk(mode))
    page = explorable.page
    expect(explorable.locator("svg")).to_be_hidden()
    explorable.get_by_role("radio").first.check()
    explorable.get_by_role("button", name="Check").press("Enter")
    expect(explorable.locator(".lw-verdict")).to_contain_text("Right.")
    expect(explorable.get_by_role("button", name="Next")).to_be_focused()
    page.keyboard.press("Enter")
    expect(explorable.get_by_role("slider").first).to_have_value("1")


def test_a_wide_page_gets_the_wide_drawing(blank: Blank, walk: Callable[..., Locator]) -> None:
    explorable = walk()
    expect(explorable.locator("svg")).to_have_attribute("viewBox", re.compile("^0 0 337"))
    blank.page.set_viewport_size({"width": 1280, "height": 800})
    expect(explorable.locator("svg")).to_have_attribute("viewBox", re.compile("^0 0 680"))
    assert explorable.bounding_box()["height"] <= 640
