"""The explorable of truncation: its arithmetic counted out in PyTorch, and its hands in a browser."""

import json
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch
from anywidget import AnyWidget
from explorable_helpers import axe, module, node
from playwright.sync_api import Locator, expect

from lstm_lib.notation import FAMILIES
from lstm_lib.widgets import Truncation
from lstm_lib.widgets.truncation import MODES

WINDOWS = [2, 3, 5, 8]
LAGS = list(range(1, 13))
STREAM = 24  # steps: every pair of the settings below ends inside

SETTINGS = [
    {"mode": mode, "window": window, "lag": lag, "position": position}
    for mode in MODES for window in WINDOWS for lag in LAGS for position in range(1, window + 1)
]  # fmt: skip
SPOKEN = {
    "beyond": {"mode": "carry", "window": 8, "lag": 12, "position": 3},
    "fits": {"mode": "carry", "window": 8, "lag": 5, "position": 3},
    "cut": {"mode": "carry", "window": 8, "lag": 5, "position": 6},
    "two borders": {"mode": "carry", "window": 4, "lag": 7, "position": 3},
    "reset": {"mode": "reset", "window": 8, "lag": 5, "position": 6},
    "reset beyond": {"mode": "reset", "window": 8, "lag": 12, "position": 3},
    "whole": {"mode": "whole", "window": 8, "lag": 12, "position": 3},
}

SCRIPT = f"""
import * as cut from {module("truncation")};
const settings = {json.dumps(SETTINGS)}, spoken = {json.dumps(SPOKEN)};
const say = (setting) => [cut.pairWords(setting), cut.shareWords(setting), cut.lessonWords(setting, 0.25)];
console.log(JSON.stringify({{
  reached: settings.map(cut.reach),
  shared: settings.map(cut.shares),
  words: Object.fromEntries(Object.entries(spoken).map(([name, setting]) => [name, say(setting)])),
  answers: Object.fromEntries(Object.entries(spoken).map(([name, setting]) => [name, cut.answer(setting)])),
  verdicts: ["state", "neither"].map((guess) => cut.verdict(guess, spoken.beyond)),
  question: cut.questionWords(spoken.beyond),
  best: cut.bestAccuracy(0.375, 0.25),
}}));
"""


@pytest.fixture(scope="module")
def told() -> dict:
    """Run the functions of the ES module under node and return what they give."""
    return node(SCRIPT)


# ---------------------------------------------------------------- counted out


class Paths(NamedTuple):
    """What depends on what in a stream of steps: rows are later steps, columns earlier ones."""

    state: np.ndarray  # a change of x at the column changes h at the row
    gradient: np.ndarray  # the gradient of h at the row with respect to x at the column is not zero


def stream(xs: torch.Tensor, mode: str, window: int) -> torch.Tensor:
    """Run an LSTM over a stream (T, 1) in windows, as training would, and return h (T, 2)."""
    torch.manual_seed(0)
    cell = torch.nn.LSTMCell(1, 2).double()
    state = fresh = (torch.zeros(1, 2).double(), torch.zeros(1, 2).double())
    hs = []
    for t, x in enumerate(xs):
        if t % window == 0 and mode == "reset":
            state = fresh
        if t % window == 0 and mode == "carry":
            state = (state[0].detach(), state[1].detach())
        state = cell(x[None], state)
        hs.append(state[0][0])
    return torch.stack(hs)


@pytest.fixture(scope="module")
def paths() -> dict[tuple[str, int], Paths]:
    """Find out for every pair of steps whether state and gradient get from one to the other."""
    generator = torch.Generator().manual_seed(1)
    found = {}
    for mode in MODES:
        for window in WINDOWS:
            xs = torch.randn(STREAM, 1, dtype=torch.float64, generator=generator, requires_grad=True)
            hs = stream(xs, mode, window)
            rows = [torch.autograd.grad(h.sum(), xs, retain_graph=True)[0][:, 0] for h in hs]
            changed = np.zeros((STREAM, STREAM), dtype=bool)
            for t in range(STREAM):
                nudged = xs.detach().clone()
                nudged[t] += 1.0
                changed[:, t] = (stream(nudged, mode, window) != hs).any(dim=1).numpy()
            found[mode, window] = Paths(changed, torch.stack(rows).numpy() != 0)
    return found


