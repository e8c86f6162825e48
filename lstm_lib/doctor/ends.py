"""How a network ends: the last function that is more than a change of shape, and where its classes stand.

Shapes: T steps, B batch, K classes.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

# Functions whose answers lie between two numbers, as autograd names them.
RANGES = {
    "Softmax": (0.0, 1.0),
    "Sigmoid": (0.0, 1.0),
    "Tanh": (-1.0, 1.0),
    "Relu": (0.0, math.inf),
    "LogSoftmax": (-math.inf, 0.0),
}
# How any numbers become answers of that kind.
SQUASH: dict[str, Callable[[Tensor], Tensor]] = {
    "Softmax": lambda scores: scores.softmax(-1),
    "LogSoftmax": lambda scores: scores.log_softmax(-1),
    "Sigmoid": torch.sigmoid,
    "Tanh": torch.tanh,
    "Relu": torch.relu,
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
    if said.dim() > 1 and said.shape[-1] > 1 and bool((said >= 0).all()) and is_one(said.sum(-1)):
        return End("Softmax", *RANGES["Softmax"])  # however it was computed
    node = answers.grad_fn
    while node is not None:
        name = _name(node)
        if name in ("Clamp", "Hardtanh"):
            return End(name, *_bounds(node))
        if name in RANGES:
            return End(name, *RANGES[name])
        if name not in MOVES:
            return None
        node = next((before for before, _ in node.next_functions if before is not None), None)
    return None


def _bounds(node: Any) -> tuple[float, float]:
    """Return the numbers between which a clamp holds its answers."""
    low, high = ([getattr(node, f"_saved_{end}{kind}", None) for kind in ("", "_val")] for end in ("min", "max"))
    found = [next((one for one in some if one is not None), None) for some in (low, high)]
    return (-math.inf if found[0] is None else float(found[0])), (math.inf if found[1] is None else float(found[1]))


def is_linear(answers: Tensor) -> bool:
    """Say whether the last function, but for changes of shape, is that of a linear layer: nothing holds its answers.

    Example:
        >>> import torch
        >>> is_linear(torch.nn.Linear(3, 1)(torch.ones(5, 4, 3)).squeeze(-1))
        True
    """
    node = answers.grad_fn
    while node is not None:
        before = [one for one, _ in node.next_functions if one is not None]
        adds_bias = _name(node) == "Add" and any(type(one).__name__ == "AccumulateGrad" for one in before)
        if not adds_bias and _name(node) not in MOVES:
            break
        node = next((one for one in before if type(one).__name__ != "AccumulateGrad"), None)
    return node is not None and _name(node) in ("Addmm", "Mm", "Bmm", "Linear")


def _name(node: Any) -> str:
    """Return the name of a function of autograd, without its number."""
    return type(node).__name__.rstrip("0123456789").removesuffix("Backward").lstrip("_").removeprefix("Safe")


def is_one(sums: Tensor) -> bool:
    """Say whether all of some sums are 1, but for rounding."""
    return bool(((sums - 1).abs() < 1e-4).all())


def chosen(answers: Tensor, targets: Tensor, place: int) -> Tensor:
    """Return 1 for the class that is right and 0 for the others, in the shape of the answers.

    Example:
        >>> import torch
        >>> chosen(torch.zeros(2, 5, 3), torch.tensor([2, 0]), 2)[:, 4]
        tensor([[0., 0., 1.],
                [1., 0., 0.]])
    """
    K = answers.shape[place]
    made = F.one_hot(targets.clamp(0, K - 1), K).to(answers)
    if made.dim() < answers.dim():
        made = made.unsqueeze(1 if len(answers) == len(targets) else 0)
    return made.movedim(-1, place).expand(answers.shape)


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
    if answers.dim() == 3 and targets.dim() == 1 and answers.shape[-1] > 1 and len(targets) in answers.shape[:2]:
        return 2  # a loss that picks a step
    second = answers.dim() == targets.dim() + 1 and answers.shape[2:] == targets.shape[1:]
    return 1 if second and answers.shape[0] == targets.shape[0] else None
