"""Find every LSTM and LSTM cell of a network, and the weights of each layer and direction.

A cell is called once a step, by a loop of the network's own: it counts as an LSTM of one layer, time first.

Shapes: D features, H hidden units, P projected units, G gates.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lstm_lib.convert.state import NAME
from lstm_lib.nn import CELLS, LSTM, LSTMCell

EXTRA = {"weight_u": "drawn", "weight_peep": "peephole", "weight_norm_ih": "layernorm"}


class Layer(NamedTuple):
    """One layer and direction of an LSTM: the name of the LSTM, its cell, and the weights without their suffix."""

    lstm: str
    number: int
    reverse: bool
    cell: str
    weights: dict[str, Tensor]

    @property
    def where(self) -> str:
        """Name it for people.

        Example:
            >>> layers_of(nn.LSTM(3, 2, bidirectional=True))[1].where
            'the LSTM, layer 0, from the end'
        """
        return f"{self.lstm or 'the LSTM'}, layer {self.number}" + (", from the end" if self.reverse else "")

    @property
    def hidden_size(self) -> int:
        """H."""
        return len(self.weights["weight_ih"]) // len(CELLS[self.cell].gates)

    def rows(self, name: str, gate: str) -> Tensor | None:
        """Return the rows of a weight that belong to a gate, or None where there is no such weight or gate.

        Example:
            >>> layers_of(nn.LSTM(3, 2))[0].rows("bias_ih", "f").shape
            torch.Size([2])
        """
        weight, gates, H = self.weights.get(name), CELLS[self.cell].gates, self.hidden_size
        if weight is None or gate not in gates:
            return None
        return weight[gates.index(gate) * H : (gates.index(gate) + 1) * H]


def is_lstm(module: Any) -> bool:
    """Say whether a module is an LSTM of torch or of this library."""
    return isinstance(module, (nn.LSTM, LSTM))


def is_cell(module: Any) -> bool:
    """Say whether a module is one step of an LSTM, of torch or of this library.

    Example:
        >>> is_cell(nn.LSTMCell(3, 2)), is_cell(nn.LSTM(3, 2)), is_cell(nn.GRUCell(3, 2))
        (True, False, False)
    """
    return isinstance(module, (nn.LSTMCell, LSTMCell))


def is_batch_first(module: Any) -> bool:
    """Say whether an LSTM takes (B, T, D); a cell's steps are laid behind each other, time first."""
    return not is_cell(module) and bool(module.batch_first)


def lstms_of(model: nn.Module) -> dict[str, Any]:
    """Find every LSTM and every cell, at any depth, by its name; those that the network does not know of, too.

    Example:
        >>> list(lstms_of(nn.Sequential(nn.Linear(3, 3), nn.LSTM(3, 2))))
        ['1']
    """
    known = {name: module for name, module in model.named_modules() if is_lstm(module) or is_cell(module)}
    return known | {name: module for name, module in unregistered(model).items() if is_lstm(module) or is_cell(module)}


def unregistered(model: nn.Module) -> dict[str, nn.Module]:
    """Find the modules in lists, tuples and dictionaries of Python: ``parameters()`` does not list what they hold.

    Example:
        >>> model = nn.Module()
        >>> model.stack = [nn.LSTM(3, 2)]
        >>> list(unregistered(model)), list(model.parameters())
        (['stack.0'], [])
    """
    known, found = {id(module) for module in model.modules()}, {}
    for place, owner in model.named_modules():
        for key, value in vars(owner).items():
            items = value.items() if isinstance(value, dict) else enumerate(value) if _is_row(value) else ()
            for n, part in items if not key.startswith("_") else ():
                for name, module in part.named_modules() if isinstance(part, nn.Module) else ():
                    if id(module) not in known:
                        found[".".join(filter(None, [place, key, str(n), name]))] = module
    return found


def _is_row(value: Any) -> bool:
    return isinstance(value, list | tuple)


