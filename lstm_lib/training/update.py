"""One update of the weights: batches go in window by window, gradients are added up, checked, clipped and used."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from lstm_lib.training import parallel
from lstm_lib.training.batches import share, windows
from lstm_lib.training.devices import autocast, fetch, move, place_of
from lstm_lib.training.health import blame_precision, expect_finite, guard
from lstm_lib.training.parts import change, prepare
from lstm_lib.training.run import Place, Run, State, Update
from lstm_lib.training.scoring import (
    count_questions,
    expect_loss,
    expect_outputs,
    expect_same_sequences,
    expect_state,
)
from lstm_lib.training.trees import detach


def train_on(run: Run, given: Sequence[Any], first: int) -> None:
    """Update the weights once for each window of a few batches (one, unless gradients are accumulated).

    Args:
        run: Where training stands.
        given: Batches as the caller has made them.
        first: Number of the first one.

    Raises:
        ValueError: If a batch asks nothing, or does not fit the objective, the network, or the state.
    """
    parts = run.objective.parts
    rate = run.settings.lr * run.settings.rate(first)
    for group in run.optimiser.param_groups:
        group["lr"] = rate
    batches = []
    for n, as_given in enumerate(given, first):
        batch, sizes = prepare(as_given, parts, f"batch {n}")
        if run.settings.stateful:
            expect_same_sequences(run.state, run.sequences, sizes.get("B"), n)
            run.sequences = sizes.get("B")
        batches.append(batch)
    # The n-th window of every batch makes an update: so it would be if they were one large batch.
    rows = list(zip_longest(*(windows(batch, run.settings.window, parts) for batch in batches)))
    asked = [[0 if piece is None else count_questions(run.objective, piece) for piece in row] for row in rows]
    questions = [sum(column) for column in zip(*asked, strict=True)]
    for n, total in enumerate(questions, first):
        if total == 0:
            raise ValueError(f"got batch {n}, which asks nothing, expected at least one question (one True in a mask)")
    states: list[State] = [run.state if run.settings.stateful else None, *[None] * (len(batches) - 1)]
    if run.settings.stateful and first > 0:
        expect_state(run.state, run.model, "stateful=True")
    for window, row in enumerate(rows):
        if run.settings.between_windows == "reset":
            states = [None] * len(states)
        elif window > 0:
            for state in states:
                expect_state(state, run.model, f"window={run.settings.window}")
        states = _update(run, row, states, asked[window], Place(first, window, tuple(batches)))
    run.state = detach(states[-1]) if run.settings.stateful else None
    run.done = first + len(given)
    run.rates += [rate] * len(given)
    run.questions += questions


def look_at_updates(run: Run) -> None:
    """Bring what happened since the last look from the device, all of it at once, and log it batch by batch.

    Raises:
        Diverged: If an update went wrong; it and those after it were not made.
    """
    first, count = run.done - len(run.rates), len(run.rates)
    losses, longest = [0.0] * count, [0.0] * count
    rows = fetch([update.numbers for update in run.updates])
    for update, numbers in zip(run.updates, rows, strict=True):
        if run.ahead:  # else it was looked at before it was made
            expect_finite(run, update, numbers)
        k = len(update.asked)
        run.all_told = run.all_told or numbers[k + 2] > 0
        for n, asked in enumerate(update.asked, update.place.first - first):
            if asked:
                losses[n] += numbers[n - (update.place.first - first)]
            longest[n] = float(np.maximum(longest[n], numbers[k]))  # a NaN stays to be seen
    means = [loss / questions for loss, questions in zip(losses, run.questions, strict=True)]
    for name, values in {"losses": means, "norms": longest, "rates": run.rates}.items():
        run.log[name] += values
    run.updates, run.rates, run.questions = [], [], []


# ---------------------------------------------------------------- one update


def _update(run: Run, row: Sequence[Any], states: list[State], asked: Sequence[int], place: Place) -> list[State]:
    """Take one step of the optimiser; return the new state of each batch.

    Each process adds up the loss of its own sequences and divides by the questions of all: DistributedDataParallel
    averages the gradients, and times the number of processes that is the gradient of the mean over the whole batch.
    """
    questions, states = sum(asked), list(states)
    last = max((n for n, count in enumerate(asked) if count), default=-1)
    losses: list[Tensor] = []
    if questions:
        run.optimiser.zero_grad(set_to_none=True)
    for n, piece in enumerate(row):
        if piece is None:
            continue
        state = detach(states[n - 1] if n and run.settings.stateful else states[n])
        if asked[n] == 0:  # nothing to learn from: only the state goes on
            with torch.no_grad():
                states[n], _ = _pass(run, piece, state, place, n)
            continue
        with parallel.exchange(run.network, wanted=n == last):  # gradients travel once an update
            states[n], loss = _pass(run, piece, state, place, n, share_of_mean=run.team.size / questions)
        losses.append(loss)
    if questions:
        _step(run, torch.stack(losses), tuple(asked), place)
    return states


def _pass(
    run: Run, piece: Any, state: State, place: Place, n: int, share_of_mean: float | None = None
) -> tuple[State, Tensor]:
    """Go forward over this process's share of a window, and backward if asked to; return state and summed loss."""
    objective, (_, dtype) = run.objective, place_of(run.model)
    mine = share(piece, run.team.rank, run.team.size, objective.parts)
    moved = change(mine, objective.parts, lambda part, _: move(part, run.device, dtype))
    loss = torch.zeros((), device=run.device)
    try:
        with autocast(run.device, run.settings.precision):
            outputs, new = objective.run(run.network, moved, state)
        if share_of_mean is not None:
            expect_outputs(objective, outputs, new, mine, f"batch {place.first + n}, window {place.window}")
            loss = objective.loss(outputs, moved)
            expect_loss(loss)
            run.scaler.scale(loss * share_of_mean).backward()
    except (RuntimeError, NotImplementedError) as error:
        blame_precision(run, moved, state, error)
        raise
    return new, loss.detach()


