"""What the page for teachers says that is computed: exercises, mistakes, an example of grading; and plans."""

import csv
import html
import io
import json
import re
import tempfile
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import site_assets  # noqa: F401  (it makes lstm_lib known)
from plans import PLANS, allowance, chapter_files, lesson, minutes_to_read, minutes_to_solve, places, plan, table
from progress import course, quizzes

from lstm_lib.exercises import EXERCISES
from lstm_lib.exercises._exercise import Exercise
from lstm_lib.grade import kinds
from lstm_lib.grade import main as grade

MUSEUM = 0  # the number of the chapter that its exercises have
ENGLISH = ("a", "an", "another", "each", "other", "the", "what", "where")  # how a sentence may begin; else it is code
KINDS = {"code": "code", "numeric": "number", "judgement": "choice"}


def needs(root: Path) -> str:
    """Return a table of what each chapter says that it needs."""
    rows = []
    for number, path in chapter_files(root).items():
        opening = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
        ends = r" Code that| Code which| On a first| What can wait| \*\*|$"
        said = re.search(rf"\*\*You need\*\* (.*?\.)(?={ends})", opening, re.DOTALL)
        title = re.search(r"^# (.+)$", opening, re.MULTILINE)
        if not said or not title:
            raise ValueError(f"got an opening of {path.name} without what it needs, expected **You need** …")
        words = re.sub(r"\]\((\d\d_\w+\.ipynb)\)", r"](chapters/\1)", said[1])
        link = f"[{number}. {title[1]}](chapters/{path.name})"
        rows.append((link, words[0].upper() + words[1:], minutes_to_read(root, number)))
    return table(("chapter", "needs", "minutes"), rows)


def graded(root: Path) -> str:
    """Return how many exercises there are of each kind."""
    counts = Counter(exercise.kind for exercise in EXERCISES.values())
    return (
        f"All {len(EXERCISES)} exercises grade themselves: in {counts['code']} one writes code, in {counts['numeric']} "
        f"one works out a number, in {counts['judgement']} one chooses. Their checks know "
        f"{sum(len(exercise.catalogue) for exercise in EXERCISES.values())} mistakes by name."
    )


def all_exercises(root: Path) -> str:
    """Return a fold with the table of all exercises."""
    head = ("chapter", "exercise", "kind", "minutes", "mistakes")
    rows = [
        (
            one.chapter or "museum",
            f"{places(root)[one.id]} `{one.id}`",
            KINDS[one.kind],
            minutes_to_solve(one),
            len(one.catalogue),
        )
        for one in EXERCISES.values()
    ]
    summary = "<summary>All exercises, with ids and minutes</summary>"
    return f"<details>\n{summary}\n\n{table(head, rows)}\n\n</details>"


def answers(root: Path) -> str:
    """Return how many questions the chapters ask, and folds: all exercises, and the questions with what is right."""
    asked = {key: quiz for key, quiz in quizzes(root).items() if quiz["role"] == "quiz"}
    words = (
        f"Beside them the chapters ask {len(asked)} questions, most of them before they show the answer. Here is what "
        "is right."
    )
    folds = [all_exercises(root)]
    for page in course(root)["pages"]:
        here = [asked[f"quiz/{item['id']}"] for item in page["items"] if item["kind"] == "quiz"]
        items = "".join(f"<li>{html.escape(quiz['question'])}<ul>{right_of(quiz)}</ul></li>" for quiz in here)
        if here:
            title = f"Chapter {page['label']}" if page["label"] else html.escape(page["title"])
            folds.append(f"<details>\n<summary>{title}: questions</summary>\n\n<ul>{items}</ul>\n\n</details>")
    return "\n\n".join([words, *folds])


def right_of(quiz: dict[str, Any]) -> str:
    """Return as HTML what is right of a question, and why."""
    options = {option["id"]: option for option in quiz["options"]}
    if quiz["kind"] == "number":
        told = [f"{quiz['value']:.6g}. {quiz['because']}"]
    elif quiz["kind"] == "order":
        told = [f"{'; '.join(options[id]['text'] for id in quiz['answers'])}. {quiz['because']}"]
    else:
        right = [options[id] for id in quiz["answers"] or [quiz["answer"]]]
        told = [f"{one['text']}: {one['because']}" for one in right]
    return "".join(f"<li>{html.escape(words)}</li>" for words in told)


# ---------------------------------------------------------------- mistakes


def mistakes(root: Path) -> str:
    """Return the table of the kinds of mistakes, those that were met most first."""
    met: Counter[str] = Counter()
    for exercise, mistake, count in kinds.met():
        met[kinds.kind_of(exercise, mistake).name] += count
    known = Counter(
        kinds.kind_of(exercise.id, key).name for exercise in EXERCISES.values() for key in exercise.catalogue
    )
    order = sorted(kinds.KINDS, key=lambda kind: -met[kind.name])
    order.append(kinds.OTHER)
    rows = [(kind.name, kind.ask, str(met[kind.name] or ""), str(known[kind.name] or "")) for kind in order]
    choice = kinds.CHOICE
    rows.append((choice.name, choice.ask, "not tried", str(known[choice.name])))
    head = ("what goes wrong", "what to ask", "met", "in the catalogue")
    return f"{sources()}\n\n{table(head, rows)}"


