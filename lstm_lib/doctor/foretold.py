"""Answers that stand in the question: in its steps, in its features, in what a decoder is fed.

Shapes: T steps, B batch.
"""

import torch
from torch import Tensor

from lstm_lib.doctor.axes import axis_in_answers
from lstm_lib.doctor.findings import Finding, finding
from lstm_lib.doctor.layers import is_batch_first
from lstm_lib.doctor.meeting import is_shifted
from lstm_lib.doctor.outside import FELT, spread
from lstm_lib.doctor.subject import Subject

ALL = 0.99  # of the targets; a few may be marked as padding
SAME = 1e-7  # the share of their variance that rounding leaves of numbers in two units
SELF = "the targets are the inputs themselves, not what follows them"
MOST = 32  # features that are looked at


def foretold(rows: Tensor, subject: Subject) -> list[Finding]:
    """Find targets that stand in the inputs: at a step before, at the last step, or at a later step that is seen."""
    targets = subject.targets
    if targets is None or not isinstance(targets, Tensor) or rows.shape[1] < 4:
        return []
    if not subject.per_step:
        return _at_the_end(rows, targets)
    wanted = targets.transpose(0, 1) if subject.axis == 1 else targets
    columns = rows[..., None] if rows.dim() == 2 else rows
    wanted = wanted if wanted.dim() > 2 else wanted[..., None]
    if columns.is_floating_point() != wanted.is_floating_point() or wanted.shape[-1] > columns.shape[-1]:
        return []
    known = wanted == wanted if wanted.is_floating_point() else wanted >= 0
    width = wanted.shape[-1]
    for first in range(min(columns.shape[-1] - width + 1, MOST)):
        told = columns[..., first : first + width]
        which = f"feature {first}" if columns.shape[-1] > width else "the input"
        if found := _in_time(told, wanted, known, which, subject):
            return found
    return []


def _in_time(told: Tensor, wanted: Tensor, known: Tensor, which: str, subject: Subject) -> list[Finding]:
    """Say whether the targets stand in some features: at their own step, the one before, or the next one."""
    own = _alike(told, wanted, known)
    if which == "the input" and own >= ALL:
        return _of_the_same(subject)
    if own > 0.9:
        if which == "the input":
            return []
        text = f"the target of each step is {which} of the same step"
        return [finding("sees-the-answer", "the data", text)]
    if _alike(told[:, :-1], wanted[:, 1:], known[:, 1:]) >= ALL and subject.longest_lag is None:
        text = f"the target of each step is {which} of the step before it"
        return [finding("sees-the-answer", "the data", text)]
    if _alike(told[:, 1:], wanted[:, :-1], known[:, :-1]) < ALL:
        return []
    moved = _ahead(subject)
    if moved < FELT:
        return []
    text = f"the target of each step is {which} of the next one, and the answer knows it: with later steps exchanged,"
    return [finding("sees-the-answer", "the network", f"{text} it changes by up to {moved:.2g} of the answers' spread")]


def _of_the_same(subject: Subject) -> list[Finding]:
    """Judge targets that are the inputs."""
    if not says_again(subject):
        return [finding("sees-the-answer", "the data", SELF)]
    if not _reads_ahead(subject) or (moved := _ahead(subject)) < FELT:
        return []
    text = "the loss asks for the next step of the input, and the answer knows it: with later steps exchanged,"
    return [finding("sees-the-answer", "the network", f"{text} it changes by up to {moved:.2g} of the answers' spread")]


def _reads_ahead(subject: Subject) -> bool:
    """Say whether the last LSTM reads from both ends."""
    calls = subject.run().calls
    return bool(calls) and bool(getattr(subject.lstms[calls[-1].name], "bidirectional", False))


def says_again(subject: Subject) -> bool:
    """Say whether targets may be the inputs: where the loss moves them by a step, or a state has read them all before.

    Autoencoders do the latter; many language models are given their labels in the former way.
    """
    if is_shifted(subject):
        return True
    return _ahead(subject) > FELT and not _reads_ahead(subject)


def _alike(one: Tensor, two: Tensor, known: Tensor) -> float:
    return float((one == two)[known].double().mean()) if bool(known.any()) else 0.0


