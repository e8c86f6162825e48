"""What code that was written for ``torch.nn.LSTM`` meets besides ``forward``: tracers, converters, recipes, a list.

Shapes: H hidden units, G gates.
"""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from lstm_lib.nn.backends.interface import is_followed
from lstm_lib.nn.steps import CELLS

# torch.fx takes as a leaf, one node of a graph, what says that it comes from torch.nn, and asks the instance.
LEAF = "torch.nn, in its place: lstm_lib.nn"
INSTEAD = "put lstm.to_torch() in its place (cell 'standard')"


class FlatWeights(list[Any]):
    """The weights that an LSTM computes with, in torch's order; what is put into the list is computed with.

    Code for ``torch.nn.LSTM`` writes into ``_flat_weights`` to drop weights at each step, say. What it writes holds
    until the parameter of that name is another one.
    """

    def __init__(self, lstm: Any) -> None:
        """Collect the weights by name; None for one that is not there."""
        super().__init__(weight_of(lstm, name) for name in lstm._flat_weights_names)
        self._lstm = lstm

    def __setitem__(self, k: Any, weight: Any) -> None:
        """Put one weight, or several, in the place of parameters."""
        super().__setitem__(k, weight)
        put(self._lstm, list(self))


def _refuse(name: str) -> Callable[..., Any]:
    def refuse(self: FlatWeights, *args: Any, **options: Any) -> Any:
        """Raise a TypeError: nothing would come of it."""
        n = len(self)
        raise TypeError(f"got {name} on _flat_weights, expected _flat_weights[k] = weight, or a whole list of {n}")

    return refuse


for _name in ("append", "extend", "insert", "pop", "remove", "clear", "reverse", "sort", "__delitem__", "__iadd__"):
    setattr(FlatWeights, _name, _refuse(_name))


def weight_of(lstm: Any, name: str) -> Any:
    """Return what an LSTM computes with under this name: its parameter, or what ``_flat_weights`` was given instead."""
    weight = getattr(lstm, name, None)
    given = lstm._given.get(name) if lstm._given else None
    return given[1] if given and given[0] is weight else weight


def put(lstm: Any, weights: list[Any]) -> None:
    """Note which weights are not the parameters of their names, and for which parameters they stand."""
    if len(weights) != len(lstm._flat_weights_names):
        names = ", ".join(lstm._flat_weights_names)
        raise ValueError(f"got {len(weights)} weights, expected {len(lstm._flat_weights_names)}: {names}")
    current = {name: getattr(lstm, name, None) for name in lstm._flat_weights_names}
    pairs = zip(current.items(), weights, strict=True)
    lstm._given = {name: (own, weight) for (name, own), weight in pairs if weight is not own}


def let_check(lstm: Any, input: Any, call: Any) -> None:
    """Let a subclass look at a batch, if it has its own way to, with what torch's LSTM would show it."""
    if type(lstm).check_forward_args is nn.LSTM.check_forward_args or call.batch_sizes is not None or call.tokens:
        return
    batched = input if input.dim() == 3 else input.unsqueeze(0 if lstm.batch_first else 1)
    lstm.check_forward_args(batched, tuple(call.state), None)


# ---------------------------------------------------------------- tracers and converters


def refuse_proxy(input: Any) -> None:
    """Raise a TypeError where torch.fx looks inside the LSTM, which has a loop that depends on the input."""
    if isinstance(input, torch.fx.Proxy):
        raise TypeError(
            "got a Proxy of torch.fx, expected a Tensor: an LSTM is a leaf of a graph, so trace a module that holds "
            f"it, with a tracer whose is_leaf_module says so of what comes from torch.nn; or {INSTEAD}"
        )


def refuse_qconfig(qconfig: Any) -> None:
    """Raise a TypeError if torch.ao is told to quantise an LSTM of the library, warn if it is left as it is.

    torch.ao knows torch's LSTM by its exact type, and would pass over any other in silence.
    """
    if qconfig is not None:
        what = "got a qconfig for an LSTM of lstm_lib, which torch.ao cannot quantise, expected None"
        raise TypeError(f"{what}: {INSTEAD}")
    message = f"got an LSTM of lstm_lib, which torch.ao leaves as it is, in floating point; to quantise it, {INSTEAD}"
    warnings.warn(message, stacklevel=3)


# ---------------------------------------------------------------- recipes for four gates


def warn_of_four_gates(cell: str, H: int, biases: dict[str, Any]) -> None:
    """Warn if biases look as if a recipe for the four gates i, f, g, o had set the forget gate where it is not.

    Such recipes fill rows H:2H, or the second quarter. In a cell of two or three gates other gates are there.

    Example:
        >>> bias = torch.arange(6.0) / 6
        >>> bias[2:4] = 1.0
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     warn_of_four_gates("coupled", 2, {"bias_ih_l0": bias})
        >>> str(caught[0].message).partition(":")[0]
        'got bias_ih_l0 with rows 2 to 3 all 1'
    """
    for name, bias in biases.items():
        if not isinstance(bias, Tensor) or bias.is_meta or (bias.is_cuda and torch.cuda.is_current_stream_capturing()):
            continue
        values = bias.detach().float().cpu()
        n = len(values)
        for start, end in {(H, 2 * H), (n // 4, n // 2)}:
            if _is_filled(values, start, end):
                rows = f"rows {start} to {end - 1} all {float(values[start]):g}"
                where = f"where a cell of four gates has its forget gate; but the blocks of {H} rows"
                gates = ", ".join(CELLS[cell].gates)
                message = f"got {name} with {rows}: {where} of cell {cell!r} are {gates}; expected set_forget_bias"
                warnings.warn(message, stacklevel=2)


def _is_filled(values: Tensor, start: int, end: int) -> bool:
    """Say whether exactly these rows hold one number that is not zero."""
    if end - start < 2 or not values[start]:
        return False
    same = values == values[start]
    around = [k for k in (start - 1, end) if 0 <= k < len(values)]
    return bool(same[start:end].all()) and not any(bool(same[k]) for k in around)


def has_plain_parameters(module: nn.Module) -> bool:
    """Say whether the parameters are real ones, which can be looked at: no tracer and no torch.func stands between."""
    if torch.compiler.is_compiling():
        return False
    parameters: list[Tensor] = list(module.parameters())
    return not is_followed(parameters) and all(type(p) is nn.Parameter for p in parameters)
