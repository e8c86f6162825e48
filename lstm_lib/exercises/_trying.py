"""Call an answer on every probe and keep what came out; whatever it does there, it is survived and told."""

import inspect
import time
from types import CodeType
from typing import Any

from lstm_lib.exercises import _sandbox
from lstm_lib.exercises._probes import OddResult, Probe, Tree, read
from lstm_lib.exercises._words import Outcome, a_kind_of


def wrong_arity(answer: Any, names: tuple[str, ...]) -> str:
    """Return what to say if the function cannot take the arguments, or nothing."""
    deadline = time.monotonic() + _sandbox.TIME_LIMIT
    takes, _ = _sandbox.attempt(lambda: _arguments_if_wrong(answer, names), deadline, None)
    if takes is None:  # it can, or it cannot say: built-in functions may have no signature
        return ""
    return f"Your function takes ({takes}), expected {len(names)} arguments: ({', '.join(names)})."


def _arguments_if_wrong(answer: Any, names: tuple[str, ...]) -> str | None:
    signature = inspect.signature(answer)
    try:
        signature.bind(*names)
    except TypeError:
        return ", ".join(signature.parameters)
    return None


def try_all(
    answer: Any, code: CodeType | None, probes: tuple[Probe, ...], inputs: list[dict[str, Tree]], names: tuple[str, ...]
) -> list[Outcome]:
    """Return what came of each probe, up to one after which nothing more can be called.

    Args:
        answer: What is called.
        code: Its code object, which tells its lines from ours.
        probes: What it is called with.
        inputs: The same as numbers and lists, to see what it changes.
        names: Names of the returned values.
    """
    _sandbox.load(code)
    deadline = time.monotonic() + _sandbox.TIME_LIMIT
    outcomes = []
    for probe, before in zip(probes, inputs, strict=True):
        given = probe.copy()
        outcome = _try_one(answer, given, names, deadline, code)
        if outcome.failure is None:
            outcome = outcome._replace(changed=_changed(before, given, deadline))
        outcomes.append(outcome)
        failure = outcome.failure
        if failure is not None and failure.kind in ("TimeUp", "SystemExit", "KeyboardInterrupt"):
            break
    return outcomes


def _try_one(answer: Any, inputs: list[Any], names: tuple[str, ...], deadline: float, code: CodeType | None) -> Outcome:
    value, failure = _sandbox.attempt(lambda: answer(*inputs), deadline, code)
    if failure is None:
        result, failure = _sandbox.attempt(lambda: _read_theirs(value, names), deadline, code)
    if failure is not None:
        return Outcome(failure=failure)
    tree, odd = result
    return Outcome(tree, odd)


def _read_theirs(value: Any, names: tuple[str, ...]) -> tuple[Tree, str]:
    """Return (result, nothing), or (None, what it is instead of numbers)."""
    try:
        return read(value, names), ""
    except OddResult as error:
        return None, str(error)
    except Exception:  # an object of the learner's own may break wherever it is looked at
        return None, f"{a_kind_of(value)} that cannot be read as numbers"


def _changed(before: dict[str, Tree], inputs: list[Any], deadline: float) -> tuple[str, ...]:
    """Return the names of the inputs that are not what they were; the answer may have put anything into them."""
    after, failure = _sandbox.attempt(lambda: [_read_theirs(value, ())[0] for value in inputs], deadline, None)
    if failure is not None:
        return tuple(before)
    return tuple(name for (name, tree), now in zip(before.items(), after, strict=True) if now != tree)


def code_of(answer: Any) -> CodeType | None:
    """Return the code object of an answer, if it has one."""
    code, _ = _sandbox.attempt(lambda: _code_of(answer), time.monotonic() + _sandbox.TIME_LIMIT, None)
    return code  # type: ignore[no-any-return]


def _code_of(answer: Any) -> CodeType | None:
    """Return the code object of a function, of a partial or decorated one, or of an instance that can be called."""
    for candidate in (inspect.unwrap(answer), getattr(answer, "func", None), vars(type(answer)).get("__call__")):
        code = getattr(candidate, "__code__", None)
        if isinstance(code, CodeType):
            return code
    return None
