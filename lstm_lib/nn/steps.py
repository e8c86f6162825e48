"""One step of each cell that ``nn.LSTM`` offers, in torch: the standard LSTM and six relatives.

Shapes: T steps, B batch, D features, H hidden units, P projected units (P = H without a projection), G gates.
A step gets the share of the pre-activations that the input brings (B, G·H), computed for all steps at once by
``Cell.share``; the weights are a mapping from torch's names, without their ``_l{k}``, to tensors.
"""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import torch.nn.functional as F
from torch import Tensor, sigmoid, tanh

CellName = Literal["standard", "drawn", "peephole", "coupled", "janet", "no-forget", "layernorm"]
Weights = Mapping[str, Tensor]
Drop = Callable[[Tensor], Tensor]
NORM_EPS = 1e-5  # as in torch.nn.LayerNorm


class State(NamedTuple):
    """What a cell carries from step to step: h (B, P) the short-term memory, c (B, H) the long-term memory."""

    h: Tensor
    c: Tensor


def keep_all(g: Tensor) -> Tensor:
    """Drop nothing: what a step does with its candidate g outside training, and without recurrent dropout."""
    return g


class Cell(NamedTuple):
    """A cell: its gates in the order of the rows, its step, the share of its input, and its extra parameters.

    ``extra`` gives the shapes of the parameters that torch's LSTM does not have, for H hidden units.
    """

    gates: str
    step: Callable[..., State]  # of (weights, share, state, drop)
    share: Callable[[Weights, Tensor], Tensor]
    extra: Callable[[int], dict[str, tuple[int, ...]]]


# ---------------------------------------------------------------- what the steps share


def linear_share(w: Weights, xs: Tensor) -> Tensor:
    """Compute what the inputs (N, D) bring to all gates: W_ih x + b_ih, (N, G·H).

    Example:
        >>> import torch
        >>> linear_share({"weight_ih": torch.ones(8, 3)}, torch.ones(5, 3)).shape
        torch.Size([5, 8])
    """
    return F.linear(xs, w["weight_ih"], w.get("bias_ih"))


def preactivations(w: Weights, share: Tensor, h: Tensor) -> tuple[Tensor, ...]:
    """Add what the short-term memory brings, a = share + W_hh h + b_hh, and split by gate: (B, H) each.

    Example:
        >>> import torch
        >>> w = {"weight_hh": torch.ones(8, 2), "bias_hh": torch.zeros(8)}
        >>> [tuple(a.shape) for a in preactivations(w, torch.ones(5, 8), torch.ones(5, 2))]
        [(5, 2), (5, 2), (5, 2), (5, 2)]
    """
    a = share + F.linear(h, w["weight_hh"], w.get("bias_hh"))
    return tuple(a.split(_hidden_size(w), dim=-1))


def _hidden_size(w: Weights) -> int:
    """Return H; the rows of weight_hr are P, its columns H, and without it weight_hh has H columns."""
    return w.get("weight_hr", w["weight_hh"]).shape[1]


def _no_extra(H: int) -> dict[str, tuple[int, ...]]:
    return {}


# ---------------------------------------------------------------- the cells


def standard_step(w: Weights, share: Tensor, state: State, drop: Drop = keep_all) -> State:
    """Take one step of the standard LSTM: c = f c_prev + i g, h = o tanh(c), projected by W_hr where there is one.

    Args:
        w: weight_hh (4·H, P), and bias_hh (4·H), weight_hr (P, H) where used; gate order i, f, g, o.
        share: What the input brings, (B, 4·H).
        state: State with h (B, P), c (B, H).
        drop: Recurrent dropout on the candidate g (B, H); drops nothing unless it is given.

    Returns:
        The new state.

    Example:
        >>> import torch
        >>> new = standard_step({"weight_hh": torch.ones(8, 2)}, torch.ones(5, 8), State(*torch.zeros(2, 5, 2)))
        >>> new.h.shape, new.c.shape
        (torch.Size([5, 2]), torch.Size([5, 2]))

    Reference:
        Hochreiter and Schmidhuber 1997 (hochreiter1997long); forget gate: Gers et al. 2000 (gers2000learning);
        projection: Sak et al. 2014 (sak2014long).
    """
    c_prev = state.c
    a_i, a_f, a_g, a_o = preactivations(w, share, state.h)

    i, f, g, o = sigmoid(a_i), sigmoid(a_f), drop(tanh(a_g)), sigmoid(a_o)

    learned = i * g          # learn gate
    kept = f * c_prev        # forget gate
    c = kept + learned       # remember gate
    h = o * tanh(c)          # use gate
    return State(F.linear(h, w["weight_hr"]) if "weight_hr" in w else h, c)


