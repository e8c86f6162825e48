"""Use a trained model on your own files: ``python -m lstm_lib.use WHAT``.

    python -m lstm_lib.use generate --beginning "ROMEO:" --temperature 0.8
    python -m lstm_lib.use generate --model runs/book --file beginning.txt --json
    python -m lstm_lib.use transcribe digits.wav --json
    python -m lstm_lib.use forecast --model runs/days days.csv

A model is a name of the library, a file, or the folder of a run of ``lstm_lib.train`` that has ended.
A mistake in what it is given is one line on the error stream and exit code 2; nothing is written then.
"""

import argparse
import sys
from collections.abc import Sequence

from lstm_lib.applied.commands import detect, forecast, generate, read, transcribe
from lstm_lib.training.checkpoints import CheckpointError

COMMANDS = {
    "forecast": forecast,
    "generate": generate,
    "transcribe": transcribe,
    "read": read,
    "detect": detect,
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line.

    Example:
        >>> parser().parse_args(["generate", "--temperature", "0.5"]).temperature
        0.5
    """
    form = argparse.RawDescriptionHelpFormatter
    this = argparse.ArgumentParser("python -m lstm_lib.use", description=__doc__, formatter_class=form)
    what = this.add_subparsers(dest="what", metavar="WHAT", required=True)
    for name, command in COMMANDS.items():
        command.add(what.add_parser(name, help=command.ABOUT))
    return this


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and do it; a mistake is one line on the error stream and exit code 2."""
    this = parser()
    options = this.parse_args(arguments)
    try:
        COMMANDS[options.what].run(options)
    except (ValueError, CheckpointError) as error:
        this.exit(2, f"{this.prog}: {error}\n")
    except KeyboardInterrupt:
        this.exit(130, "stopped\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
