"""Carry LSTMs between frameworks, both ways: NumPy, torch, Keras 3, ONNX and Flax, as arrays or as files.

Everything goes through one neutral form of NumPy arrays, ``Network``. No framework needs to be there but the one whose
objects come or go: Keras's weights are a list of arrays, Flax's a tree of them, ONNX's four arrays a layer. What a
framework has no place for (a projection, the article's cell) is refused by name. ``python -m lstm_lib.convert`` does it
with files.

>>> import numpy as np
>>> from lstm_lib import cells, convert
>>> network = convert.from_numpy(cells.init_lstm(np.random.default_rng(0), 3, 2))
>>> [array.shape for array in convert.to_keras(network)]
[(3, 8), (2, 8), (8,)]
>>> convert.to_onnx(network)[0].B.shape
(1, 16)
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the same names, for editors and type checkers; a test holds the two together
    from lstm_lib.convert.files import read as read
    from lstm_lib.convert.files import write as write
    from lstm_lib.convert.flax_trees import from_flax as from_flax
    from lstm_lib.convert.flax_trees import to_flax as to_flax
    from lstm_lib.convert.form import Layer as Layer
    from lstm_lib.convert.form import Network as Network
    from lstm_lib.convert.form import Readout as Readout
    from lstm_lib.convert.form import reorder as reorder
    from lstm_lib.convert.keras_lists import from_keras as from_keras
    from lstm_lib.convert.keras_lists import to_keras as to_keras
    from lstm_lib.convert.modules import from_torch as from_torch
    from lstm_lib.convert.modules import numpy_to_torch as numpy_to_torch
    from lstm_lib.convert.modules import to_torch as to_torch
    from lstm_lib.convert.modules import torch_to_numpy as torch_to_numpy
    from lstm_lib.convert.onnx_layers import OnnxLayer as OnnxLayer
    from lstm_lib.convert.onnx_layers import from_onnx as from_onnx
    from lstm_lib.convert.onnx_layers import to_onnx as to_onnx
    from lstm_lib.convert.scratch import from_numpy as from_numpy
    from lstm_lib.convert.scratch import to_numpy as to_numpy
    from lstm_lib.convert.state import from_state as from_state
    from lstm_lib.convert.state import to_state as to_state

# Only what is asked for is imported: weights go from NumPy to Keras where there is no torch.
_HOMES = {
    "files": ("read", "write"),
    "flax_trees": ("from_flax", "to_flax"),
    "form": ("Layer", "Network", "Readout", "reorder"),
    "keras_lists": ("from_keras", "to_keras"),
    "modules": ("from_torch", "numpy_to_torch", "to_torch", "torch_to_numpy"),
    "onnx_layers": ("OnnxLayer", "from_onnx", "to_onnx"),
    "scratch": ("from_numpy", "to_numpy"),
    "state": ("from_state", "to_state"),
}
_PLACES = {name: home for home, names in _HOMES.items() for name in names}
__all__ = list(_PLACES)

if not TYPE_CHECKING:  # a type checker that saw this would believe in any name

    def __getattr__(name: str) -> Any:
        """Import a function on first use."""
        if name in _PLACES:
            return getattr(importlib.import_module(f"lstm_lib.convert.{_PLACES[name]}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(_PLACES)}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PLACES])
