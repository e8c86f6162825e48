"""Train the readers of lines, and see what the LSTM adds: ``python -m benchmarks.ocr``.

Two kinds of lines. **Digits**: scikit-learn's handwritten digits, five in a row with random gaps, split before any
choice in two ways: at random, and in file order, where the last fifth is by other writers than the start. **Words**:
English words, a few random letters and numbers, in small letters, rendered in 16 of matplotlib's fonts with
distortions; asked are words that training has not seen, in these fonts and in five others.

Each kind is trained with the LSTM and with convolutions along the columns in its place, three seeds each, and once
more for longer with the LSTM, on the training and the validation part together: digits for three times as many
batches, bent more, three seeds; words for fourteen times as many, one seed. Sizes, rates, batches and distortion were
chosen before, by ``--validate``, which trains on the training part and asks the validation part.

Resumable: what a run has reached is kept in ``--folder``, batch by batch and row by row. ``--ship`` writes the models
of the first seed, weights in bytes, to where ``lstm_lib.use`` finds them.
"""

import argparse
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from benchmarks import _clock, _record
from lstm_lib import training
from lstm_lib.applied import ctc, lines, models, ocr

SEEDS = (0, 1, 2)
LONGER = ", longer"  # more batches, with the LSTM only: the readers that are shipped
ASKED = 1000  # lines of a test
DIGITS, LETTERS = "0123456789", lines.LETTERS
Pair = tuple[np.ndarray, str]


class Kind(NamedTuple):
    """A kind of lines: its alphabet, its network, how long it trains, and how a line of some length is drawn."""

    characters: str
    network: dict[str, Any]
    alone: int
    batches: int
    size: int
    rate: float
    lengths: tuple[int, int]
    draw: Callable[[np.random.Generator, int], Pair]


def digits_kind(how: str, parts: tuple[str, ...], batches: int = 900, distortion: float = 0.8) -> Kind:
    """Draw lines of the digits in some parts of a split."""
    digits, split = lines.digits(), lines.split(1797, how)
    of = digits.only(np.concatenate([split[part] for part in parts]))
    network = {"height": 16, "channels": (16, 32, 48), "strides": ((1, 2), (2, 2), (2, 1)), "hidden": 48}

    def draw(rng: np.random.Generator, length: int) -> Pair:
        return lines.digit_line(rng, of, count=length, distortion=distortion)

    return Kind(DIGITS, network, 120, batches, 32, 0.004, (1, 6), draw)


def words_kind(parts: tuple[str, ...], batches: int = 1000) -> Kind:
    """Draw words of some parts of the vocabulary, in the fonts to train on."""
    network = {"height": 24, "channels": (16, 40, 64), "strides": ((2, 2), (2, 2), (2, 1)), "hidden": 72}

    def draw(rng: np.random.Generator, length: int) -> Pair:
        text = lines.draw_text(rng, parts[rng.integers(len(parts))], length)
        return lines.render_word(text, lines.SEEN[rng.integers(len(lines.SEEN))], rng), text

    return Kind(LETTERS, network, 250, batches, 24, 0.005, (3, 10), draw)


def sample(kind: Kind, seed: int, lengths: tuple[int, int], size: int) -> Callable[[int], lines.Lines]:
    """Make every batch a function of its number; the lines of a batch have one number of characters."""

    def batch(n: int) -> lines.Lines:
        rng = np.random.default_rng([seed, n])
        length = int(rng.integers(*lengths, endpoint=True))
        made = [kind.draw(rng, length) for _ in range(size)]
        return lines.side_by_side(rng, *map(list, zip(*made, strict=True)), kind.characters)

    return batch


