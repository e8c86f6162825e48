"""Make every place of a function look up what it does, in a list that can be changed while it is compiled already."""

import ast
from collections.abc import Callable
from typing import Any, NamedTuple

from lstm_lib.exercises._templates import FUNCTIONS, OPERATORS, PLAIN, Whole, source_of

SITES = "_at"
TICK = "_tick"
TURNS = 2000  # of all loops of a learner's function, where it is run again
LOAD = ast.Load()
LISTS = ast.ListComp | ast.GeneratorExp
PLACE = {"lineno": 1, "col_offset": 0, "end_lineno": 1, "end_col_offset": 0}


class Turns:
    """How many turns loops may still take; a count that is begun anew with each run."""

    left = TURNS

    def tick(self) -> None:
        """Count one turn.

        Raises:
            RuntimeError: If there were too many.
        """
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("too many turns")


def _range(*bounds: int) -> range:
    """Return a range that is not long.

    Raises:
        ValueError: If it is.
    """
    made = range(*bounds)
    if len(made) > TURNS:
        raise ValueError("too long")
    return made


turns = Turns()
MORE: dict[str, Any] = {"zip": zip, "enumerate": enumerate, "range": _range, "locals": locals, TICK: turns.tick}
MORE |= {"float": float, "int": int, "sorted": sorted, "tuple": tuple, "pow": pow, "any": any, "all": all}


class Sited(NamedTuple):
    """A function, and of its sites: nodes, what is there now, what is there as a rule, which of them are changed."""

    nodes: list[ast.expr]
    sites: list[Any]
    usual: list[Any]
    function: Callable[..., Any]
    in_force: list[int]
    values: dict[tuple[int, str], Any]


def number(tree: ast.FunctionDef) -> Sited:
    """Number the sites of a function (each node gets its number as ``site``) and compile it."""
    (twin,) = ast.parse(source_of(tree)).body
    for original, node in zip(ast.walk(tree), ast.walk(twin), strict=True):
        node.original = original  # type: ignore[attr-defined]
    sited = _Sites(twin)
    module = ast.Module([sited.visit(twin)], [])
    function = compiled(module, {SITES: sited.sites})
    return Sited(sited.nodes, sited.sites, list(sited.sites), function, [], {})


def compiled(source: Any, more: dict[str, Any]) -> Callable[..., Any]:
    """Compile a function that knows the functions of the course, and little else."""
    scope = PLAIN | MORE | more | {"__builtins__": {"__import__": __import__}}
    made: dict[str, Any] = {}
    tree = _bounded(source) if isinstance(source, str) else source
    exec(compile(tree, "<sketch>", "exec"), scope, made)
    (function,) = made.values()
    return function  # type: ignore[no-any-return]


