"""Learning to read your own pictures: a folder of lines with labels, split before any choice, trained, and judged.

Shapes: R rows, W columns of a picture.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from lstm_lib import training
from lstm_lib._array import Array
from lstm_lib.applied import ctc, lines, models, ocr, pictures

LABELS = "labels.txt"
FEWEST = 20  # labelled pictures that can be split into three


class Line(NamedTuple):
    """A labelled line: ink of the reader's height, what it says, and the fingerprint of its file."""

    picture: Array
    text: str
    sha256: str


def read_folder(folder: str | Path, height: int) -> list[Line]:
    """Read all pictures that a folder's labels name.

    Args:
        folder: Holds the pictures and ``labels.txt``: a line for each picture, its name, a tab, what it says.
        height: Rows that the lines are scaled to.

    Raises:
        ValueError: If a file is missing, empty, damaged, named twice, or outside the folder; or a label is missing, or
            too long for its picture. The message names the file, and the line of ``labels.txt``.

    Example:
        >>> read_folder("no-such-folder", 24)
        Traceback (most recent call last):
        ...
        ValueError: no-such-folder: got no such folder, expected one with pictures and labels.txt
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder}: got no such folder, expected one with pictures and {LABELS}")
    found = [_read_one(folder, *entry, height) for entry in _read_labels(folder / LABELS)]
    if len(found) < FEWEST:
        raise ValueError(f"{folder / LABELS}: got {len(found)} labelled pictures, expected at least {FEWEST}")
    return found


def _read_labels(path: Path) -> list[tuple[str, str, str]]:
    """Return (where, name, text) for each line of the labels."""
    if not path.is_file():
        raise ValueError(f"{path}: got no such file, expected NAME<tab>TEXT in each of its lines")
    try:
        written = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: got bytes that are not UTF-8 ({error.reason} at byte {error.start})") from None
    entries: list[tuple[str, str, str]] = []
    at: dict[str, int] = {}
    for number, entry in enumerate(written, 1):
        where = f"{path}, line {number}"
        if not entry.strip():
            continue
        name, tab, text = entry.partition("\t")
        if not tab or not name.strip() or not text.strip() or "\t" in text:
            raise ValueError(f"{where}: got {entry!r}, expected a file's name, one tab, and what it says")
        if name in at:
            raise ValueError(f"{where}: got {name} again, which line {at[name]} names already; expected it once")
        if Path(name).name != name:
            raise ValueError(f"{where}: got {name}, expected the name of a file in the same folder")
        at[name] = number
        entries.append((where, name, text.strip()))
    if not entries:
        raise ValueError(f"{path}: got no labels, expected NAME<tab>TEXT in each line")
    return entries


def _read_one(folder: Path, where: str, name: str, text: str, height: int) -> Line:
    """Read one picture, and see that its label fits."""
    path = folder / name
    if not path.is_file():
        raise ValueError(f"{where}: got {name}, and there is no such file in {folder}")
    brightness = pictures.open_picture(path)
    try:
        picture = pictures.line(brightness, height)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    columns, needed = _columns(picture), _needed(text)
    if columns < needed:
        what = f"got a picture that gives {columns} columns for the label {text!r}"
        raise ValueError(f"{path}: {what}, expected at least {needed}: is it another picture's label?")
    return Line(picture, text, hashlib.sha256(path.read_bytes()).hexdigest())


def _columns(picture: Array) -> int:
    """Say how many columns a reader makes of a line."""
    return -(-int(picture.shape[1]) // 2)


def _needed(text: str) -> int:
    """Say how many columns a label needs at least: one a character, and a blank between equal neighbours."""
    return ctc.frames_needed([ord(character) for character in text])


def bent(rng: np.random.Generator, line: Line, distortion: float) -> Array:
    """Bend a line, but leave it as it is where its label would no longer fit.

    Example:
        >>> narrow = Line(np.ones((24, 6), np.float32), "abc", "1")
        >>> {bent(np.random.default_rng(seed), narrow, 3.0).shape[1] >= 5 for seed in range(20)}
        {True}
    """
    picture = lines.bend(rng, line.picture, distortion)
    return picture if _columns(picture) >= _needed(line.text) else line.picture


def split(found: Sequence[Line], seed: int) -> dict[str, list[Line]]:
    """Split lines, eight tenths, one and one, before any choice; copies of a file stay together.

    Example:
        >>> same = Line(np.zeros((2, 2), np.float32), "a", "1")
        >>> parts = split([same] * 5 + [same._replace(sha256=str(k)) for k in range(2, 30)], 0)
        >>> sum("1" in {line.sha256 for line in part} for part in parts.values())
        1
    """
    files = sorted({line.sha256 for line in found})
    order = np.random.default_rng(seed).permutation(len(files))
    few = max(1, round(0.1 * len(files)))
    part_of = {files[k]: "test" if n < few else "validation" if n < 2 * few else "train" for n, k in enumerate(order)}
    parts = {part: [line for line in found if part_of[line.sha256] == part] for part in lines.PARTS}
    if not all(parts.values()):
        raise ValueError(f"got {len(files)} different pictures, expected enough for training, validation and test")
    expect_apart(parts)
    return parts


def expect_apart(parts: dict[str, list[Line]]) -> None:
    """Raise a ValueError if a picture is in two parts: then a test tells nothing.

    Example:
        >>> line = Line(np.zeros((2, 2), np.float32), "a", "1")
        >>> expect_apart({"train": [line], "test": [line]})
        Traceback (most recent call last):
        ...
        ValueError: got 1 picture that is in train and in test too, expected each in one part
    """
    seen: dict[str, str] = {}
    for part, members in parts.items():
        both = {seen[line.sha256] for line in members if seen.get(line.sha256, part) != part}
        if both:
            count = len({line.sha256 for line in members} & set(seen))
            plural = "picture that is" if count == 1 else "pictures that are"
            other = " and ".join(sorted(both))
            raise ValueError(f"got {count} {plural} in {other} and in {part} too, expected each in one part")
        seen |= {line.sha256: part for line in members}


def learn(arguments: argparse.Namespace) -> None:
    """Train, choose the weights that read the validation lines best, and judge them once by the test lines.

    Raises:
        ValueError: If a file, a label or a number does not fit; nothing is written then.
    """
    if arguments.batch_size < 1 or not 8 <= arguments.height <= 64 or arguments.distortion < 0:
        expected = "expected at least 1, 8 to 64 rows, and at least 0"
        told = f"--batch-size {arguments.batch_size}, --height {arguments.height}, --distortion {arguments.distortion}"
        raise ValueError(f"got {told}, {expected}")
    every = max(1, min(200, arguments.batches // 4))
    how: dict[str, Any] = {
        "batches": arguments.batches,
        "lr": arguments.lr,
        "seed": arguments.seed,
        "evaluate_every": every,
    }
    settings = training.Settings(**how, warmup=min(50, every), patience=arguments.batches, schedule="cosine")
    device = training.pick_device(arguments.device)
    parts = split(read_folder(arguments.folder, arguments.height), arguments.seed)
    characters = "".join(sorted({character for part in parts.values() for line in part for character in line.text}))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(arguments.seed)
        model = ocr.Reader(characters, height=arguments.height, hidden=arguments.hidden)

    def draw(rng: np.random.Generator) -> lines.Lines:
        chosen = [parts["train"][k] for k in rng.integers(len(parts["train"]), size=arguments.batch_size)]
        inks = [bent(rng, line, arguments.distortion) for line in chosen]
        return lines.side_by_side(rng, inks, [line.text for line in chosen], characters)

    look = lines.batch(
        [line.picture for line in parts["validation"]], [line.text for line in parts["validation"]], characters
    )
    training.fit(
        model,
        lambda n: draw(np.random.default_rng([arguments.seed, n])),
        settings,
        objective=ocr.OBJECTIVE,
        evaluate=look,
        folder=arguments.out,
        device=device,
        progress=not arguments.no_progress,
        about={"height": arguments.height, "hidden": arguments.hidden, "lines": len(look.steps), "read": characters},
    )
    _tell(arguments, model.cpu(), parts["test"])


def _tell(arguments: argparse.Namespace, model: ocr.Reader, test: list[Line]) -> None:
    """Judge the network by lines that it has not seen, and write it where ``lstm_lib.use`` finds it."""
    said, got = [line.text for line in test], ocr.transcribe(model, [line.picture for line in test])
    held_out = {
        "lines": len(test),
        "lines right": round(sum(a == b for a, b in zip(said, got, strict=True)) / len(test), 4),
        "character error rate": round(ctc.error_rate(said, got), 4),
    }
    card = {"kind": "reading", "trained on": Path(arguments.folder).name, "held out": held_out}
    path = models.save(Path(arguments.out) / models.TRAINED, model, card)
    print(f"on {len(test)} lines that it had not seen: {json.dumps(held_out)}")
    print(f"let it read: python -m lstm_lib.use read FILE.png --model {path}")
