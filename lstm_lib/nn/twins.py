"""From our LSTM and cell to torch's and back: same sizes, same weights, memory of their own."""

from typing import Any

import torch
from torch import nn

# Taken when this is imported: where somebody puts ours in the place of torch's, these are still torch's.
TorchLSTM, TorchCell = nn.LSTM, nn.LSTMCell
OPTIONS = ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional", "proj_size")


def to_torch(lstm: Any) -> nn.LSTM:
    """Build torch's LSTM with the sizes, the weights and the mode of ours; see ``LSTM.to_torch``."""
    expect_standard(lstm.cell)
    acting = lstm._settings().noise.acting()
    if acting:
        only = "expected none" if "zoneout" in acting else "expected none, or eval mode"
        raise ValueError(f"got {' and '.join(acting)} inside the layer, which torch.nn.LSTM has not, {only}")
    theirs: nn.LSTM = filled(lstm, TorchLSTM(**_options(lstm), device="meta"))
    return theirs


def from_torch(kind: Any, theirs: nn.LSTM, backend: str) -> Any:
    """Build ours with the sizes, the weights and the mode of torch's; see ``LSTM.from_torch``."""
    if not isinstance(theirs, TorchLSTM) or isinstance(theirs, kind):
        raise TypeError(f"got a module of type {type(theirs).__name__}, expected one of torch.nn.LSTM")
    return filled(theirs, kind(**_options(theirs), device="meta", backend=backend))


def cell_to_torch(cell: Any) -> nn.LSTMCell:
    """Build torch's cell with the sizes, the weights and the mode of ours."""
    expect_standard(cell.cell)
    sizes = (cell.input_size, cell.hidden_size, cell.bias)
    theirs: nn.LSTMCell = filled(cell, TorchCell(*sizes, device="meta", dtype=cell.weight_ih.dtype))
    return theirs


def expect_standard(cell: str) -> None:
    """Raise a ValueError for a cell that torch has not."""
    if cell != "standard":
        raise ValueError(f"got cell {cell!r}, expected 'standard': torch has no other")


def around_the_same(theirs: Any, ours: nn.Module) -> Any:
    """Give torch's module the very parameters of ours, for a converter that puts it in our place."""
    for name, parameter in ours.named_parameters(recurse=False):
        setattr(theirs, name, parameter)
    return theirs


def filled(source: Any, target: nn.Module) -> Any:
    """Copy weights, whether they want gradients, and the mode, into a module that has no memory yet."""
    names = [name for name, _ in target.named_parameters()]
    target = target.to_empty(device=getattr(source, names[0]).device)
    with torch.no_grad():
        for name, copy in target.named_parameters():
            weight = getattr(source, name)
            copy.copy_(weight)
            copy.requires_grad_(weight.requires_grad)
    return target.train(source.training)


def _options(lstm: Any) -> dict[str, Any]:
    return {name: getattr(lstm, name) for name in OPTIONS} | {"dtype": lstm.weight_ih_l0.dtype}
