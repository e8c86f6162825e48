"""A state_dict of torch, as names and NumPy arrays, and the neutral form, both ways. torch itself is not needed.

Shapes: G gates, D features, H hidden units, P projected units. weight_ih_l{k} (G·H, D), weight_hh_l{k} (G·H, P), two
biases (G·H,) that are added, and ``_reverse`` for the second direction; what the cells of ``lstm_lib.nn.LSTM`` add is
known too.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from lstm_lib._array import Array
from lstm_lib.convert.form import BLOCKS, EXTRA, PROJECTION, Layer, Network, Readout, expect_sound

NAME = re.compile(r"(.*\.)?((?:weight|bias)_(?:ih|hh|hr|u|peep|norm_ih|norm_hh|norm_c))_l(\d+)(_reverse)?")


# What pruning, weight_norm and spectral_norm keep of a weight that they make anew at each call.
KIND = r"(?:weight|bias)_(?:ih|hh|hr)"
PARTS = re.compile(
    rf"(?:.*\.)?(?:parametrizations\.{KIND}_l\d+(?:_reverse)?\..*|{KIND}_l\d+(?:_reverse)?_(?:orig|mask|[gvu]))"
)
OF_A_CELL = re.compile(rf"(?:.*\.)?{KIND}")


def expect_whole(names: Iterable[str]) -> None:
    """Raise a ValueError where a weight is there in parts only, or all of them are of a cell, without a layer's number.

    Example:
        >>> expect_whole(["weight_ih_l0", "weight_hh_l0_orig", "weight_hh_l0_mask"])
        Traceback (most recent call last):
        ...
        ValueError: got weight_hh_l0_orig, weight_hh_l0_mask, parts of which a weight is made at each call, expected ...
    """
    names = list(names)
    if parts := [name for name in names if PARTS.fullmatch(name)]:
        ways = "torch.nn.utils.prune.remove, remove_weight_norm or parametrize.remove_parametrizations"
        what = f"got {', '.join(parts[:4])}, parts of which a weight is made at each call"
        raise ValueError(f"{what}, expected the weight itself: call {ways} before saving")
    cells = [name for name in names if OF_A_CELL.fullmatch(name)]
    if cells and not any(NAME.fullmatch(name) for name in names):
        whole = ", ".join(cells[:2])
        raise ValueError(f"got {whole}, the weights of a cell, expected those of an LSTM: {cells[0]}_l0 and so on")


def from_state(state: Mapping[str, Any], *, cell: str | None = None, part: str | None = None) -> Network:
    """Bring the weights of an LSTM, by torch's names, into the neutral form.

    Args:
        state: Names and arrays. One LSTM, whatever its name is, and at most one linear layer, which reads its h.
        cell: Which cell of ``lstm_lib.nn.LSTM``; None finds out, where a state_dict knows it, or names and shapes tell.
        part: Name of the LSTM within a larger network, all else of which is then left out.

    Raises:
        ValueError: If there is no LSTM or more than one, something besides them, or a shape does not fit.

    Example:
        >>> print(from_state({"weight_ih_l0": np.zeros((8, 3)), "weight_hh_l0": np.zeros((8, 2))}))
        standard cell, 1 layer, D = 3, H = 2, no bias, float64
    """
    expect_whole(name for name in state if part is None or name.startswith(f"{part}."))
    found: dict[str, dict[tuple[int, bool], dict[str, Array]]] = {}
    others = {}
    for name, value in state.items():
        match = NAME.fullmatch(name)
        if match is None:
            others[name] = np.asarray(value)
            continue
        place, kind, number, reverse = match.groups()
        cells = found.setdefault((place or "").removesuffix("."), {})
        cells.setdefault((int(number), reverse is not None), {})[kind] = np.asarray(value)
    if part is not None:
        found, others = {name: cells for name, cells in found.items() if name == part}, {}
    if len(found) != 1:
        have = f"LSTMs {', '.join(map(repr, found))}" if found else f"no LSTM among {', '.join(state) or 'no names'}"
        raise ValueError(f"got {have}, expected one" + ("" if part is None else f" called {part!r}"))
    place, cells = next(iter(found.items()))
    ways = [False, True] if any(reverse for _, reverse in cells) else [False]
    count = len(cells) // len(ways)
    if cells.keys() != {(number, way) for number in range(count) for way in ways}:
        names = ", ".join(f"_l{number}{'_reverse' * reverse}" for number, reverse in sorted(cells))
        raise ValueError(f"got layers {names}, expected every layer from _l0 on, all in the same directions")
    cell = cell or getattr(state, "_metadata", {}).get(place, {}).get("cell") or _guess(cells[0, False])
    layers = tuple(tuple(_layer(cells[number, way], cell) for way in ways) for number in range(count))
    return expect_sound(Network(cell, layers, _readout(others, layers)))


def to_state(network: Network) -> dict[str, Array]:
    """Return names and arrays as in a state_dict: of an LSTM; or with a readout, of lstm and readout, as in a Tagger.

    Raises:
        ValueError: If the layers have different sizes, which torch's LSTM cannot have.

    Example:
        >>> network = Network("standard", ((Layer(np.zeros((4, 2, 3)), np.zeros((4, 2, 2)), None),),))
        >>> {name: array.shape for name, array in to_state(network).items()}
        {'weight_ih_l0': (8, 3), 'weight_hh_l0': (8, 2)}
    """
    if len(set(network.hidden_sizes)) != 1:
        sizes = ", ".join(map(str, network.hidden_sizes))
        raise ValueError(f"got layers of {sizes} units, which one LSTM of torch cannot have, expected equal sizes")
    prefix = "" if network.readout is None else "lstm."
    state = {}
    for number, layers in enumerate(network.layers):
        for layer, end in zip(layers, ("", "_reverse"), strict=False):
            arrays = {"weight_ih": layer.W_x, "weight_hh": layer.W_h}
            if layer.b is not None:
                arrays |= {"bias_ih": layer.b[0], "bias_hh": layer.b[1]}
            rows = {name: array.reshape(-1, *array.shape[2:]) for name, array in arrays.items()}
            for name, array in {**rows, **layer.extra}.items():
                state[f"{prefix}{name}_l{number}{end}"] = np.array(array, order="C")
    if network.readout is not None:
        W, b = network.readout
        state |= {"readout.weight": np.array(W, order="C"), **({} if b is None else {"readout.bias": b.copy()})}
    return state


def _guess(arrays: Mapping[str, Array]) -> str:
    """Find out which cell an LSTM has from the names and the shapes of a layer."""
    for cell, extra in EXTRA.items():
        if extra[0] in arrays:
            return cell
    if "weight_ih" not in arrays or "weight_hh" not in arrays or arrays["weight_hh"].ndim != 2:
        names = ", ".join(arrays)
        raise ValueError(f"got weights {names} of a layer, expected weight_ih and weight_hh, two dimensions each")
    rows, H = len(arrays["weight_hh"]), arrays.get(PROJECTION, arrays["weight_hh"]).shape[1]
    if rows != 4 * H:
        known = {3 * H: "a GRU, or a cell without a gate", 2 * H: "a cell without two of the gates", H: "a plain RNN"}
        what = f"{rows} rows for {H} units: {known.get(rows, 'no cell of ours')}"
        raise ValueError(f"got {what}; expected the {4 * H} of an LSTM, or a file that says which cell it is")
    return "standard"


def _layer(arrays: dict[str, Array], cell: str) -> Layer:
    arrays = dict(arrays)
    if not {"weight_ih", "weight_hh"} <= arrays.keys() or {"bias_ih", "bias_hh"} & arrays.keys() not in (
        set(),
        {"bias_ih", "bias_hh"},
    ):
        raise ValueError(f"got weights {', '.join(arrays)} of a layer, expected two weights, and two biases or none")
    G = BLOCKS.get(cell, 0)
    shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
    W_ih, W_hh = arrays.pop("weight_ih"), arrays.pop("weight_hh")
    biases = [arrays.pop(name) for name in ("bias_ih", "bias_hh") if name in arrays]
    rows = {array.shape[:1] for array in (W_ih, W_hh, *biases)}
    dimensions = [array.ndim for array in (W_ih, W_hh, *biases)]
    if not G or dimensions[:2] != [2, 2] or set(dimensions[2:]) - {1} or rows != {W_ih.shape[:1]} or len(W_ih) % G:
        raise ValueError(f"got {shapes}, which are not the weights of a layer of cell {cell!r}")
    H = len(W_ih) // G
    b = np.stack([bias.reshape(G, H) for bias in biases]) if biases else None
    return Layer(W_ih.reshape(G, H, -1), W_hh.reshape(G, H, -1), b, arrays)


def _readout(others: Mapping[str, Array], layers: tuple[tuple[Layer, ...], ...]) -> Readout | None:
    """Take one linear layer that reads h, if there is nothing else besides the LSTM."""
    if not others:
        return None
    kinds = {name.rpartition(".")[2]: array for name, array in others.items()}
    places = {name.rpartition(".")[0] for name in others}
    features = len(layers[-1]) * layers[-1][0].W_h.shape[2]
    W = kinds.get("weight", np.zeros(0))
    if len(places) > 1 or not {"weight"} <= kinds.keys() <= {"weight", "bias"} or W.shape[1:] != (features,):
        names = ", ".join(others)
        expected = f"expected one linear layer of {features} inputs at most (or say which part to take)"
        raise ValueError(f"got {names} besides an LSTM, {expected}")
    return Readout(W, kinds.get("bias"))
