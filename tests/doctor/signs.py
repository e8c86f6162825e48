"""What can be seen without any doctor of mistakes in the wiring, the loss and the data; beside ``symptoms``.

A case is used up, as there.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from tests.doctor.cases import Case, ask
from tests.doctor.symptoms import Symptom, answers, loss_of, pair


def grads(case: Case) -> dict[str, float]:
    """Return the size of the loss's gradient at every parameter; 0 where there is none."""
    assert case.loss is not None
    inputs, targets = pair(case)
    case.model.eval()
    case.model.zero_grad()
    case.loss(ask(case.model, inputs, case.lengths), targets).backward()
    return {name: 0.0 if p.grad is None else float(p.grad.norm()) for name, p in case.model.named_parameters()}


def gets_no_gradient(piece: str) -> Symptom:
    """Say whether the weights with a piece in their name get no gradient at all, and others do."""

    def look(case: Case) -> bool:
        sizes = grads(case)
        return not any(size for name, size in sizes.items() if piece in name) and any(sizes.values())

    return look


def step_unread(step: int, *, valid: bool = False) -> Symptom:
    """Say whether no answer moves when one step, counted in each sequence's own length, is another one."""

    def look(case: Case) -> bool:
        inputs, _ = pair(case)
        other, rows = inputs.clone(), torch.arange(len(inputs))
        places = case.lengths + step if valid else torch.full((len(inputs),), step % inputs.shape[1])
        old = other[rows, places]
        other[rows, places] = old + 1.0 if old.is_floating_point() else torch.where(old == 7, 8, 7)
        return torch.equal(answers(case), answers(case, other))

    return look


def forgets_all(before: int) -> Symptom:
    """Say whether the last answers stay the same when all steps before one, time first, are others (to rounding)."""

    def look(case: Case) -> bool:
        inputs, _ = pair(case)
        other = inputs.clone()
        other[:before] = other[:before].roll(1, 1)
        return torch.allclose(answers(case)[-1], answers(case, other)[-1], atol=1e-6)

    return look


def other_places(case: Case) -> bool:
    """Say whether each answer, asked alone, is that to another question of the batch."""
    inputs, _ = pair(case)
    assert case.lengths is not None
    rows = enumerate(case.lengths)
    alone = torch.cat([answers(case, inputs[n : n + 1, :k], case.lengths[n : n + 1]) for n, k in rows])
    together = answers(case)
    same = torch.isclose(together[:, None], alone[None], atol=1e-5).all(-1)
    return bool(same.any(1).all()) and not bool(same.diagonal().all())


def changes_by_chance(case: Case) -> bool:
    """Say whether two runs in eval mode differ."""
    torch.manual_seed(1)
    one = answers(case)
    torch.manual_seed(2)
    return not torch.allclose(one, answers(case))


def stands_still(pick: Callable[[nn.Module], nn.Module]) -> Symptom:
    """Say whether some updates with the case's optimiser leave a part of the network as it was."""

    def look(case: Case) -> bool:
        assert case.loss is not None
        assert case.optimizer is not None
        part, (inputs, targets) = pick(case.model), pair(case)
        old = [p.detach().clone() for p in part.parameters()]
        for _ in range(3):
            case.optimizer.zero_grad()
            case.loss(ask(case.model, inputs, case.lengths), targets).backward()
            case.optimizer.step()
        return all(torch.equal(a, b) for a, b in zip(old, part.parameters(), strict=True))

    return look


def knows_the_future(case: Case) -> bool:
    """Say whether an answer changes with inputs of later steps, and what is asked for stands there (batch first)."""
    inputs, targets = pair(case)
    half = inputs.shape[1] // 2
    other = inputs.clone()
    other[:, half:] = other[:, half:].roll(1, 0)
    moved = not torch.allclose(answers(case)[:, half - 1], answers(case, other)[:, half - 1], atol=1e-5)
    return moved and torch.equal(inputs[:, 1:], targets[:, :-1])


def floor_of(best: Callable[[Tensor], Tensor], share: float, chance: float) -> Symptom:
    """Say whether even the best answers of which the network is capable leave a share of the loss of guessing."""

    def look(case: Case) -> bool:
        assert case.loss is not None
        _, targets = pair(case)
        return float(case.loss(best(targets), targets)) > share * chance

    return look


def below_zero(case: Case) -> bool:
    """Say whether larger scores make the loss as low as one likes, below any that there can be."""
    assert case.loss is not None
    _, targets = pair(case)
    return float(case.loss(answers(case).abs() * 1000 + 1000, targets)) < 0


def meets_others(case: Case) -> bool:
    """Say whether another target in one place changes the loss's gradient at the answers of other places."""
    assert case.loss is not None
    _, targets = pair(case)
    scores = answers(case).requires_grad_()
    place = (0, 1)[: targets.dim()]
    changed = targets.clone()
    changed[place] += 1 if targets.is_floating_point() or targets[place] < 2 else -1
    one, two = (torch.autograd.grad(case.loss(scores, asked), scores)[0] for asked in (targets, changed))
    moved = torch.nonzero((one != two).any(-1))
    expected = place[::-1] if scores.shape[:2] != targets.shape[:2] else place
    return moved.tolist() != [list(expected)]


def refused(case: Case) -> bool:
    """Say whether network or loss raises an error."""
    try:
        loss_of(case)
    except (RuntimeError, IndexError, ValueError):
        return True
    return False


def counts_padding(case: Case) -> bool:
    """Say whether the loss asks for answers behind the end of a sequence (batch first)."""
    assert case.loss is not None
    assert case.lengths is not None
    _, targets = pair(case)
    scores = answers(case).requires_grad_()
    (grad,) = torch.autograd.grad(case.loss(scores, targets), scores)
    behind = torch.arange(scores.shape[1]) >= case.lengths[:, None]
    return bool(grad[behind].any())


def never_asked(kind: int) -> Symptom:
    """Say whether the loss does not ask for one class, though it is there."""

    def look(case: Case) -> bool:
        assert case.loss is not None
        _, targets = pair(case)
        scores = answers(case).requires_grad_()
        (grad,) = torch.autograd.grad(case.loss(scores, targets), scores)
        return bool((targets == kind).any()) and not bool(grad[targets == kind].any())

    return look


def shrinks(share: float) -> Symptom:
    """Say whether a hundred updates on this batch leave less than a share of the weights' length, and learn little."""

    def look(case: Case) -> bool:
        assert case.loss is not None
        assert case.optimizer is not None
        inputs, targets = pair(case)
        start, size = loss_of(case), sum(float(p.detach().norm() ** 2) for p in case.model.parameters()) ** 0.5
        drawn = sum(p.numel() / (3 * 16) for p in case.model.parameters()) ** 0.5
        for _ in range(100):
            case.optimizer.zero_grad()
            case.loss(ask(case.model, inputs, case.lengths), targets).backward()
            case.optimizer.step()
        now = sum(float(p.detach().norm() ** 2) for p in case.model.parameters()) ** 0.5
        return now < share * max(size, drawn) and loss_of(case) > 0.7 * start

    return look
