"""Train an LSTM on a task from the command line: ``python -m lstm_lib.train TASK``, under ``torchrun`` too.

    python -m lstm_lib.train delay --length 30 --chrono 60
    python -m lstm_lib.train recall --boxes 4 --folder runs/boxes --save-every 100
    python -m lstm_lib.train language --file book.txt --folder runs/book
    python -m lstm_lib.train series --file days.csv --target visitors --horizon 7 --folder runs/days
    torchrun --nproc-per-node=2 --max-restarts=3 -m lstm_lib.train recall --folder runs/boxes --save-every 100

With a folder, the same command goes on from the last checkpoint.
"""

import argparse
import dataclasses
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch

from lstm_lib import nn, tasks, training
from lstm_lib.applied import language
from lstm_lib.applied.commands import train_read, train_series, train_voice
from lstm_lib.nn.backends import NAMES as BACKENDS
from lstm_lib.tasks import Batch, film
from lstm_lib.training import settings as choices
from lstm_lib.training.health import note_precision

TEST_SEED = 1_000_003  # test batches are drawn with another seed than those to train on


class Task(NamedTuple):
    """A task: what it is, how to draw a batch of some length, its sizes, and its usual length in steps."""

    about: str
    draw: Callable[[np.random.Generator, int, argparse.Namespace], Batch]
    features: Callable[[argparse.Namespace], int]
    classes: int
    length: int


TASKS = {
    "delay": Task(
        "one symbol is written, LENGTH distractors pass, then it is asked for",
        lambda rng, size, a: tasks.delay(rng, size, a.length),
        lambda a: 6,
        classes=4,
        length=10,
    ),
    "recall": Task(
        "the stream of boxes: LENGTH steps of symbols written into --boxes, passing by, or asked for",
        lambda rng, size, a: tasks.recall_stream(rng, size, a.length, boxes=a.boxes),
        lambda a: 4 + 2 * a.boxes,
        classes=4,
        length=30,
    ),
    "adding": Task(
        "add up the two marked numbers among LENGTH",
        lambda rng, size, a: tasks.adding(rng, size, a.length),
        lambda a: 2,
        classes=1,
        length=50,
    ),
    "copy": Task(
        "repeat ten symbols after LENGTH blanks",
        lambda rng, size, a: tasks.copy(rng, size, a.length),
        lambda a: 10,
        classes=8,
        length=20,
    ),
    "temporal-order": Task(
        "tell the order of two symbols among LENGTH steps",
        lambda rng, size, a: tasks.temporal_order(rng, size, a.length),
        lambda a: 8,
        classes=4,
        length=100,
    ),
    "reber": Task(
        "predict the next symbol of embedded Reber strings (their length is their own)",
        lambda rng, size, a: tasks.embedded_reber(rng, size),
        lambda a: 7,
        classes=7,
        length=1,
    ),
    "film": Task(
        "say after each of LENGTH frames which film it is",
        lambda rng, size, a: film.stream(rng, size, a.length),
        lambda a: len(film.FACES) + 1,
        classes=len(film.FILMS),
        length=40,
    ),
}


# Uses whose data are files of their own kind; their options are their own, too.
OTHERS: dict[str, ModuleType] = {"series": train_series, "voice": train_voice, "read": train_read}

LANGUAGE = "language"
ABOUT_LANGUAGE = "predict each character of --file from those before it, --window at a time, in --batch-size streams"
# What fits a text better than a game: the defaults of this task.
TEXT_DEFAULTS: dict[str, Any] = {"hidden": 256, "layers": 2, "batch_size": 50, "window": 64, "lr": 0.002}
TEXT_DEFAULTS |= {"batches": 5000, "schedule": "cosine", "evaluate_every": 500}
WARMUP = 100  # batches, where a text has a thousand or more


