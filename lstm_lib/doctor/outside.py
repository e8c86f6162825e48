"""Experiments from outside: change one thing of what a network is told, and see which answers change.

Shapes: T steps, B batch.
"""

from typing import Any

import torch
from torch import Tensor

from lstm_lib.doctor.axes import axis_in_answers
from lstm_lib.doctor.findings import Finding, finding
from lstm_lib.doctor.layers import is_batch_first, is_cell
from lstm_lib.doctor.states import is_state
from lstm_lib.doctor.subject import Ran, Subject
from lstm_lib.doctor.traces import attributes, carried, marks, tensors_in

MOST_TURNS = 12
FELT = 1e-3  # a change of the answers below this, in parts of their spread, is rounding


def spread(answers: Tensor) -> float:
    """Return the standard deviation of answers, or 1 where they do not vary."""
    found = float(answers.detach().double().std()) if answers.numel() > 1 else 0.0
    return found if found > 1e-12 else 1.0


# ---------------------------------------------------------------- one sequence and the others


def mixing(subject: Subject) -> list[Finding]:
    """Change one sequence, and look at the answers to the others, and at what came into the first LSTM."""
    inputs, axis = subject.inputs, subject.axis
    if axis is None or inputs.shape[axis] < 2:
        return []
    before = subject.run()
    out_axis = axis_in_answers(before.answers, inputs, axis, per_step=subject.per_step)
    if out_axis is None:
        return []
    B, worst, place, changed = inputs.shape[axis], 0.0, 0, None
    for n in sorted({0, B // 2, B - 1}):
        after = subject.run(exchanged(inputs, axis, n))
        difference = (after.answers - before.answers).abs().double()
        rows = difference.movedim(out_axis, 0).flatten(1).amax(1) if difference.dim() > 1 else difference
        felt = torch.nonzero(rows > FELT * spread(before.answers)).flatten().tolist()
        alone = difference.dim() <= 2 or not _walks_over_the_batch(subject, before, after, n)
        if len(felt) == 1 and felt != [n] and alone:
            text = f"with sequence {n} replaced, one answer changes, and it is number {felt[0]}"
            return [finding("rows-out-of-order", "behind the LSTM", text)]
        rows[n] = 0
        if float(rows.max()) > worst:
            worst, place, changed = float(rows.max()), n, (after, int((rows > FELT * spread(before.answers)).sum()))
    if changed is None or worst < FELT * spread(before.answers):
        return []
    after, count = changed
    text = f"with sequence {place} replaced, the answers to {count} of the {B - 1} others change, by up to"
    text = f"{text} {worst / spread(before.answers):.2g} of the answers' spread"
    if _walks_over_the_batch(subject, before, after, place):
        return [finding("batch-and-time-exchanged", _first(before), text)]
    if _reads_other_states(subject, out_axis):
        return [finding("h_n-reshaped", _first(before), f"{text}; the way there leads through h_n")]
    return [finding("batch-and-time-exchanged", "behind the LSTM", f"{text}; in the LSTM itself each stays alone")]


def exchanged(inputs: Tensor, axis: int, n: int) -> Tensor:
    """Put another sequence, turned around, in the place of sequence n, such that every step is another one."""
    changed = inputs.clone().movedim(axis, 0)
    old, other = changed[n].clone(), inputs.movedim(axis, 0)[(n + 1) % inputs.shape[axis]].flip(0)
    kinds = inputs.unique() if not inputs.is_floating_point() else None
    for turn in range(1, 4):
        same = (other == old).flatten(1).all(-1) if old.dim() > 1 else other == old
        if not bool(same.any()):
            break
        new = other.roll(turn, 0) if kinds is None else kinds[(torch.searchsorted(kinds, old) + turn) % len(kinds)]
        other = torch.where(same.reshape(-1, *[1] * (old.dim() - 1)), new, other)
    if torch.equal(other, old):
        other = other + 1
    changed[n] = other
    return changed.movedim(0, axis).contiguous()


def _first(ran: Ran) -> str:
    return (ran.calls[0].name or "the LSTM") if ran.calls else "the network"


def _walks_over_the_batch(subject: Subject, before: Ran, after: Ran, n: int) -> bool:
    """Say whether the change of one sequence came into the LSTM in more rows than one, or moved others inside."""
    if not before.calls or not isinstance(before.calls[0].inputs, Tensor):
        return False
    name = before.calls[0].name
    one, two = (_came_in(ran, name) for ran in (before, after))
    if one.dim() != 3 or one.shape != two.shape:
        return False
    is_turned = not is_cell(subject.lstms[name]) and is_batch_first(subject.lstms[name])
    changed = (one != two).any(-1).any(1 if is_turned else 0)
    return int(changed.sum()) > 1


def _came_in(ran: Ran, name: str) -> Tensor:
    """Return what came into an LSTM in its first call; into a cell in all of them, steps first."""
    own = [call.inputs for call in ran.calls if call.name == name]
    alike = own[0].dim() == 2 and all(part.shape == own[0].shape for part in own)
    return torch.stack(own) if alike else own[0]


def _reads_other_states(subject: Subject, out_axis: int) -> bool:
    """Say whether the answer to one sequence has its gradient at another one's h_n, in the place of its own.

    Where it has all of its own state as well, as behind a softmax over the batch, nothing was reshaped.
    """
    ran = subject.run(grad=True)
    if not ran.answers.requires_grad:
        return False
    B = ran.answers.shape[out_axis]
    for call in ran.calls:
        if call.h_n.dim() != 3 or call.h_n.shape[1] != B or not call.h_n.requires_grad:
            continue
        rows = (0, B - 1)
        own = [ran.answers.select(out_axis, n).sum() for n in rows]
        for state in (call.h_n, call.c_n):
            grads = [torch.autograd.grad(one, state, retain_graph=True, allow_unused=True)[0] for one in own]
            if any(grad is None for grad in grads):
                continue
            used = torch.stack([grad.abs().sum(-1) > 0 for grad in grads])  # (2, layers and directions, B)
            has_others = bool((used.any(1).sum(-1) > 1).any())
            has_own = torch.stack([used[k, :, n] for k, n in enumerate(rows)])
            if has_others and not bool(has_own[:, used.any(-1).any(0)].all()):
                return True
    return False


# ---------------------------------------------------------------- padding


def padding(subject: Subject) -> list[Finding]:
    """Cut the whole batch at the length of its shorter sequences, and see whether their answers change."""
    inputs, lengths, axis = subject.inputs, subject.lengths, subject.axis
    if lengths is None or axis is None or len(lengths) != inputs.shape[axis]:
        return []
    T = inputs.shape[1 - axis]
    shorter = sorted({int(n) for n in lengths if 0 < n < T})
    if not shorter:
        return []
    before = subject.run()
    out_axis = axis_in_answers(before.answers, inputs, axis, per_step=subject.per_step)
    if out_axis is None:
        return []
    worst, rows_felt, rows_seen = 0.0, 0, 0
    for n in {shorter[0], shorter[len(shorter) // 2], shorter[-1]}:
        after = subject.run(inputs.narrow(1 - axis, 0, n).contiguous(), lengths.clamp_max(n))
        rows = torch.nonzero(lengths == n).flatten().to(before.answers.device)
        old = before.answers.index_select(out_axis, rows)
        new = after.answers.index_select(out_axis, rows)
        if new.shape != old.shape:  # an answer at each step: those that were cut off do not count
            old = old.narrow(1 - out_axis, 0, n)
        change = (new - old).abs().double().movedim(out_axis, 0).flatten(1).amax(1) / spread(before.answers)
        worst, rows_seen = max(worst, float(change.max())), rows_seen + len(rows)
        rows_felt += int((change > FELT).sum())
    if worst < FELT:
        return []
    text = f"with the padding cut off, {rows_felt} of {rows_seen} answers change, by up to {worst:.2g} of their spread"
    return [finding("reads-padding", _first(before), text)]


# ---------------------------------------------------------------- what is kept from one call to the next


def keeping(subject: Subject) -> list[Finding]:
    """Run twice: is a state kept, has it its graph, and does it help?"""
    model = subject.model
    if subject.brings_graph:
        text = "the batch itself has a graph: a tensor in it was computed by a network, and its past hangs on it"
        return [finding("graph-kept", "the data", text)]
    with subject.undone():
        model.train()  # as it is when batches come one after the other
        before = marks(model)
        first = subject.call(grad=True)
        left = carried(model, before)
        second = subject.call(grad=True)
        change = float((second.answers - first.answers).detach().abs().max()) if _alike(first, second) else 0.0
        single = not subject.per_step and subject.targets is not None
        if not left or not (change >= 1e-6 * spread(first.answers) or (single and _begins_with(first, second))):
            return []
        found = _graph(first, second, left)
    left = {place: value for place, value in left.items() if is_state(subject, place)}
    return found + (_helping(subject, left, _named(left)) if left else [])


def _named(left: dict[Any, Any]) -> str:
    return ", ".join(sorted(".".join(filter(None, place)) for place in left))


def _alike(one: Ran, two: Ran) -> bool:
    return one.answers.shape == two.answers.shape


def _begins_with(one: Ran, two: Ran) -> bool:
    """Say whether an LSTM of the second run begins with a state that the first one has left."""
    left = [part for call in one.calls for part in (call.h_n, call.c_n) if bool(part.any())]
    begun = [part for call in two.calls if call.state is not None for part in call.state]
    return any(torch.equal(old, new) for old in left for new in begun if old.shape == new.shape)


def _graph(first: Ran, second: Ran, left: dict[Any, Any]) -> list[Finding]:
    """Say whether a gradient goes from the second run into the first one."""
    past = [(place, one) for place, value in left.items() for one in tensors_in(value) if one.grad_fn is not None]
    if not past or not second.answers.requires_grad:
        return []
    grads = torch.autograd.grad(second.answers.sum(), [one for _, one in past], allow_unused=True)
    reached = [(place, grad) for (place, _), grad in zip(past, grads, strict=True) if grad is not None]
    if not reached:
        return []
    norm, name = max(float(grad.norm()) for _, grad in reached), _named(dict(reached))
    text = f"{name} keeps its graph: the answers to the second batch have a gradient of norm {norm:.2g} in the first"
    return [finding("graph-kept", "the network", text)]


def _helping(subject: Subject, left: dict[Any, Any], name: str) -> list[Finding]:
    """Compare the loss with each sequence's own state and with others': if the batch goes on, its own is better."""
    single = not subject.per_step or subject.lengths is not None
    held = {place: value for place, value in attributes(subject.model).items() if place in left}
    has_come = any(bool(one.any()) for value in held.values() for one in tensors_in(value))
    text = f"{name} {'are' if len(left) > 1 else 'is'} kept from one call to the next"
    if single and subject.targets is not None:
        more = "each sequence of this batch has a length or an answer of its own, and nothing goes on from before"
        return [finding("state-across-batches", "the network", f"{text}; {more}")]
    if not has_come or not subject.can_lose:
        return []
    B = next((one.shape[-2] for value in held.values() for one in tensors_in(value) if one.dim() > 1), 0)
    if B < 2:
        return []
    losses = []
    for turn in range(min(B, MOST_TURNS)):
        with torch.no_grad(), subject.undone():
            _exchange(subject.model, held, turn)
            losses.append(float(subject.loss(subject.call().outputs)))
    own, others = losses[0], torch.tensor(losses[1:], dtype=torch.float64)
    if len(others) < 2 or own < float(others.mean() - 2.5 * others.std()):
        return []
    compared = f"the loss is {own:.4g} with it, and {float(others.mean()):.4g} with the states of other sequences"
    return [finding("state-across-batches", "the network", f"{text}; {compared}: this batch does not go on from there")]


def _exchange(model: Any, held: dict[Any, Any], turn: int) -> None:
    """Give each sequence the state that was kept for another one, some places further."""
    modules = dict(model.named_modules())
    for (module, name), value in held.items():
        setattr(modules[module], name, _turned(value, turn))


def _turned(value: Any, turn: int) -> Any:
    if isinstance(value, Tensor):
        return value.detach().roll(turn, -2) if value.dim() > 1 else value
    if isinstance(value, tuple | list):
        return type(value)(_turned(part, turn) for part in value)
    return value
