"""Networks for the tests of convert: drawn numbers without a zero, sizes that all differ."""

import importlib.util
from typing import Any

import numpy as np
import pytest

from lstm_lib.convert import Layer, Network, Readout
from lstm_lib.convert.form import BLOCKS

T, B, D, H, K = 7, 4, 3, 5, 2


def draw(
    layers=1, directions=1, *, bias=True, cell="standard", readout=False, proj_size=0, dtype=np.float32
) -> Network:
    """Draw a network, layer by layer."""
    rng = np.random.default_rng([layers, directions, bias, len(cell), readout, proj_size])
    G, P, features, made = BLOCKS[cell], proj_size or H, D, []

    def numbers(*shape: int) -> Any:
        return (rng.uniform(0.1, 0.9, shape) * rng.choice([-1, 1], shape)).astype(dtype)

    for _ in range(layers):
        ways = []
        for _ in range(directions):
            extra = {"weight_hr": numbers(P, H)} if proj_size else {}
            extra |= {"weight_peep": numbers(3, H)} if cell == "peephole" else {}
            extra |= {"weight_u": numbers(H, H), **({"bias_u": numbers(H)} if bias else {})} if cell == "drawn" else {}
            if cell == "layernorm":
                extra |= {
                    "weight_norm_ih": numbers(4 * H),
                    "weight_norm_hh": numbers(4 * H),
                    "weight_norm_c": numbers(H),
                }
                extra |= {"bias_norm_c": numbers(H)} if bias else {}
            b = numbers(2, G, H) if bias else None
            ways.append(Layer(numbers(G, H, features), numbers(G, H, P), b, extra))
        made.append(tuple(ways))
        features = directions * P
    return Network(cell, tuple(made), Readout(numbers(K, features), numbers(K)) if readout else None)


def with_one_bias(network: Network) -> Network:
    """Add the two biases of each layer, as Keras, Flax and NumPy have them; zeros where there is none."""
    layers = []
    for ways in network.layers:
        new = []
        for layer in ways:
            b = np.zeros((2, *layer.W_x.shape[:2]), layer.W_x.dtype)
            if layer.b is not None:
                b[0] = layer.b[0] + layer.b[1]
            new.append(layer._replace(b=b))
        layers.append(tuple(new))
    return network._replace(layers=tuple(layers))


def flat(network: Network) -> list[np.ndarray]:
    """List all arrays of a network, in one order."""
    arrays = []
    for layer in (layer for ways in network.layers for layer in ways):
        arrays += [layer.W_x, layer.W_h, *([] if layer.b is None else [layer.b])]
        arrays += [layer.extra[name] for name in sorted(layer.extra)]
    return arrays + [array for array in network.readout or () if array is not None]


def assert_same(got: Network, want: Network) -> None:
    """Two networks are the same, to the last bit."""
    assert got.cell == want.cell
    assert str(got) == str(want)
    for one, other in zip(flat(got), flat(want), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def inputs(network: Network) -> np.ndarray:
    """Draw xs (T, B, D)."""
    return np.random.default_rng(0).standard_normal((T, B, network.input_size)).astype(network.dtype)


def need(package: str) -> None:
    """Skip a test by the name of what is missing."""
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed: pip install -r requirements-frameworks.txt")
