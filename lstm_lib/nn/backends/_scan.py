"""The part of a layer that must go step by step, forwards and back, in plain torch operations on buffers made before.

Shapes: T steps, B batch, N = Σ b_t rows, H hidden units, P projected units (P = H without a projection).
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from lstm_lib.nn.backends._masks import Masks, Noisy
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
    masks: what noise does, or None.
    """

    peep: Tensor | None = None
    says_all: bool = False
    W_hr: Tensor | None = None
    W_u: Tensor | None = None
    b_u: Tensor | None = None
    masks: Masks | None = None


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
    noise = Noisy(kind.masks, steps)
    for a, i_and_f, i, f, g, o, c_t, h_t in steps.views(gates, gates[:, : 2 * H], *gates.chunk(4, dim=1), cs, hs):
        b = len(a)
        h_prev, c_prev, m = (h, c, room) if b == len(c) else (h[:b], c[:b], room[:b])
        heard = h_prev if noise.masks is None else noise.hear(h_prev)
        if a.dtype == W.dtype:
            a.addmm_(heard, W)
        else:
            a += heard @ W
        if peep is not None:
            i.addcmul_(peep[0], c_prev)
            f.addcmul_(peep[1], c_prev)
        i_and_f.sigmoid_()
        g.tanh_()
        if noise.masks is not None:
            noise.drop(g)
        torch.mul(f, c_prev, out=c_t)
        if kind.W_u is not None:
            said = F.linear(c_t.to(W.dtype), kind.W_u, kind.b_u)      # W_u kept + b_u
        c_t.addcmul_(i, g)                       # c = f c_prev + i g
        if peep is not None:
            o.addcmul_(peep[2], c_t)
        o.sigmoid_()
        if kind.says_all:
            h_t.copy_(c_t)
        elif kind.W_hr is not None:
            torch.mm(torch.tanh(c_t, out=m[:b]).mul_(o).to(W.dtype), kind.W_hr.t(), out=h_t)
        else:                                                          # h = o tanh(c), or as drawn
            u = torch.tanh(c_t if kind.W_u is None else said.to(c_t.dtype), out=m[:b])
            h_t.copy_(u.mul_(o)) if h_t.dtype != u.dtype else torch.mul(o, u, out=h_t)
        if noise.masks is not None:
            noise.hold(h_t, h_prev, c_t, c_prev)
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
    H, W_hr, W_u = W_hh.shape[0] // 4, kind.W_hr, kind.W_u
    d_shares, to_c = _factors(kind, start, cs, gates, steps)
    peep = None if kind.peep is None else kind.peep.to(cs.dtype)
    heard = d_hs if W_hr is None and W_u is None else d_hs.new_empty(d_hs.shape)
    d_h, d_c = (part.to(cs.dtype, copy=True) for part in d_last)
    by_c, f = d_shares.view(-1, 4, H)[:, :3], gates[:, H : 2 * H]
    noise = Noisy(kind.masks, steps, back=True)
    views = steps.views(d_shares, *d_shares.chunk(4, dim=1), by_c, to_c, f, d_hs, heard)
    for d_a, d_i, d_f, d_g, d_o, d_ifg, to_c_t, f_t, d_h_t, heard_t in reversed(list(views)):
        b = len(d_a)
        now_h, now_c = (d_h, d_c) if b == len(d_c) else (d_h[:b], d_c[:b])
        now_h += d_h_t
        if noise.masks is not None:
            noise.let_go(now_h, now_c)
        d_m = now_h
        if W_hr is not None:
            heard_t.copy_(now_h)
            d_m = (now_h.to(W_hr.dtype) @ W_hr).to(cs.dtype)
        d_o.mul_(d_m)
        if W_u is not None:  # c goes to the next step alone, and what the gate says comes from kept
            d_said = to_c_t.mul_(d_m).to(W_u.dtype)
            heard_t.copy_(d_said)
            d_i.mul_(now_c)
            d_g.mul_(now_c)
            now_c += d_said @ W_u
            d_f.mul_(now_c)
        else:
            now_c.addcmul_(d_m, to_c_t)
            if peep is not None:
                now_c.addcmul_(d_o, peep[2])
            d_ifg.mul_(now_c.unsqueeze(1))
        now_c.mul_(f_t)
        if peep is not None:
            now_c.addcmul_(d_i, peep[0]).addcmul_(d_f, peep[1])
        if d_a.dtype == W_hh.dtype:
            torch.mm(d_a, W_hh, out=now_h)
        else:
            now_h.copy_(d_a.to(W_hh.dtype) @ W_hh)
        if noise.masks is not None:
            noise.take_up(now_h, now_c)
    return d_shares.to(W_hh.dtype), heard, State(d_h.to(start.h.dtype), d_c.to(start.c.dtype))


def _factors(kind: Kind, start: State, cs: Tensor, gates: Tensor, steps: Steps) -> tuple[Tensor, Tensor]:
    """Return what does not wait for a gradient: slopes of c by a_i, a_f, a_g and of h by a_o (N, 4·H), and of h by c.

    In the drawn cell the last is that by W_u kept + b_u.
    """
    i, f, g, o = gates.chunk(4, dim=1)
    cs_before = steps.earlier(start.c.to(cs.dtype), cs)
    slopes = torch.addcmul(gates, gates, gates, value=-1)                # σ' = σ (1 - σ)
    by_i, by_f, by_g, by_o = slopes.chunk(4, dim=1)
    by_i.mul_(g)
    by_f.mul_(cs_before)
    torch.mul(g, g, out=by_g).neg_()
    if kind.masks is None or kind.masks.on_g is None:
        by_g.add_(1).mul_(i)
    else:                                        # g is m tanh(a_g), and m (1 - tanh²) = m - g² / m
        by_g.mul_(1 / kind.masks.scale).add_(kind.masks.on_g).mul_(i)
    if kind.says_all:
        by_o.zero_()
        return slopes, torch.ones_like(cs)
    if kind.W_u is None:
        said = said_memories(kind.masks, cs_before, cs, gates).tanh()
    else:
        said = F.linear((f * cs_before).to(kind.W_u.dtype), kind.W_u, kind.b_u).to(cs.dtype).tanh_()
    by_o.mul_(said)
    return slopes, torch.addcmul(o, o, said.mul_(said), value=-1)


def said_memories(masks: Masks | None, cs_before: Tensor, cs: Tensor, gates: Tensor) -> Tensor:
    """Return what h was made from: c, or what c would have been where some of it was held."""
    if masks is None or masks.hold_c is None:
        return cs
    i, f, g, _ = gates.chunk(4, dim=1)
    return torch.addcmul(f * cs_before, i, g)


LOOP = Scan(scan, scan_back)
