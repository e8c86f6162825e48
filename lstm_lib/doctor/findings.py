"""What the doctor says of one fault that it has found."""

from typing import NamedTuple

from lstm_lib.doctor.catalogue import USUAL
from lstm_lib.doctor.catalogue_around import AROUND

# The most severe first: a cause stands above what follows from it.
FAULTS = dict(sorted((USUAL | AROUND).items(), key=lambda item: -item[1].severity))


class Finding(NamedTuple):
    """One thing that is wrong.

    Attributes:
        key: Which fault, one of ``FAULTS``.
        where: Which part of the network.
        measured: What was measured, with its numbers.
        why: Why it matters.
        tries: What to try, the cheapest first.
        chapter: The chapter that explains it, by its file name without the ending.
        severity: From 0 to 1; a fault that is proven and spoils every answer stands above one that may be a symptom.
    """

    key: str
    where: str
    measured: str
    why: str
    tries: tuple[str, ...]
    chapter: str
    severity: float


def finding(key: str, where: str, measured: str, *, severity: float | None = None) -> Finding:
    """Write down a fault that was measured somewhere.

    Example:
        >>> finding("dead-units", "lstm", "8 of 24 units").chapter
        '07_full_cell'
    """
    _, why, tries, chapter, usual = FAULTS[key]
    return Finding(key, where, measured, why, tries, chapter, usual if severity is None else severity)
