"""The course as one PDF, read back: what it holds, where its links lead, and that nothing is cut.

Three pages by default; `make pdf` (LSTM_PDF=all) takes the whole course.
"""

import functools
import os
import re
import unicodedata
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from conftest import ROOT, SITE, missing, toc_pages
from PIL import Image
from pypdf import PdfReader

from benchmarks import _site
from tools import pdf

WHOLE = os.environ.get("LSTM_PDF") == "all"
NAMES = toc_pages() if WHOLE else ["chapters/04_learn_gate", "glossary", "notation"]
NAMES = [name for name in toc_pages() if name in NAMES]
TARGET = ROOT / "_build" / "lstms-gate-by-gate.pdf"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> PdfReader:
    """Print some pages, or read what `make pdf` has printed."""
    if not (SITE / "index.html").is_file():
        missing("there is no website to print: run `make book` first")
    target = TARGET if WHOLE else tmp_path_factory.mktemp("pdf") / "some.pdf"
    if not WHOLE:
        try:
            with ThreadPoolExecutor(1) as apart:  # other tests may have a browser of their own in this thread
                apart.submit(pdf.make, target, NAMES).result()
        except FileNotFoundError as error:
            missing(str(error))
    return PdfReader(target)


@pytest.fixture(scope="module")
def whole(file: PdfReader) -> list[str]:
    """Return the letters of each sheet, without spaces, its number last."""
    return [letters(sheet.extract_text()) for sheet in file.pages]


@pytest.fixture(scope="module")
def texts(whole: list[str]) -> list[str]:
    """Return the letters of each sheet without its number."""
    return [text.removesuffix(str(n + 1)) if n else text for n, text in enumerate(whole)]


def letters(text: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


@functools.cache
def soup(name: str) -> BeautifulSoup:
    return BeautifulSoup((SITE / f"{name}.html").read_text(encoding="utf-8"), "html.parser")


@functools.cache
def title(name: str) -> str:
    return letters("".join(list(soup(name).select_one("article h1").strings)[:-1]))  # the last is the sign of a link


def contents(texts: list[str]) -> dict[str, int]:
    """Return the table of contents as it is printed: page of the website to number of the sheet."""
    ahead = "".join(texts[1 : next(n for n, text in enumerate(texts) if n > 1 and text.startswith(title(NAMES[0])))])
    starts: dict[str, int] = {}
    for name in NAMES:
        starts[name] = ahead.index(title(name), max(starts.values(), default=0))
    ends = [*list(starts.values())[1:], len(ahead)]  # the title after it may begin with a number, that of a chapter
    found = {name: ahead[starts[name] + len(title(name)) : end] for name, end in zip(NAMES, ends, strict=True)}
    return {name: int(re.match(r"\d+", number)[0]) for name, number in found.items()}


def sheets(name: str, texts: list[str]) -> range:
    """Return the sheets of a page of the website, counted from 0."""
    starts = [*contents(texts).values(), len(texts) + 1]
    n = NAMES.index(name)
    return range(starts[n] - 1, starts[n + 1] - 1)


def links(file: PdfReader) -> list[tuple[int, Any]]:
    """List the links: the number of the sheet, and the link."""
    notes = [(n, note.get_object()) for n, sheet in enumerate(file.pages) for note in sheet.get("/Annots", [])]
    return [(n, note) for n, note in notes if note["/Subtype"] == "/Link"]


Sizes = Counter[tuple[int, int]]

# What an explorable draws point by point when its page is printed.
CANVASES = {"text_finder": (192, 96)}


def drawings(sheet: Any) -> Sizes:
    """Count the pictures that a sheet draws, by width and height in their own points."""
    known = sheet["/Resources"].get("/XObject", {})
    pictures = {name: one for name, one in known.items() if one["/Subtype"] == "/Image"}
    named = (f"/{name.decode()}" for name in re.findall(rb"/(\w+) Do", sheet.get_contents().get_data()))
    return Counter((pictures[name]["/Width"], pictures[name]["/Height"]) for name in named if name in pictures)


def size_of(file: Path) -> tuple[int, int]:
    with Image.open(file) as picture:
        return picture.size


def pictures(name: str) -> Sizes:
    """Count the pictures that a page of the website has on paper, which is light, by width and height."""
    files = [SITE / Path(name).parent / one["src"] for one in soup(name).select("article img:not(.on-dark)")]
    sizes = [size_of(file) for file in files if file.suffix == ".png"]
    code = " ".join(script.get("src", "") for script in soup(name).select("script"))
    return Counter([*sizes, *(size for explorable, size in CANVASES.items() if explorable in code)])


def test_cover_and_contents_come_first_and_every_sheet_has_its_number(file: PdfReader, whole: list[str]) -> None:
    assert letters("LSTMs, gate by gate") in whole[0]
    assert whole[1].startswith("Contents")
    assert [n + 1 for n, text in enumerate(whole) if n and not text.endswith(str(n + 1))] == []
    assert file.metadata is not None
    assert file.metadata.title == "LSTMs, gate by gate"


def test_the_contents_name_the_sheet_on_which_each_page_begins(texts: list[str]) -> None:
    listed = contents(texts)
    assert list(listed) == NAMES
    assert [name for name, number in listed.items() if not texts[number - 1].startswith(title(name))] == []


def test_links_between_pages_lead_to_sheets_and_none_to_this_machine(file: PdfReader, texts: list[str]) -> None:
    assert [note["/A"]["/URI"] for _, note in links(file) if "127.0.0.1" in str(note.get("/A", ""))] == []
    within = [(n, note["/Dest"]) for n, note in links(file) if "/Dest" in note]
    assert len(within) > 2 * len(NAMES)
    assert [(n, place) for n, place in within if not isinstance(place, list)] == []
    where = [file.get_page_number(place[0].get_object()) for _, place in within]
    assert None not in where
    listed = contents(texts)
    assert {listed[name] - 1 for name in NAMES} <= set(where)


def test_links_to_terms_lead_to_the_sheets_that_explain_them(file: PdfReader, texts: list[str]) -> None:
    chapter, glossary = sheets("chapters/04_learn_gate", texts), sheets("glossary", texts)
    terms = {link.get_text() for link in soup("chapters/04_learn_gate").select("a.glossary-term")}
    found = [note["/Dest"] for n, note in links(file) if n in chapter and "/Dest" in note]
    places = {(file.get_page_number(place[0].get_object()), float(place[3])) for place in found}
    places = {place for place in places if place[0] in glossary}
    assert len(places) >= len(terms) > 3  # each its own place: two links may be one term under two names
    assert len({n for n, _ in places}) > 1


def test_folds_are_open_and_pictures_whole(file: PdfReader, texts: list[str]) -> None:
    folds = 0
    for name in NAMES:
        page, own = soup(name), sheets(name, texts)
        text = "".join(texts[n] for n in own)
        for fold in page.select("article details:not(.tag_hide-input details, .lstm-widget details)"):
            texts_of = (one for one in fold.select("p") if not one.find_parent("summary"))
            inside = [one for one in texts_of if not one.select(".math, mjx-container, svg")]
            shown = letters(inside[-1].get_text())[:20] if inside else ""
            assert shown in text, name
            folds += bool(shown)
        drawn = sum((drawings(file.pages[n]) for n in own), Counter())
        assert drawn == pictures(name), name  # one that is cut is drawn on two sheets
    assert folds > 2


def test_pages_parts_and_sections_are_in_the_outline(file: PdfReader) -> None:
    def flat(entries: list[Any]) -> list[str]:
        return [name for one in entries for name in (flat(one) if isinstance(one, list) else [letters(one.title)])]

    named = flat(file.outline)
    assert [name for name in NAMES if title(name) not in named] == []
    assert letters("What we saw") in named


def test_a_page_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="got chapters/99, expected pages of _toc.yml"):
        pdf.make(tmp_path / "a.pdf", ["chapters/99"])