def train(name: str, kind: Kind, seed: int, recurrent: bool, folder: Path) -> ocr.Reader:
    """Train the network of a seed, from where it stopped: single characters first, then lines."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = ocr.Reader(kind.characters, recurrent=recurrent, norm=True, **kind.network)
    how = {"lr": kind.rate, "optimiser": "adamw", "weight_decay": 0.01, "seed": seed, "keep": 1}
    about = {
        "data": name.removesuffix(LONGER),
        "network": json.dumps(kind.network),
        "size": kind.size,
        "recurrent": recurrent,
    }
    told: dict[str, Any] = {"device": "cpu", "progress": False, "about": about}
    alone = training.Settings(batches=kind.alone, **how)
    singles = sample(kind, seed + 1000, (1, 1), 2 * kind.size)
    training.fit(model, singles, alone, objective=ocr.NAMING, folder=folder / "alone", **told)
    settings = training.Settings(batches=kind.batches, save_every=100, schedule="cosine", warmup=20, **how)
    batches = sample(kind, seed, kind.lengths, kind.size)
    training.fit(model, batches, settings, objective=ocr.OBJECTIVE, folder=folder / "lines", **told)
    return ocr.fold(model)


# ---------------------------------------------------------------- what is asked


def tests(name: str, part: str) -> dict[str, tuple[list[np.ndarray], list[str]]]:
    """Return the lines that a reader is asked, always the same."""
    rng = np.random.default_rng(1_000_003)
    if name.startswith("digits"):
        how = name.removeprefix("digits, ").removesuffix(LONGER)
        of = lines.digits().only(lines.split(1797, how)[part])
        made = [lines.digit_line(rng, of) for _ in range(ASKED)]
        return {"": ([picture for picture, _ in made], [text for _, text in made])}
    found = {}
    for which, fonts in (("seen fonts", lines.SEEN), ("unseen fonts", lines.UNSEEN)):
        if part == "validation" and fonts is lines.UNSEEN:
            continue  # nothing may be chosen by them
        pictures, texts = [], []
        for k in range(ASKED):
            text = lines.draw_text(rng, part)
            pictures.append(lines.render_word(text, fonts[k % len(fonts)], rng))
            texts.append(text)
        found[which] = pictures, texts
    return found


def ask(model: ocr.Reader, name: str, part: str) -> list[dict[str, Any]]:
    """Return a row for each test."""
    rows = []
    for which, (pictures, said) in tests(name, part).items():
        got = ocr.transcribe(model, pictures)
        pairs = list(ocr.confusions(said, got).items())[:5]
        row = {"asked": which or "five digits", "lines": len(said)}
        row["right"] = round(sum(one == other for one, other in zip(said, got, strict=True)) / len(said), 4)
        row["character error rate"] = round(ctc.error_rate(said, got), 4)
        row["confusions"] = ", ".join(f"{one} for {other} {count}" for (other, one), count in pairs)
        if which == "unseen fonts":
            for k, font in enumerate(lines.UNSEEN):
                row[font] = round(ctc.error_rate(said[k :: len(lines.UNSEEN)], got[k :: len(lines.UNSEEN)]), 4)
        rows.append(row)
    return rows


def data_sha256() -> str:
    """Return the fingerprint of scikit-learn's digits."""
    digits = lines.digits()
    return hashlib.sha256((digits.images * 16).astype(np.uint8).tobytes() + digits.names.tobytes()).hexdigest()


CANNOT = {
    "words": "It knows small letters and digits, no capitals, no accents, no marks, and one line at a time; "
    "it has seen 16 printed fonts and no handwriting.",
    "digits": "It knows digits that 13 people wrote in boxes in the 1990s, one line at a time; no letters, no signs.",
}


