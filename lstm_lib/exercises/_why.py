"""Why an answer is wrong: by a change of the solution, of the answer itself, or by what each of its branches does."""

from collections.abc import Callable
from types import CodeType
from typing import Any

from lstm_lib.exercises import _sandbox
from lstm_lib.exercises._branches import branches
from lstm_lib.exercises._changes import Change
from lstm_lib.exercises._exercise import Exercise, Verdict
from lstm_lib.exercises._lines import line_by_line
from lstm_lib.exercises._names import names_of
from lstm_lib.exercises._probes import Probe, Tree, same
from lstm_lib.exercises._repair import Case, Repair, is_copy, repair
from lstm_lib.exercises._search import Space
from lstm_lib.exercises._sketch import function_of
from lstm_lib.exercises._theirs import Theirs, read_theirs, source_of_code
from lstm_lib.exercises._words import branched, explained, repaired

Results = dict[int, Tree | None]  # what came out, by number of the probe; None where it failed
QUESTIONS = 2  # of an answer, whose branches are looked at


def why(
    exercise: Exercise,
    space: Space,
    probes: dict[int, Probe],
    expected: dict[int, Tree],
    got: Results,
    theirs: Theirs | None,
    code: CodeType | None = None,
) -> Verdict | None:
    """Return what is wrong with an answer, in its own names, or None where no small change tells it.

    Args:
        exercise: What was asked.
        space: The changes of its solution.
        probes: What the answer can take.
        expected: The right results.
        got: What it gave.
        theirs: Its source, if it is simple enough.
        code: What it was compiled to, if it is written in Python.
    """
    told = _why(exercise, space, probes, expected, got, theirs)
    if told is None:
        return None
    case = Case(theirs, exercise.returns, probes, expected, 0) if theirs and probes else None
    names = names_of(exercise, case, code)
    return told._replace(message=names.said(told.message))


def _why(
    exercise: Exercise,
    space: Space,
    probes: dict[int, Probe],
    expected: dict[int, Tree],
    got: Results,
    theirs: Theirs | None,
) -> Verdict | None:
    wrong = [k for k, tree in got.items() if tree is not None and not same(tree, expected[k])]
    if not wrong:
        better = _mended(exercise, probes, expected, got, theirs)
        return repaired(exercise, better) if better else None
    if found := space.single(got, wrong):
        return explained(exercise, found)
    case = Case(theirs, exercise.returns, probes, expected, wrong[0]) if theirs else None
    if case and not is_copy(case, got):
        case = None
    if case and (better := repair(case, function_of(exercise.solution_source))):
        return repaired(exercise, better)
    if case and (told := _by_branch(space, case)):
        return branched(*told)
    if found := _on_numbers(space, probes, got, wrong):
        return explained(exercise, found, "On plain numbers, yours")
    if case and (change := line_by_line(exercise.solution_source, case, got)):
        return explained(exercise, [change], "Yours" if space.gives(change, got) else "On plain numbers, yours")
    if found := space.find(got, wrong):
        return explained(exercise, found)
    return None


def _mended(
    exercise: Exercise, probes: dict[int, Probe], expected: dict[int, Tree], got: Results, theirs: Theirs | None
) -> Repair | None:
    """Return the change that makes an answer right that gives no result at all, or None."""
    if theirs is None or not probes:
        return None
    case = Case(theirs, exercise.returns, probes, expected, min(probes))
    return repair(case, function_of(exercise.solution_source)) if is_copy(case, got) else None


def _on_numbers(space: Space, probes: dict[int, Probe], got: Results, wrong: list[int]) -> list[Change]:
    """Return the changes that do on plain numbers what an answer does, where arrays are another matter."""
    some = {k: tree for k, tree in got.items() if not probes[k].arrays}
    bad = [k for k in wrong if k in some]
    if not bad or len(some) == len(got) or len({repr(tree) for tree in some.values()}) == 1:  # 1.0 tells nothing
        return []
    return space.single(some, bad)


def _by_branch(space: Space, case: Case) -> tuple[str, list[Change], list[Change]] | None:
    """Return a question, and what the answer behaves like if it is answered yes, and no; nothing where it is right."""
    for number, (asked, *ways) in enumerate(branches(case.theirs)):
        if number == QUESTIONS:
            break
        found = [_of_one(space, case, way) for way in ways]
        if None not in found:
            return asked, found[0] or [], found[1] or []
    return None


def _of_one(space: Space, case: Case, way: Callable[..., Any]) -> list[Change] | None:
    got = {k: case.gives(way, k) for k in case.probes}
    wrong = [k for k, tree in got.items() if tree is not None and not same(tree, case.expected[k])]
    if not wrong:
        return [] if None not in got.values() else None
    return space.single(got, wrong) or None


def theirs_of(code: CodeType | None, deadline: float) -> Theirs | None:
    """Return the source of an answer, if there is one that is simple enough."""
    source, _ = _sandbox.attempt(lambda: source_of_code(code), deadline, None)
    return read_theirs(source) if isinstance(source, str) and source else None
