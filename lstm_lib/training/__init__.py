"""Train a network: one loop, truncated backpropagation, checkpoints that can be trusted, several processes.

>>> import torch
>>> from lstm_lib import nn, tasks, training
>>> _ = torch.manual_seed(0)
>>> sample = training.numbered(lambda rng: tasks.delay(rng, 32, 1), seed=0)
>>> model = nn.Tagger(6, 8, 4)
>>> history = training.fit(model, sample, training.Settings(batches=150), progress=False)
>>> training.evaluate(model, sample(10_000)).accuracy
1.0

What only uses networks (``load_model``, checkpoints) loads without what trains them.
"""

import importlib
from typing import TYPE_CHECKING, Any

# Here, not on first use: the function has the name of its module, and must be there after it.
from lstm_lib._extras import need

need("torch", "training loops", "torch")

from lstm_lib.training.checkpoints import (
    CheckpointError,
    CheckpointWarning,
    checkpoints,
    latest_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from lstm_lib.training.export import load_model, save_for_inference

if TYPE_CHECKING:
    from lstm_lib.training.batches import epochs, numbered, windows
    from lstm_lib.training.devices import pick_device
    from lstm_lib.training.health import Diverged
    from lstm_lib.training.loop import fit
    from lstm_lib.training.losses import TAGGING, Objective, batch_first
    from lstm_lib.training.parallel import Team, team, together
    from lstm_lib.training.plain import pairs
    from lstm_lib.training.run import History
    from lstm_lib.training.scoring import Score, evaluate
    from lstm_lib.training.settings import Settings

# Where each name lives that is imported on first use.
HOMES = {
    "Diverged": "health",
    "History": "run",
    "Objective": "losses",
    "Score": "scoring",
    "Settings": "settings",
    "TAGGING": "losses",
    "Team": "parallel",
    "batch_first": "losses",
    "epochs": "batches",
    "evaluate": "scoring",
    "fit": "loop",
    "numbered": "batches",
    "pairs": "plain",
    "pick_device": "devices",
    "team": "parallel",
    "together": "parallel",
    "windows": "batches",
}

__all__ = [
    "TAGGING",
    "CheckpointError",
    "CheckpointWarning",
    "Diverged",
    "History",
    "Objective",
    "Score",
    "Settings",
    "Team",
    "batch_first",
    "checkpoints",
    "epochs",
    "evaluate",
    "fit",
    "latest_checkpoint",
    "load_checkpoint",
    "load_model",
    "numbered",
    "pairs",
    "pick_device",
    "save_checkpoint",
    "save_for_inference",
    "team",
    "together",
    "windows",
]


def __getattr__(name: str) -> Any:
    """Import what trains on first use."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(importlib.import_module(f"{__name__}.{HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
