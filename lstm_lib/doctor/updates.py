"""Does the update fit: learning rate and weight decay, tried on copies of network and optimiser?"""

import math
from typing import NamedTuple

import torch

from lstm_lib.doctor.findings import Finding, finding
from lstm_lib.doctor.learning import WORKS, Skill
from lstm_lib.doctor.subject import Subject

UPDATES = 8  # on this batch
LONG = 60  # updates in which a weight decay shows
TOO_FAR, TOO_NEAR = 0.4, 1.5e-4  # length of the first update in parts of the weights
BRISK = 1e-3  # a rate that is tried where weights do not move at all
HELD = 0.5  # a decay that holds weights below this share of their first size is too strong, if it costs:
SHRUNK = 0.3  # weights below this share of their first size have been shrunk
COST = 0.1  # this share of the loss of guessing



class Trial(NamedTuple):
    """Some updates on one batch: the losses, and how long the first update was, in parts of the LSTMs' weights."""

    losses: list[float]
    step: float


def trial(subject: Subject, factor: float, *, updates: int = UPDATES, decay: bool = True) -> Trial:
    """Take some updates with a copy, at the rate times a factor, without the weight decay if told so."""
    twin = subject.twin()
    weights = [p for lstm in twin.lstms.values() for p in lstm.parameters()]
    for group in twin.optimizer.param_groups:
        group["lr"] = group["lr"] * factor
        if not decay:
            group["weight_decay"] = 0.0
    old = [p.detach().clone() for p in weights]
    losses, step = [], 0.0
    for n in range(updates + 1):
        outputs = twin.run(grad=True).outputs
        loss = twin.loss(outputs)
        losses.append(float(loss))
        if n == updates or not math.isfinite(losses[-1]):
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
    """Try the optimiser on a copy: at its rate, and at a hundredth, or a hundred times and more of it."""
    if found is None or subject.optimizer is None or not subject.lstms:
        return [], {}
    lr = float(subject.optimizer.param_groups[0]["lr"])
    here = trial(subject, 1.0)
    numbers = {"lr": lr, "first update": here.step, "loss before": here.losses[0], "loss after": here.losses[-1]}
    end, start = here.losses[-1], here.losses[0]
    scale = _drawn_scale(subject)
    bold = max(here.step, _per_weight(subject, lr) / scale)
    leaps = not end < start + 0.3 * max(abs(found.guessing), found.guessing - start)
    if leaps or (bold > TOO_FAR and not (math.isfinite(end) and found.share > WORKS and end < 1.2 * start)):
        calm = trial(subject, 0.01)
        text = f"at {lr:g}, {UPDATES} updates on this batch bring the loss from {start:.3g} to {end:.3g}"
        text += f", at a hundredth to {calm.losses[-1]:.3g}; one update moves the weights by {bold:.2g} of their start"
        if not end < calm.losses[-1] or (bold > 2 * TOO_FAR and not leaps):
            return [finding("learning-rate", "the optimiser", f"far too high: {text}")], numbers
    if found.share < 2 * WORKS and lr == 0 == here.step:
        text = "the rate is 0, and no weight moves: has a schedule ended?"
        return [finding("learning-rate", "the optimiser", text)], numbers
    if found.share < WORKS and here.step < TOO_NEAR and start - end < 0.01 * abs(start):
        times = BRISK / lr if here.step == 0 else max(100.0, TOO_NEAR / here.step)
        brisk = trial(subject, times)
        gain, more = start - end, start - brisk.losses[-1]
        if more > 10 * max(gain, 0) and more > 0:
            text = f"at {lr:g}, one update moves the weights by {here.step:.1g} of their length"
            text += f", and {UPDATES} updates on this batch bring the loss from {start:.4g} to {end:.4g}"
            text += f"; at {lr * times:.2g}, to {brisk.losses[-1]:.4g}"
            return [finding("learning-rate", "the optimiser", f"far too low: {text}")], numbers
    return [], numbers


def _drawn_scale(subject: Subject) -> float:
    """Return the size of weights as torch draws them, 1/√H."""
    return min(1 / math.sqrt(lstm.hidden_size) for lstm in subject.lstms.values())


def _per_weight(subject: Subject, lr: float) -> float:
    """Return how far one update moves one weight where the optimiser divides by the gradient's size: its rate."""
    name = type(subject.optimizer).__name__.lower()
    return lr if "adam" in name or "rmsprop" in name or "adagrad" in name else 0.0


# ---------------------------------------------------------------- weight decay


def decay(subject: Subject, found: Skill | None) -> list[Finding]:
    """Where a weight decay can hold the weights far below the size at which they are drawn: what does it cost?"""
    if found is None or subject.optimizer is None or not subject.lstms:
        return []
    groups = [group for group in subject.optimizer.param_groups if group.get("weight_decay", 0.0) and group["lr"]]
    if not groups:
        return []
    strength = max(float(group["weight_decay"]) for group in groups)
    level = _balance(subject, strength) / (_drawn_scale(subject) / math.sqrt(3))
    if level > HELD:
        return []
    size = _size(subject) / (_drawn_scale(subject) / math.sqrt(3))
    if found.share < WORKS and size < SHRUNK:
        text = f"the LSTMs' weights have {size:.1g} of the size at which they are drawn; where a decay of {strength:g}"
        text += f" and the loss pull alike, they have {level:.1g} of it"
        return [finding("weight-decay", "the optimiser", text)]
    here, free = (trial(subject, 1.0, updates=LONG, decay=decay) for decay in (True, False))
    if not here.losses[-1] - free.losses[-1] > COST * abs(found.guessing) or here.losses[-1] < 0.5 * found.guessing:
        return []
    text = f"with a decay of {strength:g}, {LONG} updates on this batch bring the loss from {here.losses[0]:.3g} to"
    text += f" {here.losses[-1]:.3g}, without to {free.losses[-1]:.3g}; where both pulls are equal, weights have"
    return [finding("weight-decay", "the optimiser", f"{text} {level:.1g} of the size at which they are drawn")]


def _size(subject: Subject) -> float:
    """Return the size of the LSTMs' weights, the root of their mean square."""
    weights = [p.detach() for lstm in subject.lstms.values() for n, p in lstm.named_parameters() if "weight" in n]
    return math.sqrt(sum(float(p.norm() ** 2) for p in weights) / sum(p.numel() for p in weights))


def _balance(subject: Subject, strength: float) -> float:
    """Return the size of a weight at which the decay pulls as strongly as the loss does."""
    optimizer = subject.optimizer
    name, group = type(optimizer).__name__, optimizer.param_groups[0]
    if name in ("AdamW", "Lion") or group.get("decoupled_weight_decay"):
        return 1 / strength  # an update is about one rate long, whatever the gradient
    loss = subject.loss(subject.run(grad=True).outputs)
    weights = [p for p in subject.model.parameters() if p.requires_grad]
    grads = [g for g in torch.autograd.grad(loss, weights, allow_unused=True) if g is not None]
    squares, count = sum(float(g.norm() ** 2) for g in grads), sum(g.numel() for g in grads)
    return math.sqrt(squares / max(count, 1)) / strength
