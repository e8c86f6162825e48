"""What the page about the course says that is computed: its date, its numbers, and what each chapter costs to run."""

import datetime
import functools
import json
import os
import re
import subprocess
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import ledger
from plans import table
from progress import course

from lstm_lib import recorded
from lstm_lib.exercises import EXERCISES
from tools import reading

SHOWN = ("numpy", "torch", "matplotlib", "anywidget", "ipywidgets", "jupyter-book", "pytest")  # of requirements.txt


def changed(root: Path) -> str:
    """Return the day of the last change: told by SOURCE_DATE_EPOCH, else by git, else by the newest measurement."""
    if epoch := os.environ.get("SOURCE_DATE_EPOCH"):
        return datetime.datetime.fromtimestamp(int(epoch), datetime.UTC).date().isoformat()
    try:
        command = ["git", "log", "-1", "--format=%cd", "--date=format-local:%Y-%m-%d"]
        env = {**os.environ, "TZ": "UTC"}
        done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=True)
        if done.stdout.strip():
            return done.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        pass  # no git, or no repository: course.zip was unpacked
    return max(str(recorded.load(path.stem)["date"]) for path in recorded.FOLDER.glob("*.json"))


def in_words(day: str) -> str:
    """Write a date in words.

    Example:
        >>> in_words("2026-11-07")
        '7 November 2026'
    """
    date = datetime.date.fromisoformat(day)
    return f"{date.day} {date:%B} {date.year}"


def version(root: Path) -> str:
    """Return the date of this copy, and the versions that it was made with."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = dict(
        re.findall(r"^([\w.-]+)==(\S+)$", (root / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    )
    made = ", ".join(f"{name} {pins[name]}" for name in SHOWN)
    return (
        f"Version {project['version']}, last changed on {in_words(changed(root))}. Pages and tests are made with "
        f"{made}; the library needs Python {project['requires-python'].removeprefix('>=')} or newer. What has changed "
        "is told by `CHANGELOG.md`, what it needs exactly by `requirements.txt`, both in [course.zip](run_it.md)."
    )


@functools.cache
def notebooks(root: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the cells of each notebook by its name."""
    paths = sorted((root / "chapters").glob("*.ipynb"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8"))["cells"] for path in paths}


def counts(root: Path) -> str:
    """Return the table of how much there is of everything."""
    cells = [cell for found in notebooks(root).values() for cell in found]
    items = Counter(item["kind"] for page in course(root)["pages"] for item in page["items"])
    types = Counter(cell["cell_type"] for cell in cells)
    sources = (root / "references.bib").read_text(encoding="utf-8")
    claims = ledger.rows(root)
    rows = [
        (
            "[notebooks](everything.md)",
            len(notebooks(root)),
            f"{types['markdown']} cells of text, {types['code']} of code",
        ),
        (
            "[exercises](everything.md)",
            len(EXERCISES),
            f"{sum(len(one.catalogue) for one in EXERCISES.values())} mistakes known by name",
        ),
        ("quizzes", items["quiz"], "each wrong answer is explained by itself"),
        ("[explorables](everything.md)", len(explorables()), f"{items['guess']} places where one guesses first"),
        ("[claims](ledger.md)", len(claims), "sentences that give a number or compare, with what holds them"),
        ("[sources](references.md)", len(re.findall(r"^@", sources, re.MULTILINE)), "each is cited"),
        ("[terms](glossary.md)", terms(root), "each is linked where a chapter first uses it"),
    ]
    return table(("what", "how many", "more"), rows)


def explorables() -> list[str]:
    """Name what can be played with."""
    from lstm_lib import widgets

    return [name for name in widgets.__all__ if name != "Quiz"]


def terms(root: Path) -> int:
    """Count the entries of the glossary: each has one sentence."""
    return len(re.findall(r"^ {2}\S", (root / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE))


def chapters(root: Path) -> str:
    """Return where the notebooks were run, and the table of what each is and what it costs."""
    record = recorded.load("notebooks")
    costs = {row["notebook"]: row for row in record["rows"]}
    listed = {Path(page["page"]).name: page for page in course(root)["pages"]}
    rows = []
    for name, cells in notebooks(root).items():
        kinds = Counter(item["kind"] for item in listed[name]["items"])
        cost = costs.get(name)
        label = f"{listed[name]['label']}. " if listed[name]["label"] else ""
        rows.append((
            f"[{label}{listed[name]['title']}](chapters/{name}.ipynb)",
            reading.measure(root / "chapters" / f"{name}.ipynb").minutes,
            len(cells),
            kinds["exercise"],
            kinds["quiz"],
            f"{cost['processor seconds']:.0f}" if cost else "not run",
            cost["peak MB"] if cost else "not run",
        ))  # fmt: skip
    head = ("chapter", "minutes to read", "cells", "exercises", "quizzes", "seconds to run", "MB at the peak")
    return f"{where_run(record)}\n\n{table(head, rows)}"


def where_run(record: dict[str, Any]) -> str:
    """Say on what the notebooks were run, and what was not."""
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    seconds = sum(row["processor seconds"] for row in record["rows"])
    largest = max(row["peak MB"] for row in record["rows"])
    return (
        f"Run on {in_words(record['date'])} by `{record['command']}` on {machine(record)} with {versions}. Seconds are "
        f"of the processor, {seconds:.0f} in all; no notebook held more than {largest} MB. A notebook that is not run "
        "here needs packages of its own, and is held to a record."
    )


def machine(record: dict[str, Any]) -> str:
    """Return a processor in words."""
    told = record["machine"]
    return f"{told['cpu']}, {told['cores']} cores"


def gpus(record: dict[str, Any]) -> list[str]:
    """Name the GPUs that the rows of a record say they were measured on.

    Example:
        >>> gpus({"rows": [{"what": "device", "name": "NVIDIA H100"}, {"device": "cuda"}, {"device": "cpu"}]})
        ['NVIDIA H100']
    """
    told = (row.get("name") if row.get("what") == "device" else row.get("device") for row in record["rows"])
    return list(dict.fromkeys(name for name in told if name and name not in ("cpu", "cuda")))


def records(root: Path) -> str:
    """Return the table of all recorded measurements: what was run, when and on what."""
    rows = []
    for path in sorted(recorded.FOLDER.glob("*.json")):
        record = recorded.load(path.stem)
        where = "; ".join([machine(record), *gpus(record)])
        rows.append(
            (f"`{record['command']}`", in_words(record["date"]), where, len(record["seeds"]) or "", len(record["rows"]))
        )
    return table(("command", "date", "processor", "seeds", "rows"), rows)


def parts(root: Path) -> dict[str, str]:
    """Return what the page has in the place of its comments."""
    return {"version": version(root), "counts": counts(root), "chapters": chapters(root), "records": records(root)}
