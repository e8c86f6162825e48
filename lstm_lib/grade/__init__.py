"""Read what a class has done into one table: ``python -m lstm_lib.grade FOLDER``.

    python -m lstm_lib.grade class/                   # writes class/grades.csv and class/grades.html
    python -m lstm_lib.grade class/ --run --out marks # checks the answers of notebooks anew, instead of believing them

The folder holds files that learners exported on the page "Your progress", and notebooks in which they worked: one
folder a learner, or files that begin with the learner's name, such as ``ada-lstms-progress-2026-11-27.json`` and
``ada_05_forget_gate.ipynb``. Small and capital letters are the same, and what Moodle adds to a name is left out.
Nothing in them is executed without ``--run``: of a notebook, what it says under its exercises is read. With ``--run``
the cell of each exercise, and no other, is judged by this library in a process of its own, with limits of time and
memory. That keeps mistakes in; it is no prison for code that means harm.

A file that cannot be read is named, with what is wrong with it, and the others go on; so is one that two learners have
handed in. Of several files of one learner, what one shows as solved is solved.
"""

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lstm_lib.grade._read import Mark, Marks, better, joined, learner, read
from lstm_lib.grade._write import solved_of, table, write_csv, write_page

__all__ = ["Mark", "Marks", "Trouble", "better", "grade", "main", "table"]


NOT_HANDED_IN = ("grades.csv", "grades.html", "thumbs.db", "desktop.ini")  # our own, and what systems leave


class Trouble(NamedTuple):
    """A file to look at, and why: it could not be read, or two learners have handed it in."""

    path: Path
    words: str


def grade(folder: Path, *, run: bool = False) -> tuple[dict[str, Marks], list[Trouble]]:
    """Read a folder.

    Args:
        folder: Where the files of the class lie.
        run: Whether the answers in notebooks are checked anew.

    Returns:
        Marks by learner and exercise (the questions of the chapters as ``quiz/NAME``), and the files to look at: those
        that could not be read, and those that two learners have handed in.

    Raises:
        ValueError: If there is no such folder.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as empty:
        ...     grade(Path(empty))
        ({}, [])
    """
    if not folder.is_dir():
        raise ValueError(f"got {folder}, expected a folder")
    learners: dict[str, Marks] = {}
    spelled: dict[str, str] = {}  # small letters to the name as it was met first
    first: dict[str, tuple[str, Path]] = {}  # whose a content was when it was met first
    troubles = []
    for path in handed_in(folder):
        try:
            name = learner(path, folder)
            name = spelled.setdefault(name.casefold(), name)
            if path.suffix.lower() in (".json", ".ipynb"):  # somebody's, whether it can be read or not
                learners.setdefault(name, {})
            found = read(path, folder, run)
        except (ValueError, OSError, RecursionError) as error:
            words = "got a file nested too deep to read" if isinstance(error, RecursionError) else str(error)
            troubles.append(Trouble(path, words[:300]))
            continue
        learners[name] = joined([*learners[name].items(), *found.items()])
        owner, same = first.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), (name, path))
        if owner != name and found:
            words = f"byte for byte what {owner} has handed in as {same.name}; counted for both"
            troubles.append(Trouble(path, words[:300]))
    return {name: learners[name] for name in sorted(learners, key=str.casefold)}, troubles


def handed_in(folder: Path) -> list[Path]:
    """List what has been handed in; nothing that is hidden."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if (path.is_file() or path.is_symlink())
        and path.name.lower() not in NOT_HANDED_IN
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Grade a class from the command line; return 0, or 2 if there is no such folder."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m lstm_lib.grade", description=__doc__, formatter_class=form)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the files of the class lie")
    parser.add_argument("--run", action="store_true", help="check the answers in notebooks anew")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where the two tables go; beside the files")
    asked = parser.parse_args(arguments)
    try:
        learners, troubles = grade(asked.folder, run=asked.run)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    out = asked.out or asked.folder
    out.mkdir(parents=True, exist_ok=True)
    write_csv(table(learners), out / "grades.csv")
    write_page(learners, troubles, out / "grades.html")
    for path, words in troubles:
        print(f"{path}: {words}", file=sys.stderr)
    if not learners and not troubles:
        print(f"got no .json and no .ipynb file in {asked.folder}", file=sys.stderr)
    solved = sum(solved_of(marks) for marks in learners.values())
    unread = f", {len(troubles)} file{'s' * (len(troubles) > 1)} to look at" if troubles else ""
    print(f"{len(learners)} learners, {solved} exercises solved{unread}: {out / 'grades.csv'}, {out / 'grades.html'}")
    return 0
