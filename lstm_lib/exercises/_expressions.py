"""What a learner may have written in the place of one expression of a right formula.

Each change is a template, in words, and a number that says how far-fetched it is: the smaller, the likelier.
"""

import ast
import itertools
from collections.abc import Iterator

from lstm_lib.exercises._templates import LETTERS, OPERATORS, Whole, children, name_of, source_of

PAIRED_NAMES = 8  # two variables come in together only where there are not more than these
Here = tuple[str, str, float]  # a template, words, and how far-fetched it is
_known: dict[tuple[type, str, tuple[str, ...]], list[Here]] = {}


def changes_at(node: ast.expr) -> list[Here]:
    """Return all changes at a place, the likeliest first; kept, since builds of a solution share most places."""
    visible = tuple(getattr(node, "visible", ()))
    key = type(node), source_of(node.node if isinstance(node, Whole) else node), visible
    if key not in _known:
        _known[key] = sorted(_at_site(node), key=lambda here: here[2])
    return _known[key]


def _at_site(node: ast.expr) -> Iterator[Here]:
    if isinstance(node, Whole):
        yield from _of_whole_value(node)
        return
    said = source_of(node)
    if isinstance(node, ast.Constant):
        yield from _of_constant(float(node.value) if isinstance(node.value, float) else int(node.value))  # type: ignore[arg-type]
    elif isinstance(node, ast.Name):
        yield from _of_name(node)
    elif isinstance(node, ast.BinOp):
        yield from _of_operation(node)
    elif isinstance(node, ast.Call):
        yield from _of_call(node)
    elif isinstance(node, ast.UnaryOp):
        yield "a", f"the sign of {source_of(node.operand)} is lost", 0.8
    if not isinstance(node, ast.Constant):
        letters = LETTERS[: len(children(node))]
        same = itself(node, letters)
        yield f"-({same})", f"the sign of {said} is turned", 1.0
        if not _is_one_minus(node):
            yield f"1 - ({same})", f"1 - {_in_brackets(node)} stands where {said} belongs", 0.9
        yield f"({same}) * ({same})", f"{said} is multiplied by itself", 1.2
        yield f"1 / ({same})", f"{said} is turned upside down", 1.3
        yield f"2 * ({same})", f"{said} is doubled", 1.3
        yield f"0.5 * ({same})", f"{said} is halved", 1.4
        yield f"({same}) ** 0.5", f"a root of {said} is one too many", 1.4
        yield f"abs({same})", f"the sign of {said} is dropped", 1.4
        for name, sign in (("tanh", "tanh"), ("sigmoid", "σ")):
            if not said.startswith(f"{name}("):
                yield f"{name}({same})", f"{sign} around {said} is one too many", 1.1
        yield f"1 - ({same}) ** 2", f"the slope of tanh, 1 - {_in_brackets(node)}², stands for {said}", 1.4
        yield f"({same}) * (1 - ({same}))", f"the slope of σ, x · (1 - x) of {said}, stands for {said}", 1.4
        yield f"0 * ({same})", f"{said} does not count", 1.4
        yield f"1.0 * (({same}) > 0.5)", f"{said} is made a switch: 1 above one half, 0 below", 1.3
        yield f"1.0 * (({same}) > 0)", f"{said} is made a switch: 1 above 0, 0 below", 1.3


