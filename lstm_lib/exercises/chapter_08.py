"""Exercises of chapter 8, learning to remember."""

from lstm_lib.exercises._core import Exercise

EXERCISES: tuple[Exercise, ...] = ()
