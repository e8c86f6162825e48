"""Read the source of an answer, where it is simple enough to be run again with a change in it.

What is run again is a copy that can do nothing but calculate: it knows the functions of the course and some of
Python's, its loops end, and it has no other names. An answer that needs more is left alone.
"""

import ast
import linecache
import textwrap
from types import CodeType
from typing import NamedTuple

from lstm_lib.exercises._sites import MORE, TICK
from lstm_lib.exercises._templates import FUNCTIONS, OPERATORS, PLAIN, source_of

LONGEST = 40  # lines
LARGEST = 1000  # a number in the source; larger ones may stand for lists that fill the memory
METHODS = {"append", "insert", "pop", "reverse", "extend", "copy", "sort"}
CALLED = {*FUNCTIONS, *MORE, *PLAIN} - {"locals", "math", "__builtins__"}
SIMPLE: tuple[type[ast.AST], ...] = (
    *(ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign, ast.AugAssign, ast.For, ast.While, ast.If),
    *(ast.Expr, ast.Break, ast.Continue, ast.Pass, ast.Import, ast.alias, ast.BoolOp, ast.BinOp, ast.UnaryOp),
    *(ast.Compare, ast.IfExp, ast.Call, ast.keyword, ast.Name, ast.Constant, ast.Tuple, ast.List, ast.ListComp),
    *(ast.GeneratorExp, ast.comprehension, ast.Subscript, ast.Slice, ast.Attribute, ast.Starred),
    *(ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop),
)


class Theirs(NamedTuple):
    """A learner's function: its tree, ready to be changed, and its lines as they were written, by what they became."""

    tree: ast.FunctionDef
    lines: dict[str, str]

    def written(self, line: str) -> str:
        """Return a line as the learner wrote it."""
        return self.lines.get(line, line)


def source_of_code(code: CodeType | None) -> str:
    """Return the source of a function, or nothing: its first line, and what stands further right below it."""
    lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :][:LONGEST] if code else []
    block = lines[:1]
    for line in lines[1:]:
        if line.strip() and _indent(line) <= _indent(lines[0]) and line.lstrip()[0] not in ")#":
            break
        block.append(line)
    return textwrap.dedent("".join(block))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def read_theirs(source: str) -> Theirs | None:
    r"""Return a function that was written down, or None if it is not simple enough.

    Example:
        >>> read_theirs("def f(x):\n    x += 1\n    return x").written("x = x + 1")
        'x += 1'
        >>> read_theirs("def f(x): return open(x)") is None
        True
    """
    try:
        (tree,) = ast.parse(source).body
    except (SyntaxError, ValueError):
        return None
    if not isinstance(tree, ast.FunctionDef) or not _is_simple(tree):
        return None
    tree.body = [each for each in tree.body if not _is_text(each)]
    lines = {}
    made = _Usual().visit(ast.parse(ast.unparse(tree)).body[0])
    for theirs, ours in zip(_statements(tree), _statements(made), strict=True):
        lines[head_of(ours)] = head_of(theirs)
    ticking = _Ticking().visit(made)
    return Theirs(ast.parse(ast.unparse(ast.fix_missing_locations(ticking))).body[0], lines)  # type: ignore[arg-type]


def head_of(statement: ast.stmt) -> str:
    """Return the first line of a statement."""
    return source_of(statement).splitlines()[0]


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _statements(tree: ast.AST) -> list[ast.stmt]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and not isinstance(node, ast.FunctionDef)]


def _is_simple(tree: ast.FunctionDef) -> bool:
    nodes = list(ast.walk(tree))
    arguments = tree.args
    if tree.decorator_list or arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.defaults:
        return False
    known = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    known |= {argument.arg for argument in arguments.args}
    return all(_is_simple_node(node, known, tree) for node in nodes)


def _is_simple_node(node: ast.AST, known: set[str], tree: ast.FunctionDef) -> bool:
    if not isinstance(node, SIMPLE) or (isinstance(node, ast.FunctionDef) and node is not tree):
        return False
    if isinstance(node, ast.BinOp | ast.AugAssign):
        return type(node.op) in OPERATORS
    if isinstance(node, ast.Name):
        return not node.id.startswith("_") and (node.id in known or node.id in CALLED or node.id == "math")
    if isinstance(node, ast.Attribute):
        return not node.attr.startswith("_") and (
            node.attr in METHODS if ast.unparse(node.value) != "math" else f"math.{node.attr}" not in _SLOW
        )
    if isinstance(node, ast.Import):
        return [(alias.name, alias.asname) for alias in node.names] == [("math", None)]
    if isinstance(node, ast.Constant):
        value = node.value
        return not isinstance(value, bytes | complex) and (not isinstance(value, int | float) or abs(value) <= LARGEST)
    return True


_SLOW = {"math.factorial", "math.comb", "math.perm"}


class _Usual(ast.NodeTransformer):
    """Write a += b as a = a + b, so that what is added and that it is added are places of their own."""

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        if not isinstance(node.target, ast.Name):
            return node
        value = ast.BinOp(ast.Name(node.target.id, ast.Load()), node.op, node.value)
        return ast.copy_location(ast.Assign([node.target], ast.fix_missing_locations(value)), node)


class _Ticking(ast.NodeTransformer):
    """Let every turn of a loop count, so that no change makes one endless."""

    def _visit_loop(self, node: ast.For | ast.While) -> ast.stmt:
        self.generic_visit(node)
        node.body.insert(0, ast.Expr(ast.Call(ast.Name(TICK, ast.Load()), [], [])))
        return node

    visit_For = _visit_loop  # noqa: N815
    visit_While = _visit_loop  # noqa: N815
