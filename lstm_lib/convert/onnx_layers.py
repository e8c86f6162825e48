"""The arrays of ONNX's LSTM operator and the neutral form, both ways. The package onnx is not needed.

Shapes: D features, H hidden units, N directions (1 or 2). Gates lie in the order i, o, f, c (its c is the candidate g);
the peepholes in the order i, o, f.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lstm_lib._array import Array
from lstm_lib.convert.form import Layer, Network, Readout, expect_able, expect_sound, reorder


class OnnxLayer(NamedTuple):
    """Inputs of one LSTM node: W (N, 4·H, D), R (N, 4·H, H), B (N, 8·H) or None, P (N, 3·H) or None."""

    W: Array
    R: Array
    B: Array | None = None
    P: Array | None = None


def from_onnx(layers: OnnxLayer | Sequence[OnnxLayer], readout: Readout | None = None) -> Network:
    """Bring the arrays of ONNX's LSTM nodes, from the input up, into the neutral form.

    Args:
        layers: One layer or several. B holds two biases, Wb and Rb; P the peepholes.
        readout: What makes scores of the last layer's h, if anything does.

    Raises:
        ValueError: If a shape does not fit the others.

    Example:
        >>> print(from_onnx(OnnxLayer(np.zeros((2, 8, 3)), np.zeros((2, 8, 2)))))
        standard cell, 1 layer, both directions, D = 3, H = 2, no bias, float64
    """
    stack = [layers] if isinstance(layers, OnnxLayer) else list(layers)
    if not stack:
        raise ValueError("got no layers, expected at least one")
    for number, (W, R, B, P) in enumerate(stack):
        if W.ndim != 3 or R.ndim != 3:
            raise ValueError(f"got W {W.shape} and R {R.shape} in layer {number}, expected three dimensions each")
        N, H = R.shape[0], R.shape[2]
        expected = [(N, 4 * H, W.shape[2]), (N, 4 * H, H), (N, 8 * H), (N, 3 * H)]
        for name, array, shape in zip("WRBP", (W, R, B, P), expected, strict=True):
            if array is not None and array.shape != shape:
                raise ValueError(f"got {name} {array.shape} in layer {number}, expected {shape}")
    cells = {"standard" if layer.P is None else "peephole" for layer in stack}
    if len(cells) != 1:
        raise ValueError("got layers with peepholes and layers without, expected all or none")
    made = tuple(tuple(_layer(layer, n) for n in range(len(layer.W))) for layer in stack)
    return expect_sound(Network(cells.pop(), made, readout))


def to_onnx(network: Network) -> list[OnnxLayer]:
    """Return the arrays of one LSTM node a layer.

    Raises:
        ValueError: If it has a projection, or another cell than the standard one and that with peepholes.

    Example:
        >>> layer = OnnxLayer(np.zeros((1, 8, 3)), np.zeros((1, 8, 2)), np.zeros((1, 16)), np.zeros((1, 6)))
        >>> [array.shape for array in to_onnx(from_onnx(layer))[0]]
        [(1, 8, 3), (1, 8, 2), (1, 16), (1, 6)]
    """
    expect_able(network, "ONNX", cells=("standard", "peephole"))
    return [_node(layers) for layers in network.layers]


def _layer(layer: OnnxLayer, n: int) -> Layer:
    W, R, B, P = (None if array is None else array[n] for array in layer)
    H = layer.R.shape[2]
    b = None if B is None else np.stack([_ours(half).reshape(4, H) for half in np.split(B, 2)])
    extra = {} if P is None else {"weight_peep": P.reshape(3, H)[[0, 2, 1]]}  # i, o, f becomes i, f, o
    return Layer(_ours(W).reshape(4, H, -1), _ours(R).reshape(4, H, H), b, extra)


def _node(layers: Sequence[Layer]) -> OnnxLayer:
    W = np.stack([_theirs(layer.W_x) for layer in layers])
    R = np.stack([_theirs(layer.W_h) for layer in layers])
    B = [np.concatenate([_theirs(half) for half in layer.b]) for layer in layers if layer.b is not None]
    P = [layer.extra["weight_peep"][[0, 2, 1]].ravel() for layer in layers if "weight_peep" in layer.extra]
    return OnnxLayer(W, R, np.stack(B) if B else None, np.stack(P) if P else None)


def _ours(rows: Array | None) -> Array:
    assert rows is not None
    return reorder(rows, "ONNX", "lstm_lib")


def _theirs(blocks: Array) -> Array:
    return reorder(blocks.reshape(-1, *blocks.shape[2:]), "lstm_lib", "ONNX")
