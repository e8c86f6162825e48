"""Numbers that are right, or a known mistake's, in all but one thing: a sign, a per cent, digits that were dropped.

A number that was rounded on the way is not what any formula gives. So each piece of the right expression is rounded as
people round, to one digit up to four, and what comes out then is compared.
"""

import ast
import math
from functools import cache
from typing import NamedTuple

from lstm_lib.exercises._changes import Change
from lstm_lib.exercises._numbers import EXACT, line, significant_digits, values, whole
from lstm_lib.exercises._templates import PLAIN, source_of

ROUNDED = range(1, 5)  # digits that people round to on the way
FAR_FETCHED = {3: 0.7, 4: 0.9}  # by digits of an answer: few digits are met by chance, so likely changes alone are told
EXACTLY = 9  # digits from which on an answer has not been rounded itself
MOST_DIGITS = 8


class Early(NamedTuple):
    """A piece of an expression that was rounded: its text, the number that stands for it, and the expression then."""

    piece: str
    stands: str
    digits: int
    working: str


def scaled(number: float, right: float, room: float) -> str:
    """Return in which one thing a number differs from another: "sign", "per cent", or nothing.

    Example:
        >>> scaled(31, 0.31, 1e-9), scaled(-4.97, 4.968, 0.01), scaled(2.0, 4.0, 0.01)
        ('per cent', 'sign', '')
    """
    if not right or number in (0, 1, -1):
        return ""
    if abs(number + right) <= room * abs(right):
        return "sign"
    if 0 < right < 1 and abs(number / 100 - right) <= room * right:
        return "per cent"
    return ""


@cache
def pieces(working: str) -> tuple[Early, ...]:
    """Return an expression with each of its pieces rounded, to each number of digits."""
    tree = ast.parse(working, mode="eval").body
    inside = [node for node in ast.walk(tree) if isinstance(node, ast.BinOp | ast.Call) and node is not tree]
    found = []
    for text in dict.fromkeys(map(ast.unparse, inside)):
        value = eval(text, PLAIN)
        for digits in ROUNDED:
            short = rounded(value, digits)
            if isinstance(value, float) and short != value:
                found.append(Early(text, f"{short:.10g}", digits, with_number(working, text, short)))
    return tuple(found)


def with_number(working: str, text: str, number: float) -> str:
    """Return an expression with a number in the place of one of its pieces.

    Example:
        >>> with_number("2 * (1 - 0.25)", "1 - 0.25", 0.8)
        '2 * 0.8'
    """
    return source_of(_Instead(text, number).visit(ast.parse(working, mode="eval").body))


class _Instead(ast.NodeTransformer):
    def __init__(self, text: str, number: float) -> None:
        self.text, self.number = text, number

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.expr) and ast.unparse(node) == self.text:
            return ast.Constant(self.number)
        return super().generic_visit(node)


def too_early(working: str, number: float, solution: float, tolerance: float) -> tuple[Early, int] | None:
    """Return what was rounded too early on the right way to a number, and how many digits would have been enough.

    Example:
        >>> early, enough = too_early("math.log(2) / -math.log(0.95)", 13.86, 13.513, 0.01)
        >>> early.stands, early.digits, enough
        ('-0.05', 1, 2)
    """
    if significant_digits(number) < 3:
        return None
    for early in pieces(working):
        if _is(value_of(early.working), number):
            for digits in range(early.digits + 1, MOST_DIGITS):
                better = value_of(with_number(working, early.piece, rounded(eval(early.piece, PLAIN), digits)))
                if abs(better - solution) <= tolerance * abs(solution):
                    return early, digits
    return None


def explain_rounded(
    working: str, statement: str, number: float, solution: float, tolerance: float
) -> tuple[Early, Change] | None:
    """Return the change that gives a number after something was rounded on the way; None if it may be chance.

    Example:
        >>> working = "math.log(0.5 ** (1 / 100) / (1 - 0.5 ** (1 / 100)))"
        >>> early, change = explain_rounded(working, "", math.log(0.993), 4.968, 0.01)
        >>> early.stands, line(change)
        ('0.993', 'math.log(«0.993»)')
    """
    digits = significant_digits(number)
    if digits < min(FAR_FETCHED):
        return None
    fits: dict[str, tuple[Early, Change]] = {}
    for early in pieces(working):
        for change, value in values(early.working, statement, 0):
            off = abs(value - solution) > tolerance * abs(solution)
            if off and change.weight <= FAR_FETCHED.get(digits, 1.0) and _is(value, number):
                shown = line(change)
                if early.stands in shown and whole(early.working) not in shown:
                    fits.setdefault(f"{value:.9g}", (early, change))
    return next(iter(fits.values())) if len(fits) == 1 else None


def rounded(value: float, digits: int) -> float:
    """Round to so many digits that count.

    Example:
        >>> rounded(0.0069075, 2)
        0.0069
    """
    return float(f"{value:.{digits - 1}e}")


def _is(value: float, number: float) -> bool:
    """Tell whether a value gives a number, to the digits that the number has."""
    digits = significant_digits(number)
    if digits >= EXACTLY:
        return abs(value - number) <= EXACT * abs(number)
    return math.isfinite(value) and rounded(value, digits) == number


def value_of(working: str) -> float:
    """Return the value of an expression; nan where it has none.

    Example:
        >>> value_of("0.5 / 2"), value_of("1 / (1 - 1.0)")
        (0.25, nan)
    """
    try:
        return float(eval(working, PLAIN))
    except (ArithmeticError, ValueError):
        return math.nan
