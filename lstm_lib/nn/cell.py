"""``LSTMCell``: one step of any cell, a module that takes the place of ``torch.nn.LSTMCell``.

Shapes: B batch, D features, H hidden units, G gates.
"""

from typing import Any

import torch
from torch import Tensor, nn

from lstm_lib.nn import _checks, _parameters, _surface, twins
from lstm_lib.nn._in_place import InPlace
from lstm_lib.nn.backends.interface import autocast_dtype, has_tangent, is_transformed
from lstm_lib.nn.steps import CELLS, CellName, State

Pair = tuple[Tensor, Tensor]


class LSTMCell(InPlace, nn.LSTMCell):
    """Take one step of an LSTM: the same numbers as ``lstm_lib.nn.LSTM`` of one layer at a sequence of one event.

    Arguments, parameters, input and output are those of ``torch.nn.LSTMCell``, and so are the numbers of the cell
    "standard", which torch computes.

    Args:
        input_size: D, features of x.
        hidden_size: H, units.
        bias: Whether there are biases, b_ih and b_hh.
        device: Device of the parameters.
        dtype: Dtype of the parameters.
        cell: As in ``lstm_lib.nn.LSTM``; the parameters are called as there, without the layer's suffix.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument has no such value.

    Example:
        >>> cell = LSTMCell(3, 2, cell="peephole")
        >>> h, c = cell(torch.ones(4, 3))
        >>> h, c = cell(torch.ones(4, 3), (h, c))
        >>> h.shape, c.shape
        (torch.Size([4, 2]), torch.Size([4, 2]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: torch.device | str | int | None = None,
        dtype: torch.dtype | None = None,
        *,
        cell: CellName = "standard",
    ) -> None:
        """Make the parameters and draw them."""
        super(nn.RNNCellBase, self).__init__()  # past torch's own parameters, which have four gates
        _checks.expect_sizes(input_size, hidden_size, 1, 0)
        _checks.expect_options(bias, False, 0.0, 1)
        _checks.expect_backend(cell, "auto", 0)
        self.input_size, self.hidden_size, self.bias, self.cell = int(input_size), int(hidden_size), bias, cell
        self.__dict__["__module__"] = _surface.LEAF
        mine = _parameters.shapes(cell, self.input_size, self.hidden_size, bias=bias)
        for name in _parameters.shapes(cell, self.input_size, self.hidden_size):  # a bias that is not there is None
            made = nn.Parameter(torch.empty(mine[name], device=device, dtype=dtype)) if name in mine else None
            self.register_parameter(name, made)
        self._is_looked_at = len(CELLS[cell].gates) == 4 or not bias
        self.reset_parameters()

    def suffixes(self) -> list[str]:
        """List what ends the names of the parameters: nothing. So ``set_forget_bias`` and the like take a cell too."""
        return [""]

    def reset_parameters(self) -> None:
        """Draw every parameter from U(±1/√H), as torch does; but the gains of a layer norm are 1, its own shift 0."""
        norms = [name for name, _ in self.named_parameters(recurse=False) if "norm" in name]
        _parameters.draw(self, self.hidden_size, norms)

    def forward(self, input: Tensor, hx: Pair | None = None) -> Pair:
        """Take one step for a batch (B, D), or for one event (D).

        Args:
            input: x.
            hx: The state (h, c), (B, H) each, or (H) for one event; zeros if None.

        Returns:
            The new state (h, c).

        Raises:
            RuntimeError: If a size or a dtype does not fit, as in ``torch.nn.LSTMCell``.
            ValueError: If the input has the wrong number of dimensions.
            TypeError: If the input or the state is no tensor.
        """
        _surface.refuse_proxy(input)
        _checks.expect_event(input, hx, self.weight_ih, self.hidden_size)
        if not self._is_looked_at and _surface.has_plain_parameters(self):
            self._is_looked_at = True
            biases = {"bias_ih": self.bias_ih, "bias_hh": self.bias_hh}
            _surface.warn_of_four_gates(self.cell, self.hidden_size, biases)
        if hx is None:
            zeros = input.new_zeros(*input.shape[:-1], self.hidden_size)
            hx = zeros, zeros
        old = State(*hx)
        if self.cell == "standard" and not (is_transformed([input, *old]) or has_tangent([input, *old])):
            return super().forward(input, (old.h, old.c))  # torch's kernel, which on a GPU is one launch
        return self._step(input, old)

    def _step(self, x: Tensor, old: State) -> Pair:
        """Take the step that one can read."""
        w = {name: getattr(self, name) for name in _parameters.shapes(self.cell, 1, 1, bias=self.bias)}
        rule, is_batch = CELLS[self.cell], x.dim() == 2
        batch, state = (x, old) if is_batch else (x[None], State(*(part[None] for part in old)))
        new = rule.step(w, rule.share(w, batch), state)
        low = autocast_dtype(x)
        new = new if low is None else State(new.h.to(low), new.c.to(low))
        return (new.h, new.c) if is_batch else (new.h[0], new.c[0])

    def to_torch(self) -> nn.LSTMCell:
        """Build the ``torch.nn.LSTMCell`` of the same numbers; a ValueError for another cell than "standard"."""
        return twins.cell_to_torch(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what a file holds, of this class or, where it was put in the place of it, of ``torch.nn.LSTMCell``."""
        super().__setstate__({"cell": "standard", "_is_looked_at": True, "__module__": _surface.LEAF} | state)

    def extra_repr(self) -> str:
        """Show the sizes, and the cell if it is another one than torch's."""
        return super().extra_repr() + (f", cell={self.cell!r}" if self.cell != "standard" else "")
