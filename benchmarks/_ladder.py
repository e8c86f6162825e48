"""The rungs of the speed ladder: the same LSTM layer, computed by a loop, compiled, and by torch's kernels.

Shapes: T steps, B batch, D features, H hidden units. All rungs read the weights of one ``torch.nn.LSTM``.
"""

import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

SEED = 0
RUNGS = ("per step", "hoisted", "compiled step", "compiled loop", "native")
Pass = Callable[[], list[Tensor]]
Step = Callable[..., tuple[Tensor, Tensor]]


def step(share: Tensor, h: Tensor, c: Tensor, W_hh: Tensor, b_hh: Tensor) -> tuple[Tensor, Tensor]:
    """Take one step; share (B, 4·H) is what the event brings."""
    a_i, a_f, a_g, a_o = (share + F.linear(h, W_hh, b_hh)).chunk(4, dim=1)
    i, f, g, o = a_i.sigmoid(), a_f.sigmoid(), a_g.tanh(), a_o.sigmoid()
    c = f * c + i * g
    return o * c.tanh(), c


def per_step(lstm: torch.nn.LSTM, xs: Tensor) -> Tensor:
    """Multiply each event with W_ih when it comes: two products a step."""
    W_ih, W_hh, b_ih, b_hh = lstm.all_weights[0]
    h = c = xs.new_zeros(xs.shape[1], lstm.hidden_size)
    hs = []
    for x in xs:
        h, c = step(F.linear(x, W_ih, b_ih), h, c, W_hh, b_hh)
        hs.append(h)
    return torch.stack(hs)


def loop(xs: Tensor, W_ih: Tensor, W_hh: Tensor, b_ih: Tensor, b_hh: Tensor, take: Step = step) -> Tensor:
    """Run over tensors alone, which torch.compile can follow to the end."""
    h = c = xs.new_zeros(xs.shape[1], W_hh.shape[1])
    hs = []
    for share in F.linear(xs, W_ih, b_ih).unbind():
        h, c = take(share, h, c, W_hh, b_hh)
        hs.append(h)
    return torch.stack(hs)


def hoisted(lstm: torch.nn.LSTM, xs: Tensor) -> Tensor:
    """Multiply all events with W_ih in one product, before the loop: one product a step is left."""
    return loop(xs, *lstm.all_weights[0])


def make(rung: str) -> Callable[[torch.nn.LSTM, Tensor], Tensor]:
    """Return a rung: a function of a ``torch.nn.LSTM`` and xs (T, B, D) that returns hs (T, B, H)."""
    if rung == "per step":
        return per_step
    if rung == "hoisted":
        return hoisted
    if rung == "compiled step":
        compiled_step = torch.compile(step, fullgraph=True)
        return lambda lstm, xs: loop(xs, *lstm.all_weights[0], take=compiled_step)
    if rung == "compiled loop":  # every one of the T steps becomes a piece of the compiled program
        compiled_loop = torch.compile(loop, fullgraph=True)
        return lambda lstm, xs: compiled_loop(xs, *lstm.all_weights[0])
    return lambda lstm, xs: lstm(xs)[0]


def problem(
    size: tuple[int, int, int, int], device: str = "cpu", dtype: torch.dtype = torch.float32
) -> tuple[torch.nn.LSTM, Tensor, Tensor]:
    """Draw an LSTM, xs (T, B, D) and the gradient of every h (T, B, H); the same numbers on every device."""
    T, B, D, H = size
    torch.manual_seed(SEED)
    lstm = torch.nn.LSTM(D, H)
    xs, dhs = torch.randn(T, B, D), torch.randn(T, B, H)
    return lstm.to(device, dtype), xs.to(device, dtype).requires_grad_(), dhs.to(device, dtype)


def training_pass(run: Callable[..., Tensor], lstm: torch.nn.LSTM, xs: Tensor, dhs: Tensor) -> Pass:
    """Return a forward and backward pass, which gives hs, ∂xs and the gradients of all weights."""

    def both() -> list[Tensor]:
        lstm.zero_grad(set_to_none=True)
        xs.grad = None
        hs = run(lstm, xs)
        hs.backward(dhs)
        return [hs.detach(), *(p.grad for p in (xs, *lstm.parameters()) if p.grad is not None)]

    return both


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
