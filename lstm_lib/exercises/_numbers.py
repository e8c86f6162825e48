"""The smallest change to the right expression that gives exactly a number.

A number is a weak witness: many expressions give 0.5, and a rounded number is given by many more. So a change is told
only where it gives the number to all its digits, and where nothing as likely gives it too.
"""

import ast
import contextlib
import itertools
import math
import random
import re
from collections.abc import Iterator
from functools import cache

from lstm_lib.exercises._changes import Change, pairs, singles
from lstm_lib.exercises._expressions import itself
from lstm_lib.exercises._forms import Part, worth, written
from lstm_lib.exercises._shown import show
from lstm_lib.exercises._sketch import Build, Edit, Sketch, expressions, function_of
from lstm_lib.exercises._templates import LETTERS, PLAIN, children, source_of
from lstm_lib.exercises._values import Formulas

EXACT = 1e-9  # relative
SO_MANY = 60  # times as many formulas there are of each size as of the size before
CHANCE = 0.01  # of a formula that gives the number by chance
TELLING = 6  # digits from which on a number tells pairs of changes apart


def explain(working: str, statement: str, number: float, solution: float, tolerance: float) -> list[Change]:
    """Return the one change that gives a number, or two that are as likely (one where it has one digit), or none.

    Args:
        working: The solution as an expression.
        statement: Its numbers may have been taken for one another.
        number: What was answered.
        solution: What is right.
        tolerance: How far off still counts as right, as a share.

    Example:
        >>> (change,) = explain("5 + 2 * 3", "5 symbols, 3 boxes", 21, 11, 0)
        >>> change.words
        ['2 * 3 is worked out first in the solution, and is torn apart here']
        >>> explain("5 + 2 * 3", "5 symbols, 3 boxes", 0.123456, 11, 0)
        []
    """
    digits = significant_digits(number)
    for stage in (0, 1) if digits >= TELLING else (0,):
        fits = [
            (change, value)
            for change, value in values(working, statement, stage)
            if abs(value - solution) > tolerance * abs(solution) + EXACT * abs(solution)
        ]
        exact = [change for change, value in fits if abs(value - number) <= EXACT * abs(number)]
        if exact:
            return _only(exact, telling=digits >= TELLING, most=min(digits, 2))
        rounded: dict[str, Change] = {}  # one for each value: what gives the same digits cannot be told apart
        for change, value in sorted(fits, key=lambda fit: (fit[0].weight, len(line(fit[0])))) if stage == 0 else ():
            if 3 <= digits < TELLING and _rounds_to(value, number, digits):
                rounded.setdefault(f"{value:.9g}", change)
        if rounded:
            return _only(list(rounded.values()), telling=False, most=1)
    return _by_formula(working, statement, number) if _chance(1, digits) <= CHANCE else []


def _only(fits: list[Change], telling: bool, most: int) -> list[Change]:
    """Return the likeliest change, if not too many are as likely; a number of many digits leaves no doubt."""
    fits = _of_one_meaning(sorted(fits, key=lambda change: change.weight))
    likely = {line(change): change for change in reversed(fits) if change.weight <= fits[0].weight + 0.15}
    if telling:
        return fits[:1]
    return [change for change in fits if change in likely.values()] if len(likely) <= most else []


def _of_one_meaning(fits: list[Change]) -> list[Change]:
    """Leave out changes that say what a likelier one says: that give the same with any other numbers too."""
    found: dict[float | str, Change] = {}
    for change in fits:
        found.setdefault(_elsewhere(change), change)
    return list(found.values())


def _elsewhere(change: Change) -> float | str:
    """Return what a change gives if all numbers are others, or its line where that is nothing."""
    other = _Other().visit(ast.parse(source_of(change.sketch.tree)))
    try:
        return float(f"{Sketch(ast.unparse(other)).function(change.edits)():.9g}")
    except Exception:  # a change may make nonsense of an expression in any way
        return line(change)


class _Other(ast.NodeTransformer):
    """Put another number for each, the same for the same."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if not isinstance(node.value, int | float):
            return node
        return ast.Constant(node.value * (1 + random.Random(repr(float(node.value))).random() / 4))


def _chance(size: int, digits: int) -> float:
    """Return how many of all formulas of a size give a number of so many digits by chance."""
    return float(10 * SO_MANY ** (size - 1) / 10 ** (digits - 1))


def _by_formula(working: str, statement: str, number: float) -> list[Change]:
    """Return the smallest formula of the numbers of statement and working that gives a number, if it is alone."""
    formulas, others = _formulas_of(working, statement)
    digits = significant_digits(number)
    close = max(10.0**-digits, 1e-14) * abs(number)
    different: dict[str, Part] = {}
    smallest = math.inf
    for part in sorted(formulas.giving(number), key=lambda part: part.size):
        if part.size > smallest or _chance(part.size, digits) > CHANCE:
            break
        with contextlib.suppress(ArithmeticError):
            if abs(worth(part, formulas.leaves) - number) <= close:
                different.setdefault(f"{worth(part, others):.9g}", part)
                smallest = part.size
    if len(different) > 1:
        return []
    texts = [written(part)[0] for part in different.values()]
    words = f"another formula stands where {whole(working)} belongs"
    return [Change(Sketch(f"def answer():\n    return {text}", words, 2.0, text), (), 2.0) for text in texts]


@cache
def _formulas_of(working: str, statement: str) -> tuple[Formulas, dict[str, float]]:
    """Return formulas of all numbers, and other values of these, by which formulas are told apart."""
    changed: dict[str, float] = {}
    tree = ast.parse(working, mode="eval").body
    texts = [str(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    texts += re.findall(r"(?<![\w.])\d+(?:\.\d+)?", statement)
    texts += [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.BinOp | ast.Call)]
    parts: dict[str, Part] = {}
    for text in dict.fromkeys(texts):
        try:
            value = float(eval(text, PLAIN))
            nearby = re.sub(r"(?<![\w.])\d+(?:\.\d+)?", lambda found: f"_x({found[0]})", text)
            changed[text] = eval(nearby, PLAIN | {"_x": lambda x: x * (1 + random.Random(x).random() / 9)})
        except Exception:  # not every piece stands alone
            continue
        binds = 2 if not isinstance(node := ast.parse(text, mode="eval").body, ast.BinOp) else 0
        parts.setdefault(f"{value:.9g}", Part(value, 1 if isinstance(node, ast.Constant) else 2, text, binds))
    return Formulas(parts.values(), ("sigmoid",) if "sigmoid" in working else ()), changed


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
        (f"-({whole})", "the sign of the result is the other one"),
        (f"({whole}) + 1", "one is counted too many"),
        (f"({whole}) - 1", "one is counted too few"),
        (f"1 - (1 - ({whole})) ** 2", "the result is counted as if there were a second try"),
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


def whole(working: str) -> str:
    """Return the whole working, as it is written in what is said of a change."""
    return source_of(ast.parse(working, mode="eval").body)


def line(change: Change) -> str:
    """Return the expression of a change, the changed place marked."""
    shown = show(change.sketch, change.edits)
    text = shown[0][1] if shown else change.sketch.changed
    return text.removeprefix("return ")
