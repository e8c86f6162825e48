"""Examine the LSTMs of a file, or of a run: ``python -m lstm_lib.doctor CHECKPOINT``.

    python -m lstm_lib.doctor model.pt --lag 50
    python -m lstm_lib.doctor runs/delay --data batch.npz
    python -m lstm_lib.doctor model.pt --json

CHECKPOINT is the folder of a run of lstm_lib.train, or a file: a state_dict, a checkpoint, a dictionary with weights
in it, a .safetensors. Only tensors and plain values are read. What lstm_lib has saved is examined as the network it
was; a state_dict says nothing of what is around its LSTMs: for that, call lstm_lib.doctor.examine in your program. The
data are an .npz with xs (T, B, D), and targets, mask and lengths where known. A mistake in what it is given is one line
on the error stream and exit code 2. Exit code 1: something was found; 0: nothing was.
"""

import argparse
import sys
from collections.abc import Sequence

from lstm_lib.doctor.files import examine_file


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line.

    Example:
        >>> parser().parse_args(["model.pt", "--lag", "50"]).lag
        50
    """
    form = argparse.RawDescriptionHelpFormatter
    this = argparse.ArgumentParser("python -m lstm_lib.doctor", description=__doc__, formatter_class=form)
    this.add_argument("checkpoint", metavar="CHECKPOINT", help="file, or folder of a run, to examine")
    this.add_argument("--data", metavar="NPZ", help="a batch to run it on; without it, LSTMs run on noise")
    this.add_argument("--lag", type=int, help="over how many steps something must be kept")
    this.add_argument("--json", action="store_true", help="print everything that was measured as JSON")
    return this


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and do it."""
    this = parser()
    options = this.parse_args(arguments)
    try:
        if options.lag is not None and options.lag < 1:
            raise ValueError(f"got --lag {options.lag}, expected at least 1 step")
        report = examine_file(options.checkpoint, options.data, longest_lag=options.lag)
    except ValueError as error:
        this.exit(2, f"{this.prog}: {error}\n")
    print(report.to_json() if options.json else report)
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
