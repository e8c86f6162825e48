"""Compare an answer with the solution and, where it is wrong, with every known mistake.

What belongs to the learner is touched inside ``_sandbox.attempt``, or read in a way that runs none of its code: it may
break wherever it is looked at. Everything else is ours, and what it raises goes through: a fault of the exercise or of
its judge is never told as the learner's.
"""

import ast
import difflib
import math
import time
from functools import cache
from types import CodeType
from typing import Any, NamedTuple

from lstm_lib.exercises import _numbers, _rounded, _sandbox
from lstm_lib.exercises._decimals import of_pair
from lstm_lib.exercises._exercise import Exercise, Verdict
from lstm_lib.exercises._numbers import EXACT
from lstm_lib.exercises._probes import OddResult, Probe, Tree, has_numpy, make_probes, read, same
from lstm_lib.exercises._products import summed
from lstm_lib.exercises._search import Space
from lstm_lib.exercises._trying import code_of, try_all, wrong_arity
from lstm_lib.exercises._why import theirs_of, why
from lstm_lib.exercises._words import (
    Outcome,
    a_kind_of,
    adds_up,
    explained_number,
    explained_rounding,
    named,
    named_but,
    not_answered,
    passes,
    quote,
    right_but,
    rounded_early,
    say_difference,
    say_failure,
)

STOPPED = {"TimeUp", "SystemExit", "KeyboardInterrupt", "RecursionError"}  # failures that are no matter of a formula


def judge_code(exercise: Exercise, answer: Any) -> Verdict:
    """Run a function on every probe and compare."""
    if answer is None or answer is ...:
        return not_answered(exercise)
    if not callable(answer):
        call = f'check("{exercise.id}", {exercise.name})'
        wants = f"This exercise wants a function, and got {a_kind_of(answer)}"
        return Verdict(False, None, f"{wants}: write {call}, without calling {exercise.name}.")
    reference = _reference(exercise, has_numpy())
    with _sandbox.sandbox() as printed:
        code = code_of(answer)
        misfit = wrong_arity(answer, tuple(exercise.inputs))
        outcomes = [] if misfit else try_all(answer, code, reference.probes, reference.inputs, exercise.returns)
    if misfit:
        return Verdict(False, None, misfit)
    return _verdict(exercise, reference, outcomes, printed.getvalue(), code)


class Reference(NamedTuple):
    """What an answer is compared with: the probes, what their inputs hold, and the right results."""

    probes: tuple[Probe, ...]
    inputs: list[dict[str, Tree]]
    expected: list[Tree]


@cache
def _reference(exercise: Exercise, numpy: bool) -> Reference:
    probes = make_probes(exercise.id, exercise.inputs)
    inputs = [{name: read(value) for name, value in probe.inputs.items()} for probe in probes]
    return Reference(probes, inputs, _our_results(exercise, "solution", exercise.solution, probes))


@cache
def _known(exercise: Exercise, numpy: bool) -> dict[str, list[Tree]]:
    """Return what each known mistake makes of the probes."""
    probes = _reference(exercise, numpy).probes
    mistakes = exercise.mistakes.items()
    return {key: _our_results(exercise, f"mistake {key!r}", wrong, probes) for key, wrong in mistakes}


def _our_results(exercise: Exercise, what: str, ours: Any, probes: tuple[Probe, ...]) -> list[Tree]:
    """Return the results of a function of the catalogue, which works on every probe; if not, that is our fault."""
    try:
        with _sandbox.sandbox():
            return [read(ours(*probe.copy()), exercise.returns) for probe in probes]
    except Exception as error:
        error.add_note(f"This is a fault of the exercise {exercise.id!r}, in its {what}, and not of the answer.")
        raise


# ---------------------------------------------------------------- saying


