"""Carry an LSTM from one file to another: ``python -m lstm_lib.convert IN OUT``.

    python -m lstm_lib.convert runs/delay out.onnx
    python -m lstm_lib.convert model.safetensors model.keras
    python -m lstm_lib.convert whole_network.pt lstm.npz --part encoder.lstm

The suffixes say the formats: .pt, .safetensors, .npz, .onnx, .keras. A mistake in what it is given is one line on the
error stream and exit code 2; nothing is written then. What a file says of its network (its card: kind, characters,
columns, ...) goes along, and what the other format has no place for is said on the error stream.
"""

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from lstm_lib.convert import files
from lstm_lib.convert.form import DTYPES


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line.

    Example:
        >>> parser().parse_args(["in.pt", "out.onnx"]).target
        'out.onnx'
    """
    form = argparse.RawDescriptionHelpFormatter
    this = argparse.ArgumentParser("python -m lstm_lib.convert", description=__doc__, formatter_class=form)
    this.add_argument("source", metavar="IN", help="file to read, or the folder of a run of training")
    this.add_argument("target", metavar="OUT", help="file to write")
    this.add_argument("--part", help="take this LSTM out of a larger network, such as encoder.lstm")
    this.add_argument("--dtype", choices=DTYPES, help="round the numbers (default: keep them; .onnx wants float32)")
    return this


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and do it; a mistake is one line on the error stream and exit code 2."""
    this = parser()
    options = this.parse_args(arguments)
    try:
        source, target = Path(options.source), Path(options.target)
        files.expect_target(target)
        if target.exists() and source.exists() and target.samefile(source):
            raise ValueError(f"{target}: got the same file twice, expected another one to write")
        network = files.read(source, part=options.part)
        network = network.cast(options.dtype) if options.dtype else network
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", files.Rounded)  # it is said below
            files.write(network, target, dtype=options.dtype)
    except ValueError as error:
        this.exit(2, f"{this.prog}: {error}\n")
    print(f"{target}: {network}")
    if told := files.rounded(network, target):
        print(f"{target}: {told}", file=sys.stderr)
    if missing := files.left_out(network, target):
        print(f"{target}: {target.suffix} has no place for {', '.join(missing)}: left out", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
