"""On paper a page has its questions and folds in full, code within the margins, and black letters on white."""

import re
import unicodedata
import zlib
from collections.abc import Iterator

import pytest
from explorable_helpers import wait_until
from playwright.sync_api import Browser, Page

HEX = r"<([0-9A-Fa-f]+)>"


def pdf_text(data: bytes) -> str:
    """Read the letters of a PDF back, as Chromium writes it: by the table of letters that each font brings along."""
    objects = {int(m[1]): m[2] for m in re.finditer(rb"(?:^|\n)(\d+) 0 obj\n(.*?)\nendobj", data, re.DOTALL)}

    def stream(number: int) -> str:
        found = re.search(rb"stream\r?\n(.*)\r?\nendstream", objects[number], re.DOTALL)
        assert found
        return (zlib.decompress(found[1]) if b"/FlateDecode" in objects[number] else found[1]).decode("latin-1")

    def letters(number: int) -> dict[int, str]:
        table = {}
        for block in re.findall(r"beginbfchar(.*?)endbfchar", stream(number), re.DOTALL):
            for code, letter in re.findall(rf"{HEX} {HEX}", block):
                table[int(code, 16)] = bytes.fromhex(letter).decode("utf-16-be")
        for block in re.findall(r"beginbfrange(.*?)endbfrange", stream(number), re.DOTALL):
            for row in re.findall(rf"{HEX} {HEX} {HEX}", block):
                start, end, letter = (int(number, 16) for number in row)
                table |= {start + n: chr(letter + n) for n in range(end - start + 1)}
        return table

    text = []
    for page in (text for text in objects.values() if re.search(rb"/Type /Page\b", text)):
        fonts = {}
        for name, number in re.findall(rb"/(F\d+) (\d+) 0 R", page):
            found = re.search(rb"/ToUnicode (\d+) 0 R", objects[int(number)])
            fonts[name.decode()] = letters(int(found[1])) if found else {}
        contents = re.search(rb"/Contents (\d+) 0 R", page)
        assert contents
        font: dict[int, str] = {}
        for name, shown in re.findall(rf"/(F\d+) [\d.]+ Tf|{HEX} Tj", stream(int(contents[1]))):
            font = fonts[name] if name else font
            text.append("".join(font.get(int(shown[n : n + 4], 16), "?") for n in range(0, len(shown), 4)))
    return "".join(text)


@pytest.fixture(scope="module")
def chapter(browser: Browser, site: str) -> Iterator[Page]:
    """Open a chapter with a question, folds, an explorable and exercises, in the dark theme."""
    page = browser.new_page()
    page.goto(f"{site}/chapters/02_memory_loss.html")
    page.evaluate("() => { document.documentElement.dataset.theme = 'dark' }")
    page.wait_for_load_state("networkidle")
    yield page
    page.close()


def test_a_printed_chapter_holds_folds_questions_and_solutions(chapter: Page) -> None:
    # NFKC: one sign for the letters f and i becomes two letters.
    text = unicodedata.normalize("NFKC", re.sub(r"\s+", "", pdf_text(chapter.pdf(format="A4"))))
    for words in (
        "Why does it forget, and why can it not learn to keep?",  # the title
        "One row a sequence, and one step back",  # in the fold "Deeper: the step back"
        "Hint 1",
        "The solution",
        "Tell the three clocks apart",  # a question, whose options the next line asks for
    ):
        assert words.replace(" ", "") in text, words
    options = chapter.locator(".quiz label").all_text_contents()
    assert len(options) > 2
    assert [one for one in options if re.sub(r"\s+", "", one)[:24] not in text] == []
    assert "Showwithoutguessing" not in text  # an explorable does not work on paper
    assert "Folded:" not in text


def test_after_printing_the_page_is_as_it_was(chapter: Page) -> None:
    opened = "() => [...document.querySelectorAll('article details')].map((fold) => fold.open)"
    wait_until(chapter, "() => document.documentElement.dataset.theme === 'dark'")
    before = chapter.evaluate(opened)
    assert not all(before)
    chapter.emulate_media(media="print")
    wait_until(chapter, "() => document.documentElement.dataset.theme === 'light'")
    assert chapter.locator("article details:not([open]):not(.tag_hide-input details)").count() == 0
    chapter.emulate_media(media="screen")
    wait_until(chapter, "() => document.documentElement.dataset.theme === 'dark'")
    assert chapter.evaluate(opened) == before
