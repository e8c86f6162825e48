"""What the data say: numbers that are none, padding in front, inputs all the same, answers in the question.

Shapes: T steps, B batch.
"""

from typing import Any

import torch
from torch import Tensor

from lstm_lib.doctor.axes import axis_in_answers
from lstm_lib.doctor.findings import Finding, finding
from lstm_lib.doctor.learning import CHANCE, Skill
from lstm_lib.doctor.outside import FELT, spread
from lstm_lib.doctor.subject import Subject

ALL = 0.99  # of the targets; a few may be marked as padding


def not_finite(subject: Subject) -> dict[str, str]:
    """Say of parameters and inputs how many NaN and inf they hold, if any; buffers may hold them, such as masks."""
    named: list[tuple[str, Any]] = [*subject.model.named_parameters()]
    named += [(what, part) for what, part in (("the inputs", subject.inputs), ("the targets", subject.targets))]
    wrong = {}
    for name, tensor in named:
        if isinstance(tensor, Tensor) and tensor.is_floating_point() and (count := int((~tensor.isfinite()).sum())):
            wrong[name] = f"({count:,} of {tensor.numel():,})"
    return wrong


def findings_in_data(subject: Subject, found: Skill | None) -> list[Finding]:
    """Look at inputs and targets side by side."""
    inputs, axis = subject.inputs, subject.axis
    if not isinstance(inputs, Tensor) or axis is None:
        return []
    rows = inputs.transpose(0, 1) if axis == 1 else inputs  # (B, T, ...)
    told = _in_front(rows, subject.lengths) + _all_alike(rows, subject)
    return told + _foretold(rows, subject) + _scale(subject, found)


def _in_front(rows: Tensor, lengths: Tensor | None) -> list[Finding]:
    """Find short sequences that begin with as many equal steps as they lack, and do not end with them."""
    if lengths is None or len(lengths) != len(rows):
        return []
    T, count, seen = rows.shape[1], 0, 0
    for row, n in zip(rows, lengths.tolist(), strict=True):
        if 0 < n < T:
            front, behind = row[: T - n], row[n:]
            seen += 1
            count += bool((front == front[0]).all()) and not bool((behind == front[0]).all())
    if seen < 2 or count < seen or len(torch.stack([row[0] for row in rows[lengths < T]]).unique(dim=0)) > 1:
        return []
    text = f"all {count} sequences that are shorter than {T} steps begin with the same step, as often as they lack"
    return [finding("padding-in-front", "the data", f"{text} steps, and end with others")]


def _all_alike(rows: Tensor, subject: Subject) -> list[Finding]:
    """Find inputs that are the same for all sequences, though their targets are not."""
    targets, axis = subject.targets, subject.axis
    if targets is None or len(rows) < 3:
        return []
    valid = torch.ones(rows.shape[:2], dtype=torch.bool, device=rows.device)
    if subject.lengths is not None and len(subject.lengths) == len(rows):
        valid = (torch.arange(rows.shape[1]) < subject.lengths[:, None]).to(rows.device)
    longest = rows[int(valid.sum(1).argmax())]
    same = (rows == longest).flatten(2).all(-1) if rows.dim() > 2 else rows == longest
    wanted = targets.movedim(1, 0) if subject.per_step and axis == 1 else targets
    if not bool((same | ~valid).all()) or bool((wanted == wanted[:1]).all()):
        return []
    text = f"all {len(rows)} sequences are the same, as far as they go, and their targets are not"
    return [finding("inputs-say-nothing", "the data", text)]


def _scale(subject: Subject, found: Skill | None) -> list[Finding]:
    """Find targets that are far larger than what the network says."""
    targets = subject.targets
    if found is None or found.share > CHANCE or not targets.is_floating_point():
        return []
    answers = subject.run().answers
    if answers.numel() != targets.numel():
        return []
    wanted, said = (float(part[~part.isnan()].double().square().mean().sqrt()) for part in (targets, answers))
    if wanted < 10 or said > 0.5 * wanted:
        return []
    inputs = subject.inputs.double().square().mean().sqrt() if subject.inputs.is_floating_point() else 0.0
    text = f"the targets are of size {wanted:.3g} (root of the mean square), the answers of {said:.3g}"
    return [finding("targets-not-scaled", "the data", text, severity=0.78 if inputs > 10 else None)]


# ---------------------------------------------------------------- answers in the question


def _foretold(rows: Tensor, subject: Subject) -> list[Finding]:
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
    columns = columns[..., : wanted.shape[-1]]
    known = wanted == wanted if wanted.is_floating_point() else wanted >= 0
    here = _alike(columns, wanted, known)
    if here > 0.9:
        return []  # said elsewhere: the targets are the inputs
    if _alike(columns[:, :-1], wanted[:, 1:], known[:, 1:]) >= ALL and subject.longest_lag is None:
        return [finding("sees-the-answer", "the data", "the target of each step is the input of the step before it")]
    if _alike(columns[:, 1:], wanted[:, :-1], known[:, :-1]) < ALL:
        return []
    moved = _ahead(subject)
    if moved < FELT:
        return []
    text = "the target of each step is the input of the next one, and the answer knows it: with later steps exchanged,"
    return [finding("sees-the-answer", "the network", f"{text} it changes by up to {moved:.2g} of the answers' spread")]


def _alike(one: Tensor, two: Tensor, known: Tensor) -> float:
    return float((one == two)[known].double().mean()) if bool(known.any()) else 0.0


def _at_the_end(rows: Tensor, targets: Tensor) -> list[Finding]:
    """Find a number that is asked for at the last step of its own window."""
    if rows.dim() != 3 or not rows.is_floating_point() or not targets.is_floating_point():
        return []
    if targets.numel() != len(rows) or bool((targets == targets.flatten()[0]).all()):
        return []
    last = rows[:, -1]
    if bool((last == targets.reshape(len(rows), 1)).all(0).any()):
        text = "the number that is asked for is the last one of the inputs, in every sequence"
        return [finding("sees-the-answer", "the data", text)]
    return []


def _ahead(subject: Subject) -> float:
    """Exchange the second half of all sequences; return how far the answers just before it move, in their spread."""
    inputs, axis = subject.inputs, subject.axis
    assert axis is not None
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
