"""Modules of torch: one layer to and from a NumPy cell, and whole networks to and from the neutral form.

Shapes: D features, H hidden units. NumPy's W (4, H, H+D) acts on z = [h, x] and has one bias; torch keeps two tables,
weight_hh (4·H, H) and weight_ih (4·H, D), and two biases that it adds. Gates lie in the order i, f, g, o on both sides.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lstm_lib._array import Array
from lstm_lib.convert.form import OPTIONS, PROJECTION, Network, options_of
from lstm_lib.convert.state import from_state, to_state
from lstm_lib.from_scratch.cells import DrawnParams, LSTMParams, RNNParams
from lstm_lib.nn import LSTM, Tagger

Params = RNNParams | LSTMParams | DrawnParams


def numpy_to_torch(params: Params, layer: nn.Module, *, number: int = 0, reverse: bool = False) -> None:
    """Copy the parameters of a NumPy cell into one layer and direction of a torch module, in place.

    Args:
        params: RNNParams, LSTMParams or DrawnParams.
        layer: ``torch.nn.RNN``, ``torch.nn.LSTM`` or ``lstm_lib.nn.LSTM`` (cell "drawn" for DrawnParams), or one of
            torch's cells, which have no layers.
        number: Which layer of the stack.
        reverse: Whether the direction is the one from the last step to the first.

    Raises:
        ValueError: If the module has no such layer or is no tanh RNN or LSTM, a shape does not fit, or a bias that is
            not zero has no place; nothing is copied then.

    Example:
        >>> from lstm_lib import cells
        >>> params, lstm = cells.init_lstm(np.random.default_rng(0), 3, 2), nn.LSTM(3, 2)
        >>> numpy_to_torch(params, lstm)
        >>> lstm.bias_ih_l0[2:4].detach()  # b_f
        tensor([1., 1.])
    """
    H = params.b.shape[-1]
    rows = params.W.reshape(-1, params.W.shape[-1])
    values = {"weight_ih": rows[:, H:], "weight_hh": rows[:, :H]}
    found = _parameters(layer, number, reverse)
    values |= {"bias_ih": params.b.reshape(-1), "bias_hh": np.zeros_like(params.b).reshape(-1)}
    if isinstance(params, DrawnParams):
        values |= {"weight_u": params.W_u, "bias_u": params.b_u}
    is_idle = {name: name.startswith("bias") and name not in found and not np.any(a) for name, a in values.items()}
    values = {name: value for name, value in values.items() if not is_idle[name]}  # a bias of zero needs no place
    got = {name: tuple(value.shape) for name, value in values.items()}
    expected = {name: tuple(value.shape) for name, value in found.items()}
    if got != expected:
        raise ValueError(f"got a {type(params).__name__} of shapes {got}, expected those of the layer, {expected}")
    for name, value in values.items():
        found[name].detach().copy_(torch.tensor(np.ascontiguousarray(value)))


def torch_to_numpy(layer: nn.Module, *, number: int = 0, reverse: bool = False, gradients: bool = False) -> Params:
    """Return one layer and direction of a torch module as the parameters of a NumPy cell, of the module's dtype.

    Args:
        layer: As in ``numpy_to_torch``; an LSTM without projection.
        number: Which layer of the stack.
        reverse: Whether the direction is the one from the last step to the first.
        gradients: Whether to take the gradients of the parameters in place of their values. torch's two biases have
            equal gradients, and NumPy's one bias has that gradient too; values are added.

    Returns:
        RNNParams, LSTMParams, or DrawnParams where the module has the drawn cell's weights; arrays of their own.

    Raises:
        ValueError: If the module has no such layer, or weights or a dtype that NumPy has not, or is an RNN without
            tanh, or (when asked) has no gradients.

    Example:
        >>> params = torch_to_numpy(nn.LSTM(3, 2))
        >>> params.W.shape, params.b.shape
        ((4, 2, 5), (4, 2))
    """
    found = _parameters(layer, number, reverse)
    if gradients and any(value.grad is None for value in found.values()):
        raise ValueError("got a module without gradients, expected one after its backward pass")
    values = {name: as_numpy(value.grad if gradients else value) for name, value in found.items()}
    W_ih, W_hh = values.pop("weight_ih"), values.pop("weight_hh")
    H = W_hh.shape[1]
    b = values.pop("bias_ih", np.zeros(len(W_hh), W_hh.dtype))
    other = values.pop("bias_hh", np.zeros_like(b))
    b = b if gradients else b + other
    W, gates = np.concatenate([W_hh, W_ih], axis=1), len(W_hh) // H
    if gates == 1 and not values:
        return RNNParams(W, b)
    if gates != 4 or values.keys() - {"weight_u", "bias_u"}:
        names = ", ".join(found)
        raise ValueError(f"got a layer with {gates} blocks of rows and {names}, expected an RNN or a cell of `cells`")
    standard = LSTMParams(W.reshape(4, H, -1), b.reshape(4, H))
    if not values:
        return standard
    W_u = values["weight_u"]
    return DrawnParams(*standard, W_u, values.get("bias_u", np.zeros(H, W_u.dtype)))


def from_torch(module: nn.Module, *, part: str | None = None) -> Network:
    """Bring the weights of a torch module into the neutral form: of an LSTM, and of a linear layer that reads its h.

    Options that weights do not tell (``batch_first``, dropout, ...) are kept for ``to_torch``. A module has no card;
    ``network._replace(card={...})`` gives the network one, for its file.

    Args:
        module: ``torch.nn.LSTM``, ``lstm_lib.nn.LSTM``, ``Tagger``, or any module that holds one LSTM.
        part: Name of the LSTM within a larger network, all else of which is left out.

    Raises:
        ValueError: If the module holds something else, a dtype that NumPy has not, or zoneout, which acts in use too.

    Example:
        >>> print(from_torch(nn.LSTM(3, 2, num_layers=2, bidirectional=True)))
        standard cell, 2 layers, both directions, D = 3, H = 2, float32
    """
    places = [(name, one) for name, one in module.named_modules() if isinstance(one, (nn.LSTM, LSTM))]
    places = [(name, one) for name, one in places if part is None or name == part]
    others = {type(one).__name__ for one in module.modules() if isinstance(one, (nn.RNN, nn.GRU))}
    if len(places) != 1 or (others and part is None):
        got = ", ".join([*(name or type(one).__name__ for name, one in places), *others]) or type(module).__name__
        raise ValueError(f"got {got}, expected a module that holds one LSTM" + (f" called {part!r}" if part else ""))
    lstm = places[0][1]
    zoneout = getattr(lstm, "zoneout", (0.0, 0.0))
    expect_no_zoneout(zoneout)
    state = {name: as_numpy(value) for name, value in module.state_dict().items()}
    network = from_state(state, cell=str(getattr(lstm, "cell", "standard")), part=part)
    return network._replace(options=options_of({name: getattr(lstm, name, usual) for name, usual in OPTIONS.items()}))


def to_torch(network: Network) -> nn.Module:
    """Build the module that has these weights and options.

    Returns:
        An ``lstm_lib.nn.LSTM``, whose parameters have the names and shapes of ``torch.nn.LSTM``; with a readout a
        ``Tagger`` (whose batch is the second dimension, whatever ``batch_first`` says), or, in both directions, a
        ModuleDict of lstm and readout, which only its author can run.

    Raises:
        ValueError: If the layers have different sizes, which torch's LSTM cannot have.

    Example:
        >>> to_torch(from_torch(torch.nn.LSTM(3, 2)))
        LSTM(3, 2)
    """
    state = {name: torch.tensor(value) for name, value in to_state(network).items()}
    D, H, (first, *_) = network.input_size, network.hidden_sizes[0], network.layers[0]
    like: dict[str, Any] = {"dtype": next(iter(state.values())).dtype}
    options: dict[str, Any] = {"num_layers": len(network.layers), "bias": first.b is not None, "cell": network.cell}
    options |= network.options
    options["proj_size"] = len(first.extra[PROJECTION]) if PROJECTION in first.extra else 0
    with torch.random.fork_rng(devices=[]):  # the weights that are drawn are replaced
        module: nn.Module
        if network.readout is None:
            module = LSTM(D, H, bidirectional=network.directions == 2, **options, **like)
        elif network.directions == 1 and network.readout.b is not None:
            options.pop("batch_first", None)
            module = Tagger(D, H, len(network.readout.W), **options, **like)
        else:
            lstm = LSTM(D, H, bidirectional=network.directions == 2, **options, **like)
            K, features = network.readout.W.shape
            readout = nn.Linear(features, K, bias=network.readout.b is not None, **like)
            module = nn.ModuleDict({"lstm": lstm, "readout": readout})
    module.load_state_dict(state)
    return module.eval()


def expect_no_zoneout(zoneout: Any) -> None:
    """Raise a ValueError if a network has zoneout, whose mean acts where nothing is trained: no other LSTM has it."""
    if tuple(zoneout if isinstance(zoneout, (tuple, list)) else (zoneout,)) not in ((0.0, 0.0), (0.0,)):
        raise ValueError(f"got zoneout {zoneout}, which acts in use too and no framework has, expected none")


def _parameters(layer: nn.Module, number: int, reverse: bool) -> dict[str, Any]:
    """Return the parameters of one layer and direction by their names without suffix."""
    if getattr(layer, "nonlinearity", "tanh") != "tanh":
        raise ValueError(f"got an RNN of nonlinearity {layer.nonlinearity!r}, expected 'tanh', as in `cells`")
    is_cell = isinstance(layer, nn.RNNCellBase)
    suffix = "" if is_cell else f"_l{number}" + ("_reverse" if reverse else "")
    every = dict(layer.named_parameters())
    found = {name.removesuffix(suffix): value for name, value in every.items() if name.endswith(suffix)}
    if "weight_hh" not in found or (is_cell and (number, reverse) != (0, False)):
        known = ", ".join(every) or "none"
        raise ValueError(f"got layer {number}, reverse={reverse}, expected one of the module's parameters: {known}")
    return found


def as_numpy(value: Tensor) -> Array:
    """Copy a tensor into an array; a ValueError names the one dtype that NumPy has not."""
    if value.dtype == torch.bfloat16:
        raise ValueError("got weights of dtype torch.bfloat16, which NumPy has not, expected the module in .float()")
    return np.array(value.detach().cpu().numpy())
