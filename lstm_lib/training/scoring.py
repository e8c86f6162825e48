"""Loss and accuracy of a network's scores, over whole sequences or window by window.

Shapes: T steps, B batch, D features, K classes.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lstm_lib.tasks import NO_TARGET, Batch

CLOSE = 0.04  # a number counts as right within this distance (Hochreiter and Schmidhuber 1997, experiment 4)


class Score(NamedTuple):
    """What an evaluation gives: mean loss (nats, or squared error), share of right answers, questions asked."""

    loss: float
    accuracy: float
    questions: int


def pick_device(name: str | None = None) -> torch.device:
    """Return the device to use: the one that is named, else a GPU if there is one, else the processor.

    Under ``torchrun`` each process gets the GPU of its local number.

    Args:
        name: A device as torch names it, such as "cpu", "cuda" or "cuda:1"; None to choose.

    Raises:
        ValueError: If there is no such device here.

    Example:
        >>> pick_device("cpu")
        device(type='cpu')
    """
    has_gpu = torch.cuda.is_available()
    if name is None:
        name = "cuda" if has_gpu else "cpu"
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        raise ValueError(f"got device {name!r}, expected a name such as 'cpu', 'cuda' or 'cuda:1'") from None
    if device.type == "cuda":
        count = torch.cuda.device_count() if has_gpu else 0
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)) if device.index is None else device.index)
        if device.index is not None and device.index >= count:
            raise ValueError(f"got device {name!r}, expected one of the {count} GPUs that torch sees here, or 'cpu'")
    elif device.type != "cpu":
        _expect_usable(device)
    return device


def _expect_usable(device: torch.device) -> None:
    """Raise a ValueError unless numbers can be kept on a device."""
    try:
        (torch.ones(1, device=device) + 1).item()
    except (RuntimeError, NotImplementedError, AssertionError):
        expected = "expected one that torch can compute on here, such as 'cpu'"
        raise ValueError(f"got device '{device}', {expected}") from None


def numbered(draw: Callable[[np.random.Generator], Batch], seed: int = 0) -> Callable[[int], Batch]:
    """Make every batch a function of its number: the same number gives the same batch, in any process, at any time.

    That is what lets training go on from a checkpoint as if it had never stopped.

    Args:
        draw: Draws one batch.
        seed: Of the whole series.

    Returns:
        A function from n to batch n.

    Example:
        >>> from lstm_lib import tasks
        >>> sample = numbered(lambda rng: tasks.delay(rng, 32, 10), seed=1)
        >>> bool((sample(7).xs == sample(7).xs).all()), bool((sample(7).xs == sample(8).xs).all())
        (True, False)
    """
    return lambda n: draw(np.random.default_rng([seed, n]))


def windows(batch: Batch, length: int | None) -> Iterator[Batch]:
    """Cut a batch along time into pieces of ``length`` steps; the last one may be shorter. None leaves it whole.

    Raises:
        ValueError: If ``length`` is below 1.

    Example:
        >>> from lstm_lib import tasks
        >>> batch = tasks.delay(np.random.default_rng(0), 4, 9)
        >>> [len(piece.xs) for piece in windows(batch, 5)]
        [5, 5, 1]
    """
    T = len(batch.xs)
    if length is not None and length < 1:
        raise ValueError(f"got windows of {length} steps, expected at least 1")
    step = length or T
    for start in range(0, T, step):
        yield Batch(*(part[start : start + step] for part in batch))


def move(batch: Batch, model: nn.Module, device: torch.device) -> tuple[Tensor, Tensor]:
    """Put xs and targets of a batch on the device; targets that are not asked for become ``NO_TARGET``, or NaN."""
    weight = next(p for p in model.parameters() if p.is_floating_point())
    xs, targets, mask = (torch.as_tensor(part) for part in batch)
    asked = targets[mask]
    if bool((asked.isnan() if asked.is_floating_point() else asked == NO_TARGET).any()):
        nothing = "NaN" if asked.is_floating_point() else NO_TARGET
        raise ValueError(f"got target {nothing} where the mask asks, expected an answer at every question")
    targets = targets.where(mask, torch.nan if targets.is_floating_point() else NO_TARGET)
    xs, targets = xs.to(device), targets.to(device)
    dtype = weight.dtype
    return (
        xs.to(dtype) if xs.is_floating_point() else xs,
        targets.to(dtype) if targets.is_floating_point() else targets.long(),
    )


def summed_loss(scores: Tensor, targets: Tensor) -> Tensor:
    """Add up the loss over the questions: -ln softmax(scores)[target], or (score - target)² for number targets.

    Args:
        scores: (T, B, K); K = 1 for number targets.
        targets: Class numbers (T, B), NO_TARGET where nothing is asked; or numbers (T, B), NaN where nothing is asked.

    Raises:
        ValueError: If the number of scores does not fit the targets.

    Example:
        >>> scores, targets = torch.zeros(3, 1, 4), torch.tensor([[-1], [2], [-1]])
        >>> round(summed_loss(scores, targets).item(), 4)  # ln 4
        1.3863
    """
    if not targets.is_floating_point():
        exact = scores.to(torch.promote_types(scores.dtype, torch.float32))  # a sum in half precision would lose digits
        return F.cross_entropy(exact.flatten(0, 1), targets.flatten(), ignore_index=NO_TARGET, reduction="sum")
    if scores.shape[-1] != 1:
        raise ValueError(f"got {scores.shape[-1]} scores for number targets, expected 1")
    asked = ~targets.isnan()
    return (torch.where(asked, scores.squeeze(-1) - targets, 0.0) ** 2).sum()


def count_right(scores: Tensor, targets: Tensor) -> Tensor:
    """Count the questions that are answered right: the largest score, or a number within ``CLOSE``."""
    if targets.is_floating_point():
        return ((scores.squeeze(-1) - targets).abs() < CLOSE).sum()
    return ((scores.argmax(-1) == targets) & (targets != NO_TARGET)).sum()


def evaluate(
    model: nn.Module,
    batches: Batch | Sequence[Batch],
    *,
    window: int | None = None,
    stateful: bool = False,
) -> Score:
    """Ask a network, where it is, without training it: in eval mode, without gradients.

    Args:
        model: Takes (xs, state) and returns (scores, state), as ``nn.Tagger`` does.
        batches: One batch or several.
        window: Steps at a time, with the state carried on: the same answers, less memory.
        stateful: Whether the last state of a batch is the first of the next: one endless stream.

    Returns:
        Score over all questions of all batches.

    Raises:
        ValueError: If nothing is asked, or ``window`` is below 1.

    Example:
        >>> from lstm_lib import nn, tasks
        >>> model = nn.Tagger(6, 8, 4)
        >>> evaluate(model, tasks.delay(np.random.default_rng(0), 50, 10)).questions
        50
    """
    if window is not None and window < 1:
        raise ValueError(f"got window {window}, expected at least 1 step")
    modes = {module: module.training for module in model.modules()}
    batches = [batches] if isinstance(batches, Batch) else list(batches)
    questions = sum(int(batch.mask.sum()) for batch in batches)
    if questions == 0:
        raise ValueError("got batches that ask nothing, expected at least one True in a mask")
    device = next(model.parameters()).device
    model.eval()
    loss, right = 0.0, 0
    state: Any = None
    try:
        with torch.no_grad():
            for batch in batches:
                state = state if stateful else None
                for piece in windows(batch, window):
                    xs, targets = move(piece, model, device)
                    scores, state = model(xs, state)
                    loss += summed_loss(scores, targets).item()
                    right += int(count_right(scores, targets))
    finally:
        for module, was_training in modes.items():
            module.training = was_training
    return Score(loss / questions, right / questions, questions)
