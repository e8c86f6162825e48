"""Train a larger character model on a GPU: ``LSTM_LIB_DATA=FOLDER python -m benchmarks.shakespeare_gpu``.

As ``benchmarks.shakespeare``: tiny Shakespeare, the first 90 % to train on, the last 10 % asked once at the end, nats a
character. Two layers with dropout on every output, in bfloat16; at most 10.7 million parameters, which is what the GPU
configuration of nanoGPT has. ``--validate`` asks the last eighteenth of the first 90 % instead, trains on what is
before it, and writes nothing. Without CUDA: exit code 2.
"""

import argparse
import json
import subprocess
import sys
import time
from typing import Any

import torch
from torch import Tensor

from benchmarks import _record
from lstm_lib import nn, training
from lstm_lib.applied import data, language

NAME = "tinyshakespeare.txt"
SEEDS = (0, 1, 2)
LAYERS, H, DROPOUT = 2, 768, 0.5
STREAMS, WINDOW, EPOCHS, RATE = 64, 128, 45, 0.002
LARGEST = 10_700_000
NO_GPU = "There is no CUDA device here: nothing was measured. Run this on a machine with an NVIDIA GPU."


class Speaker(nn.Tagger):
    """A tagger that drops outputs of its last layer too, as dropout between layers does for the others."""

    def __init__(self, classes: int, hidden_size: int, layers: int, dropout: float, backend: str) -> None:
        """Make the network."""
        between = dropout if layers > 1 else 0.0
        super().__init__(classes, hidden_size, classes, num_layers=layers, dropout=between, backend=backend)
        self.drop = torch.nn.Dropout(dropout)

    def forward(self, xs: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Run over characters (T, B)."""
        rows = torch.nn.functional.one_hot(xs, self.lstm.input_size).to(self.readout.weight.dtype)
        hs, state = self.lstm(rows, state)
        return self.readout(self.drop(hs)), state


def train(seed: int, tokens: language.Tokens, classes: int, options: argparse.Namespace) -> Speaker:
    """Train the network of a seed."""
    torch.manual_seed(seed)
    model = Speaker(classes, options.hidden, options.layers, options.dropout, options.backend)
    nn.set_forget_bias(model.lstm, 1.0)
    batches = round(options.epochs * len(tokens) / (STREAMS * WINDOW))
    how = {"lr": options.rate, "schedule": "cosine", "warmup": min(100, batches // 2), "precision": options.precision}
    settings = training.Settings(batches=batches, stateful=True, seed=seed, **how)
    training.fit(model, language.Windows(tokens, STREAMS, WINDOW), settings, device=options.device, progress=False)
    return model


def main(arguments: list[str] | None = None) -> int:
    """Read the command line, measure, and write the rows; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="*", default=list(SEEDS))
    parser.add_argument("--epochs", type=float, default=EPOCHS, help=f"passes over the text (default {EPOCHS})")
    parser.add_argument("--hidden", type=int, default=H)
    parser.add_argument("--layers", type=int, default=LAYERS)
    parser.add_argument("--dropout", type=float, default=DROPOUT)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--backend", default="auto", help="of nn.LSTM")
    parser.add_argument("--precision", choices=("float32", "bfloat16", "float16"), default="bfloat16")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu: to try the script itself")
    parser.add_argument("--validate", action="store_true", help="ask the end of the training text, write nothing")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.device == "cuda" and not torch.cuda.is_available():
        print(NO_GPU, file=sys.stderr)
        return 2
    if options.device == "cpu" and not options.validate:
        parser.error("results of a processor are not those of a GPU: add --validate")
    rows = side_by_side(options) if len(options.seeds) > 1 else [measure(options.seeds[0], options)]
    if options.child:
        print(json.dumps(rows[0]))
        return 0
    print(*rows, sep="\n")
    if not options.validate:
        _record.write("shakespeare_gpu", rows, seeds=options.seeds, packages=("numpy", "torch"))
    return 0


def side_by_side(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Let a child train each seed: one network alone leaves most of a GPU idle."""
    command = [sys.executable, "-m", "benchmarks.shakespeare_gpu", "--child", *(["--validate"] * options.validate)]
    for name in ("epochs", "hidden", "layers", "dropout", "rate", "backend", "precision", "device"):
        command += [f"--{name}", str(getattr(options, name))]
    children = [
        subprocess.Popen([*command, "--seeds", str(seed)], stdout=subprocess.PIPE, text=True) for seed in options.seeds
    ]
    outputs = [child.communicate()[0] for child in children]
    if any(child.returncode for child in children):
        raise RuntimeError(f"got exit codes {[child.returncode for child in children]}, expected 0 of every child")
    return [json.loads(output.splitlines()[-1]) for output in outputs]


def measure(seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Train the network of one seed, ask it, and return the row."""
    first, last = language.split(language.read_text(data.fetch(NAME)), 0.9)
    vocabulary = language.Vocabulary.of(first + last)
    if options.validate:
        first, last = language.split(first, 17 / 18)
    tokens, held_out = vocabulary.encode(first), vocabulary.encode(last)
    start = time.perf_counter()
    model = train(seed, tokens, len(vocabulary), options)
    seconds = round(time.perf_counter() - start, 1)
    size = sum(p.numel() for p in model.parameters())
    if size > LARGEST:
        raise ValueError(f"got {size} parameters, expected at most {LARGEST}")
    model.eval()
    score = language.ask(model, held_out)
    row = {"way": f"LSTM, {options.layers} x {options.hidden}", "nats": round(score.loss, 4), "seed": seed}
    row |= {"bits": round(language.bits(score.loss), 4), "accuracy": round(score.accuracy, 4), "parameters": size}
    row |= {"epochs": options.epochs, "dropout": options.dropout, "rate": options.rate, "precision": options.precision}
    device = torch.cuda.get_device_name() if options.device == "cuda" else "cpu"
    split = "validation" if options.validate else "last 10 %, asked once"
    return row | {"backend": options.backend, "device": device, "split": split, "seconds": seconds}


if __name__ == "__main__":
    sys.exit(main())
