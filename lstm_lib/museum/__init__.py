"""The museum of broken LSTMs: mistakes from published code, written anew, and the tests that expose them.

A ``Machine`` is an LSTM and what surrounds it, in parts. Each exhibit is the healthy machine with one part replaced;
each test takes a machine and says what is wrong with it. ``look`` runs one test on one machine, ``table`` all on all.
"""

from lstm_lib.museum.exhibits import EXHIBITS, Exhibit, broken
from lstm_lib.museum.inspections import ALL, CHECKS, NAIVE, look, table
from lstm_lib.museum.parts import HEALTHY, Machine, finish, orthogonal, run, sums, with_recurrent

__all__ = [
    "ALL",
    "CHECKS",
    "EXHIBITS",
    "HEALTHY",
    "NAIVE",
    "Exhibit",
    "Machine",
    "broken",
    "finish",
    "look",
    "orthogonal",
    "run",
    "sums",
    "table",
    "with_recurrent",
]
