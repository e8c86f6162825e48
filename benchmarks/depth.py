"""Train stacks of one to four layers, and single layers of as many parameters: ``python -m benchmarks.depth``.

The task is the stream of boxes with four boxes and 30 steps. "deep" stacks L layers of 12 units; "wide" is one layer
with the number of units that brings its parameters closest to those of the stack. All are trained alike: 1500 batches
of 32, Adam, clipped at 1, forget bias 1 in every layer, U(±1/√H) elsewhere. Each shape has its own learning rate, the
one of RATES with the fewest batches to 95 % in the mean of the seeds of the stage "choosing" (never counts as 50 more
than all, and the loss decides between equals); the stage "final" has other seeds. A row is one trained network: its
loss and accuracy at 30 steps, its accuracy at 300, which it never saw, the batches until its accuracy first was 95 %
(null: never), and its seconds.
"""

import argparse
import time
from typing import Any

import numpy as np
import torch

from benchmarks import _record
from lstm_lib import nn, tasks, training

SEEDS, CHOOSING = (0, 1, 2, 3, 4), (100, 101, 102)
RATES = (0.01, 0.02, 0.04, 0.08)
BOXES, T, H, D, CLASSES = 4, 30, 12, 12, 4
LAYERS = (1, 2, 3, 4)
BATCHES = 1500
GOAL = 0.95


def parameters(hidden_size: int, layers: int = 1) -> int:
    """Count the parameters of a tagger."""
    model = nn.Tagger(D, hidden_size, CLASSES, num_layers=layers)
    return sum(p.numel() for p in model.parameters())


def as_wide_as(layers: int) -> int:
    """Return the units of the single layer whose parameters come closest to those of a stack."""
    return min(range(H, 8 * H), key=lambda width: abs(parameters(width) - parameters(H, layers)))


def shapes() -> list[tuple[str, int, int]]:
    """List what is trained: its kind, layers and units a layer."""
    return [("deep", layers, H) for layers in LAYERS] + [("wide", 1, as_wide_as(layers)) for layers in LAYERS[1:]]


def stream(rng: np.random.Generator, size: int, steps: int) -> tasks.Batch:
    """Draw a batch of streams."""
    return tasks.recall_stream(rng, size, steps, boxes=BOXES)


def measure(kind: str, layers: int, hidden_size: int, seed: int, rate: float, batches: int) -> dict[str, Any]:
    """Train one network and return its row."""
    torch.manual_seed(seed)
    model = nn.Tagger(D, hidden_size, CLASSES, num_layers=layers)
    nn.set_forget_bias(model.lstm, 1.0)
    test = np.random.default_rng(10_000 + seed)
    known, longer = stream(test, 512, T), stream(test, 256, 10 * T)
    settings = training.Settings(batches=batches, lr=rate, seed=seed, evaluate_every=50)
    sample = training.numbered(lambda rng: stream(rng, 32, T), seed)
    start = time.perf_counter()
    history = training.fit(model, sample, settings, evaluate=known, device="cpu", progress=False)
    seconds = time.perf_counter() - start
    score = training.evaluate(model, known)
    there = np.flatnonzero(history.accuracies >= GOAL)
    return {
        "kind": kind,
        "layers": layers,
        "hidden_size": hidden_size,
        "parameters": sum(p.numel() for p in model.parameters()),
        "rate": rate,
        "seed": seed,
        "loss": round(score.loss, 5),
        "accuracy": round(score.accuracy, 4),
        "accuracy_at_300": round(training.evaluate(model, longer).accuracy, 4),
        "batches_to_goal": int(history.evaluated[there[0]]) if len(there) else None,
        "seconds": round(seconds, 1),
    }


def choose(shape: tuple[str, int, int], batches: int) -> tuple[float, list[dict[str, Any]]]:
    """Return the learning rate for a shape, and the rows that chose it."""
    rows = [measure(*shape, seed, rate, batches) for rate in RATES for seed in CHOOSING]

    def key(rate: float) -> tuple[float, float]:
        own = [row for row in rows if row["rate"] == rate]
        goal = np.mean([row["batches_to_goal"] or batches + 50 for row in own])
        return float(goal), float(np.mean([row["loss"] for row in own]))

    return min(RATES, key=key), rows


def main() -> None:
    """Train all, shape by shape, and write the results."""
    parser = argparse.ArgumentParser(description="Stacks of layers beside single layers of as many parameters.")
    parser.add_argument("--batches", type=int, default=BATCHES)
    parser.add_argument("--dry-run", action="store_true", help="print, but do not write the results")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for shape in shapes():
        rate, choosing = choose(shape, options.batches)
        final = [measure(*shape, seed, rate, options.batches) for seed in SEEDS]
        rows += [{"stage": stage} | row for stage, part in (("choosing", choosing), ("final", final)) for row in part]
        for row in rows[-len(choosing + final) :]:
            print(*row.values(), flush=True)
    if not options.dry_run:
        _record.write("depth", rows, seeds=[*SEEDS, *CHOOSING], packages=["numpy", "torch"])


if __name__ == "__main__":
    main()
