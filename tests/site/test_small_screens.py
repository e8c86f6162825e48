"""What a telephone shows of what is wide: tables that go on say so, nothing lies over the text, no hint is cut off."""

import pytest
from explorable_helpers import lay_out
from playwright.sync_api import Browser, Page

TABLE = ".pst-scrollable-table-container"
ROOM = """input => {
  const style = getComputedStyle(input);
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = style.font;
  const inside = input.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  return [inside, pen.measureText(input.placeholder).width];
}"""


@pytest.fixture
def phone(browser: Browser) -> Page:
    """Return a page of the width of a telephone."""
    return browser.new_page(viewport={"width": 390, "height": 844})


def test_a_table_that_goes_on_is_named_and_shows_it_until_its_edge_is_reached(phone: Page, site: str) -> None:
    phone.goto(f"{site}/chapters/03_remember_gate.html")
    table = phone.locator(f"{TABLE}[data-more]").first
    table.scroll_into_view_if_needed()
    assert table.get_attribute("role") == "region"
    assert "scrolls sideways" in (table.get_attribute("aria-label") or "")
    assert table.evaluate("box => [box.tabIndex, box.dataset.more]") == [0, "right"]
    mark = "(box, which) => getComputedStyle(box, which).content"
    assert table.evaluate(mark, "::after").startswith('"›"')
    table.evaluate("box => { box.scrollLeft = box.scrollWidth; }")
    phone.wait_for_selector(f'{TABLE}[data-more="left"]')
    assert table.evaluate(mark, "::after") == "none"
    phone.set_viewport_size({"width": 1280, "height": 844})
    phone.wait_for_selector(f"{TABLE}:not([data-more]):not([role])")


@pytest.mark.parametrize("page", ["intro", "chapters/03_remember_gate"])
def test_no_button_lies_over_the_text(phone: Page, site: str, page: str) -> None:
    phone.goto(f"{site}/{page}.html")
    assert phone.locator("#pst-back-to-top").count() == 0


def test_what_an_empty_input_suggests_is_not_cut_off(phone: Page, site: str) -> None:
    phone.goto(f"{site}/chapters/08_learning_to_remember.html")
    lay_out(phone)
    row = phone.locator(".live-line").first
    row.scroll_into_view_if_needed()
    field = row.locator("input")
    field.wait_for()
    assert field.get_attribute("placeholder")
    inside, needed = field.evaluate(ROOM)
    assert needed <= inside


@pytest.mark.parametrize("page", ["05_forget_gate", "12_language_generation"])
def test_a_field_that_comes_is_as_high_as_the_place_it_takes(phone: Page, site: str, page: str) -> None:
    phone.goto(f"{site}/chapters/{page}.html")
    lay_out(phone)
    height = "box => box.getBoundingClientRect().height"
    panels = [box for box in phone.locator(".live").all() if box.locator(".live-place").count()]
    before = [box.evaluate(height) for box in panels]
    for box in panels:
        box.scroll_into_view_if_needed()
        box.locator("input, .cm-content").first.wait_for()
    assert panels
    assert [box.evaluate(height) for box in panels] == pytest.approx(before, abs=0.5)


@pytest.mark.parametrize("width", [390, 1280])
def test_an_editor_out_of_sight_takes_the_height_that_it_has_in_sight(phone: Page, site: str, width: int) -> None:
    """There CodeMirror does not measure: it guesses which lines wrap, and counts them in the margin."""
    phone.set_viewport_size({"width": width, "height": 844})
    phone.goto(f"{site}/chapters/11_on_the_gpu.html")
    lay_out(phone)
    panel = phone.locator("[data-exercise=global-mean]")
    panel.evaluate("box => scrollBy({ top: box.getBoundingClientRect().top - innerHeight - 300, behavior: 'instant' })")
    editor = panel.locator(".cm-editor")
    editor.wait_for()
    phone.wait_for_timeout(200)
    assert editor.bounding_box()["y"] > 844
    out_of_sight = editor.bounding_box()["height"]
    editor.scroll_into_view_if_needed()
    phone.wait_for_timeout(200)
    assert editor.bounding_box()["height"] == pytest.approx(out_of_sight, abs=0.5)
    numbers = editor.locator(".cm-lineNumbers .cm-gutterElement:visible")
    assert [one.inner_text() for one in numbers.all()] == ["1", "2", "3"]
    on_top = """e => {
        const { x, y, width, height } = e.getBoundingClientRect();
        return e.contains(document.elementFromPoint(x + width / 2, y + height / 2));
    }"""
    assert [one.evaluate(on_top) for one in numbers.all()] == [True] * 3
    places = [one.bounding_box()["y"] for one in numbers.all()]
    assert places == pytest.approx([line.bounding_box()["y"] for line in editor.locator(".cm-line").all()], abs=2)


@pytest.mark.parametrize("page", ["02_memory_loss", "08_learning_to_remember"])
def test_a_table_of_formulas_forward_and_back_is_seen_whole(phone: Page, site: str, page: str) -> None:
    phone.goto(f"{site}/chapters/{page}.html")
    lay_out(phone)
    table = phone.locator(TABLE, has=phone.locator("th", has_text="forward")).first
    table.scroll_into_view_if_needed()
    assert table.evaluate("box => box.scrollWidth <= box.clientWidth")
    forward, back = (table.locator(f"tbody tr:first-child td:nth-child({k})").bounding_box() for k in (1, 2))
    assert forward["y"] + forward["height"] <= back["y"] + 1
    phone.set_viewport_size({"width": 1280, "height": 844})
    forward, back = (table.locator(f"tbody tr:first-child td:nth-child({k})").bounding_box() for k in (1, 2))
    assert forward["x"] + forward["width"] <= back["x"] + 1
