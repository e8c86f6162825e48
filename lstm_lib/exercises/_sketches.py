"""Solutions of another build: a line forgotten, a return inside the loop, a state that is not carried, other brackets.

What can be changed at one place of an expression is in ``_edits``; here are the changes that move or join lines.
"""

import ast
import copy
import itertools
from collections.abc import Iterator

from lstm_lib.exercises._brackets import brackets
from lstm_lib.exercises._loops import forgotten, loops
from lstm_lib.exercises._sketch import Build, Sketch, again, assembled, assigned, function_of
from lstm_lib.exercises._templates import source_of

TWICE = 100  # builds whose brackets are moved twice


def sketches(source: str) -> list[Sketch]:
    """Return the solution as a sketch, and after it every sketch of another build."""
    tree = function_of(source)
    plain = Sketch(source_of(tree))
    found, seen = [plain, *_orders(plain)], {plain.source}
    for base in _bases(tree):
        seen.add(source_of(base))
    for build in itertools.chain(_builds(tree), *map(brackets, _bases(tree))):
        if build[0] not in seen:
            seen.add(build[0])
            found.append(Sketch(*build))
    return sorted(found, key=lambda sketch: sketch.weight)


def _builds(tree: ast.FunctionDef) -> Iterator[Build]:
    yield from brackets(tree)
    yield from _results(tree)
    yield from loops(tree)
    yield from forgotten(tree)
    yield from _unpacked(tree)


def _unpacked(tree: ast.FunctionDef) -> Iterator[Build]:
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
            yield ast.unparse(made), f"the parts are taken in another order: {'; '.join(lines)}", 0.9, "\n".join(lines)


def _is_unpacking(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Tuple)


def further(source: str, others: tuple[str, ...]) -> list[Sketch]:
    """Return the same solution in other builds, and those whose brackets are moved twice."""
    tree = function_of(source)
    bases = [*_bases(tree), *map(function_of, others)]
    found = [Sketch(source_of(base), "", 0.3) for base in bases]
    seen = {source_of(base) for base in [tree, *bases]}
    for once, words, weight, _ in brackets(bases[0] if bases else tree):
        for twice, more, heavier, line in brackets(function_of(once)):
            if twice not in seen and len(seen) < TWICE:
                seen.add(twice)
                found.append(Sketch(twice, words if more == words else f"{words}; {more}", weight + heavier, line))
    return found


def _bases(tree: ast.FunctionDef) -> list[ast.FunctionDef]:
    """Return a solution without helper variables, and one without sums in brackets, where they differ from it."""
    short = _inlined(tree)
    found = [] if short is None else [short]
    expanded = ast.fix_missing_locations(_Expand().visit(copy.deepcopy(short or tree)))
    if ast.unparse(expanded) not in {ast.unparse(each) for each in [tree, *found]}:
        found.append(expanded)
    return [function_of(ast.unparse(each)) for each in found]


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


# ---------------------------------------------------------------- results


def _orders(plain: Sketch) -> Iterator[Sketch]:
    """Give the results in another order, too few of them, or one for all."""
    result = plain.tree.body[-1]
    if not (isinstance(result, ast.Return) and isinstance(result.value, ast.Tuple | ast.List)):
        return
    parts = [source_of(part) for part in result.value.elts]
    count = range(len(parts))

    def handed(words: str, weight: float, order: tuple[int, ...] | int) -> Sketch:
        some = [order] if isinstance(order, int) else order
        line = f"return {', '.join(parts[k] for k in some)}"
        return Sketch(plain.source, words.format(line), weight, line, order, plain)

    for order in itertools.permutations(count):
        moved = sum(k != place for place, k in enumerate(order))
        if moved:
            yield handed("the results stand in another order: {}", 0.7 + 0.05 * moved, order)
    for k, part in enumerate(parts):
        yield handed(f"the result {part} is missing", 0.9, tuple(other for other in count if other != k))
        yield handed(f"only {part} is returned", 0.9, k)


def _results(tree: ast.FunctionDef) -> Iterator[Build]:
    """Give something else than the result, or a part of it."""
    result = tree.body[-1]
    before = [source_of(statement) for statement in tree.body[:-1]]
    value = source_of(result.value) if isinstance(result, ast.Return) and result.value else ""

    def giving(text: str) -> tuple[str, str]:
        line = source_of(ast.parse(f"return {text}").body[0])
        return assembled(tree, [*before, line]), line

    if isinstance(result, ast.Return) and isinstance(result.value, ast.Tuple | ast.List):
        yield from _overwritten(tree, result.value.elts)
    if not (isinstance(result, ast.Return) and isinstance(result.value, ast.Name)):
        return
    for text, words in (
        (f"{value}[-1]", f"only the last of {value} is returned"),
        (f"{value}[::-1]", f"{value} is returned backwards"),
        (f"{value}[1:]", f"the first of {value} is left out"),
        (f"{value}[:-1]", f"the last of {value} is left out"),
        (f"{value} / len({value})", f"{value} is divided by its count"),
    ):
        made, line = giving(text)
        yield made, words, 0.9, line
    for argument in tree.args.args:
        made, line = giving(f"[{argument.arg}] + {value}")
        yield made, f"{argument.arg} stands in front of the results", 0.9, line
        made, line = giving(f"[{argument.arg}] + {value}[:-1]")
        yield made, f"the results are one step late: {argument.arg} comes first, and the last is left out", 0.9, line
    for name in assigned(tree):
        if name != value:
            made, line = giving(name)
            yield made, f"{name} is returned, and {value} belongs there", 0.8, line


def _overwritten(tree: ast.FunctionDef, parts: list[ast.expr]) -> Iterator[Build]:
    """Assign the results one after the other, where they have the names of arguments that later ones still read."""
    names = [argument.arg for argument in tree.args.args][: len(parts)]
    if len(parts) < 2 or len(names) < len(parts) or len(tree.body) > 1:
        return
    lines = [f"{name} = {source_of(part)}" for name, part in zip(names, parts, strict=True)]
    made = assembled(tree, [*lines, f"return {', '.join(names)}"])
    words = "each value is overwritten before the next one reads it"
    yield made, words, 0.8, "\n".join(lines)
