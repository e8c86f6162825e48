"""Which steps of the sequences the answers are read from, where there is one answer for each sequence.

Shapes: T steps, B batch, H hidden units.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from lstm_lib.doctor.axes import axis_in_answers
from lstm_lib.doctor.findings import Finding, finding
from lstm_lib.doctor.layers import is_batch_first, is_cell
from lstm_lib.doctor.subject import Called, Subject


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


# ---------------------------------------------------------------- from outside


def ends_unread(subject: Subject) -> list[Finding]:
    """Exchange the last step of the sequences that fill all steps: does no answer change, though one does before it?"""
    inputs, axis = subject.inputs, subject.axis
    if subject.per_step or axis is None or inputs.shape[1 - axis] < 5:
        return []
    before = subject.run().answers
    place = axis_in_answers(before, inputs, axis, per_step=False)
    if place is None:
        return []
    T, rows = inputs.shape[1 - axis], _full(subject)
    if len(rows) == 0:
        return []
    moved = [_moved_at(subject, before.index_select(place, rows), rows, place, step) for step in (T - 1, T - 2, T - 3)]
    if moved[0] or not (moved[1] or moved[2]):
        return []
    last = 1 if moved[1] else 2
    text = f"with the last {'step' if last == 1 else 'two steps'} of {len(rows)} full sequences exchanged no answer"
    text += f" changes, with the step before {'it' if last == 1 else 'them'} some do"
    return [finding("steps-unread", "the network", text)]


def _full(subject: Subject) -> Tensor:
    """Return the numbers of the sequences that have no padding, told or seen: no zeros behind their end."""
    rows = subject.inputs.movedim(subject.axis, 0)
    full = (rows[:, -1] != 0).reshape(len(rows), -1).any(1)
    if subject.lengths is not None and len(subject.lengths) == len(rows):
        full = full & (subject.lengths == rows.shape[1]).to(full.device)
    return torch.nonzero(full).flatten()


def _moved_at(subject: Subject, before: Tensor, rows: Tensor, place: int, step: int) -> bool:
    """Exchange one step of some sequences for what stands elsewhere in them, and say whether their answers move."""
    assert subject.axis is not None
    changed = subject.inputs.clone().movedim(subject.axis, 0)  # (B, T, ...)
    other = subject.inputs.movedim(subject.axis, 0)
    columns = [other[:, step - shift] for shift in (1, 2, 3)]
    words = any(isinstance(part, nn.Embedding | nn.EmbeddingBag) for part in subject.model.modules())
    if not words:  # numbers so large that gates cannot tell them apart are told from none
        columns.append(torch.zeros_like(columns[0]))
    for column in columns:
        changed[rows, step] = column[rows]
        after = subject.run(changed.movedim(0, subject.axis).contiguous()).answers
        if not torch.equal(after.index_select(place, rows), before):
            return True
    return False
