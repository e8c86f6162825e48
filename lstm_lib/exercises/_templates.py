"""What may stand at a place of a formula: operators, functions, and templates such as ``a / b`` or ``1 - (h)``.

The letters of a template stand for the parts of the expression whose place it takes. Where a variable stood, and around
the whole value of a statement (``_v``), a template has the names of variables.
"""

import ast
import copy
import math
import operator
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from lstm_lib.exercises._tools import dot, sigmoid, tanh

OPERATORS: dict[type, tuple[str, Callable[..., Any]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.FloorDiv: ("//", operator.floordiv),
    ast.Pow: ("**", operator.pow),
    ast.USub: ("-", operator.neg),
}


def _tanh(a: Any, fast: Callable[[float], float] = math.tanh) -> Any:
    return fast(a) if type(a) is float else tanh(a)


def _sigmoid(a: Any, fast: Callable[[float], float] = math.tanh) -> Any:
    return 0.5 * (1 + fast(0.5 * a)) if type(a) is float else sigmoid(a)


def _dot(w: Any, z: Any) -> Any:
    if type(w) is float and type(z) is float:
        return w * z
    if type(w) is list and type(z) is list and w and z and type(w[0]) is type(z[0]) is float and len(w) == len(z):
        return sum(map(operator.mul, w, z))
    return dot(w, z)


FUNCTIONS: dict[str, Callable[..., Any]] = {  # ours are faster on plain numbers, and the same
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "dot": _dot,
    "sum": sum,
    "min": min,
    "max": max,
    "len": len,
    "reversed": reversed,
    "math.exp": math.exp,
    "math.log": math.log,
}
PLAIN: dict[str, Any] = {"__builtins__": {}, "math": math, "abs": abs, "list": list, "round": round} | {
    name: function for name, function in FUNCTIONS.items() if "." not in name
}
LETTERS = "abcdefgh"
WHOLE = "_v"


class Whole(ast.expr):
    """The whole value of a statement: a place of its own, where other variables can come in."""

    _fields = ()

    def __init__(self, node: ast.expr, visible: list[str]) -> None:
        super().__init__()
        self.node, self.visible = node, visible


def source_of(node: Any) -> str:
    """Return the source of a node; worked out once."""
    if not hasattr(node, "text"):
        node.text = ast.unparse(node)
    return node.text  # type: ignore[no-any-return]


def name_of(function: ast.expr) -> str:
    """Return the name of a function as the course writes it."""
    return {"sigmoid": "σ"}.get(source_of(function), source_of(function).removeprefix("math."))


def children(node: ast.expr) -> list[ast.expr]:
    """Return what the letters of a template stand for."""
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    return list(node.args) if isinstance(node, ast.Call) else [node]


def value_of(node: ast.expr, template: str) -> Any:
    """Return what stands at a place instead: a number, or something to call."""
    if isinstance(node, ast.Constant):
        return _function(template, 0)()
    if isinstance(node, Whole):
        return _of_whole(template, tuple(node.visible))
    if isinstance(node, ast.Name):
        return _of_names(template, tuple(node.visible))  # type: ignore[attr-defined]
    return _function(template, len(children(node)))


@cache
def _function(template: str, count: int) -> Callable[..., Any]:
    letters = ", ".join(LETTERS[:count])
    return eval(f"lambda {letters}: {template}", PLAIN)  # type: ignore[no-any-return]


@cache
def _of_names(template: str, visible: tuple[str, ...]) -> Callable[[dict[str, Any]], Any]:
    if template in visible:
        return operator.itemgetter(template)
    function, read = _with_letters(template, visible)
    if len(read) == 1:
        (only,) = read
        return lambda names: function(names[only])
    return lambda names: function(*(names[name] for name in read))


@cache
def _of_whole(template: str, visible: tuple[str, ...]) -> Callable[[Any, dict[str, Any]], Any]:
    function, (_, *rest) = _with_letters(template, (WHOLE, *visible), (WHOLE,))
    if len(rest) == 1:
        (only,) = rest
        return lambda value, names: function(value, names[only])
    return lambda value, names: function(value, *(names[name] for name in rest))


def _with_letters(
    template: str, visible: tuple[str, ...], read: tuple[str, ...] = ()
) -> tuple[Callable[..., Any], list[str]]:
    """Write a template with letters for its variables, so that one function does for all that look alike."""
    names = list(read)

    def letter(match: re.Match[str]) -> str:
        if match[0] not in visible:
            return match[0]
        if match[0] not in names:
            names.append(match[0])
        return LETTERS[names.index(match[0])]

    written = re.sub(r"(?<![\w.])[A-Za-z_]\w*", letter, template)
    return _function(written, len(names)), names


def put(node: ast.expr, template: str) -> ast.expr:
    """Return the tree that stands at a place instead: the template with the parts in the place of its letters."""
    if isinstance(node, ast.Name | ast.Constant):
        return ast.parse(template, mode="eval").body
    return filled(template, dict(zip(LETTERS, children(node), strict=False)))


def filled(template: str, parts: dict[str, Any]) -> ast.expr:
    """Return the tree of a template, with parts in the place of names."""

    class Fill(ast.NodeTransformer):
        def visit_Name(self, name: ast.Name) -> ast.expr:
            return copy.deepcopy(parts.get(name.id, name))  # type: ignore[no-any-return]

    return Fill().visit(ast.parse(template, mode="eval").body)  # type: ignore[no-any-return]
