"""The rungs of the speed ladder: one standard LSTM layer, by a loop, compiled, and by torch's own kernel.

Shapes: T steps, B batch, D features, H hidden units. Every rung reads the weights of one ``torch.nn.LSTM``. Chapter 11
climbs them with its readers, and ``benchmarks`` times them.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

RUNGS = ("per step", "hoisted", "compiled step", "compiled loop", "native")
Step = Callable[..., tuple[Tensor, Tensor]]


def step(share: Tensor, h: Tensor, c: Tensor, W_hh: Tensor, b_hh: Tensor) -> tuple[Tensor, Tensor]:
    """Take one step of the standard cell; share (B, 4·H) is what the event brings.

    Example:
        >>> share, zeros = torch.ones(3, 8), torch.zeros(3, 2)
        >>> h, c = step(share, zeros, zeros, torch.ones(8, 2), torch.zeros(8))
        >>> h.shape, c.shape
        (torch.Size([3, 2]), torch.Size([3, 2]))
    """
    a_i, a_f, a_g, a_o = (share + F.linear(h, W_hh, b_hh)).chunk(4, dim=1)
    i, f, g, o = a_i.sigmoid(), a_f.sigmoid(), a_g.tanh(), a_o.sigmoid()

    learned = i * g          # learn gate
    kept = f * c             # forget gate
    c = kept + learned       # remember gate
    h = o * c.tanh()         # use gate
    return h, c


def per_step(lstm: torch.nn.LSTM, xs: Tensor) -> Tensor:
    """Multiply each event with W_ih when it comes: two products a step."""
    W_ih, W_hh, b_ih, b_hh = _weights(lstm)
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
    return loop(xs, *_weights(lstm))


def make(rung: str) -> Callable[[torch.nn.LSTM, Tensor], Tensor]:
    """Return a rung: a function of a ``torch.nn.LSTM`` and xs (T, B, D) that returns hs (T, B, H).

    Args:
        rung: One of ``RUNGS``.

    Raises:
        ValueError: If there is no such rung.

    Example:
        >>> make("hoisted")(torch.nn.LSTM(3, 2), torch.ones(5, 4, 3)).shape
        torch.Size([5, 4, 2])
    """
    if rung not in RUNGS:
        raise ValueError(f"got rung {rung!r}, expected one of {', '.join(map(repr, RUNGS))}")
    if rung == "per step":
        return per_step
    if rung == "hoisted":
        return hoisted
    if rung == "compiled step":
        compiled_step = torch.compile(step, fullgraph=True)
        return lambda lstm, xs: loop(xs, *_weights(lstm), take=compiled_step)
    if rung == "compiled loop":  # every one of the T steps becomes a piece of the compiled program
        compiled_loop = torch.compile(loop, fullgraph=True)
        return lambda lstm, xs: compiled_loop(xs, *_weights(lstm))
    return lambda lstm, xs: lstm(xs)[0]


def _weights(lstm: torch.nn.LSTM) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return W_ih, W_hh, b_ih, b_hh of the first layer."""
    W_ih, W_hh, b_ih, b_hh = lstm.all_weights[0]
    return W_ih, W_hh, b_ih, b_hh
