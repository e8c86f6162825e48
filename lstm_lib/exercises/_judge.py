"""Compare an answer with the solution and, where it is wrong, with every known mistake."""

import difflib
import inspect
import math
import time
from functools import cache
from types import CodeType
from typing import TYPE_CHECKING, Any, NamedTuple

from lstm_lib.exercises import _sandbox
from lstm_lib.exercises._probes import OddResult, Probe, Tree, has_numpy, make_probes, read, same
from lstm_lib.exercises._words import (
    Outcome,
    Verdict,
    a_kind_of,
    changes_input,
    named,
    not_answered,
    quote,
    say_difference,
    say_failure,
)

if TYPE_CHECKING:
    from lstm_lib.exercises._core import Exercise


def judge_code(exercise: "Exercise", answer: Any) -> Verdict:
    """Run a function on every probe and compare."""
    if answer is None or answer is ...:
        return not_answered(exercise)
    if not callable(answer):
        call = f'check("{exercise.id}", {exercise.name})'
        wants = f"This exercise wants a function, and got {a_kind_of(answer)}"
        return Verdict(False, None, f"{wants}: write {call}, without calling {exercise.name}.")
    reference = _reference(exercise.id, has_numpy())
    with _sandbox.sandbox() as printed:
        wrong_arity, _ = _sandbox.attempt(
            lambda: _arity(exercise, answer), time.monotonic() + _sandbox.TIME_LIMIT, None
        )
        outcomes = [] if wrong_arity else _try_all(answer, reference.probes, exercise.returns)
    if wrong_arity:
        return Verdict(False, None, wrong_arity)
    return _verdict(exercise, reference, outcomes, printed.getvalue())


class Reference(NamedTuple):
    """What an answer is compared with: the probes and the right results."""

    probes: tuple[Probe, ...]
    expected: list[Tree]


@cache
def _reference(exercise_id: str, arrays: bool) -> Reference:
    exercise = _find(exercise_id)
    probes = make_probes(exercise.id, exercise.inputs, arrays)
    with _sandbox.sandbox():
        outcomes = _try_all(exercise.solution, probes, exercise.returns)
    return Reference(probes, [outcome.tree for outcome in outcomes])


@cache
def _known(exercise_id: str, arrays: bool) -> dict[str, list[Outcome]]:
    """Return what each known mistake does with the probes."""
    exercise, probes = _find(exercise_id), _reference(exercise_id, arrays).probes
    with _sandbox.sandbox():
        return {key: _try_all(wrong, probes, exercise.returns) for key, wrong in exercise.mistakes.items()}


def _find(exercise_id: str) -> "Exercise":
    from lstm_lib.exercises import EXERCISES

    return EXERCISES[exercise_id]


def _arity(exercise: "Exercise", answer: Any) -> str:
    """Return what to say if the function cannot take the arguments, or nothing."""
    wanted = ", ".join(exercise.inputs)
    try:
        signature = inspect.signature(answer)
    except Exception:  # built-in functions may have no signature
        return ""
    try:
        signature.bind(*exercise.inputs)
    except TypeError:
        takes = ", ".join(signature.parameters)
        return f"Your function takes ({takes}), expected {len(exercise.inputs)} arguments: ({wanted})."
    return ""


# ---------------------------------------------------------------- trying


def _try_all(answer: Any, probes: tuple[Probe, ...], names: tuple[str, ...]) -> list[Outcome]:
    deadline = time.monotonic() + _sandbox.TIME_LIMIT
    code, _ = _sandbox.attempt(lambda: _code_of(answer), deadline, None)
    outcomes = []
    for probe in probes:
        outcomes.append(_try_one(answer, probe, names, deadline, code))
        failure = outcomes[-1].failure
        if failure is not None and failure.kind in ("TimeUp", "SystemExit", "KeyboardInterrupt"):
            break
    return outcomes


def _try_one(answer: Any, probe: Probe, names: tuple[str, ...], deadline: float, code: CodeType | None) -> Outcome:
    inputs = probe.copy()

    def call() -> Outcome:
        value = answer(*inputs)
        try:
            tree, odd = read(value, names), ""
        except OddResult as error:
            tree, odd = None, str(error)
        except Exception:
            tree, odd = None, f"{a_kind_of(value)} that cannot be read as numbers"
        return Outcome(tree, odd, None, _changed(probe, inputs))

    outcome, failure = _sandbox.attempt(call, deadline, code)
    return outcome if failure is None else Outcome(failure=failure)


def _changed(probe: Probe, inputs: list[Any]) -> tuple[str, ...]:
    changed = []
    for (name, before), after in zip(probe.inputs.items(), inputs, strict=True):
        try:
            equal = read(before) == read(after)
        except Exception:
            equal = False
        if not equal:
            changed.append(name)
    return tuple(changed)


def _code_of(answer: Any) -> CodeType | None:
    """Return the code object of a function, of a partial or decorated one, or of an instance that can be called."""
    for candidate in (inspect.unwrap(answer), getattr(answer, "func", None), vars(type(answer)).get("__call__")):
        code = getattr(candidate, "__code__", None)
        if isinstance(code, CodeType):
            return code
    return None


# ---------------------------------------------------------------- saying