def _at_the_end(rows: Tensor, targets: Tensor) -> list[Finding]:
    """Find a number that is asked for at the last step of its own window."""
    if rows.dim() != 3 or not rows.is_floating_point() or not targets.is_floating_point():
        return []
    if targets.numel() != len(rows) or bool((targets == targets.flatten()[0]).all()):
        return []
    wanted = targets.reshape(len(rows), 1)
    if bool((rows[:, -1] == wanted).all(0).any()):
        text = "the number that is asked for is the last one of the inputs, in every sequence"
        return [finding("sees-the-answer", "the data", text)]
    for feature in range(min(rows.shape[-1], MOST)):
        if (units := _units(rows[:, -1, feature].double(), wanted[:, 0].double())) is not None:
            text = f"the number that is asked for is {units[0]:.4g} times the last one of the inputs, and"
            return [finding("sees-the-answer", "the data", f"{text} {units[1]:.4g} more, in every sequence")]
    return []


def _units(told: Tensor, wanted: Tensor) -> tuple[float, float] | None:
    """Find a, b with wanted = a · told + b, where that is a change of units, and more than a step of one size."""
    if len(told) < 8 or float(told.std()) == 0 or not bool(wanted.isfinite().all()):
        return None
    a = float(((told - told.mean()) * (wanted - wanted.mean())).sum() / ((told - told.mean()) ** 2).sum())
    b = float(wanted.mean()) - a * float(told.mean())
    error = float(((a * told + b - wanted) ** 2).mean() / wanted.var())
    return (a, b) if error < SAME and abs(a - 1) > 1e-3 else None


def _ahead(subject: Subject) -> float:
    """Exchange the second half of all sequences; return how far the answers just before it move, in their spread."""
    inputs, axis = subject.inputs, subject.axis
    if axis is None:
        return 0.0
    before = subject.run()
    place = axis_in_answers(before.answers, inputs, axis, per_step=True)
    if place is None or before.answers.dim() < 2:
        return 0.0
    T = inputs.shape[1 - axis]
    if before.answers.shape[1 - place] != T:
        return 0.0
    half = T // 2
    first, second = inputs.split([half, T - half], dim=1 - axis)
    other = torch.cat([first, second.roll(1, axis)], dim=1 - axis)
    after = subject.run(other)
    moved = (after.answers - before.answers).select(1 - place, half - 1).abs().max()
    return float(moved) / spread(before.answers)


# ---------------------------------------------------------------- what a decoder is fed


def fed(subject: Subject) -> list[Finding]:
    """Of inputs in several parts, find one that holds the target of a step, and is read before it is foretold."""
    inputs, targets = subject.inputs, subject.targets
    if not isinstance(inputs, tuple | list) or not isinstance(targets, Tensor) or targets.dim() < 2:
        return []
    before = subject.run()
    time = 1 if before.calls and is_batch_first(subject.lstms[before.calls[-1].name]) else 0
    T, known = targets.shape[time], targets == targets if targets.is_floating_point() else targets >= 0
    if before.answers.shape[:2] != targets.shape[:2] or T < 3:
        return []
    for n, part in enumerate(inputs):
        if not isinstance(part, Tensor) or part.shape != targets.shape:
            continue
        for ahead in (0, 1):  # the target stands at its own step, or at the next one
            wanted, asked = (one.narrow(time, 0, T - ahead) for one in (targets, known))
            if _alike(part.narrow(time, ahead, T - ahead), wanted, asked) < ALL:
                continue
            own, earlier = _moved_by(subject, n, time, T // 2 + ahead, T // 2)
            if own > FELT and (ahead or earlier < FELT):
                text = f"part {n + 1} of the inputs holds the target of each step at {'the next' if ahead else 'that'}"
                text += f" step, and the answer knows it: with that step exchanged, it changes by up to {own:.2g}"
                return [finding("sees-the-answer", "the data", f"{text} of the answers' spread")]
    return []


def _moved_by(subject: Subject, n: int, time: int, step: int, at: int) -> tuple[float, float]:
    """Exchange one step of part n between sequences; return how far the answers at a step move, and those before it."""
    parts = list(subject.inputs)
    other = parts[n].clone().movedim(time, 0)
    other[step] = other[step].roll(1, 0)
    parts[n] = other.movedim(0, time).contiguous()
    kind = type(subject.inputs)
    whole = kind._make(parts) if hasattr(kind, "_make") else kind(parts)
    before, after = subject.run().answers, subject.run(whole).answers
    moved = (after - before).abs().movedim(time, 0) / spread(before)
    return float(moved[at].max()), float(moved[:at].max())
