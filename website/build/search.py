"""The search: an index of sections for the script website/assets/search.js, in place of Sphinx's index of pages.

The index is a script that sets one variable, so that it can be loaded on a page that was opened from disk, and it is
loaded when a reader opens the search.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import synonyms
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

LETTERS = {
    "sigma": "σ", "odot": "⊙", "partial": "∂", "approx": "≈", "times": "×", "cdot": "·", "le": "≤", "ge": "≥",
    "alpha": "α", "beta": "β", "gamma": "γ", "lambda": "λ", "tau": "τ", "theta": "θ", "to": "→", "leftarrow": "←",
    "tanh": "tanh", "ln": "ln", "log": "log", "exp": "exp", "max": "max", "sum": "Σ", "ldots": "…", "dots": "…",
}  # fmt: skip
FOLDED_CODE = {"tag_hide-input", "tag_hide-cell", "tag_remove-input", "tag_remove-cell"}


# How much a section is worth to who looks for a word.
EXPLAINS, SUMS_UP, ASKS, DEFINES, NAMES_SOURCES = 1, 0.75, 0.6, 0.35, 0.4
KINDS = {"What we saw": SUMS_UP, "Exercises": ASKS, "Sources": NAMES_SOURCES, "References": NAMES_SOURCES}


class Section(NamedTuple):
    """One section: its anchor and its heading, and what is in it but not in sections of its own."""

    anchor: str
    heading: str
    text: str
    code: str  # names in its code
    terms: str  # what it sets in bold or italics or names in a table: where a word is explained
    worth: float


def formula(tex: str) -> str:
    r"""Write a formula in one line of plain letters.

    Example:
        >>> formula(r"\textcolor{remember}{c_t} = \textcolor{forget}{f_t} \odot c_{t-1}")
        'c_t = f_t ⊙ c_t-1'
        >>> formula(r"\tanh(1.5\,h) = h")
        'tanh(1.5 h) = h'
    """
    tex = re.sub(r"\\[,;: ]", " ", tex)  # a space of TeX
    tex = re.sub(r"\\(textcolor|class|begin|end)\{[^}]*\}", "", tex)
    tex = re.sub(r"\\([a-zA-Z]+)", lambda match: LETTERS.get(match[1], ""), tex)
    return " ".join(re.sub(r"[{}$\\&]", "", tex).split())


def sections_of(doctree: nodes.document) -> Iterator[Section]:
    """Yield the sections of a page in their order."""
    yield from entries_of(doctree)
    for section in doctree.findall(nodes.section):
        title = next(iter(section.findall(nodes.title)), None)
        if title is None:
            continue
        words: list[str] = []
        code: list[str] = []
        terms: list[str] = []
        for child in section.children:
            if not isinstance(child, nodes.section | nodes.title):
                collect(child, words, code)
                terms += [term.astext() for term in child.findall(is_term)]
        names = dict.fromkeys(re.findall(r"[A-Za-z_][A-Za-z_0-9.]{3,}", " ".join(code)))
        worth = min(KINDS.get(heading, EXPLAINS) for heading in (title.astext(), heading_of(section.parent)))
        text = without_hints("".join(words))
        yield Section(section["ids"][0], title.astext(), text, " ".join(names), "; ".join(dict.fromkeys(terms)), worth)


def entries_of(doctree: nodes.document) -> Iterator[Section]:
    """Yield the entries of a glossary, each as a section of its own."""
    for item in doctree.findall(nodes.definition_list_item):
        names = [term for term in item.findall(nodes.term) if term["ids"]]
        if names:
            heading = ", ".join(term.astext() for term in names)
            text = " ".join(" ".join(part.astext() for part in item.findall(nodes.paragraph)).split())
            yield Section(names[0]["ids"][0], heading, text, "", "", DEFINES)


def names_of(doctree: nodes.document) -> Iterator[list[str]]:
    """Yield the names of each entry of a glossary that has several: they mean the same."""
    for item in doctree.findall(nodes.definition_list_item):
        names = [term.astext() for term in item.findall(nodes.term) if term["ids"]]
        if len(names) > 1:
            yield names


def heading_of(node: nodes.Node | None) -> str:
    """Return the heading of a section, or nothing for the page itself."""
    return node[0].astext() if isinstance(node, nodes.section) else ""


def is_term(node: nodes.Node) -> bool:
    """Say whether a piece of text names what is explained: set in bold or italics, or a short cell of a table."""
    if isinstance(node, nodes.strong | nodes.emphasis):
        return not isinstance(node.parent.parent, nodes.entry)
    return isinstance(node, nodes.entry) and 2 < len(node.astext()) < 50


def collect(node: nodes.Node, words: list[str], code: list[str]) -> None:
    """Gather text and code below a node; what a reader does not see is left out."""
    if isinstance(node, nodes.Text):
        words.append(node.astext())
    elif isinstance(node, nodes.math | nodes.math_block):
        words.append(formula(node.astext()) if isinstance(node, nodes.math) else " ")
    elif isinstance(node, nodes.literal_block):
        code.append(node.astext())
    elif isinstance(node, nodes.raw):
        words.append(mark(node.astext()))
    elif isinstance(node, nodes.Element):
        classes = set(node.get("classes", []))
        if "cell_output" in classes or "cell_input" in classes and FOLDED_CODE & set(node.parent.get("classes", [])):
            return
        for child in node.children:
            collect(child, words, code)
        if not isinstance(node, nodes.Inline | nodes.reference):
            words.append(" ")


def mark(html: str) -> str:
    """Keep the title of a fold, and where it begins and ends."""
    title = re.search(r"<summary>(.*?)</summary>", html)
    return f" \x01{title[1]}\x02 " if title else " \x03 " if "</details>" in html else ""


def without_hints(text: str) -> str:
    """Drop the hints of exercises, which a search would give away; other folds stay."""
    text = re.sub(r"\x01Hint \d+\x02[^\x03]*\x03", "", text)
    return " ".join(re.sub(r"[\x01\x02\x03]", " ", text).split())


def index(app: Sphinx) -> str:
    """Return the script that holds the index."""
    pages, rows, names = [], [], synonyms.rows()
    for name in order(app):
        doctree = app.env.get_doctree(name)
        found = sorted(sections_of(doctree), key=lambda section: section.worth == DEFINES)  # the page itself first
        if not found:
            continue
        names += names_of(doctree)
        number = re.match(r"chapters/0?(\d+)_", name)
        pages.append([f"{name}.html", f"{number[1]}. {found[0].heading}" if number else found[0].heading])
        rows += [[len(pages) - 1, *section] for section in found]
    content = {"pages": pages, "sections": rows, "synonyms": names}
    return f"window.lstmSearchIndex = {json.dumps(content, ensure_ascii=False, separators=(',', ':'))};\n"


def order(app: Sphinx) -> list[str]:
    """List the pages in the order of the table of contents."""
    names: list[str] = []

    def add(name: str) -> None:
        if name not in names:
            names.append(name)
            for child in app.env.toctree_includes.get(name, []):
                add(child)

    add(app.config.root_doc)
    return names


def turn_off_the_stock_search(app: Sphinx) -> None:
    """Make no searchindex.js and no search.html, which know pages only."""
    app.builder.search = False  # type: ignore[attr-defined]


def write_index(app: Sphinx, exception: Exception | None) -> None:
    """Write the index when all pages are there."""
    if exception is None and app.builder.name == "html":
        target = Path(app.outdir) / "_static" / "course" / "search-index.js"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(index(app), encoding="utf-8")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Connect the functions above to Sphinx."""
    app.connect("builder-inited", turn_off_the_stock_search)
    app.connect("build-finished", write_index)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
