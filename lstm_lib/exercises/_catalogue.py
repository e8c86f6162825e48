"""All exercises by their ids, in the order of the chapters."""

import importlib
import pkgutil

from lstm_lib.exercises import chapters
from lstm_lib.exercises._exercise import Exercise

EXERCISES: dict[str, Exercise] = {
    exercise.id: exercise
    for module in sorted(found.name for found in pkgutil.iter_modules(chapters.__path__))
    for exercise in importlib.import_module(f"{chapters.__name__}.{module}").EXERCISES
}
