"""Train a network: one loop, truncated backpropagation, checkpoints that can be trusted, several processes.

>>> import torch
>>> from lstm_lib import nn, tasks, training
>>> _ = torch.manual_seed(0)
>>> sample = training.numbered(lambda rng: tasks.delay(rng, 32, 1), seed=0)
>>> model = nn.Tagger(6, 8, 4)
>>> history = training.fit(model, sample, training.Settings(batches=150), progress=False)
>>> training.evaluate(model, sample(10_000)).accuracy
1.0
"""

from lstm_lib.training.checkpoints import (
    CheckpointError,
    CheckpointWarning,
    checkpoints,
    latest_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from lstm_lib.training.health import Diverged
from lstm_lib.training.loop import fit
from lstm_lib.training.parallel import Team, team, together
from lstm_lib.training.run import History
from lstm_lib.training.scoring import Score, evaluate, numbered, pick_device, windows
from lstm_lib.training.settings import Settings

__all__ = [
    "CheckpointError",
    "CheckpointWarning",
    "Diverged",
    "History",
    "Score",
    "Settings",
    "Team",
    "checkpoints",
    "evaluate",
    "fit",
    "latest_checkpoint",
    "load_checkpoint",
    "numbered",
    "pick_device",
    "save_checkpoint",
    "team",
    "together",
    "windows",
]
