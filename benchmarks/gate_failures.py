"""Train LSTMs on two boxes and hold their gates open: ``python -m benchmarks.gate_failures``.

The networks are those of Chapter 7, trained by the function on its page, with weights rounded to two digits: small
enough to be sent with a page. A row is one network with some gates held at 1: the shares of its answers that are right,
stale, of the other box, and intruders. The streams are the 46 out of 400 in which two questions or more are clear: the
right answer and the three others that could be named are four different symbols.

``--ship`` trains the first seed only, and writes its network and the streams for the explorable ``GateFailures``.
"""

import argparse
import itertools
import json
from typing import Any

import numpy as np

from benchmarks import _record
from benchmarks.chapters import _page
from lstm_lib import answers, experiment, layers, tasks
from lstm_lib.widgets.gate_failures import FILE

BATCHES, DIGITS = 1000, 2
SEEDS = range(10)
CLEAR = 2
HELD = ["".join(gates) for count in range(4) for gates in itertools.combinations("ifo", count)]


def streams() -> np.ndarray:
    """Draw the streams (T, B, D), and keep those that have enough clear questions."""
    batch = tasks.recall_stream(np.random.default_rng(7), 400, 30)
    possible = answers.possible_answers(batch.xs)
    clear = np.array([min(row) >= 0 and len(set(row)) == 4 for row in possible.tolist()])
    owner = np.nonzero(batch.mask)[1]
    enough = np.bincount(owner, weights=clear, minlength=400) >= CLEAR
    kept: np.ndarray = batch.xs[:, enough]
    return kept


def train(seed: int) -> experiment.Weights:
    """Train one network, and round it."""
    weights = _page.functions(7, "boxes", "train_lstm")["train_lstm"](seed, 2, BATCHES)
    cell, readout = ([np.round(array.astype(float), DIGITS) for array in part] for part in weights)
    return experiment.Weights(type(weights.cell)(*cell), type(weights.readout)(*readout))


def says(weights: experiment.Weights, xs: np.ndarray, held: str) -> np.ndarray:
    """Return the symbol that is named at each question, in the order of the mask."""
    run = layers.lstm_forward(weights.cell, xs, clamp=dict.fromkeys(held, 1.0))
    asked = xs[..., 6:].any(axis=2)
    named: np.ndarray = (run.hs[asked] @ weights.readout.W.T + weights.readout.b).argmax(axis=1)
    return named


def measure(seed: int, xs: np.ndarray) -> list[dict[str, Any]]:
    """Train one network, and return a row for each way to hold its gates."""
    weights, rows = train(seed), []
    for held in HELD:
        shares = answers.kinds_of_answers(says(weights, xs, held), xs)
        rows.append({"seed": seed, "held": held or "none"} | dict(zip(answers.KINDS, shares.round(4), strict=True)))
    return rows


def written(xs: np.ndarray) -> list[str]:
    """Write each stream as two characters a step: A1 into box 1, A. passes by, ?1 asks for box 1."""

    def step(x: np.ndarray) -> str:
        symbol = "ABCD"[x[:4].argmax()] if x[:4].any() else "?"
        flags = x[4:6] + x[6:]
        return symbol + ("12"[flags.argmax()] if flags.any() else ".")

    return ["".join(step(x) for x in stream) for stream in xs.swapaxes(0, 1)]


def ship() -> None:
    """Write the network of the first seed and the streams."""
    weights = train(SEEDS[0])
    card = {"command": "python -m benchmarks.gate_failures --ship", "seed": SEEDS[0], "batches": BATCHES}
    arrays = {
        "W": weights.cell.W,
        "b": weights.cell.b,
        "readout_W": weights.readout.W,
        "readout_b": weights.readout.b,
    }
    entries = {"card": card, **{name: array.tolist() for name, array in arrays.items()}, "streams": written(streams())}
    lines = [f" {json.dumps(name)}: {json.dumps(entry, separators=(',', ':'))}" for name, entry in entries.items()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def main() -> None:
    """Read the command line, and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ship", action="store_true", help="write the network for the page, and no record")
    if parser.parse_args().ship:
        ship()
        return
    xs = streams()
    rows = [row for seed in SEEDS for row in measure(seed, xs)]
    _record.write("gate_failures", rows, seeds=SEEDS, packages=("numpy",))


if __name__ == "__main__":
    main()
