"""Sections far from the screen are not laid out; their heights are known well enough, and nothing in them is lost."""

import sys
from collections.abc import Iterator

import pytest
from conftest import ROOT, Tabs
from explorable_helpers import lay_out, wait_until
from playwright.sync_api import Page

sys.path.insert(0, str(ROOT / "website" / "build"))

import heights

LONG = "<p>" + "A word of text. " * 100 + "</p>"
CHAPTER = "chapters/02_memory_loss"
NOT_DRAWN = "e => !e.checkVisibility({ contentVisibilityAuto: true })"
PAGES = [CHAPTER, *("chapters/08_learning_to_remember", "chapters/12_language_generation", "about", "everything")]
SIZES = {390: 844, 1280: 900}


# ---------------------------------------------------------------- what the build writes


def test_a_long_section_below_the_title_gets_its_height():
    page = f'<section id="title"><h1>Title</h1><section id="a"><h2>A</h2>{LONG}</section></section>'
    found = heights.estimated("x.html", page)
    assert '<section id="title">' in found  # all of the page: it must be laid out
    letters = len(("A word of text. " * 100).strip()) + len("A ")
    pixels = heights.PIXELS["<section"]
    assert f'<section id="a" class="distant" style="--pixels:{pixels}px;--letters:{letters}">' in found


def test_a_short_section_is_left_alone():
    page = '<section id="title"><section id="a"><p>Few words.</p></section></section>'
    assert heights.estimated("x.html", page) == page


@pytest.mark.parametrize("page", [f"{name}.html" for name in heights.FILLED])
def test_a_page_that_a_script_fills_is_left_alone(page):
    text = f'<section id="title"><section id="a">{LONG}</section></section>'
    assert heights.estimated(page, text) == text


@pytest.mark.parametrize(
    ("html", "pixels", "letters"),
    [
        ("<p>Twelve letters</p>", 0, 14),
        ('<img src="a.png">', heights.PIXELS["<img"], 0),
        ("<table><tr><td>a</td></tr><tr><td>b</td></tr></table>", 2 * heights.PIXELS["<tr"], 3),
        ("<pre>one\ntwo\nthree</pre>", heights.PIXELS["code"] + 3 * heights.PIXELS["line"], 0),
        (f"<details><summary>Why?</summary>{LONG}</details>", heights.PIXELS["fold"], 0),
        ("<details open><p>Seen</p></details>", 0, 4),
        ("<script>let x = 1;</script><style>a {}</style>", 0, 0),
        ('<mjx-container display="true"><mjx-math>x</mjx-math></mjx-container>', heights.PIXELS["display"], 0),
    ],
)
def test_what_a_piece_of_a_page_needs(html, pixels, letters):
    assert heights.estimate(html) == (pixels, letters)


# ---------------------------------------------------------------- in the browser


@pytest.fixture(scope="module")
def narrow(tab: Tabs) -> Iterator[Page]:
    page = tab(390, 844)
    yield page
    page.close()


def last_far_section(page: Page) -> str:
    """Return the id of the last section that is not drawn."""
    far = f"[...document.querySelectorAll('.distant > p')].filter({NOT_DRAWN})"
    found = page.evaluate(f"() => {far}.at(-1)?.parentElement.id")
    assert found, "every section of the page is drawn"
    return found


def test_a_far_section_is_drawn_when_the_reader_comes_near(narrow, site):
    narrow.goto(f"{site}/{CHAPTER}.html")
    section = last_far_section(narrow)
    narrow.evaluate("id => document.getElementById(id).scrollIntoView()", section)
    wait_until(narrow, f"id => !({NOT_DRAWN})(document.querySelector(`[id='${{id}}'] > p`))", section)


def test_a_link_into_a_far_section_lands_on_its_heading(narrow, site):
    narrow.goto(f"{site}/{CHAPTER}.html")
    section = last_far_section(narrow)
    narrow.goto("about:blank")
    narrow.goto(f"{site}/{CHAPTER}.html#{section}")
    top = "id => document.querySelector(`[id='${id}'] > :is(h2, h3)`).getBoundingClientRect().top"
    wait_until(narrow, f"id => {{ const y = ({top})(id); return y > -1 && y < innerHeight / 2; }}", section)
    narrow.wait_for_timeout(500)  # and stays there while the sections around it take their own heights
    assert -1 < narrow.evaluate(top, section) < 422


def test_on_paper_every_section_is_drawn(narrow, site):
    narrow.goto(f"{site}/{CHAPTER}.html")
    last_far_section(narrow)
    narrow.emulate_media(media="print")
    try:
        wait_until(narrow, f"() => ![...document.querySelectorAll('.distant > p')].some({NOT_DRAWN})")
    finally:
        narrow.emulate_media(media="screen")


@pytest.mark.parametrize("width", SIZES)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_about_as_tall_as_was_said(tab, site, name, width):
    """The scroll bar shows how much there is to read; an estimate may be wrong by a third of the page."""
    page = tab(width, SIZES[width])
    try:
        page.goto(f"{site}/{name}.html")
        outer = "[...document.querySelectorAll('.distant')].filter((e) => !e.parentElement.closest('.distant'))"
        height = "; height: calc(var(--pixels) + var(--letters) * var(--letter))"
        told = page.evaluate(
            f"""() => {outer}.map((e) => {{
                const probe = document.createElement("div");
                probe.style.cssText = e.getAttribute("style") + "{height}";
                document.querySelector(".bd-article").append(probe);
                const height = probe.getBoundingClientRect().height;
                probe.remove();
                return height;
            }})"""
        )
        lay_out(page)
        shown = "() => document.querySelectorAll('.anyhost .lstm-widget').length"
        for _ in range(100):  # explorables start one at a time
            before = page.evaluate(shown)
            page.wait_for_timeout(150)
            if page.evaluate(shown) == before:
                break
        real = page.evaluate(f"() => {outer}.map((e) => e.getBoundingClientRect().height)")
    finally:
        page.close()
    assert 0.67 < sum(told) / sum(real) < 1.5, (round(sum(told)), round(sum(real)))
