"""Move every start of training by a millionth: Python imports this module by itself where its folder is on PYTHONPATH.

A weight w that is drawn becomes w (1 + 1e-6 cos n) with n its place in the array. The random state is left alone, and
two arrays that are drawn alike stay alike. On the NumPy side these are the W of ``cells.init_*`` and of the readout,
in torch whatever ``torch.nn.init`` draws, which every module of torch and of ``lstm_lib.nn`` asks. Biases that are set
stay as they are set, and so do the orthogonal matrices of torch, which would not be orthogonal any more: the other
weights of their layers move. A weight of 16 bits has no room for a change so small.
"""

import functools
import importlib.abc
import importlib.machinery
import sys
import threading
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

RELATIVE = 1e-6
drawing = threading.local()
TORCH_DRAWS = (
    *("uniform_", "normal_", "trunc_normal_", "sparse_"),
    *("xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_"),
)


def moved(value: Any) -> Any:
    """Return drawn parameters, or parameters of parameters, with every W moved."""
    import numpy as np

    changed = {}
    for name, part in zip(value._fields, value, strict=True):
        if hasattr(part, "_fields"):
            changed[name] = moved(part)
        elif name.startswith("W"):
            factors = 1 + RELATIVE * np.cos(np.arange(part.size)).reshape(part.shape)
            changed[name] = (part * factors).astype(part.dtype)
    return value._replace(**changed)


def move_in_place(tensor: Any) -> Any:
    """Move a drawn tensor of torch, and return it."""
    import torch

    with torch.no_grad():
        factors = 1 + RELATIVE * torch.arange(tensor.numel(), dtype=torch.float64).cos().reshape(tensor.shape)
        tensor.copy_(tensor.double() * factors.to(tensor.device))
    return tensor


def after(function: Callable[..., Any], change: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return the function with a change made to what it returns; one that draws for another changes nothing."""

    @functools.wraps(function)
    def changed(*arguments: Any, **options: Any) -> Any:
        within = getattr(drawing, "now", False)
        drawing.now = True
        try:
            drawn = function(*arguments, **options)
        finally:
            drawing.now = within
        return drawn if within else change(drawn)

    return changed


def patch(module: ModuleType) -> None:
    """Wrap what draws in a module that has been imported."""
    if module.__name__ == "torch.nn.init":
        for name in TORCH_DRAWS:
            setattr(module, name, after(getattr(module, name), move_in_place))
    else:
        for name in [name for name in vars(module) if name.startswith("init_")]:
            setattr(module, name, after(getattr(module, name), moved))


def draws(name: str) -> bool:
    """Say whether a module of this name draws weights: torch's one, and cells and experiment of the NumPy side."""
    parts = name.split(".")
    return name == "torch.nn.init" or (parts[0] == "lstm_lib" and parts[-1] in {"cells", "experiment"})


class Watcher(importlib.abc.MetaPathFinder):
    """Patches those modules as soon as they have been imported, before anybody can take a name from them."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        """Find a module that draws, and have it patched when its code has run."""
        spec = importlib.machinery.PathFinder.find_spec(name, path, target) if draws(name) else None
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_and_patch(module: ModuleType) -> None:
            execute(module)
            patch(module)

        spec.loader.exec_module = execute_and_patch  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, Watcher())
