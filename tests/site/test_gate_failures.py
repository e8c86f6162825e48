"""Gates that fail: every answer of the page's network is the library's, and a reader finds out which gate is held."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from anywidget import AnyWidget
from explorable_helpers import axe, module, node, text_sizes
from playwright.sync_api import Locator, expect

from benchmarks import gate_failures as benchmark
from lstm_lib import answers, cells, experiment, layers, recorded
from lstm_lib.widgets import GateFailures

WIDGET = GateFailures()
HELD = benchmark.HELD
KINDS = ["right", "stale", "other", "intruder"]

SCRIPT = f"""
import * as failures from {module("gate_failures")};
import {{ whole }} from {module("engine")};
const count = (held) => whole(failures.count(network, streams, held));
const network = {WIDGET.network}, streams = {json.dumps(WIDGET.streams)};
console.log(JSON.stringify({{
  steps: streams.map(failures.read),
  possible: streams.map((stream) => failures.questions(failures.read(stream)).map(({{ t, possible, clear }}) => [t, possible, clear])),
  says: Object.fromEntries({json.dumps(HELD)}.map((held) => [held, streams.map((s) => failures.says(network, failures.read(s), held))])),
  counts: Object.fromEntries({json.dumps(HELD)}.map((held) => [held, count(held)])),
  words: Object.fromEntries({json.dumps(HELD)}.map((held) => [held, failures.countWords(held, count(held))])),
}}));
"""  # noqa: E501


@pytest.fixture(scope="module")
def told() -> dict:
    """Run the page's network over all streams under node, with every way to hold its gates."""
    return node(SCRIPT)


@pytest.fixture(scope="module")
def xs(told: dict) -> np.ndarray:
    """Lay out the streams as inputs (T, B, D)."""
    xs = np.zeros((30, len(WIDGET.streams), 8))
    for b, steps in enumerate(told["steps"]):
        for t, step in enumerate(steps):
            for name, first in (("symbol", 0), ("write", 4), ("ask", 6)):
                if step[name] >= 0:
                    xs[t, b, first + step[name]] = 1
    return xs


def weights() -> experiment.Weights:
    """Return the page's network for the library."""
    stored = json.loads(WIDGET.network)
    W, b, readout_W, readout_b = (np.array(stored[name]) for name in ("W", "b", "readout_W", "readout_b"))
    return experiment.Weights(cells.LSTMParams(W, b), experiment.Readout(readout_W, readout_b))


def test_the_streams_are_those_of_the_benchmark(xs: np.ndarray) -> None:
    np.testing.assert_array_equal(xs, benchmark.streams())


@pytest.mark.parametrize("held", HELD)
def test_every_answer_and_every_count_is_the_library_s(told: dict, xs: np.ndarray, held: str) -> None:
    theirs = benchmark.says(weights(), xs, held)
    asked = xs[..., 6:].any(axis=2)
    ours = np.full(asked.shape, -1)
    for b, said in enumerate(told["says"][held]):
        ours[asked[:, b], b] = said
    np.testing.assert_array_equal(ours[asked], theirs)
    counts = np.array([told["counts"][held][kind] for kind in KINDS])
    np.testing.assert_allclose(counts / counts.sum(), answers.kinds_of_answers(theirs, xs), rtol=1e-12)


def test_what_could_be_named_is_the_library_s(told: dict, xs: np.ndarray) -> None:
    rows = sorted((t, b, possible) for b, one in enumerate(told["possible"]) for t, possible, _ in one)
    np.testing.assert_array_equal([possible for *_, possible in rows], answers.possible_answers(xs))


def test_each_gate_has_its_signature_and_the_words_name_it(told: dict) -> None:
    assert told["words"][""] == "No gate is held: 114 of 114 answers are right."
    for held, kind in (("f", "[forget:stale]"), ("o", "[use:other box]"), ("i", "[learn:intruder]")):
        assert f"The commonest error is {kind}" in told["words"][held], held


