"""What Chapter 3 says of trained networks: at one delay a memory that adds and an RNN, and on one box that memory."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.chapters import _page
from lstm_lib import experiment, tasks

DELAYS = np.arange(31)


def measure() -> Iterator[dict[str, Any]]:
    """Yield one row for each trained network."""
    yield from reach()
    yield from one_box()


def reach() -> Iterator[dict[str, Any]]:
    """Train at delay 10, ask at all delays, and yield one row for each network."""
    page = _page.functions(3, "story", "train_one")
    tests = [page["story"](np.random.default_rng(k), k, batch_size=300) for k in DELAYS]
    for seed, start in _page.runs():
        for recipe in ("memory", "rnn"):
            weights = page["train_one"](recipe, seed, 0.003)
            recall = np.array([experiment.accuracy(recipe, weights, test) for test in tests])
            yield _page.rounded(
                claim="reach",
                seed=seed,
                start=start,
                cell=recipe,
                right=recall[10],
                lowest_to_4=recall[:5].min(),
                lowest_5_to_9=recall[5:10].min(),
                lowest_10_to_20=recall[10:21].min(),
                lowest_21_to_30=recall[21:].min(),
                median_21_to_30=float(np.median(recall[21:])),
                elsewhere=np.delete(recall, 10).mean(),
                **(held(weights, tests[30]) if recipe == "memory" else {}),
            )


def held(weights: experiment.Weights, batch: tasks.Batch) -> dict[str, float]:
    """Return how a memory that adds holds its symbol over 30 steps: sizes of c, and how much of it still turns."""
    run = experiment.run("memory", weights, batch.xs)
    size = np.abs(run.cs).mean(axis=(1, 2))
    same = np.sign(run.cs[10]) == np.sign(run.cs[30])
    sizes = {f"size_at_{t}": float(size[t]) for t in (0, 10, 30)}
    return {**sizes, "same_side": float(same.mean()), "said_at_30": float(np.abs(run.hs[30]).mean())}


def one_box() -> Iterator[dict[str, Any]]:
    """Train a memory that adds on the stream of one box, and say whether it turns, and what moves it."""
    page = _page.functions(3, "one_box", "train_on_box")
    batch = page["one_box"](np.random.default_rng(7), 300)
    _, writes, asks = (part[1:, ..., 0] == 1 for part in tasks.stream_parts(batch.xs, boxes=1))
    for seed, start in _page.runs():
        weights = page["train_on_box"](seed)
        cs = experiment.run("memory", weights, batch.xs).cs
        steps = np.abs(np.diff(cs, axis=0)).mean(axis=2)
        yield _page.rounded(
            claim="one box",
            seed=seed,
            start=start,
            right=experiment.accuracy("memory", weights, batch),
            same_side=float(np.mean(np.sign(cs[10]) == np.sign(cs[29]))),
            written=float(steps[writes].mean()),
            passing=float(steps[~writes & ~asks].mean()),
            asked=float(steps[asks].mean()),
        )