def test_state_and_gradient_get_through_where_pytorch_says_so(told: dict, paths: dict) -> None:
    for setting, reached in zip(SETTINGS, told["reached"], strict=True):
        write, ask = setting["position"], setting["position"] + setting["lag"]
        assert (reached["write"], reached["ask"]) == (write, ask)
        state, gradient = paths[setting["mode"], setting["window"]]
        assert reached["state"] == state[ask - 1, write - 1], setting
        assert reached["gradient"] == gradient[ask - 1, write - 1], setting


def test_the_arrows_end_where_pytorch_says_so(told: dict, paths: dict) -> None:
    for setting, reached in zip(SETTINGS, told["reached"], strict=True):
        write, ask = reached["write"] - 1, reached["ask"] - 1
        state, gradient = paths[setting["mode"], setting["window"]]
        assert reached["stateTo"] - 1 == write + np.flatnonzero(state[write : ask + 1, write]).max(), setting
        assert reached["gradientTo"] - 1 == write + np.flatnonzero(gradient[ask, write : ask + 1]).min(), setting


def test_the_shares_are_the_counted_ones(told: dict, paths: dict) -> None:
    for setting, shared in zip(SETTINGS, told["shared"], strict=True):
        window, lag = setting["window"], setting["lag"]
        for what, table in paths[setting["mode"], window]._asdict().items():
            through = [table[place + lag, place] for place in range(window)]
            np.testing.assert_allclose(shared[what], np.mean(through), rtol=0, atol=1e-15, err_msg=f"{what} {setting}")


# ---------------------------------------------------------------- words


def test_the_words_give_steps_and_shares(told: dict) -> None:
    pair, places, lesson = told["words"]["beyond"]
    assert "the state crosses it and reaches the question" in pair
    assert "the gradient goes back from step 15 to step 9 and stops, 6 steps short of the write" in pair
    assert "the gradient gets through for no pair. The state arrives for all pairs." in places
    assert "at lags under 8 can answer at lag 12, beyond its window" in lesson
    assert "in one window: the state reaches the question, and the gradient reaches" in told["words"]["fits"][0]
    assert "1 − 5/8 = 37.5 % of the pairs" in told["words"]["fits"][1]
    assert "The pairs that fit can teach" in told["words"]["cut"][2]
    assert told["words"]["two borders"][0].startswith("2 borders lie between step 3 and step 10")


def test_after_a_reset_the_words_give_the_most_that_can_be_right(told: dict) -> None:
    pair, places, lesson = told["words"]["reset"]
    assert "the state is lost behind step 8; the gradient goes back from step 11 to step 9 and stops" in pair
    assert "The state arrives for the same pairs, and no others." in places
    assert "no network is right in more than 53.1 % (37.5 % + 62.5 % × 0.25)" in lesson
    np.testing.assert_allclose(told["best"], 3 / 8 + 5 / 8 * 0.25)
    assert "more than 25 %, which is chance" in told["words"]["reset beyond"][2]
    assert "all 60 steps are kept in memory for the way back, where a window keeps 8" in told["words"]["whole"][2]


def test_the_verdict_follows_from_the_setting(told: dict) -> None:
    assert told["answers"] == {
        "beyond": "state", "fits": "both", "cut": "state", "two borders": "state",
        "reset": "neither", "reset beyond": "neither", "whole": "both",
    }  # fmt: skip
    right, wrong = told["verdicts"]
    assert right.startswith("Right. A border lies between step 3 and step 15")
    assert wrong.startswith("You said: “Neither.” That is not so.")
    assert "windows of 8 steps" in told["question"]
    assert "12 steps later, at step 15" in told["question"]


