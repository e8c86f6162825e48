"""The search lands on sections, knows several names for a thing, and lights up the words where it leads."""

import gzip
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT, SITE, SUB_PATH, missing
from explorable_helpers import axe, node, wait_until
from playwright.sync_api import Browser, Page, expect

sys.path.insert(0, str(ROOT / "website" / "build"))
import search as search_index  # noqa: E402
import synonyms  # noqa: E402
from docutils.core import publish_doctree  # noqa: E402

RANK = (ROOT / "website" / "assets" / "search-rank.js").as_uri()
INDEX = SITE / "_static" / "course" / "search-index.js"

# What a reader may type, and the section that explains it.
ANSWERS = {
    "BPTT": "chapters/02_memory_loss.html#send-the-gradient-back-through-time",
    "backprop through time": "chapters/02_memory_loss.html#send-the-gradient-back-through-time",
    "vanishing": "chapters/02_memory_loss.html#watch-gradients-vanish-and-explode",
    "vanishing gradients": "chapters/02_memory_loss.html#watch-gradients-vanish-and-explode",
    "gradient clipping": "chapters/02_memory_loss.html#clip-what-explodes",
    "candidate": "chapters/04_learn_gate.html#where-we-are",
    "output gate": "chapters/06_use_gate.html#what-the-use-gate-buys",
    "dropout": "chapters/09_numpy_to_pytorch.html#the-dropout-lab",
    "pack_padded_sequence": "chapters/09_numpy_to_pytorch.html#the-padding-lab",
    "bidirectional": "chapters/09_numpy_to_pytorch.html#run-it-in-both-directions",
    "TBPTT": "chapters/10_training_well.html#where-the-gradient-is-cut",
    "mixed precision": "chapters/11_on_the_gpu.html#use-shorter-numbers",
    "teacher forcing": "chapters/12_language_generation.html#what-the-lstm-adds",
    "temperature": "chapters/12_language_generation.html#let-it-write",
    "CTC": "chapters/13_voice_recognition.html#all-ways-to-say-it-by-pencil",
    "bounding box": "chapters/15_scene_text_detection.html#anchors",
    "vanshing": "chapters/02_memory_loss.html#watch-gradients-vanish-and-explode",
    "drpout": "chapters/09_numpy_to_pytorch.html#the-dropout-lab",
}
# Names whose first answers may be several: all on the page of the gate, or where both memories are explained.
PAGES = {
    "input gate": {"chapters/04_learn_gate.html", "notation.html"},
    "ignore factor": {"chapters/04_learn_gate.html", "notation.html"},
    "forget factor": {"chapters/05_forget_gate.html"},
    "use factor": {"chapters/06_use_gate.html"},
    "cell state": {"chapters/03_remember_gate.html", "chapters/05_forget_gate.html", "notation.html"},
    "hidden state": {"chapters/01_sequences_and_memory.html", "chapters/03_remember_gate.html", "notation.html"},
}


def answers(queries: list[str]) -> dict[str, list[str]]:
    """Ask the site's own index: each query to the addresses that it finds."""
    if not INDEX.is_file():
        missing("there is no website to test: run `make book` first")
    return node(
        f"""
        import {json.dumps(RANK)};
        import fs from "node:fs";
        globalThis.window = {{}};
        (0, eval)(fs.readFileSync({json.dumps(str(INDEX))}, "utf8"));
        const index = lstmSearch.prepare(window.lstmSearchIndex);
        const found = (query) => lstmSearch.search(index, query).hits
            .map(({{ row }}) => `${{index.pages[row.page][0]}}#${{row.anchor}}`);
        console.log(JSON.stringify(Object.fromEntries({json.dumps(queries)}.map((q) => [q, found(q)]))));
        """
    )


@pytest.fixture(scope="module")
def found() -> dict[str, list[str]]:
    """Ask everything at once."""
    return answers([*ANSWERS, *PAGES, *(row[0] for row in synonyms.rows())])


