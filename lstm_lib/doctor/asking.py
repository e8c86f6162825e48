"""Does the loss ask for the targets: are answers that are made of them better than one answer to all?

Shapes: T steps, B batch, K classes.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from lstm_lib.doctor.ends import SQUASH, End, axis_of_classes, chosen, end_of
from lstm_lib.doctor.findings import Finding, finding
from lstm_lib.doctor.learning import WORKS, Skill
from lstm_lib.doctor.meeting import is_shifted
from lstm_lib.doctor.subject import Subject, like

LARGE, HUGE = 1e2, 1e4  # sizes of answers between which a loss that has a floor does not fall far
GAIN = 0.1  # of the loss of guessing, which answers made of the targets must be better by
FLAT, LEARNT = 0.05, 0.8  # a share of scores that are exactly 0; a share by which a loss is below guessing

Asked = Callable[[Tensor], Tensor]


def findings_in_asking(subject: Subject, found: Skill | None) -> list[Finding]:
    """Give the loss answers that nobody learns: huge ones, and those that are made of the targets themselves."""
    if not subject.can_ask or found is None:
        return []
    ran = subject.run(grad=True)
    answers, end = ran.answers.detach(), end_of(ran.answers)
    outputs = ran.outputs
    usual = (lambda scores: scores.clamp(end.low, end.high)) if end else (lambda scores: scores)
    squash = SQUASH.get(end.name, usual) if end else usual

    def asked(scores: Tensor) -> Tensor:
        return subject.loss(like(outputs, squash(scores.to(answers))))

    place = axis_of_classes(answers, subject.targets)
    if falls := _falls(asked, answers, place):
        return falls
    unclear = found.share >= WORKS or is_shifted(subject)
    if not unclear and (others := _asks_for_others(asked, answers, subject.targets, place, found)):
        return others
    return _flat_scores(answers, end, place, found)


def _falls(asked: Asked, answers: Tensor, place: int | None) -> list[Finding]:
    """Find a loss that one answer to all makes as small as one likes."""
    ones = torch.ones_like(answers)
    ways = [ones, -ones]
    if place is not None:
        first = torch.zeros_like(answers).movedim(place, -1)
        first[..., 0] = 1
        ways += [first.movedim(-1, place), -first.movedim(-1, place)]
    for way in ways:
        try:
            with torch.no_grad():
                large, huge = (float(asked(size * way)) for size in (LARGE, HUGE))
        except RuntimeError:
            return []  # it takes answers of one range alone
        if huge < min(0.0, large) - 10:
            text = f"one answer to all makes it as small as one likes: answers of {LARGE:g} have {large:.4g}, of"
            text += f" {HUGE:g} they have {huge:.4g}; is its sign wrong, or are answers and targets exchanged"
            return [finding("answers-misfit", "the loss", text)]
    return []


def _asks_for_others(
    asked: Asked, answers: Tensor, targets: Tensor, place: int | None, found: Skill
) -> list[Finding]:
    """Find a loss for which no answers that follow the targets are better than guessing."""
    wanted = _made_of(answers, targets, place)
    lowest = min((_lowest(asked, one) for one in wanted), default=float("-inf"))
    if not wanted or not found.guessing - lowest < GAIN * abs(found.guessing):
        return []
    shapes = f"answers {tuple(answers.shape)}, targets {tuple(targets.shape)}"
    if place is None and _meets_all(asked, answers):
        text = "however the answers follow the targets, each has its least loss where all are alike: each meets the"
        return [finding("shapes-misfit", "the loss", f"{text} targets of others ({shapes})")]
    text = f"answers that follow the targets, at whatever scale, have a loss of {lowest:.4g}, and one answer to all"
    return [finding("answers-misfit", "the loss", f"{text} has {found.guessing:.4g} ({shapes}): it asks for others")]


def _meets_all(asked: Asked, answers: Tensor) -> bool:
    """Say whether the loss of answers that are all one number pulls each of them the same way."""
    with torch.enable_grad():
        told = torch.zeros_like(answers).requires_grad_()
        (grad,) = torch.autograd.grad(asked(told), told)
    return float(grad.std()) < 1e-5 * float(grad.abs().mean()) and float(grad.abs().mean()) > 0


def _made_of(answers: Tensor, targets: Tensor, place: int | None) -> list[Tensor]:
    """Return the targets in the shape of the answers, in both orders of batch and time where both are possible."""
    if place is not None:
        made = chosen(answers, targets, place)
    elif targets.numel() == answers.numel() and targets.is_floating_point():
        made = targets.reshape(answers.shape)
    else:
        return []
    both = [made.to(answers).nan_to_num()]
    if answers.dim() > 1 and answers.shape[0] == answers.shape[1]:
        both.append(both[0].transpose(0, 1))
    return both


def _lowest(asked: Asked, wanted: Tensor) -> float:
    """Return the lowest loss of a · wanted + b with a > 0, by descent from several sizes."""
    lowest = float("inf")
    for size in (1.0, 10.0):
        numbers = torch.tensor([size, 0.0], device=wanted.device, requires_grad=True)
        optimizer = torch.optim.LBFGS([numbers], lr=0.5, max_iter=30, line_search_fn="strong_wolfe")

        def closure(numbers: Tensor = numbers) -> Tensor:
            nonlocal lowest
            loss = asked(F.softplus(numbers[0]) * wanted + numbers[1])
            (numbers.grad,) = torch.autograd.grad(loss, numbers)
            lowest = min(lowest, float(loss))
            return loss

        try:
            with torch.enable_grad():
                optimizer.step(closure)
        except RuntimeError:
            return float("-inf")  # it takes answers of one range alone
    return lowest


def _flat_scores(answers: Tensor, end: End | None, place: int | None, found: Skill) -> list[Finding]:
    """Find scores of classes that a ReLU holds at 0, where no gradient goes through."""
    if end is None or end.name != "Relu" or place is None or found.share > LEARNT:
        return []
    share = float((answers == 0).double().mean())
    if share < FLAT:
        return []
    text = f"the scores of the classes come from a relu, and {share:.0%} of them are exactly 0, where it lets no"
    return [finding("answers-misfit", "the network", f"{text} gradient through: no class can be ruled out")]
