"""A solution that can be run with something else at any place of it, without being compiled again.

The source of a solution is a tree. Every place in it where something can be exchanged is a *site*; an edit puts
something else there: another operator, another function, another variable, a factor too few, 1 − x for x. Edits that
move whole lines make a *sketch*, a solution of another build with sites of its own.
"""

import ast
import functools
import textwrap
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

from lstm_lib.exercises import _sites
from lstm_lib.exercises._templates import source_of, value_of


class Edit(NamedTuple):
    """One change: what stands at which sites instead (a template), in words, and how far-fetched it is."""

    instead: tuple[tuple[int, str], ...]
    words: str
    weight: float

    @property
    def sites(self) -> frozenset[int]:
        """The sites that are changed."""
        return frozenset(site for site, _ in self.instead)


class Sketch:
    """A solution, or one of another build; what it takes to run and to change it is made when it is asked for.

    Attributes:
        source: The function.
        words: What was changed in the build, or nothing.
        weight: How far-fetched that is.
        changed: The lines that were changed in the build, as source.
        order: Which of the results are handed out, in which order: numbers, or one number where it is handed out alone.
        base: The sketch whose results these are.
        usual: The lines of the solution in whose place the changed ones stand, where that is to be told.
    """

    def __init__(
        self,
        source: str,
        words: str = "",
        weight: float = 0.0,
        changed: str = "",
        order: "tuple[int, ...] | int | None" = None,
        base: "Sketch | None" = None,
        usual: str = "",
    ) -> None:
        """Keep the source, which is compiled when it is run."""
        self.source, self.words, self.weight, self.changed = source, words, weight, changed
        self.order, self.base, self.usual = order, base, usual

    @cached_property
    def tree(self) -> ast.FunctionDef:
        """The function; every node that is a site has its number as ``site``, once there are sites."""
        return self.base.tree if self.base else function_of(self.source)

    @cached_property
    def sited(self) -> _sites.Sited:
        """The function with its sites."""
        if self.base is not None:
            return self.base.sited
        return _sites.number(self.tree)

    @cached_property
    def plain(self) -> Callable[..., Any]:
        """The function without sites, which is compiled much sooner."""
        if self.base is not None:
            return self.base.plain
        return _sites.compiled(self.source, {})

    @property
    def nodes(self) -> list[ast.expr]:
        """The node of each site."""
        return self.sited.nodes

    def function(self, edits: tuple[Edit, ...]) -> Callable[..., Any]:
        """Put the edits in force, and no others, and return the function."""
        function = self._edited(edits) if edits else self.plain
        if (order := self.order) is None:
            return function
        if isinstance(order, int):
            return lambda *inputs: function(*inputs)[order]
        return lambda *inputs: [results[k] for results in [function(*inputs)] for k in order]

    def _edited(self, edits: tuple[Edit, ...]) -> Callable[..., Any]:
        nodes, sites, usual, function, in_force, values = self.sited
        for site in in_force:
            sites[site] = usual[site]
        in_force.clear()
        for instead, _, _ in edits:
            for pair in instead:
                site, template = pair
                if pair not in values:
                    values[pair] = value_of(nodes[site], template)
                sites[site] = values[pair]
                in_force.append(site)
        return function


def again(tree: ast.FunctionDef) -> ast.FunctionDef:
    """Return a copy with lines of its own; parsing the source is several times faster than a deep copy."""
    return function_of(source_of(tree))


def function_of(source: str) -> ast.FunctionDef:
    """Return the tree of a function, without its docstring."""
    (tree,) = ast.parse(source).body
    assert isinstance(tree, ast.FunctionDef)
    tree.body = [s for s in tree.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    return tree


# ---------------------------------------------------------------- other builds

Build = tuple[str, str, float, str]  # a function, what was changed, how far-fetched, the changed lines


def with_change(tree: ast.FunctionDef, change: Callable[[ast.FunctionDef], Any]) -> str:
    """Return the source of a function after a change."""
    made = again(tree)
    change(made)
    return ast.unparse(made)


def expressions(tree: ast.FunctionDef) -> Iterator[tuple[ast.expr, Callable[[ast.expr], tuple[str, str]]]]:
    """Return every expression, and what writes the function with another one there: source, and the changed line."""
    for place, statement in enumerate(tree.body):
        for parent in ast.walk(statement):
            for name, value in ast.iter_fields(parent):
                put: Any = functools.partial(setattr, parent, name)
                if isinstance(value, ast.expr):
                    yield value, functools.partial(_written, tree, place, put, value)
                for k, each in enumerate(value if isinstance(value, list) else ()):
                    put = functools.partial(value.__setitem__, k)
                    if isinstance(each, ast.expr):
                        yield each, functools.partial(_written, tree, place, put, each)


def _written(
    tree: ast.FunctionDef, place: int, put: Callable[[ast.expr], Any], usual: ast.expr, other: ast.expr
) -> tuple[str, str]:
    before = [source_of(statement) for statement in tree.body]
    put(other)
    made = ast.unparse(tree.body[place])
    put(usual)
    old = before[place].splitlines()
    line = "\n".join(line.strip() for line in made.splitlines() if line not in old)
    return assembled(tree, [*before[:place], made, *before[place + 1 :]]), line


def assembled(tree: ast.FunctionDef, statements: list[str]) -> str:
    """Return the source of a function of these statements."""
    arguments = ", ".join(argument.arg for argument in tree.args.args)
    return f"def {tree.name}({arguments}):\n" + textwrap.indent("\n".join(statements), "    ")


def lines_of(made: str, tree: ast.FunctionDef) -> str:
    """Return the lines of a source that a function has not."""
    before = source_of(tree).splitlines()
    return "\n".join(line.strip() for line in made.splitlines()[1:] if line not in before)


def assigned(tree: ast.AST) -> list[str]:
    """Return the variables that get a value."""
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    return list(dict.fromkeys(names))
