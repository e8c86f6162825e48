"""Read the files of a class, exported progress and notebooks; nothing is executed unless that is asked for."""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from lstm_lib.exercises import EXERCISES
from lstm_lib.grade.kinds import ERROR

FORMAT = "lstms-gate-by-gate/progress"
PACKED = (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz")
LARGEST = 20_000_000  # bytes of a file
COURSE = re.compile(r"[-_ .]*(lstms-progress-\d{4}-\d\d-\d\d|\d\d_[a-z_]+|frameworks)$")  # our own names
COPY = re.compile(r"([-_ ]*(\(\d+\)|copy\d*))+$", re.IGNORECASE)  # what a browser or Jupyter adds to a second one
SENT_IN = re.compile(r"_\d+_assignsubmission_file_?")  # what Moodle adds
CHECKS = re.compile(r"""^check\(\s*["']([\w-]+)["']\s*,[^,\n]*\)[ \t]*;?[ \t]*$""", re.MULTILINE)
COMMAND = re.compile(r"^(%{1,2}[A-Za-z]|!).*$", re.MULTILINE)  # of Jupyter, such as %%time
SECONDS, MEGABYTES = 60, 2000  # for the answers of one notebook
QUESTION = re.compile(r"quiz/[\w-]{1,60}")  # under which key an export keeps a question of a chapter
UNCHECKED = "not checked"  # what stands for the mistake of an answer that was written and never checked

CHILD = """
import json, sys
sys.path.insert(0, sys.argv[1])
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]) * 2**20,) * 2)
except (ImportError, ValueError, OSError):
    pass
import numpy
from lstm_lib.exercises import _page
_page.SUPPLIED["np"] = numpy
judged = []
for id, source in json.load(sys.stdin):
    reply = _page.check_source(id, source)
    raised = reply["error"] and "error: " + reply["error"]["kind"]
    verdict = reply["verdict"] or {"passed": False, "mistake": raised, "word": "Not yet"}
    judged.append([verdict["passed"], verdict["mistake"], verdict["word"]])
sys.__stdout__.write("\\n" + json.dumps(judged))
"""


class Mark(NamedTuple):
    """What a learner did with one exercise."""

    passed: bool
    tries: int  # 0 where nobody counted
    mistake: str  # the last one, or nothing


Marks = dict[str, Mark]  # by the id of an exercise, or by quiz/NAME


def better(one: Mark, other: Mark) -> Mark:
    """Join what two files, or two cells, say of one exercise: solved is solved.

    Example:
        >>> better(Mark(False, 3, "one-minus-f"), Mark(True, 0, ""))
        Mark(passed=True, tries=3, mistake='one-minus-f')
    """
    passed, tries = one.passed or other.passed, max(one.tries, other.tries)
    named = [mark.mistake for mark in (one, other) if mark.mistake not in ("", UNCHECKED)]
    unchecked = "" if passed or one.mistake != other.mistake else one.mistake  # the other one was checked
    return Mark(passed, tries, named[0] if named else unchecked)


def joined(found: Iterable[tuple[str, Mark]]) -> Marks:
    """Join marks by exercise."""
    marks: Marks = {}
    for id, mark in found:
        marks[id] = better(marks[id], mark) if id in marks else mark
    return marks


def learner(path: Path, folder: Path) -> str:
    """Return whose file it is: the folder's name, or the file's without what browser, course and Moodle add to it.

    Raises:
        ValueError: If nothing is left.

    Example:
        >>> learner(Path("class/ada_05_forget_gate.ipynb"), Path("class"))
        'ada'
        >>> learner(Path("class/ada-lstms-progress-2026-11-27 (1).json"), Path("class"))
        'ada'
    """
    first, *deeper = path.relative_to(folder).parts
    name = SENT_IN.sub("", first if deeper else COURSE.sub("", COPY.sub("", path.stem))).strip("-_ .")
    if not name:
        raise ValueError(
            "got a name that does not say whose file it is, expected the learner's in front of it, or a folder for each"
        )
    return name


def read(path: Path, folder: Path, run: bool) -> Marks:
    """Return what one file says of exercises; a ValueError or OSError says what is wrong with it."""
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        raise ValueError("got a link to somewhere else, expected a file of this folder")
    if path.suffix.lower() in PACKED:
        raise ValueError("got a packed file, expected it unpacked")
    if path.suffix.lower() not in (".json", ".ipynb"):
        raise ValueError(f"got a file {path.suffix or 'without an ending'}, expected .json or .ipynb")
    if path.stat().st_size > LARGEST:
        raise ValueError(f"got {path.stat().st_size:,} bytes, expected at most {LARGEST:,}")
    if not path.stat().st_size:
        raise ValueError("got an empty file, expected what was exported or saved")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"got no JSON: {error}") from None
    if not isinstance(content, dict):
        raise ValueError(f"got JSON with {_kind(content)}, expected an object")
    return _read_notebook(content, run) if path.suffix.lower() == ".ipynb" else _read_progress(content)


def _kind(value: Any) -> str:
    return {type(None): "null", str: "a text", bool: "true or false", list: "a list", dict: "an object"}.get(
        type(value), "a number"
    )


# ---------------------------------------------------------------- exported progress


