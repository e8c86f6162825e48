"""Exercises that know which mistake was made: statement, stub, hints, solution, and a check that names the mistake.

Nothing here needs numpy to be imported; answers are written with ``tanh``, ``sigmoid`` and ``dot``, and are tried on
plain numbers and, where numpy is installed, on arrays.

>>> from lstm_lib.exercises import check, dot, sigmoid
>>> def forget_gate(z, c_prev, W_f, b_f):
...     f = sigmoid(dot(W_f, z) + b_f)
...     return f * c_prev
>>> check("forget-gate", forget_gate).passed
True

To add an exercise, write it into its chapter's module with ``code``, ``numeric`` or ``judgement``, and add it to the
tuple at the end; the tests then hold it to what all of them promise.
"""

from lstm_lib.exercises import (
    chapter_01,
    chapter_02,
    chapter_03,
    chapter_04,
    chapter_05,
    chapter_06,
    chapter_07,
    chapter_08,
    chapter_09,
    chapter_10,
    chapter_11,
)
from lstm_lib.exercises._card import check, hint, progress, results, show
from lstm_lib.exercises._core import Exercise, Mistake
from lstm_lib.exercises._tools import dot, sigmoid, tanh
from lstm_lib.exercises._words import Verdict

_CHAPTERS = (
    chapter_01,
    chapter_02,
    chapter_03,
    chapter_04,
    chapter_05,
    chapter_06,
    chapter_07,
    chapter_08,
    chapter_09,
    chapter_10,
    chapter_11,
)

EXERCISES: dict[str, Exercise] = {exercise.id: exercise for chapter in _CHAPTERS for exercise in chapter.EXERCISES}

__all__ = [
    "EXERCISES",
    "Exercise",
    "Mistake",
    "Verdict",
    "check",
    "dot",
    "hint",
    "progress",
    "results",
    "show",
    "sigmoid",
    "tanh",
]
