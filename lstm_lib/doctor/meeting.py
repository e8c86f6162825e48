"""Which answer meets which target: what one target moves, and what one sequence moves.

Shapes: T steps, B batch, K classes.
"""

from typing import Any

import torch
from torch import Tensor

from lstm_lib.doctor.findings import Finding, finding
from lstm_lib.doctor.outside import FELT, exchanged, spread
from lstm_lib.doctor.subject import Subject, first_tensor, like

MET = 0.1  # a gradient at the answers moves by this part of the most that any does, or it is not meant
OWN = 0.3  # of the answers that meet the targets of a sequence, so many are its own, or they are others'


def crossed(subject: Subject) -> list[Finding]:
    """Exchange one sequence, and then its targets: are the answers that each of the two moves the same?"""
    targets, axis = subject.targets, subject.axis
    if not subject.can_lose or subject.given_loss is None or axis is None or targets.dim() == 0:
        return []
    place, B = (axis if subject.per_step else 0), subject.inputs.shape[axis]
    if targets.shape[place] != B or B < 4:
        return []
    outputs = subject.run().outputs
    answers = first_tensor(outputs).detach()
    before, shares = asked(subject, outputs, answers, targets), []
    for n in (B // 3, B // 2):
        after = subject.run(exchanged(subject.inputs, axis, n)).answers
        if after.shape != answers.shape:
            return []
        told = (after - answers).abs() > FELT * spread(answers)
        moved = (asked(subject, outputs, answers, _others(targets, place, n)) - before).abs()
        met = moved > MET * moved.max().clamp_min(1e-30)
        if not bool(told.any()) or not bool(met.any()) or max(float(one.double().mean()) for one in (told, met)) > 0.5:
            return []
        shares.append(float((met & told).sum() / min(met.sum(), told.sum())))
    if max(shares) > OWN:
        return []
    text = f"of the answers that meet the targets of sequence {B // 2}, only {shares[-1]:.0%} change where it does:"
    text += f" answers {tuple(answers.shape)} and targets {tuple(targets.shape)} are laid out in different orders"
    return [finding("rows-out-of-order", "the loss", text)]


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
    if not subject.can_lose or subject.given_loss is None or targets.dim() == 0 or targets.numel() < 3:
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