def _step(run: Run, losses: Tensor, asked: tuple[int, ...], place: Place) -> None:
    """Check the gradient, clip it, and use it; what is known of it stays on the device if that runs ahead."""
    run.scaler.unscale_(run.optimiser)
    trained = {name: p for name, p in run.model.named_parameters() if p.grad is not None}
    gradients = [p.grad for p in trained.values() if p.grad is not None]
    told = losses.new_full((1,), float(run.told_to_stop))  # travels with the losses, so that all stop at one place
    losses, told = parallel.total(torch.cat([losses, told]), run.team.size).split([len(losses), 1])
    one = torch.ones((), device=run.device)
    scale = run.scaler.scale(one) if run.scaler.is_enabled() else one
    if run.ahead:  # the length of each gradient too: it tells later which one was not finite
        norms = torch.stack(torch._foreach_norm(gradients)) if gradients else one[None]
        norm = torch.linalg.vector_norm(norms)
    else:
        norms, norm = one.new_zeros(0), get_total_norm(gradients)
    known = (_spread(losses, asked), norm, scale, told, norms)
    numbers = torch.cat([part.reshape(-1).to(losses.dtype) for part in known])
    update = Update(numbers, asked, place, tuple(trained))
    if not run.ahead:
        expect_finite(run, update, fetch([update.numbers])[0])
    if run.settings.clip is not None:
        clip_grads_with_norm_(trained.values(), run.settings.clip, norm)
    if run.ahead:
        # A fused optimiser leaves an update out, its own running means too, where found_inf is not zero.
        leave_out = guard(run, losses, norm, scale).to(torch.float32)
        run.optimiser.grad_scale, run.optimiser.found_inf = None, leave_out  # type: ignore[attr-defined]
        run.optimiser.step()
        del run.optimiser.grad_scale, run.optimiser.found_inf  # type: ignore[attr-defined]
    else:
        run.scaler.step(run.optimiser)
    run.scaler.update()
    run.updates.append(update)


def _spread(losses: Tensor, asked: tuple[int, ...]) -> Tensor:
    """Give each batch its place, also those that ask nothing in this window."""
    if 0 not in asked:
        return losses
    rows = iter(losses)
    return torch.stack([next(rows) if count else torch.zeros_like(losses[0]) for count in asked])
