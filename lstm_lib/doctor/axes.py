"""Which axis of the data is the batch, and which is time: from what came with them, else from the data themselves.

Shapes: T steps, B batch.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

PERMUTATIONS = 1000
RARE, USUAL = 0.003, 0.05  # one axis is so far from chance, and the other is not
MOST, FEW = 200, 60  # entries of an axis that are compared
MOST_PAIRS = 2000  # of a feature of the inputs with one of the targets


def batch_axis(
    inputs: Any, targets: Any, lengths: Tensor | None, *, is_course_batch: bool, longest_lag: int | None, usual: int
) -> int | None:
    """Find the axis of the batch, 0 or 1.

    Args:
        inputs: The inputs of the network.
        targets: Its targets, or None.
        lengths: Of each sequence, or None.
        is_course_batch: Whether the data are a Batch of ``lstm_lib.tasks``, time first.
        longest_lag: Steps to be bridged: an axis that is no longer than this is not time.
        usual: The axis that the first LSTM takes for the batch.

    Returns:
        The axis, or None for inputs that have no two axes.

    Example:
        >>> batch_axis(torch.zeros(5, 7, 3), torch.zeros(7), None, is_course_batch=False, longest_lag=None, usual=0)
        1
    """
    if not isinstance(inputs, Tensor) or inputs.dim() < 2:
        return None
    if is_course_batch:
        return 1
    B = len(lengths) if lengths is not None else None
    if B is None and isinstance(targets, Tensor) and (targets.dim() == 1 or targets.shape[:2] != inputs.shape[:2]):
        B = len(targets) if targets.dim() else None
    sizes = inputs.shape[:2]
    if B is not None and B in sizes and sizes[0] != sizes[1]:
        return list(sizes).index(B)
    if longest_lag is not None and longest_lag < max(sizes) and longest_lag >= min(sizes):
        return int(np.argmin(sizes))
    found = axis_of_time(inputs)
    if found is None and isinstance(targets, Tensor) and targets.shape[:2] == sizes:
        found = axis_of_law(inputs, targets)
    return usual if found is None else 1 - found


def axis_of_time(inputs: Tensor) -> int | None:
    """Find the axis along which the order matters: what stands side by side in time is alike, or never is.

    The entries of a batch may stand in any order; a test by permutation says how surprising theirs is, for each axis.

    Returns:
        The axis, or None unless exactly one is far from chance.

    Example:
        >>> wave = torch.sin(torch.arange(30.0) / 3 + torch.rand(20, 1, generator=torch.Generator().manual_seed(0)) * 6)
        >>> axis_of_time(wave[..., None])
        1
    """
    rows = _as_numbers(inputs, MOST)
    if rows is None:
        return None
    for chance in (_chance_of_order, _chance_of_places):
        if (found := _only([chance(rows), chance(rows.transpose(0, 1))])) is not None:
            return found
    return None


def axis_of_law(inputs: Tensor, targets: Tensor) -> int | None:
    """Find the axis along which targets follow from what stands up to three steps before or behind them in the inputs.

    Returns:
        The axis, or None unless exactly one is far from chance.

    Example:
        >>> words = torch.randint(4, (20, 9), generator=torch.Generator().manual_seed(0))
        >>> axis_of_law(words, words.roll(1, 1) // 2)
        1
    """
    told, wanted = _as_numbers(inputs, FEW), _as_numbers(targets, FEW)
    if told is None or wanted is None or told.shape[-1] * wanted.shape[-1] > MOST_PAIRS:
        return None
    both = [(told, wanted), (told.transpose(0, 1), wanted.transpose(0, 1))]
    return _only([_chance_of_law(*some) for some in both], usual=0.01)


def _only(chances: list[float], usual: float = USUAL) -> int | None:
    """Return the axis that is far from chance, where the other one is not."""
    return next((axis for axis in (0, 1) if chances[axis] < RARE and chances[1 - axis] > usual), None)


def _as_numbers(rows: Tensor, most: int) -> Tensor | None:
    """Return at most so many entries of both axes, tokens as ones among zeros; None where these are too many."""
    rows = rows.detach()
    if not rows.is_floating_point():
        if rows.dim() != 2 or int(rows.max()) > 1000:
            return None
        rows = F.one_hot(rows.long() - int(rows.min())).float()
    return rows.reshape(*rows.shape[:2], -1).float().cpu()[:most, :most]


def _chance_of_order(rows: Tensor) -> float:
    """Return how often a random order of the first axis is as far from the usual order's mean step, on both sides."""
    n = len(rows)
    if n < 5:
        return 1.0
    flat = rows.reshape(n, -1)
    steps = torch.cdist(flat, flat).square().numpy()
    rng = np.random.default_rng(0)
    orders = np.stack([rng.permutation(n) for _ in range(PERMUTATIONS)])
    drawn = steps[orders[:, :-1], orders[:, 1:]].sum(1)
    here = steps[np.arange(n - 1), np.arange(1, n)].sum()
    far = np.abs(drawn - drawn.mean()) >= abs(here - drawn.mean())
    return float(far.mean())


def _chance_of_places(rows: Tensor) -> float:
    """Return how often places of the first axis differ so much in their means if each row of the second is shuffled."""
    n, m = rows.shape[:2]
    if n < 5 or m < 5:
        return 1.0
    rng = np.random.default_rng(0)
    array = rows.numpy()
    here, more = array.mean(1).var(0).sum(), 0
    for _ in range(PERMUTATIONS // 2):
        order = rng.random((n, m)).argsort(0)
        more += bool(np.take_along_axis(array, order[..., None], 0).mean(1).var(0).sum() >= here)
    return 2 * more / PERMUTATIONS


def _chance_of_law(told: Tensor, wanted: Tensor) -> float:
    """Return how often inputs say as much of targets up to three places away in a random order of the first axis."""
    n = len(told)
    if n < 5:
        return 1.0
    x, y = ((part - part.mean((0, 1))).nan_to_num() for part in (told, wanted))
    together = torch.einsum("imd,jmk->ijdk", x, y).flatten(2).numpy()
    rng = np.random.default_rng(0)

    def law(order: np.ndarray) -> float:
        pairs = [pair for lag in (1, 2, 3) for pair in ((order[:-lag], order[lag:]), (order[lag:], order[:-lag]))]
        return float(sum((together[one, two].sum(0) ** 2).sum() for one, two in pairs))

    here = law(np.arange(n))
    return sum(law(rng.permutation(n)) >= here for _ in range(PERMUTATIONS)) / PERMUTATIONS


def axis_in_answers(answers: Tensor, inputs: Tensor, axis: int, *, per_step: bool) -> int | None:
    """Find the axis of the batch in the answers.

    Args:
        answers: What the network said.
        inputs: What it was asked.
        axis: Axis of the batch in the inputs.
        per_step: Whether there is an answer at each step, so that the answers have both axes.

    Example:
        >>> axis_in_answers(torch.zeros(7, 2), torch.zeros(5, 7, 3), 1, per_step=False)
        0
    """
    B, T = inputs.shape[axis], inputs.shape[1 - axis]
    if answers.dim() >= 2 and answers.shape[:2] == inputs.shape[:2] and (per_step or answers.dim() > 2):
        return axis
    if answers.dim() >= 3 and answers.shape[:2] == (inputs.shape[1], inputs.shape[0]):
        return 1 - axis
    if answers.dim() >= 1 and answers.shape[0] == B:
        return 0
    if answers.dim() >= 2 and answers.shape[1] == B and answers.shape[0] in (1, T):
        return 1
    return None


def time_axis_in_answers(answers: Tensor, steps: int) -> int | None:
    """Find the axis of time in answers that have one, or None: (T, B, K) or (B, T, K)."""
    if answers.dim() < 3:
        return None
    return next((axis for axis in (0, 1) if answers.shape[axis] == steps), None)