def _verdict(
    exercise: Exercise, reference: Reference, outcomes: list[Outcome], printed: str, code: CodeType | None
) -> Verdict:
    """Weigh what happened, from the clearest case to the least clear one."""
    probes, _, expected = reference
    right = [_is_right(outcome, tree) for outcome, tree in zip(outcomes, expected, strict=False)]
    if any(outcome.odd == "..." for outcome in outcomes):
        return not_answered(exercise)
    styles: dict[str, list[int]] = {}
    for k in range(len(outcomes)):
        styles.setdefault(probes[k].style, []).append(k)
    changed = next((outcome.changed for outcome in outcomes if outcome.changed), ())
    if all(right):
        return passes(exercise, "", changed)
    for key, trees in _known(exercise, has_numpy()).items():
        if _alike(outcomes, trees, right, styles):
            return named(exercise, key)
    edge = [k for k in styles.pop("edge", ()) if not right[k]]
    good = [style for style, group in styles.items() if all(right[k] for k in group)]
    if "numbers" in good and (products := _summed(exercise, reference, outcomes, right, styles)):
        return adds_up(products)
    if good and not edge and len(outcomes) == len(probes) and _only_styles(exercise, good, styles, right, outcomes):
        pairs = zip(outcomes, expected, strict=True)
        listed = any(isinstance(one.tree, list) and not isinstance(tree, list) for one, tree in pairs)
        style = "list" if listed else good[0]
        return passes(exercise, style, changed, set(code.co_names) if code else set())
    if told := _explanation(exercise, reference, outcomes, styles, code):
        if all(outcome.failure for outcome in outcomes):
            return told._replace(message=f"{say_failure(outcomes[0], probes[0])}\n{told.message}")
        return told

    first = edge[0] if edge and good else right.index(False)
    note = "Right on plain numbers, not on arrays. " if "numbers" in good and probes[first].arrays else ""
    failed = first if outcomes[first].failure else next((k for k, one in enumerate(outcomes) if one.failure), None)
    if failed is not None and (failed == first or outcomes[first].tree is None):
        return Verdict(False, None, note + say_failure(outcomes[failed], probes[failed]))
    text = say_difference(exercise, probes[first], outcomes[first], expected[first], printed)
    return Verdict(False, None, note + text)


def _summed(
    exercise: Exercise, reference: Reference, outcomes: list[Outcome], right: list[bool], styles: dict[str, list[int]]
) -> list[str]:
    """Return the products that an answer adds up over the units, and is wrong for that."""
    some = styles.get("units") or styles.get("batch", [])
    if all(right[k] for k in some):
        return []
    return summed(exercise.solution_source, exercise.returns, reference.probes, {k: outcomes[k].numbers for k in some})


def _only_styles(
    exercise: Exercise, good: list[str], styles: dict[str, list[int]], right: list[bool], outcomes: list[Outcome]
) -> bool:
    """Tell whether an answer may be right in some styles only: it fails in the others, or nobody asked for them."""
    if "numbers" in good and not exercise.asks_for_arrays:
        return True
    rest = [k for style, group in styles.items() if style not in good for k in group]
    return all(right[k] or outcomes[k].failure for k in rest)


def _explanation(
    exercise: Exercise,
    reference: Reference,
    outcomes: list[Outcome],
    styles: dict[str, list[int]],
    code: CodeType | None,
) -> Verdict | None:
    """Return what is wrong with an answer in the styles that it takes, or None where no small change tells it."""
    usable = _taken(outcomes, styles) or styles.get("numbers", [])
    got = {k: outcomes[k].numbers for k in usable}
    kinds = {failure.kind for outcome in outcomes if (failure := outcome.failure)}
    if (space := _space(exercise, has_numpy())) is None or kinds & STOPPED:
        return None
    probes, expected = ({k: all_of[k] for k in usable} for all_of in (reference.probes, reference.expected))
    with _sandbox.sandbox():
        theirs = theirs_of(code, time.monotonic() + _sandbox.TIME_LIMIT)
        return why(exercise, space, probes, expected, got, theirs, code)


@cache
def _space(exercise: Exercise, numpy: bool) -> Space | None:
    """Return the changes of a solution, or None where it has no source that could be changed."""
    try:
        ast.parse(exercise.solution_source)
    except (OSError, SyntaxError, TypeError):
        return None
    probes = _reference(exercise, numpy).probes
    return Space(exercise.solution_source, exercise.returns, probes, exercise.also)


def _taken(outcomes: list[Outcome], styles: dict[str, list[int]]) -> list[int]:
    """List the probes of every style that an answer can take."""
    return [k for group in styles.values() if not all(outcomes[k].failure for k in group) for k in group]


def _is_right(outcome: Outcome, tree: Tree) -> bool:
    return outcome.failure is None and not outcome.odd and same(outcome.tree, tree)


def _alike(theirs: list[Outcome], known: list[Tree], right: list[bool], styles: dict[str, list[int]]) -> bool:
    """Tell whether an answer does what a known mistake does: on all probes, or on those of every style it can take."""
    group = _taken(theirs, styles)
    if not group or all(right[k] for k in group):
        return False
    return all(not theirs[k].failure and not theirs[k].odd and same(theirs[k].tree, known[k]) for k in group)


# ---------------------------------------------------------------- numbers and options


