"""How long a chapter takes to read, and how much code it shows: ``python -m tools.reading``.

Minutes = words / 180 + visible lines of code / 12 + 1.5 for each exercise. What lies in a fold is not counted: in
``<details>``, in a cell whose input is hidden, in an exercise with its hints and its solution. ``--write`` puts the
minutes into the chapter's opening, after **Time:**.
"""

import argparse
import json
import math
import re
from pathlib import Path
from typing import Any, NamedTuple

from tools import hosting, references

CHAPTERS = hosting.ROOT / "chapters"
WORDS_A_MINUTE, LINES_A_MINUTE, MINUTES_AN_EXERCISE = 180, 12, 1.5
TIME = re.compile(r"(\*\*Time:\*\*) \d+ minutes?")
WORD = re.compile(r"\S*\w\S*")
HIDDEN = {"hide-input", "hide-cell", "remove-input", "remove-cell", "setup"}


class Reading(NamedTuple):
    """What a reader meets: words, visible lines of code, the longest of them in characters, exercises, minutes."""

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
    """
    kept, folds = [], 0
    for line in references.CITED.sub("(citation)", source).splitlines():
        folds += line.startswith("<details")
        if not folds:
            kept.append(line)
        folds -= line.startswith("</details>")
    return "\n".join(kept)


def visible_lines(cell: dict[str, Any]) -> list[str]:
    """Return the lines of code that a cell shows, empty ones left out."""
    hidden = HIDDEN & set(cell["metadata"].get("tags", [])) or "exercise" in cell["metadata"]
    return [] if hidden else [line for line in "".join(cell["source"]).splitlines() if line.strip()]


def measure(path: Path) -> Reading:
    """Count what a reader of a notebook meets."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    exercises = {cell["metadata"]["exercise"] for cell in cells if "exercise" in cell["metadata"]}
    texts = [cell for cell in cells if cell["cell_type"] == "markdown" and "exercise" not in cell["metadata"]]
    words = sum(len(WORD.findall(visible_text("".join(cell["source"])))) for cell in texts)
    lines = [line for cell in cells if cell["cell_type"] == "code" for line in visible_lines(cell)]
    minutes = words / WORDS_A_MINUTE + len(lines) / LINES_A_MINUTE + MINUTES_AN_EXERCISE * len(exercises)
    widest = max(map(len, lines), default=0)
    return Reading(words, len(lines), widest, len(exercises), math.ceil(minutes))


def write(path: Path) -> None:
    """Put the minutes into a chapter's opening."""
    text = path.read_text(encoding="utf-8")
    path.write_text(TIME.sub(rf"\1 {measure(path).minutes} minutes", text, count=1), encoding="utf-8")


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


if __name__ == "__main__":
    main()
