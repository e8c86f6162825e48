"""Where a training run stands: everything that changes on the way, how it begins, how it is stored and taken up."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.amp import GradScaler

from lstm_lib.cells import Array
from lstm_lib.training import parallel
from lstm_lib.training.checkpoints import Folder, latest_checkpoint, save_checkpoint, set_aside
from lstm_lib.training.settings import Settings

State = tuple[Tensor, ...] | None  # what the network hands from step to step, (h, c); None before the first


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
    done: int = 0  # batches
    state: State = None  # handed from batch to batch when settings.stateful
    log: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in History._fields[:-1]})
    best: dict[str, Any] = field(default_factory=dict)
    stopped: str = ""


def start(model: nn.Module, settings: Settings, device: torch.device, folder: Folder | None) -> Run:
    """Set everything to the first batch, or to where the folder's last checkpoint stands."""
    model.to(device)
    team = parallel.team()
    torch.manual_seed(int(np.random.SeedSequence([settings.seed, team.rank]).generate_state(1)[0]))
    scaler = GradScaler(device.type, enabled=settings.precision == "float16")
    network = parallel.wrap(model, device, team.size)
    run = Run(model, network, settings, device, team, _optimiser(model, settings), scaler)
    checkpoint = latest_checkpoint(folder) if folder is not None else None
    if checkpoint is not None and folder is not None:
        restore(run, checkpoint)
        parallel.collect(None, team.size)  # all have read before one renames
        if team.rank == 0:
            set_aside(folder, run.done)
    return run


def _optimiser(model: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    trained = [p for p in model.parameters() if p.requires_grad]
    if settings.optimiser == "sgd":
        return torch.optim.SGD(trained, settings.lr, weight_decay=settings.weight_decay)
    kind = torch.optim.Adam if settings.optimiser == "adam" else torch.optim.AdamW
    return kind(trained, settings.lr, settings.betas, weight_decay=settings.weight_decay)


def save(run: Run, folder: Folder) -> None:
    """Write a checkpoint.

    The schedule and the data need no more than the number of batches done: both follow from it.
    """
    here: dict[str, Any] = {"rng": torch.get_rng_state(), "state": run.state}
    here["gpu_rng"] = torch.cuda.get_rng_state(run.device) if run.device.type == "cuda" else None
    content = {
        "batches": run.done,
        "settings": run.settings.as_dict(),
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
    """Set everything to where a checkpoint stands."""
    run.settings.expect_to_continue(content["settings"])
    processes = content["processes"]
    if len(processes) != run.team.size:
        made = f"the checkpoint was made with {len(processes)}: start as many, or use another folder"
        raise ValueError(f"got {run.team.size} processes, but {made}")
    run.model.load_state_dict(content["model"])
    run.optimiser.load_state_dict(content["optimiser"])
    run.scaler.load_state_dict(content["scaler"])
    run.done, run.best, run.stopped = content["batches"], content["best"], content["stopped"]
    run.log = {name: values.tolist() for name, values in content["log"].items()}
    here = processes[run.team.rank]
    torch.set_rng_state(here["rng"])
    if here["gpu_rng"] is not None and run.device.type == "cuda":
        torch.cuda.set_rng_state(here["gpu_rng"], run.device)
    run.state = here["state"] and tuple(part.to(run.device) for part in here["state"])
