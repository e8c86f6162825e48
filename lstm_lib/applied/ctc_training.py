"""Training with CTC: the objective for networks that give scores at each step and are told a label without times.

Class 0 is the blank; the classes of a label count from 1.

Shapes: T steps, B sequences, K classes with the blank, N characters of the longest label.
"""

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from lstm_lib.applied.ctc import BLANK
from lstm_lib.training.losses import Objective, on_the_host
from lstm_lib.training.parts import get


def summed_loss(scores: Tensor, steps: Tensor, labels: Tensor, sizes: Tensor) -> Tensor:
    """Add up -ln of the chance that CTC gives to each label, over the sequences.

    Args:
        scores: (T, B, K), before the softmax.
        steps: Steps of each sequence (B,), at most T.
        labels: Classes from 1 to K - 1 (B, N), anything behind a label's end.
        sizes: Characters of each label (B,).

    Example:
        >>> import torch
        >>> one = torch.ones(1, dtype=torch.long)
        >>> loss = summed_loss(torch.zeros(2, 1, 2), 2 * one, one[None], one)  # "aa", "a-", "-a" of four paths
        >>> round(torch.exp(-loss).item(), 4)
        0.75
    """
    exact = F.log_softmax(scores.float(), dim=-1)
    return F.ctc_loss(exact, labels, steps, sizes, blank=BLANK, reduction="sum", zero_infinity=False)


def _run(network: nn.Module, batch: Any, state: Any) -> tuple[Any, Any]:
    return network(batch.xs, batch.steps), None


def _loss(outputs: Any, batch: Any) -> Tensor:
    scores, steps = outputs
    return summed_loss(scores, steps, batch.labels, batch.sizes)


def _expect_room(outputs: Any, batch: Any) -> None:
    """Raise a ValueError where a label is longer than CTC can say in the steps that there are."""
    _, steps = outputs
    labels, sizes = (on_the_host(get(batch, name)) for name in ("labels", "sizes"))
    repeats = [int((row[1:size] == row[: size - 1]).sum()) for row, size in zip(labels, sizes, strict=True)]
    for k, (have, size, more) in enumerate(zip(steps.tolist(), sizes.tolist(), repeats, strict=True)):
        if have < size + more:
            what = f"got {have} steps for the {size} characters of sequence {k}"
            raise ValueError(f"{what}, expected at least {size + more}: one each, and a blank between equal neighbours")


def ctc(xs: str) -> Objective:
    """Return the objective: batches of (xs, steps (B,), labels (B, N), sizes (B,)), a loss in nats a character.

    The network is called with xs and steps, and returns scores (T, B, K) and how many steps each sequence has in them.

    Args:
        xs: What the first part looks like, such as "B R W float" for pictures; see ``lstm_lib.training.parts``.

    Example:
        >>> list(ctc("B R W float").parts)
        ['xs', 'steps', 'labels', 'sizes']
    """
    parts = {"xs": xs, "steps": "B int", "labels": "B N int", "sizes": "B int"}
    return Objective(
        parts=parts,
        loss=_loss,
        questions=lambda batch: int(on_the_host(get(batch, "sizes")).sum()),
        check=_expect_room,
        run=_run,
    )