def drawn_step(w: Weights, share: Tensor, state: State, drop: Drop = keep_all) -> State:
    """Take one step of the article's LSTM: h = o tanh(W_u kept + b_u), with kept = f c_prev.

    Its use gate reads the memory after forgetting and before remembering. Adds weight_u (H, H) and bias_u (H).
    Arguments and result as in ``standard_step``.
    """
    c_prev = state.c
    a_i, a_f, a_g, a_o = preactivations(w, share, state.h)

    i, f, g, o = sigmoid(a_i), sigmoid(a_f), drop(tanh(a_g)), sigmoid(a_o)

    learned = i * g          # learn gate
    kept = f * c_prev        # forget gate
    c = kept + learned       # remember gate
    h = o * tanh(F.linear(kept, w["weight_u"], w.get("bias_u")))  # the drawn use gate
    return State(h, c)


def peephole_step(w: Weights, share: Tensor, state: State, drop: Drop = keep_all) -> State:
    """Take one step of the LSTM whose gates see the memory: i and f the old one, o the new one.

    Adds weight_peep (3, H), rows in the order i, f, o: a unit's gates see that unit's memory only.
    Arguments and result as in ``standard_step``.

    Reference:
        Gers and Schmidhuber 2000 (gers2000recurrent).
    """
    c_prev = state.c
    peep_i, peep_f, peep_o = w["weight_peep"]
    a_i, a_f, a_g, a_o = preactivations(w, share, state.h)

    i, f, g = sigmoid(a_i + peep_i * c_prev), sigmoid(a_f + peep_f * c_prev), drop(tanh(a_g))

    learned = i * g          # learn gate
    kept = f * c_prev        # forget gate
    c = kept + learned       # remember gate
    o = sigmoid(a_o + peep_o * c)
    h = o * tanh(c)          # use gate
    return State(h, c)


def coupled_step(w: Weights, share: Tensor, state: State, drop: Drop = keep_all) -> State:
    """Take one step of the LSTM that learns exactly as much as it forgets: i = 1 - f.

    The rows of its weights are those of f, g, o. Arguments and result as in ``standard_step``.

    Reference:
        Greff et al. 2017 (greff2017lstm), where it is called CIFG.
    """
    c_prev = state.c
    a_f, a_g, a_o = preactivations(w, share, state.h)

    f, g, o = sigmoid(a_f), drop(tanh(a_g)), sigmoid(a_o)

    learned = (1 - f) * g    # learn gate: the room that forgetting makes
    kept = f * c_prev        # forget gate
    c = kept + learned       # remember gate
    h = o * tanh(c)          # use gate
    return State(h, c)


def janet_step(w: Weights, share: Tensor, state: State, drop: Drop = keep_all) -> State:
    """Take one step of the LSTM with a forget gate alone: i = 1 - f and h = c.

    The rows of its weights are those of f, g. Arguments and result as in ``standard_step``.

    Reference:
        van der Westhuizen and Lasenby 2018 (westhuizen2018unreasonable), with their β = 0.
    """
    c_prev = state.c
    a_f, a_g = preactivations(w, share, state.h)

    f, g = sigmoid(a_f), drop(tanh(a_g))

    learned = (1 - f) * g    # learn gate: the room that forgetting makes
    kept = f * c_prev        # forget gate
    c = kept + learned       # remember gate
    h = c                    # no use gate: all of the memory is said
    return State(h, c)


