"""Every cell with a backward pass derived by hand: one autograd node a sequence.

Shapes: T steps, B batch, N = Σ b_t rows of packed sequences (T·B for a batch), D features, H hidden units.
Rows are in the order of ``reference``: the first b_0 are step 0, the next b_1 step 1, and so on.

What a loop that autograd follows does T times is done once here: one product brings all inputs to the gates, one gives
the gradient of each weight, one the gradient of all inputs, if anybody wants it. Only what must wait for the step
before stays in the loop (``Scan``): a product with W_hh and the gates. Tokens need no product with all inputs: what
each brings is a row of a table (``tokens.tabled``).
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lstm_lib.nn.backends import _masks, _normed, reference
from lstm_lib.nn.backends._order import Steps, order
from lstm_lib.nn.backends._scan import LOOP, Kind, Scan, wide
from lstm_lib.nn.backends._sums import Sums
from lstm_lib.nn.backends.interface import (
    Backend,
    Call,
    Settings,
    autocast_dtype,
    has_tangent,
    is_batched,
    is_recorded,
    is_transformed,
    without_autocast,
)
from lstm_lib.nn.noise import QUIET
from lstm_lib.nn.steps import CELLS, Cell, Drop, State, Weights, keep_all, preactivations
from lstm_lib.nn.tokens import tabled

ABLE = ("standard", "drawn", "peephole", "coupled", "janet", "no-forget", "layernorm")


CERTAIN = 1e3  # a pre-activation of which σ is 1 to the last digit, and its slope 0


def as_standard(cell: str, w: Weights) -> Weights:
    """Give a cell with fewer rows the four of the standard one, i, f, g, o; autograd follows.

    1 - σ(a) = σ(-a): where i is 1 - f, its rows are those of f with the other sign. A gate that is always open has no
    weights and a bias of ``CERTAIN``.

    Example:
        >>> w = {"weight_ih": torch.ones(6, 3), "weight_hh": torch.ones(6, 2), "bias_ih": torch.ones(6)}
        >>> as_standard("coupled", w)["bias_ih"]
        tensor([-1., -1.,  1.,  1.,  1.,  1.,  1.,  1.])
        >>> as_standard("no-forget", w)["bias_ih"]
        tensor([   1.,    1., 1000., 1000.,    1.,    1.,    1.,    1.])
    """
    if cell not in ("coupled", "janet", "no-forget"):
        return w
    more = dict(w)
    if cell == "no-forget" and "bias_ih" not in w:
        more |= dict.fromkeys(("bias_ih", "bias_hh"), w["weight_hh"].new_zeros(len(w["weight_hh"])))
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    for name in (name for name in names if name in more):
        if cell == "no-forget":
            i, g, o = more[name].chunk(3)
            f = torch.full_like(i, CERTAIN) if name == "bias_ih" else torch.zeros_like(i)
        else:
            f, g, *rest = w[name].chunk(3 if cell == "coupled" else 2)
            i, o = -f, rest[0] if rest else torch.zeros_like(f)
        more[name] = torch.cat([i, f, g, o])
    return more


def _says_all(w: Weights, share: Tensor, state: State, drop: Drop = keep_all) -> State:
    """Take one step of JANET, with four rows."""
    a_i, a_f, a_g, _ = preactivations(w, share, state.h)
    c = a_f.sigmoid() * state.c + a_i.sigmoid() * drop(a_g.tanh())
    return State(c, c)


def _forward(
    how: Scan,
    steps: Steps,
    masks: _masks.Masks | None,
    cell: str,
    w: Weights,
    xs: Tensor,
    start: State,
    *,
    saves: bool,
) -> tuple[Tensor, Tensor, Tensor, State]:
    """Run a layer in one direction over time: hs, cs, gates and the last state, as ``_scan.scan``."""
    bias = w["bias_ih"] + w["bias_hh"] if "bias_ih" in w else None
    shares = w["table"][xs] if "table" in w else F.linear(xs, w["weight_ih"], bias)
    return how.forward(shares, w["weight_hh"], _kind(cell, w, masks), start, steps, saves=saves)


class _Layer(torch.autograd.Function):
    """One layer in one direction; where the weights have a table, xs are numbers of its rows (N,)."""

    @staticmethod
    def forward(
        ctx: Any,
        how: Scan,
        steps: Steps,
        masks: _masks.Masks | None,
        cell: str,
        names: tuple[str, ...],
        xs: Tensor,
        h_0: Tensor,
        c_0: Tensor,
        *weights: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Run over time."""
        w = dict(zip(names, weights, strict=True))
        hs, cs, gates, last = _forward(how, steps, masks, cell, w, xs, State(h_0, c_0), saves=True)
        ctx.how, ctx.steps, ctx.masks, ctx.cell, ctx.names = how, steps, masks, cell, names
        ctx.save_for_backward(xs, h_0, c_0, hs, cs, gates, *weights)
        return hs, last.h, last.c

    @staticmethod
    def backward(ctx: Any, d_hs: Tensor, d_h_n: Tensor, d_c_n: Tensor) -> tuple[Any, ...]:
        """Give the gradients, one product each."""
        with without_autocast(d_hs):
            return _Layer._backward(ctx, d_hs, d_h_n, d_c_n)

    @staticmethod
    def _backward(ctx: Any, d_hs: Tensor, d_h_n: Tensor, d_c_n: Tensor) -> tuple[Any, ...]:
        xs, h_0, c_0, hs, cs, gates, *weights = ctx.saved_tensors
        wanted, steps, masks = ctx.needs_input_grad[FIRST:], ctx.steps, ctx.masks
        w = dict(zip(ctx.names, weights, strict=True))
        if torch.is_grad_enabled() or is_batched((d_hs, d_h_n, d_c_n)):  # once more, or for many gradients at once
            inputs, d_outputs = (xs, h_0, c_0), (d_hs, d_h_n, d_c_n)
            noise = QUIET if masks is None else _masks.Replay(masks, steps)
            how = {"reverse": steps.reverse, "noise": noise}
            cell = _readable(ctx.cell, picks="table" in w)
            again = reference.differentiably(cell, steps.sizes, w, inputs, d_outputs, wanted, **how)
            return *(None,) * FIRST, *again
        needs = dict(zip(("xs", "h_0", "c_0", *ctx.names), wanted, strict=True))
        d_h, d_c, kind, grads = d_h_n, d_c_n, _kind(ctx.cell, w, masks), Sums(needs)
        if needs["xs"]:
            grads.found["xs"] = torch.empty_like(xs)
        bias = "bias_ih" if needs.get("bias_ih") else "bias_hh"
        pieces = steps.pieces(_rows_at_once(gates, hs.dtype))
        for piece in reversed(pieces):
            rows, part = piece.rows, piece.steps
            begin, b = State(*(steps.entering(*pair, piece) for pair in ((h_0, hs), (c_0, cs)))), part.sizes[0]
            saved = (cs[rows], gates[rows])
            d_last, now = State(d_h[:b], d_c[:b]), None if masks is None else masks.part(rows, b)
            kind = kind._replace(masks=now)
            d_shares, heard, d_begin = ctx.how.backward(d_hs[rows], d_last, w["weight_hh"], kind, begin, *saved, part)
            d_h, d_c = (_over(new, old) for new, old in zip(d_begin, (d_h, d_c), strict=True))
            if needs["xs"]:
                torch.mm(d_shares, w["weight_ih"], out=grads.found["xs"][rows])
            if "table" in w:
                grads.add_rows("table", d_shares, xs[rows], w["table"])
            else:
                grads.add_product("weight_ih", d_shares, xs[rows])
            heard_h = part.earlier(begin.h, hs[rows])
            grads.add_product("weight_hh", d_shares, heard_h if now is None else now.heard(heard_h, part))
            grads.add_sum(bias, d_shares)
            grads.add_own(kind, part, begin, d_shares, heard, *saved)
        found = grads.found | {"h_0": d_h, "c_0": d_c}
        found |= {name: found[bias] for name in ("bias_ih", "bias_hh") if needs.get(name)}
        if "table" in found:
            found["table"] = found["table"].to(w["table"].dtype)
        return *(None,) * FIRST, *(found.get(name) for name in needs)


