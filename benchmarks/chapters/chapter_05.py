"""What Chapter 5 says of trained networks: what is held and said, when the forget gate closes, what a bias decides."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.chapters import _page
from benchmarks.chapters.chapter_04 import means
from lstm_lib import experiment, layers, tasks

DELAYS = (30, 100, 300, 1000)


def measure() -> Iterator[dict[str, Any]]:
    """Yield one row for each trained network, and for each delay at which it is asked."""
    yield from held()
    yield from one_box()
    yield from two_starts()
    yield from longer()


def held() -> Iterator[dict[str, Any]]:
    """Train at delay 30 with one gate and with two, and ask at all delays what a fresh readout finds and what is said.

    ``renamed`` is the share that would be right if the symbols had other names: of all 24 ways the best.
    """
    names = "story", "train_delay", "last_states", "own_readout", "fresh_readout", "both_answers"
    page = _page.functions(5, *names)
    ways = np.array(list(itertools.permutations(range(4))))
    for seed, start in _page.runs():
        for cell in ("learn", "forget"):
            weights = page["train_delay"](cell, seed)
            for k in DELAYS:
                symbols, *answers = page["both_answers"](weights, cell, k)
                found, said = (float(np.mean(answer == symbols)) for answer in answers)
                renamed = float((ways[:, answers[1]] == symbols).mean(axis=1).max())
                which = {"seed": seed, "start": start, "cell": cell, "delay": k}
                yield _page.rounded(claim="held", **which, held=found, said=said, renamed=renamed)


def one_box() -> Iterator[dict[str, Any]]:
    """Train the cell with learn and forget gate on one box, and let it write again or not."""
    names = "boxes", "train_one", "sigmoid", "without_rewriting", "steps_since", "AGES", "by_age"
    page = _page.functions(5, *names)
    batch = page["boxes"](np.random.default_rng(7), 300)
    many = page["boxes"](np.random.default_rng(7), 2000)
    written = tasks.stream_parts(many.xs, boxes=1).writes[..., 0] == 1
    for seed, start in _page.runs():
        weights = page["train_one"](seed)
        gates = layers.gates(experiment.run("forget", weights, batch.xs))
        right = experiment.accuracy("forget", weights, batch)
        yield _page.rounded(claim="one box", seed=seed, start=start, right=right, **means(gates.f, batch.xs))
        intact = experiment.accuracy("forget", weights, many)
        ages = page["by_age"](weights, many, written)
        yield _page.rounded(claim="no rewriting", seed=seed, start=start, intact=intact, **ages)


def two_starts() -> Iterator[dict[str, Any]]:
    """Train the full cell at delay 30 from a forget bias of 1 and from chrono biases."""
    page = _page.functions(5, "story", "chrono_biases", "train_from")
    for seed, start in _page.runs():
        for chrono in (False, True):
            at_30, at_300 = page["train_from"](seed, chrono)
            yield _page.rounded(
                claim="delay 30", seed=seed, start=start, chrono=chrono, at_30=float(at_30), at_300=float(at_300)
            )


def longer() -> Iterator[dict[str, Any]]:
    """Train the full cell from a forget bias of 1 as ``what_each_gate_buys`` did; count the symbols that it names."""
    page = _page.functions(5, "story")
    tests = {k: page["story"](np.random.default_rng(9), k, 300) for k in (30, 1000)}
    for seed in _page.SEEDS:
        rng = np.random.default_rng(seed)
        weights = experiment.init_weights(rng, "lstm", 6, 24, 4)
        weights, _ = experiment.train(rng, "lstm", weights, page["story"], iterations=1500, lr=0.001)
        at_30, at_1000 = (experiment.accuracy("lstm", weights, test) for test in tests.values())
        named = len(np.unique(experiment.answers("lstm", weights, tests[30])))
        yield _page.rounded(claim="longer", seed=seed, start="drawn", at_30=at_30, at_1000=at_1000, named=named)
