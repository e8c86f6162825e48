"""Every page of the table of contents in a real browser: wide and narrow, light and dark."""

import contextlib
import json
import re
from collections.abc import Iterator
from typing import NamedTuple

import left_out
import pytest
from conftest import ROOT, SITE, SUB_PATH, Tabs, toc_pages
from explorable_helpers import axe, lay_out, listed_course, wait_until, watch
from playwright.sync_api import Browser, Page, expect

from lstm_lib.exercises import EXERCISES

VIEWS = "document.querySelectorAll('script[type=\"application/vnd.jupyter.widget-view+json\"], [data-explorable]')"
DESKTOP, TELEPHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


class Visit(NamedTuple):
    """A page that was opened, and what happened meanwhile."""

    name: str
    page: Page
    errors: list[str]  # console errors, uncaught exceptions, answers of 400 and above
    requests: list[str]


def visit(page: Page, url: str) -> Visit:
    """Open a page and wait until its formulas and explorables are there."""
    page.set_viewport_size(DESKTOP)
    errors: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("response", lambda answer: errors.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
    page.on("request", lambda request: requests.append(request.url))
    settled = watch(page)
    page.goto(url)
    settled()
    page.evaluate("() => document.fonts.ready.then(() => null)")
    with contextlib.suppress(TimeoutError):  # explorables start one at a time; a test below says if one did not
        wait_until(page, f"() => document.querySelectorAll('.anyhost .lstm-widget').length >= {VIEWS}.length")
    page.add_style_tag(content="* { transition: none !important }")  # or axe would measure colours half way
    return Visit(url.rpartition(".html")[0], page, errors, requests)


@pytest.fixture(scope="session", params=toc_pages())
def visited(request: pytest.FixtureRequest, tab: Tabs, site: str) -> Iterator[Visit]:
    """Open each page once; the tests look at it one after the other."""
    seen = visit(tab(), f"{site}/{request.param}.html")._replace(name=request.param)
    yield seen
    seen.page.close()


def set_up(page: Page, size: dict[str, int], theme: str) -> None:
    """Give the page a size, and the theme that the reader's button would give it."""
    page.set_viewport_size(size)
    if not page.evaluate("() => 'measured' in document.documentElement.dataset"):
        # All of the page is laid out, and what scrolls in it is found, as it is when a reader has been everywhere.
        lay_out(page)
        for step in range(300):
            page.mouse.move(5 + step % 2, 5)
            page.wait_for_timeout(50)
            if page.evaluate("() => 'measured' in document.documentElement.dataset"):
                break
        else:
            raise TimeoutError("what scrolls was not looked for within 15 seconds")
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    page.wait_for_timeout(50)  # the scripts that watch the size of the window answer


def untypeset(page: Page) -> list[str]:
    """List formulas that are not drawn, drawn as an error, or not there for those who listen, and TeX in the text."""
    return page.evaluate(
        r"""() => {
            const drawn = (e) => e.querySelector("mjx-container mjx-math [class*='mjx-c']")
                && e.querySelector("mjx-assistive-mml > math")?.textContent.trim();
            const bad = [...document.querySelectorAll(".math")].filter((e) => !drawn(e));
            bad.push(...document.querySelectorAll("mjx-merror, merror"));
            const code = "pre, code, script, style, textarea, [hidden]";
            const walker = document.createTreeWalker(document.querySelector("article"), NodeFilter.SHOW_TEXT);
            while (walker.nextNode()) {
                const { data, parentElement } = walker.currentNode;
                if (/\\[a-zA-Z([]|\$[^$]+\$/.test(data) && !parentElement.closest(code)) bad.push(walker.currentNode);
            }
            return bad.map((e) => e.textContent);
        }"""
    )


def test_a_page_loads_without_errors(visited: Visit) -> None:
    assert visited.errors == []


def test_a_page_asks_no_other_host(visited: Visit, site: str) -> None:
    assert [url for url in visited.requests if not url.startswith((f"{site}/", "blob:", "data:"))] == []


def test_every_formula_is_typeset(visited: Visit) -> None:
    assert untypeset(visited.page) == []


def test_every_explorable_is_shown(visited: Visit) -> None:
    shown = visited.page.locator(".anyhost .lstm-widget").count()
    assert shown == visited.page.evaluate(f"() => {VIEWS}.length")


def test_every_exercise_of_a_chapter_can_be_done_in_the_page(visited: Visit) -> None:
    path = ROOT / f"{visited.name}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"] if path.is_file() else []
    named = dict.fromkeys(cell["metadata"]["exercise"] for cell in cells if "exercise" in cell["metadata"])
    panels = visited.page.evaluate("[...document.querySelectorAll('[data-exercise]')].map((e) => e.dataset.exercise)")
    assert panels == [id for id in named if EXERCISES[id].kind != "judgement"]  # those are quizzes


