"""What can be done to the lines of a function: leave one out, let two change places, take one out of a loop."""

import ast
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from lstm_lib.exercises._sites import TICK
from lstm_lib.exercises._templates import source_of
from lstm_lib.exercises._theirs import head_of

Move = tuple[str, str, list[str], list[str]]  # a function, what to do, the lines before, the lines after
MOST = 4  # results whose order is tried
COMPARED: dict[type, tuple[type, ...]] = {
    ast.Lt: (ast.Gt, ast.LtE),
    ast.Gt: (ast.Lt, ast.GtE),
    ast.LtE: (ast.GtE, ast.Lt),
    ast.GtE: (ast.LtE, ast.Gt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}


def moves(tree: ast.FunctionDef) -> Iterator[Move]:
    """Return every function that differs by a line, by the order of two, or by a condition; the tree stays as it is."""
    for body in _bodies(tree):
        yield from _left_out(tree, body)
        yield from _exchanged(tree, body)
        yield from _taken_out(tree, body)
        yield from _taken_in(tree, body)
    yield from _conditions(tree)
    yield from _results(tree)
    yield from _indices(tree)


def _bodies(tree: ast.AST) -> list[list[ast.stmt]]:
    fields = [value for node in ast.walk(tree) for _, value in ast.iter_fields(node) if isinstance(value, list)]
    return [value for value in fields if value and isinstance(value[0], ast.stmt)]


def _written(tree: ast.FunctionDef, change: Callable[[], Any], undo: Callable[[], Any]) -> str:
    change()
    try:
        return ast.unparse(tree)
    finally:
        undo()


def _with(tree: ast.FunctionDef, body: list[ast.stmt], others: list[ast.stmt]) -> str:
    usual = list(body)

    def put(statements: list[ast.stmt]) -> None:
        body[:] = statements

    return _written(tree, lambda: put(others), lambda: put(usual))


def is_tick(statement: ast.stmt) -> bool:
    """Tell whether a statement is no line of the learner's, but counts the turns of a loop."""
    return source_of(statement) == f"{TICK}()"


def _left_out(tree: ast.FunctionDef, body: list[ast.stmt]) -> Iterator[Move]:
    for k, statement in enumerate(body):
        if isinstance(statement, ast.Return) or is_tick(statement):
            continue
        others = [*body[:k], *body[k + 1 :]] or [ast.Pass()]
        yield _with(tree, body, others), "without this line", [head_of(statement)], []
        if isinstance(statement, ast.If):
            for inner, words in ((statement.body, "yes"), (statement.orelse, "no")):
                if inner:
                    made = _with(tree, body, [*body[:k], *inner, *body[k + 1 :]])
                    yield made, f"without this question, as if the answer were always {words}", [head_of(statement)], []


def _exchanged(tree: ast.FunctionDef, body: list[ast.stmt]) -> Iterator[Move]:
    for k, (one, other) in enumerate(itertools.pairwise(body)):
        if not is_tick(one):
            made = _with(tree, body, [*body[:k], other, one, *body[k + 2 :]])
            yield made, "if these two lines change places", [head_of(one), head_of(other)], []


def _taken_out(tree: ast.FunctionDef, body: list[ast.stmt]) -> Iterator[Move]:
    """Let the last line of a loop or a condition stand after it, or the first before it."""
    for k, outer in enumerate(body):
        if not isinstance(outer, ast.For | ast.While | ast.If):
            continue
        inner = [each for each in outer.body if not is_tick(each)]
        what = "the if" if isinstance(outer, ast.If) else "the loop"
        for moved, where, place in ((inner[-1], "after", k + 1), (inner[0], "before", k)):
            if len(inner) > 1:
                usual = list(outer.body)
                outer.body[:] = [each for each in usual if each is not moved]
                made = _with(tree, body, [*body[:place], moved, *body[place:]])
                outer.body[:] = usual
                yield made, f"if this line stands {where} {what}, not in it", [head_of(moved)], []


def _taken_in(tree: ast.FunctionDef, body: list[ast.stmt]) -> Iterator[Move]:
    """Let the line after a loop or a condition be its last one, or the line before it its first."""
    for k, outer in enumerate(body):
        if not isinstance(outer, ast.For | ast.While | ast.If):
            continue
        what = "the if" if isinstance(outer, ast.If) else "the loop"
        usual = list(outer.body)
        if k + 1 < len(body) and not isinstance(body[k + 1], ast.Return):
            outer.body.append(body[k + 1])
            made = _with(tree, body, [*body[: k + 1], *body[k + 2 :]])
            outer.body[:] = usual
            yield made, f"if this line stands in {what}, as its last one", [head_of(body[k + 1])], []
        if k and not is_tick(body[k - 1]):
            ticks = [each for each in usual if is_tick(each)]
            outer.body[:] = [*ticks, body[k - 1], *usual[len(ticks) :]]
            made = _with(tree, body, [*body[: k - 1], *body[k:]])
            outer.body[:] = usual
            yield made, f"if this line stands in {what}, as its first one", [head_of(body[k - 1])], []


def _conditions(tree: ast.FunctionDef) -> Iterator[Move]:
    """Ask the other way round, and let equal numbers count on the other side."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            usual = node.ops[0]
            before = ast.unparse(node)
            for other in COMPARED.get(type(usual), ()):
                node.ops[0] = other()
                made, now = ast.unparse(tree), ast.unparse(node)
                node.ops[0] = usual
                yield made, "", [before], [now]
        if isinstance(node, ast.IfExp):
            before = ast.unparse(node)
            node.body, node.orelse = node.orelse, node.body
            made, now = ast.unparse(tree), ast.unparse(node)
            node.body, node.orelse = node.orelse, node.body
            yield made, "", [before], [now]


def _results(tree: ast.FunctionDef) -> Iterator[Move]:
    """Hand out one of several results, or all but one, or in another order."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and isinstance(usual := node.value, ast.Tuple | ast.List):
            parts = usual.elts
            count = range(len(parts))
            others: list[ast.expr] = list(parts)
            others += [ast.Tuple([*parts[:k], *parts[k + 1 :]], ast.Load()) for k in count if len(parts) > 2]
            if len(parts) <= MOST:
                orders = itertools.islice(itertools.permutations(count), 1, None)
                others += [ast.Tuple([parts[k] for k in order], ast.Load()) for order in orders]
            before = f"return {ast.unparse(usual)}"
            for other in others:
                node.value = other
                made, now = ast.unparse(tree), f"return {ast.unparse(other)}"
                node.value = usual
                yield made, "", [before], [now]


def _indices(tree: ast.FunctionDef) -> Iterator[Move]:
    """Take another place of a list: the first, the last, that of the turn, the one before or after."""
    turns = [ast.unparse(node.target) for node in ast.walk(tree) if isinstance(node, ast.For)]
    turns += [ast.unparse(node.target) for node in ast.walk(tree) if isinstance(node, ast.comprehension)]
    names = [name.strip(" ()") for text in turns for name in text.split(",")]
    texts = ["0", "-1", *(text for name in names for text in (name, f"{name} - 1", f"{name} + 1", f"-1 - {name}"))]
    places = [ast.parse(text, mode="eval").body for text in texts]
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice):
            usual, before = node.slice, ast.unparse(node)
            for other in places:
                node.slice = other
                made, now = ast.unparse(tree), ast.unparse(node)
                node.slice = usual
                if now != before:
                    yield made, "", [before], [now]
