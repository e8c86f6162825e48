"""Ledger of claims: every sentence of the chapters that gives a number or compares, and what proves it.

``python -m tools.ledger`` lists what has no proof, or else writes ``claims/ledger.json``. Most numbers prove
themselves: a cell of the page prints them, or sets them. For the rest, and for words such as "never" or "faster",
``claims/NN.yml`` names the proof; CONTRIBUTING.md says how. An entry that fits no sentence, and a proof that does not
hold, are faults.
"""

import argparse
import ast
import functools
import json
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from lstm_lib import cells, recorded
from tools.calculations import calculated, numbers
from tools.references import cited_keys, without_links

ROOT = Path(__file__).resolve().parent.parent
CLAIMS = ROOT / "claims"
LEDGER = CLAIMS / "ledger.json"

Cell = dict[str, Any]

WORDS = "two three four five six seven eight nine ten eleven twelve thirteen fifteen sixteen twenty thirty forty fifty"
COUNT = rf"(?:\d+|none|one|{'|'.join(WORDS.split())})"
MORE = "more|less|fewer|longer|shorter|larger|smaller|higher|lower|further|faster|slower|better|worse"
COMPARISON = re.compile(
    rf"(?<![\d.,])\b(?:never|always|none|no (?:seed|run|network)|every (?:seed|run|network)|each seed"
    rf"|faster|slower|better|worse|(?:{MORE}) than|at (?:least|most)|twice|half as|usually|typical(?:ly)?"
    r"|often|rarely|seldom|lost"
    rf"|all (?:of|{COUNT}|seeds|runs|networks)|{COUNT} of (?:the |those |these |its |them|all |\w+ )?{COUNT}\b"
    rf"|(?:{COUNT}|hundred|thousand) times)\b",
    re.IGNORECASE,
)


# What a reader is told to change in the code: each such change is tried.
SUGGESTION = re.compile(r"\b(?:[Tt]ry|[Yy]ou can (?:try|set|change)|[Cc]hange|[Ss]et|[Rr]eplace) (?:`|\$)")


class Unit(NamedTuple):
    """One sentence that may claim something: where it stands, what it is, and what it says."""

    chapter: str
    cell: int
    section: str
    kind: str  # text, alt, hint, quiz, summary
    text: str
    sources: tuple[str, ...]


class Row(NamedTuple):
    """One row of the ledger: a sentence, what of it claims, and what proves each part (or None)."""

    unit: Unit
    claims: dict[str, str | None]


# ---------------------------------------------------------------- sentences


def chapter_files() -> list[Path]:
    """List the chapters."""
    return sorted((ROOT / "chapters").glob("*.ipynb"))


@functools.cache
def cells_of(path: Path) -> list[Cell]:
    """Read the cells of a notebook."""
    cells: list[Cell] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return cells


def source(cell: Cell) -> str:
    """Return a cell's source as one text."""
    return cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])


def units(path: Path) -> Iterator[Unit]:
    """Yield the sentences of a chapter, of its alt texts, its hints and its quizzes."""
    section = ""
    for number, cell in enumerate(cells_of(path)):
        place = (path.stem, number)
        if cell["cell_type"] == "markdown":
            exercise = "exercise" in cell["metadata"]
            for heading, text, cited in blocks(source(cell)):
                section = heading or section
                kind = "hint" if exercise else "summary" if section == "What we saw" else "text"
                if section not in ("Exercises", "Sources") or exercise:
                    yield from (Unit(*place, section, kind, sentence, cited) for sentence in sentences(text))
        else:
            alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
            yield from (Unit(*place, section, "alt", sentence, ()) for sentence in sentences(alt))
            for text in quiz_texts(cell):
                yield from (Unit(*place, section, "quiz", sentence, ()) for sentence in sentences(text))


