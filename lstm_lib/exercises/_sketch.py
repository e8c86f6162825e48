"""A solution that can be run with something else at any place of it, without being compiled again.

The source of a solution is a tree. Every place in it where something can be exchanged becomes a *site*; an edit puts
something else there: another operator, another function, another variable, a factor too few, 1 − x for x. Edits that
move whole lines make a *sketch*, a solution of another build with sites of its own. A sketch is compiled once; its
sites are looked up in a list while it runs, so that an edit is tried without compiling anything.
"""

import ast
import copy
import math
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from lstm_lib.exercises._tools import dot, sigmoid, tanh

SITES = "_at"
MARK = "MARK"
OPERATORS: dict[type, tuple[str, Callable[..., Any]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.FloorDiv: ("//", operator.floordiv),
    ast.Pow: ("**", operator.pow),
    ast.USub: ("-", operator.neg),
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sigmoid": sigmoid,
    "tanh": tanh,
    "dot": dot,
    "sum": sum,
    "min": min,
    "max": max,
    "len": len,
    "reversed": reversed,
    "math.exp": math.exp,
    "math.log": math.log,
}
PLAIN = {"__builtins__": {}, "math": math, "abs": abs, "list": list, "round": round} | {
    name: function for name, function in FUNCTIONS.items() if "." not in name
}


class Edit(NamedTuple):
    """One change: what stands at which sites instead (a template, see ``_instead``), in words, and how far-fetched."""

    instead: tuple[tuple[int, str], ...]
    words: str
    weight: float


@dataclass
class Sketch:
    """A solution, or one of another build, ready to be run with edits.

    Attributes:
        tree: The function; every node that is a site has its number as ``site``.
        words: What was changed in the build, or nothing.
        weight: How far-fetched that is.
        changed: The lines that were changed in the build, as source.
        sites: What is called or read at each site.
        usual: The same without any edit.
        nodes: The node of each site.
        run: The compiled function.
    """

    tree: ast.FunctionDef
    words: str = ""
    weight: float = 0.0
    changed: str = ""
    sites: list[Any] = field(default_factory=list)
    usual: list[Any] = field(default_factory=list)
    nodes: list[ast.expr] = field(default_factory=list)
    run: Callable[..., Any] = lambda: None

    def apply(self, edits: tuple[Edit, ...]) -> None:
        """Put the edits in force, and no others."""
        self.sites[:] = self.usual
        for edit in edits:
            for site, template in edit.instead:
                self.sites[site] = _value(self.nodes[site], template)


class Whole(ast.expr):
    """The whole value of a statement: a site of its own, where other variables can come in."""

    _fields = ()

    def __init__(self, node: ast.expr, visible: list[str]) -> None:
        super().__init__()
        self.node, self.visible = node, visible


# ---------------------------------------------------------------- building


def build(tree: ast.FunctionDef, words: str = "", weight: float = 0.0, changed: str = "") -> Sketch:
    """Number the sites of a function and compile it."""
    tree, twin = again(tree), again(tree)
    sketch = Sketch(tree, words, weight, changed)
    for original, node in zip(ast.walk(tree), ast.walk(twin), strict=True):
        node.original = original  # type: ignore[attr-defined]
    compiled = _Sites(sketch, tree).visit(twin)
    scope: dict[str, Any] = PLAIN | {SITES: sketch.sites, "zip": zip, "enumerate": enumerate, "range": range}
    scope["__builtins__"] = {"__import__": __import__}
    module = ast.Module([compiled], [])
    exec(compile(module, "<sketch>", "exec"), scope)
    sketch.usual = list(sketch.sites)
    sketch.run = scope[tree.name]
    return sketch


def again(tree: ast.FunctionDef) -> ast.FunctionDef:
    """Return a copy with lines of its own; parsing the source is several times faster than a deep copy."""
    (made,) = ast.parse(source_of(tree)).body
    assert isinstance(made, ast.FunctionDef)
    return made


def source_of(node: Any) -> str:
    """Return the source of a node; worked out once."""
    if not hasattr(node, "text"):
        node.text = ast.unparse(node)
    return node.text  # type: ignore[no-any-return]


def name_of(function: ast.expr) -> str:
    """Return the name of a function as the course writes it."""
    return {"sigmoid": "σ"}.get(source_of(function), source_of(function).removeprefix("math."))


class _Sites(ast.NodeTransformer):
    """Make every place of an expression look up what it does; what it finds, it numbers in the original tree."""

    def __init__(self, sketch: Sketch, tree: ast.FunctionDef) -> None:
        self.sketch = sketch
        self.arguments = [argument.arg for argument in tree.args.args]
        self.first: dict[str, int] = {}  # the line where each variable gets its value first
        nodes = list(ast.walk(tree))
        loops = [loop for node in nodes if isinstance(node, ast.ListComp) for loop in node.generators]
        inside = {id(node) for loop in loops for node in ast.walk(loop.target)}
        for node in nodes:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in inside:
                self.first[node.id] = min(node.lineno, self.first.get(node.id, node.lineno))
        self.inner: list[str] = []

    def _site(self, node: Any, usual: Any) -> Any:
        original = node.original
        original.site = len(self.sketch.sites)
        original.visible = self._visible(node)
        self.sketch.sites.append(usual)
        self.sketch.nodes.append(original)
        index = _new(ast.Constant, original.site)
        return _new(ast.Subscript, _new(ast.Name, SITES, LOAD), index, LOAD)

    def _visible(self, node: Any) -> list[str]:
        before = [name for name, line in self.first.items() if line < node.lineno]
        return list(dict.fromkeys([*self.arguments, *before, *self.inner]))

    def visit_Name(self, node: Any) -> Any:
        if not isinstance(node.ctx, ast.Load):
            return node
        site = self._site(node, None)
        edited = _new(ast.Call, site, [self._names(node.original.visible)], [])
        return _new(ast.IfExp, _new(ast.Compare, site, [ast.Is()], [_new(ast.Constant, None)]), node, edited)

    def _names(self, visible: list[str]) -> Any:
        keys: list[ast.expr | None] = [_new(ast.Constant, name) for name in visible]
        return _new(ast.Dict, keys, [_new(ast.Name, name, LOAD) for name in visible])

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
        original.whole = len(self.sketch.sites)
        self.sketch.sites.append(None)
        self.sketch.nodes.append(Whole(original, visible))
        site = _new(ast.Subscript, _new(ast.Name, SITES, LOAD), _new(ast.Constant, original.whole), LOAD)
        edited = _new(ast.Call, site, [value, self._names(visible)], [])
        return _new(ast.IfExp, _new(ast.Compare, site, [ast.Is()], [_new(ast.Constant, None)]), value, edited)

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
        usual = OPERATORS[type(node.op)][1]
        site = self._site(node, usual)
        return _new(ast.Call, site, [self.visit(node.left), self.visit(node.right)], [])

    def visit_UnaryOp(self, node: Any) -> Any:
        site = self._site(node, OPERATORS[type(node.op)][1])
        return _new(ast.Call, site, [self.visit(node.operand)], [])

    def visit_Call(self, node: Any) -> Any:
        name = ast.unparse(node.func)
        arguments = [self.visit(argument) for argument in node.args]
        if name not in FUNCTIONS:
            return _new(ast.Call, node.func, arguments, [])
        return _new(ast.Call, self._site(node, FUNCTIONS[name]), arguments, [])

    def visit_ListComp(self, node: Any) -> Any:
        (loop,) = node.generators
        loop.iter = self.visit(loop.iter)
        inner = [name.id for name in ast.walk(loop.target) if isinstance(name, ast.Name)]
        self.inner += inner
        node.elt = self.visit(node.elt)
        del self.inner[-len(inner) :]
        return node


LOAD = ast.Load()
PLACE = {"lineno": 1, "col_offset": 0, "end_lineno": 1, "end_col_offset": 0}


def _new(kind: Any, *parts: Any) -> Any:
    """Make a node that can be compiled at once; to look for missing places afterwards takes far longer."""
    return kind(*parts, **PLACE)


# ---------------------------------------------------------------- templates

LETTERS = "abcdefgh"


def children(node: ast.expr) -> list[ast.expr]:
    """Return what the letters of a template stand for."""
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    return list(node.args) if isinstance(node, ast.Call) else [node]


@cache
def _function(template: str, count: int) -> Callable[..., Any]:
    letters = ", ".join(LETTERS[:count])
    return eval(f"lambda {letters}: {template}", PLAIN)  # type: ignore[no-any-return]


@cache
def _of_whole(template: str) -> Callable[[Any, dict[str, Any]], Any]:
    code = compile(template, "<edit>", "eval")
    return lambda value, names: eval(code, PLAIN, names | {"_v": value})


@cache
def _of_names(template: str) -> Callable[[dict[str, Any]], Any]:
    code = compile(template, "<edit>", "eval")
    return lambda names: eval(code, PLAIN, names)


def _value(node: ast.expr, template: str) -> Any:
    """Return what a site holds instead: a number, or something to call."""
    if isinstance(node, ast.Constant):
        return _function(template, 0)()
    if isinstance(node, Whole):
        return _of_whole(template)
    if isinstance(node, ast.Name):
        return _of_names(template)
    return _function(template, len(children(node)))


def _instead(node: ast.expr, template: str) -> ast.expr:
    """Return the tree that stands at a site instead: the template with the children in the place of its letters."""
    if isinstance(node, ast.Name | ast.Constant):
        return ast.parse(template, mode="eval").body
    return _put(template, dict(zip(LETTERS, children(node), strict=False)))


def _put(template: str, children: dict[str, Any]) -> ast.expr:
    class Fill(ast.NodeTransformer):
        def visit_Name(self, name: ast.Name) -> ast.expr:
            return copy.deepcopy(children.get(name.id, name))  # type: ignore[no-any-return]

    return Fill().visit(ast.parse(template, mode="eval").body)  # type: ignore[no-any-return]


def show(sketch: Sketch, edits: tuple[Edit, ...]) -> list[tuple[str, str]]:
    """Return the lines that edits change: as they were, and as they are, the changed places marked."""
    places = {site: template for edit in edits for site, template in edit.instead}

    class Put(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> Any:
            site, whole = getattr(node, "site", None), getattr(node, "whole", None)
            node = self.generic_visit(node)
            if site in places:
                node = ast.Call(ast.Name(MARK, ast.Load()), [_instead(node, places[site])], [])  # type: ignore[arg-type]
            if whole in places:
                made = _put(places[whole], {"_v": node})
                node = ast.Call(ast.Name(MARK, ast.Load()), [made], [])
            return node

    lines = []
    for statement in _statements(sketch.tree):
        head = _head(statement)
        put = Put().visit(copy.deepcopy(head))
        if MARK in (text := ast.unparse(ast.fix_missing_locations(put))):
            lines.append((ast.unparse(head).removesuffix("pass").strip(), _marked(text.removesuffix("pass").strip())))
    return lines


def _head(statement: ast.stmt) -> ast.stmt:
    if isinstance(statement, ast.For):
        return _new(ast.For, statement.target, statement.iter, [_new(ast.Pass)], [])  # type: ignore[no-any-return]
    return statement


def _statements(tree: ast.FunctionDef) -> Iterator[ast.stmt]:
    for statement in tree.body:
        yield statement
        if isinstance(statement, ast.For):
            yield from statement.body


def _marked(text: str) -> str:
    """Turn MARK(…) into «…»."""
    while (start := text.find(MARK + "(")) >= 0:
        depth, end = 1, start + len(MARK) + 1
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        text = text[:start] + "«" + text[start + len(MARK) + 1 : end - 1] + "»" + text[end:]
    return text
