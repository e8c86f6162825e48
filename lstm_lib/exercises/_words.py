"""Put verdicts into words: which mistake it looks like, where it went wrong, what was got and what was expected."""

import math
import re
from collections.abc import Set
from typing import Any, NamedTuple

from lstm_lib.exercises import _numbers, _sandbox
from lstm_lib.exercises._changes import Change, lines
from lstm_lib.exercises._exercise import NAMES, Exercise, Verdict
from lstm_lib.exercises._probes import Probe, Tree, find, same, say, shape_of
from lstm_lib.exercises._repair import Repair
from lstm_lib.exercises._rounded import Early
from lstm_lib.exercises._sandbox import Failure, type_name
from lstm_lib.exercises._sketch import function_of


class Outcome(NamedTuple):
    """What an answer did with one probe: a result, or something odd, or a failure; and which inputs it changed."""

    tree: Tree = None
    odd: str = ""
    failure: Failure | None = None
    changed: tuple[str, ...] = ()

    @property
    def numbers(self) -> Tree | None:
        """The result, or None where there is none that could be read."""
        return None if self.failure or self.odd else self.tree


NOT_ANSWERED = "Not answered yet"


def not_answered(exercise: Exercise) -> Verdict:
    """Return the verdict on an untouched stub."""
    where = "its body with your lines" if exercise.kind == "code" else "the three dots with your answer"
    return Verdict(False, None, f"{NOT_ANSWERED}: in {exercise.name}, replace {where}, then run the cell again.")


def named(exercise: Exercise, key: str) -> Verdict:
    """Return the verdict on a known mistake."""
    mistake = exercise.catalogue[key]
    if mistake.line is None:
        return Verdict(False, key, mistake.says)
    return Verdict(False, key, f"{mistake.says} Look at the line\n    {exercise.lines[mistake.line - 1]}")


STYLES = {
    "numbers": "It works on plain numbers; with dot, sigmoid and tanh it would work on arrays too.",
    "units": "It works on one sequence; with dot it would work on a batch too.",
    "list": "It hands out a list with the number in it; the number alone is what is asked for.",
    "batch": "It works on arrays; with dot, sigmoid and tanh it would work on plain numbers too.",
}

DOT_TURNED = "It works on plain numbers; on arrays too once dot has the weights first: dot(W, z)."


def passes(exercise: Exercise, style: str, changed: tuple[str, ...], names: Set[str] = frozenset()) -> Verdict:
    """Return the verdict on a right answer, with a note on what else it could take, and on what it changes."""
    text = f"Right: {exercise.right}"
    if style:
        turned = style == "numbers" and "dot" in names and not names - {"dot", "sigmoid", "tanh"}
        text += f" {DOT_TURNED if turned else STYLES[style]}"
    if changed:
        told = " and ".join(changed)
        text += f" But your function changes its input {told} in place: whoever calls it may still need the old value."
    return Verdict(True, None, text)


def adds_up(products: list[str]) -> Verdict:
    """Return the verdict on an answer that adds up over the units where it should multiply."""
    what = " and ".join(products)
    text = "Right for one unit. With several, dot adds up over them, and one number is left; here each unit is"
    return Verdict(False, "dot for *", f"{text} multiplied with its own: write {what}, with a star.")


def explained(exercise: Exercise, found: list[Change], yours: str = "Yours") -> Verdict:
    """Return the verdict on an answer that is the solution with a small change."""
    best = found[0]
    others = [other for other in found[1:] if _as_likely(best, other)]
    if not (shown := _lines(best, 1)):
        return Verdict(False, f"edit: {'; '.join(best.words)}", f"In yours, {'; '.join(best.words)}.")
    text = "\n".join([f"{yours} behaves like", *shown])
    before = _lines(best, 0)
    if before and not _is_all(exercise, before):
        text = "\n".join([text, "where the solution has", *before])
    text += f"\n{_sentence(best)}"
    if others:
        text = "\n".join([text, "Or like", *_lines(others[0], 1), _sentence(others[0])])
    return Verdict(False, f"edit: {'; '.join(best.words)}", text)


def repaired(exercise: Exercise, change: Repair) -> Verdict:
    """Return the verdict on an answer that one change makes right."""
    before, now = ([f"    {line}" for line in lines] for lines in (change.before, change.now))
    if change.now:
        text = "\n".join(["One change makes yours right. In place of", *before, "write", *now])
        key = f"{'; '.join(change.now)} in place of {'; '.join(change.before)}"
    else:
        text = "\n".join([f"Yours is right {change.words}:", *before])
        key = f"right {change.words}: {'; '.join(change.before)}"
    return Verdict(False, f"edit: {key}", text)


