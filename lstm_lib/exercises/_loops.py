"""Solutions whose loops or lines are others: a return inside, a state that is not carried, a line forgotten."""

import ast
import copy
import itertools
from collections.abc import Iterator

from lstm_lib.exercises._sketch import Build, again, assigned, lines_of, with_change


def loops(tree: ast.FunctionDef) -> Iterator[Build]:
    """Change what happens in a loop, what it starts from, or what it carries on."""
    for place, loop in enumerate(tree.body):
        if isinstance(loop, ast.For):
            yield from _of_loop(tree, place, loop)


def _of_loop(tree: ast.FunctionDef, place: int, loop: ast.For) -> Iterator[Build]:
    result = tree.body[-1]

    def inside(other: ast.FunctionDef) -> None:
        other.body[place].body.append(copy.deepcopy(result))  # type: ignore[attr-defined]

    line = ast.unparse(result)
    yield with_change(tree, inside), "return stands inside the loop, which ends after its first turn", 0.7, line

    for one, other in itertools.pairwise(range(len(loop.body))):

        def exchange(made: ast.FunctionDef, one: int = one, other: int = other) -> None:
            body = made.body[place].body  # type: ignore[attr-defined]
            body[one], body[other] = body[other], body[one]

        first, second = ast.unparse(loop.body[one]), ast.unparse(loop.body[other])
        words = f"two lines have changed places: {second} comes first"
        yield with_change(tree, exchange), words, 0.9, f"{second}\n{first}"

    for name in assigned(loop):
        if name in assigned(loop.target):
            continue
        made = again(tree)
        _not_carried(made, place, name)
        text = ast.unparse(made)
        yield text, f"{name} is not carried on: every turn starts from the first {name}", 0.8, lines_of(text, tree)

    for name in assigned(loop):
        if isinstance(result, ast.Return) and isinstance(result.value, ast.Name) and name == result.value.id:
            made = again(tree)
            made.body[place].body.append(ast.parse(f"total = total + {name}").body[0])  # type: ignore[attr-defined]
            made.body.insert(place, ast.parse("total = 0.0").body[0])
            made.body[-1] = ast.Return(ast.Name("total", ast.Load()))
            yield ast.unparse(made), f"the {name} of all turns are added up, and the last one belongs there", 0.9, ""
    yield from _begun_inside(tree, place)
    yield from _carried_before(tree, place, loop)
    yield from _result_inside(tree, place, loop)
    yield from _started_with_the_first(tree, place, loop)

    sequence = ast.unparse(loop.iter)
    for some, which in (("[1:]", "first"), ("[:-1]", "last")):

        def through(made: ast.FunctionDef, some: str = some) -> None:
            made.body[place].iter = ast.parse(f"list({sequence}){some}", mode="eval").body  # type: ignore[attr-defined]

        yield with_change(tree, through), f"the {which} turn of the loop is left out", 1.0, f"{sequence}{some}"


def _begun_inside(tree: ast.FunctionDef, place: int) -> Iterator[Build]:
    """Do inside the loop what belongs before it."""
    for k, statement in enumerate(tree.body[:place]):
        if isinstance(statement, ast.Assign):

            def inside(made: ast.FunctionDef, k: int = k) -> None:
                made.body[place].body.insert(0, made.body[k])  # type: ignore[attr-defined]
                made.body.pop(k)

            line = ast.unparse(statement)
            yield with_change(tree, inside), f"{line} stands inside the loop: every turn starts anew", 0.7, line


def _result_inside(tree: ast.FunctionDef, place: int, loop: ast.For) -> Iterator[Build]:
    """Do at every turn what is to be done to the result at the end, with the whole count or the count so far."""
    result = tree.body[-1]
    if not isinstance(result, ast.Return) or not isinstance(result.value, ast.BinOp):
        return
    sequence = ast.unparse(loop.iter)
    read = {node.id for node in ast.walk(result) if isinstance(node, ast.Name)}
    for name in assigned(loop):
        if name in read:
            line = f"{name} = {ast.unparse(result.value)}"
            counted = line.replace(f"len({sequence})", "turns")
            for text, count in ((line, ""), (counted, ", with the turns so far for the count")):
                made = again(tree)
                body = made.body[place].body  # type: ignore[attr-defined]
                body += ast.parse(f"turns = turns + 1\n{text}").body
                made.body.insert(place, ast.parse("turns = 0").body[0])
                made.body[-1] = ast.Return(ast.Name(name, ast.Load()))
                yield ast.unparse(made), f"what belongs to the end is done at every turn{count}", 0.9, text


def _started_with_the_first(tree: ast.FunctionDef, place: int, loop: ast.For) -> Iterator[Build]:
    """Start from the first of the sequence in the place of a number, and go through the rest, or through all."""
    for k, statement in enumerate(tree.body[:place]):
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            name, sequence = ast.unparse(statement.targets[0]), ast.unparse(loop.iter)
            for rest, weight in (("[1:]", 0.8), ("", 0.9)):
                made = again(tree)
                made.body[k] = ast.parse(f"{name} = {sequence}[0]").body[0]
                made.body[place].iter = ast.parse(f"{sequence}{rest}", mode="eval").body  # type: ignore[attr-defined]
                yield ast.unparse(made), f"{name} starts as the first of {sequence}", weight, f"{name} = {sequence}[0]"


def _carried_before(tree: ast.FunctionDef, place: int, loop: ast.For) -> Iterator[Build]:
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
        text = ast.unparse(made)
        yield text, f"what stands inside {call} is carried on, and not its result", 0.9, lines_of(text, tree)


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


def forgotten(tree: ast.FunctionDef) -> Iterator[Build]:
    """Leave out a line, where what it gives has a value without it."""
    arguments = {argument.arg for argument in tree.args.args}
    for place, statement in enumerate(tree.body[:-1]):
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        if isinstance(target, ast.Name) and target.id in arguments:

            def forget(made: ast.FunctionDef, place: int = place) -> None:
                made.body.pop(place)

            yield with_change(tree, forget), f"the line {ast.unparse(statement)} is missing", 0.9, ""
        if isinstance(statement, ast.For) and len(statement.body) > 1:
            for k, inner in enumerate(statement.body):

                def leave(made: ast.FunctionDef, place: int = place, k: int = k) -> None:
                    made.body[place].body.pop(k)  # type: ignore[attr-defined]

                yield with_change(tree, leave), f"the line {ast.unparse(inner)} is missing", 0.9, ""
