"""Where a training run stands: everything that changes on the way, how it begins, how it is stored and taken up."""

import warnings
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.amp import GradScaler

from lstm_lib._array import Array
from lstm_lib.training import parallel
from lstm_lib.training.checkpoints import (
    CheckpointError,
    Folder,
    expect_writable,
    latest_checkpoint,
    save_checkpoint,
    set_aside,
)
from lstm_lib.training.devices import runs_ahead
from lstm_lib.training.export import build_of
from lstm_lib.training.losses import Objective
from lstm_lib.training.settings import Settings
from lstm_lib.training.trees import change_tensors, pack, unpack

State = Any  # what the network hands from step to step: a tensor, or tuples and dictionaries of them; None before it
LOOK_EVERY = 20  # batches between two looks at the numbers of a device that runs ahead


class History(NamedTuple):
    """What a run leaves: the first three hold one number a batch, the next three one an evaluation.

    losses: mean loss over the batch's questions (nats, or squared error). norms: length of the longest gradient of the
    batch, before clipping. rates: learning rate. evaluated: batches done at the evaluation. stopped: why it ended,
    "batches", "goal" or "patience".
    """

    losses: Array
    norms: Array
    rates: Array
    evaluated: Array
    eval_losses: Array
    accuracies: Array
    stopped: str


class Place(NamedTuple):
    """Where an update is: the number of its first batch, the window, and the batches, where NaN is looked for."""

    first: int
    window: int
    batches: tuple[Any, ...]


class Update(NamedTuple):
    """One update that was tried: what is known of it on the device, and what it was made from.

    numbers: summed loss of each batch, norm, scale, how many processes were told to stop, and, if looked at later, the
    norm of each parameter's gradient.
    """

    numbers: Tensor
    asked: tuple[int, ...]  # questions of each batch
    place: Place
    parameters: tuple[str, ...]  # those with a gradient


@dataclass
class Run:
    """All that changes while training, and what it is done with."""

    model: nn.Module
    network: nn.Module  # the model, or its wrapper that averages gradients over processes
    settings: Settings
    device: torch.device
    team: parallel.Team
    optimiser: torch.optim.Optimizer
    scaler: GradScaler
    objective: Objective
    ahead: bool = False  # whether the device's numbers are looked at in groups
    done: int = 0  # batches
    state: State = None  # handed from batch to batch when settings.stateful
    sequences: int | None = None  # those that the state is of
    updates: list[Update] = field(default_factory=list)  # not yet looked at
    rates: list[float] = field(default_factory=list)  # of the batches not yet looked at
    questions: list[int] = field(default_factory=list)  # of the batches not yet looked at
    told_to_stop: bool = False  # this process, by SIGTERM
    all_told: bool = False  # that one of the processes was, which all of them know after the same update
    broken: Tensor | None = None  # on the device: whether an update went wrong, after which none is made
    log: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in History._fields[:-1]})
    best: dict[str, Any] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)  # what else makes it this run, such as the task
    stopped: str = ""


def start(
    model: nn.Module,
    settings: Settings,
    device: torch.device,
    folder: Folder | None,
    about: dict[str, Any],
    objective: Objective,
) -> Run:
    """Set everything to the first batch, or to where the folder's last checkpoint stands."""
    team = parallel.team()
    if folder is not None and team.rank == 0:
        expect_writable(folder)
    model.to(device)
    seed = int(np.random.SeedSequence([settings.seed, team.rank]).generate_state(1)[0])
    torch.default_generator.manual_seed(seed)  # torch.manual_seed would reach the generators of all GPUs
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
    scaler = GradScaler(device.type, enabled=settings.precision == "float16")
    network = parallel.wrap(model, device, team.size)
    ahead = runs_ahead(device, settings.log_every)
    optimiser = _optimiser(model, settings, fused=ahead or None)
    run = Run(model, network, settings, device, team, optimiser, scaler, objective, ahead, about=about)
    checkpoint = latest_checkpoint(folder) if folder is not None else None
    found = parallel.collect(checkpoint and checkpoint.get("batches"), team.size)
    if len(set(found)) > 1:
        what = f"got checkpoints after {', '.join(map(str, found))} batches, one for each process"
        raise ValueError(f"{what}, expected the same for all: {folder} must be a folder that all of them see")
    if checkpoint is not None and folder is not None:
        restore(run, checkpoint)
        if team.rank == 0:  # all have told what they read, so one may rename
            set_aside(folder, run.done)
    return run


