"""Write what a class has done: a table for a spreadsheet, and a page."""

import csv
import html
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from lstm_lib.exercises import EXERCISES
from lstm_lib.grade._read import UNCHECKED, Mark, Marks


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
        solved = sum(mark.passed for mark in marks.values())
        rows.append([name, str(solved), *(_cell(marks.get(id)) for id in ids)])
    return rows


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
    """Write who has solved how many in each chapter that was tried, what is still hard, and what could not be read."""
    unread = [[str(file), words] for file, words in troubles]
    sections = [
        ("Exercises solved, by chapter", _by_chapter(learners)),
        ("Exercises that were tried, and not solved by all of those", _still_hard(learners)),
        ("Mistakes that each learner met last", _mistakes(learners)),
        ("Files to look at", [["file", "what is wrong"], *unread]),
    ]
    tables = [f"<h2>{title}</h2>\n{_table(rows)}" for title, rows in sections if len(rows) > 1]
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
</style>
<h1>What the class has done</h1>"""


def _by_chapter(learners: dict[str, Marks]) -> list[list[str]]:
    tried = {EXERCISES[id].where for marks in learners.values() for id in marks}
    chapters = [where for where in dict.fromkeys(exercise.where for exercise in EXERCISES.values()) if where in tried]
    ids = {where: [id for id, exercise in EXERCISES.items() if exercise.where == where] for where in chapters}
    names = {where: where.removeprefix("Chapter ") for where in chapters}
    rows = [["learner", *(f"{names[n]} (of {len(ids[n])})" for n in chapters), f"all (of {len(EXERCISES)})"]]
    for name, marks in learners.items():
        counts = [sum(id in marks and marks[id].passed for id in ids[n]) for n in chapters]
        rows.append([name, *map(str, counts), str(sum(counts))])
    return rows if learners else []


def _still_hard(learners: dict[str, Marks]) -> list[list[str]]:
    """Return the exercises that some learner has tried in vain, those with the most such learners first."""
    tried = Counter(id for marks in learners.values() for id in marks)
    solved = Counter(id for marks in learners.values() for id, mark in marks.items() if mark.passed)
    hard = sorted((id for id in EXERCISES if tried[id] > solved[id]), key=lambda id: solved[id] - tried[id])
    rows = [[_where(id), EXERCISES[id].title, str(tried[id]), str(solved[id])] for id in hard]
    return [["chapter", "exercise", "tried by", "solved by"], *rows]


def _mistakes(learners: dict[str, Marks]) -> list[list[str]]:
    wrong = Counter((id, mark.mistake) for marks in learners.values() for id, mark in marks.items() if mark.mistake)
    rows = [
        [_where(id), EXERCISES[id].title, _says(id, key), str(count)]
        for (id, key), count in wrong.most_common(20)
    ]
    return [["chapter", "exercise", "what the check said", "learners"], *rows]


def _where(id: str) -> str:
    return EXERCISES[id].where.removeprefix("Chapter ")


def _says(id: str, key: str) -> str:
    """Return what a check says of a mistake: what was chosen, what its catalogue says, or the change that it found."""
    exercise = EXERCISES[id]
    if chosen := exercise.options.get(key):
        return f"Chosen: {chosen}"
    return exercise.catalogue[key].says if key in exercise.catalogue else key.removeprefix("edit: ")


def _table(rows: list[list[str]]) -> str:
    head, *body = rows
    lines = "\n".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in body)
    names = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in head)
    return f'<div tabindex="0"><table>\n<thead><tr>{names}</tr></thead>\n<tbody>\n{lines}\n</tbody>\n</table></div>'
