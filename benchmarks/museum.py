"""Train two exhibits of the museum beside the healthy machine: ``python -m benchmarks.museum``.

The task is the delay: one of four symbols is shown, distractors pass, and at the last step it is asked for. Every
network has 16 units, forget bias 1 and orthogonal recurrent weights, and learns from 400 batches of 32 by Adam,
clipped at 1. "nothing-handed-on" hands no gradient from a step to the one before. "bias-twice" adds each bias twice,
so that the forget gate starts at σ(2), and the sum of both moves twice as far. A row is one trained network.
"""

import argparse
from typing import Any

import numpy as np

from benchmarks import _record
from lstm_lib import museum, tasks
from lstm_lib.from_scratch import experiment, layers, optim
from lstm_lib.from_scratch.cells import LSTMParams
from lstm_lib.from_scratch.experiment import Readout, Weights

SEEDS = tuple(range(10))
DELAYS = (1, 5, 15)
H, CLASSES, B = 16, 4, 32
ITERATIONS, RATE = 400, 0.01


def used(machine: str, params: LSTMParams) -> LSTMParams:
    """Return the parameters that the gates see."""
    return params._replace(b=2 * params.b) if machine == "bias-twice" else params


def gradients(machine: str, weights: Weights, batch: tasks.Batch) -> Weights:
    """Return the gradients of the loss at the question, as the machine computes them."""
    params = used(machine, weights.cell)
    hs = layers.lstm_forward(params, batch.xs).hs
    scores = hs[-1] @ weights.readout.W.T + weights.readout.b
    _, dscores = experiment.softmax_cross_entropy(scores, batch.targets[-1])
    dhs = np.zeros_like(hs)
    dhs[-1] = dscores @ weights.readout.W
    back = museum.broken(machine).back if machine in museum.EXHIBITS else museum.HEALTHY.back
    dcell, _ = back(params, batch.xs, dhs)
    if machine == "bias-twice":  # the one bias is used twice, so its gradients add up
        dcell = dcell._replace(b=2 * dcell.b)
    return Weights(dcell, Readout(dscores.T @ hs[-1], dscores.sum(axis=0)))


def measure(machine: str, delay: int, seed: int, iterations: int = ITERATIONS) -> dict[str, Any]:
    """Train one network, and return its row: the share of right answers to new questions."""
    rng = np.random.default_rng(seed)
    D = tasks.delay(rng, 1, delay).xs.shape[2]
    bound = H**-0.5
    readout = Readout(rng.uniform(-bound, bound, (CLASSES, H)), np.zeros(CLASSES))
    weights = Weights(museum.HEALTHY.init(rng, D, H), readout)
    adam = optim.adam_init(weights)
    for _ in range(iterations):
        grads = gradients(machine, weights, tasks.delay(rng, B, delay))
        grads, _ = optim.clip_by_norm(grads, 1.0)
        weights, adam = optim.adam_step(weights, grads, adam, lr=RATE, betas=(0.9, 0.99))
    test = tasks.delay(np.random.default_rng(10_000 + seed), 1000, delay)
    trained = Weights(used(machine, weights.cell), weights.readout)
    right = experiment.accuracy("lstm", trained, test)
    return {"machine": machine, "delay": delay, "seed": seed, "accuracy": round(right, 3)}


def main() -> None:
    """Train all, and write the results."""
    parser = argparse.ArgumentParser(description="Two exhibits beside the healthy machine.")
    parser.add_argument("--iterations", type=int, default=ITERATIONS)
    parser.add_argument("--dry-run", action="store_true", help="print, but do not write the results")
    options = parser.parse_args()
    rows = []
    for machine in ("healthy", "nothing-handed-on", "bias-twice"):
        for delay in DELAYS:
            rows += [measure(machine, delay, seed, options.iterations) for seed in SEEDS]
            print(machine, delay, sorted(row["accuracy"] for row in rows[-len(SEEDS) :]), flush=True)
    if not options.dry_run:
        _record.write("museum", rows, seeds=SEEDS)


if __name__ == "__main__":
    main()
