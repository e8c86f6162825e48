"""What Chapter 5 says of trained networks: when the forget gate closes, and what its first bias decides."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.chapters import _page
from benchmarks.chapters.chapter_04 import means
from lstm_lib import experiment, layers


def measure() -> Iterator[dict[str, Any]]:
    """Yield one row for each trained network."""
    yield from one_box()
    yield from two_starts()


def one_box() -> Iterator[dict[str, Any]]:
    """Train the cell with learn and forget gate on one box."""
    page = _page.functions(5, "boxes", "train_one")
    batch = page["boxes"](np.random.default_rng(7), 300)
    for seed, start in _page.runs():
        weights = page["train_one"](seed)
        gates = layers.gates(experiment.run("forget", weights, batch.xs))
        right = experiment.accuracy("forget", weights, batch)
        yield _page.rounded(claim="one box", seed=seed, start=start, right=right, **means(gates.f, batch.xs))


def two_starts() -> Iterator[dict[str, Any]]:
    """Train the full cell at delay 30 from a forget bias of 1 and from chrono biases."""
    page = _page.functions(5, "story", "chrono_biases", "train_from")
    for seed, start in _page.runs():
        for chrono in (False, True):
            at_30, at_300 = page["train_from"](seed, chrono)
            yield _page.rounded(
                claim="delay 30", seed=seed, start=start, chrono=chrono, at_30=float(at_30), at_300=float(at_300)
            )
