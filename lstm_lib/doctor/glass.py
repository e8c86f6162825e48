"""Look inside: every gate and both memories of every layer and direction, step by step, as the LSTM computed them.

Shapes: T steps, B batch, D features, H hidden units, P projected units.
"""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from lstm_lib.doctor.layers import Layer, is_batch_first, is_cell, layers_of, noise_for
from lstm_lib.doctor.subject import Called
from lstm_lib.nn.steps import CELLS, NORM_EPS, State

MOST_SEQUENCES, MOST_STEPS = 32, 2000  # what is looked at of a large batch
FIRST = 3  # steps in which a repetition must agree


class Inside(NamedTuple):
    """What one layer and direction did: gates (T, B, H), memories c (T, B, H), h (T, B, P), in its own order of time.

    ``valid`` (T, B) is True where a sequence had not ended. ``cs`` and ``hs`` are the memories of each step with their
    graph. ``error`` is how far h is from what the module itself returned, in parts of its largest value: in the first
    steps, since where gradients explode, the last digits of two ways to add do so too.
    """

    layer: Layer
    i: Tensor
    f: Tensor
    g: Tensor
    o: Tensor
    c: Tensor
    h: Tensor
    start: State
    valid: Tensor
    cs: list[Tensor]
    hs: list[Tensor]
    xs: Tensor
    error: float


class Walk(NamedTuple):
    """The steps of one layer: c and h of each, with their graph; ``made`` is c as a step made it, ended or not."""

    cs: list[Tensor]
    hs: list[Tensor]
    made: list[Tensor]


def walk(layer: Layer, xs: Tensor, start: State, valid: Tensor) -> Walk:
    """Run one layer step by step with the readable cell; a sequence that has ended keeps its state.

    Example:
        >>> from torch import nn
        >>> (layer,), xs = layers_of(nn.LSTM(3, 2)), torch.ones(5, 4, 3)
        >>> steps = walk(layer, xs, State(*torch.zeros(2, 4, 2)), torch.ones(5, 4, dtype=torch.bool))
        >>> len(steps.cs), steps.cs[0].shape
        (5, torch.Size([4, 2]))
    """
    cell, state, found = CELLS[layer.cell], start, Walk([], [], [])
    shares = cell.share(layer.weights, xs.flatten(0, 1)).unflatten(0, xs.shape[:2])
    whole = bool(valid.all())
    for share, here in zip(shares, valid, strict=True):
        new = cell.step(layer.weights, share, state)
        found.made.append(new.c)
        if not whole:
            new = State(*(torch.where(here[:, None], a, b) for a, b in zip(new, state, strict=True)))
        state = new
        found.cs.append(state.c)
        found.hs.append(state.h)
    return found


def gates_of(layer: Layer, xs: Tensor, h_prev: Tensor, c_prev: Tensor, c: Tensor) -> dict[str, Tensor]:
    """Compute the gates of all steps from what each step started with: i, f, g, o (T, B, H)."""
    w, cell = layer.weights, CELLS[layer.cell]
    a = F.linear(h_prev, w["weight_hh"], None if layer.cell == "layernorm" else w.get("bias_hh"))
    if layer.cell == "layernorm":
        a = F.layer_norm(a, a.shape[-1:], w["weight_norm_hh"], w.get("bias_hh"), NORM_EPS)
    a = a + cell.share(w, xs.flatten(0, 1)).unflatten(0, xs.shape[:2])
    parts = dict(zip(cell.gates, a.split(layer.hidden_size, dim=-1), strict=True))
    if layer.cell == "peephole":
        for gate, peep, seen in zip("ifo", w["weight_peep"], (c_prev, c_prev, c), strict=True):
            parts[gate] = parts[gate] + peep * seen
    gates = {name: part.tanh() if name == "g" else part.sigmoid() for name, part in parts.items()}
    ones = torch.ones_like(c)
    gates.setdefault("f", ones)
    gates.setdefault("i", 1 - gates["f"])
    gates.setdefault("o", ones)
    return gates


def look(module: Any, name: str, calls: list[Called], lengths: Tensor | None, *, grad: bool = False) -> list[Inside]:
    """Repeat what an LSTM did in a run, layer by layer, and keep everything.

    Args:
        module: The LSTM.
        name: Its name in the network.
        calls: Its calls in one run. Where each went on from the state of the one before, they are one.
        lengths: True lengths of the sequences (B,), if the run was not packed and they are known.
        grad: Whether the steps keep their graph, so that gradients back in time can be taken.

    Returns:
        One Inside for each layer and direction.
    """
    xs, valid, hs = joined(module, calls)
    if xs is None:
        return []
    T, B = min(xs.shape[0], MOST_STEPS), min(xs.shape[1], MOST_SEQUENCES)
    xs, valid, hs = xs[:T, :B], valid[:T, :B], hs[:T, :B]
    if lengths is not None and bool(valid.all()) and len(lengths) == calls[0].h_n.shape[-2]:
        valid = torch.arange(T)[:, None] < lengths[None, :B]
        valid = valid.to(xs.device)
    seen_valid = valid
    layers, found = layers_of(module, name), []
    given = _of_a_cell(calls[0].state) if is_cell(module) else calls[0].state
    both = not is_cell(module) and module.bidirectional
    carried_on = torch.ones_like(valid) if calls[0].inputs is not None and not _is_packed(calls) else valid
    flow = xs.detach()
    for k in range(1 if is_cell(module) else module.num_layers):
        outs = []
        for n, layer in enumerate(one for one in layers if one.number == k):
            index = k * (2 if both else 1) + n
            start = _start(given, index, layer, flow, B)
            inside = _one(layer, flow, start, carried_on, seen_valid, grad)
            found.append(inside)
            outs.append(_turn(inside.h, carried_on) if layer.reverse else inside.h)
        flow = torch.cat(outs, dim=-1)
    scale = hs.abs().max().clamp_min(1e-12)
    error = ((flow - hs).abs() * carried_on[..., None])[:, carried_on[0]].amax((1, 2)) / scale
    ends = [error[:FIRST].max(), error[-FIRST:].max()] if both else [error[:FIRST].max()]
    return [inside._replace(error=float(min(ends))) for inside in found]


