"""The tables of the page "Everything to do": what can be played with, solved and asked, found in the pages.

The page marks the places of its tables with comments, which other readers of Markdown leave out.
"""

import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import progress
from docutils import nodes
from search import order
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.typing import ExtensionMetadata

from lstm_lib import widgets
from lstm_lib.exercises import EXERCISES

PAGE = "everything"
ROOT = Path(__file__).resolve().parent.parent.parent
ANSWERS = {"single": "choose one", "several": "choose several", "number": "give a number", "order": "put in order"}

# What a reader does with each explorable, by how its call begins; where it stands for several things, by its arguments.
DOES = {
    "PlayTheStream(": "Hold boxes in your head, answer what is in them, and see what networks answer.",
    "ThreeClocks(": "Set a weight and a bias, and see how long a state lasts, its gradient, and what is learned.",
    'GateExplorer(gate="remember"': "Add what is kept and what is learned, and read the formula with your numbers.",
    'GateExplorer(gate="learn"': "Choose what of an event comes in, and read the formula with your numbers.",
    'GateExplorer(gate="forget"': "Choose what of the memory stays, and read the formula with your numbers.",
    'GateExplorer(gate="bothuses"': "Choose what is said, by the drawn use gate and by the standard one.",
    'BeTheGate(gates="i"': "Choose at each step what comes in, and compare with trained units.",
    'BeTheGate(gates="if"': "Choose at each step what comes in and what stays, and compare with trained units.",
    'BeTheGate(gates="o"': "Choose at each step what is said, and compare with trained units.",
    'BeTheGate(gates="ifo"': "Be all three gates at each step, and compare with trained units.",
    "CellWalk()": "Walk through a short sequence, part by part, and read the number on every wire.",
    'CellWalk("back"': "Walk the same wires backwards, and read what gradient is on each.",
    "GateFailures(": "Hold one gate of a trained LSTM open, and see which errors it makes then.",
    "GradientFlow(": "Send the gradient of one output back to the events before it, in an LSTM and in an RNN.",
    "Truncation(": "Cut a stream into windows, and see what still gets from a write to its question, and back.",
    "WhereTimeGoes(": "Choose units, batch and steps, and see where the time of training goes.",
    "Writer(": "Let a network write, or type yourself, and colour the text by one of its cells.",
    "SayADigit(": "Say a digit, or take a recorded one, and see what a network understands at each moment.",
    "NumberPad(": "Draw digits, and see a network read them column by column.",
    "TextFinder(": "Write on a scene, and see which lines of text a network finds.",
}
KINDS = {"code": "write code", "numeric": "work out a number", "judgement": "choose and see why"}


class Thing(NamedTuple):
    """One row: where it is (page, chapter, anchor, heading), and the two texts of its row."""

    page: str
    chapter: str
    anchor: str
    heading: str
    kind: str
    says: str


def cells(doctree: nodes.document) -> Iterator[tuple[nodes.section, dict[str, object], str]]:
    """Yield the code cells of a page: the section in which each stands, its metadata, and its source."""
    for cell in doctree.findall(nodes.container):
        if cell.get("nb_element") == "cell_code":
            section = cell.parent
            while not isinstance(section, nodes.section):
                section = section.parent
            source = next(iter(cell.findall(nodes.literal_block)), None)
            yield section, cell.get("cell_metadata", {}), source.astext() if source else ""


def chapter_of(page: str, doctree: nodes.document) -> str:
    """Name a page in a few letters: the number of a chapter, or its title."""
    number = re.match(r"chapters/0?(\d+)_", page)
    return number[1] if number else next(iter(doctree.findall(nodes.title))).astext()


def explorables(page: str, doctree: nodes.document) -> Iterator[Thing]:
    """Yield what can be played with on a page, each once in a section, with what one does there."""
    names = "|".join(name for name in widgets.__all__ if name != "Quiz")
    seen = set()
    for section, _, source in cells(doctree):
        for call in re.finditer(rf"^({names})\(", source, re.MULTILINE):
            name = call[1]
            anchor = section["ids"][0]
            if (anchor, name) not in seen:
                seen.add((anchor, name))
                says = done_with(re.sub(r"\s", "", source[call.start() :]))
                spaced = re.sub(r"(?<=.)(?=[A-Z])", " ", name).capitalize()
                yield Thing(page, chapter_of(page, doctree), anchor, section[0].astext(), spaced, says)


