"""How a network ends: the last function that is more than a change of shape, and where its classes stand.

Shapes: T steps, B batch, K classes.
"""

import math
from typing import NamedTuple

from torch import Tensor

# Functions whose answers lie between two numbers, as autograd names them.
RANGES = {
    "Softmax": (0.0, 1.0),
    "Sigmoid": (0.0, 1.0),
    "Tanh": (-1.0, 1.0),
    "Relu": (0.0, math.inf),
    "LogSoftmax": (-math.inf, 0.0),
}
# Changes of shape, as autograd names them.
MOVES = {"View", "UnsafeView", "Reshape", "Transpose", "Permute", "Squeeze", "Unsqueeze", "Select", "Slice"}
MOVES |= {"T", "Index", "Clone", "Alias", "Expand"}


class End(NamedTuple):
    """What the last function of a network is, and between which numbers its answers lie."""

    name: str
    low: float
    high: float


def end_of(answers: Tensor) -> End | None:
    """Find the last function of a network that is more than a change of shape, if its range is limited.

    Example:
        >>> import torch
        >>> end_of(torch.randn(5, 3, requires_grad=True).softmax(-1).transpose(0, 1)).name
        'Softmax'
    """
    said = answers.detach()
    if said.dim() > 1 and said.shape[-1] > 1 and bool((said >= 0).all()) and _is_one(said.sum(-1)):
        return End("Softmax", *RANGES["Softmax"])  # however it was computed
    node = answers.grad_fn
    while node is not None:
        name = type(node).__name__.rstrip("0123456789").removesuffix("Backward").lstrip("_").removeprefix("Safe")
        if name in RANGES:
            return End(name, *RANGES[name])
        if name not in MOVES:
            return None
        node = next((before for before, _ in node.next_functions if before is not None), None)
    return None


def _is_one(sums: Tensor) -> bool:
    return bool(((sums - 1).abs() < 1e-4).all())


def axis_of_classes(answers: Tensor, targets: Tensor) -> int | None:
    """Find the axis of the answers on which the classes of whole-number targets stand: the last one, or the second.

    Example:
        >>> import torch
        >>> axis_of_classes(torch.zeros(32, 4, 20), torch.zeros(32, 20, dtype=torch.int64))
        1
    """
    if targets.is_floating_point():
        return None
    if answers.shape[:-1] == targets.shape and answers.shape[-1] > 1:
        return answers.dim() - 1
    second = answers.dim() == targets.dim() + 1 and answers.shape[2:] == targets.shape[1:]
    return 1 if second and answers.shape[0] == targets.shape[0] else None
