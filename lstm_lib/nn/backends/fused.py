"""The standard cell with a backward pass derived by hand: one autograd node for a whole sequence.

Shapes: T steps, B batch, N = Σ b_t rows of packed sequences (T·B for a batch), D features, H hidden units.
Rows are in the order of ``reference``: the first b_0 are step 0, the next b_1 step 1, and so on.

What a loop that autograd follows does T times is done once here: one product brings all inputs to the gates, one gives
the gradient of each weight, one the gradient of all inputs, if anybody wants it. Only what must wait for the step
before stays in the loop (``Scan``): a product with W_hh and the gates.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from lstm_lib.nn.backends import reference
from lstm_lib.nn.backends.interface import Backend, Call, Settings, autocast_dtype, is_transformed
from lstm_lib.nn.steps import CELLS, State, Weights


class Steps(NamedTuple):
    """In which order the rows are visited: b_t and the first row of every step, which direction, rows before.

    before: for each row, the row of the same sequence one step earlier (in the direction of the run) in [initial
    state; rows], as a slice where that is one, else as an index.
    """

    sizes: list[int]
    reverse: bool
    before: Tensor | None

    def each(self) -> list[tuple[int, int]]:
        """List first row and number of rows of every step, in the order of the run."""
        bounds, first = [], 0
        for b in self.sizes:
            bounds.append((first, b))
            first += b
        return bounds[::-1] if self.reverse else bounds

    def earlier(self, start: Tensor, rows: Tensor) -> Tensor:
        """Return for each row (N, ·) what the sequence had one step before; start (B, ·) is what it begins with."""
        if self.before is not None:
            return torch.cat([start, rows])[self.before]
        b = self.sizes[0]
        return torch.cat([rows[b:], start]) if self.reverse else torch.cat([start, rows[:-b]])


def order(sizes: list[int], *, reverse: bool, device: torch.device) -> Steps:
    """Say in which order the rows of a batch or of packed sequences are visited.

    Example:
        >>> order([2, 1], reverse=False, device=torch.device("cpu")).before.tolist()  # rows 0 and 1 begin, 2 follows 0
        [0, 1, 2]
        >>> order([2, 2], reverse=True, device=torch.device("cpu")).each()
        [(2, 2), (0, 2)]
    """
    if sizes[0] == sizes[-1]:  # never rising: a batch
        return Steps(sizes, reverse, None)
    B, first, before = sizes[0], 0, []
    for t, b in enumerate(sizes):
        if reverse:
            alive = sizes[t + 1] if t + 1 < len(sizes) else 0
            before += [B + first + b + k if k < alive else k for k in range(b)]
        else:
            before += [B + first - sizes[t - 1] + k if t else k for k in range(b)]
        first += b
    return Steps(sizes, reverse, torch.tensor(before, device=device))


class Scan(NamedTuple):
    """The part that must go step by step, forwards and backwards. See ``scan`` and ``scan_back``."""

    forward: Callable[[Tensor, Tensor, State, Steps], tuple[Tensor, Tensor, Tensor, State]]
    backward: Callable[..., tuple[Tensor, State]]


def scan(shares: Tensor, W_hh: Tensor, start: State, steps: Steps) -> tuple[Tensor, Tensor, Tensor, State]:
    """Run the cell over all steps; the shares (N, 4·H) become the gates i, f, g, o, in place.

    Args:
        shares: What the inputs bring, with all biases.
        W_hh: (4·H, H).
        start: h and c (B, H).
        steps: The order.

    Returns:
        hs (N, H), cs (N, H), gates (N, 4·H), and the last state of every sequence.
    """
    H = W_hh.shape[1]
    h, c = start.h.clone(), start.c.clone()
    hs, cs = shares.new_empty(len(shares), H), shares.new_empty(len(shares), H)
    W = W_hh.t()
    for first, b in steps.each():
        a = shares[first : first + b]
        c_t, h_t = cs[first : first + b], hs[first : first + b]
        a.addmm_(h[:b], W)
        a[:, : 2 * H].sigmoid_()
        a[:, 2 * H : 3 * H].tanh_()
        a[:, 3 * H :].sigmoid_()
        i, f, g, o = a.split(H, dim=1)
        torch.mul(f, c[:b], out=c_t)
        c_t.addcmul_(i, g)                       # c = f c_prev + i g
        torch.tanh(c_t, out=h_t).mul_(o)         # h = o tanh(c)
        if b == len(c):
            h, c = h_t, c_t
        else:
            h, c = torch.cat([h_t, h[b:]]), torch.cat([c_t, c[b:]])
    return hs, cs, shares, State(h, c)


def scan_back(
    d_hs: Tensor, d_last: State, W_hh: Tensor, start: State, cs: Tensor, gates: Tensor, steps: Steps
) -> tuple[Tensor, State]:
    """Run the gradient back over all steps.

    Args:
        d_hs: Gradient of hs (N, H).
        d_last: Gradient of the last states (B, H).
        W_hh: (4·H, H).
        start: The initial state.
        cs: Memories (N, H).
        gates: i, f, g, o (N, 4·H).
        steps: The order of the forward run.

    Returns:
        Gradient of the shares (N, 4·H), and of the initial state.
    """
    i, f, g, o = gates.chunk(4, dim=1)
    tanh_cs, cs_before = cs.tanh(), steps.earlier(start.c, cs)
    to_c = o * (1 - tanh_cs * tanh_cs)                             # ∂h/∂c
    d_shares = torch.cat([
        g * i * (1 - i),             # ∂c/∂a_i
        cs_before * f * (1 - f),     # ∂c/∂a_f
        i * (1 - g * g),             # ∂c/∂a_g
        tanh_cs * o * (1 - o),       # ∂h/∂a_o
    ], dim=1)
    H = W_hh.shape[1]
    d_h, d_c = d_last.h.clone(), d_last.c.clone()
    for first, b in reversed(steps.each()):
        rows = slice(first, first + b)
        now_h, now_c = d_h[:b], d_c[:b]
        now_h += d_hs[rows]
        now_c.addcmul_(now_h, to_c[rows])
        d_a = d_shares[rows]
        d_a[:, : 3 * H].view(b, 3, H).mul_(now_c.unsqueeze(1))
        d_a[:, 3 * H :].mul_(now_h)
        now_c.mul_(f[rows])
        torch.mm(d_a, W_hh, out=now_h)
    return d_shares, State(d_h, d_c)


LOOP = Scan(scan, scan_back)


class _Layer(torch.autograd.Function):
    """One layer in one direction."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, how: Scan, steps: Steps, xs: Tensor, h_0: Tensor, c_0: Tensor, *weights: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Run over time."""
        W_ih, W_hh, *biases = weights
        bias = biases[0] + biases[1] if biases else None
        start = State(h_0, c_0)
        shares = F.linear(xs, W_ih, bias)
        hs, cs, gates, last = how.forward(shares, W_hh, start, steps)
        ctx.how, ctx.steps = how, steps
        ctx.save_for_backward(xs, h_0, c_0, hs, cs, gates, *weights)
        return hs, last.h, last.c

    @staticmethod
    def backward(ctx: Any, d_hs: Tensor, d_h_n: Tensor, d_c_n: Tensor) -> tuple[Any, ...]:
        """Give the gradients, one product each."""
        xs, h_0, c_0, hs, cs, gates, *weights = ctx.saved_tensors
        wanted = ctx.needs_input_grad[2:]
        if torch.is_grad_enabled():  # somebody will differentiate once more
            return None, None, *_differentiably(ctx.steps, (xs, h_0, c_0, *weights), (d_hs, d_h_n, d_c_n), wanted)
        W_ih, W_hh = weights[:2]
        start = State(h_0, c_0)
        d_shares, d_start = ctx.how.backward(d_hs, State(d_h_n, d_c_n), W_hh, start, cs, gates, ctx.steps)
        d_xs = d_shares @ W_ih if wanted[0] else None
        d_W_ih = d_shares.t() @ xs if wanted[3] else None
        d_W_hh = d_shares.t() @ ctx.steps.earlier(h_0, hs) if wanted[4] else None
        d_bias = d_shares.sum(0) if any(wanted[5:]) else None
        return None, None, d_xs, d_start.h, d_start.c, d_W_ih, d_W_hh, *(d_bias for _ in weights[2:])