def no_forget_step(w: Weights, share: Tensor, state: State, drop: Drop = keep_all) -> State:
    """Take one step of the LSTM of 1997, which keeps everything: c = c_prev + i g.

    The rows of its weights are those of i, g, o. Arguments and result as in ``standard_step``.

    Reference:
        Hochreiter and Schmidhuber 1997 (hochreiter1997long).
    """
    c_prev = state.c
    a_i, a_g, a_o = preactivations(w, share, state.h)

    i, g, o = sigmoid(a_i), drop(tanh(a_g)), sigmoid(a_o)

    learned = i * g          # learn gate
    kept = c_prev            # no forget gate: all of the memory stays
    c = kept + learned       # remember gate
    h = o * tanh(c)          # use gate
    return State(h, c)


def normed_share(w: Weights, xs: Tensor) -> Tensor:
    """Compute what the inputs (N, D) bring to the gates of the layer-normalised LSTM: LN(W_ih x) · gain + b_ih.

    Example:
        >>> import torch
        >>> w = {"weight_ih": torch.ones(8, 3), "weight_norm_ih": torch.ones(8)}
        >>> normed_share(w, torch.ones(5, 3)).shape
        torch.Size([5, 8])
    """
    return normed_input(w, F.linear(xs, w["weight_ih"]))


def normed_input(w: Weights, a: Tensor) -> Tensor:
    """Normalise, scale and shift rows of W_ih x (N, 4·H)."""
    return F.layer_norm(a, a.shape[-1:], w["weight_norm_ih"], w.get("bias_ih"), NORM_EPS)


def layernorm_step(w: Weights, share: Tensor, state: State, drop: Drop = keep_all) -> State:
    """Take one step of the layer-normalised LSTM: a = LN(W_ih x) + LN(W_hh h), h = o tanh(LN(c)).

    Each share is normalised over all its 4·H numbers, then scaled by weight_norm_ih or weight_norm_hh (4·H) and
    shifted by bias_ih or bias_hh; the memory is normalised on its way out, with weight_norm_c and bias_norm_c (H).
    Arguments and result as in ``standard_step``.

    Reference:
        Ba, Kiros and Hinton 2016 (ba2016layer), their equations 20 to 22; their third bias b is part of bias_hh.
    """
    c_prev = state.c
    a = F.linear(state.h, w["weight_hh"])
    a = share + F.layer_norm(a, a.shape[-1:], w["weight_norm_hh"], w.get("bias_hh"), NORM_EPS)
    a_i, a_f, a_g, a_o = a.chunk(4, dim=-1)

    i, f, g, o = sigmoid(a_i), sigmoid(a_f), drop(tanh(a_g)), sigmoid(a_o)

    learned = i * g          # learn gate
    kept = f * c_prev        # forget gate
    c = kept + learned       # remember gate
    h = o * tanh(F.layer_norm(c, c.shape[-1:], w["weight_norm_c"], w.get("bias_norm_c"), NORM_EPS))  # use gate
    return State(h, c)


def _norm_extra(H: int) -> dict[str, tuple[int, ...]]:
    return {"weight_norm_ih": (4 * H,), "weight_norm_hh": (4 * H,), "weight_norm_c": (H,), "bias_norm_c": (H,)}


CELLS: dict[str, Cell] = {  # the names are those of CellName
    "standard": Cell("ifgo", standard_step, linear_share, _no_extra),
    "drawn": Cell("ifgo", drawn_step, linear_share, lambda H: {"weight_u": (H, H), "bias_u": (H,)}),
    "peephole": Cell("ifgo", peephole_step, linear_share, lambda H: {"weight_peep": (3, H)}),
    "coupled": Cell("fgo", coupled_step, linear_share, _no_extra),
    "janet": Cell("fg", janet_step, linear_share, _no_extra),
    "no-forget": Cell("igo", no_forget_step, linear_share, _no_extra),
    "layernorm": Cell("ifgo", layernorm_step, normed_share, _norm_extra),
}
