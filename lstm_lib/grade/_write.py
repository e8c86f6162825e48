"""Write what a class has done: a table for a spreadsheet, and a page."""

import csv
import html
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from lstm_lib.exercises import EXERCISES
from lstm_lib.grade._questions import Question, questions
from lstm_lib.grade._read import UNCHECKED, Mark, Marks
from lstm_lib.grade.kinds import CHOICE, ERROR, OTHER, Kind, kind_of

MOST = 30  # rows of a table of mistakes
LONG = 40  # characters of a cell that is kept wide on a telephone


def table(learners: dict[str, Marks]) -> list[list[str]]:
    """Return the rows of the table: learner, how many are solved, and a column an exercise.

    Example:
        >>> rows = table({"ada": {"forget-gate": Mark(True, 3, "one-minus-f")}})
        >>> rows[0][:3], rows[1][:2], rows[1][rows[0].index("forget-gate")]
        (['learner', 'solved', 'rnn-step'], ['ada', '1'], 'solved after 3')
    """
    ids = list(EXERCISES)
    rows = [["learner", "solved", *ids]]
    for name, marks in learners.items():
        rows.append([name, str(solved_of(marks)), *(_cell(marks.get(id)) for id in ids)])
    return rows


def solved_of(marks: Marks) -> int:
    """Count the exercises that are solved.

    Example:
        >>> solved_of({"forget-gate": Mark(True, 1, ""), "quiz/below-chance": Mark(True, 1, "")})
        1
    """
    return sum(mark.passed for id, mark in marks.items() if id in EXERCISES)


def _cell(mark: Mark | None) -> str:
    if mark is None:
        return ""
    if mark.passed:
        return f"solved after {mark.tries}" if mark.tries > 1 else "solved"
    if mark.mistake == UNCHECKED:
        return mark.mistake
    return f"not yet: {mark.mistake}" if mark.mistake else "not yet"


def write_csv(rows: Iterable[Sequence[str]], path: Path) -> None:
    """Write the table for a spreadsheet, in which no cell may become a formula."""
    safe = [["'" + cell if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell for cell in row] for row in rows]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(safe)


def write_page(learners: dict[str, Marks], troubles: Sequence[tuple[Path, str]], path: Path) -> None:
    """Write who stands where, what to take up with whom, what is still hard, and which files could not be read."""
    unread = [[str(file), words] for file, words in troubles]
    sections = [
        ("Exercises solved, by chapter", _by_chapter(learners)),
        ("What to take up, and what to ask", _kinds(learners)),
        ("Exercises that were tried, and not solved by all of those", _still_hard(learners)),
        ("Mistakes that each learner met last", _mistakes(learners)),
        ("Questions of the chapters that were answered wrongly", _questions(learners)),
        ("Files to look at", [["file", "what is wrong"], *unread]),
    ]
    tables = [f"<h2>{title}</h2>\n{_table(rows)}" for title, rows in sections if len(rows) > 1]
    if any(mark.passed and mark.mistake for marks in learners.values() for mark in marks.values()):
        tables.insert(1, "<p>Names in brackets: solved, or answered rightly, since.</p>")
    path.write_text("\n".join([HEAD, *(tables or ["<p>Nothing was handed in.</p>"]), ""]), encoding="utf-8")