def _of_whole_value(node: Whole) -> Iterator[Here]:
    """Let a variable in that does not belong there."""
    said = source_of(node.node)
    for name in node.visible:
        yield f"_v * {name}", f"the factor {name} is one too many", 1.0
        yield f"_v / {name}", f"a division by {name} is one too many", 1.1
        yield f"_v + {name}", f"the term {name} is one too many", 1.0
        yield f"_v - {name}", f"{name} is taken away, which does not belong there", 1.1
        yield f"_v * (1 - {name})", f"the factor 1 - {name} is one too many", 1.2
        yield f"_v / len({name})", f"a division by the count of {name} is one too many", 1.1
    for one, other in itertools.permutations(node.visible, 2) if len(node.visible) <= PAIRED_NAMES else ():
        yield f"_v + (1 - {one}) * {other}", f"the term (1 - {one}) * {other} is one too many", 1.3
        where = f"where {one} is 0, {other} stands instead"
        yield f"({one} != 0) * _v + ({one} == 0) * {other}", where, 1.3
        yield f"_v + {one} * {other}", f"the term {one} * {other} is one too many", 1.3
        words = f"{said} is mixed with {other}, in the shares {one} and 1 - {one}"
        yield f"{one} * _v + (1 - {one}) * {other}", words, 1.3
        if one < other:
            yield f"_v / ({one} + {other})", f"a division by {one} + {other} is one too many", 1.2
            yield f"_v / ({one} * {other})", f"a division by {one} * {other} is one too many", 1.3