def blocks(markdown: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield heading, text and cited keys of each paragraph, item, table row and formula; most headings are empty."""
    markdown = re.sub(r"^```.*?^```", "", markdown, flags=re.MULTILINE | re.DOTALL)
    markdown = re.sub(r"^> ?|^<summary>.*</summary>$", "", markdown, flags=re.MULTILINE)
    heading = ""
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.|\|) )", markdown):
        found = re.match(r"#+ (.*)", block.strip())
        if found:
            heading = found[1].strip()
            block = block.strip()[found.end() :]
        cited = tuple(cited_keys(block))
        text = plain(block)
        if text or found:
            yield heading if found else "", text, cited


def plain(markdown: str) -> str:
    """Return what a reader reads of a block, formulas as they are written."""
    text = without_links(markdown)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"</?[a-zA-Z][^>]*>", " ", text)
    text = re.sub(r"\*\*|^\s*[-*] |^\|[-|: ]+\|$", "", text, flags=re.MULTILINE)
    return " ".join(text.split())


def sentences(text: str) -> Iterator[str]:
    """Split a text into sentences.

    Example:
        >>> list(sentences("It holds, e.g. 0.5. (All of them do.) Why?"))
        ['It holds, e.g. 0.5.', '(All of them do.)', 'Why?']
    """
    for part in re.split(r"(?<!e\.g\.)(?<!i\.e\.)(?:(?<=[.!?])|(?<=[.!?][)*”]))\s+(?=[A-Z“\"(*$`\d])", text):
        if part.strip():
            yield part.strip()


def parsed(cell: Cell) -> ast.Module:
    """Parse a cell's code, without the commands that only IPython knows."""
    return ast.parse(re.sub(r"^\s*[%!].*$", "", source(cell), flags=re.MULTILINE))


def quiz_texts(cell: Cell) -> Iterator[str]:
    """Yield the question and the replies of each quiz in a cell."""
    for node in ast.walk(parsed(cell)):
        if isinstance(node, ast.Call) and re.fullmatch(r"Quiz(\.(several|number|order))?", ast.unparse(node.func)):
            for word in node.keywords:
                if word.arg in ("question", "because", "hint", "mistakes", "steps"):
                    for leaf in ast.walk(word.value):
                        if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str) and " " in leaf.value:
                            yield leaf.value


# ---------------------------------------------------------------- numbers that prove themselves


@functools.cache
def printed(path: Path) -> list[tuple[int, str, tuple[float, ...]]]:
    """List, for each cell, the text that it prints and the numbers in it."""
    out = []
    for number, cell in enumerate(cells_of(path)):
        texts = [text for output in cell.get("outputs", []) for text in texts_of(output)]
        text = " ".join(" ".join(texts).split())
        words = re.findall(r"[-−]?(?:\d+\.?\d*|\.\d+)(?:e[-+−]?\d+)?", text)
        out.append((number, text, tuple(float(word.replace("−", "-")) for word in words)))
    return out


def texts_of(output: dict[str, Any]) -> Iterator[str]:
    """Yield what an output prints."""
    for text in (output.get("text"), output.get("data", {}).get("text/plain"), output.get("evalue")):
        if text:
            yield text if isinstance(text, str) else "".join(text)


@functools.cache
def literals(path: Path) -> list[tuple[int, frozenset[float]]]:
    """List the numbers that the code of each cell contains."""
    out = []
    for number, cell in enumerate(cells_of(path)):
        if cell["cell_type"] == "code":
            leaves = [node.value for node in ast.walk(parsed(cell)) if isinstance(node, ast.Constant)]
            values = {float(leaf) for leaf in leaves if type(leaf) in (int, float)}
            out.append((number, frozenset(values | {-value for value in values})))
    return out


def proof_of_number(path: Path, unit: Unit, written: str, value: float, half: float) -> str | None:
    """Say which cell prints or sets a number, the nearest first; None where none does.

    A number with digits after the point, or of percent, may be printed with more digits; a whole one is a count.
    """
    percent = written.endswith("%")
    count = value.is_integer() and "." not in written and not percent
    wanted = [(value, 0.0 if count else half)] + ([(value / 100, half / 100)] if percent else [])
    here = sorted(printed(path), key=lambda row: (abs(row[0] - unit.cell), row[0]))
    for number, _, values in here:
        if any(abs(seen - want) <= near * 1.0001 for seen in values for want, near in wanted):
            return f"cell {number} prints it"
    for number, values in sorted(literals(path), key=lambda row: (abs(row[0] - unit.cell), row[0])):
        if any(math.isclose(seen, want) for seen in values for want, _ in wanted):
            return f"cell {number} sets or asserts it"
    return None


# ---------------------------------------------------------------- proofs that are named


def number_of(chapter: str) -> str:
    """Return the number of a chapter, or the first word of the name of a page without one.

    Example:
        >>> number_of("05_forget_gate"), number_of("frameworks")
        ('05', 'frameworks')
    """
    return chapter.partition("_")[0]


@functools.cache
def entries(chapter: str) -> list[dict[str, Any]]:
    """Read the proofs that are named for a chapter."""
    path = CLAIMS / f"{number_of(chapter)}.yml"
    found: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else []
    return found or []


def squeeze(text: str) -> str:
    """Return a text with single blanks."""
    return " ".join(str(text).split())


def entry_for(unit: Unit) -> dict[str, Any] | None:
    """Return the entry whose ``says`` stands in a sentence."""
    text = squeeze(unit.text)
    return next((entry for entry in entries(unit.chapter) if squeeze(entry["says"]) in text), None)