HEAD = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>What the class has done</title>
<style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem }
div { overflow-x: auto }
table { border-collapse: collapse }
td, th { border: 1px solid #888; padding: .2em .6em; text-align: left; vertical-align: top }
.long { min-width: 15rem }
</style>
<h1>What the class has done</h1>"""


def _by_chapter(learners: dict[str, Marks]) -> list[list[str]]:
    tried = {EXERCISES[id].where for marks in learners.values() for id in marks if id in EXERCISES}
    chapters = [where for where in dict.fromkeys(exercise.where for exercise in EXERCISES.values()) if where in tried]
    ids = {where: [id for id, exercise in EXERCISES.items() if exercise.where == where] for where in chapters}
    names = {where: where.removeprefix("Chapter ") for where in chapters}
    rows = [["learner", *(f"{names[n]} (of {len(ids[n])})" for n in chapters), f"all (of {len(EXERCISES)})"]]
    for name, marks in learners.items():
        rows.append([name, *(_done(marks, ids[n]) for n in chapters), _done(marks, list(EXERCISES))])
    return rows if learners else []


def _done(marks: Marks, ids: Sequence[str]) -> str:
    """Say how many of some exercises are solved, and how many were tried in vain; nothing where none was touched."""
    tried = [marks[id].passed for id in ids if id in marks]
    vain = len(tried) - sum(tried)
    return f"{sum(tried)}{f', {vain} not yet' if vain else ''}" if tried else "–"


def _kinds(learners: dict[str, Marks]) -> list[list[str]]:
    """Return the kinds of mistakes: first those that most learners still make, and last those that say least."""
    made: dict[Kind, dict[str, bool]] = {}
    for name, marks in learners.items():
        for id, mark in marks.items():
            if id in EXERCISES and mark.mistake not in ("", UNCHECKED):
                found = made.setdefault(kind_of(id, mark.mistake), {})
                found[name] = found.get(name, True) and mark.passed  # whether each such exercise is solved since
    order = sorted(made, key=lambda kind: (sum(made[kind].values()) - len(made[kind]), -len(made[kind])))
    order.sort(key=lambda kind: kind in (CHOICE, OTHER))
    rows = [[kind.name, kind.ask, *_who(made[kind].items())] for kind in order]
    return [["what goes wrong", "what to ask", "learners", "who"], *rows]


def _who(met: Iterable[tuple[str, bool]]) -> tuple[str, str]:
    """Count learners, and name them: first those who have not got over it, then in brackets those who have."""
    met = sorted(met, key=lambda one: one[1])
    return str(len(met)), "; ".join(f"({name})" if since else name for name, since in met)


def _still_hard(learners: dict[str, Marks]) -> list[list[str]]:
    """Return the exercises that some learner has tried in vain, those with the most such learners first."""
    tried = Counter(id for marks in learners.values() for id in marks)
    solved = Counter(id for marks in learners.values() for id, mark in marks.items() if mark.passed)
    hard = sorted((id for id in EXERCISES if tried[id] > solved[id]), key=lambda id: solved[id] - tried[id])
    rows = []
    for id in hard:
        open_ = [(name, marks[id]) for name, marks in learners.items() if id in marks and not marks[id].passed]
        rows.append([_where(id), EXERCISES[id].title, str(tried[id]), str(solved[id]), "; ".join(map(_stuck, open_))])
    return [["chapter", "exercise", "tried by", "solved by", "not yet"], *rows]


def _stuck(one: tuple[str, Mark]) -> str:
    name, mark = one
    if mark.mistake == UNCHECKED:
        return f"{name} ({UNCHECKED})"
    return f"{name} ({mark.tries} tries)" if mark.tries > 1 else name


def _mistakes(learners: dict[str, Marks]) -> list[list[str]]:
    rows = [
        [_where(id), EXERCISES[id].title, _says(id, mistake), *_who(met)]
        for (id, mistake), met in _most(learners)
        if id in EXERCISES
    ]
    return [["chapter", "exercise", "what the check said", "learners", "who"], *rows[:MOST]]


def _questions(learners: dict[str, Marks]) -> list[list[str]]:
    asked = Counter(id for marks in learners.values() for id in marks)
    rows = []
    for (id, mistake), met in _most(learners):
        if id not in EXERCISES:
            name = id.removeprefix("quiz/")
            about = questions().get(name, Question("", name, "", {}))
            rows.append([about.where, about.asks, str(asked[id]), about.says(mistake), *_who(met)])
    return [["chapter", "question", "answered by", "what was wrong", "learners", "who"], *rows[:MOST]]


def _most(learners: dict[str, Marks]) -> list[tuple[tuple[str, str], list[tuple[str, bool]]]]:
    """Return mistakes with who met them last and whether it is past, those of most learners first."""
    found: dict[tuple[str, str], list[tuple[str, bool]]] = {}
    for name, marks in learners.items():
        for id, mark in marks.items():
            if mark.mistake not in ("", UNCHECKED):
                found.setdefault((id, mark.mistake), []).append((name, mark.passed))
    return sorted(found.items(), key=lambda one: -len(one[1]))


def _where(id: str) -> str:
    return EXERCISES[id].where.removeprefix("Chapter ")


def _says(id: str, key: str) -> str:
    """Return what a check says of a mistake: what was chosen, what its catalogue says, or the change that it found."""
    exercise = EXERCISES[id]
    if key.startswith(ERROR):
        return f"Python raised {key.removeprefix(ERROR)}."
    if chosen := exercise.options.get(key):
        return f"Chosen: {chosen}"
    return exercise.catalogue[key].says if key in exercise.catalogue else key.removeprefix("edit: ")


def _table(rows: list[list[str]]) -> str:
    head, *body = rows
    lines = "\n".join(f"<tr>{''.join(map(_td, row))}</tr>" for row in body)
    names = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in head)
    return f'<div tabindex="0"><table>\n<thead><tr>{names}</tr></thead>\n<tbody>\n{lines}\n</tbody>\n</table></div>'


def _td(cell: str) -> str:
    return f"<td{' class=long' if len(cell) > LONG else ''}>{html.escape(cell)}</td>"
