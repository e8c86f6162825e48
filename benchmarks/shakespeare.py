"""Train the character model that writes like Shakespeare: ``LSTM_LIB_DATA=FOLDER python -m benchmarks.shakespeare``.

The text is tiny Shakespeare, cut as nanoGPT cuts it: the first 90 % are for training, the last 10 % are asked once, at
the end, and choose nothing. A row is one way to foretell the next character of the last 10 %, in nats and in bits a
character: the network, for each seed; its weights in bytes; counted n-grams; two compressors that have seen the first
90 %; and guessing with the frequency of each character alone.

The network is one layer of standard cells, read in windows of 64 characters with the state carried on. Each seed is
resumable: called again, it goes on where it stopped (``--folder``). ``--seeds 1 2`` measures these alone; the rows of
other seeds stay as they were recorded. ``--ship`` writes the model of the first seed,
weights in bytes, to where ``lstm_lib.use`` finds it. ``--look`` trains nothing: it looks into the shipped model, for
cells that tell where a character stands and for what temperature 0 writes, and puts that into its card and the record.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import _clock, _record
from lstm_lib import nn, recorded, training
from lstm_lib.applied import cells_to_read as reading
from lstm_lib.applied import data, language, models, ngrams, plays

NAME = "tinyshakespeare.txt"
SEEDS = (0, 1, 2)
H, STREAMS, WINDOW, EPOCHS, RATE = 512, 32, 64, 12, 0.003
ORDERS = (1, 3, 5, 7)
KEYS = ("way", "what", "seed")  # what tells rows apart
CHARACTERS, BEGINNINGS, LENGTH = 20_000, 20, 2_000  # for a look into the model


def network(seed: int, classes: int) -> nn.Tagger:
    """Draw the network of a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = nn.Tagger(classes, H, classes)
        nn.set_forget_bias(model.lstm, 1.0)
    return model