def _bounded(source: str) -> ast.Module:
    """Parse a source, and let loops go through copies: a change may let one go through the list it appends to."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.For):
            name = ast.copy_location(ast.Name("list", LOAD), node.iter)
            node.iter = ast.copy_location(ast.Call(name, [node.iter], []), node.iter)
    return tree


class _Sites(ast.NodeTransformer):
    """Make every place of an expression look up what it does; what it finds, it numbers in the original tree."""

    def __init__(self, tree: Any) -> None:
        self.sites: list[Any] = []
        self.nodes: list[ast.expr] = []
        self.arguments = [argument.arg for argument in tree.args.args]
        self.first: dict[str, int] = {}  # the line where each variable gets its value first
        nodes = list(ast.walk(tree))
        loops = [loop for node in nodes if isinstance(node, LISTS) for loop in node.generators]
        inside = {id(node) for loop in loops for node in ast.walk(loop.target)}
        for node in nodes:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in inside:
                self.first[node.id] = min(node.lineno, self.first.get(node.id, node.lineno))
        self.inner: list[str] = []

    def _site(self, node: Any, usual: Any) -> Any:
        original = node.original
        original.site = len(self.sites)
        original.visible = self._visible(node)
        return self._looked_up(original, usual)

    def _looked_up(self, original: ast.expr, usual: Any) -> Any:
        index = new(ast.Constant, len(self.sites))
        self.sites.append(usual)
        self.nodes.append(original)
        return new(ast.Subscript, new(ast.Name, SITES, LOAD), index, LOAD)

    def _visible(self, node: Any) -> list[str]:
        before = [name for name, line in self.first.items() if line < node.lineno]
        return list(dict.fromkeys([*self.arguments, *before, *self.inner]))

    def _or_edited(self, site: Any, usual: Any, arguments: list[Any]) -> Any:
        edited = new(ast.Call, site, arguments, [])
        return new(ast.IfExp, new(ast.Compare, site, [ast.Is()], [new(ast.Constant, None)]), usual, edited)

    def _names(self, visible: list[str]) -> Any:
        """Hand over the variables; a comprehension has a scope of its own, where they have to be listed."""
        if not self.inner:
            return new(ast.Call, new(ast.Name, "locals", LOAD), [], [])
        keys: list[ast.expr | None] = [new(ast.Constant, name) for name in visible]
        return new(ast.Dict, keys, [new(ast.Name, name, LOAD) for name in visible])

    def visit_Name(self, node: Any) -> Any:
        if not isinstance(node.ctx, ast.Load):
            return node
        site = self._site(node, None)
        return self._or_edited(site, node, [self._names(node.original.visible)])

    def _whole(self, node: Any) -> Any:
        """Visit the value of a statement, and make it a site as a whole."""
        if isinstance(node, ast.Tuple | ast.List) and node.elts:
            node.elts = [self._whole(each) for each in node.elts]
            return node
        if not isinstance(node, ast.BinOp | ast.Call | ast.Name):
            return self.visit(node)
        original: Any = node.original  # type: ignore[union-attr]
        visible = self._visible(node)
        value = self.visit(node)
        original.whole = len(self.sites)
        site = self._looked_up(Whole(original, visible), None)
        return self._or_edited(site, value, [value, self._names(visible)])

    def visit_For(self, node: ast.For) -> Any:
        self.generic_visit(node)
        node.iter = new(ast.Call, new(ast.Name, "list", LOAD), [node.iter], [])  # as in _bounded
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.Assign:
        node.value = self._whole(node.value)
        return node

    def visit_Return(self, node: ast.Return) -> ast.Return:
        node.value = node.value and self._whole(node.value)
        return node

    def visit_Constant(self, node: Any) -> Any:
        number = isinstance(node.value, (int, float)) and not isinstance(node.value, bool)
        return self._site(node, node.value) if number else node

    def visit_BinOp(self, node: Any) -> Any:
        site = self._site(node, OPERATORS[type(node.op)][1])
        return new(ast.Call, site, [self.visit(node.left), self.visit(node.right)], [])

    def visit_UnaryOp(self, node: Any) -> Any:
        if type(node.op) not in OPERATORS:
            return self.generic_visit(node)
        site = self._site(node, OPERATORS[type(node.op)][1])
        return new(ast.Call, site, [self.visit(node.operand)], [])

    def visit_Call(self, node: Any) -> Any:
        name = ast.unparse(node.func)
        arguments = [self.visit(argument) for argument in node.args]
        if name not in FUNCTIONS or node.keywords:
            return new(ast.Call, node.func, arguments, [self.visit(keyword) for keyword in node.keywords])
        return new(ast.Call, self._site(node, FUNCTIONS[name]), arguments, [])

    def visit_ListComp(self, node: Any) -> Any:
        loop, *more = node.generators
        if more:
            return node
        loop.iter = self.visit(loop.iter)
        inner = [name.id for name in ast.walk(loop.target) if isinstance(name, ast.Name)]
        self.inner += inner
        node.elt = self.visit(node.elt)
        del self.inner[-len(inner) :]
        return node

    visit_GeneratorExp = visit_ListComp  # noqa: N815


def new(kind: Any, *parts: Any) -> Any:
    """Make a node that can be compiled at once; to look for missing places afterwards takes far longer."""
    return kind(*parts, **PLACE)
