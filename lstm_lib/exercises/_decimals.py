"""Read a decimal comma as a point, where it can be nothing else: 0,5 is 0.5, and 1,024 is asked about.

``widgets/quiz_kinds.js`` has the same rule for quizzes.
"""

import re
from typing import Any, NamedTuple

_COMMA = re.compile(r"(?<![\w.,])\d+,\d+(?:(?=[eE][-+]?\d)|(?![\w.,]))")
_THOUSAND = re.compile(r"[1-9]\d{0,2},\d{3}")


class Read(NamedTuple):
    """An expression with points, and what is to be said of them; ``doubt`` where a comma may mean a thousand."""

    text: str
    note: str = ""
    doubt: str = ""


def with_points(text: str) -> Read:
    """Return an expression for one number with points for its decimal commas.

    Inside of brackets a comma may stand between two arguments, and stays.

    Example:
        >>> with_points("0,95 ** 30")
        Read(text='0.95 ** 30', note='0,95 is read as 0.95.', doubt='')
        >>> with_points("max(0,5)").text, with_points("1,024").doubt
        ('max(0,5)', '1,024 may be a thousand or a decimal: write 1024 or 1.024.')
    """
    notes, parts, last = [], [], 0
    for found in _COMMA.finditer(text):
        before = text[: found.start()]
        if any(before.count(a) > before.count(b) for a, b in ("()", "[]", "{}")) or "#" in before:
            continue
        if _THOUSAND.fullmatch(found[0]):
            return Read(text, doubt=_doubt(found[0]))
        point = found[0].replace(",", ".")
        notes.append(f"{found[0]} is read as {point}.")
        parts += [text[last : found.start()], point]
        last = found.end()
    return Read("".join([*parts, text[last:]]), " ".join(dict.fromkeys(notes)))


def of_pair(answer: Any) -> Read | None:
    """Return what two whole numbers are that Python made of one with a comma; None if they are something else.

    Example:
        >>> of_pair((13, 5)).text, of_pair((0.5, 2.0))
        ('13.5', None)
    """
    if type(answer) is not tuple or [type(part) for part in answer] != [int, int] or answer[1] < 0:
        return None
    whole, part = (str(each) for each in answer)
    read = with_points(f"{whole.lstrip('-')},{part}")
    sign = "-" * whole.startswith("-")
    return Read(sign + read.text, sign + read.note.replace(" as ", f" as {sign}"), read.doubt)


def _doubt(text: str) -> str:
    return f"{text} may be a thousand or a decimal: write {text.replace(',', '')} or {text.replace(',', '.')}."