def _optimiser(model: nn.Module, settings: Settings, fused: bool | None) -> torch.optim.Optimizer:
    """Make the optimiser; a fused one can leave an update out by itself, told so on the device."""
    trained = [p for p in model.parameters() if p.requires_grad]
    if not trained:
        raise ValueError(f"got a {type(model).__name__} without parameters that ask for gradients, expected some")
    if settings.optimiser == "sgd":
        return torch.optim.SGD(trained, settings.lr, weight_decay=settings.weight_decay, fused=fused)
    kind = torch.optim.Adam if settings.optimiser == "adam" else torch.optim.AdamW
    return kind(trained, settings.lr, settings.betas, weight_decay=settings.weight_decay, fused=fused)


def save(run: Run, folder: Folder) -> None:
    """Write a checkpoint.

    The schedule and the data need no more than the number of batches done: both follow from it.
    """
    here: dict[str, Any] = {"rng": torch.get_rng_state(), "state": pack(run.state), "sequences": run.sequences}
    here["gpu_rng"] = torch.cuda.get_rng_state(run.device) if run.device.type == "cuda" else None
    content = {
        "batches": run.done,
        "settings": run.settings.as_dict(),
        "about": run.about,
        "network": repr(run.model),
        "build": build_of(run.model),
        "model": run.model.state_dict(),
        "optimiser": run.optimiser.state_dict(),
        "scaler": run.scaler.state_dict(),
        "log": {name: torch.tensor(values, dtype=torch.float64) for name, values in run.log.items()},
        "best": run.best,
        "stopped": run.stopped,
        "processes": parallel.collect(here, run.team.size),
    }
    if run.team.rank == 0:
        save_checkpoint(folder, run.done, content, keep=run.settings.keep)


def restore(run: Run, content: dict[str, Any]) -> None:
    """Set everything to where a checkpoint stands, if it is one of this run."""
    expect_the_same_run(run, content)
    processes = content["processes"]
    run.model.load_state_dict(content["model"])
    for group in content["optimiser"]["param_groups"]:  # it may have been made on another kind of device
        group["fused"] = run.ahead or None
    run.optimiser.load_state_dict(content["optimiser"])
    run.scaler.load_state_dict(content["scaler"])
    run.done, run.best, run.stopped = content["batches"], content["best"], content["stopped"]
    run.log = {name: values.tolist() for name, values in content["log"].items()}
    here = processes[run.team.rank]
    torch.set_rng_state(here["rng"])
    if here["gpu_rng"] is not None and run.device.type == "cuda":
        torch.cuda.set_rng_state(here["gpu_rng"], run.device)
    run.state = change_tensors(unpack(here["state"]), lambda part: part.to(run.device))
    run.sequences = here.get("sequences")
    if run.settings.patience is None:
        run.best = {}
    if run.stopped == "goal" and run.settings.goal != content["settings"].get("goal"):
        run.stopped = ""  # a goal that has moved is not reached yet
    if run.stopped == "patience" and not is_out_of_patience(run):
        run.stopped = ""
    if run.stopped == "patience" and run.settings.batches > content["settings"]["batches"] and run.team.rank == 0:
        ended = f"that patience {run.settings.patience} ended after {run.done}, expected more patience too"
        warnings.warn(f"got batches {run.settings.batches} for a run {ended}; nothing is trained", stacklevel=4)


def is_out_of_patience(run: Run) -> bool:
    """Say whether as many evaluations as ``patience`` says have passed without a lower loss."""
    patience = run.settings.patience
    return patience is not None and len(run.log["evaluated"]) - run.best["look"] >= patience


def expect_the_same_run(run: Run, content: dict[str, Any]) -> None:
    """Raise unless a checkpoint was made with these settings, this network, as many processes, and no more batches."""
    expected = {"batches", "settings", "model", "optimiser", "scaler", "log", "best", "stopped", "processes"}
    missing = sorted(expected - content.keys())
    if missing:
        raise CheckpointError(f"got a checkpoint without {', '.join(missing)}, expected one that fit has written")
    run.settings.expect_to_continue(content["settings"])
    count = len(content["processes"])
    if count != run.team.size:
        made = f"the checkpoint was made with {count}: start as many, or use another folder"
        raise ValueError(f"got {run.team.size} processes, but {made}")
    if run.settings.batches < content["batches"]:
        done = f"the checkpoint has done {content['batches']}: ask for as many at least, or use another folder"
        raise ValueError(f"got batches {run.settings.batches}, but {done}")
    ours = run.about | _shapes(run.model.state_dict())
    theirs = content.get("about", {}) | _shapes(content["model"])
    network = repr(run.model)
    if "network" in content and " at 0x" not in network:  # an address says nothing about a network
        ours["network"], theirs["network"] = network, content["network"]
    for name in [*ours, *theirs]:
        if ours.get(name) != theirs.get(name):
            made = f"the checkpoint was made with {name} {theirs.get(name)}; use the same, or another folder"
            raise ValueError(f"got {name} {ours.get(name)}, but {made}")


def _shapes(weights: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(weight.shape) for name, weight in weights.items()}
