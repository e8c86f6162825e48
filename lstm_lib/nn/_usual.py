"""The call that most programs make, without a question too many: a batch on a processor, by torch's kernel.

A small LSTM takes less time than to check, gather and choose: so what nothing speaks against is seen here at one look,
and goes to the kernel that "auto" would choose. All else, and whatever is wrong with a call, is left to ``LSTM``.
"""

from typing import Any

import torch
from torch import Tensor

from lstm_lib.nn.backends import _measured_cpu
from lstm_lib.nn.backends.interface import is_left_alone

KERNEL: Any = torch._VF.lstm
SILENT = (0.0, 0.0)  # zoneout


def run(lstm: Any, xs: Any, hx: Any) -> tuple[Tensor, tuple[Tensor, Tensor]] | None:
    """Run a usual call; None where it is not one.

    Example:
        >>> from lstm_lib.nn import LSTM
        >>> hs, (h, c) = run(LSTM(3, 2), torch.ones(5, 4, 3), None)
        >>> hs.shape, run(LSTM(3, 2, cell="drawn"), torch.ones(5, 4, 3), None)
        (torch.Size([5, 4, 2]), None)
    """
    if type(xs) is not Tensor or lstm.cell != "standard" or lstm.backend not in ("auto", "native"):
        return None
    if lstm.variational_dropout or lstm.recurrent_dropout or lstm.zoneout != SILENT or lstm.checkpoint_every:
        return None
    if lstm.proj_size or lstm._given or not lstm._is_plain:
        return None
    dtype = xs.dtype
    if dtype not in (torch.float32, torch.float64) or not xs.is_cpu or xs.dim() != 3:
        return None
    if not is_left_alone() or torch._C._get_tracing_state() is not None:
        return None
    own = lstm._parameters
    try:
        weights: Any = [own[name] for names in lstm._layers for name in names]
    except KeyError:  # a weight that is computed
        return None
    (T, B, D), weight = xs.shape, weights[0]
    T, B = (B, T) if lstm.batch_first else (T, B)
    if T < 2 or B < 1 or weight.shape[1] != D or weight.dtype != dtype:
        return None
    if dtype == torch.float64 and lstm.backend == "auto" and not _measured_cpu.stays((T, B, lstm.hidden_size)):
        return None
    size = (len(lstm._layers), B, lstm.hidden_size)
    if hx is None:
        h = c = xs.new_zeros(size)
    elif _is_pair(hx, size, dtype):
        h, c = hx
    else:
        return None
    options = (lstm.bias, lstm.num_layers, lstm.dropout, lstm.training, lstm.bidirectional, lstm.batch_first)
    hs, h, c = KERNEL(xs, (h, c), weights, *options)
    return hs, (h, c)


def _is_pair(hx: Any, size: tuple[int, ...], dtype: torch.dtype) -> bool:
    return type(hx) is tuple and len(hx) == 2 and all(
        type(part) is Tensor and part.shape == size and part.dtype == dtype for part in hx
    )
