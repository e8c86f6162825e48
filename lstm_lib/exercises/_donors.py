"""Pieces of a solution that are made of its arguments alone, so that they can stand in another function."""

import ast
import copy
from functools import cache

from lstm_lib.exercises._templates import PLAIN, source_of

KINDS = ast.BinOp | ast.Call | ast.Subscript | ast.ListComp | ast.Name


@cache
def _donors(source: str) -> tuple[tuple[str, int], ...]:
    (tree,) = ast.parse(source).body
    assert isinstance(tree, ast.FunctionDef)
    known: dict[str, ast.expr | None] = {each.arg: ast.Name(each.arg, ast.Load()) for each in tree.args.args}
    found: dict[str, int] = {}
    for statement in tree.body:
        value = getattr(statement, "value", None)
        if isinstance(statement, ast.For):
            known |= dict.fromkeys(_stored(statement))
        elif isinstance(statement, ast.Assign | ast.Return) and isinstance(value, ast.expr):
            made = _Filled(known).visit(copy.deepcopy(value))
            for node in ast.walk(made):
                if isinstance(node, KINDS) and _stands_alone(node, known):
                    found.setdefault(ast.unparse(node), sum(1 for _ in ast.walk(node)))
            for target in statement.targets if isinstance(statement, ast.Assign) else ():
                known |= _parts(target, made, known)
    return tuple(sorted(found.items(), key=lambda item: item[1]))


def donors(tree: ast.FunctionDef) -> tuple[tuple[str, int], ...]:
    r"""Return pieces of a solution, each with its count of nodes, the smallest first.

    Example:
        >>> tree = ast.parse("def f(a, b):\n    c = a * b\n    return c + a").body[0]
        >>> [text for text, _ in donors(tree)]
        ['a', 'b', 'a * b', 'a * b + a']
    """
    return _donors(source_of(tree))


def _parts(target: ast.expr, made: ast.expr, known: dict[str, ast.expr | None]) -> dict[str, ast.expr | None]:
    alone = _stands_alone(made, known)
    if isinstance(target, ast.Name):
        return {target.id: made if alone else None}
    if isinstance(target, ast.Tuple) and alone:
        return {
            each.id: ast.Subscript(made, ast.Constant(k), ast.Load())
            for k, each in enumerate(target.elts)
            if isinstance(each, ast.Name)
        }
    return dict.fromkeys(_stored(target))


def _stored(node: ast.AST) -> list[str]:
    return [each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)]


def _stands_alone(node: ast.AST, known: dict[str, ast.expr | None]) -> bool:
    inner = set(_stored(node))
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)} - inner
    return all(known.get(name) is not None or name in PLAIN for name in names) and not names <= {*PLAIN}


class _Filled(ast.NodeTransformer):
    def __init__(self, known: dict[str, ast.expr | None]) -> None:
        self.known = known

    def visit_Name(self, node: ast.Name) -> ast.expr:
        value = self.known.get(node.id) if isinstance(node.ctx, ast.Load) else None
        return copy.deepcopy(value) if value is not None else node
