"""The readable path: any cell over time, in both directions, through a stack of layers.

Shapes: T steps, B batch, D features, H hidden units, P projected units (P = H without a projection).
Sequences come packed, as N = Σ b_t rows (N, D): the first b_0 rows are step 0, the next b_1 rows are step 1, and so on,
longest sequence first. A batch of equal lengths has b_t = B, and its rows are xs.flatten(0, 1).
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lstm_lib.nn.backends.interface import Backend, Call, autocast_dtype
from lstm_lib.nn.noise import QUIET, Noise, mask_rows
from lstm_lib.nn.steps import CELLS, Cell, State, Weights


def run(call: Call) -> tuple[Tensor, State]:
    """Run any cell over a batch or over packed rows.

    Example:
        >>> from lstm_lib.nn.backends.interface import Settings
        >>> w = {"weight_ih": torch.ones(4, 3), "weight_hh": torch.ones(4, 2)}
        >>> start = State(*torch.zeros(2, 1, 4, 2))
        >>> hs, state = run(Call(Settings("janet", has_bias=False), [w], torch.ones(5, 4, 3), None, start))
        >>> hs.shape, state.c.shape
        (torch.Size([5, 4, 2]), torch.Size([1, 4, 2]))
    """
    call = call.in_rows()
    settings, xs, batch_sizes = call.settings, call.xs, call.batch_sizes
    sizes = [xs.shape[1]] * xs.shape[0] if batch_sizes is None else batch_sizes.tolist()
    rows = xs.flatten(0, 1) if batch_sizes is None else xs
    hs, state = run_layers(
        CELLS[settings.cell],
        call.weights,
        rows,
        sizes,
        call.state,
        bidirectional=settings.bidirectional,
        dropout=settings.dropout if settings.noise.training else 0.0,
        noise=settings.noise,
    )
    low = autocast_dtype(xs)
    if low is not None:  # torch's LSTM answers in low precision too
        hs, state = hs.to(low), State(state.h.to(low), state.c.to(low))
    return (hs.unflatten(0, xs.shape[:2]) if batch_sizes is None else hs), state


def run_direction(
    cell: Cell,
    w: Weights,
    xs: Tensor,
    batch_sizes: list[int],
    state: State,
    *,
    reverse: bool = False,
    noise: Noise = QUIET,
) -> tuple[Tensor, State]:
    """Run one layer over time in one direction.

    Only the first b_t sequences live at step t; the others keep their state. Forward they have ended, backward they
    have not begun, and that is all there is to variable lengths.

    Args:
        cell: One of ``steps.CELLS``.
        w: The layer's weights under torch's names, without suffix.
        xs: Packed input (N, D).
        batch_sizes: b_t for every step, never rising.
        state: Initial state, h (B, P) and c (B, H).
        reverse: Whether to run from the last step to the first.
        noise: Dropout inside the layer.

    Returns:
        Packed hs (N, P), in the order of the input, and the last state of every sequence.

    Example:
        >>> from lstm_lib.nn.steps import CELLS
        >>> w = {"weight_ih": torch.ones(8, 3), "weight_hh": torch.ones(8, 2)}
        >>> hs, state = run_direction(CELLS["standard"], w, torch.ones(7, 3), [4, 2, 1], State(*torch.zeros(2, 4, 2)))
        >>> hs.shape, state.c.shape
        (torch.Size([7, 2]), torch.Size([4, 2]))
    """
    mask_x, mask_h = noise.mask_sequences(xs[: batch_sizes[0]]), noise.mask_sequences(state.h)
    xs = xs if mask_x is None else xs * mask_rows(mask_x, batch_sizes)
    shares = cell.share(w, xs).split(batch_sizes)
    hs = []
    for share in reversed(shares) if reverse else shares:
        b = share.shape[0]
        old = State(state.h[:b], state.c[:b])
        heard = old if mask_h is None else State(old.h * mask_h[:b], old.c)
        new = noise.zone_out(cell.step(w, share, heard, noise.drop_content), old)
        hs.append(new.h)
        state = State(_keep_rest(new.h, state.h), _keep_rest(new.c, state.c))
    return torch.cat(hs[::-1] if reverse else hs), state


def differentiably(
    cell: Cell,
    batch_sizes: list[int],
    w: Weights,
    inputs: tuple[Tensor, ...],
    d_outputs: tuple[Tensor, ...],
    wanted: Sequence[bool],
    *,
    reverse: bool,
    noise: Any = QUIET,
) -> list[Tensor | None]:
    """Give the gradients of xs, h_0, c_0 and the weights, those wanted, as autograd finds them.

    Where gradients are followed, these can be differentiated again.
    """
    again = torch.is_grad_enabled()
    xs, *start = inputs
    with torch.enable_grad():
        hs, last = run_direction(cell, w, xs, batch_sizes, State(*start), reverse=reverse, noise=noise)
    asked = [tensor for tensor, is_wanted in zip((*inputs, *w.values()), wanted, strict=True) if is_wanted]
    found = iter(torch.autograd.grad((hs, *last), asked, d_outputs, create_graph=again, allow_unused=True))
    return [next(found) if is_wanted else None for is_wanted in wanted]


def _keep_rest(new: Tensor, old: Tensor) -> Tensor:
    """Put the rows of the living sequences before the rows of those that wait."""
    return new if new.shape[0] == old.shape[0] else torch.cat([new, old[new.shape[0] :]])


def run_layers(
    cell: Cell,
    weights: list[Weights],
    xs: Tensor,
    batch_sizes: list[int],
    state: State,
    *,
    bidirectional: bool = False,
    dropout: float = 0.0,
    noise: Noise = QUIET,
) -> tuple[Tensor, State]:
    """Run a stack of layers, each in one direction or in both, with dropout between layers.

    Args:
        cell: One of ``steps.CELLS``.
        weights: One mapping for every layer and direction: l0, l0_reverse, l1, ...
        xs: Packed input (N, D).
        batch_sizes: b_t for every step, never rising.
        state: Initial state, h (L, B, P) and c (L, B, H), with L layers times directions.
        bidirectional: Whether each layer also runs from the last step to the first.
        dropout: Probability of zeroing an output of any layer but the last; 0 when not training.
        noise: Dropout inside each layer.

    Returns:
        Packed hs (N, P) of the last layer, or (N, 2·P) in both directions, and the last states (L, B, ...).

    Example:
        >>> from lstm_lib.nn.steps import CELLS
        >>> w = {"weight_ih": torch.ones(8, 2), "weight_hh": torch.ones(8, 2)}
        >>> start = State(*torch.zeros(2, 2, 4, 2))
        >>> hs, state = run_layers(CELLS["standard"], [w, w], torch.ones(7, 2), [4, 2, 1], start)
        >>> hs.shape, state.c.shape
        (torch.Size([7, 2]), torch.Size([2, 4, 2]))
    """
    directions = 2 if bidirectional else 1
    last_states = []
    for first in range(0, len(weights), directions):
        if first > 0:
            xs = F.dropout(xs, dropout)
        columns = []
        for k in range(first, first + directions):
            begin = State(state.h[k], state.c[k])
            hs, last = run_direction(cell, weights[k], xs, batch_sizes, begin, reverse=k > first, noise=noise)
            columns.append(hs)
            last_states.append(last)
        xs = torch.cat(columns, dim=-1)
    hs_last, cs_last = zip(*last_states, strict=True)
    return xs, State(torch.stack(hs_last), torch.stack(cs_last))


BACKEND = Backend("reference", "the readable loop", run)
