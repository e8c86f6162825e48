"""Train in child processes that are killed at random moments: run by ``test_training_kill``, prints what it saw.

torch is loaded once, here; each child is a fork that begins to train at once. It saves after every batch, so that most
kills fall into the writing of a checkpoint.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
from training_helpers import boxes, fit, network, weights

from lstm_lib import training

BATCHES, KILLS = 500, 20
SETTINGS = training.Settings(batches=BATCHES, save_every=1)
OPTIONS = {"num_layers": 2, "dropout": 0.3}


def train(folder: Path | None) -> torch.nn.Module:
    """Train from the last checkpoint to the end."""
    model = network(**OPTIONS)
    fit(model, SETTINGS, sample=boxes(), folder=folder)
    return model


def wait_for_another(folder: Path) -> None:
    """Return once a checkpoint has been written that was not there before."""
    before, deadline = set(training.checkpoints(folder)), time.monotonic() + 60
    while set(training.checkpoints(folder)) <= before and time.monotonic() < deadline:
        time.sleep(0.001)


def kill_one(folder: Path, rng: random.Random) -> int:
    """Start a child, kill it at a random moment, and return the batches that the last checkpoint holds."""
    child = os.fork()
    if child == 0:
        train(folder)
        os._exit(0)
    if rng.random() < 0.8:  # the others are killed while they begin; on a busy machine that alone takes long
        wait_for_another(folder)
    time.sleep(rng.uniform(0.0, 0.03))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the child finished before it was killed"
    content = training.latest_checkpoint(folder)  # warnings are errors here: nothing may be refused
    return 0 if content is None else content["batches"]


if __name__ == "__main__":
    torch.set_num_threads(1)
    rng, place = random.Random(2026), Path(sys.argv[1])
    theirs = train(None)  # undisturbed; and whatever torch loads late is loaded now, before the forks
    done = [kill_one(place, rng) for _ in range(KILLS)]
    ours = train(place)
    pairs = zip(weights(ours).values(), weights(theirs).values(), strict=True)
    same = all(a.tobytes() == b.tobytes() for a, b in pairs)
    print(json.dumps({"done": done, "same": same}))
