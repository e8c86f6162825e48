"""Plans for courses of several lengths, with minutes that are computed from the chapters and the exercises."""

import ast
import html
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from progress import course

from lstm_lib.exercises import EXERCISES
from lstm_lib.exercises._exercise import Exercise
from tools import reading

# Minutes to solve an exercise, beside those to read it: a plan, not a measurement.
TO_CHOOSE, TO_COMPUTE, A_LINE_OF_CODE = 1, 3, 2
TO_PLAY = 3  # minutes a chapter for explorables, guesses and questions, and in the first session for the game


class Session(NamedTuple):
    """One session: what it is about, its chapters, and the exercises that are solved in it; None for all of them."""

    about: str
    chapters: tuple[int, ...]
    exercises: tuple[str, ...] | None = None


PLANS = {
    1: (
        Session(
            "The cell: a sum, a gate that lets go, and all four lines",
            (3, 5, 7),
            ("remember-sum", "forget-gate", "forget-shortens", "which-gate-broke"),
        ),
    ),
    4: (
        Session("Why a plain network forgets", (1, 2), ("rnn-step", "latch-gradient", "which-clock")),
        Session("A sum and two gates", (3, 4, 5), ("remember-sum", "learn-gate", "forget-gate", "half-life")),
        Session("What is said, and the whole cell", (6, 7), ("use-gate", "lstm-step", "which-gate-broke")),
        Session("How it learns, and what to ask when it does not", (8, 10), ("memory-gradient", "stuck-at-guessing")),
    ),
    10: (
        Session("What it takes to remember", (1,)),
        Session("Three clocks", (2,)),
        Session("A sum, and what comes in", (3, 4)),
        Session("What may go", (5,)),
        Session("What is said, and the whole cell", (6, 7)),
        Session("The backward pass", (8,)),
        Session("From NumPy to PyTorch", (9,)),
        Session("Training, and the clinic", (10,)),
        Session("On the GPU; writing", (11, 12)),
        Session("Hearing and reading; Chapter 15 may take the place of either", (13, 14)),
    ),
}


# ---------------------------------------------------------------- minutes


@cache
def chapter_files(root: Path) -> dict[int, Path]:
    """Return the notebook of each chapter by its number."""
    return {int(path.name[:2]): path for path in sorted((root / "chapters").glob("[0-9][0-9]_*.ipynb"))}


@cache
def minutes_to_read(root: Path, chapter: int) -> int:
    """Return the minutes that a chapter announces."""
    return reading.measure(chapter_files(root)[chapter]).minutes


def minutes_to_solve(exercise: Exercise) -> int:
    """Return the minutes that a plan gives to an exercise; for code they grow with the lines of its solution."""
    if exercise.kind == "judgement":
        return TO_CHOOSE
    return A_LINE_OF_CODE * lines_of(exercise) if exercise.kind == "code" else TO_COMPUTE


def lines_of(exercise: Exercise) -> int:
    """Count the lines of an exercise's solution below its first one, without docstring and blank lines.

    Example:
        >>> lines_of(EXERCISES["forget-gate"])
        2
    """
    function = ast.parse(exercise.solution_source).body[-1]
    body = function.body  # type: ignore[attr-defined]
    if ast.get_docstring(function):  # type: ignore[arg-type]
        body = body[1:]
    return len({line for part in body for node in ast.walk(part) if (line := getattr(node, "lineno", 0))})


def exercises_of(session: Session) -> list[Exercise]:
    """Return the exercises that a session solves."""
    if session.exercises is not None:
        return [EXERCISES[id] for id in session.exercises]
    return [exercise for exercise in EXERCISES.values() if exercise.chapter in session.chapters]


def minutes_of(root: Path, session: Session, *, is_first: bool) -> tuple[int, int, int]:
    """Return the minutes of a session: to read, to play, guess and talk, and to solve its exercises."""
    read = sum(minutes_to_read(root, chapter) for chapter in session.chapters)
    play = TO_PLAY * (len(session.chapters) + is_first)
    return read, play, sum(minutes_to_solve(exercise) for exercise in exercises_of(session))


@cache
def places(root: Path) -> dict[str, str]:
    """Return a link to each exercise, as HTML."""
    return {
        item["id"]: f'<a href="{page["page"]}.html#{item["anchor"]}">{html.escape(item["title"])}</a>'
        for page in course(root)["pages"]
        for item in page["items"]
        if item["kind"] == "exercise"
    }


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Write a table in Markdown; a bar within a cell is none between two."""
    lines = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    head = list(head)
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *lines])


def plan(root: Path, sessions: int) -> str:
    """Return the table of a plan, and the sentence that adds it up."""
    rows, totals = [], []
    for number, session in enumerate(PLANS[sessions], start=1):
        read, play, solve = minutes_of(root, session, is_first=number == 1)
        files = [f"[{chapter}](chapters/{chapter_files(root)[chapter].name})" for chapter in session.chapters]
        links = ", ".join(places(root)[exercise.id] for exercise in exercises_of(session))
        solved = links if session.exercises is not None else f"all {len(exercises_of(session))} of them"
        rows.append((number, session.about, ", ".join(files), read + play + solve, read, play, solve, solved))
        totals.append(read + play + solve)
    head = ("session", "about", "chapters", "minutes", "to read", "to play", "to solve", "exercises")
    if sessions == 1:
        return f"{table(head[1:], [row[1:] for row in rows])}\n\nTogether {totals[0]} minutes."
    longest = max(range(len(totals)), key=totals.__getitem__)
    added = f"Together {sum(totals)} minutes; the longest is session {longest + 1} with {totals[longest]}."
    return f"{table(head, rows)}\n\n{added}"


def allowance(root: Path) -> str:
    """Return how the minutes of a plan come about."""
    return (
        f"The minutes of a chapter are those that it announces: {reading.WORDS_A_MINUTE} words or "
        f"{reading.LINES_A_MINUTE} visible lines of code a minute, and {reading.MINUTES_AN_EXERCISE} to read each "
        f"exercise. To solve one, the plans give {TO_CHOOSE} minute where one chooses, {TO_COMPUTE} for a number, and "
        f"{A_LINE_OF_CODE} for each line of code in the solution; and {TO_PLAY} minutes a chapter to play, guess and "
        f"talk, with {TO_PLAY} more for the game at the start. The rule was set by hand; no class has been timed."
    )
