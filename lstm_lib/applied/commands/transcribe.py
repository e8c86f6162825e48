"""``python -m lstm_lib.use transcribe``: say what was said in wav files."""

import argparse
import json
import math
import sys
from typing import Any

import numpy as np

from lstm_lib.applied import ctc, models, sound, voice, wav

ABOUT = "say what was said in wav files"
UNSURE = 0.5  # chance of a reading below which it is called a guess


def add(this: argparse.ArgumentParser) -> None:
    """Add the options to a parser.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add(parser)
        >>> parser.parse_args(["hello.wav"]).model
        'voice'
    """
    this.add_argument("file", nargs="+", help="wav files, one channel, 8000 samples a second")
    this.add_argument("--model", default="voice", help="a name, a file or a run's folder (default voice: digits)")
    this.add_argument("--beam", type=int, default=12, metavar="WIDTH", help="readings that are kept (default 12)")
    this.add_argument("--resample", action="store_true", help="take any higher rate, and bring it to 8000")
    this.add_argument("--json", action="store_true", help="print one line of JSON a file, for programs")


def run(arguments: argparse.Namespace) -> None:
    """Listen to all files, then print a line for each; on the error stream, which of these are guesses.

    Raises:
        ValueError: If a file cannot be listened to, or the model is for something else.
        CheckpointError: If there is no such model, or its file is damaged.
    """
    network, card = models.load_as(voice.Listener, arguments.model, "voice")
    labels = card.get("labels") or []
    if network.readout.out_features != 1 + len(labels):
        raise ValueError(
            f"{arguments.model}: got a network that does not fit its labels, expected a Listener that does"
        )
    if arguments.beam < 1:
        raise ValueError(f"got --beam {arguments.beam}, expected at least 1")
    heard = [wav.read(file, None if arguments.resample else sound.RATE) for file in arguments.file]
    for file, one in zip(arguments.file, heard, strict=True):
        found = describe(network, labels, one, arguments.beam)
        words = " ".join(found["labels"])
        line = json.dumps({"file": file, "model": arguments.model, **found}) if arguments.json else words
        print(line if arguments.json or len(heard) == 1 else f"{file}: {words}")
        if not arguments.json and (doubt := doubts(found["readings"])):
            print(f"{file}: {doubt}", file=sys.stderr)


def doubts(readings: list[dict[str, Any]]) -> str:
    """Say that the likeliest reading is a guess, with its chance and the next one; nothing where it is none.

    Example:
        >>> doubts([{"labels": ["one"], "log chance": -1.2}, {"labels": [], "log chance": -1.5}])
        "a guess, of chance 30 %; next '', 22 %"
    """
    chances = [math.exp(one["log chance"]) for one in readings]
    if chances[0] >= UNSURE:
        return ""
    other = f"; next {' '.join(readings[1]['labels'])!r}, {100 * chances[1]:.0f} %" if len(readings) > 1 else ""
    return f"a guess, of chance {100 * chances[0]:.0f} %{other}"


def describe(network: voice.Listener, labels: list[str], heard: wav.Sound, width: int = 12) -> dict[str, Any]:
    """Return what was said: labels, where each begins and ends in seconds, and other readings."""
    log_probs = voice.log_chances(network, [sound.log_mel(sound.with_quiet(heard.samples, heard.rate), heard.rate)])[0]
    readings = ctc.beam(log_probs, width)
    seconds = len(heard.samples) / heard.rate
    best, step = readings[0].labels, network.stack * sound.HOP
    spans = np.array(ctc.align(log_probs, best).spans).reshape(-1, 2) * step - sound.BEFORE
    times = np.clip(spans, 0, seconds).round(3).tolist()
    others = [{"labels": [labels[k - 1] for k in one.labels], "log chance": one.log_chance} for one in readings]
    said = [labels[k - 1] for k in best]
    return {"labels": said, "times": times, "seconds": seconds, "readings": others}
