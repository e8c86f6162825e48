"""``python -m lstm_lib.train read``: learn to read your own pictures of lines."""

import argparse

ABOUT = "learn to read pictures of lines; labels.txt in their folder says NAME<tab>TEXT for each"


def add(this: argparse.ArgumentParser) -> None:
    """Add the options to a parser.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add(parser)
        >>> parser.parse_args(["--folder", "scans"]).height
        24
    """
    this.add_argument("--folder", required=True, help="where the pictures and labels.txt are")
    this.add_argument("--out", default="runs/read", help="where checkpoints and the model go (default runs/read)")
    this.add_argument("--height", type=int, default=24, help="rows that every line is scaled to (default 24)")
    this.add_argument("--hidden", type=int, default=64, help="units of each direction (default 64)")
    this.add_argument("--batches", type=int, default=2000, help="default 2000")
    this.add_argument("--batch-size", type=int, default=32, help="lines a batch (default 32)")
    this.add_argument("--lr", type=float, default=0.003, help="learning rate (default 0.003)")
    this.add_argument("--distortion", type=float, default=1.0, help="of the lines to train on (default 1; 0 for none)")
    this.add_argument("--seed", type=int, default=0, help="of the split, the weights and the batches (default 0)")
    this.add_argument("--device", help="cpu, cuda … (default: a GPU if there is one)")
    this.add_argument("--no-progress", action="store_true", help="show no bar")


def run(arguments: argparse.Namespace) -> None:
    """Train, choose the weights that read the validation lines best, and judge them once by the test lines.

    Raises:
        ValueError: If a file, a label or a number does not fit; nothing is written then.
    """
    from lstm_lib.applied import own_lines  # here, because games do without Pillow and safetensors

    own_lines.learn(arguments)