def test_a_handout_has_neither_hints_nor_solutions(tmp_path: Path) -> None:
    target, names = tmp_path / "handout.pdf", ["chapters/04_learn_gate", "chapters/mistakes"]
    try:
        with ThreadPoolExecutor(1) as apart:
            apart.submit(pdf.make, target, names, handout=True).result()
    except FileNotFoundError as error:
        missing(str(error))
    text = letters("".join(sheet.extract_text() for sheet in PdfReader(target).pages))
    for words in ("Hint 1", "The solution", "The test, and what it says"):
        assert letters(words) not in text, words
    for words in ("Write the learn gate", "Read an ignore factor of 1", "Text and figures under CC BY 4.0"):
        assert letters(words) in text, words


def test_a_handout_leaves_out_the_page_with_answers_and_prints_it_where_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["uses", "for_teachers", "progress"]
    monkeypatch.setattr(pdf, "parts", lambda: [("", names)])
    printed: dict[str, list[str]] = {}
    for told, wanted in ((None, "all"), (["for_teachers"], "one")):
        target = tmp_path / f"{wanted}.pdf"
        try:
            with ThreadPoolExecutor(1) as apart:
                apart.submit(pdf.make, target, told, handout=True).result()
        except FileNotFoundError as error:
            missing(str(error))
        printed[wanted] = [entry.title for entry in PdfReader(target).outline if not isinstance(entry, list)]
    assert printed == {"all": ["Where LSTMs are used, and where they no longer are"], "one": ["For teachers"]}


def count_sheets(bodies: dict[str, str], folder: Path) -> dict[str, int]:
    """Print small pages of our own, and count the sheets of each."""
    found = {}
    with _site.chromium() as browser:
        page = browser.new_page()
        for name, body in bodies.items():
            source = folder / f"{name}.html"
            source.write_text(f"<!doctype html><title>x</title><h1>Title</h1>{body}", encoding="utf-8")
            found[name] = len(pdf.print_page(page, source.as_uri(), folder / f"{name}.pdf").file.pages)
    return found


def test_a_sheet_on_which_nothing_stands_at_the_end_of_a_page_is_left_out(tmp_path: Path) -> None:
    blank, line = '<div style="break-before: page; height: 9px"></div>', '<hr style="break-before: page">'
    bodies = {"text": "", "blank": blank, "line": line, "between": blank + line}
    try:
        with ThreadPoolExecutor(1) as apart:
            found = apart.submit(count_sheets, bodies, tmp_path).result()
    except FileNotFoundError as error:
        missing(str(error))
    assert found == {"text": 1, "blank": 1, "line": 2, "between": 3}
