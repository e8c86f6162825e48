"""Is what a network keeps from one call to the next a state, or a statistic, a counter, a weight that is made anew?

Shapes: B batch.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from lstm_lib.doctor.axes import axis_in_answers
from lstm_lib.doctor.subject import Ran, Subject
from lstm_lib.doctor.traces import Place, tensors_in


def is_state(subject: Subject, place: Place) -> bool:
    """Say whether what a call leaves at a place is a state: an LSTM begins with it, or each row is one sequence's own.

    It is changed before a second call. A statistic that normalises the inputs moves what comes into the LSTM, for all
    sequences at once; a weight that is made anew at each call moves neither inputs nor first state.

    Args:
        subject: The network.
        place: Name of a module, and of its attribute or buffer.

    Example:
        >>> from torch import nn
        >>> norm = nn.Sequential(nn.BatchNorm1d(3), nn.LSTM(3, 2))
        >>> subject = Subject(norm, torch.randn(5, 3), None, None, None, None)
        >>> is_state(subject, ("0", "running_mean"))
        False
    """
    plain = _second(subject, place, lambda tensor: tensor)
    if _goes_into_a_state(plain, _second(subject, place, _noisy)):
        return True
    if subject.axis is None or not isinstance(subject.inputs, Tensor):
        return False
    B = subject.inputs.shape[subject.axis]
    out_axis = axis_in_answers(plain.answers, subject.inputs, subject.axis, per_step=subject.per_step)
    if B < 2 or out_axis is None:
        return False
    for axis in (-1, -2, -3):
        after = _second(subject, place, lambda tensor, axis=axis: _first_row_noisy(tensor, axis, B)).answers  # type: ignore[misc]
        if after.shape == plain.answers.shape:
            moved = (after != plain.answers).movedim(out_axis, 0).flatten(1).any(1)
            if bool(moved[0]) and not bool(moved[1:].any()):
                return True
    return False


def _second(subject: Subject, place: Place, change: Callable[[Tensor], Tensor]) -> Ran:
    """Run twice, in training, and change what the first run has left at a place before the second one."""
    with torch.no_grad(), subject.undone():
        subject.model.train()
        subject.call()
        module = subject.model.get_submodule(place[0])
        setattr(module, place[1], _changed(getattr(module, place[1]), change))
        return subject.call()


def _changed(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Change each tensor of real numbers in a value, in lists, tuples and dictionaries too."""
    if isinstance(value, Tensor):
        return change(value.detach()) if value.is_floating_point() else value
    if isinstance(value, Mapping):
        return {key: _changed(part, change) for key, part in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_changed(part, change) for part in value))
    if isinstance(value, tuple | list):
        return type(value)(_changed(part, change) for part in value)
    return value


def _noisy(tensor: Tensor) -> Tensor:
    return tensor + torch.randn(tensor.shape, generator=torch.Generator().manual_seed(0)).to(tensor)


def _first_row_noisy(tensor: Tensor, axis: int, B: int) -> Tensor:
    """Add noise to the first of B rows along an axis; a tensor that has not B of them stays."""
    if tensor.dim() < -axis or tensor.shape[axis] != B:
        return tensor
    changed = tensor.clone()
    first = changed.select(axis, 0)
    first += _noisy(torch.zeros_like(first))
    return changed


def _goes_into_a_state(plain: Ran, other: Ran) -> bool:
    """Say whether, at the first call of an LSTM that is another one, its inputs are the same and its state is not."""
    for one, two in zip(plain.calls, other.calls, strict=False):
        if not _alike(one.inputs, two.inputs):
            return False
        if not _alike(one.state, two.state):
            return True
        if not _alike(one.hs, two.hs):
            return False
    return False


def _alike(one: Any, two: Any) -> bool:
    """Say whether two values hold the same tensors."""
    if isinstance(one, PackedSequence) and isinstance(two, PackedSequence):
        return torch.equal(one.data, two.data)
    a, b = list(tensors_in(one)), list(tensors_in(two))
    return len(a) == len(b) and all(x.shape == y.shape and torch.equal(x, y) for x, y in zip(a, b, strict=True))
