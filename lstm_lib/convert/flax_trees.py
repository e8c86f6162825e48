"""Flax's weights, which are a tree of arrays, and the neutral form, both ways. Flax itself is not needed.

Shapes: D features, H hidden units, K classes. A cell has a kernel (D, H) for each gate's input and a kernel (H, H)
with a bias (H,) for each gate's h; ``nnx.OptimizedLSTMCell`` has all four side by side. There always is one bias.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lstm_lib._array import Array
from lstm_lib.convert.form import Layer, Network, Readout, expect_able, expect_sound, one_bias, two_biases
from lstm_lib.notation import GATE_ORDERS

Tree = dict[Any, Any]
# How ``to_flax`` can name the weights, and the cell that has these names.
STYLES = {
    "linen": "flax.linen.OptimizedLSTMCell or LSTMCell",
    "nnx": "flax.nnx.LSTMCell",
    "nnx optimized": "flax.nnx.OptimizedLSTMCell",
}
WAYS = ("forward_rnn", "backward_rnn")


def to_flax(network: Network, *, style: str = "linen") -> Tree:
    """Return the tree of weights of a ``Sequential`` of ``RNN`` layers (``Bidirectional`` ones for both directions).

    A readout becomes a Dense (nnx: Linear) layer at the end. torch's two biases are added to Flax's one.

    Args:
        network: A network of standard cells.
        style: "linen", the value of ``params`` of ``flax.linen.Sequential``; "nnx" or "nnx optimized", a pure dict of
            ``flax.nnx.Sequential`` with LSTMCells or OptimizedLSTMCells.

    Raises:
        ValueError: If there is no such style, or it has a projection or another cell than the standard one.

    Example:
        >>> network = Network("standard", ((Layer(np.zeros((4, 2, 3)), np.zeros((4, 2, 2)), None),),))
        >>> tree = to_flax(network)["layers_0"]["cell"]
        >>> sorted(tree), tree["hf"]["kernel"].shape
        (['hf', 'hg', 'hi', 'ho', 'if', 'ig', 'ii', 'io'], (2, 2))
    """
    if style not in STYLES:
        raise ValueError(f"got style {style!r}, expected one of {', '.join(map(repr, STYLES))}")
    expect_able(network, "Flax")
    made: list[Tree] = []
    for layers in network.layers:
        runs = [{"cell": _cell(layer, style)} for layer in layers]
        made.append(runs[0] if len(runs) == 1 else dict(zip(WAYS, runs, strict=True)))
    if network.readout is not None:
        W, b = network.readout
        made.append({"kernel": W.T.copy(), **({} if b is None else {"bias": b.copy()})})
    if style == "linen":
        return {f"layers_{number}": tree for number, tree in enumerate(made)}
    return {"layers": dict(enumerate(made))}


def from_flax(tree: Mapping[Any, Any]) -> Network:
    """Bring a tree of Flax's weights into the neutral form.

    Args:
        tree: Of a ``Sequential`` as ``to_flax`` gives it, in any style, with or without ``{"params": …}`` around it; or
            of one RNN, Bidirectional or cell.

    Raises:
        ValueError: If it is no such tree.

    Example:
        >>> network = Network("standard", ((Layer(np.ones((4, 2, 3)), np.ones((4, 2, 2)), np.ones((2, 4, 2))),),))
        >>> from_flax({"params": to_flax(network)}).layers[0][0].b[0].tolist()
        [[2.0, 2.0], [2.0, 2.0], [2.0, 2.0], [2.0, 2.0]]
    """
    tree = tree.get("params", tree)
    if "layers" in tree:
        trees = [tree["layers"][key] for key in sorted(tree["layers"], key=int)]
    elif "layers_0" in tree:
        numbers = sorted(int(key.removeprefix("layers_")) for key in tree)
        trees = [tree[f"layers_{number}"] for number in numbers]
    else:
        trees = [tree]
    readout = None
    if len(trees) > 1 and {"kernel"} <= trees[-1].keys() <= {"kernel", "bias"}:
        dense = trees.pop()
        readout = Readout(np.asarray(dense["kernel"]).T, np.asarray(dense["bias"]) if "bias" in dense else None)
    layers = []
    for one in trees:
        runs = [one[way] for way in WAYS] if one.keys() == set(WAYS) else [one]
        layers.append(tuple(_layer(run.get("cell", run)) for run in runs))
    return expect_sound(Network("standard", tuple(layers), readout))


def _cell(layer: Layer, style: str) -> Tree:
    H = layer.W_x.shape[1]
    b = one_bias(layer)
    b = np.zeros((4, H), layer.W_x.dtype) if b is None else b
    if style == "nnx optimized":
        wide = [np.concatenate([block.T for block in blocks], axis=1) for blocks in (layer.W_x, layer.W_h)]
        return {"dense_i": {"kernel": wide[0]}, "dense_h": {"kernel": wide[1], "bias": b.ravel()}}
    tree: Tree = {}
    for gate, W_x, W_h, bias in zip(GATE_ORDERS["lstm_lib"], layer.W_x, layer.W_h, b, strict=True):
        tree[_name(gate, style)] = {"kernel": W_x.T.copy()}
        tree[f"h{gate}"] = {"kernel": W_h.T.copy(), "bias": bias.copy()}
    return tree


def _name(gate: str, style: str) -> str:
    """Name the kernel of a gate's input; nnx must not call it by Python's word "if"."""
    return "if_" if style == "nnx" and gate == "f" else f"i{gate}"


def _layer(tree: Mapping[str, Mapping[str, Any]]) -> Layer:
    order = GATE_ORDERS["Flax"]
    if tree.keys() == {"dense_i", "dense_h"}:
        kernels = [np.asarray(tree[name]["kernel"]) for name in ("dense_i", "dense_h")]
        b = np.asarray(tree["dense_h"]["bias"])
        H = len(kernels[1])
        return Layer(_blocks(kernels[0], H), _blocks(kernels[1], H), two_biases(b.reshape(4, H)))
    style = "nnx" if "if_" in tree else "linen"
    names = {_name(gate, style) for gate in order} | {f"h{gate}" for gate in order}
    if tree.keys() != names:
        what = "the kernels ii, if, ig, io, hi, hf, hg, ho of an LSTM cell, or dense_i and dense_h"
        raise ValueError(f"got a tree of {', '.join(map(str, tree)) or 'nothing'}, expected {what}")
    W_x = np.stack([np.asarray(tree[_name(gate, style)]["kernel"]).T for gate in order])
    W_h = np.stack([np.asarray(tree[f"h{gate}"]["kernel"]).T for gate in order])
    return Layer(W_x, W_h, two_biases(np.stack([np.asarray(tree[f"h{gate}"]["bias"]) for gate in order])))


def _blocks(kernel: Array, H: int) -> Array:
    return np.stack([block.T for block in np.split(kernel, 4, axis=1)]).reshape(4, H, -1)
