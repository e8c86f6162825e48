"""Does it answer better than guessing, and does its forecast say more than the last value?

Shapes: T steps, B batch, K classes.
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lstm_lib.doctor.ends import SQUASH, axis_of_classes, end_of
from lstm_lib.doctor.findings import Finding, finding
from lstm_lib.doctor.foretold import SELF, says_again
from lstm_lib.doctor.subject import Subject, first_tensor, like

WORKS = 0.3  # the loss is below guessing by this share
MOST_FEATURES = 32  # that a forecast may repeat
CHANCE = 0.15  # below this share, it guesses


class Skill(NamedTuple):
    """The loss, that of the best answer that is the same for every question, and how far below it the loss is."""

    loss: float
    guessing: float
    share: float  # 1: no loss is left; 0: as good as guessing


def skill(subject: Subject) -> Skill | None:
    """Measure the loss, and look for the best constant answer by descent; None without targets."""
    if not subject.has_one_target:
        return None
    ran = subject.run(grad=True)
    end = end_of(ran.answers)
    with torch.no_grad():
        loss = float(subject.loss(ran.outputs))
    guessing = best_guess(subject, ran.outputs, end.name if end else "")
    if abs(guessing) < 1e-6:
        return None  # there is nothing to be known
    share = (guessing - loss) / abs(guessing)
    return Skill(loss, guessing, share if math.isfinite(share) else -1.0)


def best_guess(subject: Subject, outputs: Any, end: str = "") -> float:
    """Find the loss of the best answer that does not look at the question.

    Args:
        subject: The network, for its loss and its targets.
        outputs: What the network returned.
        end: Its last function; where that makes log-probabilities or probabilities, the best answer is one, too.
    """
    answers, targets = first_tensor(outputs).detach(), subject.targets
    place = axis_of_classes(answers, targets)
    if place is None:
        is_plain = answers.dim() < 2 or (subject.per_step and answers.dim() == 2)  # no axis of classes or features
        place = answers.dim() if is_plain else answers.dim() - 1
    rows = answers.movedim(place, -1) if place < answers.dim() else answers[..., None]
    start = rows.reshape(-1, rows.shape[-1]).float().mean(0)
    if targets.is_floating_point():
        start = torch.full_like(start, float(targets[~targets.isnan()].float().mean()))
    shape = [-1 if axis == place else 1 for axis in range(answers.dim())] if place < answers.dim() else [1]
    squash = SQUASH[end] if end in ("LogSoftmax", "Softmax", "Sigmoid") else lambda x: x
    start = start.clamp(0.01, 0.99).logit() if end == "Sigmoid" else start
    start = start.clamp_min(0.01).log() if end == "Softmax" else start

    def loss_of(constant: Tensor) -> Tensor:
        told = squash(constant).to(answers.dtype).reshape(shape).expand(answers.shape)
        return subject.loss(like(outputs, told))

    with torch.enable_grad():
        constant = start.clone().requires_grad_()
        optimizer = torch.optim.LBFGS([constant], lr=0.5, max_iter=60, line_search_fn="strong_wolfe")

        def closure() -> Tensor:
            loss = loss_of(constant)
            (constant.grad,) = torch.autograd.grad(loss, constant)  # a loss may know the network: leave its .grad alone
            return loss

        optimizer.step(closure)
        with torch.no_grad():
            return float(loss_of(constant))


def findings_in_loss(subject: Subject, found: Skill | None) -> list[Finding]:
    """Judge the loss against that of guessing; without targets, whether the answers depend on the question at all."""
    if found is not None:
        if found.share < CHANCE:
            text = f"the loss is {found.loss:.4g}; the best answer that is the same to all has {found.guessing:.4g}"
            return [finding("loss-at-chance", "the network", text)]
        return []
    if subject.axis is None:
        return []
    answers = subject.run().answers.double()
    if answers.dim() > 1 and float(answers.std(0).max()) < 1e-6 * float(answers.abs().max().clamp_min(1e-12)):
        return [finding("loss-at-chance", "the network", "the answers to all sequences are equal")]
    return []


# ---------------------------------------------------------------- echo


def echo(subject: Subject) -> list[Finding]:
    """Compare a forecast with the last value that it was told, and both with what came."""
    inputs, targets = subject.inputs, subject.targets
    if not isinstance(inputs, Tensor) or not isinstance(targets, Tensor):
        return []
    if not inputs.is_floating_point():
        return _echo_of_tokens(subject)
    if inputs.dim() != 3:
        return []
    if not targets.is_floating_point() or subject.axis is None:
        return []
    with torch.no_grad():
        answers = subject.run().answers
    if answers.numel() != targets.numel():
        return []
    answers, targets = answers.reshape(targets.shape).double(), targets.double()
    per_step = targets.shape[:2] == inputs.shape[:2]
    if per_step and inputs.shape == targets.shape and torch.equal(inputs.to(targets), targets):
        return [] if says_again(subject) else [finding("echoes-input", "the data", SELF)]
    for last in _last_values(inputs.double(), targets, subject.axis, per_step=per_step):
        to_last, to_next = _error(answers, last), _error(answers, targets)
        persistence, spread = _error(last, targets), float(targets.var())
        if persistence < 0.5 * spread and to_next > 0.8 * persistence and to_last < 0.5 * to_next:
            text = f"its mean squared distance to the last value is {to_last:.3g}, to the value that comes"
            text += f" {to_next:.3g}; persistence has {persistence:.3g}"
            return [finding("echoes-input", "the network", text)]
    return []


def _last_values(inputs: Tensor, targets: Tensor, axis: int, *, per_step: bool) -> list[Tensor]:
    """Return what stays if nothing changes, in the shape of the targets: each feature alone, and all features."""
    last = inputs if per_step else inputs.select(1 - axis, -1)  # (..., D)
    found = [last.reshape(targets.shape)] if last.numel() == targets.numel() else []
    for feature in last[..., :MOST_FEATURES].unbind(-1):
        if feature.numel() == targets.numel():
            found.append(feature.reshape(targets.shape))
        elif feature.shape == targets.shape[:-1]:  # several steps ahead
            found.append(feature[..., None].expand(targets.shape))
    return found


def _echo_of_tokens(subject: Subject) -> list[Finding]:
    """Compare the tokens that are forecast with those that were told."""
    inputs, targets = subject.inputs, subject.targets
    if targets.is_floating_point() or inputs.shape != targets.shape:
        return []
    with torch.no_grad():
        answers = subject.run().answers
    if answers.dim() != inputs.dim() + 1:
        return []
    says = answers.argmax(-1)
    asked = targets >= 0
    repeats = float((says == inputs)[asked].double().mean())
    natural = float((targets == inputs)[asked].double().mean())
    if repeats < 0.9 or (natural < 0.99 and natural > 0.8) or (natural >= 0.99 and says_again(subject)):
        return []
    text = f"{repeats:.0%} of its answers are the token that was told; {natural:.0%} of the targets are"
    return [finding("echoes-input", "the network", text)]


def _error(a: Tensor, b: Tensor) -> float:
    return float(((a - b) ** 2).mean())
