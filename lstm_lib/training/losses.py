"""What training asks of a network: how a batch goes in, what the answers cost, and how many are right.

Shapes: T steps, B batch, D features, K classes.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lstm_lib.tasks import NO_TARGET
from lstm_lib.training.parts import Parts, get

CLOSE = 0.04  # a number counts as right within this distance (Hochreiter and Schmidhuber 1997, experiment 4)


def first_part(network: nn.Module, batch: Any, state: Any) -> tuple[Any, Any]:
    """Run a network on the first part of a batch, from a state where there is one.

    A network that returns a pair returns its answers and its state. One that returns anything else has no state.
    """
    xs = next(iter(batch.values())) if isinstance(batch, Mapping) else batch[0]
    told = (xs,) if state is None and not _wants_state(getattr(network, "module", network)) else (xs, state)
    answer = network(*told)
    return answer if isinstance(answer, tuple) and len(answer) == 2 else (answer, None)


def _wants_state(model: nn.Module) -> bool:
    """Say whether a network takes a second argument that it cannot do without."""
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [
        parameter
        for parameter in inspect.signature(model.forward).parameters.values()
        if parameter.default is inspect.Parameter.empty and parameter.kind in places
    ]
    return len(needed) > 1


class Objective(NamedTuple):
    """What a network is trained for: data have these parts, this is their loss, and so they are scored.

    Attributes:
        parts: What each part of a batch must look like, in the order of the batch, such as
            ``{"xs": "B T D", "kinds": "B int"}``: see ``lstm_lib.training.parts``. From it come the checks of every
            batch, windows along T, and each process's share along B.
        loss: Takes (outputs, batch) and returns the loss **added up** over the questions, one number. The batch has
            the kind and names that it came with (a plain tuple gets names) and lies on the device.
        questions: Takes a batch, before it travels to the device, and returns how many questions it asks, the number
            that the sum is divided by; None counts sequences.
        score: Takes (outputs, batch) and returns how many answers are right, or (right, of how many); None for none.
        check: Takes (outputs, batch before it travels) and raises a ValueError if they do not fit; None for none.
        run: Takes (network, batch, state) and returns (outputs, state). The usual one hands over the first part.

    Example:
        >>> mean_of_two = Objective(
        ...     parts={"xs": "T B D", "answers": "B 2 float"},
        ...     loss=lambda scores, batch: ((scores[-1] - batch.answers) ** 2).sum(),
        ... )
        >>> mean_of_two.questions is None
        True
    """

    parts: Parts
    loss: Callable[[Any, Any], Tensor]
    questions: Callable[[Any], int] | None = None
    score: Callable[[Any, Any], Any] | None = None
    check: Callable[[Any, Any], None] | None = None
    run: Callable[[nn.Module, Any, Any], tuple[Any, Any]] = first_part


def batch_first(objective: Objective) -> Objective:
    """Return the same objective for data whose first axis is the batch: B and T change places in every part.

    Example:
        >>> batch_first(TAGGING).parts["xs"]
        'B T ...'
    """

    def turn(parts: Parts) -> Parts:
        return {name: turn(part) if isinstance(part, Mapping) else _turned(part) for name, part in parts.items()}

    return objective._replace(parts=turn(objective.parts))


def _turned(part: str | None) -> str | None:
    return part and " ".join({"T": "B", "B": "T"}.get(word, word) for word in part.split())


# ---------------------------------------------------------------- an answer at each step that asks


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


def _asked(batch: Any) -> Tensor:
    """Return the targets, NO_TARGET or NaN where nothing is asked."""
    targets, mask = get(batch, "targets"), get(batch, "mask")
    asked: Tensor = targets if targets.is_floating_point() else targets.long()
    return asked.where(mask, torch.nan if asked.is_floating_point() else NO_TARGET)


def _expect_answers(scores: Any, batch: Any) -> None:
    """Raise a ValueError unless there is a score for each class, or one for a number, at every step."""
    targets, asked = get(batch, "targets"), on_the_host(get(batch, "targets"))[on_the_host(get(batch, "mask"))]
    is_number = targets.is_floating_point()
    if (np.isnan(asked) if is_number else asked == NO_TARGET).any():
        nothing = "NaN" if is_number else NO_TARGET
        raise ValueError(f"got target {nothing} where the mask asks, expected an answer at every question")
    if not isinstance(scores, Tensor):
        expected = "expected one tensor of scores (and a state beside it), or an objective of your own"
        raise ValueError(f"got a {type(scores).__name__} from the network, {expected}")
    first = tuple(targets.shape)
    if tuple(scores.shape[:-1]) != first:
        expected = f"expected ({', '.join(map(str, first))}, K), as the targets have {first}"
        raise ValueError(f"got scores of shape {tuple(scores.shape)}, {expected}")
    K = scores.shape[-1]
    if is_number:
        if K != 1:
            expected = "expected 1; an objective of your own can have more"
            raise ValueError(f"got {K} scores for number targets, {expected}")
    elif K < 2:
        expected = "expected one for each class, so at least 2; targets that are numbers have a float dtype"
        raise ValueError(f"got {K} score for class targets ({str(targets.dtype).removeprefix('torch.')}), {expected}")
    elif len(asked) and not 0 <= asked.min() <= asked.max() < K:
        wrong = asked.max() if asked.max() >= K else asked.min()
        raise ValueError(f"got class {wrong} among the targets, expected 0 to K - 1 = {K - 1}, one score for each")


def on_the_host(tensor: Tensor) -> Any:
    """Give a tensor to NumPy, which looks at it without troubling the device that trains."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype is torch.bfloat16 else tensor).numpy()


def _questions(batch: Any) -> int:
    return int(np.count_nonzero(on_the_host(get(batch, "mask"))))


TAGGING = Objective(
    parts={"xs": "T B ...", "targets": "T B", "mask": "T B bool"},
    loss=lambda scores, batch: summed_loss(scores, _asked(batch)),
    questions=_questions,
    score=lambda scores, batch: count_right(scores, _asked(batch)),
    check=_expect_answers,
)
