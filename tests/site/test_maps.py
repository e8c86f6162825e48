"""The maps of the cell on the site: the description that the figures use, in the page's colours, with ways to gates."""

import json
import re
import sys

import pytest
from conftest import ROOT, SITE, notebooks
from explorable_helpers import lay_out, text_sizes
from playwright.sync_api import Browser, expect

sys.path.insert(0, str(ROOT / "website" / "build"))
import maps

from lstm_lib import _cell_map

DRAWN = {
    path.stem: [
        (maps.asked(maps.CALL.search("".join(cell["source"]))[0]), cell["metadata"]["mystnb"]["image"]["alt"])
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "code" and maps.CALL.search("".join(cell["source"]))
    ]
    for path in notebooks()
}
DRAWN = {name: rows for name, rows in DRAWN.items() if rows}


def test_every_gate_chapter_has_a_map_with_its_piece_lit() -> None:
    lit = {name: [here for (_, _, here), _ in rows] for name, rows in DRAWN.items()}
    for gate, name in maps.CHAPTERS.items():
        assert gate in lit[name]
    assert lit["07_full_cell"] == [None]
    assert lit["08_learning_to_remember"] == ["remember"]  # the road on which a gradient lasts


@pytest.mark.parametrize("name", DRAWN)
def test_the_page_has_each_map_as_a_drawing_with_the_picture_s_words(browser: Browser, site: str, name: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(f"{site}/chapters/{name}.html")
    lay_out(page)
    page.evaluate("() => document.fonts.ready.then(() => true)")
    for (kind, use, _), alt in DRAWN[name]:
        expect(page.get_by_alt_text(alt, exact=True)).to_have_count(0)
        map_ = page.get_by_role("group", name=alt, exact=True)
        expect(map_).to_have_count(1)
        diagram = maps.KINDS[kind](use)
        assert map_.locator("rect.cell-map-paper").count() == len(diagram.parts)
        assert map_.locator("path.cell-map-head").count() == len(diagram.wires)
        cut = map_.locator("text").evaluate_all(
            """texts => texts.filter((t) => {
                const [inner, outer] = [t, t.closest("svg")].map((e) => e.getBoundingClientRect());
                return inner.left < outer.left - 1 || inner.right > outer.right + 1;
            }).map((t) => t.textContent)"""
        )
        assert cut == []
        sizes = text_sizes(map_)
        assert sorted(sizes)[len(sizes) // 2] >= 9
    page.close()


@pytest.mark.parametrize("name", DRAWN)
def test_the_ways_lead_to_the_other_gates(browser: Browser, site: str, name: str) -> None:
    page = browser.new_page()
    page.goto(f"{site}/chapters/{name}.html")
    map_ = page.locator(".cell-map").first
    others = [gate for gate, chapter in maps.CHAPTERS.items() if chapter != name]
    labels = map_.locator("a > title").evaluate_all("titles => titles.map((title) => title.textContent)")
    assert sorted(re.search(r"the (\w+) gate", label)[1] for label in labels) == sorted(others)
    for gate in others:
        assert (SITE / "chapters" / f"{maps.CHAPTERS[gate]}.html").is_file()
    map_.get_by_role("link", name=f"To the {others[0]} gate").press("Enter")
    page.wait_for_url(f"**/{maps.CHAPTERS[others[0]]}.html")
    page.close()


def test_what_is_lit_is_lit_as_in_the_figure() -> None:
    drawing = maps.nav(_cell_map.simplified(), "x", here="forget", chapter="05_forget_gate")
    wires = re.findall(r'<g class="([^"]*)"><path', drawing)
    faded = [family.split()[0].removeprefix("gate-") for family in wires if family.endswith("faded")]
    assert "forget" not in faded
    assert wires[0] == "gate-remember"  # it leads into the forget gate
    assert faded.count("learn") == 1
    assert 'href="05_forget_gate.html"' not in drawing


def test_what_a_cell_draws_is_read_from_its_code() -> None:
    assert maps.asked("diagrams.draw(diagrams.simplified())") == ("simplified", "standard", None)
    assert maps.asked('diagrams.draw(diagrams.full("drawn"), here="use")') == ("full", "drawn", "use")
