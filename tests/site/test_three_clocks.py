"""The explorable of the three clocks: its arithmetic against NumPy, and its hands in a browser."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from anywidget import AnyWidget
from explorable_helpers import axe, module, node
from playwright.sync_api import Locator, Page, expect

from lstm_lib.from_scratch.cells import sigmoid
from lstm_lib.notation import FAMILIES
from lstm_lib.widgets import ThreeClocks

WEIGHTS = [0.1, 0.5, 0.9, 1.0, 1.05, 1.2, 1.5, 2.5]
BIASES = [-2.0, 0.0, 1.0, 2.0, 3.0, 6.0]

SCRIPT = f"""
import {{ sigmoid }} from {module("cell")};
import * as clocks from {module("three_clocks")};
const weights = {WEIGHTS}, biases = {BIASES};
console.log(JSON.stringify({{
  units: weights.map((w) => clocks.tanhUnit(w)),
  gates: biases.map((b) => clocks.forgetGate(b)),
  rests: weights.map(clocks.restingState),
  factors: weights.map(clocks.restingFactor),
  halves: biases.map((b) => clocks.halfLife(sigmoid(b))),
  lasting: weights.map((w) => {{ const k = clocks.unitStateHalfLife(w); return k === Infinity ? null : k; }}),
  unitWords: weights.map(clocks.unitWords),
  gateWords: biases.map(clocks.gateWords),
  verdicts: ["gradient", "both"].map(clocks.verdict),
  costs: weights.map(clocks.trainingSteps),
  costWords: weights.map((w) => clocks.costWords(w, clocks.trainingSteps(w))),
}}));
"""


@pytest.fixture(scope="module")
def numbers() -> dict[str, list]:
    """Run the functions of the ES module under node and return what they give."""
    return node(SCRIPT)


def tanh_unit(w: float) -> tuple[np.ndarray, np.ndarray]:
    """Return h_k and ∂h_k/∂h_0 for k = 0 … 60, with the derivative by a complex step instead of a product."""
    h = 1.0 + 1e-200j
    states = [h]
    for _ in range(60):
        h = np.tanh(w * h)
        states.append(h)
    return np.real(states), np.imag(states) * 1e200


@pytest.mark.parametrize("n", range(len(WEIGHTS)))
def test_the_tanh_unit_in_javascript_agrees_with_numpy(numbers: dict[str, list], n: int) -> None:
    state, gradient = tanh_unit(WEIGHTS[n])
    np.testing.assert_allclose(numbers["units"][n]["state"], state, rtol=1e-12)
    np.testing.assert_allclose(numbers["units"][n]["gradient"], gradient, rtol=1e-11)


@pytest.mark.parametrize("n", range(len(BIASES)))
def test_the_forget_gate_in_javascript_agrees_with_numpy(numbers: dict[str, list], n: int) -> None:
    f = sigmoid(BIASES[n])
    np.testing.assert_allclose(numbers["gates"][n]["state"], f ** np.arange(61), rtol=1e-12)
    np.testing.assert_allclose(numbers["gates"][n]["gradient"], f ** np.arange(61), rtol=1e-12)
    np.testing.assert_allclose(numbers["halves"][n], np.log(2) / -np.log(f), rtol=1e-12)


@pytest.mark.parametrize("n", range(len(WEIGHTS)))
def test_the_resting_state_solves_its_equation(numbers: dict[str, list], n: int) -> None:
    w, rest = WEIGHTS[n], numbers["rests"][n]
    np.testing.assert_allclose(np.tanh(w * rest), rest, atol=1e-14)
    assert (rest > 0) == (w > 1)
    np.testing.assert_allclose(numbers["factors"][n], w * (1 - rest**2), rtol=1e-12)


@pytest.mark.parametrize("n", range(len(WEIGHTS)))
def test_the_state_of_the_unit_crosses_one_half_where_the_module_says(numbers: dict[str, list], n: int) -> None:
    state, _ = tanh_unit(WEIGHTS[n])
    below = np.flatnonzero(state <= 0.5)
    if below.size == 0:
        assert numbers["lasting"][n] is None
    else:
        assert below[0] - 1 < numbers["lasting"][n] <= below[0]


def training_steps(k: int, w: float, rest: float) -> int | None:
    """Train as on the page of Chapter 2: a tenth of the gradient of the squared error, at most a thousand times."""
    w_x, events = 0.1, np.array([-1.0, 1.0])
    for n in range(1001):
        h = np.tanh(w * rest + w_x * events)
        slope = (1 - h**2) * events
        for _ in range(k):
            h = np.tanh(w * h)
            slope = slope * w * (1 - h**2)
        if (np.sign(h) == events).all():
            return n
        w_x -= 0.1 * np.mean((h - rest * events) * slope)
    return None


@pytest.mark.parametrize("n", range(len(WEIGHTS)))
def test_the_third_clock_trains_as_chapter_2_does(numbers: dict[str, list], n: int) -> None:
    w, costs = WEIGHTS[n], numbers["costs"][n]
    if w <= 1:
        assert costs == []
        return
    assert len(costs) == 20
    for k in (1, 2, 5, 6, 20):
        expected = training_steps(k, w, numbers["rests"][n])
        got = costs[k - 1]
        assert got == expected or abs(got - expected) <= 1, k  # the last digit may decide a step


def test_the_words_of_the_third_clock_are_the_chapter_s(numbers: dict[str, list]) -> None:
    words = dict(zip(WEIGHTS, numbers["costWords"], strict=True))
    assert words[1.5] == "A thousand training steps teach it to store a bit over 5 steps, not over 6."
    assert "no bit to store" in words[0.9]


def test_the_published_numbers_are_in_the_words(numbers: dict[str, list]) -> None:
    at = dict(zip(WEIGHTS, numbers["unitWords"], strict=True))
    assert "latches at ±0.859" in at[1.5]
    assert "half-life 0.74 steps" in at[1.5]
    assert "loses half" in at[1.05]
    assert "then latches at ±0.371" in at[1.05]
    assert "no half-life" in at[1.0]
    assert [re.search(r"half in (.*) steps", words)[1] for words in numbers["gateWords"][1:5]] == [
        "1.0", "2.2", "5.5", "14.3",
    ]  # fmt: skip
    right, wrong = numbers["verdicts"]
    assert right.startswith("Right.")
    assert wrong.startswith("You said: “Both die.”")
    assert "0.394" in right


# ---------------------------------------------------------------- in a browser


@pytest.fixture
def page(alone: Callable[[AnyWidget], Locator]) -> Page:
    """Open the explorable with its question still unanswered."""
    return alone(ThreeClocks()).page


def test_the_curves_wait_for_a_guess(page: Page) -> None:
    clocks = page.locator(".three-clocks").first
    expect(clocks.get_by_role("slider")).to_have_count(0)
    clocks.get_by_role("radio", name="Both die.").focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowUp")  # the answer above: the gradient dies, the state stays
    page.keyboard.press("Enter")
    expect(clocks.get_by_role("status").first).to_contain_text("Right. At w = 1.5 the state latches at 0.859")
    expect(clocks.get_by_role("slider")).to_have_count(2)
    expect(clocks.get_by_role("slider").first).to_be_focused()


def test_a_guess_that_is_none_is_asked_for_again(page: Page) -> None:
    clocks = page.locator(".three-clocks").first
    clocks.get_by_role("button", name="Check my guess").press("Enter")
    expect(clocks.get_by_role("status").first).to_have_text("Choose an answer first: a guess is enough.")
    expect(clocks.get_by_role("slider")).to_have_count(0)
    clocks.get_by_role("radio", name="Both die.").check()
    clocks.get_by_role("button", name="Check my guess").press("Enter")
    expect(clocks.get_by_role("status").first).to_contain_text("You said: “Both die.”")


def test_the_question_can_be_skipped(page: Page) -> None:
    clocks = page.locator(".three-clocks").first
    clocks.get_by_role("button", name="Show without guessing").press("Enter")
    expect(clocks.get_by_role("slider")).to_have_count(2)
    expect(clocks.get_by_role("status").first).to_be_empty()


def test_the_sliders_answer_to_keys(page: Page) -> None:
    clocks = page.locator(".three-clocks").first
    clocks.get_by_role("button", name="Show without guessing").press("Enter")
    words = clocks.get_by_role("status").last
    curve = clocks.locator("path.tc-unit.tc-state")

    weight = clocks.get_by_role("slider", name="Recurrent weight w of the tanh unit")
    weight.press("Home")
    before = curve.get_attribute("d")
    expect(words).to_contain_text("Tanh unit, w = 0.10.")
    for _ in range(18):
        page.keyboard.press("ArrowRight")
    expect(words).to_contain_text("Tanh unit, w = 1.00. The state loses half in 4.3 steps, and fades ever more slowly")
    assert curve.get_attribute("d") != before
    third = clocks.get_by_role("img").last
    expect(third).to_have_attribute("aria-label", "No points: without a latch there is no bit to store.")
    page.keyboard.press("ArrowRight")
    expect(third).to_have_attribute("aria-label", re.compile("Training steps by delay. 1: "))

    bias = clocks.get_by_role("slider", name="Bias of the forget gate")
    page.keyboard.press("Tab")
    expect(bias).to_be_focused()
    page.keyboard.press("End")
    expect(words).to_contain_text("both lose half in 280 steps")
    assert bias.get_attribute("aria-valuetext") == "bias 6.0, f = 0.998"


def test_what_vanishes_is_seen_on_a_linear_scale_too(page: Page) -> None:
    clocks = page.locator(".three-clocks").first
    clocks.get_by_role("button", name="Show without guessing").press("Enter")
    log, plain = clocks.locator(".tc-scales svg").all()
    expect(log).to_have_attribute("role", "img")
    expect(plain).to_have_attribute("aria-hidden", "true")
    end = log.bounding_box()["x"] + log.bounding_box()["width"]
    for text in log.locator("text").all():
        assert text.bounding_box()["x"] + text.bounding_box()["width"] <= end

    def heights(kind: str) -> list[float]:
        """Read a curve of the linear panel as shares of its height, step by step."""
        d = plain.locator(f"path.{kind}.tc-gradient").get_attribute("d")
        ys = [float(point.split()[1]) for point in d.removeprefix("M").split("L")]
        assert len(ys) == 61
        return [(140 - y) / 128 for y in ys]  # between the margins of the box

    clocks.get_by_role("slider").nth(1).fill("3")
    np.testing.assert_allclose(heights("tc-unit"), tanh_unit(1.5)[1], atol=0.001)
    np.testing.assert_allclose(heights("tc-gate"), sigmoid(3.0) ** np.arange(61), atol=0.001)


def test_the_focused_slider_has_a_ring(page: Page) -> None:
    clocks = page.locator(".three-clocks").first
    clocks.get_by_role("button", name="Show without guessing").press("Enter")
    slider = clocks.get_by_role("slider").first
    page.keyboard.press("ArrowRight")
    assert slider.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"


@pytest.mark.parametrize(("theme", "tone"), [("light", "on_light"), ("dark", "on_dark")])
def test_the_words_have_the_colours_of_the_course(page: Page, theme: str, tone: str) -> None:
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    page.get_by_role("button", name="Show without guessing").first.press("Enter")
    red, green, blue = bytes.fromhex(getattr(FAMILIES["remember"], tone)[1:])
    shown = page.locator(".lw-words .tc-gate").first.evaluate("e => getComputedStyle(e).color")
    assert shown == f"rgb({red}, {green}, {blue})"


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_and_axe_finds_nothing(page: Page, width: int, theme: str) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    for opened in (False, True):
        if opened:
            page.get_by_role("button", name="Show without guessing").press("Enter")
            expect(page.get_by_role("img")).to_have_count(3)
        assert axe(page) == []
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    first, last = page.get_by_role("slider").first.bounding_box(), page.get_by_role("img").last.bounding_box()
    assert last["y"] + last["height"] - first["y"] <= 780  # what moves and its control fit on one screen