def test_the_file_is_the_network_that_the_record_was_measured_with() -> None:
    """Rows of the first seed, from the network as it is shipped: rounded weights need no training to be checked."""
    rows = [row for row in recorded.rows("gate_failures") if row["seed"] == 0]
    assert [row["held"] for row in rows] == [held or "none" for held in HELD]
    for row, held in zip(rows, HELD, strict=True):
        shares = answers.kinds_of_answers(benchmark.says(weights(), benchmark.streams(), held), benchmark.streams())
        np.testing.assert_allclose([row[kind] for kind in answers.KINDS], shares, atol=5e-5)


def test_in_the_record_the_forget_and_use_gates_leave_their_signature_in_every_network() -> None:
    for held, kind in (("f", "stale"), ("o", "other box")):
        rows = recorded.rows("gate_failures", held=held)
        assert len(rows) == 10
        assert all(max(answers.KINDS[1:], key=row.__getitem__) == kind for row in rows), held
    assert all(row["right"] > 0.97 for row in recorded.rows("gate_failures", held="none"))


def test_holding_is_what_layers_do(xs: np.ndarray) -> None:
    run = layers.lstm_forward(weights().cell, xs[:, :2], clamp={"f": 1.0})
    assert run.hs.shape == (30, 2, 24)


# ---------------------------------------------------------------- in a browser


@pytest.fixture
def failing(alone: Callable[[AnyWidget], Locator]) -> Callable[[], Locator]:
    """Give a function that opens the explorable on a page of 390 px, past its question."""
    return lambda: alone(GateFailures(question=False))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_one_screen_of_a_telephone_and_axe_finds_nothing(failing: Callable[[], Locator], theme: str) -> None:
    explorable = failing()
    page = explorable.page
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    page.add_style_tag(content="body { margin: 0 16px } .anyhost { border: 1px solid; padding: 1rem }")
    for box in explorable.get_by_role("checkbox").all():
        box.check()
        assert explorable.bounding_box()["height"] <= 700
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert min(text_sizes(explorable)) >= 9
    assert axe(page) == []


def test_the_switches_work_by_keyboard_and_the_bars_follow(failing: Callable[[], Locator]) -> None:
    explorable = failing()
    page, words = explorable.page, explorable.get_by_role("status").last
    expect(words).to_have_text("No gate is held: 114 of 114 answers are right.")
    explorable.get_by_role("checkbox", name="forget gate").focus()
    page.keyboard.press("Space")
    expect(words).to_contain_text("The commonest error is stale")
    expect(explorable.get_by_role("listitem")).to_have_count(4)
    shown = explorable.get_by_role("listitem").all_inner_texts()
    counts = [int(row.split("\n")[-1].split(" ·")[0]) for row in shown]
    assert sum(counts) == 114
    widths = explorable.locator(".gf-bar").evaluate_all("bars => bars.map((b) => parseFloat(b.style.width))")
    np.testing.assert_allclose(widths, [100 * count / 114 for count in counts], rtol=1e-4)
    page.keyboard.press("Space")
    expect(words).to_contain_text("No gate is held")


def test_streams_can_be_leafed_through_both_ways(failing: Callable[[], Locator]) -> None:
    explorable = failing()
    picture = explorable.get_by_role("img")
    first = picture.get_attribute("aria-label")
    explorable.get_by_role("button", name="Stream before").click()
    expect(explorable).to_contain_text("Stream 46 of 46")
    explorable.get_by_role("button", name="Next stream").press("Enter")
    expect(explorable).to_contain_text("Stream 1 of 46")
    assert picture.get_attribute("aria-label") == first
    assert "asked, it says" in first


def test_the_question_comes_first_and_its_answer_has_numbers(alone: Callable[[AnyWidget], Locator]) -> None:
    explorable = alone(GateFailures())
    expect(explorable.get_by_role("checkbox").first).to_be_hidden()
    explorable.get_by_role("radio", name="Stale").check()
    explorable.get_by_role("button", name="Check").press("Enter")
    expect(explorable.locator(".lw-verdict")).to_contain_text("Of 114 answers, 57 are stale and 31 right")
    expect(explorable.get_by_role("checkbox", name="forget gate")).to_be_focused()
