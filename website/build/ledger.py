"""The ledger of claims as a page: each sentence that claims something, what holds it, and where it stands.

The list is plain HTML, which needs no script to be read; ``website/assets/ledger.js`` only hides what is not asked for.
It is not in the search, or each sentence would be found twice.
"""

import functools
import html
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from docutils import nodes
from progress import course
from search import formula
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.typing import ExtensionMetadata

PAGE = "ledger"

# How a claim is held: the word on the page, how its proofs begin in claims/ledger.json, and what the word means.
WAYS = {
    "printed": (
        r"cell \d+ prints it|printed by cell",
        "a cell of the page prints it, and a test compares what it prints",
    ),
    "set": (r"cell \d+ sets or asserts it", "the code of a cell sets it, or asserts it"),
    "asserted": (r"asserted in cell", "a cell fails if it is not so"),
    "calculated": (r"calculated:", "a calculation that is made anew"),
    "recorded": (r"recorded in", "rows of a result file make an expression true"),
    "tested": (r"tested:", "a test fails if it is not so"),
    "tried": (r"tried:", "a change that the page suggests is made"),
    "cited": (r"cited:", "a source says so"),
    "shown": (r"shown in", "a summary repeats what a section shows"),
    "no claim": (r"no claim:", "a definition, an instruction or a question; a person looked at it"),
}
ANY_WAY = "|".join(f"(?:{begins})" for begins, _ in WAYS.values())
KINDS = {"text": "text", "alt": "picture", "hint": "exercise", "quiz": "quiz", "summary": "summary"}


class Proof(NamedTuple):
    """One way in which a claim is held, in words, and which of its words and numbers it is for."""

    way: str
    words: str
    of: tuple[str, ...]


@functools.cache
def rows(root: Path) -> list[dict[str, Any]]:
    """Return the rows of the ledger that is stored."""
    found: list[dict[str, Any]] = json.loads((root / "claims" / "ledger.json").read_text(encoding="utf-8"))["rows"]
    return found


def proofs(row: dict[str, Any]) -> list[Proof]:
    """List what holds a sentence, each proof once.

    Example:
        >>> row = {"proofs": {"1.5": "asserted in cell 3; calculated: 3 / 2 == 1.5", "2": "asserted in cell 3"}}
        >>> for proof in proofs(row):
        ...     print(proof.way, proof.words, proof.of)
        asserted in cell 3 ('1.5', '2')
        calculated 3 / 2 == 1.5 ('1.5',)
    """
    found: dict[str, list[str]] = {}
    for claim, proof in row["proofs"].items():
        for part in re.split(rf"; (?={ANY_WAY})", proof):
            found.setdefault(part, []).append(claim)
    return [Proof(*in_words(part), tuple(claims)) for part, claims in found.items()]


def in_words(proof: str) -> tuple[str, str]:
    """Return the way of a proof, and the rest of what it says.

    Example:
        >>> in_words("cell 10 prints it"), in_words("cited: werbos1990backpropagation")
        (('printed', 'by cell 10'), ('cited', 'werbos1990backpropagation'))
    """
    way = next(way for way, (begins, _) in WAYS.items() if re.match(begins, proof))
    if cell := re.match(r"cell (\d+)", proof):
        return way, f"{'by' if way == 'printed' else 'in'} cell {cell[1]}"
    return way, re.sub(rf"^{way}:? ", "", proof)


def plain(text: str) -> str:
    """Write a sentence in letters: formulas in one line, code and emphasis without their marks.

    Example:
        >>> plain("Set `b` to $w_h = 0.5$, *not* **more**.")
        'Set b to w_h = 0.5, not more.'
    """
    text = re.sub(r"\$\$?(.+?)\$\$?", lambda match: formula(match[1]), text)
    text = re.sub(r"\*\*(.+?)\*\*|(?<!\w)\*(\S(?:.*?\S)?)\*(?!\w)", lambda match: match[1] or match[2], text)
    return " ".join(re.sub(r"[`|]", " ", text).split()).replace(" .", ".").replace(" ,", ",")


def item(row: dict[str, Any], name: str, anchor: str) -> str:
    """Return one claim as an item of a list."""
    held = proofs(row)
    ways = " ".join(dict.fromkeys(proof.way.replace(" ", "-") for proof in held))
    told = "; ".join(proof_html(proof, row["chapter"]) for proof in held)
    place = f'<a href="chapters/{row["chapter"]}.html#{anchor}">{html.escape(row["section"])}</a>'
    where = f"{place}, {KINDS[row['kind']]}, cell {row['cell']}"
    says = html.escape(plain(row["says"]))
    return (
        f'<li id="{name}" data-ways="{ways}"><p class="ledger-says">{says}</p>'
        f'<p class="ledger-held">{told}.</p><p class="ledger-where">{where}</p></li>'
    )