class Unproved(ValueError):
    """A proof that is named and does not hold."""


def prove(entry: dict[str, Any], path: Path) -> str:
    """Check a named proof and return it in words.

    Args:
        entry: ``says`` and one or more of ``PROOFS``.
        path: The chapter.

    Raises:
        Unproved: If it does not hold; says why.
    """
    unknown = set(entry) - {"says", *PROOFS, "where", "holds"}
    if unknown or not set(entry) & set(PROOFS):
        raise Unproved(f"got the keys {', '.join(entry)}, expected says and one of {', '.join(PROOFS)}")
    return "; ".join(PROOFS[kind](entry, path) for kind in PROOFS if kind in entry)


def by_cell(entry: dict[str, Any], path: Path) -> str:
    """An assertion of the page contains this text."""
    wanted = squeeze(entry["cell"])
    for number, cell in enumerate(cells_of(path)):
        if cell["cell_type"] == "code" and wanted in " ".join(asserted(cell)):
            return f"asserted in cell {number}"
    raise Unproved(f"no assertion of the page contains {wanted!r}")


def asserted(cell: Cell) -> Iterator[str]:
    """Yield what a cell asserts: its assert statements, and its calls of functions that assert."""
    code = source(cell)
    for node in ast.walk(parsed(cell)):
        call = node.value if isinstance(node, ast.Expr) else None
        if isinstance(node, ast.Assert) or (isinstance(call, ast.Call) and "assert" in ast.unparse(call.func)):
            yield squeeze(ast.get_source_segment(code, node) or ast.unparse(node))


def by_output(entry: dict[str, Any], path: Path) -> str:
    """An output that nbval compares contains this text."""
    wanted = squeeze(entry["output"])
    for number, text, _ in printed(path):
        if wanted in text:
            if "nbval-ignore-output" in cells_of(path)[number]["metadata"].get("tags", []):
                raise Unproved(f"cell {number} prints {wanted!r}, but nothing compares what it prints")
            return f"printed by cell {number}"
    raise Unproved(f"no cell prints {wanted!r}")


def by_record(entry: dict[str, Any], path: Path) -> str:
    """Rows of a result file make an expression true."""
    rows = recorded.rows(entry["record"], **entry.get("where", {}))
    names = {"rows": rows, "np": np, "column": lambda name, **where: column(rows, name, where)}
    if not eval(entry["holds"], names):  # our own files, not a reader's
        raise Unproved(f"{len(rows)} rows of {entry['record']} do not make {entry['holds']!r} true")
    seeds = len({row["seed"] for row in rows if "seed" in row})
    ranges = ", ".join(f"{name} {low:.4g} to {high:.4g}" for name, low, high in ranges_of(rows, entry["holds"]))
    counted = f"{len(rows)} rows" + (f" of {seeds} seeds" if seeds else "") + (f", {ranges}" if ranges else "")
    return f"recorded in {entry['record']}: {counted}; {entry['holds']}"


def ranges_of(rows: list[dict[str, Any]], holds: str) -> Iterator[tuple[str, float, float]]:
    """Yield each column that an expression reads, with its smallest and largest value."""
    for name in dict.fromkeys(re.findall(r"(?:column\(|row\[)[\"']([^\"']+)", holds)):
        values = [row[name] for row in rows if isinstance(row.get(name), int | float)]
        if values:
            yield name, min(values), max(values)


def column(rows: list[dict[str, Any]], name: str, where: dict[str, Any]) -> Any:
    """Return a column of the rows that fit."""
    return np.array([row[name] for row in rows if all(row.get(key) == value for key, value in where.items())])


def by_test(entry: dict[str, Any], path: Path) -> str:
    """A test of this name is there."""
    file, _, name = entry["test"].partition("::")
    there = ROOT / file
    if not name or not there.is_file() or f"def {name}(" not in there.read_text(encoding="utf-8"):
        raise Unproved(f"there is no test {entry['test']}")
    return f"tested: {entry['test']}"


def by_calculation(entry: dict[str, Any], path: Path) -> str:
    """A calculation comes out true."""
    names = {"np": np, "math": math, "sigmoid": cells.sigmoid}
    if not eval(entry["exact"], names):
        raise Unproved(f"{entry['exact']!r} is not true")
    return f"calculated: {entry['exact']}"


def by_source(entry: dict[str, Any], path: Path) -> str:
    """A source that the page cites says so."""
    page = "".join(source(cell) for cell in cells_of(path) if cell["cell_type"] == "markdown")
    for key in squeeze(entry["cite"]).replace(",", " ").split():
        if f"{{{key}," not in (ROOT / "references.bib").read_text(encoding="utf-8"):
            raise Unproved(f"{key} is not in references.bib")
        if key not in cited_keys(page):
            raise Unproved(f"the page does not cite {key}")
    return f"cited: {entry['cite']}"


