"""What the benchmarks do with the rungs of ``lstm_lib.nn.ladder``: one problem for all, passes, errors, rows.

Shapes: T steps, B batch, D features, H hidden units.
"""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from lstm_lib import nn

SEED = 0
Pass = Callable[[], list[Tensor]]


def problem(
    size: tuple[int, int, int, int], device: str = "cpu", dtype: torch.dtype = torch.float32, proj_size: int = 0
) -> tuple[torch.nn.LSTM, Tensor, Tensor]:
    """Draw an LSTM, xs (T, B, D) and the gradient of every h (T, B, H); the same numbers on every device."""
    T, B, D, H = size
    torch.manual_seed(SEED)
    lstm = torch.nn.LSTM(D, H, proj_size=proj_size)
    xs, dhs = torch.randn(T, B, D), torch.randn(T, B, proj_size or H)
    return lstm.to(device, dtype), xs.to(device, dtype).requires_grad_(), dhs.to(device, dtype)


def pack(xs: Tensor, dhs: Tensor) -> tuple[PackedSequence, Tensor]:
    """Pack a batch, and the gradients of its hs, with lengths uniform in [T/4, T]; the longest is T."""
    lengths = draw_lengths(*xs.shape[:2])
    rows, *order = pack_padded_sequence(xs.detach(), lengths)
    return PackedSequence(rows.requires_grad_(), *order), pack_padded_sequence(dhs, lengths).data


def draw_lengths(T: int, B: int) -> Tensor:
    """Draw lengths (B,) uniform in [T/4, T], longest first; the longest is T.

    Example:
        >>> lengths = draw_lengths(100, 32)
        >>> int(lengths[0]), int(lengths[-1]) >= 25
        (100, True)
    """
    lengths = torch.randint(max(1, T // 4), T + 1, (B,), generator=torch.Generator().manual_seed(SEED))
    lengths[0] = T
    return lengths.sort(descending=True).values


def training_pass(run: Callable[..., Tensor], lstm: torch.nn.LSTM, xs: Tensor, dhs: Tensor) -> Pass:
    """Return a forward and backward pass, which gives hs, ∂xs and the gradients of all weights."""

    def both() -> list[Tensor]:
        lstm.zero_grad(set_to_none=True)
        xs.grad = None
        hs = run(lstm, xs)
        hs.backward(dhs)
        return [hs.detach(), *(p.grad for p in (xs, *lstm.parameters()) if p.grad is not None)]

    return both


def by_module(lstm: torch.nn.Module, xs: Any) -> Tensor:
    """Run an LSTM over a tensor (T, B, D) or a PackedSequence; return hs, or their rows."""
    hs = lstm(xs)[0]
    return hs.data if isinstance(hs, PackedSequence) else hs


def by_backend(name: str, cell: str = "standard") -> Callable[..., Tensor]:
    """Return a run of ``lstm_lib.nn.LSTM`` by a backend, with the weights of a ``torch.nn.LSTM`` (its first rows).

    Its input is a tensor (T, B, D) or a PackedSequence.
    """
    modules: dict[int, nn.LSTM] = {}

    def run(lstm: torch.nn.LSTM, xs: Any) -> Tensor:
        if id(lstm) not in modules:
            modules[id(lstm)] = like(lstm, name, cell)
        return by_module(modules[id(lstm)], xs)

    return run


def like(lstm: torch.nn.LSTM, backend: str, cell: str) -> nn.LSTM:
    """Make our LSTM with the very parameters of torch's; those that a cell adds are drawn, rows it lacks left out."""
    D, H, w = lstm.input_size, lstm.hidden_size, lstm.weight_ih_l0
    torch.manual_seed(SEED)
    options: dict[str, Any] = {"proj_size": lstm.proj_size, "device": w.device, "dtype": w.dtype}
    ours = nn.LSTM(D, H, cell=cell, backend=backend, **options)
    for parameter, (name, theirs) in zip(ours.parameters(), lstm.named_parameters(), strict=False):
        if cell == "standard":
            setattr(ours, name, theirs)
        else:
            parameter.data.copy_(theirs[: len(parameter)])
    return ours


def largest_error(found: list[Tensor], expected: list[Tensor]) -> float:
    """Return the largest error of any array, as a share of that array's largest entry."""
    pairs = [(a.double().cpu(), b.double().cpu()) for a, b in zip(found, expected, strict=True)]
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)


def first_call(both: Pass) -> tuple[float, list[Tensor]]:
    """Return the seconds of the first pass, in which torch.compile compiles, and its outcome."""
    start = time.perf_counter()
    outcome = both()
    if outcome[0].is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start, outcome


def row(size: tuple[int, int, int, int], **columns: Any) -> dict[str, Any]:
    """Return a row that begins with the sizes."""
    return dict(zip("TBDH", size, strict=True)) | columns