def sources() -> str:
    """Say where the counts are from."""
    total = sum(count for _, _, count in kinds.met())
    return (
        f"The counts are from {total} wrong answers that the checks named. They were invented from the statements "
        "alone, for the tests of the checks (`python -m benchmarks.checks`); they are no sample of a class. The last "
        "column says how many mistakes of the catalogue are of that kind."
    )


def mistakes_by_chapter(root: Path) -> str:
    """Return a fold for each chapter: what was met in its exercises, and what the check says of it."""
    folds = []
    for chapter in [*chapter_files(root), MUSEUM]:
        here = [exercise for exercise in EXERCISES.values() if exercise.chapter == chapter]
        items = "".join(said_of(root, exercise) for exercise in here)
        folds.append(f"<details>\n<summary>{here[0].where}</summary>\n\n<ul>{items}</ul>\n\n</details>")
    return "\n\n".join(folds)


def said_of(root: Path, exercise: Exercise) -> str:
    """Return an item with what was met in an exercise, most often first, and how many more its check knows."""
    met = [(key, count) for id, key, count in kinds.met() if id == exercise.id]
    met.sort(key=lambda one: -one[1])
    known = [(key, count) for key, count in met if key in exercise.catalogue]
    told = [exercise.catalogue[key].says + times(count) for key, count in known]
    found = [(key.removeprefix(kinds.EDIT), count) for key, count in met if key not in exercise.catalogue]
    told += [f"{capital(words)}.{times(count)}" for words, count in found]
    more = len(exercise.catalogue) - len(known)
    told.append(f"{more} more that its check knows by name." if told else f"{more} that its check knows by name.")
    inner = "".join(f"<li>{html.escape(words)}</li>" for words in told)
    return f"<li>{places(root)[exercise.id]}<ul>{inner}</ul></li>"


def capital(words: str) -> str:
    """Begin a sentence with a capital, unless it begins with a name of the code.

    Example:
        >>> capital("the power stands there"), capital("b_f stands there"), capital("σ stands there")
        ('The power stands there', 'b_f stands there', 'σ stands there')
    """
    return words[0].upper() + words[1:] if words.split()[0] in ENGLISH else words


def times(count: int) -> str:
    """Say how often a mistake was met, where that is more than once."""
    return f" (met {count} times)" if count > 1 else ""


# ---------------------------------------------------------------- an example of grading

TIME = "2026-11-27T10:00:00.000Z"


def progress_of(**marks: tuple[bool, int, str | None]) -> dict[str, Any]:
    """Return what the page of progress exports: of each exercise whether it is solved, its tries, and a mistake."""
    values = {
        f"exercise/{name.replace('_', '-')}": {
            "passed": passed, "mistake": mistake, "tries": tries, "first": TIME, "last": TIME,
        }
        for name, (passed, tries, mistake) in marks.items()
    }  # fmt: skip
    return {"format": "lstms-gate-by-gate/progress", "version": 1, "exported": TIME, "values": values}


def example(root: Path) -> str:
    """Grade three made-up learners, and return what the command prints and writes."""
    files = {
        "learner-1.json": progress_of(forget_gate=(True, 1, None), half_life=(True, 2, "straight-line")),
        "learner-2.json": progress_of(forget_gate=(False, 3, "tanh-for-sigmoid"), half_life=(True, 1, None)),
        "learner-3.json": {"format": "something else"},
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "class"
        folder.mkdir()
        for file, content in files.items():
            (folder / file).write_text(json.dumps(content), encoding="utf-8")
        said = spoken(folder).replace(f"{name}/", "")
        with (folder / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    kept = [n for n, cell in enumerate(rows[0]) if n < 2 or cell in ("half-life", "forget-gate")]
    shown = table(*(lambda head, *body: (head, body))(*([row[n] for n in kept] for row in rows)))
    return f"```\n{said.rstrip()}\n```\n\nTwo of the columns of `grades.csv`, for these made-up learners:\n\n{shown}"


def spoken(folder: Path) -> str:
    """Run the command on a folder and return what it prints."""
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        grade([str(folder)])
    return said.getvalue()


def parts(root: Path) -> dict[str, str]:
    """Return what the page has in the place of its comments."""
    return {
        "needs": needs(root),
        "allowance": allowance(root),
        "lesson": lesson(root),
        **{f"plan of {count}": plan(root, count) for count in PLANS},
        "graded": graded(root),
        "answers": answers(root),
        "mistakes": mistakes(root),
        "mistakes by chapter": mistakes_by_chapter(root),
        "example": example(root),
    }
