"""Keras's weights, which are a list of arrays, and the neutral form, both ways. Keras itself is not needed.

Shapes: D features, H hidden units. Each layer and direction has kernel (D, 4·H), recurrent_kernel (H, 4·H) and one bias
(4·H,), the same order of gates as here (Keras writes c for g), and each matrix the other way round.
"""

from collections.abc import Sequence

import numpy as np

from lstm_lib._array import Array
from lstm_lib.convert.form import Layer, Network, Readout, expect_able, expect_sound, one_bias, reorder, two_biases


def from_keras(weights: Sequence[Array], *, bidirectional: bool = False) -> Network:
    """Bring what ``get_weights()`` gives of stacked ``keras.layers.LSTM`` into the neutral form.

    Args:
        weights: Arrays of one LSTM layer, or of a model of LSTM layers that ends in a Dense layer or not. With and
            without biases. That the layers have Keras's default activations is for the caller to know.
        bidirectional: Whether each layer is a ``Bidirectional``: forward arrays first, then backward ones.

    Raises:
        ValueError: If the arrays are not those of LSTM layers.

    Example:
        >>> print(from_keras([np.zeros((3, 8)), np.zeros((2, 8)), np.zeros(8)]))
        standard cell, 1 layer, D = 3, H = 2, float64
    """
    arrays = [np.asarray(array) for array in weights]
    cells: list[Layer] = []
    while len(arrays) >= 2 and arrays[1].ndim == 2 and arrays[1].shape[1] == 4 * arrays[1].shape[0]:
        kernel, recurrent, *arrays = arrays
        H = len(recurrent)
        b = None
        if arrays and arrays[0].shape == (4 * H,):
            b = two_biases(_rows(arrays.pop(0)).reshape(4, H))
        if kernel.ndim != 2 or kernel.shape[1] != 4 * H:
            what = f"got kernel {kernel.shape} beside recurrent_kernel {recurrent.shape}"
            raise ValueError(f"{what}, expected (D, {4 * H})")
        cells.append(Layer(_rows(kernel).reshape(4, H, -1), _rows(recurrent).reshape(4, H, H), b))
    rest = [array.shape for array in arrays]
    if not cells or [len(shape) for shape in rest] not in ([], [2], [2, 1]):
        what = "kernel (D, 4·H), recurrent_kernel (H, 4·H) and bias (4·H,) of each LSTM, and of one Dense at the end"
        raise ValueError(f"got arrays {[np.shape(array) for array in weights]}, expected {what}")
    ways = 2 if bidirectional else 1
    if len(cells) % ways:
        raise ValueError(f"got {len(cells)} LSTMs, expected two for each layer that runs in both directions")
    layers = tuple(tuple(cells[k : k + ways]) for k in range(0, len(cells), ways))
    readout = Readout(arrays[0].T, arrays[1] if len(arrays) == 2 else None) if arrays else None
    return expect_sound(Network("standard", layers, readout))


def to_keras(network: Network) -> list[Array]:
    """Return the list that ``set_weights()`` takes of LSTM layers (each in ``Bidirectional`` for both directions).

    A readout's kernel and bias, which a Dense layer takes, come last. torch's two biases are added to Keras's one.

    Raises:
        ValueError: If it has a projection, or another cell than the standard one: Keras has neither.

    Example:
        >>> arrays = [np.zeros((3, 8)), np.zeros((2, 8)), np.zeros(8)]
        >>> [array.shape for array in to_keras(from_keras(arrays))]
        [(3, 8), (2, 8), (8,)]
    """
    expect_able(network, "Keras")
    arrays = []
    for layer in (layer for layers in network.layers for layer in layers):
        b = one_bias(layer)
        for blocks in (layer.W_x, layer.W_h, b):
            if blocks is not None:
                rows = blocks.reshape(-1, *blocks.shape[2:])
                arrays.append(reorder(rows, "lstm_lib", "Keras").T)
    if network.readout is not None:
        arrays += [array.T for array in network.readout if array is not None]
    return [np.array(array, order="C") for array in arrays]


def _rows(array: Array) -> Array:
    """Turn columns into rows, in our order of the gates."""
    return reorder(array.T, "Keras", "lstm_lib")
