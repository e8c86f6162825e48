"""Plain batches (xs, ys) and any loss of torch: what most people have when they come with their own data.

Shapes: T steps, B batch, D features, K outputs or classes.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lstm_lib.training.losses import Objective
from lstm_lib.training.parts import get, read

IGNORED = -100  # the class that torch's losses leave out


def pairs(loss: Callable[[Tensor, Tensor], Tensor], *, xs: str = "B T D", ys: str = "B K") -> Objective:
    """Train on batches (xs, ys) with a loss of torch, which takes (outputs, ys) and returns a mean.

    Args:
        loss: Such as ``torch.nn.HuberLoss()`` or ``F.cross_entropy``, or a function of your own; it must not be a sum.
        xs: What the first part looks like: "B T D" where the batch comes first, "T B D" where time does.
        ys: What the second part looks like, such as "B 2 float", "B int", or "B T K float".

    Returns:
        The objective. Each batch is checked by name: shapes and dtypes of both parts, and whether the network's
        outputs have the shape of float targets (torch would stretch one to fit the other), or a score for each class.

    Raises:
        ValueError: If a description cannot be read, or has no axis B.

    Example:
        >>> from torch.utils.data import DataLoader, TensorDataset
        >>> from lstm_lib.training import Settings, fit
        >>> class Last(torch.nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.lstm, self.out = torch.nn.LSTM(3, 8, batch_first=True), torch.nn.Linear(8, 2)
        ...     def forward(self, xs):
        ...         return self.out(self.lstm(xs)[0][:, -1])
        >>> loader = DataLoader(TensorDataset(torch.ones(20, 5, 3), torch.zeros(20, 2)), batch_size=10)
        >>> objective = pairs(torch.nn.L1Loss(), xs="B T D", ys="B 2 float")
        >>> history = fit(Last(), loader, Settings(batches=4), objective=objective, device="cpu", progress=False)
        >>> history.losses.shape
        (4,)
    """
    axes = read(ys).axes
    if "B" not in axes or "B" not in read(xs).axes:
        raise ValueError(f"got xs {xs!r} and ys {ys!r}, expected an axis B, the sequences, in both")

    def asked(batch: Any) -> int:
        sizes = dict(zip(axes, get(batch, "ys").shape, strict=False))
        return int(sizes["B"]) * int(sizes.get("T", 1))

    def summed(outputs: Tensor, batch: Any) -> Tensor:
        return loss(outputs, get(batch, "ys")) * asked(batch)

    return Objective(parts={"xs": xs, "ys": ys}, loss=summed, questions=asked, check=_expect_fit)


def _expect_fit(outputs: Any, batch: Any) -> None:
    """Raise a ValueError unless the outputs fit the targets without being stretched."""
    ys = get(batch, "ys")
    if not isinstance(outputs, Tensor):
        expected = "expected one tensor (and a state beside it), or an objective of your own"
        raise ValueError(f"got a {type(outputs).__name__} from the network, {expected}")
    shape, wanted = tuple(outputs.shape), tuple(ys.shape)
    if ys.is_floating_point():
        if shape != wanted:
            raise ValueError(f"got outputs of shape {shape}, expected {wanted}, the shape of ys")
        if bool(torch.isnan(ys).any()):
            raise ValueError("got NaN in ys, expected numbers: leave these out, or use an objective that does")
        return
    if len(shape) == len(wanted) + 1:
        if shape[:1] + shape[2:] != wanted:
            B, *rest = wanted
            raise ValueError(f"got outputs of shape {shape}, expected {(B, 'K', *rest)}, a score for each class")
        known = ys[ys != IGNORED]
        if known.numel() and not 0 <= int(known.min()) <= int(known.max()) < shape[1]:
            wrong = int(known.max()) if int(known.max()) >= shape[1] else int(known.min())
            raise ValueError(f"got class {wrong} in ys, expected 0 to K - 1 = {shape[1] - 1}, one score for each")
    elif shape != wanted:
        raise ValueError(f"got outputs of shape {shape} for ys of shape {wanted} (whole numbers), expected K scores")
