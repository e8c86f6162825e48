"""The layer-normalised cell with a backward pass derived by hand: what ``fused`` runs for it.

Shapes: T steps, B batch, N = Σ b_t rows, H hidden units. The share of the inputs is normalised for all rows at once,
before (``steps.normed_share``), which autograd follows. Here is what must go step by step: z = W_hh h, its
normalisation, the gates, and that of c on its way out. Of a normalised row only the row itself is kept; mean and
spread are computed once more on the way back.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from lstm_lib.nn.backends import reference
from lstm_lib.nn.backends._order import Steps
from lstm_lib.nn.backends._scan import wide
from lstm_lib.nn.backends.interface import is_batched, without_autocast
from lstm_lib.nn.steps import CELLS, NORM_EPS, State, Weights

NAMES = ("weight_hh", "weight_norm_hh", "bias_hh", "weight_norm_c", "bias_norm_c")
Norms = Mapping[str, Tensor | None]


class NormedScan(NamedTuple):
    """The part that must go step by step, forwards and backwards. See ``scan`` and ``scan_back``."""

    forward: Callable[..., tuple[Tensor, Tensor, Tensor, Tensor, State]]
    backward: Callable[..., tuple[Tensor, Tensor, Tensor, State]]


def scan(
    shares: Tensor, W_hh: Tensor, norms: Norms, start: State, steps: Steps
) -> tuple[Tensor, Tensor, Tensor, Tensor, State]:
    """Run the cell over all steps.

    Args:
        shares: What the inputs bring, normalised, (N, 4·H).
        W_hh: (4·H, H).
        norms: Gains and shifts in ``wide`` precision.
        start: h and c (B, H).
        steps: The order.

    Returns:
        hs, cs (N, H), zs and gates (N, 4·H), and the last state of every sequence.
    """
    H = W_hh.shape[1]
    gates = shares.to(wide(shares.dtype), copy=True)
    zs, hs, cs = torch.empty_like(gates), shares.new_empty(len(shares), H), gates.new_empty(len(shares), H)
    h, c, W = start.h, start.c.to(gates.dtype), W_hh.t()
    views = steps.views(gates, gates[:, : 2 * H], *gates.chunk(4, dim=1), zs, cs, hs)
    for a, i_and_f, i, f, g, o, z, c_t, h_t in views:
        b = len(a)
        heard, c_prev = (h, c) if b == len(c) else (h[:b], c[:b])
        z.copy_(heard @ W) if z.dtype != W.dtype else torch.mm(heard, W, out=z)
        a += _norm(z, norms["weight_norm_hh"], norms.get("bias_hh"))[0]
        i_and_f.sigmoid_()
        g.tanh_()
        o.sigmoid_()
        torch.mul(f, c_prev, out=c_t)
        c_t.addcmul_(i, g)                       # c = f c_prev + i g
        h_t.copy_(_norm(c_t, norms["weight_norm_c"], norms.get("bias_norm_c"))[0].tanh_().mul_(o))
        if b == len(c):
            h, c = h_t, c_t
        else:
            h, c = torch.cat([h_t, h[b:]]), torch.cat([c_t, c[b:]])
    return hs, cs, zs, gates, State(h, c.to(start.c.dtype))


def scan_back(
    d_hs: Tensor,
    d_last: State,
    W_hh: Tensor,
    norms: Norms,
    start: State,
    kept: tuple[Tensor, Tensor, Tensor],
    steps: Steps,
) -> tuple[Tensor, Tensor, Tensor, State]:
    """Run the gradient back over all steps; ``kept`` is cs, zs and gates.

    Returns:
        Gradients of the shares and of z = W_hh h (N, 4·H), of c once it is normalised (N, H), and of the initial state.
    """
    cs, zs, gates = kept
    H = cs.shape[1]
    i, f, g, o = gates.chunk(4, dim=1)
    gain_z, gain_c = norms["weight_norm_hh"], norms["weight_norm_c"]
    said, mean_c, rstd_c = _norm(cs, gain_c, norms.get("bias_norm_c"))
    _, mean_z, rstd_z = _norm(zs, None, None)
    said = said.tanh_()
    d_ns = o * (1 - said * said)                 # ∂h/∂(normalised c), and then the gradient of it
    d_shares = torch.cat([
        g * i * (1 - i),
        steps.earlier(start.c.to(cs.dtype), cs) * f * (1 - f),
        i * (1 - g * g),
        said * o * (1 - o),
    ], dim=1)
    d_zs = torch.empty_like(d_shares)
    d_h, d_c = (part.to(cs.dtype, copy=True) for part in d_last)
    normed = (cs, mean_c, rstd_c, zs, mean_z, rstd_z)
    by_c, by_h = d_shares.view(-1, 4, H)[:, :3], d_shares[:, 3 * H :]
    for views in reversed(list(steps.views(d_shares, by_c, by_h, d_ns, d_zs, d_hs, f, *normed))):
        d_a, d_ifg, d_o, d_n, d_z, d_h_t, f_t, c, mean_c_t, rstd_c_t, z, mean_z_t, rstd_z_t = views
        b = len(d_a)
        now_h, now_c = (d_h, d_c) if b == len(d_c) else (d_h[:b], d_c[:b])
        now_h += d_h_t
        d_o.mul_(now_h)
        d_n.mul_(now_h)
        now_c += _norm_back(d_n, c, mean_c_t, rstd_c_t, gain_c)
        d_ifg.mul_(now_c.unsqueeze(1))
        now_c.mul_(f_t)
        d_z.copy_(_norm_back(d_a, z, mean_z_t, rstd_z_t, gain_z))
        now_h.copy_(d_z.to(W_hh.dtype) @ W_hh)
    return d_shares, d_zs, d_ns, State(d_h.to(start.h.dtype), d_c.to(start.c.dtype))


LOOP = NormedScan(scan, scan_back)


def _norm(rows: Tensor, gain: Tensor | None, shift: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise rows; also return mean and 1 / spread of each."""
    normed, mean, rstd = torch.native_layer_norm(rows, rows.shape[-1:], gain, shift, NORM_EPS)
    return normed, mean, rstd


