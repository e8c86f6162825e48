"""Train the players that answer beside the reader in the page: each stage of the cell, on two boxes and on four.

Each stage has 16 units and gets 2000 batches of 32 streams of 30 steps, at the learning rate that
``what_each_gate_buys`` has chosen for it. Of five seeds the one with the best accuracy on validation streams is shipped
(``--ship``); every seed is measured on other streams, at every level of the game. And there are players with one unit:
its content is the value of the symbol, only its gates are trained; the reader takes their place.
"""

import argparse
import json
from typing import Any

import numpy as np

from benchmarks import _record
from lstm_lib import experiment, recorded, tasks
from lstm_lib.applied import gatekeepers, models
from lstm_lib.applied import stream_players as players

SEEDS = (0, 1, 2, 3, 4)
HIDDEN, BATCHES, T = 16, 2000, 30
TESTED = 1000  # streams of each level
TRAINED_ON = {2: "stream, 2 boxes", 4: "stream, 4 boxes"}


def rate_of(stage: str, boxes: int) -> float:
    """Return the learning rate that the staircase has chosen."""
    rows = recorded.rows("what_each_gate_buys", stage="final", task=TRAINED_ON[boxes], cell=stage)
    return float(rows[0]["rate"])


def train(stage: str, boxes: int, seed: int) -> experiment.Weights:
    """Train one player on plain streams."""
    rng = np.random.default_rng(seed)
    start = experiment.init_weights(rng, stage, 4 + 2 * boxes, HIDDEN, 4)

    def sample(rng: np.random.Generator) -> tasks.Batch:
        return tasks.recall_stream(rng, 32, T, boxes=boxes, dtype=np.float32)

    return experiment.train(rng, stage, start, sample, iterations=BATCHES, lr=rate_of(stage, boxes))[0]


def measure(stage: str, weights: experiment.Weights, level: players.Level) -> dict[str, float]:
    """Measure a player at a level: how many answers are right, and what the wrong ones name."""
    batch = players.draw(level, np.random.default_rng(20_000), TESTED)
    says = experiment.answers(stage, weights, batch)
    kinds = players.wrong_answers(says, batch.xs, level.boxes)
    return {name: round(share, 4) for name, share in kinds.items()}


def chance_kinds(level: players.Level) -> dict[str, float]:
    """Measure one who guesses a symbol by chance."""
    batch = players.draw(level, np.random.default_rng(20_000), TESTED)
    says = np.random.default_rng(1).integers(4, size=int(batch.mask.sum()))
    return {name: round(share, 4) for name, share in players.wrong_answers(says, batch.xs, level.boxes).items()}


def main() -> None:
    """Train, measure, write the record, and ship if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ship", action="store_true", help="write the players into the library")
    options = parser.parse_args()

    rows: list[dict[str, Any]] = []
    kept: dict[str, tuple[list[Any], experiment.Weights]] = {}
    for boxes in (2, 4):
        validation = tasks.recall_stream(np.random.default_rng(30_000), 500, T, boxes=boxes, dtype=np.float32)
        for stage in players.STAGES:
            runs = [train(stage, boxes, seed) for seed in SEEDS]
            right = [experiment.accuracy(stage, weights, validation) for weights in runs]
            best = int(np.argmax(right))
            kept[f"boxes_{boxes}_{stage}"] = ([stage, 4 + 2 * boxes, HIDDEN, 4], runs[best])
            for seed, weights in zip(SEEDS, runs, strict=True):
                for name, level in players.LEVELS.items():
                    if level.boxes == boxes:
                        row = {"level": name, "player": stage, "seed": seed, "shipped": seed == SEEDS[best]}
                        row |= {"rate": rate_of(stage, boxes), "validation": round(right[seed], 4)}
                        rows.append(row | measure(stage, weights, level))
            print(boxes, stage, [round(r, 3) for r in right], flush=True)
    for name, level in players.LEVELS.items():
        rows.append({"level": name, "player": "guessing"} | chance_kinds(level))
    for stage in players.STAGES:
        units = [gatekeepers.train(stage, seed) for seed in SEEDS]
        right = [gatekeepers.measure(stage, weights, seed=30_000)["right"] for weights in units]
        best = int(np.argmax(right))
        kept[f"unit_{stage}"] = ([stage, gatekeepers.FEATURES, 1, 0], units[best])
        for seed, weights in zip(SEEDS, units, strict=True):
            row = {"level": "one unit", "player": stage, "seed": seed, "shipped": seed == SEEDS[best], "rate": 0.03}
            rows.append(row | {"validation": right[seed]} | gatekeepers.measure(stage, weights))
        print("one unit", stage, right, flush=True)
    _record.write("stream_players", rows, seeds=SEEDS)
    if options.ship:
        ship(kept, rows)


def ship(kept: dict[str, tuple[list[Any], experiment.Weights]], rows: list[dict[str, Any]]) -> None:
    """Write the chosen players into one file, with their card."""
    network = players.Players({name: sizes for name, (sizes, _) in kept.items()})
    for name, (_, weights) in kept.items():
        players.store(network[name], weights)  # type: ignore[arg-type]
    shipped = [row for row in rows if row.get("shipped") or row["player"] == "guessing"]
    card = {
        "kind": "stream of boxes",
        "data": "recall_stream with 2 or 4 boxes, 4 symbols, 30 steps; made by the library",
        "licence": "that of the library",
        "command": "python -m benchmarks.stream_players --ship",
        "chosen": f"of {len(SEEDS)} seeds the one with the best accuracy on 500 validation streams",
        "measured": [{name: row[name] for name in row if name not in ("shipped", "rate")} for row in shipped],
    }
    path = models.save(models.FOLDER / "stream.safetensors", network, card)
    print(f"{path.name}: {path.stat().st_size} bytes; {json.dumps(card)[:200]}")


if __name__ == "__main__":
    main()