def layers_of(model: nn.Module, name: str = "") -> list[Layer]:
    """List the layers and directions of one LSTM, its weights cut off from any graph.

    Example:
        >>> [layer.weights["weight_ih"].shape for layer in layers_of(nn.LSTM(3, 2, num_layers=2))]
        [torch.Size([8, 3]), torch.Size([8, 2])]
    """
    lstm: Any = model
    found = []
    layers, directions = (1, 1) if is_cell(lstm) else (lstm.num_layers, 2 if lstm.bidirectional else 1)
    for number in range(layers):
        for end in ("", "_reverse")[:directions]:
            suffix = "" if is_cell(lstm) else f"_l{number}{end}"
            weights = {}
            for kind in KINDS:
                value = getattr(lstm, kind + suffix, None)
                if isinstance(value, Tensor):
                    weights[kind] = value.detach()
            found.append(Layer(name, number, bool(end), str(getattr(lstm, "cell", "standard")), weights))
    return found


KINDS = (
    *("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr", "weight_u", "bias_u", "weight_peep"),
    *("weight_norm_ih", "weight_norm_hh", "weight_norm_c", "bias_norm_c"),
)


def layers_in_state(state: Mapping[str, Any], *, cell: str | None = None) -> list[Layer]:
    """Find every LSTM in a state_dict by the names that torch gives to weights.

    Args:
        state: Names and tensors.
        cell: Which cell of ``lstm_lib.nn.LSTM``; None finds out, where the state knows it or names and shapes tell.

    Raises:
        ValueError: If a layer has not the shapes of an LSTM.

    Example:
        >>> [layer.where for layer in layers_in_state(nn.Sequential(nn.LSTM(3, 2)).state_dict())]
        ['0, layer 0']
    """
    found: dict[tuple[str, int, bool], dict[str, Tensor]] = {}
    for name, value in state.items():
        match = NAME.fullmatch(name)
        if match is not None and isinstance(value, Tensor):
            place, kind, number, reverse = match.groups()
            key = ((place or "").removesuffix("."), int(number), reverse is not None)
            found.setdefault(key, {})[kind] = value.detach()
    layers = []
    for key, weights in sorted(found.items(), key=lambda item: item[0]):
        if "weight_ih" not in weights or "weight_hh" not in weights:
            continue  # a GRU's or an RNN's would have both: what is left has other owners
        noted = getattr(state, "_metadata", {}).get(key[0], {}).get("cell")
        made = Layer(*key, _cell_of(weights, cell or noted, ".".join(filter(None, key[:1]))), weights)
        if made is not None:
            layers.append(made)
    return layers


def _cell_of(weights: Mapping[str, Tensor], cell: str | None, name: str) -> str:
    """Tell the cell from the names and shapes of a layer's weights, or raise a ValueError."""
    known = [kind for extra, kind in EXTRA.items() if extra in weights]
    rows = len(weights["weight_hh"])
    H = weights.get("weight_hr", weights["weight_hh"]).shape[1]
    chosen = known[0] if known else cell or "standard"
    if chosen not in CELLS:
        raise ValueError(f"got cell {chosen!r} in {name or 'the LSTM'}, expected one of {', '.join(map(repr, CELLS))}")
    if rows != len(CELLS[chosen].gates) * H:
        guess = {3: "a GRU, or a cell without a gate", 2: "a cell without two of the gates", 1: "a plain RNN"}
        what = guess.get(rows // H, "no cell that we know")
        expected = f"expected {len(CELLS[chosen].gates) * H}, those of cell {chosen!r}"
        expected += "" if cell else ", or a state_dict that knows its cell"
        raise ValueError(f"got {rows} rows for {H} units in {name or 'the LSTM'} ({what}), {expected}")
    return chosen


def noise_for(layer: Layer, steps: int = 100, batch: int = 8) -> Tensor:
    """Draw inputs from a standard normal distribution, for weights that come without data; always the same ones.

    Example:
        >>> noise_for(layers_of(nn.LSTM(3, 2))[0]).shape
        torch.Size([100, 8, 3])
    """
    weight = layer.weights["weight_ih"]
    drawn = torch.randn(steps, batch, weight.shape[1], generator=torch.Generator().manual_seed(0))
    return drawn.to(weight)
