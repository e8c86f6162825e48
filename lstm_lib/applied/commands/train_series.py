"""``python -m lstm_lib.train series``: foretell a column of a CSV file."""

import argparse
import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lstm_lib import training
from lstm_lib._array import Array
from lstm_lib.applied import series as data
from lstm_lib.applied import tables
from lstm_lib.nn import Tagger
from lstm_lib.training import settings as choices
from lstm_lib.training.health import note_precision

ABOUT = "foretell a column of a CSV --file, --horizon rows ahead, beside rules without a network"


def add(this: argparse.ArgumentParser) -> None:
    """Add the options to a parser.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add(parser)
        >>> parser.parse_args(["--file", "days.csv", "--target", "visitors"]).horizon
        1
    """
    group = this.add_argument_group("the table")
    group.add_argument("--file", required=True, help="CSV with a line of names, rows in order of time")
    group.add_argument("--target", required=True, metavar="COLUMN", help="the column to foretell")
    group.add_argument("--columns", nargs="+", metavar="COLUMN", help="what to read beside it (default: all numbers)")
    group.add_argument("--time", metavar="COLUMN", help="what says when (default: the first one of dates; '' for none)")
    add_reading(group)
    group = this.add_argument_group("the task")
    group.add_argument("--horizon", type=int, default=1, metavar="N", help="rows ahead, all of 1 to N (default 1)")
    group.add_argument("--window", type=int, help="rows read before an answer (default 64, fewer in a short table)")
    group.add_argument("--hold-out", type=float, default=0.1, help="share to be judged by, at the end (default 0.1)")
    group.add_argument("--season", type=int, help="compare with the value this many rows ago, too")
    group = this.add_argument_group("the network")
    group.add_argument("--hidden", type=int, default=32, help="units of a layer (default 32)")
    group.add_argument("--layers", type=int, default=1, help="layers (default 1)")
    group.add_argument("--dropout", type=float, default=0.0, help="between layers (default 0)")
    group.add_argument("--cell", default="standard", choices=data.CELLS, help="default standard")
    group = this.add_argument_group("training (the names of lstm_lib.training.Settings)")
    group.add_argument("--batches", type=int, default=2000, help="at most (default 2000)")
    group.add_argument("--batch-size", type=int, default=32, help="windows a batch (default 32)")
    group.add_argument("--lr", type=float, default=0.005, help="learning rate (default 0.005)")
    group.add_argument("--weight-decay", type=float, default=0.0, help="see Settings (default 0)")
    group.add_argument("--precision", choices=choices.PRECISIONS, default="float32", help="default float32")
    group.add_argument("--evaluate-every", type=int, default=100, help="batches (default 100; 0 for never)")
    group.add_argument("--patience", type=int, default=5, help="looks without a lower loss (default 5; 0 for no end)")
    group.add_argument("--save-every", type=int, default=0, help="batches between checkpoints (default: at the end)")
    group.add_argument("--seed", type=int, default=0, help="of weights and batches (default 0)")
    group.add_argument("--folder", help="where checkpoints, model and forecasts go; there, it goes on")
    group.add_argument("--device", help="cpu, cuda, cuda:1 … (default: a GPU if there is one)")
    group.add_argument("--no-progress", action="store_true", help="show no bar")


def add_reading(group: Any) -> None:
    """Add the options that say how the file is written."""
    group.add_argument("--encoding", help="such as cp1252 (default: UTF-8, or what the file's first bytes say)")
    group.add_argument("--delimiter", help="what stands between cells (default: found out)")
    group.add_argument("--decimal", choices=(".", ","), help="the decimal mark (default: found out)")


def run(arguments: argparse.Namespace) -> None:
    """Read, split, train, judge by what was held out, and write forecasts and model.

    Raises:
        ValueError: If the file or a number does not fit, or the folder of the run holds another one.
    """
    from lstm_lib.applied import forecasts, models  # here, because the games do without safetensors

    if arguments.save_every and arguments.folder is None:
        raise ValueError(f"got --save-every {arguments.save_every} without --folder, expected where to save")
    series = read(arguments)
    device = training.pick_device(arguments.device)
    with training.together(device) as (rank, _):
        model = forecasts.network(
            series.plan,
            arguments.hidden,
            seed=arguments.seed,
            num_layers=arguments.layers,
            dropout=arguments.dropout,
            cell=arguments.cell,
        )
        if rank == 0:
            tell_data(arguments, series)
            if note := note_precision(model, arguments.precision, device):
                print(note, file=sys.stderr)
        history = learn(arguments, model, series, device)
        if rank > 0:
            return
        print(f"{len(history.losses)} batches, stopped by {history.stopped}")
        said = forecasts.foretell(model, series)
        found = tell_errors(series, said, arguments.season)
        if arguments.folder is None:
            return
        folder = Path(arguments.folder)
        path = forecasts.write_forecasts(folder / "forecasts.csv", series, said)
        print(f"forecasts of the held-out rows: {path}")
        more = {"trained on": Path(arguments.file).name, "held out": found}
        path = forecasts.save(folder / models.TRAINED, model, series.plan, more)
        print(f"go on from the last row of a table: python -m lstm_lib.use forecast --model {path} {arguments.file}")
        print(f"export: python -m lstm_lib.convert {path} {folder / 'model.onnx'}")


