"""LSTMs, gate by gate: the library that the course builds and uses.

The NumPy side (``notation``, ``cells``, ``layers``, ``checks``, ``optim``, ``tasks``, ``answers``, ``film``,
``experiment``) imports no torch; ``exercises`` needs nothing at all; ``plots`` and ``diagrams`` add matplotlib,
``widgets`` anywidget, and ``nn``, ``training``, ``convert``, ``train`` and ``clinic`` torch. Nothing is imported until
it is asked for:

>>> import lstm_lib
>>> lstm_lib.cells.sigmoid(0.0)
np.float64(0.5)
"""

import importlib
from types import ModuleType

__version__ = "0.1.0"

__all__ = [
    "answers",
    "cells",
    "checks",
    "clinic",
    "convert",
    "diagrams",
    "exercises",
    "experiment",
    "film",
    "layers",
    "nn",
    "notation",
    "optim",
    "plots",
    "recorded",
    "tasks",
    "train",
    "training",
    "widgets",
]


def __getattr__(name: str) -> ModuleType:
    """Import a submodule on first use, so that ``import lstm_lib`` stays fast and light."""
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
