"""What the doctor refuses, and what it expects: numbers in a network, steps in a batch, lengths, one number of a loss.

Shapes: T steps, B batch.
"""

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from lstm_lib.doctor.layers import is_batch_first, is_cell
from lstm_lib.doctor.subject import REFUSALS, Ran, Subject
from lstm_lib.doctor.traces import tensors_in


def expect_numbers(model: nn.Module) -> None:
    """Raise a ValueError for a network whose weights have no numbers.

    Example:
        >>> expect_numbers(nn.LSTM(3, 2, device="meta"))
        Traceback (most recent call last):
        ...
        ValueError: got weight_ih_l0 on the device meta, which holds no numbers, expected a network with weights
    """
    for name, parameter in model.named_parameters():
        if is_lazy(parameter):
            raise ValueError(f"got {name} without a shape, expected a network that has run once")
        if parameter.is_meta:
            raise ValueError(f"got {name} on the device meta, which holds no numbers, expected a network with weights")


def expect_batch(subject: Subject) -> None:
    """Raise a ValueError for a batch without sequences or steps, targets that need a loss, or lengths of nothing."""
    for what, part in (("inputs", subject.inputs), ("targets", subject.targets)):
        if isinstance(part, Tensor) and part.numel() == 0:
            raise ValueError(f"got {what} {tuple(part.shape)} with nothing in them, expected a sequence of one step")
        if any(one.is_meta for one in tensors_in(part)):
            raise ValueError(f"got {what} on the device meta, which holds no numbers, expected some")
    if subject.can_lose and subject.given_loss is None and not isinstance(subject.targets, Tensor):
        kind = type(subject.targets).__name__
        raise ValueError(f"got targets in a {kind} and no loss, expected one tensor of targets, or the loss in use")
    lengths, inputs = subject.lengths, subject.inputs
    if lengths is None:
        return
    if lengths.dim() != 1 or lengths.is_floating_point() or lengths.is_complex() or lengths.numel() == 0:
        raise ValueError(f"got lengths {tuple(lengths.shape)} of {lengths.dtype}, expected whole numbers (B,)")
    if int(lengths.min()) < 1:
        raise ValueError(f"got a length of {int(lengths.min())}, expected at least one step in each sequence")
    has_axes = isinstance(inputs, Tensor) and inputs.dim() > 1
    if has_axes and subject.takes_lengths and inputs.dim() == 2 and inputs.is_floating_point():
        return  # it may cut one long row of steps by these lengths itself
    if has_axes:
        if len(lengths) not in inputs.shape:
            raise ValueError(f"got {len(lengths)} lengths for inputs {tuple(inputs.shape)}, expected one a sequence")
        if int(lengths.max()) > max(inputs.shape):
            raise ValueError(f"got a length of {int(lengths.max())} for inputs {tuple(inputs.shape)}, expected 1 to T")


def expect_lengths(subject: Subject, ran: Ran) -> None:
    """Raise a ValueError for lengths that do not fit, where the first LSTM shows which axis is time."""
    lengths, inputs = subject.lengths, subject.inputs
    if lengths is None or not ran.calls or not isinstance(inputs, Tensor) or subject.axis is None:
        return
    first = ran.calls[0]
    if is_cell(subject.lstms[first.name]) or not isinstance(first.inputs, Tensor) or first.inputs.dim() != 3:
        return
    T, B = first.inputs.shape[:2][:: -1 if is_batch_first(subject.lstms[first.name]) else 1]
    if sorted((T, B)) != sorted(inputs.shape[:2]):
        return  # something before it has changed how many steps there are
    B, T = inputs.shape[subject.axis], inputs.shape[1 - subject.axis]
    if len(lengths) != B or int(lengths.max()) > T:
        came = f"{len(lengths)} lengths from {int(lengths.min())} to {int(lengths.max())}"
        raise ValueError(f"got {came}, expected one for each of {B} sequences, from 1 to {T}")


def expect_loss(subject: Subject, ran: Ran) -> None:
    """Raise a ValueError for a loss that gives something else than one number with its graph."""
    if not subject.can_lose or subject.given_loss is None:
        return
    try:
        loss = subject.loss(ran.outputs)
    except REFUSALS:
        return  # what it refuses is said elsewhere
    if not isinstance(loss, torch.Tensor):
        kind = type(loss).__name__
        raise ValueError(f"got a {kind} from the loss, expected a tensor of one number with its graph, without .item()")
    if loss.numel() != 1:
        raise ValueError(f"got a loss of shape {tuple(loss.shape)}, expected one number, such as its mean")
