"""How long a chapter takes to read, and how much code it shows: ``python -m tools.reading``.

Minutes = words / 180 + visible lines of code / 12 + 1.5 for each exercise, and for each case that is solved like one.
What lies in a fold is not counted: in ``<details>``, in a cell whose input is hidden, in an exercise with its hints and
its solution; nor what stands in a section that begins with "Deeper". But ``<details class="outcome">``, which keeps
something back until the reader has guessed, is. The lines from which an exercise starts are shown, and so they are
counted and measured, but the reader's time for them is that of the exercise. ``--write`` puts the minutes into the
chapter's opening, after **Time:**, and those of all chapters into ``intro.md``: behind each link of the way through,
and their sum in hours.
"""

import argparse
import json
import math
import re
from pathlib import Path
from typing import Any, NamedTuple

from tools import hosting, references

CHAPTERS, INTRO = hosting.ROOT / "chapters", hosting.ROOT / "intro.md"
WORDS_A_MINUTE, LINES_A_MINUTE, MINUTES_AN_EXERCISE = 180, 12, 1.5
TIME = re.compile(r"(\*\*Time:\*\*) \d+ minutes?")
STAGE = re.compile(r"(\]\(chapters/(\d\d_\w+)\.ipynb\)) \(\d+ minutes?\)")  # of the way through
SUM = re.compile(r"\*\*(\d+) chapters, about \d+ hours?\*\*")
WORD = re.compile(r"\S*\w\S*")
HIDDEN = {"hide-input", "hide-cell", "remove-input", "remove-cell", "setup"}


class Reading(NamedTuple):
    """What a reader meets: words, visible lines of code, the longest of them in characters, exercises, minutes.

    The lines are those of deeper sections too; all other numbers but the longest are those of the core.
    """

    words: int
    lines: int
    widest: int
    exercises: int
    minutes: int


def visible_text(source: str) -> str:
    r"""Leave out what is folded, and take a citation for one word.

    Example:
        >>> visible_text("One.\n\n<details>\n<summary>More</summary>\n\nTwo three.\n\n</details>\n\nFour.").split()
        ['One.', 'Four.']
        >>> visible_text('<details class="outcome">It fails.</details>')
        'It fails.'
    """
    kept, folds = [], 0
    outcomes = re.sub(r'<details class="outcome">(.*?)</details>', r"\1", source, flags=re.DOTALL)
    for line in references.CITED.sub("(citation)", outcomes).splitlines():
        folds += line.startswith("<details")
        if not folds:
            kept.append(line)
        folds -= line.startswith("</details>")
    return "\n".join(kept)


def visible_lines(cell: dict[str, Any]) -> list[str]:
    """Return the lines of code that a cell shows, empty ones left out."""
    hidden = cell["cell_type"] != "code" or HIDDEN & set(cell["metadata"].get("tags", []))
    return [] if hidden else [line for line in "".join(cell["source"]).splitlines() if line.strip()]


def core(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out the sections that begin with "Deeper", and exercises."""
    kept, deeper = [], False
    for cell in cells:
        title = re.match(r"## (.*)", "".join(cell["source"])) if cell["cell_type"] == "markdown" else None
        if title:
            deeper = title[1].startswith("Deeper")
        if not deeper and "exercise" not in cell["metadata"]:
            kept.append(cell)
    return kept


def sections(path: Path) -> dict[str, float]:
    """Return the minutes of each section of a notebook, without exercises; those of its opening under "".

    Example:
        >>> minutes = sections(CHAPTERS / "03_remember_gate.ipynb")
        >>> list(minutes)[:3], minutes["Read the map"] > 1
        (['', 'Read the map', 'Add instead of mixing'], True)
    """
    minutes, title = {"": 0.0}, ""
    for cell in core(json.loads(path.read_text(encoding="utf-8"))["cells"]):
        said = visible_text("".join(cell["source"])) if cell["cell_type"] == "markdown" else ""
        first, *rest = re.split(r"^## (.+)$", said, flags=re.MULTILINE)
        for heading, text in zip(["", *rest[::2]], [first, *rest[1::2]], strict=True):
            title = heading or title
            minutes[title] = minutes.get(title, 0.0) + len(WORD.findall(f"{heading} {text}")) / WORDS_A_MINUTE
        minutes[title] += len(visible_lines(cell)) / LINES_A_MINUTE
    return minutes


def measure(path: Path) -> Reading:
    """Count what a reader of a notebook meets."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    needed = core(cells)
    exercises = {cell["metadata"]["exercise"] for cell in cells if "exercise" in cell["metadata"]}
    exercises |= {cell["metadata"]["case"] for cell in needed if "case" in cell["metadata"]}
    texts = [cell for cell in needed if cell["cell_type"] == "markdown"]
    words = sum(len(WORD.findall(visible_text("".join(cell["source"])))) for cell in texts)
    shown, own = ([line for cell in some for line in visible_lines(cell)] for some in (cells, needed))
    minutes = words / WORDS_A_MINUTE + len(own) / LINES_A_MINUTE + MINUTES_AN_EXERCISE * len(exercises)
    return Reading(words, len(shown), max(map(len, shown), default=0), len(exercises), math.ceil(minutes))


def write(path: Path) -> None:
    """Put the minutes into a chapter's opening."""
    text = path.read_text(encoding="utf-8")
    path.write_text(TIME.sub(rf"\1 {measure(path).minutes} minutes", text, count=1), encoding="utf-8")


def way_through(text: str, minutes: dict[str, int]) -> str:
    r"""Put the minutes of the chapters behind their links, and how many there are and their hours into the sentence.

    Raises:
        ValueError: If a chapter is listed twice or not at all, or the sentence with the sum is missing.

    Example:
        >>> text = "**1 chapters, about 9 hours**: "
        >>> text += "[a](chapters/03_a.ipynb) (5 minutes) [b](chapters/04_b.ipynb) (1 minute)"
        >>> print(way_through(text, {"03_a": 20, "04_b": 100}).replace(": ", "\n"))
        **2 chapters, about 2 hours**
        [a](chapters/03_a.ipynb) (20 minutes) [b](chapters/04_b.ipynb) (100 minutes)
    """
    listed = [match[2] for match in STAGE.finditer(text)]
    if listed != sorted(minutes):
        raise ValueError(f"got links with minutes to {', '.join(listed)}, expected {', '.join(sorted(minutes))}")
    if not SUM.search(text):
        raise ValueError("got no sentence with '**15 chapters, about 6 hours**', expected one")
    text = STAGE.sub(lambda match: f"{match[1]} ({minutes[match[2]]} minutes)", text)
    return SUM.sub(f"**{len(minutes)} chapters, about {round(sum(minutes.values()) / 60)} hours**", text)


def numbered() -> dict[str, int]:
    """Return the minutes of each chapter that has a number, by its name."""
    return {path.stem: measure(path).minutes for path in sorted(CHAPTERS.glob("[0-9][0-9]_*.ipynb"))}


def main() -> None:
    """Read the command line, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chapters", nargs="*", type=Path, help="notebooks; left out, all of them")
    parser.add_argument("--write", action="store_true", help="put the minutes into each opening")
    options = parser.parse_args()
    print(f"{'':28}" + "".join(f"{name:>10}" for name in Reading._fields))
    for path in options.chapters or sorted(CHAPTERS.glob("*.ipynb")):
        if options.write:
            write(path)
        print(f"{path.stem:28}" + "".join(f"{number:>10}" for number in measure(path)))
    if options.write:
        INTRO.write_text(way_through(INTRO.read_text(encoding="utf-8"), numbered()), encoding="utf-8")


if __name__ == "__main__":
    main()
