"""The explorable of gradient flow: its arithmetic against NumPy's backward pass, and its hands in a browser."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from anywidget import AnyWidget
from explorable_helpers import axe, module, node
from playwright.sync_api import Locator, Page, expect

from lstm_lib import cells, layers
from lstm_lib.widgets import GradientFlow
from lstm_lib.widgets.gradient_flow import FLAGS, VALUES

SETTINGS = [  # forget bias, input bias, the RNN's weights of h and x, output: both ends of every slider
    (5.0, -4.0, 0.9, 1.0, 14), (0.0, -4.0, 0.9, 1.0, 14), (-2.0, 4.0, 1.5, 3.0, 9), (6.0, 3.0, 0.0, 0.1, 1),
    (1.5, -6.0, 0.5, 2.0, 12),
]  # fmt: skip

SCRIPT = f"""
import * as gf from {module("gradient_flow")};
const events = {{ values: {VALUES}, flags: {FLAGS} }};
const seen = {json.dumps(SETTINGS)}.map(([forgetBias, inputBias, rnnH, rnnX, output]) => {{
  const all = gf.flow({{ ...events, forgetBias, inputBias, rnnH, rnnX, output }});
  const words = [gf.unitWords("LSTM", all.lstm, events.flags), gf.roadWords(all.lstm, all.alongMemory, events.flags)];
  return {{ ...all, words, unit: gf.lstmUnit(forgetBias, inputBias), rnnUnit: gf.rnnUnit(rnnH, rnnX) }};
}});
const {{ lstm, rnn }} = gf.flow({{ ...events, ...gf.ASKED, output: {len(VALUES)} }});
const verdicts = Object.keys(gf.ANSWERS).map((guess) => gf.verdict(guess, lstm, rnn, events.flags));
console.log(JSON.stringify({{ seen, verdicts }}));
"""


@pytest.fixture(scope="module")
def numbers() -> dict:
    """Run the functions of the ES module under node and return what they give."""
    return node(SCRIPT)


@pytest.mark.parametrize("n", range(len(SETTINGS)))
def test_the_lstm_unit_and_its_gradient_agree_with_numpy(numbers: dict, n: int) -> None:
    seen, output = numbers["seen"][n], SETTINGS[n][-1]
    params = cells.LSTMParams(*(np.array(seen["unit"][name], float) for name in ("W", "b")))
    run = layers.lstm_forward(params, np.stack([VALUES, FLAGS], axis=1)[:, None])
    for name, ours in {"h": run.hs, "c": run.cs, **layers.gates(run)._asdict()}.items():
        if name in seen["steps"][0]:
            np.testing.assert_allclose([step[name] for step in seen["steps"]], ours[:, 0, 0], rtol=1e-12, err_msg=name)
    dhs = np.zeros_like(run.hs)
    dhs[output - 1] = 1
    _, dxs, _ = layers.lstm_backward(params, run, dhs)
    np.testing.assert_allclose(seen["lstm"], dxs[:output, 0, 0], rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("n", range(len(SETTINGS)))
def test_the_road_along_the_memory_is_the_product_of_the_forget_gates(numbers: dict, n: int) -> None:
    seen, output = numbers["seen"][n], SETTINGS[n][-1]
    steps, w_gx = seen["steps"], seen["unit"]["W"][2][0][1]
    last = steps[output - 1]
    for t in range(output):
        kept = np.prod([step["f"] for step in steps[t + 1 : output]])
        step = steps[t]
        slope = last["o"] * (1 - np.tanh(last["c"]) ** 2) * kept * step["i"] * (1 - step["g"] ** 2) * w_gx
        np.testing.assert_allclose(seen["alongMemory"][t], slope, rtol=1e-10)


@pytest.mark.parametrize("n", range(len(SETTINGS)))
def test_the_tanh_unit_and_its_gradient_agree_with_numpy(numbers: dict, n: int) -> None:
    seen, output = numbers["seen"][n], SETTINGS[n][-1]
    params = cells.RNNParams(*(np.array(seen["rnnUnit"][name], float) for name in ("W", "b")))
    run = layers.rnn_forward(params, np.stack([VALUES, FLAGS], axis=1)[:, None].astype(float))
    dhs = np.zeros_like(run.hs)
    dhs[output - 1] = 1
    _, dxs, _ = layers.rnn_backward(params, run, dhs)
    np.testing.assert_allclose(seen["hs"], run.hs[:, 0, 0], rtol=1e-12)
    np.testing.assert_allclose(seen["rnn"], dxs[:output, 0, 0], rtol=1e-10, atol=1e-15)


def test_the_words_name_the_strongest_event(numbers: dict) -> None:
    keeps, forgets, everything, first, _ = (seen["words"] for seen in numbers["seen"])
    assert keeps[0].startswith("LSTM: the strongest event is 3, the flagged one (0.")
    assert forgets[0].startswith("LSTM: the strongest event is 14, the latest")
    assert "flagged event 3 has" in everything[0]
    assert first[1].startswith("The flagged event comes after this output")
    right, latest, equal = numbers["verdicts"]
    assert right.startswith("Right.")
    assert latest.startswith("You said: “The latest event.”")
    assert equal.startswith("You said: “Both about equally.”")


def test_what_the_verdict_says_of_both_units_is_so(numbers: dict) -> None:
    lstm, rnn = (np.abs(numbers["seen"][0][name]) for name in ("lstm", "rnn"))
    assert lstm.argmax() == 2
    assert lstm[2] > 5 * lstm[-1]
    assert rnn[2] < rnn[-1] / 50


# ---------------------------------------------------------------- in a browser


@pytest.fixture
def page(alone: Callable[[AnyWidget], Locator], request: pytest.FixtureRequest) -> Page:
    """Show the explorable on a page of its own, with the script that shows it on the website."""
    return alone(GradientFlow(**getattr(request, "param", {}))).page


def skip(page: Page) -> None:
    page.get_by_role("button", name="Show without guessing").press("Enter")


def test_the_bars_wait_for_a_guess(page: Page) -> None:
    expect(page.get_by_role("slider")).to_have_count(0)
    page.get_by_role("radio", name="Both about equally.").focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")  # two answers above: the flagged event
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Right. In the LSTM its gradient is 0.")
    expect(page.get_by_role("slider").first).to_be_focused()


@pytest.mark.parametrize("page", [{"forget_bias": 0.0, "output": 2}], indirect=True)
def test_the_verdict_is_of_the_setting_that_was_asked_about(page: Page) -> None:
    page.get_by_role("radio", name="The latest event.").check()
    page.get_by_role("button", name="Check my guess").press("Enter")
    verdict = page.get_by_role("status").first
    expect(verdict).to_contain_text("It is the flagged one. In the LSTM its gradient is 0.24, that of the latest")


def test_the_presets_say_which_is_on(page: Page) -> None:
    skip(page)
    on = page.locator("button[aria-pressed=true]")
    expect(on).to_have_text(["writes when flagged, keeps"])
    page.get_by_role("button", name="writes everything, forgets").press("Enter")
    expect(on).to_have_text(["writes everything, forgets"])
    slider = page.get_by_role("slider", name="Input bias")
    slider.press("Home")
    expect(on).to_have_count(0)
    assert slider.get_attribute("aria-valuetext").startswith("−6.0:")


@pytest.mark.parametrize("page", [{"forget_bias": 1.0, "input_bias": 3.0}], indirect=True)
def test_lines_across_the_bars_show_what_came_along_the_memory(page: Page) -> None:
    skip(page)
    bars, lines = page.locator("rect.gf-bar.lw-remember"), page.locator(".gf-mark")
    assert bars.count() == lines.count() == 14

    def below(event: int) -> float:
        """Return how far the line lies below the top of the bar, in pixels."""
        return lines.nth(event).bounding_box()["y"] + 1 - bars.nth(event).bounding_box()["y"]

    assert abs(below(13)) < 1  # nothing can have come through h of a later step
    assert below(8) > 6  # 70 % of it came through h


def test_sliders_and_presets_answer_to_keys(page: Page) -> None:
    skip(page)
    words, output = page.get_by_role("status").last, page.get_by_role("slider", name="Output of step")
    expect(words).to_contain_text("LSTM: the strongest event is 3, the flagged one")
    output.press("Home")
    expect(words).to_contain_text("The flagged event comes after this output")
    for _ in range(13):
        page.keyboard.press("ArrowRight")
    assert output.get_attribute("aria-valuetext") == "step 14"
    page.get_by_role("button", name="writes when flagged, forgets").press("Enter")
    expect(words).to_contain_text("LSTM: the strongest event is 14, the latest")
    forget = page.get_by_role("slider", name="Forget bias")
    assert forget.get_attribute("aria-valuetext") == "0.0: f = 0.50"
    forget.press("End")
    expect(words).to_contain_text("LSTM: the strongest event is 3")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_and_axe_finds_nothing(page: Page, width: int, theme: str) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    for opened in (False, True):
        if opened:
            skip(page)
        assert axe(page) == []
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_the_rnn_has_weights_to_move_and_few_sliders_are_in_sight(page: Page) -> None:
    skip(page)
    bars = page.locator(".gf-bar.lw-ink")
    before = bars.first.get_attribute("height")
    expect(page.get_by_role("slider")).to_have_count(3)
    page.get_by_text("Weights of the RNN").click()
    expect(page.get_by_role("slider")).to_have_count(3)
    page.get_by_role("slider", name="Weight of h").press("End")
    assert bars.first.get_attribute("height") != before
    page.get_by_role("slider", name="Weight of x").press("Home")
    expect(page.get_by_role("status").last).to_contain_text("RNN: the strongest event is 14, the latest (0.026)")
    page.get_by_text("Biases of the LSTM").click()
    expect(page.get_by_role("slider", name="Input bias")).to_be_visible()
    expect(page.locator("summary", has_text="Weights of the RNN")).to_contain_text("h 1.50, x 0.10")


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 800)])
def test_sliders_and_pictures_stand_on_one_screen(page: Page, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.add_style_tag(content="main { max-width: 738px } body { margin: 0 16px } .anyhost { padding: 1rem }")
    page.get_by_role("radio").nth(1).check()
    page.get_by_role("button", name="Check").press("Enter")
    top, bottom = page.locator(".gf-controls").bounding_box(), page.locator(".lw-panels").bounding_box()
    assert bottom["y"] + bottom["height"] - top["y"] <= height - 100
    if width == 1280:
        assert page.locator(".gradient-flow").bounding_box()["height"] <= 800
