"""The NumPy cells of ``from_scratch`` and the neutral form, both ways.

Shapes: D features, H hidden units. W (4, H, H+D) acts on z = [h, x] and has one bias b (4, H).
"""

from collections.abc import Sequence

import numpy as np

from lstm_lib._array import Array
from lstm_lib.convert.form import Layer, Network, Readout, expect_able, expect_sound, one_bias, two_biases
from lstm_lib.from_scratch.cells import DrawnParams, LSTMParams

Params = LSTMParams | DrawnParams


def from_numpy(
    params: Params | Sequence[Sequence[Params]], readout: tuple[Array, Array | None] | None = None
) -> Network:
    """Bring the parameters of NumPy cells into the neutral form.

    Args:
        params: One LSTMParams or DrawnParams; or a list of layers, each a list of one cell or, in both directions, two.
        readout: W (K, H) and b (K,) that make scores of h, if there are any.

    Raises:
        ValueError: If a shape does not fit the others.

    Example:
        >>> from lstm_lib import cells
        >>> print(from_numpy(cells.init_lstm(np.random.default_rng(0), 3, 2)))
        standard cell, 1 layer, D = 3, H = 2, float64
    """
    stack = [[params]] if isinstance(params, (LSTMParams, DrawnParams)) else params
    cells = {"drawn" if isinstance(one, DrawnParams) else "standard" for layer in stack for one in layer}
    if len(cells) != 1:
        raise ValueError(f"got cells {', '.join(sorted(cells)) or 'none'}, expected layers of one kind")
    layers = tuple(tuple(_layer(one) for one in layer) for layer in stack)
    return expect_sound(Network(cells.pop(), layers, None if readout is None else Readout(*readout)))


def to_numpy(network: Network) -> list[list[Params]]:
    """Return the parameters of NumPy cells: a list of layers, each a list of one cell or, in both directions, two.

    Raises:
        ValueError: If it has a cell that ``from_scratch`` has not, or a projection.

    Example:
        >>> from lstm_lib import cells
        >>> [[params]] = to_numpy(from_numpy(cells.init_lstm(np.random.default_rng(0), 3, 2)))
        >>> params.W.shape, params.b.shape
        ((4, 2, 5), (4, 2))
    """
    expect_able(network, "from_scratch", cells=("standard", "drawn"))
    return [[_params(layer, network.cell) for layer in layers] for layers in network.layers]


def _layer(params: Params) -> Layer:
    H = params.b.shape[-1]
    extra = {"weight_u": params.W_u, "bias_u": params.b_u} if isinstance(params, DrawnParams) else {}
    return Layer(params.W[:, :, H:], params.W[:, :, :H], two_biases(params.b), extra)


def _params(layer: Layer, cell: str) -> Params:
    H = layer.W_x.shape[1]
    b = one_bias(layer)
    b = np.zeros((4, H), layer.W_x.dtype) if b is None else b
    plain = LSTMParams(np.concatenate([layer.W_h, layer.W_x], axis=2), b)
    if cell == "standard":
        return plain
    W_u = layer.extra["weight_u"].copy()
    return DrawnParams(*plain, W_u, layer.extra.get("bias_u", np.zeros(H, W_u.dtype)).copy())
