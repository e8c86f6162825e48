"""Find a formula that gives an answer, whatever it was made of: from the inputs, and from what the solution works out.

Of all values that stand in the solution or go into it, small formulas are made, some ten thousand; whether two of them
together give the answer is looked up: if it is a sum and one term is known, so is the other. What gives the same for
one sample is then tried on all probes.
"""

import ast
import functools
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from lstm_lib.exercises._sites import compiled
from lstm_lib.exercises._sketch import Sketch, assembled
from lstm_lib.exercises._templates import PLAIN, source_of

FINE = 1e9  # values are told apart by so many parts of one
VARIED = 100  # values from which formulas are made
TELLING = 12  # formulas that are tried on all probes
PLACE = "k"


class Part(NamedTuple):
    """A formula, its value for the sample, how large it is, and how it binds: 0 a sum, 1 a product, 2 a name."""

    text: str
    value: float
    size: int
    binds: int = 2


class Sample(NamedTuple):
    """One number of an answer: of which result, at which place of a list (or none), and with which inputs."""

    inputs: list[Any]
    result: int | None
    place: int | None


def texts(tree: ast.FunctionDef, sample: Sample, wanted: float) -> list[str]:
    """Return formulas for one result that give a number, the smallest first.

    Args:
        tree: The solution.
        sample: Where the number stands.
        wanted: The number.

    Example:
        >>> tree = function_of("def f(a, b, c): return a * b")
        >>> texts(tree, Sample([0.513, 0.331, -0.717], None, None), 0.513 * (0.331 + -0.717))
        ['a * (b + c)']
    """
    found = sorted(_formulas(list(_parts(tree, sample)), wanted), key=lambda part: part.size)
    whole = "{}" if sample.place is None else f"[{{}} for {PLACE} in range(len({_listed(tree)}))]"
    return list(dict.fromkeys(whole.format(part.text) for part in found))[:TELLING]


def with_formulas(tree: ast.FunctionDef, names: tuple[str, ...], instead: dict[int | None, str]) -> Sketch:
    """Return the solution with other formulas for some of its results."""
    result: Any = tree.body[-1].value  # type: ignore[attr-defined]
    made, words = instead.get(None, ""), f"{names[0]} is given by another formula"
    if None not in instead:
        made = ", ".join(instead.get(k, source_of(each)) for k, each in enumerate(result.elts))
        words = f"{' and '.join(names[k] for k in instead if k is not None)} come from another formula"
    line = source_of(ast.parse(f"return {made}").body[0])
    usual = source_of(tree.body[-1]) if _straight(tree) or len(tree.body) == 1 else ""
    return Sketch(assembled(tree, [*map(source_of, _straight(tree)), line]), words, 2.0, line, usual=usual)


# ---------------------------------------------------------------- what formulas are made of


def _parts(tree: ast.FunctionDef, sample: Sample) -> Iterator[Part]:
    """Return every number that goes into the solution or stands in it."""
    lines = _straight(tree)
    names = compiled(assembled(tree, [*map(source_of, lines), "return locals()"]), {})(*sample.inputs)
    scope = PLAIN | names | {PLACE: sample.place}
    written = []
    for name, value in names.items():
        written += list(_of_argument(name, value, names, sample)) if isinstance(value, list) else [name]
    for statement in [*lines, tree.body[-1]] if lines or len(tree.body) == 1 else ():
        if isinstance(statement, ast.Assign | ast.Return) and statement.value:
            written += list(_expressions(statement.value, sample))
    for text in dict.fromkeys(written):
        try:
            value = eval(text, scope)
        except Exception:  # not every piece stands alone
            continue
        if type(value) in (float, int) and math.isfinite(value):
            yield Part(text, float(value), 1 if text.isidentifier() else 2, _binding(text))


def _straight(tree: ast.FunctionDef) -> list[ast.stmt]:
    """Return what a solution works out before it returns; nothing where that takes a loop."""
    return [] if any(isinstance(each, ast.For) for each in tree.body) else tree.body[:-1]


def _of_argument(name: str, value: list[Any], names: dict[str, Any], sample: Sample) -> Iterator[str]:
    if sample.place is not None and len(value) > sample.place:
        yield f"{name}[{PLACE}]"
    yield from (f"{name}[0]", f"{name}[-1]", f"sum({name})", f"max({name})", f"min({name})", f"len({name})")
    yield f"sum({name}) / len({name})"
    for other, theirs in names.items():
        if isinstance(theirs, list) and len(theirs) == len(value) and other >= name:
            yield f"dot({name}, {other})"


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


# ---------------------------------------------------------------- formulas


def _in(part: Part, least: int) -> str:
    return part.text if part.binds >= least else f"({part.text})"