def judge_number(exercise: Exercise, answer: Any) -> Verdict:
    """Compare a number with the solution and with the known mistakes."""
    if answer is None or answer is ...:
        return not_answered(exercise)
    if issubclass(type(answer), str):
        return Verdict(False, None, f"Got {quote(answer)} as text; write the number without quotation marks.")
    if callable(answer):
        return Verdict(False, None, "This exercise wants a number, and got a function: hand over what it returns.")
    if pair := of_pair(answer):
        if pair.doubt:
            return Verdict(False, None, pair.doubt)
        verdict = judge_number(exercise, float(pair.text))
        return verdict._replace(message=f"{pair.note} {verdict.message}")
    solution = _one_number(exercise.solution)  # ours are read as theirs is, so that a fault of the reading is raised
    wrongs = {key: _one_number(wrong) for key, wrong in exercise.mistakes.items()}
    with _sandbox.sandbox():
        number, failure = _sandbox.attempt(lambda: _one_number(answer), time.monotonic() + _sandbox.TIME_LIMIT, None)
    if failure is not None:
        point = " Decimals are written with a point: 0.5." if type(answer) is tuple else ""
        return Verdict(False, None, f"This exercise wants one number, and got {a_kind_of(answer)}.{point}")
    if not math.isfinite(number):
        return Verdict(False, None, f"Got {number}, expected a finite number.")
    if _close(number, solution, exercise.tolerance):
        return Verdict(True, None, f"Right, {solution:.4g}: {exercise.right}")
    # 0 and 1 are guessed, too: they look like a mistake only where it gives just that. And who is accused of a mistake
    # may have rounded what it gives, but not by more than a hundredth.
    near = 1e-12 if number in (0, 1) else max(min(exercise.tolerance, 0.01), 1e-12)
    far = {key: abs(number - wrong) for key, wrong in wrongs.items()}
    known = {key: distance for key, distance in far.items() if distance <= near * abs(wrongs[key])}
    nearest = min(known, key=known.__getitem__, default="")
    if nearest and known[nearest] <= EXACT * abs(wrongs[nearest]):
        return named(exercise, nearest)
    if early := _rounded.too_early(exercise.working, number, solution, exercise.tolerance):
        return rounded_early(*early)
    if nearest:
        return named(exercise, nearest)
    if how := _rounded.scaled(number, solution, exercise.tolerance):
        return right_but(how)
    if but := _known_but(number, wrongs, EXACT):
        return named_but(exercise, *but)
    if found := _numbers.explain(exercise.working, exercise.statement, number, solution, exercise.tolerance):
        return explained_number(number, found, exercise.working, exercise.lines[0])
    if but := _known_but(number, wrongs, near):
        return named_but(exercise, *but)
    if some := _rounded.explain_rounded(
        exercise.working, exercise.statement, number, solution, exercise.tolerance
    ):
        return explained_rounding(number, *some)
    side = "large" if number > solution else "small"
    return Verdict(False, None, f"Got {number:.10g}, which is too {side}. Begin with\n    {exercise.lines[0]}")


def _known_but(number: float, wrongs: dict[str, float], room: float) -> tuple[str, str] | None:
    """Return a known mistake that gives a number in all but one thing, and that thing."""
    return next(((key, how) for key, wrong in wrongs.items() if (how := _rounded.scaled(number, wrong, room))), None)


def _one_number(answer: Any) -> float:
    if issubclass(type(answer), (bool, complex)):
        raise OddResult(f"{a_kind_of(answer)}, not a number")
    if hasattr(answer, "__float__") and getattr(answer, "ndim", 0) == 0:
        return float(answer)
    tree = read(answer)
    while isinstance(tree, list) and len(tree) == 1:
        tree = tree[0]
    if isinstance(tree, list):
        raise OddResult("more than one number, or none")
    return float(tree)


def _close(number: float, wanted: float, tolerance: float) -> bool:
    return abs(number - wanted) <= tolerance * abs(wanted) + 1e-12


def judge_option(exercise: Exercise, answer: Any) -> Verdict:
    """Look up the chosen option."""
    if answer is None or answer is ...:
        return not_answered(exercise)
    options = ", ".join(repr(option) for option in exercise.options)
    if not issubclass(type(answer), str):
        return Verdict(False, None, f"Pick one option by its name, as text: {options}. Got {a_kind_of(answer)}.")
    option = "-".join(str.__str__(answer).strip().strip("'\"`").lower().replace("_", " ").split())
    if option == exercise.solution:
        return Verdict(True, None, f"Right: {exercise.right}")
    for key, wrong in exercise.mistakes.items():
        if option == wrong:
            return named(exercise, key)
    near = difflib.get_close_matches(option[:80], exercise.options, n=1)
    meant = f" Did you mean {near[0]!r}?" if near else ""
    return Verdict(False, None, f"Got {quote(answer)}, expected one of {options}.{meant}")
