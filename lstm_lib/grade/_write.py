"""Write what a class has done: a table for a spreadsheet, and a page."""

import csv
import html
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from lstm_lib.exercises import EXERCISES
from lstm_lib.grade._read import Mark, Marks


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
    return f"not yet: {mark.mistake}" if mark.mistake else "not yet"


def write_csv(rows: Iterable[Sequence[str]], path: Path) -> None:
    """Write the table for a spreadsheet, in which no cell may become a formula."""
    safe = [["'" + cell if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell for cell in row] for row in rows]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(safe)


def write_page(learners: dict[str, Marks], troubles: Sequence[tuple[Path, str]], path: Path) -> None:
    """Write the table as a page: by chapter, then what the class got wrong most, then what could not be read."""
    chapters = dict.fromkeys(exercise.where for exercise in EXERCISES.values())
    by_chapter = {n: [id for id, exercise in EXERCISES.items() if exercise.where == n] for n in chapters}
    head = _row(["learner", *(n.removeprefix("Chapter ") for n in chapters), "all"], "th")
    body = []
    for name, marks in learners.items():
        counts = [(sum(id in marks and marks[id].passed for id in ids), len(ids)) for ids in by_chapter.values()]
        solved = sum(done for done, _ in counts)
        body.append(_row([name, *(f"{done} of {all}" for done, all in counts), f"{solved} of {len(EXERCISES)}"], "td"))
    wrong = Counter((id, mark.mistake) for marks in learners.values() for id, mark in marks.items() if mark.mistake)
    met = [_row([EXERCISES[id].title, key, str(count)], "td") for (id, key), count in wrong.most_common(20)]
    unread = [_row([str(path), words], "td") for path, words in troubles]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>Grades</title>",
        "<style>body{font:16px/1.5 system-ui;margin:2rem}table{border-collapse:collapse}",
        "td,th{border:1px solid #999;padding:.2em .6em;text-align:left}</style>",
        f"<h1>Exercises solved, by chapter</h1><table>{head}{''.join(body)}</table>",
        f"<h2>Mistakes met last</h2><table>{_row(['exercise', 'mistake', 'learners'], 'th')}{''.join(met)}</table>",
        f"<h2>Files that could not be read</h2><table>{''.join(unread)}</table>" if unread else "",
    ]
    path.write_text("\n".join(parts), encoding="utf-8")


def _row(cells: Iterable[str], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"
