"""``python -m lstm_lib.use read``: read lines of writing in pictures."""

import argparse
import json
import math
import sys

from lstm_lib.applied import models, ocr, pictures

ABOUT = "read lines of writing in pictures"
UNLIKELY = 0.5  # below this chance of the whole line, a reading comes with a warning


def add(this: argparse.ArgumentParser) -> None:
    """Add the options to a parser.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add(parser)
        >>> parser.parse_args(["number.png", "--model", "ocr_digits"]).files
        ['number.png']
    """
    this.add_argument("files", nargs="+", metavar="FILE", help="pictures of one line each: small letters, digits")
    known = "ocr_words (print; default), ocr_digits (handwriting), a file or a run's folder"
    this.add_argument("--model", default="ocr_words", help=known)
    this.add_argument("--beam", type=int, default=8, metavar="WIDTH", help="texts kept in the search (default 8)")
    this.add_argument("--json", action="store_true", help="print one line of JSON a picture, for programs")


def run(arguments: argparse.Namespace) -> None:
    """Read every picture, and then print what they say: nothing is printed if one of them cannot be read.

    A reader says something whatever it is given: where the chance is low, the error stream says so.

    Raises:
        ValueError: If a file is no picture of a line, or the model is for something else.
        CheckpointError: If there is no such model, or its file is damaged.
    """
    network, card = models.load_as(ocr.Reader, arguments.model, "reading")
    if arguments.beam < 1:
        raise ValueError(f"got --beam {arguments.beam}, expected at least 1")
    lines, doubts = [], []
    for name in arguments.files:
        brightness = pictures.open_picture(name)
        try:
            reading = ocr.read(network, brightness, beam=arguments.beam)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        lines.append(_told(name, arguments.model, reading) if arguments.json else reading.text)
        chance = math.exp(reading.log_chance)
        if chance < UNLIKELY:
            what = f"{name}: warning: {reading.text!r} has a chance of {chance:.2g} only."
            doubts.append(" ".join(filter(None, [what, card.get("cannot")])))
    print(*lines, sep="\n")
    print(*doubts, sep="\n", end="\n" if doubts else "", file=sys.stderr)


def _told(name: str, model: str, reading: ocr.Reading) -> str:
    """Write a reading as one line of JSON; spans are shares of the line's width."""
    width = reading.picture.shape[1]
    spans = [[round(first / width, 4), round(after / width, 4)] for first, after in reading.spans]
    chance = math.exp(reading.log_chance)
    return json.dumps({"file": name, "text": reading.text, "chance": chance, "spans": spans, "model": model})
