"""What is read of an LSTM, what is handed on to it, and which of its weights are trained at all.

Shapes: T steps, B batch, H hidden units.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from lstm_lib.doctor.findings import Finding, finding
from lstm_lib.doctor.layers import is_batch_first, is_cell, unregistered
from lstm_lib.doctor.subject import Called, Ran, Subject

WORKS, WELL = 0.3, 0.6  # parts of the loss of guessing by which a loss is below it


# ---------------------------------------------------------------- which weights are trained


def left_out(subject: Subject, share: float) -> list[Finding]:
    """Look for weights that no update can reach: kept out of the network's list, of the optimiser's, or frozen.

    Args:
        subject: The network.
        share: How far below guessing its loss is: what answers well may have been trained before.
    """
    hidden = [name for name in unregistered(subject.model) if name in subject.lstms]
    if hidden:
        text = f"{', '.join(hidden)}: in a list or dictionary of Python, so that model.parameters() does not list them"
        return [finding("weights-left-out", "the network", text)]
    if share >= WELL:
        return []
    named = dict(subject.model.named_parameters())
    if subject.optimizer is not None:
        groups = subject.optimizer.param_groups
        has = {id(p) for group in groups for p in group["params"]}
        lacks = [name for name, p in named.items() if p.requires_grad and id(p) not in has]
        if lacks:
            others = len(has - {id(p) for p in named.values()})
            text = f"{len(lacks)} of {len(named)} parameters are not among the optimiser's: {_some(lacks)}"
            text += f"; it has {others} that the network has not" if others else ""
            return [finding("weights-left-out", "the optimiser", text)]
    own = [name for name, p in named.items() if _of_an_lstm(name, subject)]
    if own and share > -float("inf") and not any(named[name].requires_grad for name in own):
        text = f"requires_grad is False for all parameters of the LSTM: {_some(own)}"
        return [finding("weights-left-out", "the LSTM", text)]
    return []


def _of_an_lstm(name: str, subject: Subject) -> bool:
    return any(name.startswith(f"{lstm}." if lstm else "") for lstm in subject.lstms)


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def reached(subject: Subject) -> list[Finding]:
    """Take the gradient of the loss, or of the answers, at all weights: an LSTM, layer or direction may get none."""
    ran = subject.run(grad=True)
    weights = {
        (name, key): p
        for name, lstm in subject.lstms.items()
        for key, p in lstm.named_parameters()
        if p.requires_grad
    }
    if not weights:
        return []
    probe = _probe(subject, ran)
    if probe is None:
        return []
    if not probe.requires_grad:
        return [finding("graph-cut", "the network", "the answers have no gradient at any weight")]
    grads = dict(zip(weights, torch.autograd.grad(probe, list(weights.values()), allow_unused=True), strict=True))
    found = []
    for name in subject.lstms:
        own: dict[str, Tensor | None] = {key: grad for (lstm, key), grad in grads.items() if lstm == name}
        if own and all(grad is None for grad in own.values()):
            called = any(call.name == name for call in ran.calls)
            text = "no gradient of the answers comes to any of its weights" if called else "it is not called"
            found.append(finding("graph-cut", name or "the LSTM", text, severity=None if called else 0.939))
        else:
            found += _unread_parts(name, own)
    return found


def _unread_parts(name: str, grads: dict[str, Tensor | None]) -> list[Finding]:
    """Find layers and directions none of whose weights has a gradient, though others of the LSTM have."""
    layers: dict[str, list[Tensor | None]] = {}
    for key, grad in grads.items():
        _, _, place = key.rpartition("_l")
        layers.setdefault(place, []).append(grad)
    bare = [p for p, some in layers.items() if all(grad is None or not bool(grad.any()) for grad in some)]
    if not bare or len(bare) == len(layers):
        return []
    where = ", ".join(f"layer {p.replace('_reverse', ' from the end')}" for p in bare)
    return [finding("part-unused", name or "the LSTM", f"no answer depends on {where}: its weights have no gradient")]


def _probe(subject: Subject, ran: Ran) -> Tensor | None:
    """Return one number that depends on whatever the answers depend on."""
    if subject.can_lose:
        try:
            return subject.loss(ran.outputs)
        except (RuntimeError, IndexError, ValueError, TypeError):
            pass  # said elsewhere
    if not isinstance(ran.outputs, Tensor):
        return None
    direction = torch.randn(ran.answers.shape, generator=torch.Generator().manual_seed(0))
    return (ran.answers * direction.to(ran.answers)).sum()


# ---------------------------------------------------------------- which steps are read


def unread(subject: Subject) -> list[Finding]:
    """Where there is one answer for each sequence: from which steps of the last LSTM does it come?"""
    if subject.per_step or subject.axis is None:
        return []
    ran = subject.run(grad=True)
    last = ran.calls[-1] if ran.calls else None
    if last is None or is_cell(subject.lstms[last.name]) or not ran.answers.requires_grad:
        return []
    if isinstance(last.hs, PackedSequence) or last.hs.dim() != 3 or not last.hs.requires_grad:
        return []
    direction = torch.randn(ran.answers.shape, generator=torch.Generator().manual_seed(0)).to(ran.answers)
    ways = (last.hs, last.h_n, last.c_n)
    grads = torch.autograd.grad((ran.answers * direction).sum(), ways, allow_unused=True)
    if grads[0] is None or any(grad is not None for grad in grads[1:]):
        return []
    lstm = subject.lstms[last.name]
    used = (grads[0] if not is_batch_first(lstm) else grads[0].transpose(0, 1)) != 0  # (T, B, H)
    T, B = used.shape[:2]
    steps = subject.inputs.shape[1 - subject.axis]
    if steps != T or subject.inputs.shape[subject.axis] != B or not bool(used.any()):
        return []
    ends = torch.full((B,), T) if subject.lengths is None else subject.lengths
    return _judge_steps(used.cpu(), ends, lstm, last)


def _judge_steps(used: Tensor, ends: Tensor, lstm: Any, call: Called) -> list[Finding]:
    """Judge from which steps (T, B, H) the answers come, where each sequence has a length (B,)."""
    where, T = call.name or "the LSTM", len(used)
    H = used.shape[-1] // (2 if lstm.bidirectional else 1)
    steps = torch.arange(T)[:, None]
    ahead = used[..., :H].any(-1)
    last = torch.where(ahead, steps, -1).amax(0)
    gap = int((ends - 1 - last).min())
    if bool(ahead.any()) and gap > 0:
        text = f"the answers come from step {int(last.max())} at the latest: the last {gap} of {T} steps move none"
        text = text if bool((ends == T).all()) else f"the answers come from {gap} before the end of each sequence"
        return [finding("steps-unread", where, text)]
    if lstm.bidirectional:
        behind = used[..., H:].any(-1)
        first = torch.where(behind, steps, T).amin(0)
        if bool(behind.any()) and int(first.min()) > 0 and bool((first >= ends - 1).all()):
            text = f"the direction from the end is read at step {int(first.min())}, where it has seen one step of {T}"
            return [finding("part-unused", where, text)]
    return []


# ---------------------------------------------------------------- what is handed on


def handing_on(subject: Subject, share: float) -> list[Finding]:
    """Look at the calls of each LSTM in one run: does each begin with what the one before has left?"""
    calls: dict[str, list[Called]] = {}
    for call in subject.run().calls:
        calls.setdefault(call.name, []).append(call)
    found = []
    for name, own in calls.items():
        pairs = list(zip(own, own[1:], strict=False))
        if len(pairs) < 2 or any(one.c_n.shape != two.c_n.shape for one, two in pairs):
            continue
        turned = sum(_is_turned(one, two) for one, two in pairs)
        empty = sum(two.state is None or not bool(torch.as_tensor(two.state[1]).any()) for _, two in pairs)
        single = is_cell(subject.lstms[name]) or all(_steps(call, subject) == 1 for call in own)
        if turned == len(pairs):
            text = f"{len(own)} calls, and all but the first begin with c in the place of h, and h in that of c"
            found.append(finding("state-lost", name or "the LSTM", text))
        elif empty == len(pairs) and (single or share < WORKS):
            what = "one step each" if single else f"{_steps(own[0], subject)} steps each"
            text = f"{len(own)} calls of {what}, and every one begins with an empty memory"
            found.append(finding("state-lost", name or "the LSTM", text))
    return found


def _is_turned(one: Called, two: Called) -> bool:
    if two.state is None or two.state[0].shape != one.c_n.shape:
        return False
    return torch.equal(two.state[0], one.c_n) and torch.equal(two.state[1], one.h_n)


def _steps(call: Called, subject: Subject) -> int:
    """Return the number of steps of a call of an LSTM."""
    if isinstance(call.inputs, PackedSequence):
        return len(call.inputs.batch_sizes)
    first = is_batch_first(subject.lstms[call.name]) and call.inputs.dim() == 3
    return int(call.inputs.shape[1 if first else 0])
