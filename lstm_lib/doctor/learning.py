"""Does it answer better than guessing, does its update fit, does its forecast say more than the last value?

Shapes: T steps, B batch, K classes.
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lstm_lib.doctor.findings import Finding, finding
from lstm_lib.doctor.subject import Subject, first_tensor, like

WORKS = 0.3  # the loss is below guessing by this share
CHANCE = 0.15  # below this share, it guesses
UPDATES = 8  # on this batch, with a copy of network and optimiser
TOO_FAR, TOO_NEAR = 0.4, 1.5e-4  # length of the first update in parts of the weights


class Skill(NamedTuple):
    """The loss, that of the best answer that is the same for every question, and how far below it the loss is."""

    loss: float
    guessing: float
    share: float  # 1: no loss is left; 0: as good as guessing


def skill(subject: Subject) -> Skill | None:
    """Measure the loss, and look for the best constant answer by descent; None without targets."""
    if not subject.can_lose:
        return None
    with torch.no_grad():
        outputs = subject.run().outputs
        loss = float(subject.loss(outputs))
    guessing = best_guess(subject, outputs)
    if abs(guessing) < 1e-6:
        return None  # there is nothing to be known
    share = (guessing - loss) / abs(guessing)
    return Skill(loss, guessing, share if math.isfinite(share) else -1.0)


def best_guess(subject: Subject, outputs: Any) -> float:
    """Find the loss of the best answer that does not look at the question."""
    answers = first_tensor(outputs).detach()
    targets = subject.targets
    with torch.enable_grad():
        is_plain = answers.dim() < 2 or (subject.per_step and answers.dim() == 2)  # no axis of classes or features
        lead = answers.dim() if is_plain else answers.dim() - 1
        start = answers.reshape(-1, *answers.shape[lead:]).float().mean(0)
        if targets.is_floating_point():
            known = targets[~targets.isnan()]
            start = torch.full_like(start, float(known.float().mean()))
        constant = start.clone().requires_grad_()
        optimizer = torch.optim.LBFGS([constant], lr=0.5, max_iter=60, line_search_fn="strong_wolfe")

        def closure() -> Tensor:
            told = like(outputs, constant.to(answers.dtype).expand(answers.shape))
            loss = subject.loss(told)
            (constant.grad,) = torch.autograd.grad(loss, constant)  # a loss may know the network: leave its .grad alone
            return loss

        optimizer.step(closure)
        with torch.no_grad():
            return float(subject.loss(like(outputs, constant.to(answers.dtype).expand(answers.shape))))


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


# ---------------------------------------------------------------- the learning rate


class Trial(NamedTuple):
    """Some updates on one batch: the losses, and how long the first update was, in parts of the LSTMs' weights."""

    losses: list[float]
    step: float


def trial(subject: Subject, factor: float) -> Trial:
    """Take some updates with a copy, at the rate times a factor."""
    twin = subject.twin()
    weights = [p for lstm in twin.lstms.values() for p in lstm.parameters()]
    for group in twin.optimizer.param_groups:
        group["lr"] = group["lr"] * factor
    old = [p.detach().clone() for p in weights]
    losses, step = [], 0.0
    for n in range(UPDATES + 1):
        outputs = twin.run(grad=True).outputs
        loss = twin.loss(outputs)
        losses.append(float(loss))
        if n == UPDATES or not math.isfinite(losses[-1]):
            break
        used = [p for p in twin.model.parameters() if p.requires_grad]
        grads = torch.autograd.grad(loss, used, allow_unused=True)
        for parameter, grad in zip(used, grads, strict=True):
            parameter.grad = grad
        twin.optimizer.step()
        if n == 0:
            moved = math.sqrt(sum(float((p.detach() - q).norm() ** 2) for p, q in zip(weights, old, strict=True)))
            step = moved / math.sqrt(sum(float(q.norm() ** 2) for q in old))
    return Trial(losses, step)