def branched(asked: str, yes: list[Change], no: list[Change]) -> Verdict:
    """Return the verdict on an answer whose branches do different things, each of them known."""
    text = ["Your function asks whether", f"    {asked}"]
    for found, where in ((yes, "Where it is so"), (no, "Where it is not so")):
        if found:
            text += [f"{where}, yours behaves like", *_lines(found[0], 1), _sentence(found[0])]
        else:
            text.append(f"{where}, it is right.")
    so, otherwise = ("; ".join(found[0].words) if found else "right" for found in (yes, no))
    return Verdict(False, f"edit: {asked}? if so: {so}, if not: {otherwise}", "\n".join(text))


def explained_number(number: float, found: list[Change], working: str, first: str = "") -> Verdict:
    """Return the verdict on a number that a small change of the right expression gives, or one of two.

    Args:
        number: What was answered.
        found: One change, or two.
        working: The right expression.
        first: The line that leads to it; told where a formula of another kind gives the number.
    """
    whole = _numbers.whole(working)
    key = f"edit: {'; or '.join('; '.join(change.words) for change in found)}"
    if any(whole in _numbers.line(change) for change in found):  # nobody has asked for the solution yet
        maybe = ". Or: ".join(_without(whole, "; ".join(change.words)) for change in found)
        return Verdict(False, key, f"It may be that {maybe}.")
    if first and "another formula" in key:
        text = f"{number:.10g} is what {_numbers.line(found[0])} gives, which is another way. Begin with\n    {first}"
        return Verdict(False, key, text)
    if re.fullmatch(r"\d*\.?\d+", _numbers.line(found[0])):
        return Verdict(False, key, f"{number:.10g} is one of the numbers that the result is worked out from.")
    says = [f"    {_numbers.line(change)}\nThere {_without(whole, '; '.join(change.words))}." for change in found]
    sure = _numbers.significant_digits(number) >= _numbers.TELLING
    text = f"{number:.10g} is what this gives{'' if sure else ', it may be yours'}:\n" + "\nOr this:\n".join(says)
    return Verdict(False, key, text)


IN_ALL_BUT = {
    "sign": "Apart from its sign, this is",
    "per cent": "Taken as per cent, this is",
}
ASKED_FOR = {
    "sign": "Is a difference or a fraction turned around?",
    "per cent": "What is asked for is the share itself, a number between 0 and 1.",
}


def right_but(how: str) -> Verdict:
    """Return the verdict on a number that is right in all but one thing: its sign, or that it counts in per cent."""
    return Verdict(False, f"edit: {how}", f"{IN_ALL_BUT[how]} right. {ASKED_FOR[how]}")


def named_but(exercise: Exercise, key: str, how: str) -> Verdict:
    """Return the verdict on a number that is a known mistake's in all but one thing."""
    told = named(exercise, key)
    return told._replace(message=f"{IN_ALL_BUT[how]} a number that people get. {told.message}")


def rounded_early(early: Early, enough: int) -> Verdict:
    """Return the verdict on a number whose way is right, and on which something was rounded too early."""
    digits = f"{early.digits} digit{'s' * (early.digits > 1)}"
    text = f"The way is right, but a number on it was rounded to {early.stands}, which is {digits}."
    return Verdict(False, "edit: rounded too early", f"{text} Take at least {enough}, and round at the end alone.")


def explained_rounding(number: float, early: Early, change: Change) -> Verdict:
    """Return the verdict on a number that a small change gives once something was rounded on the way."""
    told = explained_number(number, [change], early.working)
    text = told.message.removesuffix(".")
    return told._replace(message=f"{text}, and {early.stands} is {early.piece}, rounded.")


def _without(whole: str, words: str) -> str:
    """Leave the solution out of what is said."""
    return words.replace(whole, "the result" if len(whole) > 3 else whole)


def _as_likely(best: Change, other: Change) -> bool:
    same_size = len(best.words) == len(other.words) and other.weight <= best.weight + 0.02
    return same_size and lines(other) != lines(best) and other.words != best.words


def _lines(change: Change, which: int) -> list[str]:
    return [f"    {line}" for pair in lines(change) for line in pair[which].splitlines() if line]


def _is_all(exercise: Exercise, shown: list[str]) -> bool:
    """Tell whether lines are all that a learner has to write: then they are left to the solution."""
    return len(function_of(exercise.solution_source).body) <= len(shown)


def _sentence(change: Change) -> str:
    return f"That is: {'; '.join(change.words)}."


