"""Solutions of another build: a line forgotten, a return inside the loop, a state that is not carried, other brackets.

What can be changed at one place of an expression is in ``_edits``; here are the changes that move or join lines.
"""

import ast
import copy
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from lstm_lib.exercises._sketch import OPERATORS, Sketch, again, build, name_of, source_of

TWICE = 100  # builds whose brackets are moved twice
Change = tuple[ast.FunctionDef, str, float, str]  # the function, words, how far-fetched, the changed lines


def sketches(source: str) -> list[Sketch]:
    """Return the solution as a sketch, and after it every sketch of another build."""
    tree = _function(source)
    found, seen = [build(tree)], {ast.unparse(tree)}
    changes = list(_changes(tree))
    for base in _bases(tree):
        seen.add(ast.unparse(base))
        changes += _brackets(base)
    for made, words, weight, changed in changes:
        if (text := ast.unparse(made)) not in seen:
            seen.add(text)
            found.append(build(_function(text), words, weight, changed))
    return sorted(found, key=lambda sketch: sketch.weight)


def _changes(tree: ast.FunctionDef) -> Iterator[Change]:
    yield from _brackets(tree)
    yield from _results(tree)
    yield from _loops(tree)
    yield from _forgotten(tree)
    yield from _unpacked(tree)


def _unpacked(tree: ast.FunctionDef) -> Iterator[Change]:
    """Take the parts of an argument in another order."""
    unpacked = [k for k, statement in enumerate(tree.body) if _is_unpacking(statement)]
    for some in [unpacked] + ([[k] for k in unpacked] if len(unpacked) > 1 else []):
        count = len(tree.body[some[0]].targets[0].elts) if some else 0  # type: ignore[attr-defined]
        turned = [tuple((k + by) % count for k in range(count)) for by in range(1, count)]
        for order in itertools.permutations(range(count)) if some is unpacked else turned:
            if sum(k != place for place, k in enumerate(order)) < 3:
                continue  # an exchange of two is an edit
            made = again(tree)
            for k in some:
                target = made.body[k].targets[0]  # type: ignore[attr-defined]
                target.elts = [target.elts[place] for place in order]
            lines = [ast.unparse(made.body[k]) for k in some]
            yield made, f"the parts are taken in another order: {'; '.join(lines)}", 0.9, "\n".join(lines)


def _is_unpacking(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Tuple)


def further(source: str, others: tuple[str, ...]) -> list[Sketch]:
    """Return the same solution in other builds, and those whose brackets are moved twice."""
    tree = _function(source)
    bases = [*_bases(tree), *map(_function, others)]
    found = [build(base, "", 0.3, "") for base in bases]
    seen = {ast.unparse(base) for base in [tree, *bases]}
    short = bases[0] if bases else tree
    for once, words, weight, _ in _brackets(short):
        for twice, more, heavier, changed in _brackets(_function(ast.unparse(once))):
            text = ast.unparse(twice)
            if text not in seen and len(seen) < TWICE:
                seen.add(text)
                found.append(build(_function(text), f"{words}; {more}", weight + heavier, changed))
    return found


