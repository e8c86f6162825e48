"""Tell nine speakers by one vowel pair: ``LSTM_LIB_DATA=FOLDER python -m benchmarks.japanese_vowels``.

270 sequences to train on, 370 to test, 7 to 29 frames of 12 numbers each (kudo1999multidimensional). An LSTM in both
directions says at each frame who speaks; the mean of its log chances decides. ``--choose`` trains on the first 24 of
the 30 training sequences of each speaker and asks the other 6. ``without`` is the same without recurrence: each frame
alone, through as many units.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks import _clock, _record
from lstm_lib import training
from lstm_lib._array import Array
from lstm_lib.applied import data, sound, voice

SEEDS = (0, 1, 2)
H, BATCH, BATCHES, RATE, NOISE, DROPOUT = 64, 30, 1200, 0.01, 1.0, 0.4
Sequence = tuple[Array, int]


def read(path: Path) -> list[Sequence]:
    """Read the text format of the archive: features of a sequence parted by colons, its class last."""
    lines = path.read_text(encoding="utf-8").split("@data")[1].split()
    found = []
    for line in lines:
        *rows, kind = line.split(":")
        numbers = [[float(value) for value in row.split(",") if value not in ("", "?")] for row in rows]
        found.append((np.array(numbers, np.float32).T, int(kind)))
    return found


def _scores(log_probs: Any, batch: Any) -> Any:
    return voice.mean_scores(log_probs, batch.lengths)


WHO = training.Objective(
    parts=voice.objective().parts,
    loss=lambda log_probs, batch: F.cross_entropy(_scores(log_probs, batch), batch.labels[:, 0] - 1, reduction="sum"),
    score=lambda log_probs, batch: (_scores(log_probs, batch).argmax(1) == batch.labels[:, 0] - 1).sum(),
    run=lambda network, batch, state: (network(batch.features, batch.lengths), None),
)


def learn(seed: int, train: list[Sequence], *, window: int, batches: int) -> voice.Listener:
    """Train one network; sequences are cut at random, and noise is added to what it hears."""
    scaling = sound.Scaling.of(xs for xs, _ in train)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        shape: dict[str, Any] = {"bidirectional": not window, "window": window, "dropout": DROPOUT, "stack": 1}
        network = voice.Listener(12, 9, H, **shape).scale(scaling)

    def sample(n: int) -> voice.Utterances:
        rng = np.random.default_rng([seed, n])
        chosen = [train[at] for at in rng.integers(0, len(train), BATCH)]
        cuts = [xs[rng.integers(0, 3) : len(xs) - rng.integers(0, 3)] for xs, _ in chosen]
        noisy = [(xs + rng.normal(0, NOISE, xs.shape) * scaling.spread).astype(np.float32) for xs in cuts]
        return voice.pad(noisy, [[who] for _, who in chosen])

    how: dict[str, Any] = {"lr": RATE, "schedule": "cosine", "optimiser": "adamw", "weight_decay": 0.01}
    settings = training.Settings(batches=batches, warmup=20, clip=5.0, seed=seed, **how)
    training.fit(network, sample, settings, objective=WHO, device="cpu", progress=False)
    return network


def main() -> None:
    """Read the command line, measure, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--choose", action="store_true", help="ask held-out training sequences; write nothing")
    parser.add_argument("--seeds", type=int, nargs="*", default=list(SEEDS))
    parser.add_argument("--batches", type=int, default=BATCHES)
    options = parser.parse_args()
    train, test = (read(data.fetch(f"JapaneseVowels_{part}.ts")) for part in ("TRAIN", "TEST"))
    if options.choose:
        train, test = [train[n] for n in range(270) if n % 30 < 24], [train[n] for n in range(270) if n % 30 >= 24]
    voice.expect_apart((xs.tobytes() for xs, _ in train), (xs.tobytes() for xs, _ in test), "sequence")
    rows = []
    for way, window in (("both directions", 0), ("without", 1)):
        for seed in options.seeds:
            with _clock.counted() as took:
                network = learn(seed, train, window=window, batches=options.batches)
            score = training.evaluate(
                network, voice.pad([xs for xs, _ in test], [[who] for _, who in test]), objective=WHO
            )
            size = {"parameters": sum(p.numel() for p in network.parameters()), "batches": options.batches}
            told = {"right": round(score.accuracy, 5), "asked": score.questions}
            rows.append({"way": way, "seed": seed, **told, **size, **took})
            print(json.dumps(rows[-1]), flush=True)
    if not options.choose:
        _record.write("japanese_vowels", rows, seeds=options.seeds, packages=("numpy", "torch"))


if __name__ == "__main__":
    main()
