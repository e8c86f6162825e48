"""``fit``: one training loop, from the first batch or from a checkpoint, on one process or several."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from lstm_lib.tasks import Batch
from lstm_lib.training import parallel
from lstm_lib.training.checkpoints import Folder
from lstm_lib.training.health import expect_finite
from lstm_lib.training.run import History, Run, State, save, start
from lstm_lib.training.scoring import evaluate as score
from lstm_lib.training.scoring import move, pick_device, summed_loss, windows
from lstm_lib.training.settings import Settings

Sample = Callable[[int], Batch]


def fit(
    model: nn.Module,
    sample: Sample,
    settings: Settings,
    *,
    evaluate: Batch | Sequence[Batch] | None = None,
    folder: Folder | None = None,
    device: str | torch.device | None = None,
    progress: bool = True,
    watch: Callable[[int, nn.Module], None] | None = None,
    about: Mapping[str, str | int | float | bool | None] | None = None,
) -> History:
    """Train a network, in place.

    Called again with the same folder, it goes on from the last checkpoint as if it had never stopped: on a processor,
    weights come out the same to the last bit. torch's global random numbers are left as they were.

    Args:
        model: Takes (xs, state) and returns (scores, state), as ``nn.Tagger`` does.
        sample: Returns batch n; see ``numbered``. Under ``torchrun`` each process takes its share of the sequences.
        settings: How to train.
        evaluate: Batches to ask every ``settings.evaluate_every`` batches.
        folder: Where checkpoints are written and looked for; None for no checkpoints.
        device: Where to train; see ``pick_device``.
        progress: Whether to show a bar: a widget in notebooks, text elsewhere.
        watch: Called after each batch with the number of batches done and the model, before a checkpoint is written.
        about: What else makes it this run, by name, such as the task: the folder's run must have been told the same.

    Returns:
        History of the whole run, batches before a checkpoint included.

    Raises:
        Diverged: If the loss or a gradient is NaN or inf; the weights stay as they were before that update.
        ValueError: If a batch asks nothing, or the folder holds another run: other settings, another network, another
            number of processes, or more batches than are asked for. The network stays as it was.
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
    place = device if isinstance(device, torch.device) else pick_device(device)
    devices = [place] if place.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        run = start(model, settings, place, folder, dict(about or {}))
        model.train()
        for n in _counter(run, progress):
            _train_on(run, sample(n), n)
            if evaluate is not None and run.done % settings.evaluate_every == 0:
                _look(run, evaluate)
            if watch is not None:
                watch(run.done, model)
            is_last = bool(run.stopped) or run.done == settings.batches
            if folder is not None and (is_last or (settings.save_every and run.done % settings.save_every == 0)):
                save(run, folder)
            if run.stopped:
                break
    if run.best and run.stopped != "goal":
        model.load_state_dict(run.best["model"])
    kinds = {"evaluated": np.int64}
    arrays = {name: np.array(values, kinds.get(name, np.float64)) for name, values in run.log.items()}
    return History(**arrays, stopped=run.stopped or "batches")


def _counter(run: Run, progress: bool) -> Iterable[int]:
    """Count the batches that are left, behind a bar where one is wanted."""
    left = range(run.done, 0 if run.stopped else run.settings.batches)
    if not progress or run.team.rank > 0:
        return left
    from tqdm.auto import tqdm  # here, because it looks for a notebook, and loads widgets if there is one

    bar: Iterable[int] = tqdm(left, initial=run.done, total=run.settings.batches, unit="batch")
    return bar


# ---------------------------------------------------------------- one batch


def _train_on(run: Run, batch: Batch, n: int) -> None:
    """Update the weights once for each window of a batch, and log what happened."""
    questions = int(batch.mask.sum())
    if questions == 0:
        raise ValueError(f"got batch {n}, which asks nothing, expected at least one True in its mask")
    rate = run.settings.lr * run.settings.rate(n)
    for group in run.optimiser.param_groups:
        group["lr"] = rate
    state = run.state if run.settings.stateful else None
    loss, longest = 0.0, 0.0
    for window, piece in enumerate(windows(batch, run.settings.window)):
        state = None if run.settings.between_windows == "reset" else _detach(state)
        asked = int(piece.mask.sum())
        xs, targets = move(parallel.share(piece, run.team.rank, run.team.size), run.model, run.device)
        if asked == 0:  # nothing to learn from: only the state goes on
            with torch.no_grad(), _precision(run):
                _, state = run.network(xs, state)
            continue
        summed, norm, state = _update(run, xs, targets, state, asked, batch, f"batch {n}, window {window}")
        loss, longest = loss + summed, float(np.maximum(longest, norm))  # a NaN stays to be seen
    run.state = _detach(state) if run.settings.stateful else None
    run.done = n + 1
    for name, value in {"losses": loss / questions, "norms": longest, "rates": rate}.items():
        run.log[name].append(value)


def _update(
    run: Run, xs: Tensor, targets: Tensor, state: State, asked: int, batch: Batch, place: str
) -> tuple[float, float, State]:
    """Take one step of the optimiser; return the summed loss of all processes, the gradient's length, the new state.

    Each process adds up the loss of its own sequences and divides by the questions of all: DistributedDataParallel
    averages the gradients, and times the number of processes that is the gradient of the mean over the whole batch.
    """
    run.optimiser.zero_grad(set_to_none=True)
    with _precision(run):
        scores, state = run.network(xs, state)
    summed = summed_loss(scores, targets)
    run.scaler.scale(summed * (run.team.size / asked)).backward()
    run.scaler.unscale_(run.optimiser)
    trained = [p for p in run.model.parameters() if p.grad is not None]
    norm = get_total_norm([p.grad for p in trained if p.grad is not None])
    loss = parallel.total(summed.detach().clone(), run.team.size)
    loss_value, norm_value = torch.stack([loss, norm.to(loss.dtype)]).tolist()
    expect_finite(run, loss_value / asked, norm_value, torch.as_tensor(batch.xs), place)
    if run.settings.clip is not None:
        clip_grads_with_norm_(trained, run.settings.clip, norm)
    run.scaler.step(run.optimiser)
    run.scaler.update()
    return loss_value, norm_value, state


def _precision(run: Run) -> torch.autocast:
    """Compute in the precision of the settings."""
    low = run.settings.precision != "float32"
    return torch.autocast(run.device.type, getattr(torch, run.settings.precision) if low else None, enabled=low)


def _detach(state: State) -> State:
    """Keep the numbers of a state and cut its past off: no gradient goes back through it."""
    return None if state is None else tuple(part.detach() for part in state)


def _look(run: Run, batches: Batch | Sequence[Batch]) -> None:
    """Evaluate, remember the best weights, and see whether to stop."""
    loss, accuracy, _ = score(run.model, batches, stateful=run.settings.stateful)
    for name, value in {"evaluated": run.done, "eval_losses": loss, "accuracies": accuracy}.items():
        run.log[name].append(value)
    looks = len(run.log["evaluated"])
    if run.settings.patience is not None:
        if not run.best or loss < run.best["loss"]:
            weights = {name: value.detach().clone() for name, value in run.model.state_dict().items()}
            run.best = {"loss": loss, "look": looks, "model": weights}
        elif looks - run.best["look"] >= run.settings.patience:
            run.stopped = "patience"
    if run.settings.goal is not None and accuracy >= run.settings.goal:
        run.stopped = "goal"
