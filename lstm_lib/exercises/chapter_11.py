"""Exercises of chapter 11, on the GPU."""

from lstm_lib.exercises._core import Exercise

EXERCISES: tuple[Exercise, ...] = ()