def test_quizzes_and_explorables_have_the_names_that_the_course_lists(visited: Visit) -> None:
    listed = next(page["items"] for page in listed_course()["pages"] if page["page"] == visited.name)
    wanted = [item["anchor"] for item in listed if item["kind"] != "exercise"]
    exercises = [f"quiz-{item['id']}" for item in listed if item["kind"] == "exercise"]
    shown = visited.page.locator(".anyhost[id]").evaluate_all("all => all.map((e) => e.id)")
    assert [name for name in shown if name not in exercises] == wanted


def test_no_two_elements_share_an_id_and_no_two_questions_their_buttons(visited: Visit) -> None:
    ids, names = visited.page.evaluate(
        """() => [
            [...document.querySelectorAll(".anyhost [id]")].map((e) => e.id)
                .filter((id) => document.querySelectorAll(`#${id}`).length > 1),
            [...document.querySelectorAll(".anyhost fieldset")]
                .map((f) => [...new Set([...f.querySelectorAll("[type=radio]")].map((r) => r.name))]).flat(),
        ]"""
    )
    assert ids == []
    assert sorted(set(names)) == sorted(names)


def test_every_input_of_an_explorable_has_a_name_of_its_own_and_keeps_its_keys(visited: Visit) -> None:
    inputs = visited.page.evaluate(
        """() => [...document.querySelectorAll(".anyhost input")].map((input) => ({
            labels: [...input.labels].map((label) => label.textContent.trim()),
            nearest: input.labels[0]?.parentElement.contains(input),
            suppressed: input.dataset.lmSuppressShortcuts,
            touch: input.type === "range" ? getComputedStyle(input).touchAction : "pan-y",
        }))"""
    )
    for one in inputs:
        assert len(one["labels"]) == 1, one
        assert one["labels"][0], one
        assert one["nearest"], one
        assert one["suppressed"] == "true", one
        assert one["touch"] == "pan-y", one


def symbol(text: str) -> str:
    """Return a symbol as letters alone: w_h, w_{h} and the label's w with a small h are wh."""
    return re.sub(r"[^A-Za-z]", "", text).lower()