def _norm_back(d: Tensor, rows: Tensor, mean: Tensor, rstd: Tensor, gain: Tensor | None) -> Tensor:
    """Return the gradient of rows that were normalised."""
    back = torch.ops.aten.native_layer_norm_backward
    found: Tensor = back(d, rows, rows.shape[-1:], mean, rstd, gain, None, [True, False, False])[0]
    return found


def _norm_gain(d: Tensor, rows: Tensor) -> Tensor:
    """Return the gradient of the gain, some rows at a time, so that few of them lie normalised in memory at once."""
    parts = zip(d.split(ROWS), rows.split(ROWS), strict=True)
    return torch.stack([(d_part * _norm(part, None, None)[0]).sum(0) for d_part, part in parts]).sum(0)


ROWS = 1024  # of a part
FIRST = 3  # arguments of a layer that are no tensors


class NormedLayer(torch.autograd.Function):
    """One layer in one direction, from its shares."""

    @staticmethod
    def forward(
        ctx: Any,
        how: NormedScan,
        steps: Steps,
        names: tuple[str, ...],
        shares: Tensor,
        h_0: Tensor,
        c_0: Tensor,
        *weights: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Run over time."""
        w = dict(zip(names, weights, strict=True))
        hs, cs, zs, gates, last = how.forward(shares, w["weight_hh"], _wide(w), State(h_0, c_0), steps)
        ctx.how, ctx.steps, ctx.names = how, steps, names
        ctx.save_for_backward(shares, h_0, c_0, hs, cs, zs, gates, *weights)
        return hs, last.h, last.c

    @staticmethod
    def backward(ctx: Any, d_hs: Tensor, d_h_n: Tensor, d_c_n: Tensor) -> tuple[Any, ...]:
        """Give the gradients."""
        with without_autocast(d_hs):
            return NormedLayer._backward(ctx, d_hs, d_h_n, d_c_n)

    @staticmethod
    def _backward(ctx: Any, d_hs: Tensor, d_h_n: Tensor, d_c_n: Tensor) -> tuple[Any, ...]:
        shares, h_0, c_0, hs, cs, zs, gates, *weights = ctx.saved_tensors
        wanted, steps, w = ctx.needs_input_grad[FIRST:], ctx.steps, dict(zip(ctx.names, weights, strict=True))
        if torch.is_grad_enabled() or is_batched((d_hs, d_h_n, d_c_n)):  # once more, or for many gradients at once
            readable = CELLS["layernorm"]._replace(share=lambda w, shares: shares)
            inputs = (shares, h_0, c_0)
            return *(None,) * FIRST, *reference.differentiably(
                readable, steps.sizes, w, inputs, (d_hs, d_h_n, d_c_n), wanted, reverse=steps.reverse
            )
        start, d_last = State(h_0, c_0), State(d_h_n, d_c_n)
        d_shares, d_zs, d_ns, d_start = ctx.how.backward(
            d_hs, d_last, w["weight_hh"], _wide(w), start, (cs, zs, gates), steps
        )
        grads = {"shares": d_shares, "h_0": d_start.h, "c_0": d_start.c}
        grads |= {"weight_norm_hh": _norm_gain(d_shares, zs), "bias_hh": d_shares.sum(0)}
        grads |= {"weight_norm_c": _norm_gain(d_ns, cs), "bias_norm_c": d_ns.sum(0)}
        grads["weight_hh"] = d_zs.to(hs.dtype).t() @ steps.earlier(h_0, hs)
        dtypes = dict(zip(("shares", "h_0", "c_0", *ctx.names), (shares, h_0, c_0, *weights), strict=True))
        asked = zip(dtypes.items(), wanted, strict=True)
        found = (grads[name].to(like.dtype) if is_wanted else None for (name, like), is_wanted in asked)
        return *(None,) * FIRST, *found


def _wide(w: Weights) -> dict[str, Tensor]:
    """Return gains and shifts in the precision of the memories."""
    return {name: part.to(wide(part.dtype)) for name, part in w.items() if name != "weight_hh"}


def run_direction(
    w: Weights, xs: Tensor, state: State, steps: Steps, how: NormedScan = LOOP
) -> tuple[Tensor, Tensor, Tensor]:
    """Run one layer over time in one direction: packed hs (N, H), last h and c (B, H); xs picks from a table if any.

    Example:
        >>> from lstm_lib.nn.backends._order import order
        >>> w = {"weight_ih": torch.ones(8, 3), "weight_hh": torch.ones(8, 2)}
        >>> w |= {"weight_norm_ih": torch.ones(8), "weight_norm_hh": torch.ones(8), "weight_norm_c": torch.ones(2)}
        >>> steps = order([4, 2, 1], reverse=False, device=torch.device("cpu"))
        >>> hs, h, c = run_direction(w, torch.ones(7, 3), State(*torch.zeros(2, 4, 2)), steps)
        >>> hs.shape, c.shape
        (torch.Size([7, 2]), torch.Size([4, 2]))
    """
    shares = F.embedding(xs, w["table"]) if "table" in w else CELLS["layernorm"].share(w, xs)
    names = tuple(name for name in NAMES if name in w)
    hs, h, c = NormedLayer.apply(how, steps, names, shares, *state, *(w[name] for name in names))
    return hs, h, c
