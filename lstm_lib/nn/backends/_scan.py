"""The part of a layer that must go step by step, forwards and back, in plain torch operations on buffers made before.

Shapes: T steps, B batch, N = Σ b_t rows, H hidden units, P projected units (P = H without a projection).
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from lstm_lib.nn.backends._order import Steps
from lstm_lib.nn.steps import State


class Scan(NamedTuple):
    """The part that must go step by step, forwards and backwards. See ``scan`` and ``scan_back``."""

    forward: Callable[..., tuple[Tensor, Tensor, Tensor, State]]
    backward: Callable[..., tuple[Tensor, Tensor, State]]


def wide(dtype: torch.dtype) -> torch.dtype:
    """Return the dtype in which memories are kept: float32 for the low precisions.

    Example:
        >>> wide(torch.bfloat16), wide(torch.float64)
        (torch.float32, torch.float64)
    """
    return torch.promote_types(dtype, torch.float32)


class Kind(NamedTuple):
    """What sets a cell apart from the standard one, once its rows are those of i, f, g, o (see ``as_standard``).

    peep: weight_peep (3, H) or None. says_all: whether h = c, as in JANET, instead of o tanh(c). W_hr: the projection
    (P, H) or None, and P = H. W_u, b_u: in the drawn cell h = o tanh(W_u kept + b_u), with kept = f c_prev.
    """

    peep: Tensor | None = None
    says_all: bool = False
    W_hr: Tensor | None = None
    W_u: Tensor | None = None
    b_u: Tensor | None = None


def scan(
    shares: Tensor, W_hh: Tensor, kind: Kind, start: State, steps: Steps, *, saves: bool = True
) -> tuple[Tensor, Tensor, Tensor, State]:
    """Run the cell over all steps; the shares (N, 4·H) become the gates i, f, g, o.

    Args:
        shares: What the inputs bring, with all biases.
        W_hh: (4·H, P).
        kind: What sets the cell apart from the standard one.
        start: h (B, P) and c (B, H).
        steps: The order.
        saves: Whether a backward pass will ask for cs and gates; else they may be anything.

    Returns:
        hs (N, P), cs (N, H), gates (N, 4·H), and the last state of every sequence; cs and gates in ``wide`` precision.
    """
    H, P = W_hh.shape[0] // 4, W_hh.shape[1]
    gates = shares.to(wide(shares.dtype))
    hs, cs = shares.new_empty(len(shares), P), gates.new_empty(len(shares), H)
    room = gates.new_empty(steps.sizes[0], H)
    peep = None if kind.peep is None else kind.peep.to(gates.dtype)
    h, c, W = start.h, start.c.to(gates.dtype), W_hh.t()
    for first, b in steps.each:
        a, c_t, h_t, m = gates[first : first + b], cs[first : first + b], hs[first : first + b], room[:b]
        if a.dtype == W.dtype:
            a.addmm_(h[:b], W)
        else:
            a += h[:b] @ W
        i, f, g, o = a.split(H, dim=1)
        if peep is not None:
            i.addcmul_(peep[0], c[:b])
            f.addcmul_(peep[1], c[:b])
        a[:, : 2 * H].sigmoid_()
        g.tanh_()
        torch.mul(f, c[:b], out=c_t)
        if kind.W_u is not None:
            said = F.linear(c_t.to(W.dtype), kind.W_u, kind.b_u)      # W_u kept + b_u
        c_t.addcmul_(i, g)                       # c = f c_prev + i g
        if peep is not None:
            o.addcmul_(peep[2], c_t)
        o.sigmoid_()
        if kind.says_all:
            h_t.copy_(c_t)
        elif kind.W_u is not None:
            h_t.copy_(torch.tanh(said.to(m.dtype), out=m).mul_(o))
        elif kind.W_hr is None:
            h_t.copy_(torch.tanh(c_t, out=m).mul_(o))                  # h = o tanh(c)
        else:
            said = torch.tanh(c_t, out=m).mul_(o).to(W.dtype)
            torch.mm(said, kind.W_hr.t(), out=h_t)
        if b == len(c):
            h, c = h_t, c_t
        else:
            h, c = torch.cat([h_t, h[b:]]), torch.cat([c_t, c[b:]])
    return hs, cs, gates, State(h, c.to(start.c.dtype))


def scan_back(
    d_hs: Tensor,
    d_last: State,
    W_hh: Tensor,
    kind: Kind,
    start: State,
    cs: Tensor,
    gates: Tensor,
    steps: Steps,
) -> tuple[Tensor, Tensor, State]:
    """Run the gradient back over all steps.

    Args:
        d_hs: Gradient of hs (N, P).
        d_last: Gradient of the last states, (B, P) and (B, H).
        W_hh: (4·H, P).
        kind: What sets the cell apart.
        start: The initial state.
        cs: Memories (N, H).
        gates: i, f, g, o (N, 4·H).
        steps: The order of the forward run.

    Returns:
        Gradient of the shares (N, 4·H); with a projection the whole gradient of each h (N, P), in the drawn cell that
        of W_u kept + b_u (N, H), else d_hs; and the gradient of the initial state.
    """
    i, f, g, o = gates.chunk(4, dim=1)
    cs_before, W_hr, W_u = steps.earlier(start.c.to(cs.dtype), cs), kind.W_hr, kind.W_u
    tanh_cs = cs.tanh() if W_u is None else F.linear((f * cs_before).to(W_u.dtype), W_u, kind.b_u).to(cs.dtype).tanh_()
    to_c = torch.ones_like(cs) if kind.says_all else o * (1 - tanh_cs * tanh_cs)   # ∂(o tanh c)/∂c; drawn: to W_u kept
    d_shares = torch.cat([
        g * i * (1 - i),                                                           # ∂c/∂a_i
        cs_before * f * (1 - f),                                                   # ∂c/∂a_f
        i * (1 - g * g),                                                           # ∂c/∂a_g
        torch.zeros_like(o) if kind.says_all else tanh_cs * o * (1 - o),           # ∂(o tanh c)/∂a_o
    ], dim=1)
    H = W_hh.shape[0] // 4
    peep = None if kind.peep is None else kind.peep.to(cs.dtype)
    heard = d_hs if W_hr is None and W_u is None else d_hs.new_empty(d_hs.shape)
    d_h, d_c = (part.to(cs.dtype, copy=True) for part in d_last)
    for first, b in reversed(steps.each):
        rows = slice(first, first + b)
        now_h, now_c, d_a = d_h[:b], d_c[:b], d_shares[rows]
        now_h += d_hs[rows]
        d_m = now_h
        if W_hr is not None:
            heard[rows] = now_h
            d_m = (now_h.to(W_hr.dtype) @ W_hr).to(cs.dtype)
        d_a[:, 3 * H :].mul_(d_m)
        if W_u is not None:  # c goes to the next step alone, and what the gate says comes from kept
            d_said = torch.mul(d_m, to_c[rows], out=to_c[rows]).to(W_u.dtype)
            heard[rows] = d_said
            d_a[:, :H].mul_(now_c)
            d_a[:, 2 * H : 3 * H].mul_(now_c)
            now_c += d_said @ W_u
            d_a[:, H : 2 * H].mul_(now_c)
            now_c.mul_(f[rows])
            _hear(d_a, W_hh, now_h)
            continue
        now_c.addcmul_(d_m, to_c[rows])
        if peep is not None:
            now_c.addcmul_(d_a[:, 3 * H :], peep[2])
        d_a[:, : 3 * H].view(b, 3, H).mul_(now_c.unsqueeze(1))
        now_c.mul_(f[rows])
        if peep is not None:
            now_c.addcmul_(d_a[:, :H], peep[0]).addcmul_(d_a[:, H : 2 * H], peep[1])
        _hear(d_a, W_hh, now_h)
    return d_shares.to(W_hh.dtype), heard, State(d_h.to(start.h.dtype), d_c.to(start.c.dtype))


def _hear(d_a: Tensor, W_hh: Tensor, d_h: Tensor) -> None:
    """Write into d_h (b, P) the gradient of what the gates heard."""
    if d_a.dtype == W_hh.dtype:
        torch.mm(d_a, W_hh, out=d_h)
    else:
        d_h.copy_(d_a.to(W_hh.dtype) @ W_hh)


LOOP = Scan(scan, scan_back)
