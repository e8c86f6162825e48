"""The parameters of an LSTM layer or cell: their shapes, what they start from, and of which cell a checkpoint is.

Shapes: D features, H hidden units, P projected units, G gates.
"""

import math
from collections.abc import Collection, Mapping
from typing import Any

from torch import nn

from lstm_lib.nn.steps import CELLS

Shapes = dict[str, tuple[int, ...]]


def shapes(cell: str, D: int, H: int, *, proj_size: int = 0, bias: bool = True) -> Shapes:
    """Give name and shape of every parameter of one layer and direction, in torch's order.

    Example:
        >>> shapes("janet", 3, 2, bias=False)
        {'weight_ih': (4, 3), 'weight_hh': (4, 2)}
    """
    rows = len(CELLS[cell].gates) * H
    found: Shapes = {"weight_ih": (rows, D), "weight_hh": (rows, proj_size or H)}
    found |= {"bias_ih": (rows,), "bias_hh": (rows,)}
    found |= {"weight_hr": (proj_size, H)} if proj_size else {}
    found |= CELLS[cell].extra(H)
    return {name: shape for name, shape in found.items() if bias or not name.startswith("bias")}


def draw(module: nn.Module, hidden_size: int, norms: Collection[str]) -> None:
    """Draw every parameter from U(±1/√H), as torch does; but of those named in ``norms`` gains are 1, shifts 0.

    Example:
        >>> linear = nn.Linear(3, 2)
        >>> draw(linear, 4, ["bias"])
        >>> linear.bias.detach()
        tensor([0., 0.])
    """
    bound = 1 / math.sqrt(hidden_size)
    for name, parameter in module.named_parameters():
        if name in norms:
            nn.init.constant_(parameter, 1.0 if name.startswith("weight") else 0.0)
        else:
            nn.init.uniform_(parameter, -bound, bound)


# ---------------------------------------------------------------- checkpoints


def write_cell(destination: Any, prefix: str, cell: str) -> None:
    """Note the cell in the metadata of a state_dict, which torch's own modules do not look at."""
    metadata = getattr(destination, "_metadata", {}).get(prefix[:-1])
    if metadata is not None:
        metadata["cell"] = cell


def other_rows(metadata: Mapping[str, Any], cell: str) -> str:
    """Say why weights cannot be of this cell, though their shapes may fit: their rows are those of other gates.

    Example:
        >>> other_rows({"cell": "no-forget"}, "coupled")
        "got weights of cell 'no-forget' (rows i, g, o), expected weights of rows f, g, o for cell 'coupled'"
        >>> other_rows({"cell": "standard"}, "peephole"), other_rows({"version": 1}, "coupled")
        ('', '')
    """
    theirs = metadata.get("cell", cell)
    if theirs not in CELLS or CELLS[theirs].gates == CELLS[cell].gates:
        return ""
    theirs_rows, rows = (", ".join(CELLS[name].gates) for name in (theirs, cell))
    return f"got weights of cell {theirs!r} (rows {theirs_rows}), expected weights of rows {rows} for cell {cell!r}"