def _read_progress(content: dict[str, Any]) -> Marks:
    """Return the marks of a file that the page of progress exported; the page writes and reads the same fields."""
    if content.get("format") != FORMAT or content.get("version") != 1:
        told = f"{content.get('format')!r:.60}, version {content.get('version')!r:.20}"
        raise ValueError(f'got the format {told}, expected "{FORMAT}", version 1')
    values = content.get("values")
    if not isinstance(values, dict):
        raise ValueError(f"got {_kind(values)} for values, expected an object")
    return {
        key.removeprefix("exercise/"): _mark(key, value)
        for key, value in values.items()
        if (key.startswith("exercise/") and key.removeprefix("exercise/") in EXERCISES) or QUESTION.fullmatch(key)
    }


def _mark(key: str, value: Any) -> Mark:
    if not isinstance(value, dict):
        raise ValueError(f"got {_kind(value)} for {key}, expected an object")
    wanted = {"passed": (bool,), "mistake": (str, type(None)), "tries": (int,), "first": (str,), "last": (str,)}
    for name, types in wanted.items():
        if name not in value or type(value[name]) not in types:
            raise ValueError(f"got {_kind(value.get(name))} for {name} in {key}, expected what the page exports")
    if not 0 <= value["tries"] <= 1_000_000 or len(value["mistake"] or "") > 200:
        raise ValueError(f"got {key} out of range, expected what the page exports")
    for name in ("first", "last"):
        datetime.fromisoformat(value[name].replace("Z", "+00:00"))  # a ValueError says what came
    return Mark(value["passed"], value["tries"], value["mistake"] or "")


# ---------------------------------------------------------------- notebooks


def _read_notebook(content: dict[str, Any], run: bool) -> Marks:
    cells = content.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise ValueError("got no list of cells, expected a notebook of version 4")
    found = [(id, cell) for cell in cells for id in _exercises(cell)]
    return _judged(found) if run else _stored(found)


def _exercises(cell: dict[str, Any]) -> list[str]:
    """Return which exercises a learner answers in a cell: those that it checks, and the one that it was made for.

    A learner may go on in a cell of his own, and some programs do not keep the ids of cells. The cell of a solution
    is no answer; it checks with ``folded=True``.
    """
    if cell.get("cell_type") != "code":
        return []
    ids = [found[1] for found in CHECKS.finditer(_text(cell.get("source")))]
    metadata = cell.get("metadata")
    made_for = metadata.get("exercise") if isinstance(metadata, dict) else None
    if isinstance(made_for, str) and cell.get("id") == f"{made_for}-stub":
        ids.append(made_for)
    return [id for id in dict.fromkeys(ids) if id in EXERCISES and EXERCISES[id].kind != "judgement"]


def _text(value: Any) -> str:
    """Return a text of a notebook, which may be a list of lines."""
    lines = value if isinstance(value, list) else [value]
    return "".join(line for line in lines if isinstance(line, str))


def _stored(cells: list[tuple[str, dict[str, Any]]]) -> Marks:
    """Believe what stands under the cells: a card, or an error; under an answer may be nothing."""
    return joined((id, mark) for id, cell in cells if (mark := _shown(id, cell)))


def _shown(id: str, cell: dict[str, Any]) -> Mark | None:
    """Return the mark of one cell; None where it is as the learner found it."""
    outputs = cell.get("outputs")
    shown = [output for output in outputs if isinstance(output, dict)] if isinstance(outputs, list) else []
    for output in shown:
        data = output.get("data")
        said = _text(data.get("text/plain")) if isinstance(data, dict) else ""
        if found := re.match(r"(Solved|Not yet): [^\n]*\(" + re.escape(id) + r"\)\n?", said):
            passed = found[1] == "Solved"
            return Mark(passed, 0, "" if passed else _named(id, said[found.end() :]))
    if "..." in _text(cell.get("source")):  # the stub
        return None
    raised = [f"{ERROR}{output.get('ename')!s:.60}" for output in shown if output.get("output_type") == "error"]
    return Mark(False, 0, raised[0] if raised else UNCHECKED)


def _named(id: str, said: str) -> str:
    """Return the mistake that a card tells: the key whose words it begins with, or the change that it found."""
    catalogue = EXERCISES[id].catalogue
    known = [key for key, mistake in catalogue.items() if said.startswith(mistake.says)]
    change = re.search(r"^That is: (.+)\.$", said, re.MULTILINE)
    return max(known, key=lambda key: len(catalogue[key].says)) if known else f"edit: {change[1]}" if change else ""


def _plain(source: str) -> str:
    """Return the Python of a cell: without commands of Jupyter, and without the calls that check it."""
    return CHECKS.sub("", COMMAND.sub("", source)).rstrip()


def _judged(cells: list[tuple[str, dict[str, Any]]]) -> Marks:
    """Judge the answers anew, in a process of its own."""
    sources = [(id, _plain(_text(cell.get("source")))) for id, cell in cells]
    root = Path(__file__).resolve().parent.parent.parent
    command = [sys.executable, "-I", "-c", CHILD, str(root), str(MEGABYTES)]
    with tempfile.TemporaryDirectory() as empty:
        try:
            done = subprocess.run(
                command, input=json.dumps(sources).encode(), cwd=empty, capture_output=True, timeout=SECONDS
            )
        except subprocess.TimeoutExpired:
            raise ValueError(f"got answers that ran for more than {SECONDS} seconds, and were stopped") from None
    try:
        judged = json.loads(done.stdout.decode().splitlines()[-1])
        marks = [
            (id, Mark(bool(passed), 0, str(mistake or "")))
            for (id, _), (passed, mistake, word) in zip(sources, judged, strict=True)
            if word != "Not answered yet"
        ]
    except (ValueError, LookupError, TypeError):
        raise ValueError("got answers that ended the process that judged them") from None
    return joined(marks)
