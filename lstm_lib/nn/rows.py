"""``by_gate``: the weights of a module or a checkpoint, gate by gate, so that one can read what each row is.

Shapes: G gates of the cell, D features, H hidden units, P projected units (P = H without a projection).
"""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from lstm_lib.nn.steps import CELLS, CellName

KIND = r"(?:weight|bias)_(?:ih|hh|norm_ih|norm_hh)|weight_peep"
NAME = re.compile(rf"(?P<place>.*\.)?(?P<kind>{KIND})(?P<end>_l\d+(?:_reverse)?)?")
PEEPHOLES = "ifo"  # the rows of weight_peep
BY_ROWS = {4: "standard", 2: "janet"}  # with three blocks of rows there are two cells


def by_gate(source: nn.Module | Mapping[str, Any], cell: CellName | None = None) -> dict[str, dict[str, Tensor]]:
    """Cut weights and biases into the blocks of rows of their gates; nothing is copied.

    A state_dict of ``lstm_lib.nn`` knows its cells, after ``torch.save`` and ``torch.load`` too. What is not of an
    LSTM, or has no rows by gate (weight_hr, weight_u, the norm of c), is left out.

    Args:
        source: An LSTM or an LSTMCell, torch's too, a network that holds some, or a state_dict.
        cell: The cell of weights that do not know it, as from a plain dictionary. None finds out where the number of
            rows tells: four blocks lie in the order i, f, g, o, two are f, g.

    Returns:
        For each weight's name, (H, D), (H, P) or (H,) for each gate in the order of the rows.

    Raises:
        ValueError: If three blocks of rows do not know their cell, or the blocks do not fit the cell.

    Example:
        >>> from lstm_lib.nn import LSTM
        >>> rows = by_gate(LSTM(3, 2, cell="coupled").state_dict())
        >>> {name: list(blocks) for name, blocks in rows.items() if name.startswith("weight")}
        {'weight_ih_l0': ['f', 'g', 'o'], 'weight_hh_l0': ['f', 'g', 'o']}
        >>> rows["weight_ih_l0"]["f"].shape
        torch.Size([2, 3])
    """
    state = source.state_dict() if isinstance(source, nn.Module) else source
    known: Mapping[str, Any] = getattr(state, "_metadata", {})
    found = {}
    for name, weight in state.items():
        match = NAME.fullmatch(name)
        if match is None or not isinstance(weight, Tensor):
            continue
        place, kind, end = match["place"] or "", match["kind"], match["end"] or ""
        recurrent = state.get(f"{place}weight_hh{end}")
        if not isinstance(recurrent, Tensor) or recurrent.dim() != 2 or not _is_lstm(source, place):
            continue
        H = state.get(f"{place}weight_hr{end}", recurrent).shape[1]
        mine = cell or known.get(place.removesuffix("."), {}).get("cell")
        gates = PEEPHOLES if kind == "weight_peep" else _gates(f"{place}weight_hh{end}", len(recurrent), H, mine)
        if gates:
            blocks = weight if kind == "weight_peep" else weight.reshape(len(gates), H, *weight.shape[1:])
            found[name] = dict(zip(gates, blocks, strict=True))
    return found


def _is_lstm(source: Any, place: str) -> bool:
    """Say whether a weight may be of an LSTM; a state_dict does not know, where a module does."""
    kinds = (nn.LSTM, nn.LSTMCell)
    return not isinstance(source, nn.Module) or isinstance(source.get_submodule(place.removesuffix(".")), kinds)


def _gates(name: str, rows: int, H: int, cell: str | None) -> str:
    """Return the gates of a layer in the order of its rows; "" for what is no LSTM, such as a plain RNN."""
    if cell is not None and cell not in CELLS:
        raise ValueError(f"got cell {cell!r}, expected one of {', '.join(map(repr, CELLS))}")
    if cell is None and rows == 3 * H:
        expected = "expected cell='coupled' (f, g, o) or 'no-forget' (i, g, o)"
        raise ValueError(f"got {name} with 3 blocks of rows, {expected}")
    gates = CELLS[cell or BY_ROWS.get(rows // H, "standard")].gates
    if rows == len(gates) * H:
        return gates
    if cell is None:
        return ""
    raise ValueError(f"got {name} with {rows} rows for {H} units, expected {len(gates) * H} of cell {cell!r}")