def train(seed: int, tokens: language.Tokens, classes: int, folder: Path, *, batches: int) -> nn.Tagger:
    """Train the network of a seed, from where it stopped."""
    model = network(seed, classes)
    how = {"lr": RATE, "schedule": "cosine", "warmup": min(100, batches // 2), "save_every": 200}
    settings = training.Settings(batches=batches, stateful=True, seed=seed, **how)
    sample = language.Windows(tokens, STREAMS, WINDOW)
    training.fit(model, sample, settings, folder=folder, device="cpu", about={"text": NAME})
    return model


def row(way: str, nats: float, **more: Any) -> dict[str, Any]:
    """Return a row of the result file."""
    return {"way": way, "nats": round(nats, 4), "bits": round(language.bits(nats), 4), **more}


def baselines(first: str, last: str, vocabulary: language.Vocabulary) -> list[dict[str, Any]]:
    """Ask the ways that need no network."""
    before, tokens = vocabulary.encode(first).tolist(), vocabulary.encode(last).tolist()
    rows = []
    for order in ORDERS:
        counted = ngrams.NGrams(before, order, len(vocabulary))
        rows.append(row(f"{order}-grams", counted.nats(tokens, before)))
    for name in ngrams.COMPRESSORS:
        bits = ngrams.compressed_bits(name, last, first)
        rows.append(row(name, bits / language.bits(1.0)))
    return rows


def look(first: str, last: str) -> list[dict[str, Any]]:
    """Look into the shipped model: its most telling cells go into its card and into rows, and so does how it loops."""
    model, card = models.load("shakespeare")
    vocabulary = language.Vocabulary(card["characters"])
    piece = first[-CHARACTERS:]
    held = reading.memories(model, vocabulary.encode(piece))
    found = reading.best_readers(held, plays.structure(piece), np.random.default_rng(0))
    cells = [{**cell._asdict(), "score": round(cell.score, 3), "control": round(cell.control, 3)} for cell in found]
    models.save(models.FOLDER / "shakespeare.safetensors", model, {**card, "cells": cells}, as_bytes=True)
    names = list(dict.fromkeys(match.group() for match in plays.NAME.finditer(last)))[:BEGINNINGS]
    texts = [language.generate(model, vocabulary, f"{name}\n", LENGTH, temperature=0) for name in names]
    loops = {"way": "temperature 0", "beginnings": len(texts), "characters": LENGTH, "loops": sum(map(repeats, texts))}
    return [*({"way": "cell", **cell} for cell in cells), loops]


def repeats(text: str) -> bool:
    """Say whether the last half of a text is one run of characters again and again, at least three times.

    Example:
        >>> repeats("so be it so it is so it is so it is"), repeats("so be it and so it was")
        (True, False)
    """
    end = text[len(text) // 2 :]
    return any(end[period:] == end[:-period] for period in range(1, len(end) // 3 + 1))


def main() -> None:
    """Read the command line, measure, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="*", default=list(SEEDS))
    parser.add_argument("--epochs", type=float, default=EPOCHS, help=f"passes over the text (default {EPOCHS})")
    parser.add_argument("--folder", type=Path, default=Path("runs/shakespeare"), help="where runs are kept")
    parser.add_argument("--ship", action="store_true", help="write the model of the first seed into the library")
    parser.add_argument("--look", action="store_true", help="look into the shipped model, and train nothing")
    parser.add_argument("--dry-run", action="store_true", help="do not write the result file")
    options = parser.parse_args()
    path = data.fetch(NAME)
    first, last = language.split(language.read_text(path), 0.9)
    language.expect_unseen(first, last)
    vocabulary = language.Vocabulary.of(first + last)
    tokens, held_out = vocabulary.encode(first), vocabulary.encode(last)
    rows = look(first, last) if options.look else baselines(first, last, vocabulary)
    print(*rows, sep="\n", flush=True)
    options.seeds = [] if options.look else options.seeds
    batches = round(options.epochs * len(tokens) / (STREAMS * WINDOW))
    for seed in options.seeds:
        where = options.folder / f"seed{seed}"
        clock = where / "took.json"
        begun_without_clock = training.latest_checkpoint(where) is not None and not clock.is_file()
        with _clock.counted(clock) as took:
            model = train(seed, tokens, len(vocabulary), where, batches=batches)
        score = language.ask(model, held_out)
        size = {"parameters": sum(p.numel() for p in model.parameters()), "epochs": options.epochs}
        took = {} if begun_without_clock else {**took, "threads": torch.get_num_threads()}
        rows.append(row("LSTM", score.loss, seed=seed, accuracy=round(score.accuracy, 4), **size, **took))
        print(rows[-1], flush=True)
        card = {
            "kind": "language",
            "characters": vocabulary.characters,
            "data": NAME,
            "sha256": data.SOURCES[NAME].sha256,
            "licence": data.SOURCES[NAME].licence,
            "command": "python -m benchmarks.shakespeare --ship",
            "split": "first 90 % of the characters to train on, last 10 % asked once",
            "held out": {"nats a character": rows[-1]["nats"], "characters": score.questions},
            "cannot": "It knows 65 characters and one author; it imitates spelling and verse, and means nothing.",
        }
        kept = models.save(options.folder / f"seed{seed}.safetensors", model, card, as_bytes=True)
        asked = language.ask(models.load(kept).network, held_out)
        rows.append(row("LSTM, weights in bytes", asked.loss, seed=seed, accuracy=round(asked.accuracy, 4)))
        print(rows[-1], flush=True)
        if options.ship and seed == options.seeds[0]:
            card["held out"]["nats a character, weights in bytes"] = rows[-1]["nats"]
            models.save(models.FOLDER / "shakespeare.safetensors", model, card, as_bytes=True)
    if not options.dry_run:
        new = [tuple(map(row.get, KEYS)) for row in rows]
        rows += [row for row in recorded.rows("shakespeare") if tuple(map(row.get, KEYS)) not in new]
        rows.sort(key=lambda row: (row.get("seed", -1), row["way"]))
        seeds = sorted({row["seed"] for row in rows if "seed" in row})
        _record.write("shakespeare", rows, seeds=seeds, packages=("numpy", "torch"))


if __name__ == "__main__":
    main()
