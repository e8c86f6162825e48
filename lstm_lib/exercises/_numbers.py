"""The smallest change to the right expression that gives exactly a number.

A number is a weak witness: many expressions give 0.5, and a rounded number is given by many more. So a change is told
only where it gives the number to all its digits, and where nothing as likely gives it too.
"""

import ast
import itertools
import math
import re
from collections.abc import Iterator
from functools import cache

from lstm_lib.exercises._changes import Change, pairs, singles
from lstm_lib.exercises._expressions import itself
from lstm_lib.exercises._shown import show
from lstm_lib.exercises._sketch import Build, Edit, Sketch, expressions, function_of
from lstm_lib.exercises._templates import LETTERS, children, source_of

EXACT = 1e-9  # relative
TELLING = 6  # digits from which on a number tells pairs of changes apart


def explain(working: str, statement: str, number: float, solution: float, tolerance: float) -> Change | None:
    """Return the one change that gives a number, or None.

    Args:
        working: The solution as an expression.
        statement: Its numbers may have been taken for one another.
        number: What was answered.
        solution: What is right.
        tolerance: How far off still counts as right, as a share.

    Example:
        >>> change = explain("5 + 2 * 3", "5 symbols, 3 boxes", 21, 11, 0)
        >>> change.words
        ['other brackets: 2 * 3 belongs together']
        >>> explain("5 + 2 * 3", "5 symbols, 3 boxes", 0.123456, 11, 0) is None
        True
    """
    digits = significant_digits(number)
    for stage in (0, 1):
        fits = [
            (change, value)
            for change, value in values(working, statement, stage)
            if abs(value - solution) > tolerance * abs(solution) + EXACT * abs(solution)
        ]
        exact = [change for change, value in fits if abs(value - number) <= EXACT * abs(number)]
        if exact and (stage == 0 or digits >= TELLING):
            return _only(exact, telling=digits >= TELLING)
        rounded = [change for change, value in fits if 3 <= digits < TELLING and _rounds_to(value, number, digits)]
        if rounded and stage == 0:
            return _only(rounded, telling=False)
    return None


def _only(fits: list[Change], telling: bool) -> Change | None:
    """Return the likeliest change, if no other is as likely; a number of many digits leaves no doubt that it is one."""
    fits = sorted(fits, key=lambda change: change.weight)
    others = [change for change in fits if change.weight <= fits[0].weight + 0.15 and change.words != fits[0].words]
    return fits[0] if telling or not others else None


@cache
def values(working: str, statement: str, stage: int) -> list[tuple[Change, float]]:
    """Return all single changes (stage 0) or pairs (stage 1) of an expression, and their values."""
    source = f"def answer():\n    return {working}"
    changes = list(singles(source) if stage == 0 else pairs(source))
    if stage == 0:
        plain = changes[0].sketch
        changes += [Change(sketch, (), sketch.weight) for sketch in (Sketch(*build) for build in _leftovers(source))]
        changes += [Change(plain, (edit,), edit.weight) for edit in _of_the_statement(plain, statement)]
        changes += [Change(plain, (edit,), edit.weight) for edit in _of_the_whole(plain)]
    found = []
    for change in changes:
        try:
            value = change.sketch.function(change.edits)()
            number = float(value) if isinstance(value, int | float) else math.nan
        except Exception:  # a change may make nonsense of an expression in any way
            continue
        if math.isfinite(number):
            found.append((change, number))
    return found


def _of_the_statement(plain: Sketch, statement: str) -> Iterator[Edit]:
    """Put a number of the statement in the place of another."""
    numbers = {float(text) for text in re.findall(r"(?<![\w.])\d+(?:\.\d+)?", statement)}
    for site, node in enumerate(plain.nodes):
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, int | float):
            for other in sorted(numbers - {float(value)}):
                yield Edit(((site, repr(other)),), f"{other:g} stands where {value:g} belongs", 1.0)


def _of_the_whole(plain: Sketch) -> Iterator[Edit]:
    """Round it, count one more or one less, or take it as a percentage."""
    root = plain.tree.body[-1].value  # type: ignore[attr-defined]
    whole, site = itself(root, LETTERS[: len(children(root))]), root.site
    for template, words in (
        (f"math.ceil({whole})", "the result is rounded up"),
        (f"math.floor({whole})", "the result is rounded down"),
        (f"100 * ({whole})", "the result is given in per cent"),
        (f"({whole}) / 100", "the result is divided by 100"),
        (f"({whole}) + 1", "one is counted too many"),
        (f"({whole}) - 1", "one is counted too few"),
        (f"math.exp({whole})", "exp of the result stands for the result"),
        (f"math.log({whole})", "the logarithm of the result stands for the result"),
    ):
        yield Edit(((site, template),), words, 0.9)
    yield Edit(((site, f"round({whole})"),), "the result is rounded to a whole number", 0.7)


def _leftovers(source: str) -> Iterator[Build]:
    """Replace an expression by what stands deeper inside it, and the whole by any part of it."""
    parts = ast.BinOp | ast.Call | ast.UnaryOp
    for node, write in expressions(function_of(source)):
        for inner in itertools.islice(ast.walk(node), 1, None) if isinstance(node, parts) else ():
            if isinstance(inner, parts | ast.Constant):
                made, line = write(inner)
                yield made, f"{source_of(inner)} stands for {source_of(node)}", 1.0, line.removeprefix("return ")


def significant_digits(number: float) -> int:
    """Count the digits that were written.

    Example:
        >>> significant_digits(0.0450), significant_digits(1200.0), significant_digits(8e-05)
        (2, 2, 1)
    """
    text = f"{number!r}".lower().split("e")[0].replace("-", "").replace(".", "").lstrip("0").rstrip("0")
    return max(1, len(text))


def _rounds_to(value: float, number: float, digits: int) -> bool:
    return float(f"{value:.{digits - 1}e}") == number


def line(change: Change) -> str:
    """Return the expression of a change, the changed place marked."""
    shown = show(change.sketch, change.edits)
    text = shown[0][1] if shown else change.sketch.changed
    return text.removeprefix("return ")