def say_failure(outcome: Outcome, probe: Probe) -> str:
    """Say which exception came, from which line, on which input."""
    failure = outcome.failure
    assert failure is not None
    place, inputs = failure.place or ".", f"\nIt was called with {probe.describe()}."
    if failure.kind == "TimeUp":
        limit = f"{_sandbox.TIME_LIMIT:g} seconds"
        return f"Your function did not finish within {limit}: is there a loop that never ends? It was stopped{place}"
    if failure.kind == "SystemExit":
        return f"Your function asks Python to exit{place}\nThe check goes on without it: return a value instead."
    if failure.kind == "KeyboardInterrupt":
        return f"Your function was interrupted{place}"
    if failure.kind == "RecursionError":
        return f"Your function calls itself without end{place}{inputs}"
    words = f": {failure.words}" if failure.words else ""
    text = f"Your function stops with {failure.kind}{words}{',' if failure.place else ''}{place}{inputs}"
    return text + _advice(failure)


def _advice(failure: Failure) -> str:
    """Say what a slip of a beginner means whose exception does not tell."""
    if "multiply sequence" in failure.words:
        return "\nA row of numbers cannot be multiplied with *: dot(W, z) multiplies pair by pair, and adds up."
    if "too many values to unpack" in failure.words and " + " in failure.place:
        return "\nIn Python a list + a list is one longer list: take W[k] and b[k] for each gate, and add numbers."
    if "for ^" in failure.words:
        return "\nPython writes a power with two stars: x ** 2."
    name = re.match(r"name '(\w+)' is not defined", failure.words)
    if name and name[1] in NAMES:
        return f"\nEach exercise stands alone: what {name[1]} did has to be written here again."
    return ""


def say_difference(exercise: Exercise, probe: Probe, outcome: Outcome, tree: Tree, printed: str) -> str:
    """Say what was got and what was expected, on the smallest input that shows it."""
    start = f"With {probe.describe()}, "
    names = exercise.returns
    wanted = f"{len(names)} values, {', '.join(names)}" if len(names) > 1 else names[0]
    if outcome.odd:
        missing = " Is the return missing?" if outcome.odd == "None" else ""
        return f"{start}your function returns {outcome.odd}, expected {wanted}.{missing}"
    text = f"{start}got {', expected '.join(_apart(outcome.tree, tree, names))}."
    if shape_of(outcome.tree) != shape_of(tree) or probe.arrays:
        text = f"{start}{_say_shapes(outcome.tree, tree)}"
    if len(names) > 1 and isinstance(outcome.tree, list) and len(outcome.tree) == len(names):
        good = [name for name, a, b in zip(names, outcome.tree, tree, strict=True) if same(a, b)]
        text += f" Right already: {', '.join(good)}." if good else ""
    if find(outcome.tree, lambda value: not math.isfinite(value)):
        text += " nan and inf come from a division by zero, or from numbers that grow without bound."
    if outcome.changed:
        text += f" Your function also changes its input {' and '.join(outcome.changed)} in place."
    return text + (f"\nIt printed: {' '.join(printed.split())[:200]}" if printed.strip() else "")


def _apart(ours: Tree, tree: Tree, names: tuple[str, ...] = ()) -> tuple[str, str]:
    """Write two results with four digits, or with so many that they are seen to differ."""
    for digits in (4, 7, 10, 17):
        written = _say_result(ours, names, digits), _say_result(tree, names, digits)
        if written[0] != written[1]:
            break
    return written


def _say_result(tree: Tree, names: tuple[str, ...], digits: int) -> str:
    if len(names) > 1 and isinstance(tree, list) and len(tree) == len(names):
        return ", ".join(f"{name} = {say(part, digits)}" for name, part in zip(names, tree, strict=True))
    return say(tree, digits)


def _say_shapes(ours: Tree, tree: Tree) -> str:
    if shape_of(ours) != shape_of(tree):
        return f"got {_say_shape(shape_of(ours))}, expected {_say_shape(shape_of(tree))}."
    index, a, b = _first_difference(ours, tree)
    got, expected = _apart(a, b)
    return f"got {got} at {index}, expected {expected}."


def _say_shape(shape: tuple[int, ...] | None) -> str:
    if shape is None:
        return "rows of different lengths"
    if not shape:
        return "one number"
    return f"{shape[0]} numbers" if len(shape) == 1 else f"shape {shape}"


def _first_difference(ours: Tree, tree: Tree) -> tuple[list[int], float, float]:
    if not isinstance(tree, list):
        return [], ours, tree
    for k, (a, b) in enumerate(zip(ours, tree, strict=True)):
        if not same(a, b):
            index, x, y = _first_difference(a, b)
            return [k, *index], x, y
    raise AssertionError("the trees are the same")


def quote(text: str) -> str:
    """Quote a text, cut to a readable length; what a text of the learner's own kind does stays out of it."""
    text = str.__str__(text)
    return repr(text if len(text) <= 40 else text[:39] + "…")


def a_kind_of(value: Any) -> str:
    """Name the type of a value, with its article."""
    name = type_name(value)[:40]
    return "None" if value is None else f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
