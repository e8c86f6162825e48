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

SETTINGS = [(5.0, -4.0, 14), (0.0, -4.0, 14), (-2.0, 4.0, 9), (6.0, 3.0, 1), (1.5, 0.5, 12)]

SCRIPT = f"""
import * as gf from {module("gradient_flow")};
const events = {{ values: {VALUES}, flags: {FLAGS} }};
const seen = {json.dumps(SETTINGS)}.map(([forgetBias, inputBias, output]) => {{
  const all = gf.flow({{ ...events, forgetBias, inputBias, output }});
  const words = [gf.unitWords("LSTM", all.lstm, events.flags), gf.roadWords(all.lstm, all.alongMemory, events.flags)];
  return {{ ...all, words, unit: gf.lstmUnit(forgetBias, inputBias) }};
}});
const {{ lstm, rnn }} = gf.flow({{ ...events, ...gf.ASKED, output: {len(VALUES)} }});
const verdicts = Object.keys(gf.ANSWERS).map((guess) => gf.verdict(guess, lstm, rnn, events.flags));
console.log(JSON.stringify({{ seen, verdicts, unit: gf.RNN_UNIT }}));
"""


@pytest.fixture(scope="module")
def numbers() -> dict:
    """Run the functions of the ES module under node and return what they give."""
    return node(SCRIPT)


@pytest.mark.parametrize("n", range(len(SETTINGS)))
def test_the_lstm_unit_and_its_gradient_agree_with_numpy(numbers: dict, n: int) -> None:
    seen, output = numbers["seen"][n], SETTINGS[n][2]
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
    seen, output = numbers["seen"][n], SETTINGS[n][2]
    steps, w_gx = seen["steps"], seen["unit"]["W"][2][0][1]
    last = steps[output - 1]
    for t in range(output):
        kept = np.prod([step["f"] for step in steps[t + 1 : output]])
        step = steps[t]
        slope = last["o"] * (1 - np.tanh(last["c"]) ** 2) * kept * step["i"] * (1 - step["g"] ** 2) * w_gx
        np.testing.assert_allclose(seen["alongMemory"][t], slope, rtol=1e-10)


@pytest.mark.parametrize("n", range(len(SETTINGS)))
def test_the_tanh_unit_and_its_gradient_agree_with_numpy(numbers: dict, n: int) -> None:
    seen, output = numbers["seen"][n], SETTINGS[n][2]
    params = cells.RNNParams(*(np.array(numbers["unit"][name], float) for name in ("W", "b")))
    run = layers.rnn_forward(params, np.stack([VALUES, FLAGS], axis=1)[:, None].astype(float))
    dhs = np.zeros_like(run.hs)
    dhs[output - 1] = 1
    _, dxs, _ = layers.rnn_backward(params, run, dhs)
    np.testing.assert_allclose(seen["hs"], run.hs[:, 0, 0], rtol=1e-12)
    np.testing.assert_allclose(seen["rnn"], dxs[:output, 0, 0], rtol=1e-10)


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
    slider = page.get_by_role("slider", name="Bias of the input gate")
    slider.press("Home")
    expect(on).to_have_count(0)
    assert slider.get_attribute("aria-valuetext").startswith("bias −6.0")


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
    forget = page.get_by_role("slider", name="Bias of the forget gate")
    assert forget.get_attribute("aria-valuetext") == "bias 0.0, f = 0.50"
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
