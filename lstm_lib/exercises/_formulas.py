"""Find a formula that gives an answer, whatever it was made of: from the inputs, and from what the solution works out.

Of all values that stand in the solution or go into it, small formulas are made (``_values``) that give one number of
the answer. What gives the same for one sample is then tried on all probes.
"""

import ast
import functools
import heapq
import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from lstm_lib.exercises._forms import Part, worth, written
from lstm_lib.exercises._sites import compiled
from lstm_lib.exercises._sketch import Sketch, assembled
from lstm_lib.exercises._templates import PLAIN, source_of
from lstm_lib.exercises._values import Formulas

TELLING = 6  # formulas that are tried on all probes
SMALLEST = 2000  # formulas that are tried on other samples; where there are more, that one tells too little
PLACE = "k"
_last: dict[tuple[str, str], Formulas] = {}


class Sample(NamedTuple):
    """A number of an answer: with which inputs it came, at which place of a list, and beside which other results."""

    inputs: list[Any]
    wanted: float
    place: int | None = None
    others: tuple[tuple[str, float], ...] = ()


def texts(tree: ast.FunctionDef, samples: list[Sample]) -> list[str]:
    """Return formulas for one result that give the numbers of all samples, the smallest first.

    Example:
        >>> tree = ast.parse("def f(a, b, c): return a * b").body[0]
        >>> "a * (b + c)" in texts(tree, [Sample([0.513, 0.331, -0.717], 0.513 * (0.331 + -0.717))])
        True
    """
    first, *rest = samples
    tried = heapq.nsmallest(SMALLEST, _of_sample(tree, first).giving(first.wanted), key=lambda part: part.size)
    leaves = [{part.form: part.value for part in _parts(tree, sample)} for sample in rest]
    found = (part for part in tried if all(map(functools.partial(_gives, part), leaves, rest)))
    whole = "{}" if first.place is None else f"[{{}} for {PLACE} in range(len({_listed(tree)}))]"
    return list(dict.fromkeys(whole.format(written(part)[0]) for part in itertools.islice(found, TELLING)))


def _gives(part: Part, leaves: dict[str, float], sample: Sample) -> bool:
    try:
        made = worth(part, leaves)
    except (ArithmeticError, KeyError, ValueError):
        return False
    return isinstance(made, float | int) and math.isclose(made, sample.wanted, rel_tol=1e-6, abs_tol=1e-9)


def with_formulas(tree: ast.FunctionDef, names: tuple[str, ...], instead: dict[int | None, str]) -> Sketch:
    """Return the solution with other formulas for some of its results."""
    result: Any = tree.body[-1].value  # type: ignore[attr-defined]
    made, said = instead.get(None, ""), names[0]
    if None not in instead:
        made = ", ".join(instead.get(k, source_of(each)) for k, each in enumerate(result.elts))
        said = " and ".join(names[k] for k in sorted(k for k in instead if k is not None))
    words = f"another formula gives {said}"
    line = source_of(ast.parse(f"return {made}").body[0])
    usual = source_of(tree.body[-1]) if _straight(tree) or len(tree.body) == 1 else ""
    return Sketch(assembled(tree, [*map(source_of, _straight(tree)), line]), words, 2.0, line, usual=usual)


# ---------------------------------------------------------------- what formulas are made of


def _of_sample(tree: ast.FunctionDef, sample: Sample) -> Formulas:
    """Return the formulas for a sample; those of the last one are kept."""
    key = source_of(tree), repr(sample._replace(wanted=0.0))
    if key not in _last:
        functions = tuple(name for name in ("tanh", "sigmoid") if name in key[0]) or ("tanh",)
        _last.clear()
        _last[key] = Formulas(_parts(tree, sample), functions)
    return _last[key]


def _parts(tree: ast.FunctionDef, sample: Sample) -> Iterator[Part]:
    """Return every number that goes into the solution or stands in it."""
    lines = _straight(tree)
    names = compiled(assembled(tree, [*map(source_of, lines), "return locals()"]), {})(*sample.inputs)
    scope = PLAIN | names | {PLACE: sample.place}
    texts = {name: 2 for name, value in names.items() if not isinstance(value, list)}
    for statement in [*lines, tree.body[-1]] if lines or len(tree.body) == 1 else ():
        if isinstance(statement, ast.Assign | ast.Return) and statement.value:
            texts |= dict.fromkeys(_expressions(statement.value, sample), 2)
    for name, value in names.items():
        if isinstance(value, list):
            texts = dict(_of_argument(name, value, names, sample)) | texts
    for text, value in sample.others:
        yield Part(value, 2, text, 0)
    for text, size in texts.items():
        try:
            value = eval(text, scope)
        except Exception:  # not every piece stands alone
            continue
        if type(value) in (float, int) and math.isfinite(value):
            yield Part(float(value), size, text, _binding(text))


def _straight(tree: ast.FunctionDef) -> list[ast.stmt]:
    """Return what a solution works out before it returns; nothing where that takes a loop."""
    return [] if any(isinstance(each, ast.For) for each in tree.body) else tree.body[:-1]


def _of_argument(name: str, value: list[Any], names: dict[str, Any], sample: Sample) -> Iterator[tuple[str, int]]:
    """Return what can be made of a list, and how large that counts."""
    if sample.place is not None and len(value) > sample.place:
        yield f"{name}[{PLACE}]", 2
    for text, size in (("sum({})", 3), ("max({})", 3), ("min({})", 3), ("len({})", 3), ("{}[0]", 3), ("{}[-1]", 3)):
        yield text.format(name), size
    yield f"sum({name}) / len({name})", 4
    for other, theirs in names.items():
        if isinstance(theirs, list) and len(theirs) == len(value) and other >= name:
            yield f"dot({name}, {other})", 4


def _expressions(node: ast.expr, sample: Sample) -> Iterator[str]:
    """Return all expressions inside one; those of a comprehension for one place of its list."""
    if isinstance(node, ast.ListComp):
        (loop,) = node.generators
        if sample.place is None or not isinstance(loop.target, ast.Name) or not isinstance(loop.iter, ast.Name):
            return
        loops = {loop.target.id: ast.parse(f"{loop.iter.id}[{PLACE}]", mode="eval").body}
        node = _Filled(loops).visit(ast.parse(source_of(node.elt), mode="eval").body)
    for each in ast.walk(node):
        if isinstance(each, ast.BinOp | ast.Call | ast.Subscript):
            yield ast.unparse(each)
        terms = _terms(each)
        for some in itertools.combinations(terms, 2) if len(terms) > 2 else ():
            yield " + ".join(map(ast.unparse, some))


def _terms(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*_terms(node.left), *_terms(node.right)]
    return [node] if isinstance(node, ast.expr) else []


class _Filled(ast.NodeTransformer):
    def __init__(self, parts: dict[str, ast.expr]) -> None:
        self.parts = parts

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.parts.get(node.id, node)


def _binding(text: str) -> int:
    node = ast.parse(text, mode="eval").body
    if not isinstance(node, ast.BinOp):
        return 2
    return 0 if isinstance(node.op, ast.Add | ast.Sub) else 1


def _listed(tree: ast.FunctionDef) -> str:
    """Return the first list that a solution goes through."""
    for node in ast.walk(tree):
        if isinstance(node, ast.comprehension) and isinstance(node.iter, ast.Name):
            return node.iter.id
    return tree.args.args[0].arg
