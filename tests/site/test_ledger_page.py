"""The ledger of claims as a page: all of it is there, each claim leads to its place, and the form finds it."""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator

import pytest
from bs4 import BeautifulSoup, Tag
from conftest import ROOT, SITE, missing
from playwright.sync_api import Browser, Page, expect

sys.path.insert(0, str(ROOT / "website" / "build"))

import ledger
import site_assets  # noqa: F401  (it comes first, as in the build)

ROWS = json.loads((ROOT / "claims" / "ledger.json").read_text(encoding="utf-8"))["rows"]
TEX = re.compile(r"\\[a-zA-Z]|\$[^$]+\$|\*\*|`")


@pytest.fixture(scope="module")
def soup() -> BeautifulSoup:
    if not (SITE / "ledger.html").is_file():
        missing("there is no website to test: run `make book` first")
    return BeautifulSoup((SITE / "ledger.html").read_text(encoding="utf-8"), "html.parser")


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    page = browser.new_page()
    page.goto(f"{site}/ledger.html")
    yield page
    page.close()


def items(soup: BeautifulSoup) -> list[Tag]:
    return soup.select("ol.ledger > li")


def test_every_claim_of_the_ledger_has_its_item_in_order(soup: BeautifulSoup) -> None:
    told = [item.select_one(".ledger-says").get_text() for item in items(soup)]
    assert told == [ledger.plain(row["says"]) for row in ROWS]
    assert len(told) > 600


def test_every_proof_of_a_claim_is_told_with_what_it_is_for(soup: BeautifulSoup) -> None:
    for row, item in zip(ROWS, items(soup), strict=True):
        held = item.select_one(".ledger-held").get_text()
        ways = [bold.get_text() for bold in item.select(".ledger-held b")]
        assert set(ways) <= set(ledger.WAYS), held
        assert item["data-ways"].split() == list(dict.fromkeys(way.replace(" ", "-") for way in ways))
        for claim, proof in row["proofs"].items():
            if claim not in ("summary", "a change that it suggests"):
                assert ledger.plain(ledger.letter(claim)) in held
            for cell in re.findall(r"cell (\d+)", proof.partition("; ")[0]):
                assert f"cell {cell}" in held


def test_every_way_in_which_a_claim_can_be_proved_has_its_word() -> None:
    from tools.ledger import PROOFS

    assert len(ledger.WAYS) == len(PROOFS) + 1  # a number that a cell sets proves itself, and none of these names it
    for row in ROWS:
        for proof in ledger.proofs(row):
            assert proof.way in ledger.WAYS


def test_the_table_counts_the_sentences_that_are_held_in_each_way(soup: BeautifulSoup) -> None:
    rows = [[cell.get_text() for cell in row("td")] for row in soup.select_one("article table").select("tbody tr")]
    counted = Counter(way for item in items(soup) for way in item["data-ways"].split())
    assert {row[0].replace(" ", "-"): int(row[2]) for row in rows} == counted


def test_no_formula_and_no_mark_is_left_as_it_is_typed(soup: BeautifulSoup) -> None:
    for item in items(soup):
        assert not TEX.search(item.select_one(".ledger-says").get_text()), item.get_text()
        assert not re.search(r"\\[a-zA-Z]", item.get_text()), item.get_text()


def test_a_claim_leads_to_the_section_in_which_it_stands(soup: BeautifulSoup) -> None:
    pages: dict[str, BeautifulSoup] = {}
    for item in items(soup):
        link = item.select_one(".ledger-where a")
        name, _, anchor = link["href"].partition("#")
        if name not in pages:
            pages[name] = BeautifulSoup((SITE / name).read_text(encoding="utf-8"), "html.parser")
        heading = pages[name].find(id=anchor).find(re.compile(r"h\d")).get_text().removesuffix("#")
        heading = re.sub(r"^\d+\. ", "", heading)  # of a chapter
        if "\\" not in link.get_text() and "$" not in link.get_text():
            assert ledger.letters(heading) == ledger.letters(link.get_text())


def test_the_list_is_there_without_scripts_and_the_form_is_not(browser: Browser, site: str) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto(f"{site}/ledger.html")
    expect(page.locator(".ledger-form")).to_be_hidden()
    expect(page.locator("ol.ledger > li").last).to_be_visible()
    page.close()


def shown(page: Page) -> list[str]:
    return page.locator("ol.ledger > li:visible").all_inner_texts()


def test_words_leave_the_sentences_that_have_all_of_them(page: Page) -> None:
    page.get_by_label("Words").fill("THIRTY steps bias")
    left = shown(page)
    assert 0 < len(left) < len(ROWS)
    assert all(word in text.lower() for text in left for word in ("thirty", "steps", "bias"))
    expect(page.locator(".ledger-form [role=status]")).to_have_text(f"{len(left)} of {len(ROWS)} sentences.")
    page.get_by_label("Words").fill("")
    expect(page.locator("ol.ledger > li:visible")).to_have_count(len(ROWS))
    expect(page.locator(".ledger-form [role=status]")).to_have_text(f"{len(ROWS)} sentences.")


def test_a_way_leaves_what_is_held_so_and_chapters_without_any_are_put_away(page: Page) -> None:
    page.get_by_label("Held").select_option("no claim")
    left = shown(page)
    held = [" ".join(row["proofs"].values()) for row in ROWS]
    assert len(left) == sum("no claim: " in proofs for proofs in held)
    page.get_by_label("Words").fill("no sentence has this word zyx")
    expect(page.locator("ol.ledger > li:visible")).to_have_count(0)
    expect(page.locator("h2:visible", has_text="What does it take")).to_have_count(0)
    expect(page.get_by_role("heading", name="The ledger of claims")).to_be_visible()


def test_the_form_is_worked_by_keyboard_and_enter_leaves_the_page_where_it_is(page: Page) -> None:
    page.get_by_label("Words").focus()
    page.keyboard.type("1.386")
    page.keyboard.press("Enter")
    assert page.url.endswith("/ledger.html")
    assert all("1.386" in text for text in shown(page))
    page.keyboard.press("Tab")
    expect(page.get_by_label("Held")).to_be_focused()


def test_the_search_does_not_find_each_sentence_twice() -> None:
    index = (SITE / "_static" / "course" / "search-index.js").read_text(encoding="utf-8")
    content = json.loads(index[index.index("{") : index.rindex("}") + 1])
    number = next(n for n, (page, _) in enumerate(content["pages"]) if page == "ledger.html")
    texts = [row[3] for row in content["sections"] if row[0] == number]
    assert any("stands here with what holds it" in text for text in texts)
    assert not any("by cell" in text for text in texts)
