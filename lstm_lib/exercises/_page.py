"""Answer the course's pages: run what a reader typed, check it, and say all of it as JSON.

The website runs Python in a worker of the browser and talks to ``respond``: one request as JSON, one reply as JSON.
What the reader typed is data on the way in and text on the way out; how long it may run is the page's business, which
ends the worker.
"""

import ast
import contextlib
import io
import itertools
import json
import linecache
import math
import re
import traceback
from types import CodeType
from typing import Any

from lstm_lib.exercises._card import check, find_exercise, hint
from lstm_lib.exercises._decimals import with_points
from lstm_lib.exercises._exercise import Exercise
from lstm_lib.exercises._tools import dot, sigmoid, tanh
from lstm_lib.exercises._words import NOT_ANSWERED

LOGARITHMS = {"ln": "log", "lg": "log10", "ld": "log2"}  # as books write them, and as Python does
LIMIT = 8000  # characters of what was printed, and of a value, that a page is sent

FROM_MATH = {name: getattr(math, name) for name in ("e", "exp", "log", "log2", "log10", "pi", "sqrt")}
SUPPLIED = FROM_MATH | {"math": math, "dot": dot, "sigmoid": sigmoid, "tanh": tanh, "check": check, "hint": hint}

Reply = dict[str, Any]

_count = itertools.count(1)


class Printed(io.StringIO):
    """Keeps what was printed, up to a limit, and says so where it cuts."""

    cut = False

    def write(self, text: str) -> int:
        """Keep the text while there is room."""
        room = LIMIT - self.tell()
        self.cut = self.cut or len(text) > room
        super().write(text[: max(room, 0)])
        return len(text)

    def said(self) -> str:
        """Return what was printed."""
        return self.getvalue() + ("\n… the rest of what was printed is left out." if self.cut else "")


def respond(request: str) -> str:
    """Reply to one request of a page.

    Args:
        request: JSON with ``do``: "check" (``id`` of an exercise and ``source``, an answer: a function's code, or an
            expression where a number is asked for), or "run" (``source``, and ``above``, sources that it goes on from).

    Returns:
        JSON with ``printed``, ``value`` (the last expression, as text), ``error`` ({kind, words, line, source} or null)
        and, for a check, ``verdict`` ({passed, mistake, word, title, message} or null).

    Raises:
        ValueError: If the request asks for something else. No source raises anything.

    Example:
        >>> request = {"do": "check", "id": "thirty-steps", "source": "sigmoid(2) ** 30"}
        >>> json.loads(respond(json.dumps(request)))["verdict"]["word"]
        'Solved'
    """
    asked = json.loads(request)
    if asked.get("do") == "check":
        reply = check_source(asked["id"], asked["source"])
    elif asked.get("do") == "run":
        reply = run_after(asked.get("above", []), asked["source"])
    else:
        raise ValueError(f'got {asked.get("do")!r} to do, expected "check" or "run"')
    return json.dumps(reply)


def supply_numpy() -> None:
    """Give NumPy to what readers type, under its usual name; for a page that has loaded it."""
    import numpy as np

    SUPPLIED["np"] = np


def check_source(id: str, source: str) -> Reply:
    """Run a reader's answer to an exercise and judge it.

    Args:
        id: Which exercise.
        source: Code that defines the exercise's function, or an expression for a number.

    Returns:
        What ``respond`` says of a check.

    Raises:
        ValueError: If there is no such exercise.

    Example:
        >>> check_source("half-life", "0.95 ^ 30")["error"]["words"]
        'Python writes a power with two stars: 0.95 ** 30 and not 0.95^30.'
    """
    exercise, note = find_exercise(id), ""
    if exercise.kind == "numeric":
        reply, answer = _number(exercise, source)
        note = with_points(source).note
    else:
        space = dict(SUPPLIED)
        reply = run_source(source, space)
        answer = space.get(exercise.name)
        if not reply["error"] and exercise.name not in space:
            words = f"Your code makes no {exercise.name}. Keep its first line: {_head(exercise)}"
            reply["error"] = _error("NameError", words)
    return reply | {"verdict": None if reply["error"] else _verdict(exercise, answer, note)}


def run_after(above: list[str], source: str) -> Reply:
    """Run code that goes on from other code, from a fresh start; of what stands above, only errors are said.

    Args:
        above: What is run first.
        source: Python.

    Returns:
        What ``respond`` says of a run.

    Example:
        >>> run_after(["h = 0.5"], "h + 1")["value"]
        '1.5'
    """
    space = dict(SUPPLIED)
    for earlier in above:
        if error := run_source(earlier, space)["error"]:
            begins = next(iter(earlier.strip().splitlines()), "")[:80]
            return _wrong(error["kind"], f"The cell above that begins with “{begins}” stops: {error['words']}")
    return run_source(source, space)


def run_source(source: str, space: dict[str, Any]) -> Reply:
    """Run code and return what it printed, its last expression as text, and what went wrong.

    Args:
        source: Python.
        space: Its variables; kept and changed.

    Returns:
        What ``respond`` says of a run.

    Example:
        >>> run_source("h = 0.5; 2 * h", {})
        {'printed': '', 'value': '1.0', 'error': None}
        >>> run_source("b = c", {})["error"]["line"]
        1
    """
    return _run(source, space)[0]


