"""Do answers and loss fit: their shapes, what the loss asks for, and what a squashed answer can say at most?

Shapes: T steps, B batch, K classes.
"""

import math
import re
from typing import Any

import torch
from torch import Tensor, nn

from lstm_lib.doctor.ends import End, axis_of_classes, chosen, end_of, is_linear, is_one
from lstm_lib.doctor.findings import Finding, finding
from lstm_lib.doctor.learning import Skill
from lstm_lib.doctor.meeting import asked
from lstm_lib.doctor.subject import Subject, first_tensor, like

FLOOR = 0.2  # of the loss of guessing: what is left for the best answers that can be said
SHAPES = re.compile(r"size|shape|dimension|features|input_size|-D\b", re.IGNORECASE)


def network_refuses(subject: Subject, error: Exception) -> list[Finding]:
    """Say of an error of the network itself that its inputs do not fit, if it speaks of shapes."""
    said = " ".join(str(error).split())[:160]
    if not isinstance(subject.inputs, Tensor):
        return []
    if isinstance(error, IndexError) and "out of range" in said and not subject.inputs.is_floating_point():
        words = [part.num_embeddings for part in subject.model.modules() if isinstance(part, nn.Embedding)]
        said += f"; the numbers go up to {int(subject.inputs.max())}, embeddings have {words} rows"
    elif not SHAPES.search(said):
        return []
    text = f"it does not take inputs {tuple(subject.inputs.shape)} of {_kind(subject.inputs)} ({said})"
    return [finding("shapes-misfit", "the network", text)]


def refused(subject: Subject, error: Exception) -> list[Finding]:
    """Say of an error of the loss what does not fit, as far as shapes and class numbers tell."""
    if isinstance(error, TypeError) or not subject.has_one_target:
        return []
    answers, targets = subject.run().answers, subject.targets
    shapes = f"answers {tuple(answers.shape)} and targets {tuple(targets.shape)} of {_kind(targets)}"
    said = " ".join(str(error).split())[:160]
    if "out of bounds" in said:
        low, high = int(targets.min()), int(targets.max())
        text = f"the targets are numbers from {low} to {high}, the answers {tuple(answers.shape)}: {said}"
        return [finding("targets-out-of-range", "the data", text)]
    return [finding("shapes-misfit", "the loss", f"it does not take {shapes} ({said})")]


def _kind(targets: Tensor) -> str:
    return str(targets.dtype).removeprefix("torch.")


# ---------------------------------------------------------------- what the loss asks for


def asks(subject: Subject) -> list[Finding]:
    """See where the loss has a gradient at the answers: behind the end of a sequence, and at each class?"""
    targets, lengths, axis = subject.targets, subject.lengths, subject.axis
    if not subject.can_ask:
        return []
    outputs = subject.run().outputs
    answers = first_tensor(outputs).detach()
    if answers.shape[: targets.dim()] != targets.shape:
        return []
    try:
        weak = 0.1 * torch.randn(answers.shape, generator=torch.Generator().manual_seed(0)).to(answers)
        grad = asked(subject, outputs, weak, targets)  # where it is unsure, no gradient is rounded to 0
    except RuntimeError:
        grad = asked(subject, outputs, answers, targets)  # BCELoss takes probabilities alone
    size = grad.abs().flatten(targets.dim()).sum(-1) if grad.dim() > targets.dim() else grad.abs()
    valid = torch.ones_like(size, dtype=torch.bool)
    if subject.per_step and lengths is not None and axis is not None and targets.dim() > 1:
        steps = torch.arange(targets.shape[1 - axis])
        valid = steps < lengths[:, None] if axis == 0 else steps[:, None] < lengths
        valid = valid.reshape(*valid.shape, *[1] * (size.dim() - 2)).expand(size.shape).to(size.device)
        if bool(size[~valid].any()):
            share = float(size[~valid].sum() / size.sum())
            text = f"{share:.0%} of its gradient at the answers comes from steps behind the end of their sequences"
            return [finding("padding-in-loss", "the loss", text)]
    return _left_out(size, valid, targets, axis)


def _left_out(size: Tensor, valid: Tensor, targets: Tensor, axis: int | None) -> list[Finding]:
    """Find a class that is there and never asked for, unless it stands at the ends of sequences only."""
    if targets.is_floating_point() or not bool(size.any()):
        return []
    for kind in targets[valid & (targets >= 0)].unique().tolist():
        here = (targets == kind) & valid
        if bool(size[here].any()):
            continue
        if targets.dim() > 1 and axis is not None:
            rows = here if axis == 0 else here.transpose(0, 1)
            front = (rows.cummin(1).values | rows.flip(1).cummin(1).values.flip(1)) == rows
            if bool(front.all()):
                continue  # padding
        text = f"the loss has no gradient at any of the {int(here.sum())} answers whose target is {kind}"
        return [finding("class-ignored", "the loss", text)]
    return []


