"""Link the terms of the glossary: from their first use on each page to it, and from there to their very first use.

``glossary.md`` holds nothing but terms and sentences. What may be linked is running text; headings, code, formulas,
links and outputs are left alone.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import search
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

PAGE = "glossary"
ALSO = ("for_teachers",)  # pages beside the chapters whose terms are linked
OTHERWISE = {  # terms that a page uses in another meaning: one unit, a place in a text, a patch of a picture
    "chapters/12_language_generation": ("term-cell",),
    "chapters/13_voice_recognition": ("term-state",),
    "chapters/15_scene_text_detection": ("term-cell",),
}
LEFT_ALONE = (
    nodes.title,
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.math_block,
    nodes.reference,
    nodes.raw,
    nodes.caption,
    nodes.rubric,
    addnodes.pending_xref,
)


class Term(NamedTuple):
    """One entry: its anchor, the pattern that finds any of its names, and where its definition stands."""

    anchor: str
    pattern: re.Pattern[str]


class Place(NamedTuple):
    """Where a term is used: the piece of text, the match in it, and the anchor of its section."""

    text: nodes.Text
    match: re.Match[str]
    section: str


def read_terms(app: Sphinx) -> list[Term]:
    """Return the entries of the glossary."""
    found = []
    for item in app.env.get_doctree(PAGE).findall(nodes.definition_list_item):
        terms = list(item.findall(nodes.term))
        names = sorted((term.astext() for term in terms), key=len, reverse=True)
        found.append(Term(terms[0]["ids"][0], _pattern(names)))
    return found


def _pattern(names: list[str]) -> re.Pattern[str]:
    """Match any of the names as whole words; a plural s, and a capital at the start of a sentence, do not matter."""
    either = "|".join(
        (f"[{name[0].upper()}{name[0]}]" if name[0].islower() else re.escape(name[0])) + re.escape(name[1:])
        for name in names
    )
    return re.compile(rf"(?<![\w-])(?:{either})s?(?![\w-])")


def chapters(app: Sphinx) -> list[str]:
    """Return the chapters of the course in the order of the table of contents."""
    return [name for name in search.order(app) if re.match(r"chapters/\d\d_", name)]


def prose(document: nodes.document) -> Iterator[tuple[nodes.Text, str]]:
    """Yield the pieces of running text, with the anchor of the section that they stand in."""
    for text in list(document.findall(nodes.Text)):
        above, section, alone = text.parent, "", False
        while above is not None:
            cell = isinstance(above, nodes.container) and "cell" in above["classes"]
            alone = alone or cell or isinstance(above, LEFT_ALONE)
            if isinstance(above, nodes.section) and not section:
                section = above["ids"][0]
            above = above.parent
        if not alone and not in_raw_link(text):
            yield text, section


def in_raw_link(text: nodes.Text) -> bool:
    """Say whether a text stands between <a href="…"> and </a>, which docutils does not know as a link."""
    before = text.parent.children[: text.parent.index(text)]
    marks = [node.astext() for node in before if isinstance(node, nodes.raw)]
    opened = sum(mark.startswith("<a ") and "</a>" not in mark for mark in marks)
    return opened > sum(mark == "</a>" for mark in marks)


def first_uses(document: nodes.document, terms: list[Term]) -> dict[str, Place]:
    """Return where each term is used first in a document; a longer name keeps a shorter one from its words."""
    found: dict[str, Place] = {}
    taken: dict[int, list[tuple[int, int]]] = {}
    pieces = list(prose(document))
    for term in sorted(terms, key=lambda one: -len(one.pattern.pattern)):
        for text, section in pieces:
            spans = taken.setdefault(id(text), [])
            matches = term.pattern.finditer(str(text))
            free = (m for m in matches if all(m.end() <= start or end <= m.start() for start, end in spans))
            if match := next(free, None):
                spans.append(match.span())
                found[term.anchor] = Place(text, match, section)
                break
    return found


def link(app: Sphinx, document: nodes.document, page: str) -> None:
    """Put the links into one page."""
    if PAGE not in app.env.all_docs:
        return
    if page == PAGE:
        link_back(app, document)
    elif page in chapters(app) or page in ALSO:
        uri = app.builder.get_relative_uri(page, PAGE)
        replacements: dict[int, tuple[nodes.Text, list[tuple[re.Match[str], str]]]] = {}
        terms = [term for term in read_terms(app) if term.anchor not in OTHERWISE.get(page, ())]
        for anchor, place in first_uses(document, terms).items():
            replacements.setdefault(id(place.text), (place.text, []))[1].append((place.match, anchor))
        for text, uses in replacements.values():
            text.parent.replace(text, _with_links(str(text), sorted(uses, key=lambda use: use[0].start()), uri))


def _with_links(text: str, uses: list[tuple[re.Match[str], str]], uri: str) -> list[nodes.Node]:
    parts: list[nodes.Node] = []
    end = 0
    for match, anchor in uses:
        if match.start() > end:
            parts.append(nodes.Text(text[end : match.start()]))
        target = f"{uri}#{anchor}"
        parts.append(nodes.reference("", match[0], refuri=target, internal=True, classes=["glossary-term"]))
        end = match.end()
    return [*parts, nodes.Text(text[end:])] if end < len(text) else parts


def link_back(app: Sphinx, document: nodes.document) -> None:
    """Add to each entry where the course first uses it."""
    first: dict[str, tuple[str, str]] = {}
    terms = read_terms(app)
    for chapter in chapters(app):
        for anchor, place in first_uses(app.env.get_doctree(chapter), terms).items():
            first.setdefault(anchor, (chapter, place.section))
    for item in document.findall(nodes.definition_list_item):
        anchor = next(iter(item.findall(nodes.term)))["ids"][0]
        if anchor not in first:
            continue
        chapter, section = first[anchor]
        words = f"Chapter {int(chapter.removeprefix('chapters/')[:2])}"
        uri = f"{app.builder.get_relative_uri(PAGE, chapter)}#{section}"
        sentence = next(iter(item.findall(nodes.paragraph)))
        sentence += [nodes.Text(" "), nodes.reference("", words, refuri=uri, internal=True)]
    add_letters(document)


def add_letters(document: nodes.document) -> None:
    """Put a line above the entries that leads to the first one of each letter."""
    first: dict[str, str] = {}
    for item in document.findall(nodes.definition_list_item):
        term = next(iter(item.findall(nodes.term)))
        first.setdefault(term.astext()[0].upper(), term["ids"][0])
    line = nodes.paragraph(classes=["glossary-letters"])
    for letter, anchor in first.items():
        line += [nodes.reference("", letter, refuri=f"#{anchor}", internal=True), nodes.Text(" ")]
    entries = next(iter(document.findall(addnodes.glossary)))
    entries.parent.insert(entries.parent.index(entries), line)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Connect the links to Sphinx."""
    app.connect("doctree-resolved", link)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
