"""Exercises that know which mistake was made: statement, stub, hints, solution, and a check that names the mistake.

Nothing here needs numpy to be imported; answers are written with ``tanh``, ``sigmoid`` and ``dot``, and are tried on
plain numbers and, where numpy is installed, on arrays.

>>> from lstm_lib.exercises import check, dot, sigmoid
>>> def forget_gate(z, c_prev, W_f, b_f):
...     f = sigmoid(dot(W_f, z) + b_f)
...     return f * c_prev
>>> check("forget-gate", forget_gate).passed
True

To add an exercise, write it into its chapter's module in ``chapters`` with ``code``, ``numeric`` or ``judgement``, and
add it to the tuple at the end; the tests then hold it to what all of them promise.
"""

from lstm_lib.exercises._card import check, hint, progress, results, show
from lstm_lib.exercises._catalogue import EXERCISES
from lstm_lib.exercises._exercise import Exercise, Mistake, Verdict
from lstm_lib.exercises._tools import dot, sigmoid, tanh

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