def asked_values(name: str) -> list[tuple[str, float]]:
    """List what the sections of a chapter that hold an explorable set: a symbol and its value."""
    cells = json.loads((ROOT / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    sections: list[tuple[list[str], bool]] = [([], False)]
    for cell in cells:
        text = "".join(cell["source"])
        if cell["cell_type"] == "code":
            shown = re.search(r"^(GateExplorer|ThreeClocks|GradientFlow|Truncation)\(", text, re.MULTILINE)
            sections[-1] = (sections[-1][0], sections[-1][1] or bool(shown))
        else:
            for part in re.split(r"^(?=## )", text, flags=re.MULTILINE):
                if part.startswith("## "):
                    sections.append(([], False))
                sections[-1][0].append(part)
    words = "\n".join(text for texts, holds in sections if holds for text in texts)
    found = re.findall(r"\b([a-z](?:_\{?[a-z]+\}?)?) ?= ?([-−]?\d+(?:\.\d+)?)(?![\d.]*\^)", words)
    return [(symbol(one), float(value.replace("−", "-"))) for one, value in found]


def test_prose_asks_for_no_value_that_a_slider_cannot_reach(visited: Visit) -> None:
    sliders = visited.page.evaluate(
        """() => [...document.querySelectorAll(".anyhost input[type=range]")]
            .map((input) => [input.labels[0].querySelector("b")?.textContent ?? "", +input.min, +input.max])"""
    )
    for one, value in asked_values(visited.name) if visited.name.startswith("chapters/") else []:
        # w_x of the text is w_{ix} of the label, h is h_{t-1}, and b is b_i.
        like = re.compile(".*".join(one))
        ranges = [(low, high) for label, low, high in sliders if like.match(symbol(label))]
        assert not ranges or any(low <= value <= high for low, high in ranges), f"{one} = {value}: {ranges}"


STOPS = """() => [...document.querySelectorAll("article [tabindex='0']")]
    .filter((e) => !(e.scrollWidth > e.clientWidth && /auto|scroll/.test(getComputedStyle(e).overflowX)))
    .map((e) => e.outerHTML.slice(0, 100))"""


@pytest.mark.parametrize("size", [TELEPHONE, DESKTOP], ids=["390", "1280"])
def test_the_keyboard_stops_only_where_something_scrolls(visited: Visit, size: dict[str, int]) -> None:
    set_up(visited.page, size, "light")
    with contextlib.suppress(TimeoutError):  # a busy page sees a little later that it has another width
        wait_until(visited.page, f"() => ({STOPS})().length === 0")
    assert visited.page.evaluate(STOPS) == []


def test_every_icon_is_drawn(visited: Visit) -> None:
    assert visited.page.locator("i[class*='fa-']").count() == 0
    assert visited.page.locator("svg.svg-inline--fa").count() > 0


def test_every_picture_says_what_it_shows(visited: Visit) -> None:
    pictures = visited.page.evaluate(
        "() => [...document.querySelectorAll('article img')].map((i) => [i.getAttribute('alt') ?? '', i.src])"
    )
    useless = [src for alt, src in pictures if len(alt) < 15 or re.search(r"\.(png|svg|jpe?g)$|_images", alt)]
    assert useless == []


@pytest.mark.parametrize("size", [TELEPHONE, DESKTOP], ids=["390", "1280"])
def test_a_page_does_not_scroll_sideways(visited: Visit, size: dict[str, int]) -> None:
    set_up(visited.page, size, "light")
    too_wide = visited.page.evaluate(
        "() => [document.documentElement.scrollWidth, document.querySelector('.bd-main')?.scrollWidth ?? 0]"
    )
    assert max(too_wide) <= size["width"]


def test_nothing_that_is_printed_is_cut(visited: Visit) -> None:
    """At the width of an A4 page between its margins."""
    set_up(visited.page, {"width": 718, "height": 1000}, "light")
    visited.page.emulate_media(media="print")
    visited.page.wait_for_timeout(100)
    cut = visited.page.evaluate(
        """() => [...document.querySelectorAll("article pre, article table, article img, article .anyhost")]
            .filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 1 ||
                e.matches("pre") && e.scrollWidth > e.clientWidth + 1)
            .map((e) => [e.tagName, e.textContent.slice(0, 60), e.getBoundingClientRect().right])"""
    )
    visited.page.emulate_media(media="screen")
    assert cut == []


def test_no_rule_that_was_left_out_fits_anything_on_a_page(visited: Visit) -> None:
    selectors = left_out.selectors()
    fits = visited.page.evaluate(
        """selectors => selectors.filter((selector) => {
            try { return document.querySelector(selector) } catch { return false }
        })""",
        selectors,
    )
    assert len(selectors) > 500
    assert fits == []


@pytest.mark.parametrize("size", [DESKTOP, TELEPHONE], ids=["1280", "390"])
def test_axe_finds_nothing(visited: Visit, size: dict[str, int]) -> None:
    """Every page in both sizes and both themes, but not in all four pairs: what an article holds is there in each size.

    The frame around it, of which each size shows other parts, is one for all pages; so the pairs alternate by page.
    """
    wide_is_dark = toc_pages().index(visited.name) % 2 == 1
    set_up(visited.page, size, "dark" if (size == DESKTOP) == wide_is_dark else "light")
    assert axe(visited.page) == []


@pytest.mark.parametrize("size", [DESKTOP, TELEPHONE], ids=["1280", "390"])
def test_each_stop_of_the_keyboard_shows_where_it_is(tab: Tabs, site: str, size: dict[str, int]) -> None:
    seen = visit(tab(), f"{site}/chapters/04_learn_gate.html")
    set_up(seen.page, size, "light")
    stops = []
    for _ in range(45):
        seen.page.keyboard.press("Tab")
        stops.append(
            seen.page.evaluate(
                """() => {
                    const [element, style] = [document.activeElement, getComputedStyle(document.activeElement)];
                    const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
                    return [element.outerHTML.slice(0, 120), outlined || style.boxShadow !== "none"];
                }"""
            )
        )
    assert [stop for stop, shown in stops if not shown] == []
    assert any("primary-toggle" in stop for stop, _ in stops)
    assert any("dropdown-toggle" in stop for stop, _ in stops)
    seen.page.close()


@pytest.mark.parametrize("toggle", [".primary-toggle", ".secondary-toggle"])
def test_escape_from_a_menu_gives_the_focus_back(tab: Tabs, site: str, toggle: str) -> None:
    seen = visit(tab(), f"{site}/notation.html")
    set_up(seen.page, TELEPHONE, "light")
    button = seen.page.locator(f"{toggle}:visible").first
    button.press("Enter")
    expect(seen.page.locator("dialog[open]")).to_have_count(1)
    seen.page.keyboard.press("Escape")
    expect(seen.page.locator("dialog[open]")).to_have_count(0)
    expect(button).to_be_focused()
    seen.page.close()


def test_every_explorable_fits_when_it_is_open(visited: Visit) -> None:
    """The last of the tests that look at a page: it answers all questions."""
    set_up(visited.page, TELEPHONE, "light")
    button = visited.page.get_by_role("button", name="Show without guessing").first  # which hides itself
    while button.is_visible():
        button.press("Enter")
    widths = visited.page.locator(".anyhost").evaluate_all("all => all.map((e) => e.scrollWidth - e.clientWidth)")
    assert [width for width in widths if width > 0] == []


@pytest.mark.parametrize("name", ["intro", "chapters/02_memory_loss"])
def test_the_site_works_under_a_sub_path(tab: Tabs, site: str, name: str) -> None:
    seen = visit(tab(), f"{site}{SUB_PATH}/{name}.html")
    assert seen.errors == []
    assert [url for url in seen.requests if not url.startswith((f"{site}{SUB_PATH}/", "blob:", "data:"))] == []
    assert untypeset(seen.page) == []
    seen.page.close()


def test_explorables_work_on_a_page_that_is_opened_from_disk(browser: Browser) -> None:
    seen = visit(browser.new_page(), (SITE / "chapters" / "06_use_gate.html").as_uri())
    slider = seen.page.locator(".gate-explorer").first.get_by_role("slider").first
    words = seen.page.locator(".gate-explorer").first.get_by_role("status")
    before = words.text_content()
    slider.press("End")
    assert words.text_content() != before
    assert seen.errors == []
    seen.page.close()


def test_a_formula_has_the_colours_of_its_gates(tab: Tabs, site: str) -> None:
    from lstm_lib.notation import FAMILIES

    seen = visit(tab(), f"{site}/notation.html")
    for theme, tone in [("light", "on_light"), ("dark", "on_dark")]:
        set_up(seen.page, DESKTOP, theme)
        for name in ("learn", "forget", "remember", "use"):
            red, green, blue = bytes.fromhex(getattr(FAMILIES[name], tone)[1:])
            shown = seen.page.locator(f"mjx-container .gate-{name}").first.evaluate("e => getComputedStyle(e).color")
            assert shown == f"rgb({red}, {green}, {blue})"
    seen.page.close()
