"""``explain``: which backend an LSTM takes for an input, and why, in words."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from lstm_lib.nn.backends import choose
from lstm_lib.nn.backends.interface import autocast_dtype
from lstm_lib.nn.lstm import LSTM
from lstm_lib.nn.tokens import Embedding

Pair = tuple[Tensor, Tensor]
DEVICES = {"cpu": "a CPU", "cuda": "a GPU"}


class Explanation(NamedTuple):
    """The name of the backend that would run, and the reason."""

    backend: str
    reason: str


def explain(
    lstm: LSTM, x: Tensor | PackedSequence, hx: Pair | None = None, *, embedding: Embedding | None = None
) -> Explanation:
    """Say which backend would run for this input here and now, and why; nothing runs.

    The choice is that of the forward pass: it depends on the module and its mode, on device and dtype of the input,
    on autocast, on torch.func, and on what the processor can do.

    Args:
        lstm: The module.
        x: What ``forward`` would get.
        hx: Initial state; zeros if None.
        embedding: As in ``forward``, for tokens.

    Returns:
        An Explanation(backend, reason).

    Raises:
        RuntimeError: If the module asks by name for a backend that cannot compute this, as ``forward`` would; and what
            ``forward`` raises for an input or a state that does not fit.

    Example:
        >>> import torch
        >>> explain(LSTM(3, 2), torch.ones(5, 4, 3)).reason
        "cell 'standard' on a CPU in float32: torch's own kernels"
        >>> explain(LSTM(3, 2, cell="janet"), torch.ones(5, 4, 3))
        Explanation(backend='fused', reason="cell 'janet' has no kernel in torch")
    """
    call = lstm.request(x, hx, embedding)
    backend, reason = choose(lstm.backend, call)
    if lstm.backend != "auto":
        return Explanation(backend.name, f"asked for by name: {backend.about}")
    if not reason:
        device, low = DEVICES.get(call.xs.device.type, call.xs.device.type), autocast_dtype(call.xs)
        under = "" if low is None else f" under autocast to {low}"
        where = f"on {device} in {call.xs.dtype}{under}".replace("torch.", "")
        evidence = backend.evidence(call)
        computed = computed_in(backend.name, call.xs.device.type, low)
        reason = f"cell {lstm.cell!r} {where}: {backend.about}{computed}" + (f"; {evidence}" if evidence else "")
    return Explanation(backend.name, reason)


def computed_in(backend: str, device: str, low: torch.dtype | None) -> str:
    """Say in which precision torch's own kernels compute on a GPU where autocast asks for bfloat16: in float16.

    There c cannot count past 2048 (2048 + 1 is 2048), which a state that is carried from window to window reaches.

    Example:
        >>> computed_in("native", "cuda", torch.bfloat16), computed_in("triton", "cuda", torch.bfloat16)
        (', which take float16 under any autocast', '')
    """
    if (backend, device, low) != ("native", "cuda", torch.bfloat16):
        return ""
    return ", which take float16 under any autocast"