def itself(node: ast.expr, letters: str) -> str:
    """Return the template that changes nothing."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Call):
        return f"{source_of(node.func)}({', '.join(letters)})"
    if isinstance(node, ast.UnaryOp):
        return "-a"
    assert isinstance(node, ast.BinOp)
    return f"a {OPERATORS[type(node.op)][0]} b"


def _in_brackets(node: ast.expr) -> str:
    said = source_of(node)
    return said if isinstance(node, ast.Name | ast.Call) else f"({said})"


def _is_one_minus(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Sub)
        and isinstance(node.left, ast.Constant)
        and node.left.value == 1
    )


def _of_constant(value: float) -> Iterator[Here]:
    for other, weight in ((value + 1, 1.0), (value - 1, 1.0), (0, 1.0), (1, 1.0), (2, 1.1), (-value, 1.1)):
        if other != value:
            yield repr(other), f"{other:g} stands where {value:g} belongs", weight
    for other in (10 * value, value / 10, 100 * value, value / 100, value / 2, 2 * value):
        if other != value:
            yield repr(other), f"{other:g} stands where {value:g} belongs", 1.5


def _of_name(node: ast.Name) -> Iterator[Here]:
    for name in node.visible:  # type: ignore[attr-defined]
        if name != node.id:
            kin = name.split("_")[0] == node.id.split("_")[0] or name.split("_")[-1] == node.id.split("_")[-1]
            yield name, f"{name} stands where {node.id} belongs", 0.9 if kin else 1.0
    for name in node.visible:  # type: ignore[attr-defined]
        for function in ("max", "min", "sum", "len"):
            yield f"{function}({name})", f"{function}({name}) stands where {node.id} belongs", 1.1
        if name != node.id:
            yield f"{node.id} * {name}", f"{node.id} is multiplied by {name}", 1.2
            yield f"{node.id} / {name}", f"{node.id} is divided by {name}", 1.2
            yield f"({node.id} + {name})", f"{name} is added to {node.id}", 1.2
            yield f"({node.id} - {name})", f"{name} is taken away from {node.id}", 1.3
    yield f"{node.id}[1:]", f"the first of {node.id} is left out", 1.1
    yield f"{node.id}[:-1]", f"the last of {node.id} is left out", 1.1
    yield f"{node.id}[::-1]", f"{node.id} is gone through backwards", 1.0
    yield f"{node.id}[:1]", f"only the first of {node.id} is used", 1.2
    yield f"{node.id}[-1:]", f"only the last of {node.id} is used", 1.2
    yield f"{node.id}[0]", f"only the first of {node.id} is used", 1.2
    yield f"{node.id}[-1]", f"only the last of {node.id} is used", 1.2
    yield "1", f"{node.id} is missing: 1 stands there", 1.1
    yield "0", f"{node.id} is missing: 0 stands there", 1.1
    yield f"{node.id}.T", f"{node.id} is transposed", 1.1


def _of_operation(node: ast.BinOp) -> Iterator[Here]:
    left, right = source_of(node.left), source_of(node.right)
    sign = OPERATORS[type(node.op)][0]
    part = {"+": "term", "-": "term", "*": "factor", "/": "factor", "//": "factor", "**": "power"}[sign]
    if _is_one_minus(node):
        yield "b", f"1 - is missing before {right}", 0.7
        yield "b - 1", f"{right} - 1 stands where 1 - {right} belongs", 0.9
        yield "1 + b", f"+ stands where - belongs: 1 + {right}", 0.9
        yield "1 / b", f"1 / {right} stands where 1 - {right} belongs", 1.2
        yield "1", f"1 stands where 1 - {right} belongs", 1.1
        return
    dropped = f"the division by {right} is missing" if sign in "//" else f"the {part} {right} is missing"
    yield "a", dropped, 0.7
    alone = sign in ("-", "/", "//", "**")  # then what is left is not the term or factor that stood there
    words = f"{right} alone stands where {source_of(node)} belongs" if alone else f"the {part} {left} is missing"
    yield "b", words, 0.7 if part != "power" else 1.2
    near = {"+": "-*", "-": "+*", "*": "+/-", "/": "*-", "//": "/*", "**": "*/"}[sign]
    for other in ("+", "-", "*", "/", "//", "**"):
        if other != sign:
            words = f"{_sign(other)} stands where {_sign(sign)} belongs, between {left} and {right}"
            yield f"a {other} b", words, 0.9 if other in near else 1.2
    if sign in "-/" or sign == "**":
        yield f"b {sign} a", f"{left} and {right} have changed places", 0.9
    if sign == "*":
        yield "b / a", f"{right} is divided by {left}", 1.2
        yield "a * a", f"{left} takes the place of {right}", 1.2
        yield "b * b", f"{right} takes the place of {left}", 1.2
    if sign == "**":
        yield "math.exp(-(a) * b)", f"an exponential decay, exp(-{left} * {right}), stands for the power", 1.2
        yield "a ** (b - 1)", f"one factor too few: the power is {right} - 1", 0.9
        yield "a ** (b + 1)", f"one factor too many: the power is {right} + 1", 0.9
        yield "a ** (1 / b)", f"a root stands where the power {right} belongs", 1.0
    if sign == "+":
        yield "a + 2 * b", f"{right} is added twice", 1.2
        yield "2 * a + b", f"{left} is added twice", 1.2
        yield "(a + b) / 2", f"the mean of {left} and {right} stands for their sum", 1.3
    if sign in "*/":
        twice = f"the factor {right} counts twice" if sign == "*" else f"it is divided by {right} twice"
        yield f"a {sign} b {sign} b", twice, 1.2
        yield f"a * a {sign} b", f"the factor {left} counts twice", 1.2


def _sign(sign: str) -> str:
    return {"*": "·"}.get(sign, sign)


def _of_call(node: ast.Call) -> Iterator[Here]:
    name = source_of(node.func)
    inner = source_of(node.args[0])
    said = name_of(node.func)
    if name in ("sigmoid", "tanh"):
        other, spelt = ("tanh", "tanh") if name == "sigmoid" else ("sigmoid", "σ")
        yield f"{other}(a)", f"{spelt} stands where {said} belongs, around {inner}", 0.7
        yield "a", f"{said} around {inner} is missing", 0.7
        yield "max(0, a)", f"the rectifier max(0, x) stands where {said} belongs, around {inner}", 1.2
        yield f"{name}({name}(a))", f"{said} is used twice", 1.1
        yield f"{name}(-a)", f"the sign of {inner} is turned", 1.0
        if name == "tanh":
            yield "math.tan(a)", f"tan stands where tanh belongs, around {inner}", 1.2
            yield "(1 + tanh(a)) / 2", f"tanh is pressed between 0 and 1, around {inner}", 1.3
            yield "2 * sigmoid(a) - 1", f"2σ - 1 of the same sum stands where tanh belongs, around {inner}", 1.3
        else:
            yield "math.exp(a)", f"exp stands where σ belongs, around {inner}", 1.2
            yield "1 / (1 + math.exp(a))", f"the sign of {inner} is turned", 1.0
            yield "(1 + tanh(a)) / 2", f"(1 + tanh(x)) / 2 stands for σ, which takes x / 2, around {inner}", 1.2
    elif name in ("min", "max") and len(node.args) == 2:
        other = "max" if name == "min" else "min"
        one, two = map(source_of, node.args)
        yield f"{other}(a, b)", f"{other} stands where {name} belongs", 0.7
        yield "a", f"{one} alone stands where {name}({one}, {two}) belongs", 0.8
        yield "b", f"{two} alone stands where {name}({one}, {two}) belongs", 0.8
    elif name in ("min", "max"):
        other = "max" if name == "min" else "min"
        yield f"{other}(a)", f"{other} stands where {name} belongs", 0.7
        yield "a[0]", f"the first of {inner} stands where {name} belongs", 1.1
        yield "a[-1]", f"the last of {inner} stands where {name} belongs", 1.1
        yield "sum(a) / len(a)", f"the mean of {inner} stands where {name} belongs", 1.1
    elif name in ("math.exp", "math.log"):
        yield "a", f"{said} of {inner} is missing", 0.7
        other = "math.log" if name == "math.exp" else "math.exp"
        yield f"{other}(a)", f"{other.removeprefix('math.')} stands where {said} belongs", 1.0
        if name == "math.log":
            yield "math.log2(a)", "the logarithm of base 2 stands where the natural one belongs", 0.8
            yield "math.log10(a)", "the logarithm of base 10 stands where the natural one belongs", 0.8
        else:
            yield "2 ** a", "a power of 2 stands where exp belongs", 1.0
            yield "10 ** a", "a power of 10 stands where exp belongs", 1.2
            yield "math.exp(-a)", f"the sign of {inner} is turned", 0.9
    elif name == "sum":
        yield "max(a)", f"the largest of {inner} stands for their sum", 0.9
        yield "len(a)", f"the count of {inner} stands for their sum", 0.9
        yield "sum(a) / len(a)", f"the mean of {inner} stands for their sum", 0.9
        yield "a[0]", f"the first of {inner} stands for their sum", 1.1
        yield "a[-1]", f"the last of {inner} stands for their sum", 1.1
        yield "dot(a, a)", f"the sum of squares of {inner} stands for their sum", 1.1
        yield "dot(a, a) ** 0.5", f"the length of {inner} stands for their sum", 1.1
    elif name == "len":
        yield "len(a) - 1", f"one too few is counted in {inner}", 0.8
        yield "len(a) + 1", f"one too many is counted in {inner}", 0.8
        yield "1", f"the count of {inner} is missing: 1 stands there", 0.9
    elif name == "reversed":
        yield "a", f"{inner} is gone through forwards", 0.7
        yield "a[::-1][1:]", f"the last of {inner} is left out", 0.9
        yield "a[::-1][:-1]", f"the first of {inner} is left out", 0.9
    elif name == "dot":
        one, two = map(source_of, node.args)
        yield "sum(a)", f"only {one} is summed, without {two}", 1.2
        yield "sum(b)", f"only {two} is summed, without {one}", 1.2
        yield "a[0] * b[0]", f"only the first pair of {one} and {two} counts", 1.1
        yield "a[-1] * b[-1]", f"only the last pair of {one} and {two} counts", 1.1
        yield "dot(a, b) / len(a)", f"the mean of the products of {one} and {two} stands for their sum", 1.2
        yield "dot(a[::-1], b)", f"{one} meets {two} backwards", 1.2
        yield "dot(a[1:], b[1:])", f"the first pair of {one} and {two} is left out", 1.2
        yield "dot(a[:-1], b[:-1])", f"the last pair of {one} and {two} is left out", 1.2
        if one == two:
            yield "sum(a)", f"the sum of {one} stands for the sum of its squares", 0.8
            yield "max(a) ** 2", f"the largest of {one} stands for their length", 1.0
            yield "sum(abs(x) for x in a) ** 2", f"the sum of sizes of {one} stands for their length", 1.0