def _run(source: str, space: dict[str, Any]) -> tuple[Reply, Any]:
    """Run code; return what there is to say, and the value of its last expression."""
    printed, name = Printed(), _remembered(source)
    space.setdefault("__name__", "__main__")
    said, made, wrong = "", None, None
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            body, last = _parts(source, name)
            exec(body, space)
            if last is not None:
                made = eval(last, space)
                said = "" if made is None else repr(made)
        except BaseException as error:  # SystemExit too: it ends the reader's code, and not the page's Python
            wrong = _raised(error, name)
    said = said if len(said) <= LIMIT else f"{said[:LIMIT]} …"
    return {"printed": printed.said(), "value": said, "error": wrong}, made


# ---------------------------------------------------------------- numbers


def _number(exercise: Exercise, source: str) -> tuple[Reply, Any]:
    """Evaluate an expression; what people write who do not write Python, 5 %, 0,5 and 2^3, is taken or told."""
    text = re.sub(rf"^{exercise.name}\s*=(?!=)", "", source.strip()).strip()
    text, _, doubt = with_points(text)
    if doubt:
        return _wrong("ValueError", doubt), None
    if share := re.fullmatch(r"(.*[\d)])\s*%", text):
        text = f"({share[1]}) / 100"
    if re.fullmatch(r"(\.\.\.)?\s*(#.*)?", text):
        return {"printed": "", "value": "", "error": None}, ...
    space = dict(SUPPLIED)
    reply, made = _run(text, space)
    if reply["error"] and "^" in text and "^" in reply["error"]["words"]:
        return _wrong("TypeError", "Python writes a power with two stars: 0.95 ** 30 and not 0.95^30."), None
    answer = space.get(exercise.name, made)  # a whole cell may have been typed, with the name in another line
    if answer is None and not reply["error"]:
        return _wrong("ValueError", "This exercise wants a number, or an expression that gives one."), None
    return reply, answer


# ---------------------------------------------------------------- words


def _verdict(exercise: Exercise, answer: Any, note: str) -> Reply:
    card = check(exercise.id, answer)
    verdict = card.verdict
    assert verdict is not None
    word, text = card.title.partition(":")[0], _without_numpy(card.text)
    if word == NOT_ANSWERED:
        what = "Replace the three dots with your lines" if exercise.kind == "code" else "Type a number or an expression"
        text = f"{what}, then press Check."
    text = f"{note} {text}" if note else text
    said = {"passed": verdict.passed, "mistake": verdict.mistake, "word": word}
    return said | {"title": exercise.title, "message": text}


def _head(exercise: Exercise) -> str:
    return exercise.stub_source.splitlines()[0]


def _error(kind: str, words: str, line: int | None = None, source: str = "") -> Reply:
    return {"kind": kind, "words": words, "line": line, "source": source}


def _wrong(kind: str, words: str) -> Reply:
    return {"printed": "", "value": "", "error": _error(kind, words)}


def _syntax(error: SyntaxError) -> Reply:
    words = f"{type(error).__name__}: {error.msg}"
    text = error.text or ""
    part = text[(error.offset or 1) - 1 : (error.end_offset or 1) - 1]
    if "forgot a comma" in words and (factors := re.search(r"([\w)\]]+) +([A-Za-z_]\w*)", part)):
        words += f" Or, between two factors, a star: {factors[1]} * {factors[2]}?"
    return _error(type(error).__name__, words, error.lineno, text.rstrip()[:200])


def _raised(error: BaseException, name: str) -> Reply:
    """Say an exception and the last line of the reader's that it went through."""
    kind = type(error).__name__
    if isinstance(error, SyntaxError):
        return _syntax(error)
    try:
        words = " ".join(str(error).split())[:400]
    except BaseException:  # an exception of the reader's own may break when it is asked for its words
        words = ""
    if isinstance(error, ModuleNotFoundError) and error.name:  # Pyodide's words advise an installation that fails here
        words = f"there is no module {error.name.partition('.')[0]!r} on this page."
    if isinstance(error, NameError) and error.name in LOGARITHMS:
        words = f"Python writes {error.name} as {LOGARITHMS[error.name]}."
    here = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == name]
    line = here[-1].lineno if here else None
    source = (here[-1].line or "")[:200] if here else ""
    return _error(kind, _without_numpy(f"{kind}: {words}" if words else kind), line, source)


def _without_numpy(words: str) -> str:
    """Say what stands in for NumPy, where the words complain that it is not there."""
    if "np" in SUPPLIED or not re.search(r"name '(np|numpy)' is not defined|'numpy'", words):
        return words
    return f"{words} NumPy is not part of this page's Python: dot, sigmoid, tanh and math take its place."


# ---------------------------------------------------------------- code


def _remembered(source: str) -> str:
    """Keep the source under a name, so that tracebacks and ``inspect`` find its lines; return the name."""
    name = f"<your code {next(_count)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    return name


def _parts(source: str, name: str) -> tuple[CodeType, CodeType | None]:
    """Compile all statements but a last expression, and that expression, or None."""
    tree = ast.parse(source, name)
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        return compile(tree, name, "exec"), None
    tree.body.pop()
    return compile(tree, name, "exec"), compile(ast.Expression(last.value), name, "eval")
