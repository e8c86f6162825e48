"""Several mistakes at once, each in a line of its own: what a learner's variable holds tells what went wrong there.

Where an answer has variables of the solution's names, each of them is compared with the solution's. One that differs
is explained by one change of the lines since the last one that agreed, with the changes above in force; so is each
result.
"""

import ast
import copy
import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from lstm_lib.exercises._changes import Change, edits_of_source, key, key_of, plain_sketch, slack
from lstm_lib.exercises._probes import Probe, Tree, read, same
from lstm_lib.exercises._repair import Case
from lstm_lib.exercises._sites import TURNS, compiled, turns
from lstm_lib.exercises._sketch import Edit, Sketch, assembled
from lstm_lib.exercises._templates import source_of

FAR_FETCHED = 1.3  # edits up to this weight are tried
LIKELY = 0.9  # edits up to this weight are tried in pairs
PAIRED = 30  # of them
OF_RETURN = 2  # places in the line that returns a variable
MOST = 6  # changes that are told together


class Step(NamedTuple):
    """A variable or a result of the solution, and what the answer has there, by number of the probe."""

    sketch: Sketch  # the solution up to there
    part: int | None
    wanted: dict[int, Tree]

    def fits(self, edits: tuple[Edit, ...], probes: dict[int, Probe]) -> bool:
        """Tell whether the solution with these edits holds the same there."""
        function = self.sketch.function(edits)
        for k, tree in self.wanted.items():
            try:
                value = function(*probes[k].copy())
                value = value if self.part is None else value[self.part]
                if abs(key_of(value, ()) - key(tree)) > slack(tree) or not same(read(value), tree):
                    return False
            except Exception:  # see Change.run
                return False
        return True


def line_by_line(source: str, case: Case, got: dict[int, Tree | None]) -> Change | None:
    """Return the solution with a change in each line where the answer differs, or None where that does not tell all."""
    plain = plain_sketch(source)
    if any(isinstance(statement, ast.For) for statement in plain.tree.body):
        return None
    probes = {k: probe for k, probe in case.probes.items() if not probe.arrays and got[k] is not None}
    found: tuple[Edit, ...] = ()
    start, all_edits = 0, [edit for edit in edits_of_source(source) if edit.weight <= FAR_FETCHED]
    for step in _steps(plain, held(case, probes), got, probes):
        if not step.fits(found, probes):
            last = len(step.sketch.nodes) - (0 if step.sketch is plain else OF_RETURN)
            edits = [edit for edit in all_edits if start <= min(edit.sites) and max(edit.sites) < last]
            likely = [edit for edit in edits if edit.weight <= LIKELY]
            tried = itertools.chain(((edit,) for edit in edits), itertools.combinations(likely[:PAIRED], 2))
            some = next((some for some in tried if step.fits((*found, *some), probes)), None)
            if some is None and step.sketch is plain:
                return None
            if some is None:
                continue
            found = (*found, *some)
        if step.sketch is not plain:
            start = len(step.sketch.nodes) - OF_RETURN
    change = Change(plain, found, sum(edit.weight for edit in found))
    made = {k: change.run(probe.copy(), case.names) for k, probe in probes.items()}
    fits = all(tree is not None and same(tree, got[k]) for k, tree in made.items())
    return change if 1 < len(found) <= MOST and fits else None


def _steps(
    plain: Sketch, held: dict[str, dict[int, Tree]], got: dict[int, Tree | None], probes: dict[int, Probe]
) -> Iterator[Step]:
    lines = [source_of(statement) for statement in plain.tree.body]
    for k, statement in enumerate(plain.tree.body):
        target = statement.targets[0] if isinstance(statement, ast.Assign) else None
        name = target.id if isinstance(target, ast.Name) else ""
        if name in held and held[name] != {k: probe.inputs.get(name) for k, probe in probes.items()}:  # not touched
            source = assembled(plain.tree, [*lines[: k + 1], f"return {name}"])
            yield Step(Sketch(source), None, held[name])
    result = plain.tree.body[-1]
    if not (isinstance(result, ast.Return) and isinstance(result.value, ast.Tuple)):
        yield Step(plain, None, {k: got[k] for k in probes})
        return
    count = len(result.value.elts)
    if all(isinstance(tree := got[k], list) and len(tree) == count for k in probes):
        for part in range(count):
            yield Step(plain, part, {k: got[k][part] for k in probes})  # type: ignore[index]


def held(case: Case, probes: dict[int, Probe], *, lists: bool = False) -> dict[str, dict[int, Tree]]:
    """Return what the variables of an answer hold at its end: numbers, and lists of numbers if they are asked for."""
    tree = copy.deepcopy(case.theirs.tree)
    names = ast.parse("locals()", mode="eval").body
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and node.value:
            node.value = ast.Tuple([names], ast.Load())
    function: Callable[..., Any] = compiled(ast.unparse(tree), {})
    found: dict[str, dict[int, Tree]] = {}
    for k, probe in probes.items():
        turns.left = TURNS
        try:
            (values,) = function(*probe.copy())
        except Exception:
            return {}
        for name, value in values.items():
            numbers = value if lists and type(value) is list else [value]
            if numbers and all(type(each) is float for each in numbers):
                found.setdefault(name, {})[k] = value
    return {name: values for name, values in found.items() if len(values) == len(probes)}
