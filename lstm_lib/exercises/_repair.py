"""The smallest change to a learner's own code that makes it right.

Where no small change of the solution does what an answer does, one of the answer may do what the solution does: a step
of a loop too few, a line that stands inside of it, a sum that runs on. That names the learner's own line.
"""

import ast
import itertools
import math
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from lstm_lib.exercises._brackets import brackets
from lstm_lib.exercises._changes import key, key_of, slack
from lstm_lib.exercises._donors import donors
from lstm_lib.exercises._edits import edits_of
from lstm_lib.exercises._moves import moves
from lstm_lib.exercises._probes import Probe, Tree, read, same
from lstm_lib.exercises._shown import show
from lstm_lib.exercises._sites import TURNS, compiled, turns
from lstm_lib.exercises._sketch import Edit, Sketch
from lstm_lib.exercises._templates import Whole, source_of
from lstm_lib.exercises._theirs import Theirs

TRIES = 4000  # of changes beyond the likely ones; a number, so that a slow machine says what a fast one says
SECONDS = 1.0  # of the processor, for answers that compute for long; the longest search took 0.15
FAR_FETCHED = 1.3  # edits up to this weight are tried
SWITCH = "is made a switch"  # a mistake, but nothing that makes an answer right
BORROWED = 0.5  # what the solution lends may be so large, as a share of the learner's function


class Repair(NamedTuple):
    """A change that makes an answer right: the learner's lines, the same after it, and what to do in words."""

    before: list[str]
    now: list[str]
    words: str


class Case(NamedTuple):
    """What a repair is tried on: a function, the probes that it can take, and the right results."""

    theirs: Theirs
    names: tuple[str, ...]
    probes: dict[int, Probe]
    expected: dict[int, Tree]
    first: int  # a probe where the answer is wrong

    def gives(self, function: Callable[..., Any], k: int) -> Tree | None:
        """Return what a function gives on a probe, or None where it fails."""
        turns.left = TURNS
        try:
            return read(function(*self.probes[k].copy()), self.names)
        except Exception:  # a change may make nonsense of a function in any way
            return None

    def is_right(self, function: Callable[..., Any]) -> bool:
        """Tell whether a function is right on every probe."""
        return all((made := self.gives(function, k)) is not None and same(made, self.expected[k]) for k in self.probes)


def is_copy(case: Case, got: dict[int, Tree | None]) -> bool:
    """Tell whether what we run does what the learner's did; on plain numbers, since arrays may be changed in place."""
    function = compiled(source_of(case.theirs.tree), {})
    plain = [k for k, probe in case.probes.items() if not probe.arrays] or list(case.probes)
    made = [(case.gives(function, k), got[k]) for k in plain]
    return all(a is b is None or (a is not None and b is not None and same(a, b)) for a, b in made)


def repair(case: Case, solution: ast.FunctionDef) -> Repair | None:
    """Return the smallest change that makes a function right, or None."""
    deadline, left = time.process_time() + SECONDS, itertools.count(TRIES, -1)
    sketch = Sketch(source_of(case.theirs.tree))
    wanted = key(case.expected[case.first])
    room = slack(case.expected[case.first])
    inputs = case.probes[case.first]

    def fits(function: Callable[..., Any]) -> bool:
        turns.left = TURNS
        try:
            value = key_of(function(*inputs.copy()), case.names)
        except Exception:
            return False
        return abs(value - wanted) <= room and case.is_right(function)

    def is_over() -> bool:
        return next(left) == 0 or time.process_time() > deadline

    edits = [edit for edit in edits_of(sketch, FAR_FETCHED) if SWITCH not in edit.words]
    likely = [edit for edit in edits if edit.weight <= 1]
    for edit in likely:
        if fits(sketch.function((edit,))):
            return _of_edit(case.theirs, sketch, edit)
    for source, words, before, now in itertools.chain(moves(case.theirs.tree), _brackets(case.theirs.tree)):
        if is_over():
            return None
        if fits(compiled(source, {})):
            written = [case.theirs.written(line) for line in before]
            return Repair(written, now, words)
    for edit in itertools.chain(_borrowed(sketch, solution), edits[len(likely) :]):
        if is_over():
            return None
        if fits(sketch.function((edit,))):
            return _of_edit(case.theirs, sketch, edit)
    return None


def _of_edit(theirs: Theirs, sketch: Sketch, edit: Edit) -> Repair:
    shown = show(sketch, (edit,))
    return Repair([theirs.written(before) for before, _ in shown], [now for _, now in shown], "")


def _brackets(tree: ast.FunctionDef) -> Iterator[tuple[str, str, list[str], list[str]]]:
    before = source_of(tree).splitlines()
    for source, _, _, line in brackets(tree):
        usual = [old.strip() for old, new in zip(before, source.splitlines(), strict=False) if old != new]
        yield source, "", usual, line.splitlines()


def _borrowed(sketch: Sketch, solution: ast.FunctionDef) -> Iterator[Edit]:
    """Put a piece of the solution that is made of arguments alone where a variable or the value of a line stands."""
    room = BORROWED * sum(1 for _ in ast.walk(sketch.tree))
    some = [text for text, size in donors(solution)[:-1] if size <= room]  # the last one is the whole result
    for site, node in enumerate(sketch.nodes):
        if isinstance(node, ast.Name | Whole):
            for text in some:
                yield Edit(((site, text),), text, math.inf)