FIRST = 5  # arguments of a layer that are no tensors
CACHE = 1 << 19  # bytes of gates that the way back takes at once on a processor, but at least ENOUGH rows
ENOUGH = 256  # rows that it takes at least: to add the sum of fewer to a gradient takes longer than the sum


def _rows_at_once(gates: Tensor, dtype: torch.dtype) -> int:
    """Return of how many rows the gradients are computed at once.

    On a processor few, so that what is computed for them stays near, and no (N, 4·H) is ever made. Elsewhere all, in
    few launches; and in low precision all, because sums of sums would lose digits.
    """
    is_near = gates.device.type == "cpu" and dtype in (torch.float32, torch.float64)
    near = max(ENOUGH, CACHE // max(1, gates.shape[1] * gates.element_size()))
    return near if is_near else max(1, len(gates))


def _over(new: Tensor, old: Tensor) -> Tensor:
    """Put the rows of the sequences of a piece over those of all."""
    return new if len(new) == len(old) else torch.cat([new, old[len(new) :].to(new.dtype)])


def _kind(cell: str, w: Weights, masks: _masks.Masks | None) -> Kind:
    own = (w.get("weight_peep"), cell == "janet", w.get("weight_hr"), w.get("weight_u"), w.get("bias_u"))
    return Kind(*own, masks)


def _readable(cell: str, *, picks: bool) -> Cell:
    """Return the readable cell that has these rows, and picks what its inputs bring from a table, if it does."""
    readable = CELLS[cell if cell in ("peephole", "drawn") else "standard"]
    readable = readable._replace(step=_says_all) if cell == "janet" else readable
    return readable._replace(share=_picked) if picks else readable


def _picked(w: Weights, numbers: Tensor) -> Tensor:
    return F.embedding(numbers, w["table"])


def run(call: Call, how: Scan = LOOP, how_normed: _normed.NormedScan = _normed.LOOP) -> tuple[Tensor, State]:
    """Run a stack of layers.

    Example:
        >>> w = {"weight_ih": torch.ones(8, 3), "weight_hh": torch.ones(8, 2)}
        >>> start = State(*torch.zeros(2, 1, 4, 2))
        >>> hs, state = run(Call(Settings(has_bias=False), [w], torch.ones(5, 4, 3), None, start))
        >>> hs.shape, state.c.shape
        (torch.Size([5, 4, 2]), torch.Size([1, 4, 2]))
    """
    if yields(call):
        return reference.run(call)
    if call.settings.noise.masks_inputs():  # other features in each sequence: a token brings something else to each
        call = call.in_rows()
    settings, xs, batch_sizes, tokens = call.settings, call.xs, call.batch_sizes, call.tokens
    sizes = [xs.shape[1]] * xs.shape[0] if batch_sizes is None else batch_sizes.tolist()
    rows = xs if tokens is None else tokens.numbers
    rows = rows.flatten(0, 1) if batch_sizes is None else rows
    state, weights, low = call.state, call.weights, autocast_dtype(xs)
    if low is not None:
        rows, state = rows.to(low) if tokens is None else rows, State(*(part.to(low) for part in state))
        weights = [{name: part.to(low) for name, part in w.items()} for w in weights]
    directions = 2 if settings.bidirectional else 1
    orders = [order(sizes, reverse=reverse, device=xs.device) for reverse in (False, True)[:directions]]
    last_states = []
    with without_autocast(xs):
        for first in range(0, len(weights), directions):
            if first > 0:
                rows = F.dropout(rows, settings.dropout if settings.noise.training else 0.0)
            columns = []
            for k, steps in enumerate(orders, start=first):
                w, begin = as_standard(settings.cell, weights[k]), State(state.h[k], state.c[k])
                masks, given_rows = None, rows
                if tokens is not None and first == 0:
                    w, given_rows = tabled(settings.cell, w, rows, tokens.embedding)
                if settings.noise.acting():
                    given_rows, masks = _masks.draw(settings.noise, given_rows, begin, steps, wide(begin.c.dtype))
                about = (steps, masks, settings.cell)
                if settings.cell == "layernorm":
                    hs, *last = _normed.run_direction(w, given_rows, begin, steps, how_normed)
                elif torch.is_grad_enabled():
                    hs, *last = _Layer.apply(how, *about, tuple(w), given_rows, *begin, *w.values())
                else:
                    hs, _, _, (*last,) = _forward(how, *about, w, given_rows, begin, saves=False)
                columns.append(hs)
                last_states.append(last)
            rows = torch.cat(columns, dim=-1) if directions > 1 else columns[0]
    hs_last, cs_last = zip(*last_states, strict=True)
    hs = rows.unflatten(0, xs.shape[:2]) if batch_sizes is None else rows
    return hs, State(torch.stack(hs_last), torch.stack(cs_last))


def lacks(settings: Settings) -> str:
    """Say why there is no derivation for such a module.

    Example:
        >>> from lstm_lib.nn.noise import Noise
        >>> lacks(Settings("drawn")), lacks(Settings("layernorm", noise=Noise(zoneout_c=0.1)))
        ('', "zoneout inside the layer: cell 'layernorm' has no derivation with it")
    """
    if settings.cell not in ABLE:
        return f"cell {settings.cell!r} has no derivation"
    acting = settings.noise.acting() if settings.cell == "layernorm" else []
    return f"{' and '.join(acting)} inside the layer: cell 'layernorm' has no derivation with it" if acting else ""


def yields(call: Call) -> str:
    """Say why the readable path computes this call, even where "fused" is asked for by name."""
    if torch.jit.is_tracing():  # type: ignore[attr-defined]
        return "torch.jit.trace cannot follow a derivation by hand"
    if is_transformed(call):
        return "torch.func transforms this call, which a derivation by hand has no rule for"
    if is_recorded():
        return "make_fx writes the operations down, and a derivation by hand has some that work in place"
    return "torch differentiates this call forward, and only backward is derived" if has_tangent(call) else ""


ABOUT = "a backward pass derived by hand"
BACKEND = Backend("fused", ABOUT, run, lacks, yields=yields, is_traced=False, while_compiling=False)