def _verdict(exercise: "Exercise", reference: Reference, outcomes: list[Outcome], printed: str) -> Verdict:
    """Weigh what happened, from the clearest case to the least clear one."""
    probes, expected = reference
    right = [_is_right(outcome, tree) for outcome, tree in zip(outcomes, expected, strict=False)]
    plain = [k for k in range(len(outcomes)) if not probes[k].arrays]
    arrays = [k for k in range(len(outcomes)) if probes[k].arrays]
    changed = next((outcome.changed for outcome in outcomes if outcome.changed), ())

    if any(outcome.odd == "..." for outcome in outcomes):
        return not_answered(exercise)
    if all(right) and not changed:
        return Verdict(True, None, f"Right: {exercise.right}")
    if changed and all(is_right or outcome.failure for is_right, outcome in zip(right, outcomes, strict=True)):
        return changes_input(exercise, changed)
    if not changed and arrays and all(right[k] for k in arrays) and all(outcomes[k].failure for k in plain):
        more = "With dot, sigmoid and tanh it works on plain numbers too."
        return Verdict(True, None, f"Right on arrays: {exercise.right} {more}")
    for key, theirs in _known(exercise.id, has_numpy()).items():
        if _alike(outcomes, theirs, right, plain, arrays):
            return named(exercise, key)

    first = right.index(False)
    note = "Right on plain numbers, not on arrays. " if probes[first].arrays else ""
    failed = next((k for k, outcome in enumerate(outcomes) if outcome.failure), None)
    if failed is not None and (failed == first or outcomes[first].tree is None):
        return Verdict(False, None, note + say_failure(outcomes[failed], probes[failed]))
    text = say_difference(exercise, probes[first], outcomes[first], expected[first], printed)
    return Verdict(False, None, note + text)


def _is_right(outcome: Outcome, tree: Tree) -> bool:
    return outcome.failure is None and not outcome.odd and same(outcome.tree, tree)


def _alike(ours: list[Outcome], theirs: list[Outcome], right: list[bool], plain: list[int], arrays: list[int]) -> bool:
    """Tell whether an answer does what a known mistake does: on all probes, or on all that it can take."""
    for group in (plain + arrays, plain, arrays):
        rest = [k for k in plain + arrays if k not in group]
        if not group or all(right[k] for k in group) or not all(ours[k].failure for k in rest):
            continue
        if all(not ours[k].failure and not ours[k].odd and not theirs[k].failure and not theirs[k].odd for k in group):
            return all(same(ours[k].tree, theirs[k].tree) for k in group)
    return False


# ---------------------------------------------------------------- numbers and options


def judge_number(exercise: "Exercise", answer: Any) -> Verdict:
    """Compare a number with the solution and with the known mistakes."""
    if answer is None or answer is ...:
        return not_answered(exercise)
    if issubclass(type(answer), str):
        return Verdict(False, None, f"Got {quote(answer)} as text; write the number without quotation marks.")
    if callable(answer):
        return Verdict(False, None, "This exercise wants a number, and got a function: hand over what it returns.")
    with _sandbox.sandbox():
        number, failure = _sandbox.attempt(lambda: _one_number(answer), time.monotonic() + _sandbox.TIME_LIMIT, None)
    if failure is not None:
        point = " Decimals are written with a point: 0.5." if type(answer) is tuple else ""
        return Verdict(False, None, f"This exercise wants one number, and got {a_kind_of(answer)}.{point}")
    if not math.isfinite(number):
        return Verdict(False, None, f"Got {number}, expected a finite number.")
    if _close(number, exercise.solution, exercise.tolerance):
        return Verdict(True, None, f"Right, {exercise.solution:.4g}: {exercise.right}")
    known = {
        key: abs(number - wrong)
        for key, wrong in exercise.mistakes.items()
        if _close(number, wrong, exercise.tolerance)
    }
    if known:
        return named(exercise, min(known, key=known.__getitem__))
    side = "large" if number > exercise.solution else "small"
    return Verdict(False, None, f"Got {number:.4g}, which is too {side}. Look at the line\n    {exercise.lines[0]}")


def _one_number(answer: Any) -> float:
    if issubclass(type(answer), (bool, complex)):
        raise OddResult
    if hasattr(answer, "__float__") and getattr(answer, "ndim", 0) == 0:
        return float(answer)
    tree = read(answer)
    while isinstance(tree, list) and len(tree) == 1:
        tree = tree[0]
    if isinstance(tree, list):
        raise OddResult
    return float(tree)


def _close(number: float, wanted: float, tolerance: float) -> bool:
    return abs(number - wanted) <= tolerance * abs(wanted) + 1e-12


def judge_option(exercise: "Exercise", answer: Any) -> Verdict:
    """Look up the chosen option."""
    if answer is None or answer is ...:
        return not_answered(exercise)
    options = ", ".join(repr(option) for option in exercise.options)
    if not issubclass(type(answer), str):
        return Verdict(False, None, f"Pick one option by its name, as text: {options}. Got {a_kind_of(answer)}.")
    option = "-".join(str(answer).strip().strip("'\"`").lower().replace("_", " ").split())
    if option == exercise.solution:
        return Verdict(True, None, f"Right: {exercise.right}")
    for key, wrong in exercise.mistakes.items():
        if option == wrong:
            return named(exercise, key)
    near = difflib.get_close_matches(option[:80], exercise.options, n=1)
    meant = f" Did you mean {near[0]!r}?" if near else ""
    return Verdict(False, None, f"Got {quote(answer)}, expected one of {options}.{meant}")


JUDGES = {"code": judge_code, "numeric": judge_number, "judgement": judge_option}