def card(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Say what a model is."""
    kind = name.split(",")[0]
    held_out = {
        f"{row['weights']}, {row['asked']}": {key: row[key] for key in ("right", "character error rate")}
        for row in rows
    }
    how = name.removeprefix("digits, ").removesuffix(LONGER)
    data = {
        "digits": "scikit-learn's handwritten digits (Alpaydin and Kaynak 1998, UCI; CC BY 4.0), split " + how,
        "words": "rendered: words of Python's help in DejaVu, STIX and Computer Modern (free licences)",
    }
    words = {"kind": "reading", "data": data[kind], "command": "python -m benchmarks.ocr --ship", "held out": held_out}
    words |= {"sha256": data_sha256()} if kind == "digits" else {"fonts": ", ".join(lines.SEEN)}
    return words | {"cannot": CANNOT[kind]}


def measure(
    name: str, kind: Kind, seed: int, recurrent: bool, folder: Path, part: str, ship: bool
) -> list[dict[str, Any]]:
    """Train one network and ask it, with its weights whole and in bytes."""
    folder = (
        folder / f"{name.replace(', ', '-').replace(' ', '-')}-{'lstm' if recurrent else 'convolution'}-{part}-{seed}"
    )
    kept = folder / "rows.json"
    if kept.is_file() and not ship:
        return list(json.loads(kept.read_text(encoding="utf-8")))
    with _clock.counted(folder / "took.json") as took:
        model = train(name, kind, seed, recurrent, folder)
    common = {"data": name, "part": part, "way": "LSTM" if recurrent else "convolution alone", "seed": seed}
    sizes = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "batches": kind.batches,
        "threads": torch.get_num_threads(),
    }
    rows = [common | {"weights": "whole"} | row | sizes | took for row in ask(model, name, part)]
    if recurrent and part == "test":
        again = models.load(
            models.save(folder / "bytes.safetensors", model, {"kind": "reading"}, as_bytes=True)
        ).network
        rows += [common | {"weights": "in bytes"} | row | sizes for row in ask(again, name, part)]  # type: ignore[arg-type]
    if kept.is_file():  # trained before: the time that was measured then stands
        rows = list(json.loads(kept.read_text(encoding="utf-8")))
    kept.write_text(json.dumps(rows), encoding="utf-8")
    if ship:
        short = {"words" + LONGER: "ocr_words", "digits, random" + LONGER: "ocr_digits"}.get(name)
        if short:
            models.save(models.FOLDER / f"{short}.safetensors", model, card(name, rows), as_bytes=True)
    return rows


def main() -> None:
    """Read the command line, measure, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="*", default=list(SEEDS))
    parser.add_argument("--only", choices=("digits", "words"), help="one kind of lines")
    parser.add_argument("--validate", action="store_true", help="train on the training part, ask the validation part")
    parser.add_argument("--folder", type=Path, default=Path("runs/ocr"), help="where runs are kept")
    parser.add_argument("--ship", action="store_true", help="write the models of the first seed into the library")
    parser.add_argument("--dry-run", action="store_true", help="do not write the result file")
    options = parser.parse_args()
    parts, part = (("train",), "validation") if options.validate else (("train", "validation"), "test")
    kinds = {}
    if options.only != "words":
        for how in ("random", "file order"):
            kinds[f"digits, {how}"] = digits_kind(how, parts)
            kinds[f"digits, {how}{LONGER}"] = digits_kind(how, parts, batches=2700, distortion=1.3)
    if options.only != "digits":
        kinds |= {"words": words_kind(parts), "words" + LONGER: words_kind(parts, batches=14000)}
    rows: list[dict[str, Any]] = []
    for seed in options.seeds:
        for name, kind in kinds.items():
            longer = name.endswith(LONGER)
            if name == "words" + LONGER and seed != options.seeds[0]:
                continue
            for recurrent in (True,) if longer else (True, False):
                ship = options.ship and recurrent and seed == options.seeds[0] and part == "test"
                found = measure(name, kind, seed, recurrent, options.folder, part, ship)
                rows += found
                print(*found, sep="\n", flush=True)
    if not (options.dry_run or options.validate):
        rows.append({"data": "digits", "sha256": data_sha256()})
        _record.write(
            "ocr", rows, seeds=options.seeds, packages=("numpy", "torch", "pillow", "matplotlib", "scikit-learn")
        )


if __name__ == "__main__":
    main()
