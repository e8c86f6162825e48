"""What is handed on to an LSTM, and which of its weights are trained at all.

Shapes: T steps, B batch, H hidden units.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from lstm_lib.doctor.ends import end_of
from lstm_lib.doctor.findings import Finding, finding
from lstm_lib.doctor.layers import is_batch_first, is_cell, unregistered
from lstm_lib.doctor.notes import is_fresh
from lstm_lib.doctor.subject import Called, Ran, Subject
from lstm_lib.doctor.traces import tensors_in

HUGE = 100.0  # noise that wakes what is dead, such as a ReLU whose sums are far below 0
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
    own = [name for name in named if _of_an_lstm(name, subject) and "weight" in name]
    trained = share > WORKS and not is_fresh(subject)  # before it was frozen
    if own and share > -float("inf") and not trained and not any(named[name].requires_grad for name in own):
        text = f"requires_grad is False for all matrices of the LSTM: {_some(own)}"
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
            found.append(_bare(subject, name, called=any(call.name == name for call in ran.calls)))
        elif own and not any(bool(grad.any()) for grad in own.values() if grad is not None):
            found += _flat(subject, name)
        else:
            found += _unread_parts(name, own)
    return found


def _bare(subject: Subject, name: str, *, called: bool) -> Finding:
    """Say why no gradient comes to an LSTM: it is not called, not read, or the way back is cut."""
    where = name or "the LSTM"
    if not called:
        return finding("graph-cut", where, "it is not called", severity=0.939)
    if _goes_nowhere(subject, name):
        return finding("part-unused", where, "it is called, and no answer changes with noise added to all it returns")
    return finding("graph-cut", where, "no gradient of the answers comes to any of its weights")


def _flat(subject: Subject, name: str) -> list[Finding]:
    """Say of a gradient of exactly 0 at all weights whether a step or a rounding makes it, where the loss has one."""
    again = subject.run(grad=True)
    probe = _probe(subject, again)
    if probe is None:
        return []
    given = [(call.hs, call.h_n, call.c_n) for call in again.calls if call.name == name]
    returned = [part for part in tensors_in(given) if part.requires_grad]
    at_answers, *behind = torch.autograd.grad(probe, [again.answers, *returned], allow_unused=True)
    reaches = any(bool(grad.any()) for grad in behind if grad is not None)  # then the LSTM itself lets none through
    if at_answers is None or not bool(at_answers.any()) or reaches or _goes_nowhere(subject, name, HUGE):
        return []
    text = "the gradient is exactly 0 at all of its weights, though what it returns moves the answers: a rounding, a"
    text += " comparison or a dead ReLU is on the way"
    end = end_of(again.answers)
    is_dead = end is not None and end.name == "Relu" and not bool(again.answers.any())  # the cause is named elsewhere
    return [finding("graph-cut", name or "the LSTM", text, severity=0.944 if is_dead else None)]


def _goes_nowhere(subject: Subject, name: str, size: float = 1.0) -> bool:
    """Say whether all answers stay as they are where noise of some size is added to whatever an LSTM returns."""
    generator = torch.Generator().manual_seed(0)
    before = subject.run().answers
    handle = subject.lstms[name].register_forward_hook(lambda lstm, args, out: noisy(out, generator, size))
    try:
        after = subject.run().answers
    finally:
        handle.remove()
    return before.shape == after.shape and torch.equal(before, after)


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


# ---------------------------------------------------------------- what is handed on


def handing_on(subject: Subject, share: float) -> list[Finding]:
    """Look at the calls of each LSTM in one run: does each begin with what the one before has left?"""
    calls: dict[str, list[Called]] = {}
    for call in subject.run().calls:
        calls.setdefault(call.name, []).append(call)
    found = _crossed(subject)
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
        elif single and len(own) > 4 and (lost := _goes_no_further(subject, name, own)):
            text = f"{len(own)} calls of one step each, and no other {lost} follows from what the second one leaves"
            found.append(finding("state-lost", name or "the LSTM", text))
    return found


def _crossed(subject: Subject) -> list[Finding]:
    """Find an LSTM that begins with the state of another one whose h and c have changed places."""
    calls = subject.run().calls
    for n, call in enumerate(calls):
        giver = next((one.name for one in calls[:n] if one.name != call.name and _is_turned(one, call)), None)
        if giver is not None:
            text = f"it begins with c of {giver} in the place of h, and h in that of c"
            return [finding("state-lost", call.name, text)]
    return []


def _goes_no_further(subject: Subject, name: str, own: list[Called]) -> str:
    """Add noise to what the second call leaves, and name the part of the state that is the same in all later calls."""
    count, later = 0, []

    def disturb(lstm: Any, args: tuple[Any, ...], out: Any) -> Any:
        nonlocal count
        count += 1
        return noisy(out, torch.Generator().manual_seed(0)) if count == 2 else None

    handle = subject.lstms[name].register_forward_hook(disturb)
    try:
        later = [call for call in subject.run().calls if call.name == name][2:]
    finally:
        handle.remove()
    pairs = [(one.state, two.state) for one, two in zip(own[2:], later, strict=False)]
    if any(one is None or two is None for one, two in pairs):
        return ""
    for part, letter in ((1, "c"), (0, "h")):
        if all(torch.equal(one[part], two[part]) for one, two in pairs):
            return letter
    return ""


def noisy(part: Any, generator: torch.Generator, size: float = 1.0) -> Any:
    """Add noise to all that an LSTM returns."""
    if isinstance(part, PackedSequence):
        return part._replace(data=noisy(part.data, generator, size))
    if isinstance(part, Tensor):
        return part + size * torch.randn(part.shape, generator=generator).to(part)
    return tuple(noisy(one, generator, size) for one in part)


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
