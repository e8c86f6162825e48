"""Solutions with other brackets: an end of one moved, a factor inside, a product of sums for a sum of products."""

import ast
from collections.abc import Iterator

from lstm_lib.exercises._sketch import Build, expressions
from lstm_lib.exercises._templates import OPERATORS, name_of, source_of

TORN = "is worked out first in the solution, and is torn apart here"


def brackets(tree: ast.FunctionDef) -> Iterator[Build]:
    """Move an end of a bracket: σ(a + b) becomes σ(a) + b, a · (b + c) becomes a · b + c."""
    for node, write in expressions(tree):
        for made, words, weight in _moved(node):
            source, line = write(made)
            yield source, words, weight, line


def _moved(node: ast.AST) -> Iterator[tuple[ast.expr, str, float]]:
    if isinstance(node, ast.Call) and len(node.args) == 1 and isinstance(node.args[0], ast.BinOp):
        inner, name = node.args[0], name_of(node.func)
        if isinstance(inner.op, ast.Add | ast.Sub | ast.Div):
            out = ast.BinOp(ast.Call(node.func, [inner.left], []), inner.op, inner.right)
            words = f"{source_of(inner.right)} stands outside {name}, and belongs inside"
            yield out, words, 0.8 if isinstance(inner.op, ast.Div) else 0.7
        if isinstance(inner.op, ast.Add):
            out = ast.BinOp(inner.left, inner.op, ast.Call(node.func, [inner.right], []))
            yield out, f"{source_of(inner.left)} stands outside {name}, and belongs inside", 1.0
            both = ast.BinOp(ast.Call(node.func, [inner.left], []), inner.op, ast.Call(node.func, [inner.right], []))
            yield both, f"{name} is applied to each term, not to the sum", 1.0
    if isinstance(node, ast.BinOp):
        if source_of(node.left) == "1" and isinstance(node.op, ast.Sub) and isinstance(node.right, ast.Name):
            x = node.right
            slope = ast.BinOp(ast.Constant(1), ast.Sub(), ast.BinOp(x, ast.Pow(), ast.Constant(2)))
            yield slope, f"{source_of(slope)} stands where {source_of(node)} belongs", 0.8
        sign = OPERATORS[type(node.op)][0]
        if isinstance(node.right, ast.BinOp):
            a, (b, c) = node.left, (node.right.left, node.right.right)
            words = f"{source_of(node.right)} {TORN}"
            if sign + OPERATORS[type(node.right.op)][0] not in ("**", "++", "+-", "*/"):
                yield ast.BinOp(ast.BinOp(a, node.op, b), node.right.op, c), words, 0.9
        if isinstance(node.left, ast.BinOp):
            (a, b), c = (node.left.left, node.left.right), node.right
            words = f"{source_of(node.left)} {TORN}"
            if OPERATORS[type(node.left.op)][0] + sign not in ("**", "++", "+-", "*/"):
                yield ast.BinOp(a, node.left.op, ast.BinOp(b, node.op, c)), words, 0.9
        yield from _other_algebra(node)


def _other_algebra(node: ast.BinOp) -> Iterator[tuple[ast.expr, str, float]]:
    """Turn sums of products into products of sums, and 1 - x² into (1 - x)²; leave out two factors."""
    left, right = node.left, node.right
    text = source_of(node)
    if isinstance(node.op, ast.Mult):
        if isinstance(left, ast.BinOp) and isinstance(left.op, ast.Mult):
            yield left.left, f"the factors {source_of(left.right)} and {source_of(right)} are missing", 0.8
        for factor, call in ((left, right), (right, left)):
            if isinstance(call, ast.Call) and len(call.args) == 1:
                words = f"{source_of(factor)} stands inside {source_of(call.func)}, and belongs outside"
                inside = ast.BinOp(factor, ast.Mult(), call.args[0])
                yield ast.Call(call.func, [inside], []), words, 0.9
                if isinstance(call.args[0], ast.BinOp) and isinstance(call.args[0].op, ast.Add):
                    first = ast.BinOp(ast.BinOp(factor, ast.Mult(), call.args[0].left), ast.Add(), call.args[0].right)
                    yield ast.Call(call.func, [first], []), words, 1.0
    products = [side for side in (left, right) if isinstance(side, ast.BinOp) and isinstance(side.op, ast.Mult)]
    if isinstance(node.op, ast.Add) and len(products) == 2:
        one, two = products
        sums = [ast.BinOp(a, ast.Add(), b) for a, b in ((one.left, two.left), (one.right, two.right))]
        made = ast.BinOp(sums[0], ast.Mult(), sums[1])
        yield made, f"a product of sums stands where the sum of products {text} belongs", 1.0
    if isinstance(node.op, ast.Sub) and isinstance(right, ast.BinOp):
        square = isinstance(right.op, ast.Mult) and source_of(right.left) == source_of(right.right)
        if square or isinstance(right.op, ast.Pow):
            inner = ast.BinOp(left, ast.Sub(), right.left)
            whole = ast.BinOp(inner, ast.Pow(), ast.Constant(2) if square else right.right)
            yield whole, f"the power stands around {source_of(inner)}, and belongs to {source_of(right.left)}", 0.8
            slope = ast.BinOp(right.left, ast.Mult(), inner)
            yield slope, f"the slope of σ, {source_of(slope)}, stands where {text} belongs", 0.8
