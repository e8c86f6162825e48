"""The neutral form that every conversion goes through: NumPy arrays, one block of rows a gate, in the order i, f, g, o.

Shapes: D features of a layer's input, H hidden units, P projected units (P = H without a projection), G gates (4 but
for cells that lack some), K classes. A layer that runs both ways hands 2·P features to the next one.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from lstm_lib._array import Array
from lstm_lib.notation import GATE_ORDERS

# Blocks of rows of each cell of ``lstm_lib.nn.LSTM``, and the arrays that it has beyond torch's own.
BLOCKS = {"standard": 4, "drawn": 4, "peephole": 4, "layernorm": 4, "coupled": 3, "no-forget": 3, "janet": 2}
EXTRA: dict[str, tuple[str, ...]] = {
    "drawn": ("weight_u", "bias_u"),
    "peephole": ("weight_peep",),
    "layernorm": ("weight_norm_ih", "weight_norm_hh", "weight_norm_c", "bias_norm_c"),
}
PROJECTION = "weight_hr"
DTYPES = ("float16", "float32", "float64")
# What acts in training, or says in which form input comes, or what computes. Only torch's modules have a place for it.
OPTIONS: dict[str, Any] = {"batch_first": False, "dropout": 0.0, "backend": "auto", "variational_dropout": 0.0}
OPTIONS |= {"recurrent_dropout": 0.0, "checkpoint_every": 0}


class Layer(NamedTuple):
    """One layer in one direction.

    W_x (G, H, D) acts on the input, W_h (G, H, P) on h. b (2, G, H) are two biases that are added, as in torch and in
    ONNX; a framework with one has it first, and zeros second. ``extra`` holds what its cell has beyond that, by the
    names of ``lstm_lib.nn.LSTM``: weight_hr (P, H), weight_peep (3, H) for i, f, o, weight_u (H, H), bias_u (H), ...
    """

    W_x: Array
    W_h: Array
    b: Array | None
    extra: Mapping[str, Array] = {}


class Readout(NamedTuple):
    """What makes scores of the last layer's h: W (K, P) or (K, 2·P), b (K,) or None."""

    W: Array
    b: Array | None


class Network(NamedTuple):
    """An LSTM: which cell, its layers from the input up, each in one direction or two, and a readout or none.

    card: what its file says of it, such as its kind, characters or columns, or the settings it was trained with; plain
    values. options: what a module of torch was built with that weights do not tell, where it is not the default, by the
    names of ``lstm_lib.nn.LSTM``: batch_first, dropout, backend, ...
    """

    cell: str
    layers: tuple[tuple[Layer, ...], ...]
    readout: Readout | None = None
    card: Mapping[str, Any] = {}
    options: Mapping[str, Any] = {}

    @property
    def input_size(self) -> int:
        """D, the features of x."""
        return int(self.layers[0][0].W_x.shape[2])

    @property
    def hidden_sizes(self) -> list[int]:
        """H of each layer."""
        return [int(layer[0].W_x.shape[1]) for layer in self.layers]

    @property
    def directions(self) -> int:
        """1, or 2 where each layer also runs from the last step to the first."""
        return len(self.layers[0])

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its numbers."""
        return np.dtype(self.layers[0][0].W_x.dtype)

    def cast(self, dtype: str) -> "Network":
        """Round all numbers to another type; a ValueError if it is not one of float16, float32, float64.

        Example:
            >>> layer = Layer(np.full((4, 2, 3), 0.1), np.zeros((4, 2, 2)), None)
            >>> print(Network("standard", ((layer,),)).cast("float32"))
            standard cell, 1 layer, D = 3, H = 2, no bias, float32
        """
        if dtype not in DTYPES:
            raise ValueError(f"got dtype {dtype!r}, expected one of {', '.join(DTYPES)}")

        def rounded(array: Array | None) -> Any:
            return None if array is None else array.astype(dtype)

        def layer(one: Layer) -> Layer:
            W_x, W_h, b, extra = one
            extra = {name: rounded(array) for name, array in extra.items()}
            return Layer(rounded(W_x), rounded(W_h), rounded(b), extra)

        layers = tuple(tuple(map(layer, ways)) for ways in self.layers)
        return self._replace(layers=layers, readout=self.readout and Readout(*map(rounded, self.readout)))

    def __str__(self) -> str:
        """Say in a line what it is.

        Example:
            >>> str(Network("standard", ((Layer(np.zeros((4, 2, 3)), np.zeros((4, 2, 2)), None),),)))
            'standard cell, 1 layer, D = 3, H = 2, no bias, float64'
        """
        sizes = sorted(set(self.hidden_sizes))
        words = [f"{self.cell} cell", f"{len(self.layers)} layer{'s' * (len(self.layers) > 1)}"]
        words += ["both directions"] * (self.directions == 2)
        words += [f"D = {self.input_size}", f"H = {' and '.join(map(str, sizes))}"]
        words += ["no bias"] * (self.layers[0][0].b is None)
        words += [f"{len(self.readout.W)} scores"] if self.readout else []
        return ", ".join([*words, str(self.dtype)])


def options_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a module's arguments that weights do not tell, where they are not the default.

    Raises:
        ValueError: If one is of another type than the default.

    Example:
        >>> options_of({"hidden_size": 2, "dropout": 0.5, "batch_first": False})
        {'dropout': 0.5}
    """
    found = {name: arguments[name] for name, usual in OPTIONS.items() if arguments.get(name, usual) != usual}
    for name, value in found.items():
        kind = type(OPTIONS[name])
        if not isinstance(value, (int, float) if kind is float else kind):
            raise ValueError(f"got {name} {value!r}, expected a value of type {kind.__name__}")
    return found


