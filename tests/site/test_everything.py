"""The page "Everything to do" lists what is there, all of it, and its keys do what it says."""

import json
import re

import pytest
from bs4 import BeautifulSoup
from conftest import notebooks
from explorable_helpers import soup
from playwright.sync_api import Browser, expect

from lstm_lib import widgets
from lstm_lib.exercises import EXERCISES
from tools.canonicalise import states

PLAYTHINGS = sorted(set(widgets.__all__) - {"Quiz"})


@pytest.fixture(scope="module")
def tables() -> list[BeautifulSoup]:
    """Return the tables of the page: explorables, quizzes, exercises, keys."""
    return soup("everything").select("article table")


def rows(table: BeautifulSoup) -> list[tuple[str, list[str]]]:
    """List the rows of a table: where it leads, and its cells."""
    cells = [(row.a, [cell.get_text() for cell in row("td")]) for row in table.select("tbody tr")]
    found = [(link["href"] if link else "", texts) for link, texts in cells]
    assert found
    return found


def test_every_exercise_of_a_chapter_has_its_row_and_its_kind(tables: list[BeautifulSoup]) -> None:
    kinds = {"write code": "code", "work out a number": "numeric", "choose and see why": "judgement"}
    listed = [(href.partition(".html")[0], cells[1], kinds[cells[2]]) for href, cells in rows(tables[2])]
    there = []
    for path in notebooks():
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        names = dict.fromkeys(cell["metadata"]["exercise"] for cell in cells if "exercise" in cell["metadata"])
        there += [(f"chapters/{path.stem}", EXERCISES[name].title, EXERCISES[name].kind) for name in names]
    plain = [(page, title.replace("’", "'"), kind) for page, title, kind in listed]
    assert sorted(plain) == sorted((page, title.replace("`", ""), kind) for page, title, kind in there)


def test_every_quiz_of_a_notebook_has_its_row_and_says_how_it_is_answered(tables: list[BeautifulSoup]) -> None:
    kinds = {"choose one": "single", "choose several": "several", "give a number": "number", "put in order": "order"}
    listed = [(*href.split(".html#quiz-"), kinds[cells[2]]) for href, cells in rows(tables[1])]
    there = []
    for path in notebooks():
        for model in states(json.loads(path.read_text(encoding="utf-8"))).values():
            state = model["state"]
            if state.get("role") == "quiz" and state.get("name"):
                there.append((f"chapters/{path.stem}", state["name"], state["kind"]))
    assert sorted(row for row in listed if row[0].startswith("chapters/")) == sorted(there)


def test_a_question_of_the_table_leads_to_its_quiz(browser: Browser, site: str, tables: list[BeautifulSoup]) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    href, cells = rows(tables[1])[-1]
    page.goto(f"{site}/{href}")
    quiz = page.locator(f"[id='{href.partition('#')[2]}']")
    expect(quiz.get_by_text(cells[1], exact=True)).to_be_in_viewport()
    page.close()


def test_every_explorable_of_a_notebook_has_its_row(tables: list[BeautifulSoup]) -> None:
    listed = {
        (href.partition(".html")[0], cells[2].partition(":")[0])
        for href, cells in rows(tables[0])
    }
    there = set()
    for path in notebooks():
        for model in states(json.loads(path.read_text(encoding="utf-8"))).values():
            name = model["state"].get("_anywidget_id", "").rpartition(".")[2]
            if name in PLAYTHINGS:
                there.add((f"chapters/{path.stem}", " ".join(re.findall("[A-Z][a-z]*", name)).capitalize()))
    assert {row for row in listed if row[0].startswith("chapters/")} == there


def test_what_one_does_is_said_to_the_reader_and_once(tables: list[BeautifulSoup]) -> None:
    told = [cells[2].partition(": ")[2] for _, cells in rows(tables[0])]
    assert len(set(told)) == len(told) >= 20
    assert not [words for words in told if re.search(r"\breader\b|\bLet the\b", words)]


def test_a_row_leads_to_the_section_that_it_names(tables: list[BeautifulSoup]) -> None:
    for table in (tables[0], tables[2]):
        for href, cells in rows(table):
            page, _, anchor = href.partition("#")
            heading = soup(page.removesuffix(".html")).find(id=anchor).find(re.compile(r"h\d"))
            assert heading.get_text().removesuffix("#") == cells[1]


def test_the_keys_do_what_the_table_says(browser: Browser, site: str, tables: list[BeautifulSoup]) -> None:
    listed = [cells for _, cells in rows(tables[3])]
    assert any("opens the search, and closes it" in cells for cells in listed)
    page = browser.new_page()
    page.goto(f"{site}/chapters/04_learn_gate.html")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.keyboard.press("Control+k")
    expect(page.locator("#pst-search-dialog")).to_be_visible()
    page.keyboard.press("Control+k")
    expect(page.locator("#pst-search-dialog")).to_be_hidden()
    slider = page.get_by_role("slider").first
    slider.focus()
    values = [slider.input_value()]
    for key in ("ArrowRight", "ArrowLeft", "PageUp", "PageDown", "End", "Home"):
        slider.press(key)
        values.append(slider.input_value())
    low, high = slider.get_attribute("min"), slider.get_attribute("max")
    assert values[1] != values[0] == values[2] == values[4] != values[3]
    assert [float(values[5]), float(values[6])] == [float(high or "nan"), float(low or "nan")]
    page.close()