def _differentiably(
    steps: Steps, inputs: tuple[Tensor, ...], d_outputs: tuple[Tensor, ...], wanted: tuple[bool, ...]
) -> list[Tensor | None]:
    """Give the gradients by the readable path, which autograd can differentiate again."""
    xs, h_0, c_0, *weights = inputs
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    w: Weights = dict(zip(names, weights, strict=False))
    start = State(h_0, c_0)
    hs, last = reference.run_direction(CELLS["standard"], w, xs, steps.sizes, start, reverse=steps.reverse)
    asked = [tensor for tensor, is_wanted in zip(inputs, wanted, strict=True) if is_wanted]
    found = iter(torch.autograd.grad((hs, *last), asked, d_outputs, create_graph=True, allow_unused=True))
    return [next(found) if is_wanted else None for is_wanted in wanted]


def run(call: Call, how: Scan = LOOP) -> tuple[Tensor, State]:
    """Run a stack of standard LSTM layers.

    Example:
        >>> w = {"weight_ih": torch.ones(8, 3), "weight_hh": torch.ones(8, 2)}
        >>> start = State(*torch.zeros(2, 1, 4, 2))
        >>> hs, state = run(Call(Settings(has_bias=False), [w], torch.ones(5, 4, 3), None, start))
        >>> hs.shape, state.c.shape
        (torch.Size([5, 4, 2]), torch.Size([1, 4, 2]))
    """
    settings, xs, batch_sizes = call.settings, call.xs, call.batch_sizes
    sizes = [xs.shape[1]] * xs.shape[0] if batch_sizes is None else batch_sizes.tolist()
    rows = xs.flatten(0, 1) if batch_sizes is None else xs
    state, weights, low = call.state, call.weights, autocast_dtype(xs)
    if low is not None:
        rows, state = rows.to(low), State(*(part.to(low) for part in state))
        weights = [{name: part.to(low) for name, part in w.items()} for w in weights]
    directions = 2 if settings.bidirectional else 1
    orders = [order(sizes, reverse=reverse, device=xs.device) for reverse in (False, True)[:directions]]
    last_states = []
    with torch.autocast(xs.device.type, enabled=False):
        for first in range(0, len(weights), directions):
            if first > 0:
                rows = F.dropout(rows, settings.dropout if settings.noise.training else 0.0)
            columns = []
            for k, steps in enumerate(orders, start=first):
                h, c = state.h[k], state.c[k]
                hs, *last = _Layer.apply(how, steps, rows, h, c, *weights[k].values())  # type: ignore[no-untyped-call]
                columns.append(hs)
                last_states.append(last)
            rows = torch.cat(columns, dim=-1) if directions > 1 else columns[0]
    hs_last, cs_last = zip(*last_states, strict=True)
    hs = rows.unflatten(0, xs.shape[:2]) if batch_sizes is None else rows
    return hs, State(torch.stack(hs_last), torch.stack(cs_last))


def lacks(settings: Settings) -> str:
    """Say why there is no derivation for such a module.

    Example:
        >>> lacks(Settings("standard")), lacks(Settings("janet"))
        ('', "cell 'janet' has no backward pass of its own yet")
    """
    if settings.cell != "standard":
        return f"cell {settings.cell!r} has no backward pass of its own yet"
    acting = settings.noise.acting()
    return f"{' and '.join(acting)} inside the layer: only the readable loop has it" if acting else ""


def refuses(call: Call) -> str:
    """Say why this call is beyond it."""
    if "weight_hr" in call.weights[0]:
        return "a projection: its backward pass is not derived yet"
    tensors = [call.xs, *call.state, *(w for layer in call.weights for w in layer.values())]
    return "torch.func transforms this call, and autograd functions have no rule for that" if is_transformed(tensors) else ""


BACKEND = Backend("fused", "a backward pass derived by hand", run, lacks, refuses, is_traced=False)
