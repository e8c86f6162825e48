"""Show the lines that a change touches, the changed places marked."""

import ast
import copy
from collections.abc import Iterator
from typing import Any

from lstm_lib.exercises._sites import new
from lstm_lib.exercises._sketch import Edit, Sketch
from lstm_lib.exercises._templates import WHOLE, filled, put

MARK = "MARK"


def show(sketch: Sketch, edits: tuple[Edit, ...]) -> list[tuple[str, str]]:
    """Return the lines that edits change: as they were, and as they are, the changed places marked."""
    if edits:
        _ = sketch.sited  # which numbers the nodes
    places = {site: template for edit in edits for site, template in edit.instead}
    shown = []
    for statement in _statements((sketch.base or sketch).tree):
        head = _head(statement)
        made = _Put(places).visit(copy.deepcopy(head))
        if MARK in ast.unparse(ast.fix_missing_locations(made)):
            if isinstance(statement, ast.Return):
                _reorder(made, sketch.order)
            before, now = (ast.unparse(each).removesuffix("pass").strip() for each in (head, made))
            shown.append((before, marked(now)))
    return shown


class _Put(ast.NodeTransformer):
    """Put templates in their places, and mark them."""

    def __init__(self, places: dict[int, str]) -> None:
        self.places = places

    def visit(self, node: ast.AST) -> Any:
        site, whole = getattr(node, "site", None), getattr(node, "whole", None)
        node = self.generic_visit(node)
        if site in self.places:
            node = _mark(put(node, self.places[site]))  # type: ignore[arg-type]
        if whole in self.places:
            node = _mark(filled(self.places[whole], {WHOLE: node}))
        return node


def _mark(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == MARK:
        return node
    return ast.Call(ast.Name(MARK, ast.Load()), [node], [])


def _reorder(statement: Any, order: tuple[int, ...] | int | None) -> None:
    if order is None:
        return
    parts = statement.value.elts
    if isinstance(order, int):
        statement.value = parts[order]
    else:
        statement.value.elts = [parts[k] for k in order]


def _head(statement: ast.stmt) -> ast.stmt:
    if isinstance(statement, ast.For):
        return new(ast.For, statement.target, statement.iter, [new(ast.Pass)], [])  # type: ignore[no-any-return]
    if isinstance(statement, ast.If | ast.While):
        return new(type(statement), statement.test, [new(ast.Pass)], [])  # type: ignore[no-any-return]
    return statement


def _statements(tree: Any) -> Iterator[ast.stmt]:
    for statement in [*tree.body, *getattr(tree, "orelse", ())]:
        yield statement
        if isinstance(statement, ast.For | ast.If | ast.While):
            yield from _statements(statement)


def marked(text: str) -> str:
    """Turn MARK(…) into «…», with brackets inside where the line would mean something else without them."""
    shown = code = text
    while MARK + "(" in code:
        before, inside, after = _first_mark(code)
        bare, wrapped = f"{before}{inside}{after}", f"{before}({inside}){after}"
        same = _meaning(bare) == _meaning(wrapped)
        code = bare if same else wrapped
        before, inside, after = _first_mark(shown)
        shown = f"{before}«{inside}»{after}" if same else f"{before}«({inside})»{after}"
    return _outermost(shown)


def _outermost(text: str) -> str:
    """Leave out marks that stand within others.

    Example:
        >>> _outermost("«a + «b»» * «c»")
        '«a + b» * «c»'
    """
    depth, kept = 0, []
    for sign in text:
        depth += sign == "«"
        if sign not in "«»" or depth == 1:
            kept.append(sign)
        depth -= sign == "»"
    return "".join(kept)


def _first_mark(text: str) -> tuple[str, str, str]:
    """Return what stands before the first MARK(…), in it, and after it."""
    start = text.index(MARK + "(")
    depth, end = 1, start + len(MARK) + 1
    while depth:
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        end += 1
    return text[:start], text[start + len(MARK) + 1 : end - 1], text[end:]


def _meaning(line: str) -> str:
    return ast.dump(ast.parse(f"{line} pass" if line.endswith(":") else line))
