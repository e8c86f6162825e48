"""What Chapter 4 says of trained networks: how far the learn gate is open at the three kinds of steps."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.chapters import _page
from lstm_lib import experiment, layers, tasks


def measure() -> Iterator[dict[str, Any]]:
    """Train on one box and yield one row for each network."""
    page = _page.functions(4, "boxes", "train_one")
    batch = page["boxes"](np.random.default_rng(7), 300)
    for seed, start in _page.runs():
        weights = page["train_one"](seed)
        gates = layers.gates(experiment.run("learn", weights, batch.xs))
        right = experiment.accuracy("learn", weights, batch)
        yield _page.rounded(claim="one box", seed=seed, start=start, right=right, **means(gates.i, batch.xs))


def means(gate: tasks.Array, xs: tasks.Array) -> dict[str, float]:
    """Return the mean of a gate (T, B, H) over units and steps, for each kind of step of the stream of one box."""
    _, writes, asks = (part[..., 0] == 1 for part in tasks.stream_parts(xs, boxes=1))
    kinds = {"written": writes, "passing": ~writes & ~asks, "asked": asks}
    return {name: float(gate[steps].mean()) for name, steps in kinds.items()}
