"""Make a chapter that passes the tests, to be rewritten from there: ``python -m tools.new_chapter``.

    python -m tools.new_chapter 12_language_generation --title "How does it write?" --part Uses

writes ``chapters/12_language_generation.ipynb``, runs it, and adds it to ``_toc.yml`` and to the table in the README.
What is in it stands for what every chapter has: the opening, a section that goes from words to equation to code to a
picture, a question before its answer, what we saw, sources. CONTRIBUTING.md says what each of them is for.
"""

import argparse
import re
import sys
from pathlib import Path
from typing import Any

import nbformat
import yaml
from nbformat import NotebookNode

from tools import exercise_cells, hosting, notebooks, setup_cell

ROOT = hosting.ROOT
NAME = re.compile(r"\d\d_[a-z0-9]+(_[a-z0-9]+)*")
LAST_PART = "Back matter"  # new parts come before it

OPENING = """\
# {title}

Begin with something that the reader has met: a situation, a riddle, a question. Two or three sentences.

> **Before you start**
>
> **You will** say here what the reader does. **You will learn** what stays. **You need** \
[Chapter 7](07_full_cell.ipynb). **Time:** 15 minutes to read; the code runs in a few seconds."""

WORDS = """\
## Keep a share of it

First in words, then as an equation, then as code, with the same letters. A memory $c$ that keeps the share $f$ of \
itself at each step holds $f^n c$ after $n$ steps."""

ASK = """\
Before the picture comes a question, and its answer stays out of sight until the reader has guessed."""

AFTER = """\
After the picture, one sentence says what it shows: half of the memory is gone after 6.6 steps."""

SAW = """\
## What we saw

- One line for each thing that the reader takes along.

## Exercises

Three or so, each a group of cells with the metadata `{"exercise": ID}`; `make execute` fills them in from \
`lstm_lib.exercises`.

## Sources

Each claim that is not computed above has its source: \
[Hochreiter and Schmidhuber (1997)](../references.md#hochreiter1997long)."""

QUIZ = """\
Quiz(
    name="nine-tenths",
    question="A memory keeps nine tenths of itself at each step. After how many steps is half of it left?",
    options={
        "five": "5, since five steps take away a tenth each",
        "seven": "Between 6 and 7",
        "ten": "10",
    },
    answer="seven",
    because={
        "five": "Each step takes a tenth of what is left, which is less and less.",
        "seven": "Yes: 0.9 to the power of 6.6 is one half.",
        "ten": "After 10 steps about a third is left.",
    },
)"""

PLOT = """\
ax = plots.lines(
    range(21),
    {"c": left},
    x="step t",
    y="what is left of the memory",
    ylim=(0, 1),
)"""

HALF_LIFE = """\
half_life = math.log(2) / -math.log(f)
assert left[7] < 0.5 < left[6]
round(half_life, 1)"""

ALT = "What is left of a memory that keeps nine tenths of itself a step: it falls to one half between steps 6 and 7."


def cells(title: str) -> list[NotebookNode]:
    """Return the cells of a new chapter."""
    figure = {"mystnb": {"image": {"alt": ALT}}}
    made = [
        _text("opening", OPENING.format(title=title)),
        _code("setup", setup_cell.source(hosting.stated()), tags=setup_cell.TAGS),
        _text("words", WORDS),
        _code("imports", "import math\n\nfrom lstm_lib import plots\nfrom lstm_lib.widgets import Quiz"),
        _code("by-hand", "f = 0.9\nleft = [f**n for n in range(21)]\nround(left[2], 2)"),
        _text("ask", ASK),
        _code("question", QUIZ, tags=["hide-input"], jupyter={"source_hidden": True}, cellView="form"),
        _code("picture", PLOT, **figure),
        _code("half-life", HALF_LIFE),
        _text("after", AFTER),
        _text("end", SAW),
    ]
    exercise_cells.hide_answers(made)
    return made


def _text(name: str, source: str) -> NotebookNode:
    cell = nbformat.v4.new_markdown_cell(source)
    cell["id"] = name
    return cell


def _code(name: str, source: str, **metadata: Any) -> NotebookNode:
    cell = nbformat.v4.new_code_cell(source, metadata=metadata)
    cell["id"] = name
    return cell