def _varied(part: Part) -> Iterator[Part]:
    """Return what may be made of one number."""
    text, x, size, _ = part
    tight = _in(part, 2)
    yield part
    yield Part(f"1 - {_in(part, 1)}", 1 - x, size + 1, 0)
    yield Part(f"tanh({text})", math.tanh(x), size + 1)
    yield Part(f"sigmoid({text})", 0.5 * (1 + math.tanh(0.5 * x)), size + 1)
    yield Part(f"{tight} ** 2", x * x, size + 1, 1)
    yield Part(f"1 - {tight} ** 2", 1 - x * x, size + 2, 0)
    yield Part(f"{_in(part, 1)} * (1 - {_in(part, 1)})", x * (1 - x), size + 3, 1)
    yield Part(f"abs({text})", abs(x), size + 1)
    yield Part(f"2 * {_in(part, 1)}", 2 * x, size + 1, 1)
    yield Part(f"{_in(part, 1)} / 2", x / 2, size + 1, 1)
    if x > 0:
        yield Part(f"{tight} ** 0.5", x**0.5, size + 1, 1)
    if abs(x) < 20:
        yield Part(f"math.exp({text})", math.exp(x), size + 2)


def _joined(one: Part, two: Part) -> Iterator[Part]:
    """Return what two numbers give together."""
    (a, x, m, _), (b, y, n, _) = one, two
    size = m + n
    yield Part(f"{a} + {b}", x + y, size, 0)
    yield Part(f"{a} - {_in(two, 1)}", x - y, size, 0)
    yield Part(f"{b} - {_in(one, 1)}", y - x, size, 0)
    yield Part(f"{_in(one, 1)} * {_in(two, 1)}", x * y, size, 1)
    if y:
        yield Part(f"{_in(one, 1)} / {_in(two, 2)}", x / y, size, 1)
    if x:
        yield Part(f"{_in(two, 1)} / {_in(one, 2)}", y / x, size, 1)


def _rare(one: Part, two: Part) -> Iterator[Part]:
    (a, x, m, _), (b, y, n, _) = one, two
    yield Part(f"max({a}, {b})", max(x, y), m + n + 1)
    yield Part(f"min({a}, {b})", min(x, y), m + n + 1)
    for base, power in ((one, two), (two, one)):
        if base.value > 0 and abs(power.value) < 10:
            yield Part(f"{_in(base, 2)} ** {_in(power, 2)}", base.value**power.value, m + n + 1, 1)


def _key(value: float) -> int:
    return math.floor(value * FINE)


def _distinct(parts: Iterator[Part], known: dict[int, Part]) -> Iterator[Part]:
    """Return those whose value is new, or written more shortly now."""
    for part in parts:
        if abs(part.value) < 1e6:
            key = _key(part.value)
            if key not in known or part.size < known[key].size:
                known[key] = part
                yield part


def _formulas(parts: list[Part], wanted: float) -> Iterator[Part]:
    """Return formulas of the parts, and of two such formulas, that give a number."""
    known: dict[int, Part] = {}
    parts = [Part("1", 1.0, 1), Part("2", 2.0, 1), *parts]
    simple = list(_distinct(iter(sorted(parts, key=lambda part: part.size)), known))
    varied = [*simple, *_distinct((each for part in simple for each in _varied(part)), known)]
    varied = sorted(varied, key=lambda part: part.size)[:VARIED]
    pairs = list(itertools.combinations_with_replacement(varied, 2))
    made = (each for one, two in pairs for each in _joined(one, two))
    rare = (each for one, two in itertools.combinations(simple[:30], 2) for each in _rare(one, two))
    for _ in _distinct(itertools.chain(made, rare), known):
        pass
    whole = list(known.values())
    for target, wrap in _unwrapped(wanted) if wanted else ():
        if (key := _key(target)) in known:
            yield wrap(known[key])
        for one in whole if target == wanted else varied:
            yield from map(wrap, _completed(one, target, known))


def _completed(one: Part, target: float, known: dict[int, Part]) -> Iterator[Part]:
    """Return the formulas that give a number together with a given part."""
    x, near = one.value, range(_key(target) - 1, _key(target) + 2)
    for value in (target - x, x - target, target + x, target / x, target * x, x / target) if x else ():
        if (two := known.get(math.floor(value * FINE))) is not None:
            yield from (each for each in _joined(one, two) if _key(each.value) in near)


def _unwrapped(wanted: float) -> Iterator[tuple[float, Callable[[Part], Part]]]:
    """Return what has to come out inside of a function, and the function."""
    yield wanted, lambda part: part
    inner = [(1 - wanted, "1 - ({})")]
    if abs(wanted) < 0.999:
        inner.append((math.atanh(wanted), "tanh({})"))
    if 0.001 < wanted < 0.999:
        inner.append((math.log(wanted / (1 - wanted)), "sigmoid({})"))
    if wanted > 0:
        inner += [(wanted**2, "({}) ** 0.5"), (math.log(wanted), "math.exp({})")]
    for value, template in inner:
        yield value, functools.partial(_wrapped, template, wanted)


def _wrapped(template: str, wanted: float, part: Part) -> Part:
    return Part(template.format(part.text), wanted, part.size + 1)
