"""``python -m lstm_lib.use forecast``: say what comes after the last row of a CSV file."""

import argparse
import csv
import sys
from collections.abc import Sequence

from lstm_lib.applied import dates, forecasts, models, series, tables
from lstm_lib.applied.commands.train_series import add_reading
from lstm_lib.nn import Tagger

ABOUT = "say what comes after the last row of a CSV file, by a model of `lstm_lib.train series`"


def add(this: argparse.ArgumentParser) -> None:
    """Add the options to a parser.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add(parser)
        >>> parser.parse_args(["--model", "model.safetensors", "days.csv"]).file
        'days.csv'
    """
    this.add_argument("file", help="CSV with the columns that the model was trained on, rows in order of time")
    this.add_argument("--model", required=True, help="the folder of a run of `lstm_lib.train series`, or its file")
    this.add_argument("--time", metavar="COLUMN", help="what says when (default: the first one of dates; '' for none)")
    this.add_argument("--to", metavar="FILE", help="CSV to write (default: print it)")
    add_reading(this)


def run(arguments: argparse.Namespace) -> None:
    """Read the table, and write what comes next: one row for each row ahead; on the error stream, what was missing.

    Raises:
        ValueError: If the file or the model does not fit.
        CheckpointError: If there is no such model, or its file is damaged.
    """
    _, card = models.load_as(Tagger, arguments.model, forecasts.KIND)
    how = {"encoding": arguments.encoding, "delimiter": arguments.delimiter, "decimal": arguments.decimal}
    table = tables.read_table(arguments.file, clock=arguments.time, wanted=tuple(card["columns"]), **how)
    try:
        said = forecasts.go_on(arguments.model, table)
    except ValueError as error:
        raise ValueError(f"{arguments.file}: {error}") from None
    for note in tell(table, card["columns"], card["window"]):
        print(f"{arguments.file}: {note}", file=sys.stderr)
    of = dates.follow(table.times, table.days, len(said)) if table.days else []
    header = ["after", "ahead", *(["of"] if of else []), card["target"]]
    numbers = forecasts.in_digits(said, table.column(card["target"]))
    rows = [[table.times[-1], k + 1, *of[k : k + 1], number] for k, number in enumerate(numbers)]
    if arguments.to is None:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    else:
        try:
            print(forecasts.write_rows(arguments.to, header, rows))
        except ValueError as error:
            raise ValueError(str(error).replace("got ", "got --to ", 1)) from None


def tell(table: tables.Table, columns: Sequence[str], window: int) -> list[str]:
    """Say what a forecast rests on: how dates were read, steps that are missing, holes in the rows that are read.

    A column that is left out is of interest only where it may be the one of dates.
    """
    notes = [note for note in table.notes if table.days is None or " is left out: " not in note]
    return [*notes, *series.holes(table, columns, window)]
