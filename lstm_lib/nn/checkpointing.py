"""Gradient checkpointing over time: the backward pass computes a piece of the steps anew instead of keeping them all.

Shapes: T steps, B batch, N = Σ b_t rows of packed sequences (T·B for a batch), H hidden units.

Of T steps in pieces of k, T / k states and the inside of one piece are kept at a time: with k = √T that is √T of each,
where there were T. Each piece is computed twice forwards. The numbers are those of the whole, since a piece begins
with the state in which the one before ended.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from lstm_lib.nn.backends import choose
from lstm_lib.nn.backends.interface import Call, Settings, is_transformed
from lstm_lib.nn.steps import State, Weights


def can(call: Call) -> bool:
    """Say whether there is anything to gain: gradients are wanted, and torch.func is not at work."""
    return torch.is_grad_enabled() and not is_transformed(call)


def run(asked: str, call: Call, every: int) -> tuple[Tensor, State]:
    """Run a stack of layers in pieces of so many steps; layer by layer, the direction from the end turned around.

    Args:
        asked: Name of a backend, or "auto".
        call: What is to be computed.
        every: Steps of a piece.

    Returns:
        hs, in the form of call.xs, and the last state.

    Example:
        >>> from lstm_lib.nn import LSTM
        >>> lstm, xs = LSTM(3, 2), torch.ones(5, 4, 3)
        >>> hs, state = run("auto", lstm.request(xs), 2)
        >>> torch.allclose(hs, lstm(xs)[0])
        True
    """
    call = call.in_rows()
    settings, rows = call.settings, call.xs
    directions = 2 if settings.bidirectional else 1
    last_states = []
    for first in range(0, len(call.weights), directions):
        if first > 0:
            rows = F.dropout(rows, settings.dropout if settings.noise.training else 0.0)
        columns = []
        for k in range(first, first + directions):
            given = rows if k == first else turned(rows, call.batch_sizes)
            state = State(call.state.h[k : k + 1], call.state.c[k : k + 1])
            hs, last = _run_direction(asked, call._replace(xs=given, state=state), call.weights[k], every)
            columns.append(hs if k == first else turned(hs, call.batch_sizes))
            last_states.append(last)
        rows = torch.cat(columns, dim=-1) if directions > 1 else columns[0]
    hs_last, cs_last = zip(*last_states, strict=True)
    return rows, State(torch.cat(hs_last), torch.cat(cs_last))


def _run_direction(asked: str, call: Call, w: Weights, every: int) -> tuple[Tensor, State]:
    """Run one layer from the first step to the last."""
    settings = call.settings._replace(num_layers=1, bidirectional=False, dropout=0.0)
    T = len(call.xs) if call.batch_sizes is None else len(call.batch_sizes)
    state, hs, is_noisy = call.state, [], bool(settings.noise.acting())  # a generator's state takes 5 kB
    if call.batch_sizes is None:
        cut: list[Tensor | None] = [None] * -(-T // every)
        rows = call.xs.split(every)
    else:
        cut = list(call.batch_sizes.split(every))
        rows = call.xs.split([int(sizes.sum()) for sizes in call.batch_sizes.split(every)])
    for sizes, xs in zip(cut, rows, strict=True):
        b = xs.shape[1] if sizes is None else int(sizes[0])
        old = State(state.h[:, :b], state.c[:, :b])  # the others have ended, and keep their state
        given = (asked, settings, tuple(w), sizes, xs, *old, *w.values())
        out, h, c = checkpoint(_run_piece, *given, use_reentrant=False, preserve_rng_state=is_noisy)
        hs.append(out)
        state = State(_keep_rest(h, state.h), _keep_rest(c, state.c))
    return torch.cat(hs), state


def _run_piece(
    asked: str,
    settings: Settings,
    names: tuple[str, ...],
    sizes: Tensor | None,
    xs: Tensor,
    h: Tensor,
    c: Tensor,
    *weights: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Run some steps; all tensors stand in the open, where checkpointing finds them."""
    part = Call(settings, [dict(zip(names, weights, strict=True))], xs, sizes, State(h, c))
    hs, new = choose(asked, part).backend.run(part)
    return hs, new.h, new.c


def _keep_rest(new: Tensor, old: Tensor) -> Tensor:
    b = new.shape[1]
    return new if b == old.shape[1] else torch.cat([new, old[:, b:].to(new.dtype)], dim=1)


def turned(rows: Tensor, batch_sizes: Tensor | None) -> Tensor:
    """Turn each sequence around: its last step comes first. The sizes of the steps stay.

    Example:
        >>> turned(torch.arange(4), torch.tensor([2, 1, 1]))  # the first sequence is rows 0, 2, 3
        tensor([3, 1, 2, 0])
    """
    if batch_sizes is None:
        return rows.flip(0)
    first = batch_sizes.cumsum(0) - batch_sizes
    t = torch.arange(len(batch_sizes)).repeat_interleave(batch_sizes)
    k = torch.arange(len(t)) - first[t]                                  # the number of the sequence
    lengths = (batch_sizes[None, :] > torch.arange(int(batch_sizes[0]))[:, None]).sum(1)
    return rows[(first[lengths[k] - 1 - t] + k).to(rows.device)]
