"""``fit``: one training loop, from the first batch or from a checkpoint, on one process or several."""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from lstm_lib.tasks import Batch
from lstm_lib.training import parallel
from lstm_lib.training.batches import epochs
from lstm_lib.training.checkpoints import Folder
from lstm_lib.training.devices import pick_device
from lstm_lib.training.losses import TAGGING, Objective
from lstm_lib.training.run import LOOK_EVERY, History, Run, is_out_of_patience, save, start
from lstm_lib.training.scoring import Score
from lstm_lib.training.scoring import evaluate as score
from lstm_lib.training.settings import Settings
from lstm_lib.training.update import look_at_updates, train_on

Sample = Callable[[int], Any]


def fit(
    model: nn.Module,
    sample: Sample | Iterable[Any],
    settings: Settings,
    *,
    objective: Objective = TAGGING,
    evaluate: Batch | Iterable[Any] | None = None,
    folder: Folder | None = None,
    device: str | torch.device | None = None,
    progress: bool = True,
    watch: Callable[[int, nn.Module], None] | None = None,
    tell: Callable[[int, Score], None] | None = None,
    about: Mapping[str, str | int | float | bool | None] | None = None,
) -> History:
    """Train a network, in place.

    Called again with the same folder, it goes on from the last checkpoint as if it had never stopped: on a processor,
    weights come out the same to the last bit. torch's global random numbers are left as they were. With a folder, a
    process that gets SIGTERM (a machine that is shut down, a queue that is full) writes a checkpoint before it ends.

    Args:
        model: Takes (xs, state) and returns (scores, state), as ``nn.Tagger`` does; or takes xs alone, or returns
            scores alone. The state is a tensor, or tuples, lists and dictionaries of them.
        sample: Returns batch n; see ``numbered``. Or what one epoch goes through, such as a ``DataLoader`` or a list
            of batches; see ``epochs``. Under ``torchrun`` each process takes its share of the sequences.
        settings: How to train.
        objective: What for: the parts of a batch, the loss, the score. The usual one trains on the answers that a
            Batch asks for: cross-entropy for classes, squared error for numbers.
        evaluate: Batches to ask every ``settings.evaluate_every`` batches.
        folder: Where checkpoints are written and looked for; None for no checkpoints.
        device: Where to train; see ``pick_device``.
        progress: Whether to show a bar: a widget in notebooks, text elsewhere.
        watch: Called after each update with the number of batches done and the model, before a checkpoint is written.
        tell: Called after each evaluation with the number of batches done and the score, on process 0 alone.
        about: What else makes it this run, by name, such as the task: the folder's run must have been told the same.

    Returns:
        History of the whole run, batches before a checkpoint included.

    Raises:
        Diverged: If the loss or a gradient is NaN or inf; the weights stay as they were before that update.
        ValueError: If a batch asks nothing, or does not fit the objective or the network; the message says which, and
            which part. Or if the folder holds another run: other settings, another network, another number of
            processes, or more batches than are asked for. The network stays as it was.
        CheckpointError: If the folder cannot be written to, or holds checkpoints and none can be trusted.

    Example:
        >>> from lstm_lib import nn, tasks
        >>> from lstm_lib.training import numbered
        >>> _ = torch.manual_seed(0)
        >>> sample = numbered(lambda rng: tasks.delay(rng, 32, 1))
        >>> model = nn.Tagger(6, 8, 4)
        >>> history = fit(model, sample, Settings(batches=150), progress=False)
        >>> history.losses.shape, bool(history.losses[-1] < 0.1)
        ((150,), True)
    """
    if settings.evaluate_every and evaluate is None:
        raise ValueError(f"got evaluate_every {settings.evaluate_every} but nothing to evaluate, expected batches")
    if evaluate is not None and not settings.evaluate_every:
        raise ValueError("got batches to evaluate but evaluate_every 0, expected the batches between evaluations")
    if settings.goal is not None and objective.score is None:
        raise ValueError(f"got goal {settings.goal} and an objective without a score, expected one to tell it by")
    place = device if isinstance(device, torch.device) else pick_device(device)
    draw = sample if callable(sample) else epochs(sample, settings.seed)
    devices = [place] if place.type == "cuda" else []
    with ExitStack() as stack, torch.random.fork_rng(devices=devices):
        run = start(model, settings, place, folder, dict(about or {}), objective)
        model.train()
        ends = stack.enter_context(_end_of(run)) if folder is not None else None
        for n in _counter(run, progress):
            train_on(run, [draw(k) for k in range(n, n + settings.accumulate)], n)
            is_last = run.done == settings.batches
            looks = evaluate is not None and _is_time(run, settings.evaluate_every)
            saves = folder is not None and _is_time(run, settings.save_every)
            if is_last or looks or saves or not run.ahead or len(run.rates) >= (settings.log_every or LOOK_EVERY):
                look_at_updates(run)
            if evaluate is not None and looks:
                _look(run, evaluate, tell)
            if watch is not None:
                watch(run.done, model)
            if folder is not None and (is_last or run.stopped or saves or run.all_told):
                save(run, folder)
            if ends is not None and run.all_told:
                ends()
            if run.stopped:
                break
    if run.best and run.stopped != "goal":
        model.load_state_dict(run.best["model"])
    kinds = {"evaluated": np.int64}
    arrays = {name: np.array(values, kinds.get(name, np.float64)) for name, values in run.log.items()}
    return History(**arrays, stopped=run.stopped or "batches")


