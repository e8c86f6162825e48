"""What the reader has set stands in the address of the page, and a link restores it."""

from collections.abc import Callable

import pytest
from anywidget import AnyWidget
from conftest import HOST, Blank
from explorable_helpers import module, node, wait_until
from playwright.sync_api import Locator, Page, expect

from lstm_lib.widgets import GateExplorer, GradientFlow, ThreeClocks, Truncation

OPENED = {
    "three-clocks=w:0.9,forget_bias:2": ThreeClocks,
    "gradient-flow=output:9,input_bias:3": GradientFlow,
    "truncation=window:12,lag:9,mode:reset": Truncation,
    "forget-gate=values.b_f:5,values.c:-1.5": GateExplorer,
}


def open_at(show: Callable[[AnyWidget], Locator], widget: AnyWidget, fragment: str) -> Locator:
    """Open an explorable at an address, with its question answered."""
    if widget.has_trait("guess"):
        widget.guess = "skipped"
    explorable = show(widget)
    explorable.page.goto("about:blank")
    explorable.page.goto(f"{HOST}page.html#{fragment}")
    explorable.wait_for()
    return explorable


def fragment(page: Page) -> str:
    return page.evaluate("() => location.hash.slice(1)")


def sliders(explorable: Locator) -> list[str]:
    return explorable.locator("input[type=range], input:checked").evaluate_all("inputs => inputs.map((i) => i.value)")


@pytest.mark.parametrize("address", OPENED)
def test_a_link_restores_what_was_set_and_a_change_is_written_back(
    alone: Callable[[AnyWidget], Locator], address: str
) -> None:
    widget = OPENED[address]("forget") if OPENED[address] is GateExplorer else OPENED[address]()
    explorable = open_at(alone, widget, address)
    page = explorable.page
    for pair in address.partition("=")[2].split(","):
        assert pair.partition(":")[2] in sliders(explorable), pair
    assert fragment(page) == address

    explorable.get_by_role("slider").first.press("End")
    wait_until(page, "old => location.hash.slice(1) !== old", address)
    before = sliders(explorable)
    page.reload()
    explorable.wait_for()
    assert sliders(explorable) == before


@pytest.mark.parametrize(
    "fragment_",
    ["three-clocks=w:7,forget_bias:NaN", "three-clocks=guess:state", "three-clocks=%E0%A4%A", "other=w:2", "a-section"],
)
def test_what_an_address_may_not_set_is_left_as_it_was(
    alone: Callable[[AnyWidget], Locator], fragment_: str
) -> None:
    explorable = open_at(alone, ThreeClocks(), fragment_)
    assert sliders(explorable)[:2] == ["1.5", "1"]


def test_at_the_start_again_the_address_is_clean_and_a_heading_s_is_not_touched_before(
    alone: Callable[[AnyWidget], Locator],
) -> None:
    explorable = open_at(alone, ThreeClocks(w=0.5), "a-section")
    page, weight = explorable.page, explorable.get_by_role("slider").first
    page.wait_for_timeout(400)
    assert fragment(page) == "a-section"
    weight.press("ArrowRight")
    wait_until(page, "() => location.hash === '#three-clocks=w:0.55'")
    weight.press("ArrowLeft")
    wait_until(page, "() => location.hash === ''")


def test_a_second_link_on_the_same_page_is_followed(alone: Callable[[AnyWidget], Locator]) -> None:
    explorable = open_at(alone, ThreeClocks(), "three-clocks=w:0.9")
    explorable.page.evaluate("() => { location.hash = '#three-clocks=forget_bias:2'; }")
    expect(explorable.get_by_role("slider").nth(1)).to_have_value("2")
    assert sliders(explorable)[0] == "1.5"


def test_words_survive_the_way_into_an_address_and_back() -> None:
    values = {"mode": "a,b:c d&ü", "values.f": "-1e-7"}
    script = f"""import {{ fromFragment, toFragment }} from {module("parts")};
    const address = toFragment("name", {values!r});
    console.log(JSON.stringify([address, fromFragment(address, "name"), fromFragment(address, "nam")]));"""
    address, back, other = node(script)
    assert back == values
    assert other is None
    assert " " not in address


def test_in_a_notebook_nothing_is_written(blank: Blank, alone: Callable[[AnyWidget], Locator]) -> None:
    """There the host does not say that it is a website: the address belongs to Jupyter."""
    host = blank.files["anyhost.js"]
    blank.files["anyhost.js"] = host.replace("website: true,", "")
    try:
        explorable = open_at(alone, ThreeClocks(), "three-clocks=w:0.9")
        assert sliders(explorable)[0] == "1.5"
        explorable.get_by_role("slider").first.press("End")
        explorable.page.wait_for_timeout(400)
        assert fragment(explorable.page) == "three-clocks=w:0.9"
    finally:
        blank.files["anyhost.js"] = host
