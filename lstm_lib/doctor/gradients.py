"""How far back in time a gradient reaches: through the network as it is, and inside of each layer.

Shapes: T steps, B batch, H hidden units.
"""

import math
from typing import Any

import torch
from torch import Tensor

from lstm_lib.doctor.axes import time_axis_in_answers
from lstm_lib.doctor.findings import Finding, finding
from lstm_lib.doctor.glass import Inside
from lstm_lib.doctor.layers import is_batch_first, is_cell
from lstm_lib.doctor.outside import FELT, spread
from lstm_lib.doctor.subject import Subject

Numbers = dict[str, Any]

VANISHED = 1e-4  # of the gradient at the last step
EXPLODED = 300.0


def reach(inside: Inside) -> Numbers:
    """Measure the gradient of the last h, in one direction at random, at the memory of each step before it.

    Returns:
        "gradient by lag": norms by lag, from 0, means over the sequences, in parts of the norm at the first lag that
        has a gradient: 0, and 1 in the drawn cell, whose h reads the memory of the step before; "direct": the share
        that takes the way through the forget gates alone; the largest norm, and its lag.
    """
    cs, hs, valid = inside.cs, inside.hs, inside.valid
    direction = torch.randn(hs[-1].shape[-1], generator=torch.Generator().manual_seed(0)).to(hs[-1])
    ends = (valid.sum(0) - 1).clamp_min(0)
    whole = bool(valid.all())
    last = hs[-1] if whole else torch.stack(hs)[ends, torch.arange(len(ends), device=ends.device)]
    probe = (last @ direction).sum()
    grads = torch.autograd.grad(probe, cs, allow_unused=True)
    every = [torch.zeros_like(c) if grad is None else grad for grad, c in zip(grads, cs, strict=True)]
    norms, rows = torch.stack(every).norm(dim=-1), torch.arange(len(ends), device=ends.device)
    T = len(cs)
    lags = T if whole else min(T, int(valid.sum(0).min()))
    by_lag = torch.stack([norms[ends - k, rows] for k in range(lags)])
    begin = next((k for k in range(lags) if bool(by_lag[k].any())), 0)
    first = by_lag[begin]
    relative = torch.where(first > 0, by_lag / first.clamp_min(1e-30), 0).double()
    f = inside.f.detach().double().clamp_min(1e-30).log()
    direct: list[float] = []
    if whole:
        end_grad, total = every[T - 1 - begin].double(), torch.zeros_like(f[0])
        direct = [0.0] * begin
        for k in range(begin, lags):
            direct.append(float(((end_grad * total.exp()).norm(dim=-1) / first.double().clamp_min(1e-30)).mean()))
            if k + 1 < lags:
                total = total + f[T - 1 - k]
    means = relative.mean(1)
    finite = bool(torch.isfinite(means).all())
    top = int(means.argmax()) if finite else lags - 1
    return {
        "gradient by lag": means.tolist(),
        "gradient by lag, direct": direct,
        "largest gradient": float(relative.max()) if finite else math.inf,
        "lag of the largest gradient": top,
        "first lag with a gradient": begin,
    }


def through_the_network(subject: Subject, back: int = 0) -> list[float] | None:
    """Measure the gradient of the last answers at what comes into the first LSTM, step by step, as the network is.

    Args:
        subject: The network.
        back: How many steps before the last one to ask, where there is an answer at each.

    Returns:
        Norms from the last step back, in parts of the largest; None where it cannot be taken.
    """
    inputs = subject.inputs
    if isinstance(inputs, Tensor) and inputs.is_floating_point():
        inputs = inputs.detach().clone().requires_grad_()
    ran = subject.run(inputs, grad=True)
    if not ran.calls or not ran.answers.requires_grad:
        return None
    first = ran.calls[0].name
    calls = [call for call in ran.calls if call.name == first]
    parts = [call.inputs for call in calls]
    dims = 2 if is_cell(subject.lstms[first]) else 3
    if not all(isinstance(part, Tensor) and part.requires_grad and part.dim() == dims for part in parts):
        return None
    time = 1 if is_batch_first(subject.lstms[first]) else 0
    T = len(parts) if dims == 2 else sum(part.shape[time] for part in parts)
    axis = time_axis_in_answers(ran.answers, T)
    if back and axis is None:
        return None
    answers = ran.answers if axis is None else ran.answers.select(axis, T - 1 - back)
    direction = torch.randn(answers.shape[-1], generator=torch.Generator().manual_seed(0)).to(answers)
    grads = torch.autograd.grad((answers @ direction).sum(), parts, allow_unused=True)
    columns = [torch.zeros_like(part) if g is None else g for g, part in zip(grads, parts, strict=True)]
    steps = torch.stack(columns) if dims == 2 else torch.cat(columns, dim=time)
    norms = steps.norm(dim=-1).mean(1 - time).double().flip(0)
    return [float(norm) for norm in norms / norms.max().clamp_min(1e-30)]