def two_biases(b: Array) -> Array:
    """Write one bias (G, H) as two (2, G, H), of which the second is zero."""
    return np.stack([b, np.zeros_like(b)])


def one_bias(layer: Layer) -> Array | None:
    """Add the two biases of a layer: (G, H)."""
    return None if layer.b is None else layer.b[0] + layer.b[1]


def reorder(array: Array, source: str, target: str, *, axis: int = 0) -> Array:
    """Bring four blocks from one framework's order of the gates into another's.

    Args:
        array: Weights or a bias, 4·H long along one axis.
        source: The framework whose order it has, one of ``notation.GATE_ORDERS``.
        target: The framework whose order it gets.
        axis: The axis along which the blocks lie.

    Raises:
        ValueError: If there is no such framework, or four blocks do not fit.

    Example:
        >>> reorder(np.array(["i", "f", "g", "o"]), "PyTorch", "ONNX").tolist()
        ['i', 'o', 'f', 'g']
    """
    for name in (source, target):
        if name not in GATE_ORDERS:
            raise ValueError(f"got {name!r}, expected one of {', '.join(GATE_ORDERS)}")
    if array.shape[axis] % 4:
        raise ValueError(f"got {array.shape[axis]} along axis {axis}, expected four blocks")
    blocks = dict(zip(GATE_ORDERS[source], np.split(array, 4, axis=axis), strict=True))
    return np.concatenate([blocks[gate] for gate in GATE_ORDERS[target]], axis=axis)


def expect_able(network: Network, where: str, *, cells: Sequence[str] = ("standard",)) -> None:
    """Raise a ValueError unless a framework has what a network needs; a projection is lstm_lib's and torch's alone.

    Example:
        >>> layer = Layer(np.zeros((2, 2, 3)), np.zeros((2, 2, 2)), None)
        >>> expect_able(Network("janet", ((layer,),)), "Keras")
        Traceback (most recent call last):
        ...
        ValueError: got cell 'janet', which Keras has not, expected 'standard'
    """
    if network.cell not in cells:
        expected = " or ".join(map(repr, cells))
        raise ValueError(f"got cell {network.cell!r}, which {where} has not, expected {expected}")
    if PROJECTION in network.layers[0][0].extra:
        size = network.layers[0][0].W_h.shape[2]
        raise ValueError(f"got a projection (proj_size={size}), which {where} has not, expected a network without one")


def expect_sound(network: Network) -> Network:
    """Return a network whose shapes fit one another, or raise a ValueError that names the place.

    Example:
        >>> layer = Layer(np.zeros((4, 2, 3)), np.zeros((4, 3, 2)), None)
        >>> expect_sound(Network("standard", ((layer,),)))
        Traceback (most recent call last):
        ...
        ValueError: got W_h (4, 3, 2) in layer 0, expected (4, 2, 2)
    """
    if network.cell not in BLOCKS:
        raise ValueError(f"got cell {network.cell!r}, expected one of {', '.join(BLOCKS)}")
    G, D = BLOCKS[network.cell], network.input_size
    for number, directions in enumerate(network.layers):
        if len(directions) != network.directions or network.directions not in (1, 2):
            raise ValueError(f"got {len(directions)} directions in layer {number}, expected {network.directions}")
        H, P = directions[0].W_x.shape[1], directions[0].W_h.shape[2]
        for layer in directions:
            _expect_layer(layer, network, f"layer {number}", (G, H, D, P))
        D = len(directions) * P
    if network.readout is not None:
        W, b = network.readout
        K = W.shape[0]
        _expect_shape("the readout's W", W, (K, D), "")
        if b is not None:
            _expect_shape("the readout's b", b, (K,), "")
    return network


def _expect_layer(layer: Layer, network: Network, where: str, sizes: tuple[int, int, int, int]) -> None:
    G, H, D, P = sizes
    shapes: dict[str, tuple[int, ...]] = {"W_x": (G, H, D), "W_h": (G, H, P)}
    arrays = {"W_x": layer.W_x, "W_h": layer.W_h, **layer.extra}
    if (layer.b is None) != (network.layers[0][0].b is None):
        raise ValueError(f"got biases in some layers only ({where}), expected all or none")
    if layer.b is not None:
        arrays["b"], shapes["b"] = layer.b, (2, G, H)
    needed = set(EXTRA.get(network.cell, ()))
    needed = {name for name in needed if layer.b is not None or not name.startswith("bias")}
    needed |= {PROJECTION} & network.layers[0][0].extra.keys()
    if layer.extra.keys() != needed:
        got = ", ".join(sorted(layer.extra)) or "none"
        raise ValueError(f"got extra weights {got} in {where}, expected {', '.join(sorted(needed)) or 'none'}")
    if PROJECTION not in needed and P != H:
        raise ValueError(f"got W_h {layer.W_h.shape} in {where}, expected {(G, H, H)}")
    shapes |= {PROJECTION: (P, H), "weight_peep": (3, H), "weight_u": (H, H), "bias_u": (H,)}
    shapes |= {"weight_norm_ih": (4 * H,), "weight_norm_hh": (4 * H,), "weight_norm_c": (H,), "bias_norm_c": (H,)}
    for name, array in arrays.items():
        _expect_shape(name, array, shapes[name], f" in {where}")
        if array.dtype != network.dtype:
            raise ValueError(f"got {name} of dtype {array.dtype} in {where}, expected {network.dtype} as elsewhere")


def _expect_shape(name: str, array: Array, shape: tuple[int, ...], where: str) -> None:
    if array.shape != shape:
        raise ValueError(f"got {name} {array.shape}{where}, expected {shape}")
