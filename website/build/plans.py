"""Plans for courses of several lengths, with minutes that are computed from the chapters and the exercises."""

import ast
import html
import math
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from docutils.nodes import make_id
from progress import course

from lstm_lib.exercises import EXERCISES
from lstm_lib.exercises._exercise import Exercise
from tools import reading

# Minutes to solve an exercise, beside those to read it: a plan, not a measurement.
TO_CHOOSE, TO_COMPUTE, A_LINE_OF_CODE = 1, 3, 2
TO_PLAY = 3  # minutes a chapter for explorables, guesses and questions, and in the first session for the game
LESSON = 90  # minutes, within which the plan of one session leaves some


class Step(NamedTuple):
    """A part of a lesson: what is done, what of a chapter is read, what is solved, and the minutes beside both."""

    about: str
    chapter: int = 0  # 0 for the first page
    sections: tuple[str, ...] = ()
    exercises: tuple[str, ...] = ()
    beside: int = 0


GAME = '<a href="intro.html#play-it-first">the game</a>'
LESSON_STEPS = (
    Step(f"Everybody plays {GAME}. Then: what did one network lack?", beside=2 * TO_PLAY),
    Step("At the board: what Chapters 1 and 2 have shown, and the map of the cell", beside=8),
    Step("The sum", 3, ("Read the map", "Add instead of mixing", "Play with the sum"), beside=TO_PLAY),
    Step("Write it", 3, exercises=("remember-sum",)),
    Step("A gate that lets go: guess aloud, then move it", 5, ("Where we are", "By pencil"), beside=TO_PLAY),
    Step("Write it", 5, exercises=("forget-gate",)),
    Step("What letting go costs", 5, ("What it costs",), ("forget-shortens",), TO_PLAY),
    Step("All four lines", 7, ("The whole map", "First by pencil", "Be the gates"), beside=TO_PLAY),
    Step("What breaks without a gate", 7, ("Break a gate, read the error",), ("which-gate-broke",), TO_PLAY),
    Step("What we saw: who says it without the page?", 7, ("What we saw",), beside=TO_PLAY),
)


class Session(NamedTuple):
    """One session: what it is about, its chapters and the exercises solved in it (None for all of them).

    ``besides``: sections of one more chapter, which are read.
    """

    about: str
    chapters: tuple[int, ...]
    exercises: tuple[str, ...] | None = None
    besides: tuple[int, tuple[str, ...]] | None = None


PLANS = {
    4: (
        Session("Why a plain network forgets", (1, 2), ("rnn-step", "latch-gradient", "which-clock")),
        Session("A sum and two gates", (3, 4, 5), ("remember-sum", "learn-gate", "forget-gate", "half-life")),
        Session("What is said, and the whole cell", (6, 7), ("use-gate", "lstm-step", "which-gate-broke")),
        Session(
            "How it learns, and what to ask when it does not",
            (8, 10),
            ("memory-gradient", "stuck-at-guessing"),
            (9, ("Let PyTorch keep the record", "A module owns its weights")),
        ),
    ),
    10: (
        Session("What it takes to remember", (1,)),
        Session("Three clocks", (2,)),
        Session("A sum, and what comes in", (3, 4)),
        Session("What may go, and what is said", (5, 6)),
        Session("The whole cell", (7,)),
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


def minutes_of_sections(root: Path, chapter: int, sections: Iterable[str]) -> float:
    """Return the minutes to read some sections of a chapter, not rounded."""
    told = reading.sections(chapter_files(root)[chapter]) if sections else {}
    return sum(told[section] for section in sections)


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
    if session.besides:
        read += math.ceil(minutes_of_sections(root, *session.besides))
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
    """Return the table of a plan, and the sentences that add it up."""
    rows, totals, left = [], [], []
    chosen = any(session.exercises is not None for session in PLANS[sessions])
    for number, session in enumerate(PLANS[sessions], start=1):
        read, play, solve = minutes_of(root, session, is_first=number == 1)
        chapters = sorted({*session.chapters, *(session.besides or ())[:1]})
        files = [f"[{chapter}](chapters/{chapter_files(root)[chapter].name})" for chapter in chapters]
        about = session.about
        if chosen:
            about += f". Solved: {', '.join(places(root)[exercise.id] for exercise in exercises_of(session))}"
        rows.append((number, about, ", ".join(files), read + play + solve, read, play, solve))
        totals.append(read + play + solve)
        left.append(play + solve)
    head = ("session", "about", "chapters", "minutes", "to read", "to play", "to solve")
    longest, fullest = totals.index(max(totals)), left.index(max(left))
    return (
        f"{table(head, rows)}\n\nTogether {sum(totals)} minutes; the longest is session {longest + 1} with "
        f"{totals[longest]}. Where learners read at home, {sum(left)} are left, and the longest is session "
        f"{fullest + 1} with {left[fullest]}.{'' if chosen else ' All exercises of the chapters are solved.'}"
    )


# ---------------------------------------------------------------- one lesson, step by step


def minutes_of_step(root: Path, step: Step) -> int:
    """Return the minutes of a step: to read its sections and exercises, to solve these, and beside both."""
    read = minutes_of_sections(root, step.chapter, step.sections)
    read += reading.MINUTES_AN_EXERCISE * len(step.exercises)
    return math.ceil(read) + sum(minutes_to_solve(EXERCISES[id]) for id in step.exercises) + step.beside


def links(root: Path, step: Step) -> str:
    """Return the links to what is read and solved in a step."""
    if not step.chapter:
        return ""
    page = f"chapters/{chapter_files(root)[step.chapter].stem}.html"
    read = [f'<a href="{page}#{make_id(section)}">{section}</a>' for section in step.sections]
    return f"Chapter {step.chapter}: {', '.join([*read, *(places(root)[id] for id in step.exercises)])}"


def lesson(root: Path) -> str:
    """Return the table of one lesson, and the sentence that adds it up."""
    rows, at = [], 0
    for step in LESSON_STEPS:
        rows.append((at, minutes_of_step(root, step), step.about, links(root, step)))
        at += minutes_of_step(root, step)
    head = ("from", "minutes", "what", "read and solve")
    return (
        f"{table(head, rows)}\n\nTogether {at} minutes. Of {LESSON} that leaves {LESSON - at} for a late start, for "
        "questions, and for whoever is slower than the plan."
    )


def allowance(root: Path) -> str:
    """Return how the minutes of a plan come about."""
    return (
        f"The minutes of a chapter are those that it announces: {reading.WORDS_A_MINUTE} words or "
        f"{reading.LINES_A_MINUTE} visible lines of code a minute, and {reading.MINUTES_AN_EXERCISE} to read each "
        f"exercise. To solve one, the plans give {TO_CHOOSE} minute where one chooses, {TO_COMPUTE} for a number, and "
        f"{A_LINE_OF_CODE} for each line of code in the solution; and {TO_PLAY} minutes a chapter to play, guess and "
        f"talk, with {TO_PLAY} more for the game at the start. The rule was set by hand; no class has been timed."
    )
