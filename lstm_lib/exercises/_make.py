"""Make exercises of the three kinds: what is common to a kind, its judge included, is added here."""

import math
import random
import textwrap
from collections.abc import Callable
from typing import Any

from lstm_lib.exercises._exercise import Exercise, Mistake
from lstm_lib.exercises._judge import judge_code, judge_number, judge_option
from lstm_lib.exercises._probes import Kind
from lstm_lib.exercises._tools import sigmoid, tanh


def code(
    id: str,
    title: str,
    *,
    chapter: int,
    statement: str,
    lines: tuple[str, ...],
    hints: tuple[str, ...],
    inputs: dict[str, Kind],
    returns: tuple[str, ...],
    solution: Callable[..., Any],
    right: str,
    mistakes: dict[str, Mistake],
    also: tuple[str, ...] = (),
) -> Exercise:
    """Make an exercise whose answer is a function: it is tried on random inputs drawn for ``inputs``."""
    return Exercise(
        id,
        chapter,
        "code",
        title,
        _tidy(statement),
        lines,
        hints,
        solution,
        right,
        mistakes,
        judge_code,
        inputs=inputs,
        returns=returns,
        also=tuple(map(textwrap.dedent, also)),
    )


def numeric(
    id: str,
    title: str,
    *,
    chapter: int,
    statement: str,
    lines: tuple[str, ...],
    hints: tuple[str, ...],
    working: str,
    right: str,
    mistakes: dict[str, Mistake],
    tolerance: float = 0.01,
) -> Exercise:
    """Make an exercise whose answer is the value of ``working``; a tolerance of 0 asks for a whole number."""
    solution = eval(working, {"math": math, "sigmoid": sigmoid, "tanh": tanh})
    counts = f"Anything within {100 * tolerance:.0f} % counts." if tolerance else "The answer is a whole number."
    statement = f"{_tidy(statement)} {counts}"
    return Exercise(
        id,
        chapter,
        "numeric",
        title,
        statement,
        lines,
        hints,
        solution,
        right,
        mistakes,
        judge_number,
        working=working,
        tolerance=tolerance,
    )


def judgement(
    id: str,
    title: str,
    *,
    chapter: int,
    statement: str,
    hints: tuple[str, ...],
    options: dict[str, str],
    solution: str,
    right: str,
    mistakes: dict[str, Mistake],
    lines: tuple[str, ...] = (),
) -> Exercise:
    """Make an exercise whose answer is the id of one option; each wrong option is a mistake."""
    options = dict(random.Random(id).sample(list(options.items()), len(options)))  # the right one is not always first
    choices = "\n".join(f"- `{option}`: {text}" for option, text in options.items())
    statement = f"{_tidy(statement)}\n\n{choices}"
    return Exercise(
        id,
        chapter,
        "judgement",
        title,
        statement,
        lines,
        hints,
        solution,
        right,
        mistakes,
        judge_option,
        options=options,
    )


def _tidy(text: str) -> str:
    """Join the lines of each paragraph, so that texts can be wrapped where they are written."""
    paragraphs = textwrap.dedent(text).strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
