"""Exercises and cells that are done in the page, as a reader does them: type, press, read, come back."""

import re
from collections.abc import Iterator

import pytest
from conftest import SITE
from explorable_helpers import axe
from playwright.sync_api import Browser, Locator, Page, expect

from lstm_lib.exercises import EXERCISES

START = 60_000  # milliseconds until Python must have started, on however busy a machine

RIGHT = "def forget_gate(z, c_prev, W_f, b_f):\n    f = sigmoid(dot(W_f, z) + b_f)\n    return f * c_prev"
WRONG = RIGHT.replace("sigmoid", "tanh")


@pytest.fixture(scope="module")
def opened(browser: Browser, site: str) -> Iterator[Page]:
    """Open chapter 5 once: Python starts once for all tests that only type and press."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{site}/chapters/05_forget_gate.html")
    page.add_style_tag(content="* { transition: none !important }")  # or axe would measure colours half way
    yield page
    page.close()


def panel(page: Page, id: str) -> Locator:
    """Return the panel of an exercise, with its editor there."""
    found = page.locator(f"#exercise-{id}")
    found.scroll_into_view_if_needed()
    if EXERCISES[id].kind == "code":
        expect(found.locator(".cm-content")).to_be_visible()
    return found


def write(one: Locator, code: str) -> None:
    """Replace what stands in an editor."""
    one.locator(".cm-content").click()
    one.page.keyboard.press("ControlOrMeta+A")
    one.page.keyboard.insert_text(code)


def press(one: Locator, name: str) -> str:
    """Press a button, wait until Python has answered, and return what is said."""
    one.get_by_role("button", name=name, exact=True).click()
    expect(one).not_to_have_attribute("data-state", "working", timeout=START)
    return one.locator(".live-said").inner_text()


def test_an_untouched_stub_is_not_answered_yet(opened: Page) -> None:
    assert "Not answered yet" in press(panel(opened, "forget-gate"), "Check")


def test_a_wrong_answer_is_told_its_mistake_and_a_right_one_that_it_is_right(opened: Page) -> None:
    one = panel(opened, "forget-gate")
    write(one, WRONG)
    assert EXERCISES["forget-gate"].catalogue["tanh-for-sigmoid"].says in press(one, "Check")
    write(one, RIGHT)
    assert EXERCISES["forget-gate"].right in press(one, "Check")
    expect(one).to_have_attribute("data-state", "right")


def test_a_change_that_nobody_has_listed_is_named_with_its_place_marked(opened: Page) -> None:
    one = panel(opened, "forget-gate")
    write(one, RIGHT.replace("f * c_prev", "f * c_prev * f"))
    said = press(one, "Check")
    assert "Yours behaves like" in said
    assert one.locator("mark").count() > 0


def test_an_error_shows_the_line_that_the_reader_wrote(opened: Page) -> None:
    one = panel(opened, "forget-gate")
    write(one, "a = 1\nb = a +\n")
    assert "Line 2" in press(one, "Check")
    write(one, "a = 1\nb = a + nothing")
    said = press(one, "Run")
    assert "Line 2" in said
    assert "b = a + nothing" in said


def test_what_is_typed_is_text_on_the_page_and_nothing_else(opened: Page) -> None:
    one = panel(opened, "forget-gate")
    write(one, "'<img src=x onerror=\"window.broken = 1\">'")
    assert "<img" in press(one, "Run")
    assert one.locator(".live-said img").count() == 0
    assert opened.evaluate("window.broken") is None


def test_run_prints_and_shows_the_last_value(opened: Page) -> None:
    one = panel(opened, "forget-gate")
    write(one, f"{RIGHT}\n\nprint('kept')\nforget_gate([0.0], 2.0, [1.0], 0.0)")
    assert press(one, "Run").split() == ["kept", "1.0"]


def test_an_endless_loop_can_be_stopped_and_python_goes_on(opened: Page) -> None:
    one = panel(opened, "forget-gate")
    write(one, "while True:\n    pass")
    one.get_by_role("button", name="Run", exact=True).click()
    expect(one.locator(".live-wait")).to_contain_text("Running", timeout=START)
    assert "Stopped" in press(one, "Stop")
    write(one, "1 + 1")
    assert press(one, "Run") == "2"


def test_a_loop_inside_an_answer_is_said_to_be_one(opened: Page) -> None:
    one = panel(opened, "forget-gate")
    write(one, RIGHT.replace("    return", "    while True:\n        pass\n    return"))
    assert "did not finish" in press(one, "Check")


def test_a_number_may_be_an_expression_and_enter_checks_it(opened: Page) -> None:
    one = panel(opened, "thirty-steps")
    line = one.get_by_role("textbox")
    line.fill("sigmoid(2)^30")
    assert "two stars" in press(one, "Check")
    line.fill("sigmoid(2) ** 30")
    line.press("Enter")
    expect(one.locator(".live-said")).to_contain_text("Solved", timeout=START)


def test_start_again_brings_the_stub_back(opened: Page) -> None:
    one = panel(opened, "forget-gate")
    write(one, "lost?")
    one.get_by_role("button", name="Start again").click()
    assert "return ...  # your lines here" in one.locator(".cm-content").inner_text()


def test_tab_indents_and_leaves_the_editor_after_escape(opened: Page) -> None:
    one = panel(opened, "forget-gate")
    write(one, "x = 1")
    opened.keyboard.press("Home")
    opened.keyboard.press("Tab")
    assert one.locator(".cm-content").inner_text() == "    x = 1"
    opened.keyboard.press("Escape")
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.textContent") == "Check"


def test_tab_alone_goes_through_an_editor_that_nobody_writes_in(opened: Page) -> None:
    one = panel(opened, "forget-gate")
    before = one.locator(".cm-content").inner_text()
    one.locator(".cm-content").focus()
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.textContent") == "Check"
    opened.keyboard.press("Shift+Tab")
    opened.keyboard.press("Shift+Tab")
    assert opened.evaluate("!document.activeElement.closest('#exercise-forget-gate')")
    assert one.locator(".cm-content").inner_text() == before


def test_a_verdict_is_told_to_the_page(opened: Page) -> None:
    opened.evaluate("() => document.addEventListener('lstm:done', ({ detail }) => { window.heard = detail })")
    one = panel(opened, "forget-gate")
    write(one, WRONG)
    press(one, "Check")
    heard = opened.evaluate("window.heard")
    assert heard == heard | {"kind": "exercise", "id": "forget-gate", "passed": False, "mistake": "tanh-for-sigmoid"}


def test_a_live_cell_goes_on_from_the_cells_above_it(browser: Browser, site: str) -> None:
    page = browser.new_page()
    page.goto(f"{site}/chapters/02_memory_loss.html")
    cell = page.locator(".live-cell").nth(3)  # after half_life, settle and after
    cell.scroll_into_view_if_needed()
    expect(cell.locator(".cm-content")).to_be_visible()
    assert press(cell, "Run") == "0.394 a step, half-life 0.74 steps"
    assert page.locator(".live-old:visible").count() == 0  # nothing was changed
    above = page.locator(".live-cell").nth(1)
    above.scroll_into_view_if_needed()
    write(above, "w = latched = 0.8")
    press(above, "Run")
    old = page.locator(".live-cell").filter(has=page.locator(".live-old:not([hidden])"))
    assert old.count() == page.locator(".live-cell").count() - 2
    assert press(cell, "Run").startswith("0.288 a step")
    expect(cell.locator(".live-old")).to_be_hidden()
    page.close()


def test_python_goes_on_without_the_network(browser: Browser, site: str) -> None:
    page = browser.new_page()
    page.goto(f"{site}/chapters/03_remember_gate.html")
    assert "Not answered yet" in press(panel(page, "remember-sum"), "Check")
    page.context.set_offline(True)
    assert "Not answered yet" in press(panel(page, "half-life"), "Check")
    page.close()


def test_where_python_cannot_start_the_page_says_why_and_keeps_what_was_typed(browser: Browser, site: str) -> None:
    page = browser.new_page()
    page.route("**/pyodide.asm.wasm", lambda route: route.abort())
    page.goto(f"{site}/chapters/03_remember_gate.html")
    one = panel(page, "remember-sum")
    write(one, "kept = 1")
    assert "Python did not start" in press(one, "Check")
    assert one.locator(".cm-content").inner_text() == "kept = 1"
    page.close()


def test_a_book_opened_from_the_disk_says_how_to_serve_it(browser: Browser) -> None:
    page = browser.new_page()
    page.goto((SITE / "chapters" / "03_remember_gate.html").as_uri())
    assert "python -m http.server" in press(panel(page, "half-life"), "Check")
    page.close()


def test_every_solution_passes_in_the_page_and_every_kind_of_exercise_is_there(browser: Browser, site: str) -> None:
    page = browser.new_page()
    page.goto(f"{site}/chapters/01_sequences_and_memory.html")
    asked = {one.id: one.solution_source for one in EXERCISES.values() if one.kind != "judgement"}
    failed = page.evaluate(
        """async (asked) => {
            const worker = new Worker("../_static/course/live/worker.mjs", { type: "module" });
            const failed = [];
            for (const [id, source] of Object.entries(asked)) {
                const reply = await new Promise((resolve) => {
                    worker.onmessage = ({ data }) => ("reply" in data || data.failed || data.broken) && resolve(data);
                    worker.postMessage({ id, request: JSON.stringify({ do: "check", id, source }) });
                });
                if (!reply.reply || !JSON.parse(reply.reply).verdict?.passed) failed.push([id, reply]);
            }
            return failed;
        }""",
        asked,
    )
    page.close()
    assert failed == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_a_panel_that_has_spoken(opened: Page, theme: str) -> None:
    one = panel(opened, "forget-gate")
    write(one, WRONG)
    press(one, "Check")
    opened.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    assert axe(opened) == []
    opened.evaluate("() => { document.documentElement.dataset.theme = 'light' }")


def test_a_page_loads_the_script_where_it_has_exercises_and_no_python_yet(browser: Browser, site: str) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site}/notation.html")
    page.wait_for_load_state("networkidle")
    assert [url for url in asked if "/live/" in url] == []
    page.goto(f"{site}/chapters/05_forget_gate.html")
    page.wait_for_load_state("networkidle")
    assert [re.search(r"(\w+\.\w+)(\?|$)", url)[1] for url in asked if "/live/" in url] == ["live.js"]
    page.close()
