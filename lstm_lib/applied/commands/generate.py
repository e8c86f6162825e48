"""``python -m lstm_lib.use generate``: let a character model write on."""

import argparse
import json

import torch

from lstm_lib.applied import language, models
from lstm_lib.nn import Tagger

ABOUT = "let a character model write on"


def add(this: argparse.ArgumentParser) -> None:
    """Add the options to a parser.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add(parser)
        >>> parser.parse_args(["--temperature", "0.5"]).temperature
        0.5
    """
    this.add_argument("--model", default="shakespeare", help="a name, a file or a run's folder (default shakespeare)")
    start = this.add_mutually_exclusive_group()
    start.add_argument("--beginning", default="", help="what it reads first")
    start.add_argument("--file", help="a text in UTF-8 that it reads first")
    this.add_argument("--length", type=int, default=500, help="characters to write (default 500)")
    this.add_argument("--temperature", type=float, default=0.8, help="0 takes the likeliest (default 0.8)")
    this.add_argument("--top-k", type=int, help="draw from so many of the likeliest only")
    this.add_argument("--top-p", type=float, help="draw from the likeliest that together have this share")
    this.add_argument("--beam", type=int, metavar="WIDTH", help="look for the likeliest text instead of drawing")
    this.add_argument("--seed", type=int, help="the same seed writes the same text (default: another one each time)")
    this.add_argument("--json", action="store_true", help="print one line of JSON, for programs")


def run(arguments: argparse.Namespace) -> None:
    """Let a model write, and print what it wrote.

    Raises:
        ValueError: If the model is for something else, or a number or the beginning does not fit.
        CheckpointError: If there is no such model, or its file is damaged.
    """
    network, card = models.load_as(Tagger, arguments.model, "language")
    vocabulary = language.Vocabulary(card.get("characters", ""))
    classes = network.readout.out_features
    if classes != len(vocabulary):
        what = f"got a {type(network).__name__} of {classes} classes and a card of {len(vocabulary)} characters"
        raise ValueError(f"{arguments.model}: {what}, expected a Tagger of as many")
    beginning = language.read_text(arguments.file) if arguments.file else arguments.beginning
    if arguments.length < 1:
        raise ValueError(f"got --length {arguments.length}, expected at least 1")
    if arguments.beam is not None:
        text, log_chance = language.beam(network, vocabulary, beginning, arguments.length, width=arguments.beam)[0]
        told = {"nats a character": -log_chance / arguments.length}
        shown = text
    else:
        rng = torch.Generator()
        seed = rng.seed() if arguments.seed is None else arguments.seed
        rng.manual_seed(seed)
        how = {"temperature": arguments.temperature, "top_k": arguments.top_k, "top_p": arguments.top_p}
        text = language.generate(network, vocabulary, beginning, arguments.length, **how, rng=rng)
        told, shown = {"seed": seed, **how}, text
    if arguments.json:
        shown = json.dumps({"beginning": beginning, "text": text[len(beginning) :], "model": arguments.model, **told})
    print(shown)