def letter(text: str) -> str:
    """Write what a proof quotes of a formula in plain letters; code has no commands of TeX, and stays."""
    text = re.sub(r"\$([^$]+)\$", lambda match: formula(match[1]), text)
    return formula(text) if re.search(r"\\[a-z]", text) else text


def proof_html(proof: Proof, chapter: str) -> str:
    """Return what holds a claim, its way in bold, and of which words, unless these are the whole sentence's."""
    words = html.escape(letter(proof.words))
    if proof.way == "cited":
        keys = proof.words.replace(",", " ").split()
        words = ", ".join(f'<a href="references.html#{key}">{key}</a>' for key in keys)
    claims = [plain(letter(claim)) for claim in proof.of if claim not in ("summary", "a change that it suggests")]
    of = html.escape(", ".join(claims))
    return f"<b>{proof.way}</b> {words}" + (f" ({of})" if of else "")


def sections(root: Path) -> str:
    """Return a heading for each chapter that claims something, and the place of its list."""
    titles = {Path(page["page"]).name: (page["label"], page["title"]) for page in course(root)["pages"]}
    found = []
    for chapter in dict.fromkeys(row["chapter"] for row in rows(root)):
        label, title = titles[chapter]
        found.append(f"## {label}. {title}" if label else f"## {title}")
        found.append(f"<!-- claims of {chapter} -->")
    return "\n\n".join(found)


def letters(text: str) -> str:
    """Return what a heading is known by, whatever its quotation marks and however its formulas are written."""
    return "".join(re.findall(r"\w", plain(text))).lower()


def anchors(doctree: nodes.document) -> dict[str, str]:
    """Return the anchor of each section of a page by the letters of its heading."""
    found: dict[str, str] = {}
    for section in doctree.findall(nodes.section):
        parts = (formula(node.astext()) if isinstance(node, nodes.math) else node.astext() for node in section[0])
        found.setdefault(letters("".join(parts)), section["ids"][0])
    return found


def fill(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Put the lists into their places."""
    if name != PAGE:
        return
    for comment in list(doctree.findall(nodes.raw)):
        if found := re.fullmatch(r"<!-- claims of (\w+) -->", comment.astext().strip()):
            comment.replace_self(nodes.raw("", claims(app, found[1]), format="html"))


def claims(app: Sphinx, chapter: str) -> str:
    """Return the claims of a chapter as a list."""
    places = anchors(app.env.get_doctree(f"chapters/{chapter}"))
    short = chapter.partition("_")[0]
    found = [row for row in rows(Path(app.srcdir)) if row["chapter"] == chapter]
    items = [item(row, f"claim-{short}-{n}", places[letters(row["section"])]) for n, row in enumerate(found, start=1)]
    return f'<ol class="ledger">{"".join(items)}</ol>'


def summary(root: Path) -> str:
    """Return a table of the ways: the word, what it means, and how many sentences are held so."""
    counts = Counter(way for row in rows(root) for way in {proof.way for proof in proofs(row)})
    lines = [f"| {way} | {means} | {counts[way]} |" for way, (_, means) in WAYS.items() if counts[way]]
    return "\n".join(["| held | what that means | sentences |", "|---|---|---|", *lines])


def form(root: Path) -> str:
    """Return the form that the script answers; a browser without scripts does not show it."""
    used = {proof.way for row in rows(root) for proof in proofs(row)}
    ways = "".join(f'<option value="{way.replace(" ", "-")}">{way}</option>' for way in WAYS if way in used)
    return (
        '<form class="ledger-form" role="search" aria-label="Claims">'
        '<label>Words <input type="search" name="words" autocomplete="off"></label>'
        f'<label>Held <select name="way"><option value="">in any way</option>{ways}</select></label>'
        f'<p role="status" class="ledger-count">{len(rows(root))} sentences.</p></form>'
    )


def parts(root: Path) -> dict[str, str]:
    """Return what the page has in the place of its comments."""
    return {"ways": summary(root), "form": form(root), "claims": sections(root)}


def outdated(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Have the page made anew when a chapter has changed."""
    return [PAGE] if PAGE in env.found_docs and added | changed | removed else []


def add_script(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Give the page the script that answers its form."""
    if pagename == PAGE:
        app.add_js_file("course/ledger.js", defer="defer")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Connect the functions above to Sphinx."""
    app.connect("doctree-resolved", fill)
    app.connect("env-get-outdated", outdated)
    app.connect("html-page-context", add_script)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
