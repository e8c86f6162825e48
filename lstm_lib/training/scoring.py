"""Loss and accuracy of a network's answers, over whole sequences or window by window."""

from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lstm_lib.tasks import Batch
from lstm_lib.training.batches import is_one, size_of, windows
from lstm_lib.training.devices import fetch, move, on_device, place_of
from lstm_lib.training.losses import TAGGING, Objective
from lstm_lib.training.parts import change, prepare
from lstm_lib.training.trees import tensors


class Score(NamedTuple):
    """What an evaluation gives: mean loss (nats, or squared error), share of right answers, questions asked.

    An objective without a score has accuracy NaN.
    """

    loss: float
    accuracy: float
    questions: int


def evaluate(
    model: nn.Module,
    batches: Batch | Iterable[Any],
    *,
    window: int | None = None,
    stateful: bool = False,
    objective: Objective = TAGGING,
) -> Score:
    """Ask a network, where it is, without training it: in eval mode, without gradients.

    Args:
        model: Takes (xs, state) and returns (scores, state), as ``nn.Tagger`` does; or xs alone, or scores alone.
        batches: One batch or several, or a ``DataLoader``.
        window: Steps at a time, with the state carried on: the same answers, less memory.
        stateful: Whether the last state of a batch is the first of the next: one endless stream.
        objective: What is asked; the usual one is an answer at each step that the mask names.

    Returns:
        Score over all questions of all batches.

    Raises:
        ValueError: If nothing is asked, ``window`` is below 1, or a batch does not fit the objective.

    Example:
        >>> import numpy as np
        >>> from lstm_lib import nn, tasks
        >>> model = nn.Tagger(6, 8, 4)
        >>> evaluate(model, tasks.delay(np.random.default_rng(0), 50, 10)).questions
        50
    """
    if window is not None and window < 1:
        raise ValueError(f"got window {window}, expected at least 1 step")
    modes = {module: module.training for module in model.modules()}
    device, dtype = place_of(model)
    # One batch at a time is asked; a loader that draws from torch's generator leaves it as it was.
    apart = nullcontext() if isinstance(batches, (tuple, list, dict)) else torch.random.fork_rng(devices=[])
    many: Iterable[Any] = [batches] if is_one(batches) else batches
    model.eval()
    rows: list[Tensor] = []
    questions, state, B = 0, None, None
    try:
        with torch.no_grad(), apart:
            for n, given in enumerate(many):
                batch, sizes = prepare(given, objective.parts, f"batch {n}")
                state = state if stateful else None
                expect_same_sequences(state, B, sizes.get("B"), n)
                B = sizes.get("B")
                for at, piece in enumerate(windows(batch, window, objective.parts)):
                    if at > 0:
                        expect_state(state, model, f"window={window}")
                    count = count_questions(objective, piece)
                    moved = change(piece, objective.parts, lambda part, _: move(part, device, dtype))
                    outputs, state = objective.run(model, moved, state)
                    expect_outputs(objective, outputs, state, piece, f"batch {n}")
                    questions += count
                    rows.append(_row(objective, outputs, moved, count))
    finally:
        for module, was_training in modes.items():
            module.training = was_training
    if questions == 0:
        raise ValueError("got batches that ask nothing, expected at least one question (one True in a mask)")
    losses, rights, answers = zip(*fetch(rows), strict=True)
    accuracy = sum(rights) / sum(answers) if sum(answers) else float("nan")
    return Score(sum(losses) / questions, accuracy, questions)


def _row(objective: Objective, outputs: Any, moved: Any, count: int) -> Tensor:
    """Keep loss, right answers, and answers of a window on the device."""
    loss = objective.loss(outputs, moved)
    score = objective.score(outputs, moved) if objective.score else (0, 0)
    right, of = score if isinstance(score, tuple) else (score, count)
    exact = torch.float64 if loss.device.type != "mps" else torch.float32  # which has no float64
    return torch.stack([on_device(number, loss.device, exact) for number in (loss, right, of)])


# ---------------------------------------------------------------- what training asks too


def count_questions(objective: Objective, batch: Any) -> int:
    """Count the questions of a batch, on the host; without a count of its own, an objective asks each sequence once."""
    if objective.questions is not None:
        return int(objective.questions(batch))
    B = size_of(batch, objective.parts, "B")
    if B is None:
        raise ValueError("got an objective without questions whose parts have no axis B, expected one of the two")
    return B


def expect_same_sequences(state: Any, before: int | None, now: int | None, n: int) -> None:
    """Raise a ValueError if a state is to go on into a batch with another number of sequences."""
    if state is not None and None not in (before, now) and before != now:
        what = f"got batch {n} with {now} sequences after one with {before}, while stateful=True hands the state on"
        raise ValueError(f"{what}, expected as many in each: drop the smaller last one (DataLoader: drop_last=True)")


def expect_state(state: Any, model: nn.Module, because: str) -> None:
    """Raise a ValueError if a network has not returned the state that is to be handed on."""
    if state is None:
        what = f"got no state from the {type(model).__name__}, while {because} hands it on"
        raise ValueError(f"{what}, expected the network to return (scores, state), or between_windows='reset'")


def expect_loss(loss: Any) -> None:
    """Raise a ValueError unless a loss is one number that has come from the network."""
    if not isinstance(loss, Tensor) or loss.numel() != 1:
        found = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else f"type {type(loss).__name__}"
        raise ValueError(f"got a loss of {found}, expected one number: the sum over the questions")
    if not loss.requires_grad:
        raise ValueError("got a loss without a way back to the weights, expected one made from the outputs by torch")


def expect_outputs(objective: Objective, outputs: Any, state: Any, piece: Any, where: str) -> None:
    """Raise a ValueError unless what came out of the network fits the piece of a batch, as it was on the host."""
    if objective.check is not None:
        try:
            objective.check(outputs, piece)
        except ValueError as error:
            raise ValueError(f"{error} ({where})") from None
    T, B = (size_of(piece, objective.parts, letter) for letter in "TB")
    if state is None or T is None or B is None or T == B:
        return
    found = [tuple(part.shape) for part in tensors(state) if part.ndim == 3]
    if found and all(shape[1] == T and shape[0] != B for shape in found):
        what = f"got a state of shape {found[0]}, for {T} sequences, from {where}, read as {T} steps of {B} sequences"
        raise ValueError(f"{what}, expected time first: for batch-first data, objective=batch_first(TAGGING)")
