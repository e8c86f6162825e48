"""What a formula is made of: its value, how it is written, and what it is worth with other numbers."""

import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple


class Part(NamedTuple):
    """A value, how large its formula is, and how it is made: a form and its parts, or a text."""

    value: float
    size: int
    form: str
    one: Any = None
    two: Any = None


# How each form is written, how it binds (0 a sum, 1 a product, 2 a name), and how its parts have to bind at least.
FORMS: dict[str, tuple[str, int, int, int]] = {
    "+": ("{0} + {1}", 0, 0, 0),
    "-": ("{0} - {1}", 0, 0, 1),
    "*": ("{0} * {1}", 1, 1, 1),
    "/": ("{0} / {1}", 1, 1, 2),
    "**": ("{0} ** {1}", 1, 2, 2),
    "max": ("max({0}, {1})", 2, 0, 0),
    "min": ("min({0}, {1})", 2, 0, 0),
    "tanh": ("tanh({0})", 2, 0, 0),
    "sigmoid": ("sigmoid({0})", 2, 0, 0),
    "exp": ("math.exp({0})", 2, 0, 0),
    "abs": ("abs({0})", 2, 0, 0),
    "root": ("{0} ** 0.5", 1, 2, 0),
    "square": ("{0} ** 2", 1, 2, 0),
    "rest": ("1 - {0}", 0, 1, 0),
    "one more": ("1 + {0}", 0, 0, 0),
    "inverse": ("1 / {0}", 1, 2, 0),
    "double": ("2 * {0}", 1, 1, 0),
    "half": ("{0} / 2", 1, 1, 0),
    "slope of tanh": ("1 - {0} ** 2", 0, 2, 0),
    "slope of sigmoid": ("{0} * (1 - {0})", 1, 1, 0),
    "positive": ("max(0, {0})", 2, 0, 0),
    "clipped": ("max(-1, min(1, {0}))", 2, 0, 0),
}


def written(part: Any) -> tuple[str, int]:
    """Return the text of a formula, and how it binds."""
    _, _, form, one, two = part
    if form not in FORMS:
        return form, one
    template, binds, *least = FORMS[form]
    texts = [
        text if inner >= needed else f"({text})"
        for (text, inner), needed in zip(map(written, filter(None, (one, two))), least, strict=False)
    ]
    return template.format(*texts), binds


def sigma(x: float) -> float:
    """Return σ of a number."""
    return 0.5 * (1 + math.tanh(0.5 * x))


WORTH: dict[str, Callable[..., float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": operator.pow,
    "max": max,
    "min": min,
    "tanh": math.tanh,
    "sigmoid": sigma,
    "exp": math.exp,
    "abs": abs,
    "root": lambda x: x**0.5,
    "square": lambda x: x * x,
    "rest": lambda x: 1 - x,
    "one more": lambda x: 1 + x,
    "inverse": lambda x: 1 / x,
    "double": lambda x: 2 * x,
    "half": lambda x: x / 2,
    "slope of tanh": lambda x: 1 - x * x,
    "slope of sigmoid": lambda x: x * (1 - x),
    "positive": lambda x: max(0, x),
    "clipped": lambda x: max(-1, min(1, x)),
}


def worth(part: Any, leaves: dict[str, float]) -> float:
    """Return the value of a formula with other values for what it is made of.

    Raises:
        ArithmeticError: If it has none.
        KeyError: If a value is missing.
    """
    _, _, form, one, two = part
    if form not in FORMS:
        return leaves[form]
    if two is None:
        return WORTH[form](worth(one, leaves))
    return WORTH[form](worth(one, leaves), worth(two, leaves))