# ---------------------------------------------------------------- what the answers can say


def squashed(subject: Subject, found: Skill | None) -> list[Finding]:
    """Give the loss the best answers that the last function of the network can say: how much of it is left?"""
    if not subject.can_ask:
        return []
    ran = subject.run(grad=True)
    answers, targets = ran.answers.detach(), subject.targets
    classes = not targets.is_floating_point()
    yes_or_no = bool(((targets == 0) | (targets == 1)).all())
    place = axis_of_classes(answers, targets) if classes else None
    shared = not classes and targets.shape == answers.shape and targets.dim() > 1 and is_one(targets.sum(-1))
    kinds = answers.dim() - 1 if shared else place  # the axis of the classes, where targets are probabilities too
    if kinds is not None and _wants_logs(subject, ran.outputs, answers):
        off = float(answers.logsumexp(kinds).abs().max())
        if off > 1e-3:
            text = "NLLLoss and KLDivLoss expect log-probabilities, and the answers to a question are none:"
            text += f" log Σ exp of them is up to {off:.2g} from 0"
            return [finding("answers-misfit", "the loss", text)]
        return []
    end = end_of(ran.answers)
    if end is None and is_linear(ran.answers) and _takes_probabilities(subject, ran.outputs, answers):
        text = "it takes numbers from 0 to 1, as BCELoss does, and refuses others; the answers come from a linear layer"
        return [finding("answers-misfit", "the loss", f"{text}, which may say any number")]
    if end is None or end.name == "LogSoftmax" or found is None:
        return []
    best = _best(answers, targets, end, place)
    if best is None:
        return []
    with torch.no_grad():
        floor = float(subject.loss(like(ran.outputs, best)))
        beyond = _beyond(subject, ran.outputs, best, targets, classes or yes_or_no)
    least = FLOOR * abs(found.guessing)
    if not floor > least or not floor - beyond > least:
        return []
    text = f"the answers come from a {end.name.lower()}; the best that it can say has a loss of {floor:.4g}"
    text += f", beyond its range there is {beyond:.4g}, and guessing has {found.guessing:.4g}"
    return [finding("answers-misfit", "the loss", text)]


def _best(answers: Tensor, targets: Tensor, end: End, place: int | None) -> Tensor | None:
    """Return the best answers between two numbers, in the shape of the answers."""
    high = min(end.high, 30.0)
    if place is not None:
        return end.low + (high - end.low) * chosen(answers, targets, place)
    if targets.numel() != answers.numel():
        return None
    return targets.reshape(answers.shape).to(answers).clamp(end.low, end.high)


def _beyond(subject: Subject, outputs: Any, best: Tensor, targets: Tensor, classes: bool) -> float:
    """Return the lowest loss that answers of any size have, as far as the loss takes them."""
    tried = [targets.reshape(best.shape).to(best)] if targets.numel() == best.numel() else []
    if classes:
        tried += [size * (2 * best - 1) for size in (3.0, 10.0, 30.0)]
    losses = []
    for answers in tried:
        try:
            losses.append(float(subject.loss(like(outputs, answers))))
        except RuntimeError:
            return math.inf  # it takes what lies in the range alone
    return min(losses, default=math.inf)


def _takes_probabilities(subject: Subject, outputs: Any, answers: Tensor) -> bool:
    """Say whether the loss takes answers of a half, and refuses those of 2 and of -1."""
    taken = []
    for number in (0.5, 2.0, -1.0):
        try:
            with torch.no_grad():
                subject.loss(like(outputs, torch.full_like(answers, number)))
            taken.append(True)
        except RuntimeError:
            taken.append(False)
    return taken == [True, False, False]


def _wants_logs(subject: Subject, outputs: Any, answers: Tensor) -> bool:
    """Say whether the loss is that of log-probabilities: a sum of answers, each of which makes it smaller."""
    told = torch.randn(answers.shape, generator=torch.Generator().manual_seed(0)).to(answers)
    try:
        with torch.no_grad():
            none, one, two, more = (float(subject.loss(like(outputs, x))) for x in (0 * told, told, 2 * told, told + 1))
    except RuntimeError:
        return False
    size = max(1.0, abs(one))
    return abs(two - 2 * one + none) < 1e-4 * size and more < one - 1e-3