def parser(task: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command line, with the defaults of a task.

    Example:
        >>> parser().parse_args(["delay", "--length", "30"]).length
        30
    """
    listing = "\n".join(f"  {name:15} {task.about} (LENGTH {task.length})" for name, task in TASKS.items())
    listing += f"\n  {LANGUAGE:15} {ABOUT_LANGUAGE}"
    listing += "".join(f"\n  {name:15} {other.ABOUT} (see {name} --help)" for name, other in OTHERS.items())
    description = f"Train an LSTM on a task.\n\ntasks:\n{listing}"
    form = argparse.RawDescriptionHelpFormatter
    this = argparse.ArgumentParser("python -m lstm_lib.train", description=description, formatter_class=form)
    this.add_argument("task", choices=[*TASKS, LANGUAGE], metavar="TASK", help="one of the tasks above")
    _add_task_options(this)
    _add_network_options(this)
    _add_training_options(this)
    if task == LANGUAGE:
        this.set_defaults(**TEXT_DEFAULTS)
    return this


def _add_task_options(this: argparse.ArgumentParser) -> None:
    group = this.add_argument_group("the task")
    group.add_argument("--length", type=int, help="see the list of tasks")
    group.add_argument("--boxes", type=int, default=2, help="boxes of task recall (default 2)")
    group.add_argument("--file", help="text for task language; two tenths are held out")
    group.add_argument("--encoding", help="of the text, such as cp1252 (default: UTF-8)")
    group.add_argument("--batch-size", type=int, default=32, help="sequences a batch, of all processes (default 32)")
    group.add_argument("--test-size", type=int, default=500, help="sequences of the test batch (default 500)")


def _add_network_options(this: argparse.ArgumentParser) -> None:
    group = this.add_argument_group("the network")
    group.add_argument("--hidden", type=int, default=24, help="units of a layer (default 24)")
    group.add_argument("--layers", type=int, default=1, help="layers (default 1)")
    group.add_argument("--cell", default="standard", choices=nn.CELLS, help="default standard")
    group.add_argument("--backend", default="auto", help=f"one of {', '.join(BACKENDS)} (default auto)")
    group.add_argument("--dropout", type=float, default=0.0, help="between layers (default 0)")
    group.add_argument("--variational-dropout", type=float, default=0.0, help="one mask for all steps (default 0)")
    group.add_argument("--recurrent-dropout", type=float, default=0.0, help="on what is learned (default 0)")
    group.add_argument("--zoneout", type=float, default=0.0, help="share of the state that stays (default 0)")
    start = group.add_mutually_exclusive_group()
    start.add_argument("--forget-bias", type=float, help="bias of every forget gate (default 1, where there is one)")
    start.add_argument("--chrono", type=int, metavar="LONGEST", help="chrono initialisation up to LONGEST steps")
    group.add_argument("--input-bias", type=float, help="bias of every input gate (default: drawn)")
    group.add_argument("--orthogonal", action="store_true", help="orthogonal recurrent weights")


def _add_training_options(this: argparse.ArgumentParser) -> None:
    group = this.add_argument_group("training (the names of lstm_lib.training.Settings)")
    group.add_argument("--batches", type=int, default=1000, help="default 1000")
    group.add_argument("--lr", type=float, default=0.01, help="learning rate (default 0.01)")
    group.add_argument("--optimiser", choices=choices.OPTIMISERS, default="adam", help="default adam")
    group.add_argument("--weight-decay", type=float, default=0.0, help="see Settings (default 0)")
    group.add_argument("--clip", type=float, default=1.0, help="longest gradient; 0 does not clip (default 1)")
    group.add_argument("--window", type=int, help="truncated backpropagation: steps an update (default all)")
    group.add_argument("--between-windows", choices=choices.BETWEEN_WINDOWS, default="carry", help="default carry")
    group.add_argument("--schedule", choices=choices.SCHEDULES, default="constant", help="default constant")
    rises = "batches over which the rate rises (default 0; of a text 100, or a tenth of fewer than 1000 batches)"
    group.add_argument("--warmup", type=int, help=rises)
    group.add_argument("--accumulate", type=int, default=1, help="batches whose gradients make an update (default 1)")
    group.add_argument("--precision", choices=choices.PRECISIONS, default="float32", help="default float32")
    group.add_argument("--evaluate-every", type=int, default=100, help="batches (default 100; 0 for never)")
    group.add_argument("--patience", type=int, help="evaluations without a lower loss before it stops")
    group.add_argument("--goal", type=float, help="accuracy at which it stops")
    group.add_argument("--save-every", type=int, default=0, help="batches between checkpoints (default: at the end)")
    group.add_argument("--keep", type=int, default=2, help="checkpoints that stay (default 2)")
    group.add_argument("--log-every", type=int, help="batches between looks at the loss (default: GPU 20, else 1)")
    group.add_argument("--seed", type=int, default=0, help="of weights, batches and dropout (default 0)")
    group.add_argument("--folder", help="where checkpoints are, to go on from and to write")
    group.add_argument("--device", help="cpu, cuda, cuda:1 … (default: a GPU if there is one)")
    group.add_argument("--no-progress", action="store_true", help="show no bar")


def make_settings(arguments: argparse.Namespace) -> training.Settings:
    """Turn the command line into Settings.

    Example:
        >>> make_settings(parser().parse_args(["delay", "--clip", "0", "--window", "5"])).window
        5
    """
    names = {field for field in training.Settings.__dataclass_fields__ if hasattr(arguments, field)}
    values: dict[str, Any] = {name: getattr(arguments, name) for name in names}
    warmup = min(WARMUP, arguments.batches // 10) if arguments.task == LANGUAGE else 0
    values["warmup"] = warmup if arguments.warmup is None else arguments.warmup
    return training.Settings(**values | {"clip": arguments.clip or None})


def sizes(arguments: argparse.Namespace) -> tuple[int, int]:
    """Return the features and the classes of the network."""
    if arguments.task == LANGUAGE:
        return len(arguments.characters), len(arguments.characters)
    task = TASKS[arguments.task]
    return task.features(arguments), task.classes


def make_model(arguments: argparse.Namespace) -> nn.Tagger:
    """Make the network that the command line describes; the seed decides its weights.

    Example:
        >>> arguments = parser().parse_args(["recall", "--boxes", "4", "--cell", "drawn"])
        >>> make_model(arguments).lstm
        LSTM(12, 24, cell='drawn')
    """
    rng = torch.Generator().manual_seed(arguments.seed)
    same = ("cell", "backend", "dropout", "variational_dropout", "recurrent_dropout", "zoneout")
    options = {"num_layers": arguments.layers} | {name: getattr(arguments, name) for name in same}
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(arguments.seed)
        features, classes = sizes(arguments)
        model = nn.Tagger(features, arguments.hidden, classes, **options)
    if arguments.orthogonal:
        nn.set_orthogonal(rng, model.lstm)
    if arguments.chrono is not None:
        nn.set_chrono(rng, model.lstm, arguments.chrono)
    elif arguments.forget_bias is not None or "f" in nn.CELLS[arguments.cell].gates:
        nn.set_forget_bias(model.lstm, 1.0 if arguments.forget_bias is None else arguments.forget_bias)
    if arguments.input_bias is not None:
        nn.set_input_bias(model.lstm, arguments.input_bias)
    return model


def about(arguments: argparse.Namespace) -> dict[str, Any]:
    """Say what makes this run beside its settings and its network: a folder of another run is refused.

    Example:
        >>> about(parser().parse_args(["delay"]))["task"]
        'delay'
    """
    names = ("task", "length", "file", "boxes", "batch_size", "forget_bias", "input_bias", "chrono", "orthogonal")
    return {name: getattr(arguments, name) for name in names}


class Work(NamedTuple):
    """What is to be done: batches to train on, to look at meanwhile, and to be judged by; and how to train."""

    sample: Callable[[int], Batch]
    look: Sequence[Batch]
    test: Sequence[Batch]
    settings: training.Settings


def play(arguments: argparse.Namespace) -> Work:
    """Prepare a game."""
    task = TASKS[arguments.task]
    arguments.length = task.length if arguments.length is None else arguments.length
    if arguments.file is not None:
        raise ValueError(f"got --file for task {arguments.task}, expected it for task {LANGUAGE} only")

    def draw(rng: np.random.Generator) -> Batch:
        return task.draw(rng, arguments.batch_size, arguments)

    test = [task.draw(np.random.default_rng([TEST_SEED, arguments.seed]), arguments.test_size, arguments)]
    return Work(training.numbered(draw, arguments.seed), test, test, make_settings(arguments))


def read(arguments: argparse.Namespace) -> Work:
    """Prepare a text: eight tenths to train on, one to look at meanwhile, and the last one to be judged by."""
    if arguments.file is None:
        raise ValueError(f"got task {LANGUAGE} without --file, expected a text")
    text = language.read_text(arguments.file, arguments.encoding)
    before, last = language.split(text)
    first, middle = language.split(before, 8 / 9)
    vocabulary = language.Vocabulary.of(text)
    arguments.characters = vocabulary.characters
    train_on, look, test = (vocabulary.encode(part) for part in (first, middle, last))
    # The windows are cut here, and the state is handed on from batch to batch.
    settings = dataclasses.replace(make_settings(arguments), window=None, stateful=True)
    sample = language.Windows(train_on, arguments.batch_size, arguments.window)
    return Work(sample, list(language.in_order(look)), list(language.in_order(test)), settings)


def train(arguments: argparse.Namespace) -> tuple[training.History, training.Score]:
    """Do what the command line says; return the history, and the score on new batches."""
    work = read(arguments) if arguments.task == LANGUAGE else play(arguments)
    settings = work.settings
    if settings.save_every and arguments.folder is None:
        raise ValueError(f"got --save-every {settings.save_every} without --folder, expected where to save")
    device = training.pick_device(arguments.device)
    with training.together(device) as (rank, size):
        model = make_model(arguments)
        words = about(arguments) | ({"steps": arguments.window} if arguments.task == LANGUAGE else {})
        options: dict[str, Any] = {"folder": arguments.folder, "device": device, "about": words}
        options |= {"evaluate": work.look if settings.evaluate_every else None, "progress": not arguments.no_progress}
        if rank == 0 and (note := note_precision(model, settings.precision, device)):
            print(note, file=sys.stderr)
        history = training.fit(model, work.sample, settings, **options)
        score = training.evaluate(model, work.test, stateful=settings.stateful)
        if rank == 0:
            who = f"{size} processes on {device.type}" if size > 1 else str(device)
            print(f"{len(history.losses)} batches on {who}, stopped by {history.stopped}: ", end="")
            print(f"loss {score.loss:.6g}, accuracy {score.accuracy:.4f} of {score.questions} questions")
            if arguments.task == LANGUAGE and arguments.folder:
                tell_model(arguments, model, score)
    return history, score


def tell_model(arguments: argparse.Namespace, model: nn.Tagger, score: training.Score) -> None:
    """Write the network of a text where ``lstm_lib.use`` finds it, and say how to let it write."""
    from lstm_lib.applied import models  # here, because the games do without safetensors

    card = {
        "kind": LANGUAGE,
        "characters": arguments.characters,
        "trained on": Path(arguments.file).name,
        "held out": {"nats a character": round(score.loss, 4), "characters": score.questions},
    }
    path = models.save(Path(arguments.folder) / models.TRAINED, model, card)
    print(f"{language.bits(score.loss):.3f} bits a character on the last tenth, which it had not seen")
    print(f"let it write: python -m lstm_lib.use generate --model {path}")


def name_options(message: str, this: argparse.ArgumentParser | None = None) -> str:
    """Say "got --batch-size 0" where a function says "got batch_size 0": the name that the reader has typed.

    Args:
        message: What a function says.
        this: The parser whose options they are; None for that of the games.

    Example:
        >>> name_options("got k -1, expected at least 0")
        'got --length -1, expected at least 0'
    """
    actions = (parser() if this is None else this)._actions
    options = {action.dest: action.option_strings[-1] for action in actions if action.option_strings}
    options |= {"hidden_size": "--hidden", "num_layers": "--layers"}  # as the network calls them
    options |= {"k": "--length", "T": "--length"} if "length" in options else {}  # as the tasks call it
    return re.sub(r"\bgot (\w+)(?= )", lambda found: f"got {options.get(found[1], found[1])}", message)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and train; a mistake in it is one line on the error stream and exit code 2."""
    this = parser()
    try:
        given = sys.argv[1:] if arguments is None else list(arguments)
        if given[:1] and given[0] in OTHERS:
            this = argparse.ArgumentParser(f"python -m lstm_lib.train {given[0]}", description=OTHERS[given[0]].ABOUT)
            OTHERS[given[0]].add(this)
            OTHERS[given[0]].run(this.parse_args(given[1:]))
            return 0
        this = parser(LANGUAGE if LANGUAGE in given[:1] else None)
        train(this.parse_args(given))
    except (ValueError, NotImplementedError, training.CheckpointError) as error:
        this.exit(2, f"{this.prog}: {name_options(str(error), this)}\n")
    except training.Diverged as error:
        this.exit(1, f"{this.prog}: {error}\n")
    except KeyboardInterrupt:
        this.exit(130, "stopped; with --folder, the same command goes on from the last checkpoint\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