def by_section(entry: dict[str, Any], path: Path) -> str:
    """A section of the page shows what its summary repeats."""
    page = "\n".join(source(cell) for cell in cells_of(path) if cell["cell_type"] == "markdown")
    if not re.search(rf"^#+ {re.escape(entry['section'])}\s*$", page, re.MULTILINE):
        raise Unproved(f"there is no section {entry['section']!r}")
    return f"shown in “{entry['section']}”"


def by_meaning(entry: dict[str, Any], path: Path) -> str:
    """Nothing is claimed of the world: a definition, an instruction, a question."""
    if len(str(entry["means"])) < 8:
        raise Unproved("means: says why nothing has to be proved")
    return f"no claim: {entry['means']}"


def by_trial(entry: dict[str, Any], path: Path) -> str:
    """A change that the page suggests is made, with functions and constants of the page, and comes out true."""
    from benchmarks.chapters import _page

    trial = entry["tries"]
    if not eval(trial["run"], dict(_page.functions(int(path.stem[:2]), *trial["of"]))):
        raise Unproved(f"{trial['run']!r} is not true")
    return f"tried: {trial['run']}"


PROOFS = {
    "cell": by_cell,
    "output": by_output,
    "record": by_record,
    "test": by_test,
    "exact": by_calculation,
    "cite": by_source,
    "section": by_section,
    "tries": by_trial,
    "means": by_meaning,
}


# ---------------------------------------------------------------- the ledger


def row_of(unit: Unit, path: Path) -> Row:
    """Find what a sentence claims, and what proves it."""
    claims: dict[str, str | None] = {}
    entry = entry_for(unit)
    named = prove(entry, path) if entry else None
    cited = f"cited: {', '.join(unit.sources)}" if unit.sources else None
    for written, value, half in numbers(unit.text):
        claims[written] = (
            named or calculated(unit.text, value) or proof_of_number(path, unit, written, value, half) or cited
        )
    if unit.kind in ("text", "alt", "summary"):
        for match in COMPARISON.finditer(unit.text):
            claims[match[0]] = named or cited
    if unit.kind == "summary":
        claims.setdefault("summary", named)
    if unit.kind == "text" and SUGGESTION.search(unit.text):
        claims["a change that it suggests"] = named
    return Row(unit, claims)


def rows_of(path: Path) -> list[Row]:
    """Return the rows of a chapter's ledger: its sentences that claim something."""
    rows = (row_of(unit, path) for unit in units(path))
    return [row for row in rows if row.claims]


def missing(rows: list[Row]) -> list[str]:
    """List the sentences that lack a proof, and what of them lacks it."""
    lines = []
    for unit, claims in rows:
        lacks = [claim for claim, proof in claims.items() if proof is None]
        if lacks:
            lines.append(f"{unit.chapter}, cell {unit.cell} ({unit.kind}): {', '.join(lacks)} in: {unit.text}")
    return lines


def idle(path: Path) -> list[str]:
    """List the entries of a chapter that fit none of its sentences."""
    texts = [squeeze(unit.text) for unit in units(path)]
    return [e["says"] for e in entries(path.stem) if not any(squeeze(e["says"]) in text for text in texts)]


def generate() -> str:
    """Write the ledger of all chapters as JSON."""
    rows = [
        {"chapter": u.chapter, "cell": u.cell, "section": u.section, "kind": u.kind, "says": u.text, "proofs": claims}
        for path in chapter_files()
        for u, claims in rows_of(path)
    ]
    return json.dumps({"command": "python -m tools.ledger", "rows": rows}, indent=1, ensure_ascii=False) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Read the command line, write the ledger, and list what has no proof."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chapters", nargs="*", help="numbers of chapters to check, such as 05; writes nothing then")
    options = parser.parse_args(arguments)
    lines = []
    for path in chapter_files():
        if not options.chapters or number_of(path.stem) in options.chapters:
            rows, wrong = [], []
            for unit in units(path):
                try:
                    rows.append(row_of(unit, path))
                except Unproved as error:
                    wrong.append(f"{unit.chapter}, cell {unit.cell}: {error}, for: {unit.text}")
            lacking = missing(rows) + wrong
            count = sum(bool(row.claims) for row in rows) + len(wrong)
            print(f"{path.stem}: {count} sentences claim, {len(lacking)} lack a proof", flush=True)
            lines += lacking + [f"{path.stem}: no sentence says {says!r}" for says in idle(path)]
    for line in lines:
        print(line)
    if not options.chapters and not lines:
        LEDGER.write_text(generate(), encoding="utf-8")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
