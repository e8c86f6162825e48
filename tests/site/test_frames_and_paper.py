"""What moves is drawn within a frame while it is dragged, and on paper every explorable stands as a still."""

from collections.abc import Callable

import numpy as np
import pytest
from anywidget import AnyWidget
from conftest import Blank
from playwright.sync_api import Locator, expect

from lstm_lib.widgets import CellWalk, GateExplorer, GateFailures, GradientFlow, ThreeClocks, Truncation, WhereTimeGoes
from lstm_lib.widgets.gate_explorer import START

MADE: dict[str, Callable[[], AnyWidget]] = {
    "cell walk": CellWalk,
    "cell walk back": lambda: CellWalk("back"),
    "gate failures": GateFailures,
    "gradient flow": GradientFlow,
    "three clocks": ThreeClocks,
    "truncation": Truncation,
    "where time goes": WhereTimeGoes,
    **{f"{gate} gate": lambda gate=gate: GateExplorer(gate) for gate in START},
}

# One place of a drag, with the layout that follows; and what it costs to ask for nothing.
MOVE = """([input, share]) => {
  input.value = +input.min + share * (input.max - input.min);
  input.dispatchEvent(new Event("input", { bubbles: true }));
  input.closest(".lstm-widget").getBoundingClientRect();
}"""
NOTHING = "([input, share]) => {}"
PLACES = 12
WORK = ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration")


@pytest.mark.parametrize("name", [name for name in MADE if name != "gate failures"])  # it has switches
def test_dragging_takes_at_most_eight_milliseconds_a_frame(alone: Callable[[AnyWidget], Locator], name: str) -> None:
    """Time of the processor, the best of three drags: what else the machine does is not the explorable's work."""
    widget = MADE[name]()
    if widget.has_trait("guess"):
        widget.guess = "skipped"
    explorable = alone(widget)
    chromium = explorable.page.context.new_cdp_session(explorable.page)
    chromium.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent() -> float:
        metrics = {one["name"]: one["value"] for one in chromium.send("Performance.getMetrics")["metrics"]}
        return 1000 * sum(metrics[work] for work in WORK)

    def drag(script: str) -> list[float]:
        took = []
        for control in explorable.locator("input[type=range]").element_handles():
            for n in range(-PLACES // 4, PLACES):  # the first ones warm up what the browser compiles
                before = spent()
                explorable.page.evaluate(script, [control, n / PLACES % 1])
                if n >= 0:
                    took.append(spent() - before)
        return took

    took = np.min([drag(MOVE) for _ in range(3)], axis=0) - np.median(drag(NOTHING))
    chromium.detach()
    print(f"{name}: {np.quantile(took, 0.95):.1f} ms")
    assert len(took) >= PLACES
    assert np.quantile(took, 0.95) <= 8


@pytest.mark.parametrize("name", MADE)
def test_on_paper_the_explorable_stands_open_without_controls(
    blank: Blank, alone: Callable[[AnyWidget], Locator], name: str
) -> None:
    explorable = alone(MADE[name]())
    blank.page.emulate_media(media="print")
    try:
        for picture in explorable.locator("svg").all():
            expect(picture).to_be_visible()
        expect(explorable.locator("svg, .ge-bars").first).to_be_visible()
        expect(explorable.get_by_role("slider")).to_have_count(0)
        expect(explorable.locator(".lw-value").first).to_be_visible()
        for button in explorable.get_by_role("button").all():
            assert button.get_attribute("aria-pressed") == "true"
    finally:
        blank.page.emulate_media(media="screen")
