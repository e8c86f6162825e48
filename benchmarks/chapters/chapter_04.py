"""What Chapter 4 says of trained networks: how far the learn gate is open, over all and by unit."""

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
        yield _page.rounded(claim="one box", seed=seed, start=start, right=right, **doors(gates.i, batch.xs))


def doors(gate: tasks.Array, xs: tasks.Array) -> dict[str, float]:
    """Return the means of a gate (T, B, H) for each kind of step of the stream of one box, and counts of its units.

    A doorkeeper is open (above 0.6 on average) when a symbol is written, and shut (below 0.2) when one passes by.
    """
    _, writes, asks = (part[..., 0] == 1 for part in tasks.stream_parts(xs, boxes=1))
    kinds = {"written": writes, "passing": ~writes & ~asks, "asked": asks}
    units = {name: gate[steps].mean(axis=0) for name, steps in kinds.items()}
    keepers = (units["written"] > 0.6) & (units["passing"] < 0.2)
    always = np.minimum(units["written"], units["passing"]) > 0.6
    counts = {"doorkeepers": int(keepers.sum()), "always_open": int(always.sum())}
    return {**{name: float(of_units.mean()) for name, of_units in units.items()}, **counts}
