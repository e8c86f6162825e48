"""Find a ``dot`` where each unit is to be multiplied with its own number.

For one unit there is no difference: ``dot(i, g)`` is i · g. Such an answer is right on plain numbers and wrong on every
array, and it is not an answer for plain numbers, whose author did without arrays.
"""

import ast
import copy
import itertools
from collections.abc import Iterator
from typing import Any

from lstm_lib.exercises._probes import Probe, Tree, read, same
from lstm_lib.exercises._tools import dot, sigmoid, tanh

MOST = 5  # products of a solution of which every choice is tried


def summed(source: str, names: tuple[str, ...], probes: tuple[Probe, ...], got: dict[int, Tree | None]) -> list[str]:
    r"""Return the products of a solution that an answer adds up over the units, or nothing.

    Args:
        source: The solution.
        names: Names of its results.
        probes: The probes.
        got: What the answer gave on arrays, by number of the probe; None where it failed.

    Example:
        >>> from lstm_lib.exercises._array import Array
        >>> probe = Probe({"i": Array.of([1.0, 2.0]), "g": Array.of([3.0, 4.0])}, "units")
        >>> summed("def learned(i, g):\n    return i * g", ("learned",), (probe,), {0: 11.0})
        ['i * g']
    """
    if not got or all(tree is None for tree in got.values()):
        return []
    for products, function in _with_dot(source):
        if all(tree is not None and _gives(function, probes[k], names, tree) for k, tree in got.items()):
            return products
    return []


def _with_dot(source: str) -> Iterator[tuple[list[str], Any]]:
    """Return the solution with dot in place of some of its products: of one of them first, of all of them last."""
    tree = ast.parse(source)
    function: Any = tree.body[0]
    count = len(_products(tree))
    if count > MOST:
        return
    for size in range(1, count + 1):
        for some in itertools.combinations(range(count), size):
            other = copy.deepcopy(tree)
            chosen = [_products(other)[k] for k in some]
            told = [ast.unparse(product) for product in chosen]
            for product in chosen:
                _become_dot(product)
            scope: dict[str, Any] = {"dot": dot, "sigmoid": sigmoid, "tanh": tanh}
            exec(compile(ast.fix_missing_locations(other), "<a solution>", "exec"), scope)
            yield told, scope[function.name]


def _products(tree: ast.AST) -> list[ast.BinOp]:
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)]
    return [node for node in nodes if not any(isinstance(part, ast.Constant) for part in (node.left, node.right))]


def _become_dot(product: ast.BinOp) -> None:
    """Turn a product into a call, in place: the node that holds it need not be known."""
    call = ast.Call(ast.Name("dot", ast.Load()), [product.left, product.right], [])
    product.left, product.op, product.right = call, ast.Add(), ast.Constant(0.0)


def _gives(function: Any, probe: Probe, names: tuple[str, ...], tree: Tree) -> bool:
    try:
        return same(read(function(*probe.copy()), names), tree)
    except Exception:  # what does not fit together gives nothing
        return False