def _function(source: str) -> ast.FunctionDef:
    (tree,) = ast.parse(source).body
    assert isinstance(tree, ast.FunctionDef)
    tree.body = [s for s in tree.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    return tree


def _bases(tree: ast.FunctionDef) -> list[ast.FunctionDef]:
    """Return a solution without helper variables, and one without sums in brackets, where they differ from it."""
    short = _inlined(tree)
    found = [] if short is None else [short]
    expanded = ast.fix_missing_locations(_Expand().visit(copy.deepcopy(short or tree)))
    if ast.unparse(expanded) not in {ast.unparse(each) for each in [tree, *found]}:
        found.append(expanded)
    return [_function(ast.unparse(each)) for each in found]


class _Expand(ast.NodeTransformer):
    """Write (a + b) · c as a · c + b · c."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        left, right = node.left, node.right
        if isinstance(node.op, ast.Mult | ast.Div) and isinstance(left, ast.BinOp) and isinstance(left.op, ast.Add):
            terms = [ast.BinOp(each, node.op, copy.deepcopy(right)) for each in (left.left, left.right)]
            return ast.BinOp(terms[0], ast.Add(), terms[1])
        return node


def _inlined(tree: ast.FunctionDef) -> ast.FunctionDef | None:
    """Write a solution without helper variables, if it has any and no loop."""
    values: dict[str, ast.expr] = {}

    class Fill(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return copy.deepcopy(values.get(node.id, node)) if isinstance(node.ctx, ast.Load) else node

    made = again(tree)
    for statement in made.body[:-1]:
        if not (isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)):
            return None
        values[statement.targets[0].id] = Fill().visit(statement.value)
    made.body = [Fill().visit(made.body[-1])]
    small = len(list(ast.walk(made))) < 150
    return ast.fix_missing_locations(made) if values and small else None


def _with(tree: ast.FunctionDef, change: Callable[[ast.FunctionDef], Any]) -> ast.FunctionDef:
    made = again(tree)
    change(made)
    return made


# ---------------------------------------------------------------- brackets


def _brackets(tree: ast.FunctionDef) -> Iterator[Change]:
    """Move an end of a bracket: σ(a + b) becomes σ(a) + b, a · (b + c) becomes a · b + c."""
    for number, node in enumerate(ast.walk(tree)):
        for made, words, weight in _moved(node):
            other = replaced(tree, number, made)
            yield other, words, weight, _line_of(other, tree)


def replaced(tree: ast.FunctionDef, number: int, made: ast.expr) -> ast.FunctionDef:
    """Return a function with something else in the place of a node, which is counted as ``ast.walk`` goes."""
    other = again(tree)
    wanted = next(itertools.islice(ast.walk(other), number, None))

    class Put(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> Any:
            return made if node is wanted else self.generic_visit(node)

    Put().visit(other)
    return other


def _moved(node: ast.AST) -> Iterator[tuple[ast.expr, str, float]]:
    if isinstance(node, ast.Call) and len(node.args) == 1 and isinstance(node.args[0], ast.BinOp):
        inner, name = node.args[0], name_of(node.func)
        if isinstance(inner.op, ast.Add | ast.Sub | ast.Div):
            out = ast.BinOp(ast.Call(node.func, [inner.left], []), inner.op, inner.right)
            words = f"{ast.unparse(inner.right)} stands outside {name}, and belongs inside"
            yield out, words, 0.8 if isinstance(inner.op, ast.Div) else 0.7
        if isinstance(inner.op, ast.Add):
            out = ast.BinOp(inner.left, inner.op, ast.Call(node.func, [inner.right], []))
            yield out, f"{ast.unparse(inner.left)} stands outside {name}, and belongs inside", 1.0
            both = ast.BinOp(ast.Call(node.func, [inner.left], []), inner.op, ast.Call(node.func, [inner.right], []))
            yield both, f"{name} is applied to each term, not to the sum", 1.0
    if isinstance(node, ast.BinOp):
        if ast.unparse(node.left) == "1" and isinstance(node.op, ast.Sub) and isinstance(node.right, ast.Name):
            x = node.right
            slope = ast.BinOp(ast.Constant(1), ast.Sub(), ast.BinOp(x, ast.Pow(), ast.Constant(2)))
            yield slope, f"{ast.unparse(slope)} stands where {ast.unparse(node)} belongs", 0.8
        sign = OPERATORS[type(node.op)][0]
        if isinstance(node.right, ast.BinOp):
            a, (b, c) = node.left, (node.right.left, node.right.right)
            words = f"other brackets: {ast.unparse(node.right)} belongs together"
            if sign + OPERATORS[type(node.right.op)][0] not in ("**", "++", "+-", "*/"):
                yield ast.BinOp(ast.BinOp(a, node.op, b), node.right.op, c), words, 0.9
        if isinstance(node.left, ast.BinOp):
            (a, b), c = (node.left.left, node.left.right), node.right
            words = f"other brackets: {ast.unparse(node.left)} belongs together"
            if OPERATORS[type(node.left.op)][0] + sign not in ("**", "++", "+-", "*/"):
                yield ast.BinOp(a, node.left.op, ast.BinOp(b, node.op, c)), words, 0.9
        yield from _other_algebra(node)


def _other_algebra(node: ast.BinOp) -> Iterator[tuple[ast.expr, str, float]]:
    """Turn sums of products into products of sums, and 1 - x² into (1 - x)²."""
    left, right = node.left, node.right
    text = ast.unparse(node)
    if isinstance(node.op, ast.Mult):
        for factor, call in ((left, right), (right, left)):
            if isinstance(call, ast.Call) and len(call.args) == 1:
                words = f"{ast.unparse(factor)} stands inside {ast.unparse(call.func)}, and belongs outside"
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
        square = isinstance(right.op, ast.Mult) and ast.unparse(right.left) == ast.unparse(right.right)
        if square or isinstance(right.op, ast.Pow):
            inner = ast.BinOp(left, ast.Sub(), right.left)
            whole = ast.BinOp(inner, ast.Pow(), ast.Constant(2) if square else right.right)
            yield whole, f"the power stands around {ast.unparse(inner)}, and belongs to {ast.unparse(right.left)}", 0.8
            slope = ast.BinOp(right.left, ast.Mult(), inner)
            yield slope, f"the slope of σ, {ast.unparse(slope)}, stands where {text} belongs", 0.8


def _line_of(made: ast.FunctionDef, tree: ast.FunctionDef) -> str:
    """Return the lines of one function that the other has not."""
    before = source_of(tree).splitlines()
    lines = ast.unparse(made).splitlines()[1:]
    return "\n".join(line.strip() for line in lines if line not in before)


# ---------------------------------------------------------------- results


def _results(tree: ast.FunctionDef) -> Iterator[Change]:
    """Give the results in another order, too few of them, or one for all."""
    result = tree.body[-1]
    if not isinstance(result, ast.Return) or result.value is None:
        return

    def giving(value: ast.expr) -> tuple[ast.FunctionDef, str]:
        made = _with(tree, lambda other: other.body.__setitem__(-1, ast.Return(copy.deepcopy(value))))
        return made, f"return {ast.unparse(value)}"

    if isinstance(result.value, ast.Tuple | ast.List):
        parts = result.value.elts
        kind = type(result.value)
        for order in itertools.permutations(range(len(parts))):
            if list(order) != sorted(order):
                moved = sum(k != place for place, k in enumerate(order))
                made, line = giving(kind([parts[k] for k in order], ast.Load()))
                yield made, f"the results stand in another order: {line}", 0.7 + 0.05 * moved, line
        for k, part in enumerate(parts):
            made, line = giving(kind([*parts[:k], *parts[k + 1 :]], ast.Load()))
            yield made, f"the result {ast.unparse(part)} is missing", 0.9, line
            made, line = giving(part)
            yield made, f"only {ast.unparse(part)} is returned", 0.9, line
        yield from _overwritten(tree, parts)
    value = ast.unparse(result.value)
    if not isinstance(result.value, ast.Name):
        return
    for text, words in (
        (f"{value}[-1]", f"only the last of {value} is returned"),
        (f"{value}[::-1]", f"{value} is returned backwards"),
        (f"{value}[1:]", f"the first of {value} is left out"),
        (f"{value}[:-1]", f"the last of {value} is left out"),
        (f"{value} / len({value})", f"{value} is divided by its count"),
    ):
        made, line = giving(ast.parse(text, mode="eval").body)
        yield made, words, 0.9, line
    for argument in tree.args.args:
        made, line = giving(ast.parse(f"[{argument.arg}] + {value}", mode="eval").body)
        yield made, f"{argument.arg} stands in front of the results", 0.9, line
        made, line = giving(ast.parse(f"[{argument.arg}] + {value}[:-1]", mode="eval").body)
        yield made, f"the results are one step late: {argument.arg} comes first, and the last is left out", 0.9, line
    for name in _assigned(tree):
        if name != value:
            made, line = giving(ast.Name(name, ast.Load()))
            yield made, f"{name} is returned, and {value} belongs there", 0.8, line


def _overwritten(tree: ast.FunctionDef, parts: list[ast.expr]) -> Iterator[Change]:
    """Assign the results one after the other, where they have the names of arguments that later ones still read."""
    names = [argument.arg for argument in tree.args.args][: len(parts)]
    if len(parts) < 2 or len(names) < len(parts) or len(tree.body) > 1:
        return
    lines = [f"{name} = {ast.unparse(part)}" for name, part in zip(names, parts, strict=True)]
    made = again(tree)
    made.body = ast.parse("\n".join([*lines, f"return {', '.join(names)}"])).body
    words = "each value is overwritten before the next one reads it"
    yield made, words, 0.8, "\n".join(lines)


def _assigned(tree: ast.AST) -> list[str]:
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    return list(dict.fromkeys(names))


# ---------------------------------------------------------------- loops


def _loops(tree: ast.FunctionDef) -> Iterator[Change]:
    for place, loop in enumerate(tree.body):
        if isinstance(loop, ast.For):
            yield from _of_loop(tree, place, loop)


def _of_loop(tree: ast.FunctionDef, place: int, loop: ast.For) -> Iterator[Change]:
    result = tree.body[-1]

    def inside(other: ast.FunctionDef) -> None:
        other.body[place].body.append(copy.deepcopy(result))  # type: ignore[attr-defined]

    line = ast.unparse(result)
    yield _with(tree, inside), "return stands inside the loop, which ends after its first turn", 0.7, line

    for one, other in itertools.pairwise(range(len(loop.body))):

        def exchange(made: ast.FunctionDef, one: int = one, other: int = other) -> None:
            body = made.body[place].body  # type: ignore[attr-defined]
            body[one], body[other] = body[other], body[one]

        first, second = ast.unparse(loop.body[one]), ast.unparse(loop.body[other])
        yield _with(tree, exchange), f"two lines have changed places: {second} comes first", 0.9, f"{second}\n{first}"

    for name in _assigned(loop):
        if name in _assigned(loop.target):
            continue
        made = again(tree)
        _not_carried(made, place, name)
        yield made, f"{name} is not carried on: every turn starts from the first {name}", 0.8, _line_of(made, tree)

    for name in _assigned(loop):
        if isinstance(result, ast.Return) and isinstance(result.value, ast.Name) and name == result.value.id:
            made = again(tree)
            made.body[place].body.append(ast.parse(f"total = total + {name}").body[0])  # type: ignore[attr-defined]
            made.body.insert(place, ast.parse("total = 0.0").body[0])
            made.body[-1] = ast.Return(ast.Name("total", ast.Load()))
            yield made, f"the {name} of all turns are added up, and the last one belongs there", 0.9, ""
    yield from _carried_before(tree, place, loop)
    yield from _started_with_the_first(tree, place, loop)

    def once_more(made: ast.FunctionDef) -> None:
        made.body[place].iter = ast.parse(f"list({ast.unparse(loop.iter)})[1:]", mode="eval").body  # type: ignore[attr-defined]

    yield _with(tree, once_more), "the first turn of the loop is left out", 1.0, f"{ast.unparse(loop.iter)}[1:]"

    def once_less(made: ast.FunctionDef) -> None:
        made.body[place].iter = ast.parse(f"list({ast.unparse(loop.iter)})[:-1]", mode="eval").body  # type: ignore[attr-defined]

    yield _with(tree, once_less), "the last turn of the loop is left out", 1.0, f"{ast.unparse(loop.iter)}[:-1]"


def _started_with_the_first(tree: ast.FunctionDef, place: int, loop: ast.For) -> Iterator[Change]:
    """Start from the first of the sequence in the place of a number, and go through the rest, or through all."""
    for k, statement in enumerate(tree.body[:place]):
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            name, sequence = ast.unparse(statement.targets[0]), ast.unparse(loop.iter)
            for rest, weight in (("[1:]", 0.8), ("", 0.9)):
                made = again(tree)
                made.body[k] = ast.parse(f"{name} = {sequence}[0]").body[0]
                made.body[place].iter = ast.parse(f"{sequence}{rest}", mode="eval").body  # type: ignore[attr-defined]
                yield made, f"{name} starts as the first of {sequence}", weight, f"{name} = {sequence}[0]"


def _carried_before(tree: ast.FunctionDef, place: int, loop: ast.For) -> Iterator[Change]:
    """Carry on what stands inside a function, and hand out what the function makes of it."""
    for k, statement in enumerate(loop.body):
        if not (isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call)):
            continue
        name, call = ast.unparse(statement.targets[0]), ast.unparse(statement.value.func)
        made = again(tree)
        body = made.body[place].body  # type: ignore[attr-defined]
        body[k].value = body[k].value.args[0]
        for later in body[k + 1 :]:
            for node in ast.walk(later):
                if isinstance(node, ast.Call):
                    node.args = [
                        ast.Call(ast.Name(call, ast.Load()), [a], []) if isinstance(a, ast.Name) and a.id == name else a
                        for a in node.args
                    ]
        yield made, f"what stands inside {call} is carried on, and not its result", 0.9, _line_of(made, tree)


def _not_carried(tree: ast.FunctionDef, place: int, name: str) -> None:
    """Give the new value of a variable another name, so that the next turn of the loop reads the old one."""
    new, given = f"new_{name}", False
    for statement in [*tree.body[place].body, *tree.body[place + 1 :]]:  # type: ignore[attr-defined]
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load) and given:
                node.id = new
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store):
                node.id, given = new, True


# ---------------------------------------------------------------- lines forgotten


def _forgotten(tree: ast.FunctionDef) -> Iterator[Change]:
    """Leave out a line, where what it gives has a value without it."""
    arguments = {argument.arg for argument in tree.args.args}
    for place, statement in enumerate(tree.body[:-1]):
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        if isinstance(target, ast.Name) and target.id in arguments:

            def forget(made: ast.FunctionDef, place: int = place) -> None:
                made.body.pop(place)

            yield _with(tree, forget), f"the line {ast.unparse(statement)} is missing", 0.9, ""
        if isinstance(statement, ast.For) and len(statement.body) > 1:
            for k, inner in enumerate(statement.body):

                def leave(made: ast.FunctionDef, place: int = place, k: int = k) -> None:
                    made.body[place].body.pop(k)  # type: ignore[attr-defined]

                yield _with(tree, leave), f"the line {ast.unparse(inner)} is missing", 0.9, ""
