"""What the data say: numbers that are none, padding in front, inputs all the same, targets out of scale.

Shapes: T steps, B batch.
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from lstm_lib.doctor.findings import Finding, finding
from lstm_lib.doctor.foretold import foretold
from lstm_lib.doctor.layers import is_batch_first, is_cell
from lstm_lib.doctor.learning import CHANCE, Skill
from lstm_lib.doctor.subject import REFUSALS, Subject

MOVED = 3e-4  # a gate whose sum moves by less says the same to all


def not_finite(subject: Subject) -> dict[str, str]:
    """Say of parameters and inputs how many NaN and inf they hold, if any; buffers may hold them, such as masks."""
    named: list[tuple[str, Any]] = [*subject.model.named_parameters()]
    named += [(what, part) for what, part in (("the inputs", subject.inputs), ("the targets", subject.targets))]
    wrong = {}
    for name, tensor in named:
        if isinstance(tensor, Tensor) and tensor.is_floating_point() and (count := int((~tensor.isfinite()).sum())):
            wrong[name] = f"({count:,} of {tensor.numel():,})"
    return wrong


def not_finite_answers(subject: Subject) -> list[Finding]:
    """Find NaN and inf that arise on the way: in the answers, in the loss, or in the gradients at the weights."""
    ran = subject.run(grad=True)
    if not subject.can_lose:
        wrong = not bool(ran.answers.isfinite().all())
        return [finding("not-finite", "the answers", "weights and inputs are finite, and answers are not")] * wrong
    try:
        loss = subject.loss(ran.outputs)
    except REFUSALS:
        return []  # said elsewhere
    told = f"the loss is {float(loss):.3g}, though weights and inputs are finite"
    if not bool(loss.isfinite()):
        count = int((~ran.answers.isfinite()).sum())
        text = f"{told}, and {count:,} of {ran.answers.numel():,} numbers of the answers are NaN or inf"
        return [finding("not-finite", "the answers" if count else "the loss", text)]
    named = {name: p for name, p in subject.model.named_parameters() if p.requires_grad}
    if not loss.requires_grad or not named:
        return []
    grads = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    for name, grad in zip(named, grads, strict=True):
        if grad is not None and bool(grad.isnan().any()):
            text = f"the loss is {float(loss):.3g}, and its gradient at {name} is NaN: a root or a norm at 0,"
            return [finding("not-finite", "the gradient", f"{text} a division that where() hides")]
    return []


def findings_in_data(subject: Subject, found: Skill | None) -> list[Finding]:
    """Look at inputs and targets side by side."""
    inputs, axis = subject.inputs, subject.axis
    if not isinstance(inputs, Tensor) or axis is None:
        return []
    rows = inputs.transpose(0, 1) if axis == 1 else inputs  # (B, T, ...)
    told = _in_front(rows, subject.lengths) + _all_alike(rows, subject)
    return (told or _faint(subject, found)) + foretold(rows, subject) + _scale(subject, found)


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
    if not isinstance(targets, Tensor) or len(rows) < 3:
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


def _faint(subject: Subject, found: Skill | None) -> list[Finding]:
    """Find sequences that differ by too little to move a gate of the first LSTM."""
    calls = subject.run().calls
    if found is None or found.share > CHANCE or not calls or is_cell(subject.lstms[calls[0].name]):
        return []
    lstm, xs = subject.lstms[calls[0].name], calls[0].inputs
    if isinstance(xs, PackedSequence):
        xs, axis = xs.data, 0
    else:
        axis = 0 if is_batch_first(lstm) else xs.dim() - 2
    # a sum of weights as torch draws them, one for each feature
    moved = float((xs - xs.mean(axis, keepdim=True)).norm(dim=-1).max()) / math.sqrt(3 * lstm.hidden_size)
    if moved > MOVED or xs.shape[axis] < 3:
        return []
    text = f"whatever differs between the sequences moves the gates' sums by about {moved:.2g}:"
    return [finding("inputs-say-nothing", "the data", f"{text} they come into the LSTM with a size of {_size(xs):.2g}")]


def _size(tensor: Tensor) -> float:
    """Return the root of the mean square."""
    return float(tensor.double().square().mean().sqrt())


def _scale(subject: Subject, found: Skill | None) -> list[Finding]:
    """Find targets that are far larger than what the network says."""
    targets = subject.targets
    if found is None or found.share > CHANCE or not targets.is_floating_point():
        return []
    answers = subject.run().answers
    if answers.numel() != targets.numel():
        return []
    wanted, said = (_size(part[~part.isnan()]) for part in (targets, answers))
    if wanted < 10 or said > 0.5 * wanted:
        return []
    inputs = _size(subject.inputs) if subject.inputs.is_floating_point() else 0.0
    text = f"the targets are of size {wanted:.3g} (root of the mean square), the answers of {said:.3g}"
    return [finding("targets-not-scaled", "the data", text, severity=0.78 if inputs > 10 else None)]
