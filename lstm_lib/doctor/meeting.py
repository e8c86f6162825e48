"""Which answer meets which target: what one target moves, and what one sequence moves.

Shapes: T steps, B batch, K classes.
"""

from typing import Any

import torch
from torch import Tensor

from lstm_lib.doctor.ends import axis_of_classes
from lstm_lib.doctor.findings import Finding, finding
from lstm_lib.doctor.outside import FELT, exchanged, spread
from lstm_lib.doctor.subject import Subject, first_tensor, like

MET = 0.1  # a gradient at the answers moves by this part of the most that any does, or it is not meant
OWN = 0.3  # of the answers that meet the targets of a sequence, so many are its own, or they are others'


def crossed(subject: Subject) -> list[Finding]:
    """Exchange one sequence, and then its targets: does each of the two move the same answers?"""
    targets, axis = subject.targets, subject.axis
    if not subject.can_ask or axis is None or targets.dim() == 0:
        return []
    place, B = (axis if subject.per_step else 0), subject.inputs.shape[axis]
    if targets.shape[place] != B or B < 4:
        return []
    shapes = f"answers {tuple(first_tensor(subject.run().outputs).shape)} and targets {tuple(targets.shape)}"
    pairs = [_shared(subject, exchanged(subject.inputs, axis, n), _others(targets, place, n)) for n in (B // 3, B // 2)]
    if max(pairs) < OWN:
        text = f"of the answers that meet the targets of sequence {B // 2}, only {pairs[-1]:.0%} change where it does:"
        return [finding("rows-out-of-order", "the loss", f"{text} {shapes} are laid out in different orders")]
    return _cut_anew(subject, axis) if subject.per_step and subject.lengths is None else []


def _cut_anew(subject: Subject, axis: int) -> list[Finding]:
    """Exchange the last step of all sequences: it moves the scores of all classes, unless steps and classes mix."""
    before, inputs = subject.run().answers, subject.inputs
    place = axis_of_classes(before, subject.targets)
    if place is None or before.dim() != 3 or inputs.shape[1 - axis] < 5:
        return []
    early, late = inputs.split([inputs.shape[1 - axis] - 1, 1], dim=1 - axis)
    after = subject.run(torch.cat([early, late.roll(1, axis)], dim=1 - axis)).answers
    told = ((after - before).abs() > FELT * spread(before)).movedim(place, -1).flatten(0, -2).any(0)
    count, K = int(told.sum()), len(told)
    if not 0 < count <= max(1, OWN * K):
        return []
    text = f"the last step moves the scores of {count} of {K} classes, as they stand in answers {tuple(before.shape)}:"
    text += " view and reshape mix steps and classes, transpose does not"
    return [finding("shapes-misfit", "the network", text)]


def is_shifted(subject: Subject) -> bool:
    """Say whether the loss itself compares the answer of each step with the target of another step, as of the next."""
    targets, axis = subject.targets, subject.axis
    if not subject.can_ask or axis is None or not subject.per_step:
        return False
    outputs = subject.run().outputs
    answers, T = first_tensor(outputs).detach(), targets.shape[1 - axis]
    if answers.shape[:2] != targets.shape[:2]:
        return False
    try:
        one, two = (asked(subject, outputs, answers, t) for t in (targets, _others(targets, 1 - axis, T // 2)))
    except (RuntimeError, IndexError, ValueError):
        return False  # said elsewhere
    steps = (two - one).abs().movedim(1 - axis, 0).flatten(1).amax(1)
    met = steps > MET * steps.max().clamp_min(1e-30)
    return bool(met.any()) and not bool(met[T // 2])


def _shared(subject: Subject, inputs: Tensor, targets: Tensor) -> float:
    """Return the share of answers that move with some inputs among those that move with some targets, 1 if unclear."""
    outputs = subject.run().outputs
    answers = first_tensor(outputs).detach()
    after = subject.run(inputs).answers
    if after.shape != answers.shape:
        return 1.0
    told = (after - answers).abs() > FELT * spread(answers)
    moved = (asked(subject, outputs, answers, targets) - asked(subject, outputs, answers, subject.targets)).abs()
    met = moved > MET * moved.max().clamp_min(1e-30)
    if not bool(told.any()) or not bool(met.any()) or max(float(one.double().mean()) for one in (told, met)) > 0.5:
        return 1.0
    return float((met & told).sum() / min(met.sum(), told.sum()))


def _others(targets: Tensor, place: int, n: int) -> Tensor:
    """Give sequence n other targets, each of those that there are; what is no class stays."""
    changed = targets.clone()
    row = changed.select(place, n)
    if targets.is_floating_point():
        row += 1 + targets[~targets.isnan()].std()
        return changed
    kinds = targets[targets >= 0].unique()
    there = row >= 0
    row[there] = kinds[(torch.searchsorted(kinds, row[there]) + 1) % len(kinds)]
    return changed


# ---------------------------------------------------------------- one target


def pairing(subject: Subject) -> list[Finding]:
    """Change one target, and see at which answers the gradient of the loss becomes another one."""
    targets = subject.targets
    if not subject.can_ask or targets.dim() == 0 or targets.numel() < 3:
        return []
    outputs = subject.run().outputs
    answers = first_tensor(outputs).detach()
    before = asked(subject, outputs, answers, targets)
    flat = targets.flatten()
    there = torch.nonzero(flat == flat if flat.is_floating_point() else flat >= 0).flatten()
    for n in (int(there[len(there) // 3]), int(there[-2])):
        place = tuple(int(k) for k in torch.unravel_index(torch.tensor(n), targets.shape))
        changed = targets.clone()
        if flat.is_floating_point():  # far on the other side of all answers
            low, high = float(answers.min()), float(answers.max())
            changed[place] = low - 1 if flat[n] > (low + high) / 2 else high + 1
        else:
            others = flat[there][flat[there] != flat[n]]
            if not len(others):
                return []
            changed[place] = others[0]
        moved = (asked(subject, outputs, answers, changed) - before).abs()
        found = _misplaced(moved > 0.5 * moved.max().clamp_min(1e-30), place, targets, answers)
        if found and not _takes_either(subject, outputs, answers):
            return [finding("shapes-misfit", "the loss", found)]
    return []


def _takes_either(subject: Subject, outputs: Any, answers: Tensor) -> bool:
    """Say whether the loss is the same where the answers have the shape of the targets: it brings them to one."""
    targets = subject.targets
    if answers.numel() != targets.numel():
        return False
    try:
        with torch.no_grad():
            one, two = (float(subject.loss(like(outputs, x))) for x in (answers, answers.reshape(targets.shape)))
    except (RuntimeError, IndexError, ValueError):
        return True  # it wants this shape, and knows what to do with it
    return abs(one - two) <= 1e-5 * abs(one)


def asked(subject: Subject, outputs: Any, answers: Tensor, targets: Tensor) -> Tensor:
    """Return the gradient of the loss at the answers."""
    with torch.enable_grad():
        told = answers.clone().requires_grad_()
        (grad,) = torch.autograd.grad(subject.loss(like(outputs, told), targets), told)
    return grad


def _misplaced(moved: Tensor, place: tuple[int, ...], targets: Tensor, answers: Tensor) -> str:
    """Say what is wrong with the answers that one target moves, or nothing."""
    shapes = f"answers {tuple(answers.shape)}, targets {tuple(targets.shape)}"
    alike = [n for n in answers.shape if n > 1] == [n for n in targets.shape if n > 1]
    if alike and answers.shape != targets.shape and int(moved.sum()) >= max(4, 0.9 * moved.numel() ** 0.5):
        return f"{shapes}: each target meets {int(moved.sum())} of {moved.numel()} answers, not its own alone"
    turned = targets.dim() == 2 and answers.shape[:2] == (targets.shape[1], targets.shape[0])
    if turned and targets.shape[0] != targets.shape[1]:
        rows = torch.nonzero(moved.flatten(2).any(-1) if moved.dim() > 2 else moved)
        if len(rows) == 1 and tuple(rows[0].tolist()) != place[::-1]:
            here = tuple(rows[0].tolist())
            return f"{shapes}: the target at {place} meets the answer at {here}, and not that at {place[::-1]}"
    return ""
