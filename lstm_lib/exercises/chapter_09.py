"""Exercises of chapter 9, from NumPy to PyTorch."""

from lstm_lib.exercises._core import Exercise

EXERCISES: tuple[Exercise, ...] = ()
