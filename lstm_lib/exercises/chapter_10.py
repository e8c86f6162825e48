"""Exercises of chapter 10, training well."""

from lstm_lib.exercises._core import Exercise

EXERCISES: tuple[Exercise, ...] = ()
