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


def blocks(state: Mapping[str, Any], prefix: str, suffix: str, H: int) -> int | None:
    """Count the blocks of H rows in the weights of a layer; None where they are not of H units.

    Example:
        >>> blocks(nn.LSTM(3, 2).state_dict(), "", "_l0", 2), blocks(nn.LSTM(3, 2).state_dict(), "", "_l0", 4)
        (4, None)
    """
    shape = tuple(getattr(state.get(f"{prefix}weight_hh{suffix}"), "shape", ()))
    columns = tuple(getattr(state.get(f"{prefix}weight_hr{suffix}"), "shape", shape))[1:]
    return shape[0] // H if columns == (H,) and shape[0] % H == 0 else None


def other_rows(metadata: Mapping[str, Any], cell: str, blocks: int | None = None) -> str:
    """Say why weights cannot be of this cell, though their shapes may fit: their rows are those of other gates.

    Args:
        metadata: What the state_dict says of the module.
        cell: The cell that is to take the weights.
        blocks: How many blocks of H rows there are, which tells of weights that do not know their cell; None if nobody
            knows.

    Example:
        >>> other_rows({"cell": "no-forget"}, "coupled")
        "got weights of cell 'no-forget' (rows i, g, o), expected weights of rows f, g, o for cell 'coupled'"
        >>> other_rows({"version": 1}, "coupled", 4)
        "got weights of 4 gates (as torch's i, f, g, o), expected weights of rows f, g, o for cell 'coupled'"
        >>> other_rows({"cell": "standard"}, "peephole"), other_rows({"version": 1}, "coupled", 3)
        ('', '')
    """
    theirs, gates = metadata.get("cell"), CELLS[cell].gates
    if theirs in CELLS:
        what = f"cell {theirs!r} (rows {', '.join(CELLS[theirs].gates)})"
        is_other = CELLS[theirs].gates != gates
    else:
        what = f"{blocks} gates" + (" (as torch's i, f, g, o)" if blocks == 4 else "")
        is_other = blocks in (2, 3, 4) and blocks != len(gates)
    rows = f"expected weights of rows {', '.join(gates)} for cell {cell!r}"
    return f"got weights of {what}, {rows}" if is_other else ""
