"""LSTMs, gate by gate: the library that the course builds and uses.

The cells from scratch, the tasks and the exercises need NumPy at most, the figures add matplotlib, the explorables
anywidget, and everything that trains in PyTorch torch. Nothing is imported until it is asked for:

>>> import lstm_lib
>>> lstm_lib.cells.sigmoid(0.0)
np.float64(0.5)

Its modules are names of the package: ``from lstm_lib import cells`` finds them all, wherever their files lie.
``cells`` and ``layers`` are LSTMs in NumPy, ``nn`` is LSTMs in PyTorch, ``dir(lstm_lib)`` lists the rest.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:  # the same names, for editors and type checkers; a test holds the two together
    from lstm_lib import applied as applied
    from lstm_lib import clinic as clinic
    from lstm_lib import convert as convert
    from lstm_lib import doctor as doctor
    from lstm_lib import exercises as exercises
    from lstm_lib import from_scratch as from_scratch
    from lstm_lib import grade as grade
    from lstm_lib import museum as museum
    from lstm_lib import nn as nn
    from lstm_lib import notation as notation
    from lstm_lib import plots as plots
    from lstm_lib import recorded as recorded
    from lstm_lib import tasks as tasks
    from lstm_lib import train as train
    from lstm_lib import training as training
    from lstm_lib import use as use
    from lstm_lib import widgets as widgets
    from lstm_lib.from_scratch import cells as cells
    from lstm_lib.from_scratch import checks as checks
    from lstm_lib.from_scratch import experiment as experiment
    from lstm_lib.from_scratch import layers as layers
    from lstm_lib.from_scratch import optim as optim
    from lstm_lib.plots import cell as diagrams  # noqa: F401
    from lstm_lib.tasks import answers as answers
    from lstm_lib.tasks import film as film

# What `from lstm_lib import NAME` gives, and where it lives.
_HOMES = {
    "answers": "lstm_lib.tasks.answers",
    "applied": "lstm_lib.applied",
    "cells": "lstm_lib.from_scratch.cells",
    "checks": "lstm_lib.from_scratch.checks",
    "clinic": "lstm_lib.clinic",
    "convert": "lstm_lib.convert",
    "diagrams": "lstm_lib.plots.cell",
    "doctor": "lstm_lib.doctor",
    "exercises": "lstm_lib.exercises",
    "experiment": "lstm_lib.from_scratch.experiment",
    "film": "lstm_lib.tasks.film",
    "from_scratch": "lstm_lib.from_scratch",
    "grade": "lstm_lib.grade",
    "layers": "lstm_lib.from_scratch.layers",
    "museum": "lstm_lib.museum",
    "nn": "lstm_lib.nn",
    "notation": "lstm_lib.notation",
    "optim": "lstm_lib.from_scratch.optim",
    "plots": "lstm_lib.plots",
    "recorded": "lstm_lib.recorded",
    "tasks": "lstm_lib.tasks",
    "train": "lstm_lib.train",
    "training": "lstm_lib.training",
    "use": "lstm_lib.use",
    "widgets": "lstm_lib.widgets",
}
__all__ = list(_HOMES)

if not TYPE_CHECKING:  # a type checker that saw this would believe in any name

    def __getattr__(name: str) -> ModuleType:
        """Import a module on first use, so that ``import lstm_lib`` stays fast and light."""
        if name in _HOMES:
            return importlib.import_module(_HOMES[name])
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(_HOMES)}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
