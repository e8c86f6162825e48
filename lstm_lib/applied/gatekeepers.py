"""One unit and its gates: what the reader does by hand in the page, learned by gradient descent.

The content of the unit is given: an event x = [atanh(value), write, ask] and a fixed row of weights make g the value of
the symbol. Only the gates are trained. The unit plays the stream of one box: it should say the value of the symbol at a
question, h = tanh(value), and where it has a use gate be silent otherwise, h = 0.

Shapes: T steps, B batch.
"""

from typing import Any

import numpy as np

from lstm_lib import tasks
from lstm_lib._array import Array
from lstm_lib.applied.stream_players import VALUES, wrong_answers
from lstm_lib.from_scratch import experiment, layers, optim
from lstm_lib.tasks import Batch

FEATURES = 3
LENGTH, P_WRITE, P_ASK = 16, 0.2, 0.25
SPOKEN = float(np.tanh(VALUES[2])) / 2  # what is said loud enough to be heard: half of the softest symbol


def draw(rng: np.random.Generator, batch_size: int, T: int = LENGTH) -> Batch:
    """Draw the stream of one box.

    Example:
        >>> draw(np.random.default_rng(0), 5).xs.shape
        (16, 5, 6)
    """
    return tasks.recall_stream(rng, batch_size, T, boxes=1, p_write=P_WRITE, p_ask=P_ASK)


def ask_at_once(rng: np.random.Generator, batch: Batch) -> Batch:
    """Ask for the box at half of the writes too, in the same step: the symbol that is written is the right answer.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> batch = draw(rng, 5)
        >>> int(batch.mask.sum()), int(ask_at_once(rng, batch).mask.sum())
        (13, 22)
    """
    symbols, writes, _ = tasks.stream_parts(batch.xs, boxes=1)
    at_once = (writes[..., 0] == 1) & (rng.random(batch.mask.shape) < 0.5)
    xs = batch.xs.copy()
    xs[..., -1] += at_once
    return Batch(xs, np.where(at_once, symbols.argmax(axis=-1), batch.targets), batch.mask | at_once)


def events(xs: Array) -> Array:
    """Turn the stream of one box (…, 6) into what the unit sees (…, 3): atanh(value), write, ask.

    Example:
        >>> events(draw(np.random.default_rng(0), 5).xs).shape
        (16, 5, 3)
    """
    symbols, writes, asks = tasks.stream_parts(xs, boxes=1)
    return np.concatenate([(symbols @ np.arctanh(VALUES))[..., None], writes, asks], axis=-1)


def said(hs: Array) -> Array:
    """Return the symbol whose tanh(value) is nearest to what is said.

    Example:
        >>> said(np.tanh([-0.7, 0.1, 0.3, 2.0])).tolist()
        [0, 2, 2, 3]
    """
    return np.asarray(np.abs(np.asarray(hs)[..., None] - np.tanh(VALUES)).argmin(axis=-1))


def run(stage: str, weights: experiment.Weights, xs: Array) -> Any:
    """Run a unit over the stream of one box.

    Example:
        >>> weights = experiment.init_weights(np.random.default_rng(0), "lstm", 3, 1, 0, dtype=np.float64)
        >>> run("lstm", weights, draw(np.random.default_rng(0), 5).xs).hs.shape
        (16, 5, 1)
    """
    return experiment.run(stage, weights, events(xs))


def train(
    stage: str, seed: int, *, iterations: int = 3000, lr: float = 0.03, at_once: bool = False
) -> experiment.Weights:
    """Train the gates of one unit: the mean square of what is wrong in h, at questions and, with a use gate, between.

    Args:
        stage: Key of ``experiment.RECIPES``.
        seed: Of weights and batches.
        iterations: Batches of 64 streams.
        lr: Learning rate of Adam.
        at_once: Whether half of the writes are asked for in the same step.

    Returns:
        Weights, in float64.

    Example:
        >>> train("lstm", 0, iterations=1).cell.W.shape
        (4, 1, 4)
    """
    rng = np.random.default_rng(seed)
    weights = experiment.init_weights(rng, stage, FEATURES, 1, 0, dtype=np.float64)
    gated = stage != "rnn"
    if gated:  # g is given
        weights.cell.W[2], weights.cell.b[2] = [[0, 1, 0, 0]], 0
    adam = optim.adam_init(weights.cell)
    cell = weights.cell
    for _ in range(iterations):
        batch = draw(rng, 64)
        batch = ask_at_once(rng, batch) if at_once else batch
        this = run(stage, weights._replace(cell=cell), batch.xs)
        heard = batch.mask if stage not in ("lstm", "drawn") else np.ones_like(batch.mask)
        wanted = np.where(batch.mask, np.tanh(np.take(VALUES, batch.targets)), 0)
        dhs = np.where(heard, this.hs[..., 0] - wanted, 0)[..., None] / heard.sum()
        grads, _, _ = layers.backward(experiment.RECIPES[stage].cell, cell, this, dhs, need_dx=False)
        if gated:
            grads.W[2], grads.b[2] = 0, 0
        grads, _ = optim.clip_by_norm(grads, 1.0)
        cell, adam = optim.adam_step(cell, grads, adam, lr=lr, betas=(0.9, 0.99))
    return experiment.Weights(cell, weights.readout)


def measure(stage: str, weights: experiment.Weights, streams: int = 1000, *, seed: int = 20_000) -> dict[str, float]:
    """Return the share of right answers, what wrong ones name, and the share of other steps at which it speaks.

    Example:
        >>> weights = experiment.init_weights(np.random.default_rng(0), "rnn", 3, 1, 0, dtype=np.float64)
        >>> list(measure("rnn", weights, 10))
        ['right', 'stale', 'other box', 'intruder', 'none of these', 'speaks unasked']
    """
    batch = draw(np.random.default_rng(seed), streams)
    hs = run(stage, weights, batch.xs).hs[..., 0]
    kinds = wrong_answers(said(hs[batch.mask]), batch.xs, 1)
    unasked = float(np.mean(np.abs(hs[~batch.mask]) > SPOKEN))
    return {name: round(share, 4) for name, share in (kinds | {"speaks unasked": unasked}).items()}
