"""The glossary: one sentence a term, linked at its first use in each chapter, and back to its very first."""

import html
import re

import pytest
from conftest import ROOT, SITE, missing, toc_pages

CHAPTERS = [name for name in toc_pages() if re.match(r"chapters/\d\d_", name)]
LINK = re.compile(r'<a class="[^"]*glossary-term[^"]*" href="\.\./glossary\.html#([^"]+)"[^>]*>(.*?)</a>', re.DOTALL)
ENTRY = re.compile(r'((?:<dt id="term-[^"]+".*?</dt>\s*)+)<dd>(.*?)</dd>', re.DOTALL)


def built(name: str) -> str:
    """Return a built page."""
    path = SITE / f"{name}.html"
    if not path.is_file():
        missing("there is no website to test: run `make book` first")
    return path.read_text(encoding="utf-8")


def words(markup: str) -> str:
    """Return the text of some HTML."""
    return html.unescape(re.sub(r"<[^>]+>", "", markup)).strip()


def entries() -> dict[str, tuple[list[str], str]]:
    """Return the entries by anchor: names, and the definition as HTML."""
    found = {}
    for heads, definition in ENTRY.findall(built("glossary")):
        names = [words(re.sub(r'<a class="headerlink".*?</a>', "", head)) for head in heads.split("</dt>")[:-1]]
        found[re.findall(r'id="(term-[^"]+)"', heads)[0]] = (names, definition)
    return found


def test_terms_stand_in_the_order_of_the_alphabet_and_once() -> None:
    first = [names[0].lower() for names, _ in entries().values()]
    every = [name.lower() for names, _ in entries().values() for name in names]
    assert first == sorted(first)
    assert len(every) == len(set(every))
    assert len(first) >= 70


def test_each_letter_above_the_entries_leads_to_the_first_term_that_begins_with_it() -> None:
    line = re.search(r'<p class="glossary-letters">(.*?)</p>', built("glossary"), re.DOTALL)
    assert line
    letters = [(letter, anchor) for anchor, letter in re.findall(r'href="#([^"]+)">(\w)</a>', line[1])]
    first: dict[str, str] = {}
    for anchor, (names, _) in entries().items():
        first.setdefault(names[0][0].upper(), anchor)
    assert letters == list(first.items())


def test_a_definition_is_one_sentence() -> None:
    for names, definition in entries().values():
        sentence = words(definition).rpartition(" Chapter ")[0]
        assert re.fullmatch(r"[^.]*(?:\d\.\d[^.]*)*\.", sentence), (names, sentence)


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_links_each_term_once_to_an_entry_that_has_its_name(name: str) -> None:
    links = LINK.findall(built(name))
    assert len(links) >= 5
    assert len({anchor for anchor, _ in links}) == len(links)
    known = entries()
    for anchor, used in links:
        names = [one.lower() for one in known[anchor][0]]
        assert words(used).lower() in [form for one in names for form in (one, f"{one}s")], (anchor, used)


@pytest.mark.parametrize(
    ("name", "anchor", "means"),
    [
        ("chapters/12_language_generation", "term-cell", "is called here"),
        ("chapters/13_voice_recognition", "term-state", "only three <em>states</em>"),
        ("chapters/15_scene_text_detection", "term-cell", "laid out in cells of 4 rows"),
    ],
)
def test_a_word_that_a_chapter_uses_otherwise_leads_to_no_entry(name: str, anchor: str, means: str) -> None:
    assert means in built(name)
    assert anchor in entries()
    assert anchor not in {found for found, _ in LINK.findall(built(name))}


def test_the_page_for_teachers_links_terms_too_and_no_link_stands_in_another() -> None:
    page = built("for_teachers")
    found = re.findall(r'<a class="[^"]*glossary-term[^"]*" href="glossary\.html#([^"]+)"', page)
    assert len(found) >= 2
    assert len(set(found)) == len(found)
    assert set(found) <= set(entries())
    assert not re.search(r"<a\b(?:(?!</a>).)*<a\b", page, re.DOTALL)


def test_an_entry_leads_to_the_chapter_that_uses_it_first() -> None:
    earliest: dict[str, str] = {}
    for name in CHAPTERS:
        for anchor, _ in LINK.findall(built(name)):
            earliest.setdefault(anchor, name)
    for anchor, (names, definition) in entries().items():
        page, _, section = re.findall(r'href="([^"]+)"', definition)[-1].partition("#")
        assert page == f"{earliest[anchor]}.html", names
        assert f'id="{section}"' in built(earliest[anchor]), names


def test_the_source_of_the_glossary_holds_no_links_of_its_own() -> None:
    assert "](" not in (ROOT / "glossary.md").read_text(encoding="utf-8")