def make(root: Path, name: str, title: str, part: str) -> Path:
    """Write, run and list a chapter; return its path.

    Args:
        root: The checkout.
        name: Its file name without ending, such as "12_language_generation": a number of two digits, then words.
        title: A question, which becomes its heading.
        part: Caption of the part of ``_toc.yml`` to which it is added; a new one comes before the back matter.

    Raises:
        ValueError: If the name has another form or its number is taken, or the title is no question.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"got name {name!r}, expected two digits and words, such as 12_language_generation")
    taken = sorted(path.stem for path in (root / "chapters").glob(f"{name[:2]}_*.ipynb"))
    if taken:
        raise ValueError(f"got number {name[:2]}, which {taken[0]} has, expected a free one")
    if not title.endswith("?") or "|" in title or "\n" in title:
        raise ValueError(f"got title {title!r}, expected a question: one chapter, one question")
    path = root / "chapters" / f"{name}.ipynb"
    notebook = nbformat.v4.new_notebook(cells=cells(title))
    notebook.metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    nbformat.write(notebook, path)
    path.write_text(notebooks.run(path), encoding="utf-8")
    toc, readme = root / "_toc.yml", root / "README.md"
    toc.write_text(listed(toc.read_text(encoding="utf-8"), name, part), encoding="utf-8")
    readme.write_text(tabled(readme.read_text(encoding="utf-8"), name, title, part), encoding="utf-8")
    return path


def listed(toc: str, name: str, part: str) -> str:
    r"""Return a table of contents with one more chapter, at the end of its part.

    Example:
        >>> toc = "root: intro\nparts:\n  - caption: Back matter\n    chapters:\n      - file: notation\n"
        >>> print(listed(toc, "12_writing", "Uses").splitlines()[2:6])
        ['  - caption: Uses', '    numbered: 1', '    chapters:', '      - file: chapters/12_writing']
    """
    lines, entry = toc.splitlines(), f"      - file: chapters/{name}"
    captions = {line.removeprefix("  - caption: "): n for n, line in enumerate(lines) if line.startswith("  - caption")}
    if part in captions:
        later = [n for n in captions.values() if n > captions[part]]
        end = min(later, default=len(lines))
        lines.insert(end, entry)
    else:
        end = captions.get(LAST_PART, len(lines))
        lines[end:end] = [f"  - caption: {part}", "    numbered: 1", "    chapters:", entry]
    text = "\n".join(lines) + "\n"
    parts = {each["caption"]: [c["file"] for c in each["chapters"]] for each in yaml.safe_load(text)["parts"]}
    if f"chapters/{name}" not in parts.get(part, []):
        raise ValueError(f"got a _toc.yml in another form, expected two spaces before each caption: add {name} by hand")
    return text


def tabled(readme: str, name: str, title: str, part: str) -> str:
    r"""Return a README with one more row in its table of chapters, before the back matter.

    Example:
        >>> row = "| Back matter | [notation](notation.md) | Which letter is which? |"
        >>> print(tabled(row + "\n", "12_writing", "How does it write?", "Uses").splitlines()[0])
        | Uses | [12](chapters/12_writing.ipynb) | How does it write? |
    """
    lines = readme.splitlines()
    end = next((n for n, line in enumerate(lines) if line.startswith(f"| {LAST_PART} |")), None)
    if end is None:
        raise ValueError(f"got a README without a row '| {LAST_PART} |', expected its table of chapters")
    caption = "" if any(line.startswith(f"| {part} |") for line in lines) else f" {part}"
    lines.insert(end, f"|{caption} | [{name[:2]}](chapters/{name}.ipynb) | {title} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Read the command line; a mistake in it is one line on the error stream and exit code 2."""
    parser = argparse.ArgumentParser("python -m tools.new_chapter", description="Make a chapter that passes the tests.")
    parser.add_argument("name", help="file name without ending, such as 12_language_generation")
    parser.add_argument("--title", required=True, help="a question, which becomes the heading")
    parser.add_argument("--part", required=True, help="caption of the part in _toc.yml, made if it is not there")
    chosen = parser.parse_args(arguments)
    try:
        path = make(ROOT, chosen.name, chosen.title, chosen.part)
    except ValueError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    print(f"{path.relative_to(ROOT)} is written, run and listed. Make it yours, then `make execute` and `make test`.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