@contextmanager
def _end_of(run: Run) -> Iterator[Callable[[], None]]:
    """Keep SIGTERM until a checkpoint is written; give a function that then does what it would have done at once.

    Where there are several processes, all of them learn with the losses that one was told to stop.
    """
    usual = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread() or usual in (None, signal.SIG_IGN):
        yield lambda: None
        return

    def hear(number: int, frame: object) -> None:
        run.told_to_stop = True

    def end() -> None:
        signal.signal(signal.SIGTERM, usual)
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, hear)
    try:
        yield end
    finally:
        signal.signal(signal.SIGTERM, usual)


def _is_time(run: Run, every: int) -> bool:
    return every > 0 and run.done % every == 0


def _counter(run: Run, progress: bool) -> Iterator[int]:
    """Count the batches that are left, those of one update at a time, behind a bar where one is wanted."""
    k, total = run.settings.accumulate, run.settings.batches
    left = range(run.done, 0 if run.stopped else total, k)
    if not progress or run.team.rank > 0:
        yield from left
        return
    from tqdm.auto import tqdm  # here, because it looks for a notebook, and loads widgets if there is one

    with tqdm(initial=run.done, total=total, unit="batch") as bar:
        for n in left:
            yield n
            bar.update(k)


def _look(run: Run, batches: Batch | Iterable[Any], tell: Callable[[int, Score], None] | None) -> None:
    """Evaluate, remember the best weights, and see whether to stop: what process 0 has found holds for all."""
    told = score(run.model, batches, stateful=run.settings.stateful, objective=run.objective)
    loss, accuracy, _ = told = parallel.first(told, run.team.size)
    if tell is not None and run.team.rank == 0:
        tell(run.done, told)
    for name, value in {"evaluated": run.done, "eval_losses": loss, "accuracies": accuracy}.items():
        run.log[name].append(value)
    looks = len(run.log["evaluated"])
    if run.settings.patience is not None:
        if not run.best or loss < run.best["loss"]:
            weights = {name: value.detach().clone() for name, value in run.model.state_dict().items()}
            run.best = {"loss": loss, "look": looks, "model": weights}
        elif is_out_of_patience(run):
            run.stopped = "patience"
    if run.settings.goal is not None and accuracy >= run.settings.goal:
        run.stopped = "goal"
