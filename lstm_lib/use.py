"""Use a trained model on your own files: ``python -m lstm_lib.use generate``.

    python -m lstm_lib.use generate --beginning "ROMEO:" --temperature 0.8
    python -m lstm_lib.use generate --model runs/book/model.safetensors --file beginning.txt --json

A mistake in what it is given is one line on the error stream and exit code 2; nothing is written then.
"""

import argparse
import json
import sys
from collections.abc import Sequence

import torch

from lstm_lib.applied import language, models
from lstm_lib.training.checkpoints import CheckpointError


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line.

    Example:
        >>> parser().parse_args(["generate", "--temperature", "0.5"]).temperature
        0.5
    """
    form = argparse.RawDescriptionHelpFormatter
    this = argparse.ArgumentParser("python -m lstm_lib.use", description=__doc__, formatter_class=form)
    what = this.add_subparsers(dest="what", metavar="WHAT", required=True)
    write = what.add_parser("generate", help="let a character model write on")
    write.add_argument("--model", default="shakespeare", help="a name or a file (default shakespeare)")
    start = write.add_mutually_exclusive_group()
    start.add_argument("--beginning", default="", help="what it reads first")
    start.add_argument("--file", help="a text in UTF-8 that it reads first")
    write.add_argument("--length", type=int, default=500, help="characters to write (default 500)")
    write.add_argument("--temperature", type=float, default=0.8, help="0 takes the likeliest (default 0.8)")
    write.add_argument("--top-k", type=int, help="draw from so many of the likeliest only")
    write.add_argument("--top-p", type=float, help="draw from the likeliest that together have this share")
    write.add_argument("--beam", type=int, metavar="WIDTH", help="look for the likeliest text instead of drawing")
    write.add_argument("--seed", type=int, help="the same seed writes the same text (default: another one each time)")
    write.add_argument("--json", action="store_true", help="print one line of JSON, for programs")
    return this


def write_on(arguments: argparse.Namespace) -> None:
    """Let a model write, and print it as it comes."""
    network, card = models.load(arguments.model)
    if card.get("kind") != "language":
        raise ValueError(f"{arguments.model}: got a model for {card.get('kind')}, expected one for language")
    vocabulary = language.Vocabulary(card["characters"])
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and do it; a mistake is one line on the error stream and exit code 2."""
    this = parser()
    options = this.parse_args(arguments)
    try:
        {"generate": write_on}[options.what](options)
    except (ValueError, CheckpointError) as error:
        this.exit(2, f"{this.prog}: {error}\n")
    except KeyboardInterrupt:
        this.exit(130, "stopped\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