def test_the_ranking_passes_its_own_tests() -> None:
    command = [Path(sys.executable).parent / "node", "--test", ROOT / "tests" / "site" / "search.test.mjs"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("query", ANSWERS)
def test_the_first_answer_is_the_section_that_explains(query: str, found: dict[str, list[str]]) -> None:
    assert found[query][0] == ANSWERS[query]


@pytest.mark.parametrize("query", PAGES)
def test_a_name_of_either_vocabulary_leads_to_its_gate(query: str, found: dict[str, list[str]]) -> None:
    assert {address.partition("#")[0] for address in found[query][:2]} <= PAGES[query]


@pytest.mark.parametrize("row", synonyms.rows(), ids=lambda row: row[0])
def test_each_row_of_synonyms_finds_a_section(row: list[str], found: dict[str, list[str]]) -> None:
    assert found[row[0]] != []


def test_entries_of_the_glossary_are_found_and_come_after_what_explains() -> None:
    [addresses] = answers(["beam search"]).values()
    assert "glossary.html#term-beam-search" in addresses[1:]


def test_each_section_that_is_found_is_on_its_page(found: dict[str, list[str]]) -> None:
    for address in {address for addresses in found.values() for address in addresses}:
        page, _, anchor = address.partition("#")
        assert re.search(f'<(section|dt) [^>]*id="{anchor}"[ >]', (SITE / page).read_text(encoding="utf-8")), address


def test_the_index_is_small_and_the_stock_one_is_gone() -> None:
    assert len(gzip.compress(INDEX.read_bytes(), 9)) < 150_000
    assert not (SITE / "searchindex.js").exists()
    assert "searchtools" not in (SITE / "intro.html").read_text(encoding="utf-8")


def test_hints_and_folded_code_are_not_in_the_index() -> None:
    text = INDEX.read_text(encoding="utf-8")
    assert "Three lines: the factor i, the candidate g, the product" not in text  # a hint of chapter 4
    assert "After you have named all five" in text  # a fold that is no hint
    assert "At which steps will the learn gate be open widest" not in text  # a question, with its answer


def test_a_section_is_what_stands_in_it_and_not_in_its_own_sections() -> None:
    text = "A\n=\n\n*One* two.\n\nB\n-\n\nThree :math:`\\sigma(a_{t})`.\n\nSources\n-------\n\nX.\n"
    doctree = publish_doctree(text, settings_overrides={"doctitle_xform": False})
    a, b, sources = search_index.sections_of(doctree)
    assert (a.heading, a.text, a.terms, a.worth) == ("A", "One two.", "One", 1)
    assert (b.heading, b.text) == ("B", "Three σ(a_t).")
    assert sources.worth < 1


# ---------------------------------------------------------------- in the browser


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    """Open a page of the site under its sub-path, and note what it asks for."""
    page = browser.new_page()
    page.goto(f"{site}{SUB_PATH}/notation.html")
    yield page
    page.close()


def lit(page: Page) -> list[str]:
    """Wait for the words that are lit up, and list them."""
    wait_until(page, "() => CSS.highlights.get('found')?.size")
    return page.evaluate("() => [...CSS.highlights.get('found')].map((range) => range.toString())")


def test_by_keyboard_from_a_short_name_to_the_lit_section(page: Page, site: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.keyboard.press("Control+k")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("bptt")
    expect(page.locator("#search-said")).to_have_text(re.compile(r"^\d+ sections\.$"))
    expect(page.locator("#search-found a").first).to_contain_text("Send the gradient back through time")
    expect(page.locator("#search-found a").first).to_contain_text("2. Why does it forget")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site}{SUB_PATH}/{ANSWERS['BPTT'].replace('#', '?find=bptt#')}")
    assert lit(page) == ["Send the gradient back through time", "Backpropagation through time"]
    assert page.evaluate("() => Math.abs(document.querySelector(location.hash).getBoundingClientRect().top)") < 150
    page.keyboard.press("Escape")
    assert page.evaluate("() => CSS.highlights.has('found')") is False
    assert any("search-index.js" in url for url in asked)


def test_nothing_of_the_search_is_loaded_before_it_is_opened(browser: Browser, site: str) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site}/notation.html", wait_until="networkidle")
    assert [url for url in asked if "search-" in url or "searchindex" in url or "searchtools" in url] == []
    page.close()


def test_arrows_walk_through_the_results_and_escape_closes(page: Page) -> None:
    opener = page.locator(".search-button__button:visible").first
    opener.press("Enter")
    page.keyboard.type("gate")
    links = page.locator("#search-found a")
    expect(links).to_have_count(12)
    page.keyboard.press("ArrowDown")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("End")
    expect(links.nth(11)).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.type("s")  # goes on with the word
    expect(page.get_by_role("searchbox")).to_have_value("gates")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    expect(page.locator("#pst-search-dialog")).not_to_be_visible()
    expect(opener).to_be_focused()


def test_a_typing_error_is_mended_and_said(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.keyboard.type("vanshing ")
    expect(page.locator("#search-said")).to_contain_text("Nothing has “vanshing”; this is for “vanish")
    page.get_by_role("searchbox").fill("qwertz")
    expect(page.locator("#search-said")).to_have_text("Nothing found for “qwertz”.")
    expect(page.locator("#search-found a")).to_have_count(0)


def test_a_result_on_the_same_page_leaves_the_page_as_it_is(page: Page, site: str) -> None:
    page.goto(f"{site}/chapters/04_learn_gate.html")
    page.evaluate("() => { window.mark = 1 }")
    page.keyboard.press("Control+k")
    page.keyboard.type("doorkeeper units")
    page.locator("#search-found a[href*='#train-it-and-look-inside']").click()
    assert "doorkeepers" in lit(page)
    assert page.evaluate("() => window.mark") == 1
    assert page.url.endswith("04_learn_gate.html?find=doorkeeper%20units#train-it-and-look-inside")


def test_the_search_works_on_a_page_that_is_opened_from_disk(browser: Browser) -> None:
    page = browser.new_page()
    page.goto((SITE / "notation.html").as_uri())
    page.keyboard.press("Control+k")
    page.keyboard.type("CTC")
    expect(page.locator("#search-found a").first).to_contain_text("All ways to say it")
    page.keyboard.press("Enter")
    page.wait_for_url("file://**/13_voice_recognition.html?find=CTC#**")
    assert "CTC" in lit(page)
    page.close()


def test_a_search_that_is_typed_is_text(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.keyboard.type("<img src=x onerror=alert(1)> gate")
    expect(page.locator("#search-found a").first).to_be_visible()
    assert page.locator("#pst-search-dialog img").count() == 0


@pytest.mark.parametrize(("theme", "width"), [("light", 390), ("dark", 1280)])
def test_axe_finds_nothing_in_the_open_search(page: Page, theme: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    page.keyboard.press("Control+k")
    page.keyboard.type("forget bias")
    expect(page.locator("#search-found a").first).to_be_visible()
    page.add_style_tag(content="* { transition: none !important }")
    assert axe(page) == []
    left, right, bottom = page.locator("#pst-search-dialog").evaluate(
        "e => [e.getBoundingClientRect().left, e.getBoundingClientRect().right, e.getBoundingClientRect().bottom]"
    )
    assert 0 <= left < right <= width
    assert bottom <= 844