def stops(subject: Subject) -> list[Finding]:
    """Find answers at each step whose gradients stop at their own step, though what came before moves them."""
    if not subject.per_step or subject.axis is None:
        return []
    for back in range(3):  # where the state is cut between pieces, one of three steps has another before it
        norms = through_the_network(subject, back)
        if norms is None or len(norms) < 6 or any(norms[back + 1 :]) or not norms[back]:
            return []
    before, time = subject.run(), 1 - subject.axis
    T = subject.inputs.shape[time]
    early, late = subject.inputs.split([T - 1, 1], dim=time)
    after = subject.run(torch.cat([early.roll(1, subject.axis), late], dim=time))
    axis = time_axis_in_answers(before.answers, T)
    if axis is None or after.answers.shape != before.answers.shape:
        return []
    moved = float((after.answers - before.answers).select(axis, -1).abs().max()) / spread(before.answers)
    if moved < FELT:
        return []
    text = "no answer has a gradient at any step before its own, though these move the last one by up to"
    text += f" {moved:.2g} of the answers' spread: the state is detached at each step"
    return [finding("gradient-vanishes", "the network", text, severity=0.7)]


def findings_in_gradients(
    layers: list[Numbers], outside: list[float] | None, lag: int, *, works: bool, asked: bool, single: bool
) -> list[Finding]:
    """Judge how far back the gradients reach.

    Args:
        layers: What was measured of each layer, with what ``reach`` found.
        outside: What ``through_the_network`` found.
        lag: How far they must reach.
        works: Whether the network answers well.
        asked: Whether somebody has said so.
        single: Whether there is one answer for each sequence, so that all of it must be reached.
    """
    found = []
    for numbers in layers:
        largest = numbers.get("largest gradient", 0.0)
        if not largest <= EXPLODED:
            back = numbers["lag of the largest gradient"]
            last = "the last step" if not numbers["first lag with a gradient"] else "the last step that has one"
            text = f"{back} steps back the gradient is {largest:.3g} times that of {last}"
            found.append(finding("gradient-explodes", numbers["where"], text))
    if not asked:
        known = outside or []
        far = len(known) > 5 and any(known) and not any(known[len(known) // 2 :])
        if outside is not None and far and (single or not works):
            cut = next(k for k in range(len(outside)) if not any(outside[k:]))
            text = f"of the gradient of the last answer nothing comes beyond {cut - 1} steps back: it is cut"
            found.append(finding("gradient-vanishes", "the network", text, severity=0.7))
        return found
    if outside is not None and not any(outside):
        return found  # the answers do not depend on the inputs at all: the loss says so
    is_cut = outside is not None and len(outside) > lag and max(outside[lag:]) == 0
    if works and not is_cut:
        return found
    if outside is not None and len(outside) > lag and max(outside[lag:]) < VANISHED:
        there = outside[lag]
        cut = next(k for k in range(len(outside)) if max(outside[k:]) < VANISHED)
        text = f"of the gradient of the last answer, {there:.1g} is left {lag} steps back"
        text += f"; beyond {cut - 1} steps less than"
        curves = [row.get("gradient by lag", []) for row in layers]
        inner = max((curve[lag] for curve in curves if len(curve) > lag), default=0)
        own = " (the LSTM would let it through: it is cut elsewhere)" if inner >= VANISHED else ""
        severity = 0.7 if own else None
        found.append(finding("gradient-vanishes", "the network", f"{text} {VANISHED:g}{own}", severity=severity))
        return found
    for numbers in layers:
        by_lag = numbers.get("gradient by lag", [])
        if len(by_lag) > lag and by_lag[lag] < VANISHED:
            text = f"{lag} steps back, {by_lag[lag]:.1g} of the gradient is left"
            found.append(finding("gradient-vanishes", numbers["where"], text))
    return found
