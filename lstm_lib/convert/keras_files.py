"""Networks as .keras files. Keras is imported when one is read or written; any of its backends will do.

Shapes: T steps, B batch, D features. Keras is batch-first: its models take (B, T, D).
"""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from lstm_lib.convert.form import Network
from lstm_lib.convert.keras_lists import from_keras, to_keras

# Options of keras.layers.LSTM that change what it computes where nothing is trained, and the values that ours has.
NEEDED = {"activation": "tanh", "recurrent_activation": "sigmoid"}


def keras_model(network: Network) -> Any:
    """Build a ``keras.Sequential`` that has these weights and takes (B, T, D) with any B and T.

    Raises:
        ValueError: If Keras has no such network, or is not there.
    """
    keras = _package()
    weights = to_keras(network)
    has_bias = network.layers[0][0].b is not None
    made = [keras.layers.Input((None, network.input_size), dtype=str(network.dtype))]
    for H in network.hidden_sizes:
        lstm = keras.layers.LSTM(H, return_sequences=True, use_bias=has_bias, dtype=str(network.dtype))
        made.append(keras.layers.Bidirectional(lstm, dtype=str(network.dtype)) if network.directions == 2 else lstm)
    if network.readout is not None:
        K, has_bias = len(network.readout.W), network.readout.b is not None
        made.append(keras.layers.Dense(K, use_bias=has_bias, dtype=str(network.dtype)))
    model = keras.Sequential(made)
    model.set_weights(weights)
    return model


def read_keras(path: Path) -> Network:
    """Read a .keras file of LSTM layers, each Bidirectional or none, with a Dense layer at the end or none.

    Raises:
        ValueError: If it is no such file, holds other layers or options, or Keras is not there.
    """
    keras = _package()
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # zip, JSON, HDF5 and Keras have errors of their own, which share no class
        line = (str(error) or type(error).__name__).strip().splitlines()[0][:120]
        raise ValueError(f"got a file that Keras refuses to load ({line})") from None
    layers = [layer for layer in model.layers if not isinstance(layer, (keras.layers.InputLayer, keras.layers.Dropout))]
    dense = layers.pop() if layers and isinstance(layers[-1], keras.layers.Dense) else None
    two = [isinstance(layer, keras.layers.Bidirectional) for layer in layers]
    inner = [one for layer, both in zip(layers, two, strict=True) for one in (_ways(layer) if both else [layer])]
    others = [type(layer).__name__ for layer in inner if type(layer) is not keras.layers.LSTM]
    if not inner or others or len(set(two)) != 1:
        names = ", ".join(type(layer).__name__ for layer in layers) or "no layer"
        raise ValueError(f"got a model of {names}, expected LSTM layers, or Bidirectional ones around LSTMs")
    _expect_plain([*layers, dense], inner)
    return from_keras(model.get_weights(), bidirectional=two[0])


def _ways(layer: Any) -> list[Any]:
    return [layer.forward_layer, layer.backward_layer]


def _expect_plain(layers: list[Any], inner: list[Any]) -> None:
    """Raise a ValueError if a layer computes something else than ours."""
    backward = [layer.backward_layer for layer in layers if _both(layer)]
    for layer in inner:
        config, needed = layer.get_config(), NEEDED | {"go_backwards": layer in backward}
        odd = {name: config[name] for name, value in needed.items() if config[name] != value}
        if odd:
            raise ValueError(f"got an LSTM layer with {odd}, expected {needed}")
    for layer in layers:
        config = {} if layer is None else layer.get_config()
        if _both(layer) and config["merge_mode"] != "concat":
            raise ValueError(f"got merge_mode {config['merge_mode']!r}, expected 'concat'")
        if layer is layers[-1] and config.get("activation", "linear") != "linear":
            raise ValueError(f"got a Dense layer with activation {config['activation']!r}, expected scores: 'linear'")


def _both(layer: Any) -> bool:
    return hasattr(layer, "backward_layer")


def _package() -> Any:
    """Import Keras; where it would look for TensorFlow in vain, and nobody has said which backend, it takes torch."""
    if importlib.util.find_spec("tensorflow") is None and "keras" not in sys.modules:
        os.environ.setdefault("KERAS_BACKEND", "torch")
    try:
        import keras
    except ModuleNotFoundError:
        raise ValueError("got a .keras file, which needs Keras: pip install -r requirements-frameworks.txt") from None
    return keras