def done_with(call: str) -> str:
    """Return what a reader does with an explorable, from its call without spaces."""
    found = [does for begins, does in DOES.items() if call.startswith(begins)]
    if len(found) != 1:
        raise ValueError(f"got {len(found)} descriptions of {call[:40]}, expected one in DOES")
    return found[0]


def exercises(page: str, doctree: nodes.document) -> Iterator[Thing]:
    """Yield the exercises of a page."""
    seen = set()
    for section, metadata, _ in cells(doctree):
        name = str(metadata.get("exercise", ""))
        if name and name not in seen:
            seen.add(name)
            kind = KINDS[EXERCISES[name].kind]
            yield Thing(page, chapter_of(page, doctree), section["ids"][0], section[0].astext(), kind, name)


@functools.cache
def asked() -> dict[str, list[Thing]]:
    """Return the quizzes of each page; the script that shows one names its place."""
    kinds = {name: ANSWERS[made["kind"]] for name, made in progress.quizzes(ROOT).items()}
    found = {}
    for page in progress.course(ROOT)["pages"]:
        items = [item for item in page["items"] if item["kind"] == "quiz"]
        found[page["page"]] = [
            Thing(page["page"], "", item["anchor"], item["title"], kinds[f"quiz/{item['id']}"], item["id"])
            for item in items
        ]
    return found


def quizzes(page: str, doctree: nodes.document) -> Iterator[Thing]:
    """Yield the quizzes of a page."""
    for thing in asked().get(page, []):
        yield thing._replace(chapter=chapter_of(page, doctree))


def explorable_row(thing: Thing, link: nodes.Node) -> list[nodes.Node]:
    """Chapter, the section, and what one does there."""
    says = nodes.inline("", "", nodes.strong("", thing.kind), nodes.Text(f": {thing.says}"))
    return [nodes.Text(thing.chapter), link, says]


def exercise_row(thing: Thing, link: nodes.Node) -> list[nodes.Node]:
    """Chapter, the exercise or the question, and what kind of answer it wants."""
    return [nodes.Text(thing.chapter), link, nodes.Text(thing.kind)]


class Table(NamedTuple):
    """A table of the page: how its things are found, its columns, and how a row is made."""

    find: Callable[[str, nodes.document], Iterator[Thing]]
    columns: tuple[str, ...]
    row: Callable[[Thing, nodes.Node], list[nodes.Node]]


TABLES = {
    "explorables": Table(explorables, ("chapter", "where", "what you do"), explorable_row),
    "quizzes": Table(quizzes, ("chapter", "question", "answer"), exercise_row),
    "exercises": Table(exercises, ("chapter", "exercise", "kind"), exercise_row),
}


def row_of(entries: list[nodes.Node], classes: list[str] | None = None) -> nodes.row:
    """Return a row of a table."""
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", one)) for one in entries), classes=classes or [])


def fill(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Put the tables where the page has its comments."""
    if name != PAGE:
        return
    for comment in list(doctree.findall(nodes.raw)):
        found = re.fullmatch(r"<!-- (\w+) -->", comment.astext().strip())
        if found and found[1] in TABLES:
            comment.replace_self(table_of(app, TABLES[found[1]]))


def table_of(app: Sphinx, table: Table) -> nodes.table:
    """Make one table from all pages."""
    rows = []
    for page in order(app):
        for thing in table.find(page, app.env.get_doctree(page)):
            address = f"{app.builder.get_relative_uri(PAGE, page)}#{thing.anchor}"
            link = nodes.reference("", thing.heading, refuri=address, internal=True)
            rows.append(row_of(table.row(thing, link), ["exercise"] if table.find is exercises else []))
    head = nodes.thead("", row_of([nodes.Text(column) for column in table.columns]))
    width = len(table.columns)
    specs = [nodes.colspec(colwidth=100 // width) for _ in table.columns]
    return nodes.table("", nodes.tgroup("", *specs, head, nodes.tbody("", *rows), cols=width), classes=["everything"])


def outdated(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Have the page made anew when any other one has changed."""
    return [PAGE] if PAGE in env.found_docs and added | changed | removed else []


def setup(app: Sphinx) -> ExtensionMetadata:
    """Connect the functions above to Sphinx."""
    app.connect("doctree-resolved", fill)
    app.connect("env-get-outdated", outdated)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