def rate(subject: Subject, found: Skill | None) -> tuple[list[Finding], dict[str, float]]:
    """Try the optimiser on a copy: at its rate, and at a hundredth or a hundred times of it."""
    if found is None or subject.optimizer is None or not subject.lstms:
        return [], {}
    lr = float(subject.optimizer.param_groups[0]["lr"])
    here = trial(subject, 1.0)
    numbers = {"lr": lr, "first update": here.step, "loss before": here.losses[0], "loss after": here.losses[-1]}
    end, start = here.losses[-1], here.losses[0]
    scale = _drawn_scale(subject)
    bold = max(here.step, _per_weight(subject, lr) / scale)
    leaps = not end < start + 0.3 * abs(found.guessing)
    if leaps or (bold > TOO_FAR and not (math.isfinite(end) and found.share > WORKS and end < 1.2 * start)):
        calm = trial(subject, 0.01)
        text = f"at {lr:g}, {UPDATES} updates on this batch bring the loss from {start:.3g} to {end:.3g}"
        text += f", at a hundredth to {calm.losses[-1]:.3g}; one update moves the weights by {bold:.2g} of their start"
        if not end < calm.losses[-1] or (bold > 2 * TOO_FAR and not leaps):
            return [finding("learning-rate", "the optimiser", f"far too high: {text}")], numbers
    if found.share < 2 * WORKS and here.step == 0:
        text = f"the optimiser moves no weight of the LSTMs (its rate is {lr:g}): are they among its parameters?"
        return [finding("learning-rate", "the optimiser", text)], numbers
    if found.share < WORKS and here.step < TOO_NEAR and start - end < 0.01 * abs(start):
        brisk = trial(subject, 100.0)
        gain, more = start - end, start - brisk.losses[-1]
        if more > 10 * max(gain, 0) and more > 0:
            text = f"at {lr:g}, one update moves the weights by {here.step:.1g} of their length"
            text += f", and {UPDATES} updates on this batch bring the loss from {start:.4g} to {end:.4g}"
            text += f"; at a hundred times, to {brisk.losses[-1]:.4g}"
            return [finding("learning-rate", "the optimiser", f"far too low: {text}")], numbers
    return [], numbers


def _drawn_scale(subject: Subject) -> float:
    """Return the size of weights as torch draws them, 1/√H."""
    return min(1 / math.sqrt(lstm.hidden_size) for lstm in subject.lstms.values())


def _per_weight(subject: Subject, lr: float) -> float:
    """Return how far one update moves one weight where the optimiser divides by the gradient's size: its rate."""
    name = type(subject.optimizer).__name__.lower()
    return lr if "adam" in name or "rmsprop" in name or "adagrad" in name else 0.0


# ---------------------------------------------------------------- echo


def echo(subject: Subject) -> list[Finding]:
    """Compare a forecast with the last value that it was told, and both with what came."""
    inputs, targets = subject.inputs, subject.targets
    if not isinstance(inputs, Tensor) or targets is None:
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
        return [finding("echoes-input", "the data", "the targets are the inputs themselves, not what follows them")]
    for feature in range(min(inputs.shape[-1], 32)):
        told = inputs[..., feature].double()
        last = told if per_step else told.select(1 - subject.axis, -1)
        if last.numel() != targets.numel():
            return []
        last = last.reshape(targets.shape)
        to_last, to_next = _error(answers, last), _error(answers, targets)
        persistence, spread = _error(last, targets), float(targets.var())
        if persistence < 0.5 * spread and to_next > 0.8 * persistence and to_last < 0.5 * to_next:
            text = f"its mean squared distance to the last value is {to_last:.3g}, to the value that comes"
            text += f" {to_next:.3g}; persistence has {persistence:.3g}"
            return [finding("echoes-input", "the network", text)]
    return []


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
    if repeats < 0.9 or (natural < 0.99 and natural > 0.8):
        return []
    text = f"{repeats:.0%} of its answers are the token that was told; {natural:.0%} of the targets are"
    return [finding("echoes-input", "the network", text)]


def _error(a: Tensor, b: Tensor) -> float:
    return float(((a - b) ** 2).mean())