def _one(layer: Layer, xs: Tensor, start: State, running: Tensor, valid: Tensor, grad: bool) -> Inside:
    """Run one layer and direction, and work out its gates."""
    xs = _turn(xs, running) if layer.reverse else xs
    with torch.set_grad_enabled(grad):
        if grad:
            start = State(*(part.detach().clone().requires_grad_() for part in start))
        steps = walk(layer, xs, start, running)
    with torch.no_grad():
        c, h = torch.stack(steps.cs), torch.stack(steps.hs)
        c_prev, h_prev = torch.cat([start.c[None], c[:-1]]), torch.cat([start.h[None], h[:-1]])
        gates = gates_of(layer, xs, h_prev, c_prev, c)
        seen = _turn(valid[..., None].to(h), running)[..., 0].bool() if layer.reverse else valid
    parts = (gates["i"], gates["f"], gates["g"], gates["o"], c.detach(), h.detach())
    return Inside(layer, *parts, start, seen, steps.made, steps.hs, xs, 0.0)


def joined(module: Any, calls: list[Called]) -> tuple[Any, Any, Any]:
    """Lay the inputs of all calls behind each other (T, B, D), with where they are valid (T, B), and the outputs."""
    parts = []
    for call in calls:
        if isinstance(call.inputs, PackedSequence):
            xs, lengths = pad_packed_sequence(call.inputs)
            hs, _ = pad_packed_sequence(call.hs)
            valid = (torch.arange(len(xs))[:, None] < lengths[None]).to(xs.device)
        else:
            xs, hs = call.inputs, call.hs
            if is_cell(module):  # one step
                xs, hs = ((part if part.dim() == 2 else part[None])[None] for part in (xs, hs))
            elif xs.dim() == 2:
                xs, hs = xs.unsqueeze(1), hs.unsqueeze(1)
            elif is_batch_first(module):
                xs, hs = xs.transpose(0, 1), hs.transpose(0, 1)
            valid = torch.ones(xs.shape[:2], dtype=torch.bool, device=xs.device)
        parts.append((xs.detach(), valid, hs.detach()))
    parts = [part for part in parts if part[0].shape[1:] == parts[0][0].shape[1:]]
    if is_cell(module) and not _goes_on(calls):
        raise ValueError("got a step that does not begin with the memory of the step before, expected a loop over time")
    if len(parts) > 1 and ((not is_cell(module) and module.bidirectional) or not _goes_on(calls)):
        parts = parts[:1]
    if not parts:
        return None, None, None
    xs, valid, hs = (torch.cat(column) for column in zip(*parts, strict=True))
    return xs, valid, hs


def _goes_on(calls: list[Called]) -> bool:
    """Say whether each call started from the state that the one before has left."""
    for one, two in zip(calls, calls[1:], strict=False):
        if two.state is None or not torch.equal(two.state[1], one.c_n):
            return False
    return True


def _of_a_cell(state: Any) -> Any:
    """Give a cell's state (B, H) or (H) the form of an LSTM's (1, B, H)."""
    return None if state is None else tuple((part if part.dim() == 2 else part[None])[None] for part in state)


def _is_packed(calls: list[Called]) -> bool:
    return isinstance(calls[0].inputs, PackedSequence)


def _start(given: Any, index: int, layer: Layer, xs: Tensor, B: int) -> State:
    """Return the first state of one layer and direction: what the call was given, or zeros."""
    if given is None:
        P = layer.weights["weight_hh"].shape[1]
        return State(xs.new_zeros(B, P), xs.new_zeros(B, layer.hidden_size))
    h, c = (part.detach() if part.dim() == 3 else part.detach().unsqueeze(1) for part in given)
    return State(h[index][:B], c[index][:B])


def _turn(xs: Tensor, valid: Tensor) -> Tensor:
    """Turn each sequence (T, B, ...) around within its own length."""
    T = len(xs)
    lengths = valid.sum(0)
    places = torch.arange(T, device=xs.device)[:, None]
    back = torch.where(places < lengths, lengths - 1 - places, places)
    return xs.gather(0, back[..., None].expand_as(xs))


def on_noise(lstm: Any, layer: Layer) -> list[Called]:
    """Run one LSTM on noise, time first; a cell step by step."""
    xs = noise_for(layer)
    with torch.no_grad():
        if is_cell(lstm):
            state, calls = None, []
            for x in xs:
                new = lstm(x, state)
                calls.append(Called(layer.lstm, x, state, new[0], *new))
                state = new
            return calls
        given = xs.transpose(0, 1) if lstm.batch_first else xs
        hs, (h_n, c_n) = lstm(given)
    return [Called(layer.lstm, given, None, hs, h_n, c_n)]