def read(arguments: argparse.Namespace) -> data.Series:
    """Read the file, and split it before anything is measured."""
    wanted = dict.fromkeys([*(arguments.columns or []), arguments.target])
    how = {"encoding": arguments.encoding, "delimiter": arguments.delimiter, "decimal": arguments.decimal}
    table = tables.read_table(arguments.file, clock=arguments.time, wanted=tuple(wanted), **how)
    shape: dict[str, Any] = {"horizon": arguments.horizon, "window": arguments.window, "hold_out": arguments.hold_out}
    try:
        return data.prepare(table, arguments.target, columns=arguments.columns, **shape)
    except ValueError as error:
        raise ValueError(f"{arguments.file}: {error}") from None


def learn(arguments: argparse.Namespace, model: Tagger, series: data.Series, device: torch.device) -> training.History:
    """Train, from where it stopped."""
    from lstm_lib.applied.forecasts import OBJECTIVE

    same = ("batches", "lr", "weight_decay", "precision", "evaluate_every", "save_every", "seed")
    patience = (arguments.patience or None) if arguments.evaluate_every else None
    settings = training.Settings(**{name: getattr(arguments, name) for name in same}, patience=patience)
    about = {"file": hashlib.sha256(Path(arguments.file).read_bytes()).hexdigest(), "target": arguments.target}
    about |= {"columns": ", ".join(series.plan.columns), "horizon": arguments.horizon, "window": series.plan.window}
    about |= {"batch_size": arguments.batch_size, "cuts": str(series.cuts)}
    options: dict[str, Any] = {"objective": OBJECTIVE, "device": device, "folder": arguments.folder, "about": about}
    options |= {"evaluate": data.in_order(series, "look") if settings.evaluate_every else None}
    rules = beside(series, arguments.season)

    def tell(done: int, score: training.Score) -> None:
        line = f"batch {done}: loss {score.loss:.4g} ({rules})"
        if arguments.no_progress:
            print(line)
        else:
            from tqdm import tqdm  # which knows where its bar is

            tqdm.write(line)

    options |= {"tell": tell, "progress": not arguments.no_progress}
    sample = data.sample(series, arguments.batch_size, arguments.seed)
    try:
        return training.fit(model, sample, settings, **options)
    except ValueError as error:
        if not str(error).startswith(f"got file {about['file']}"):
            raise
        name, folder = Path(arguments.file).name, arguments.folder
        what = f"got file {name}, but the checkpoint in {folder} was made with one of other content (it may have grown)"
        told = f"to go on from its last row, python -m lstm_lib.use forecast --model {folder} {arguments.file}"
        raise ValueError(f"{what}: {told}; to train on it, another folder") from None


# ---------------------------------------------------------------- what is printed


def tell_data(arguments: argparse.Namespace, series: data.Series) -> None:
    """Say what was read, what was left out, and how it is split."""
    (a, b), N = series.cuts, len(series.truth)
    holes = int(np.isnan(series.truth).sum())
    known = f", {holes} without {series.plan.target}" if holes else ""
    print(f"{Path(arguments.file).name}: {N} rows{known}; read: {', '.join(series.plan.columns)}")
    for note in series.notes:
        print(f"  {note}")
    print(f"split in time: {a} rows to train on, {b - a} to look at, {N - b} to be judged by")
    print(f"window {series.plan.window}, horizon {series.plan.horizon}; scaled by the {a} rows alone")


def beside(series: data.Series, season: int | None) -> str:
    """Say which losses the part to look at has without a network."""
    rows = data.rows_of(series, "look")
    rules = data.without_network(series, rows, season)
    return ", ".join(f"{name} {data.loss_of(series, rows, said):.4g}" for name, said in rules.items())


def tell_errors(series: data.Series, said: Array, season: int | None) -> dict[str, float]:
    """Print the errors of the held-out rows; return them by name."""
    rows = data.rows_of(series, "test")
    truth = data.answers(series, rows)
    every = {"network": said, **data.without_network(series, rows, season)}
    found = {name: float(np.sqrt(np.nanmean((values - truth) ** 2))) for name, values in every.items()}
    ahead = f"1 to {series.plan.horizon} rows" if series.plan.horizon > 1 else "1 row"
    print(f"held out, {len(rows)} forecasts of {ahead} ahead, errors (root mean square) of {series.plan.target}:")
    print("  " + ", ".join(f"{name} {error:.4g}" for name, error in found.items()))
    best = min((name for name in found if name != "network"), key=found.__getitem__)
    if found["network"] >= found[best]:
        print(f"  the network is no better than {best}: do not use it")
    return found