ROW = {"window": 8, "lag": 12, "mode": "carry", "accuracy": 0.9}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"window": 1}, "got window 1, expected 2 to 20"),
        ({"lag": 41}, "got lag 41, expected 1 to 40"),
        ({"position": 9}, "got position 9, expected 1 to 8"),
        ({"mode": "detach"}, "got mode 'detach', expected one of reset, carry, whole"),
        ({"measured": [ROW | {"mode": "none"}]}, "got mode 'none'"),
        ({"measured": [{"window": 8, "lag": 12}]}, "without accuracy, mode"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_came(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Truncation(**wrong)


# ---------------------------------------------------------------- in a browser


@pytest.fixture
def explore(alone: Callable[[AnyWidget], Locator]) -> Callable[..., Locator]:
    """Give a function that opens an explorable, its question answered unless the test says otherwise."""

    def open_page(*, opened: bool = True, since: dict | None = None, **options: object) -> Locator:
        shown = Truncation(**options)
        for name, value in (since or {}).items():
            setattr(shown, name, value)  # what the reader did before the page was stored
        explorer = alone(shown)
        if opened:
            explorer.get_by_role("button", name="Show without guessing").press("Enter")
        return explorer

    return open_page


MEASURED = [
    {"window": window, "lag": lag, "mode": mode, "accuracy": accuracy}
    for window in (8, 16)
    for mode, accuracies in {"carry": (1.0, 0.95), "reset": (0.6, 0.25), "whole": (1.0, 0.99)}.items()
    for lag, accuracy in zip((4, 24), accuracies, strict=True)
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_the_window_and_axe_finds_nothing(explore: Callable[..., Locator], width: int, theme: str) -> None:
    explorer = explore(opened=False, measured=MEASURED)
    page = explorer.page
    page.set_viewport_size({"width": width, "height": 844})
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)

    def check() -> None:
        assert axe(page) == []
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width

    page.add_style_tag(content="main { max-width: 738px } body { margin: 0 16px } .anyhost { padding: 1rem }")
    check()  # the question
    explorer.get_by_role("radio", name="Neither.").check()
    explorer.get_by_role("button", name="Check my guess").press("Enter")
    for radio in explorer.get_by_role("radio").all():
        radio.check()
        check()
        if width == 1280:
            assert explorer.bounding_box()["height"] <= 800
        else:
            slider, picture = explorer.get_by_role("slider").first, page.get_by_role("img").nth(1)
            top, bottom = slider.bounding_box(), picture.bounding_box()
            assert bottom["y"] + bottom["height"] - top["y"] <= 700


def test_the_pictures_wait_for_a_guess(explore: Callable[..., Locator]) -> None:
    explorer = explore(opened=False)
    expect(explorer.get_by_role("slider")).to_have_count(0)
    expect(explorer.get_by_role("img")).to_have_count(0)
    explorer.get_by_role("radio", name="The state reaches the question, and").focus()
    explorer.page.keyboard.press("Space")
    explorer.page.keyboard.press("ArrowDown")  # the answer below: the state, but not the gradient
    explorer.page.keyboard.press("Enter")
    expect(explorer.get_by_role("status").first).to_contain_text("Right. A border lies between step 3 and step 15")
    expect(explorer.get_by_role("slider")).to_have_count(3)
    expect(explorer.get_by_role("radio", name="carry and detach")).to_be_focused()
    expect(explorer.get_by_role("img")).to_have_count(2)  # no measured points, no panel for them


def test_the_verdict_stays_with_the_question_when_a_moved_explorable_is_shown_again(
    explore: Callable[..., Locator],
) -> None:
    explorer = explore(opened=False, lag=5, since={"guess": "neither", "lag": 40})
    expect(explorer.get_by_role("status").first).to_contain_text("Step 3 and step 8 are in one window")
    expect(explorer.get_by_role("status").last).to_contain_text("borders lie between step 3 and step 43")


def test_keys_move_the_sliders_and_change_the_mode(explore: Callable[..., Locator]) -> None:
    explorer = explore()
    page, words = explorer.page, explorer.get_by_role("status").last
    expect(explorer.get_by_role("radio", name="carry and detach")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(words).to_contain_text("the state is lost behind step 8")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(words).to_contain_text("There are no borders")
    expect(explorer.get_by_role("slider", name="Window length")).to_be_disabled()
    page.keyboard.press("ArrowUp")
    window = explorer.get_by_role("slider", name="Window length")
    window.focus()
    page.keyboard.press("End")
    expect(words).to_contain_text("Step 3 and step 15 are in one window")
    assert window.get_attribute("aria-valuetext") == "20 steps"
    assert window.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    assert words.get_attribute("aria-busy") == "false"
    for control in [*explorer.get_by_role("slider").all(), *explorer.get_by_role("radio").all()]:
        assert control.evaluate("e => e.dataset.lmSuppressShortcuts") == "true"


def test_a_shorter_window_takes_the_write_with_it(explore: Callable[..., Locator]) -> None:
    explorer = explore(position=7)
    explorer.get_by_role("slider", name="Window length").press("Home")
    place = explorer.get_by_role("slider", name="Place of the write")
    assert place.get_attribute("aria-valuetext") == "step 2 of 2"
    assert place.get_attribute("max") == "2"
    expect(explorer.get_by_role("status").last).to_contain_text("6 borders lie between step 2 and step 14")


def test_the_arrows_are_drawn_to_where_the_words_say(explore: Callable[..., Locator]) -> None:
    explorer = explore(mode="reset")
    steps = 312 / 60  # units of the drawing in a step
    walls = explorer.locator(".tr-stream .tr-wall").evaluate_all("all => all.map((wall) => wall.getAttribute('d'))")
    ends = [float(wall.removeprefix("M").split()[0]) for wall in walls]
    np.testing.assert_allclose(ends, [62 + 8 * steps, 62 + 8 * steps])  # both stop at the border behind step 8
    explorer.get_by_role("radio", name="no borders").check()
    expect(explorer.locator(".tr-stream .tr-wall")).to_have_count(0)
    expect(explorer.locator(".tr-stream .tr-head")).to_have_count(2)


def test_the_measured_points_are_those_of_the_nearest_window(explore: Callable[..., Locator]) -> None:
    explorer = explore(measured=MEASURED)
    panel = explorer.locator(".lw-panel").last
    expect(panel).to_contain_text("Measured, windows of 8 steps")
    carried = [row["accuracy"] for row in MEASURED if row["mode"] == "carry" and row["window"] == 8]
    heights = panel.locator("circle.tr-point").evaluate_all("all => all.map((c) => Number(c.getAttribute('cy')))")
    np.testing.assert_allclose(heights, 170 - 158 * np.array(carried))
    label = panel.get_by_role("img").get_attribute("aria-label")
    assert label
    assert "carry 95 % at lag 24" in label
    assert "Chance is 25 %." in label
    explorer.get_by_role("slider", name="Window length").press("End")
    expect(panel).to_contain_text("Measured, windows of 16 steps")


@pytest.mark.parametrize(("theme", "tone"), [("light", "on_light"), ("dark", "on_dark")])
def test_the_drawing_has_the_colours_of_the_course(explore: Callable[..., Locator], theme: str, tone: str) -> None:
    explorer = explore()
    explorer.page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    red, green, blue = bytes.fromhex(getattr(FAMILIES["remember"], tone)[1:])
    shown = explorer.locator(".tr-stream text.lw-remember").evaluate("e => getComputedStyle(e).fill")
    assert shown == f"rgb({red}, {green}, {blue})"
