"""What Chapter 1 says of trained RNNs: one delay learned by heart, and the stream of four boxes."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.chapters import _page
from lstm_lib import experiment

DELAYS = np.arange(31)


def measure() -> Iterator[dict[str, Any]]:
    """Yield one row for each trained network."""
    yield from one_delay()
    yield from four_boxes()


def one_delay() -> Iterator[dict[str, Any]]:
    """Train at delay 10 and ask at all delays, with the network's own readout and with a fresh one for each."""
    page = _page.functions(1, "story", "train_one", "last_states", "fresh_readout", "untrained")
    tests = [page["story"](np.random.default_rng(k), k, batch_size=500) for k in DELAYS]
    test = page["story"](np.random.default_rng(99), batch_size=1000)
    for seed, start in _page.runs():
        weights, history = page["train_one"](seed)
        recall = np.array([experiment.accuracy("rnn", weights, batch) for batch in tests])
        fresh = [page["fresh_readout"](weights, k) for k in DELAYS]
        blocks = history.losses.reshape(-1, 20).mean(axis=1)
        yield _page.rounded(
            claim="delay 10",
            seed=seed,
            start=start,
            right=experiment.accuracy("rnn", weights, test),
            batches=20 * (1 + int(np.argmax(blocks < 0.1))) if blocks.min() < 0.1 else None,
            first_loss=blocks[0],
            elsewhere=np.delete(recall, 10).mean(),
            lowest=recall.min(),
            at_9=recall[9],
            at_11=recall[11],
            surprise=np.mean([experiment.loss_and_grads("rnn", weights, tests[k])[0] for k in (9, 11)]),
            fresh_lowest=min(fresh),
            untrained_at_4=page["fresh_readout"](page["untrained"](seed), 4),
            untrained_at_30=page["fresh_readout"](page["untrained"](seed), 30),
        )


def four_boxes() -> Iterator[dict[str, Any]]:
    """Train on the stream of four boxes with two learning rates."""
    page = _page.functions(1, "boxes", "train_on_boxes")
    test = page["boxes"](np.random.default_rng(99), batch_size=500)
    for seed, start in _page.runs():
        for lr in (0.003, 0.01):
            right = experiment.accuracy("rnn", page["train_on_boxes"](seed, lr), test)
            yield _page.rounded(claim="four boxes", seed=seed, start=start, lr=lr, right=right)
