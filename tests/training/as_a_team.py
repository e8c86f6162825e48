"""Train in several processes that are forks of this one: run by ``test_training_team``, prints what it saw.

torch is loaded once, here, which torchrun would do once for every process of every run.
"""

import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from training_helpers import boxes, fit, network, weights

from lstm_lib import training
from lstm_lib.training import Settings, parallel
from lstm_lib.training.scoring import Score

FOLDER = Path(*sys.argv[1:2])  # pytest imports this file too, to look for examples


def in_a_team(size: int, work: Callable[[int], Any]) -> list[Any]:
    """Do the work in as many processes, which find each other as those of torchrun do; return what each returned."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": str(size)}
    children, told = [], []
    for rank in range(size):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.environ |= address | {"RANK": str(rank), "TORCHELASTIC_RUN_ID": "forks"}
            with training.together(torch.device("cpu")):
                answer = work(rank)
            os.write(write, json.dumps(answer).encode())
            os._exit(0)
        os.close(write)
        children.append(child)
        told.append(read)
    answers = []
    for child, read in zip(children, told, strict=True):
        with os.fdopen(read) as pipe:
            text = pipe.read()
        _, status = os.waitpid(child, 0)
        answers.append(json.loads(text) if text else os.waitstatus_to_exitcode(status))
    return answers


def digits(model: torch.nn.Module) -> dict[str, str]:
    """Write the weights bit by bit."""
    return {name: value.tobytes().hex() for name, value in weights(model).items()}


def numbers(model: torch.nn.Module) -> dict[str, list[float]]:
    """Write the weights as numbers."""
    return {name: value.ravel().tolist() for name, value in weights(model).items()}


def train(batches: int, folder: str | None = None, B: int = 12, **settings: Any) -> torch.nn.Module:
    """Train a network with dropout (or without) on the boxes."""
    model = network()
    fit(model, Settings(batches=batches, **settings), sample=boxes(B=B), folder=folder and FOLDER / folder)
    return model


def three_that_stop_and_go_on() -> dict[str, Any]:
    """Compare 30 batches in one go with 15 and 15, in three processes."""
    whole = in_a_team(3, lambda rank: digits(train(30, "whole")))
    in_a_team(3, lambda rank: digits(train(15, "parts")))
    parts = in_a_team(3, lambda rank: digits(train(30, "parts")))
    return {"same": all(one == whole[0] for one in whole + parts), "processes": len(parts)}


def accumulated(rank: int) -> dict[str, Any]:
    """Accumulate in two processes, and count how often gradients travel."""
    travels = 0
    mean = parallel._mean_in_order

    def counted(size: int, bucket: torch.distributed.GradBucket) -> torch.futures.Future[torch.Tensor]:
        nonlocal travels
        travels += 1
        return mean(size, bucket)

    parallel._mean_in_order = counted
    model = train(12, B=5, accumulate=3, window=5, optimiser="sgd")
    return {"model": numbers(model), "travels": travels}


def one_is_told_to_stop(rank: int) -> None:
    """Send SIGTERM to one of the processes at batch 7: all of them save, and end as SIGTERM would have ended them."""

    def watch(done: int, model: torch.nn.Module) -> None:
        if done == 7 and rank == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    def end(number: int, frame: object) -> None:
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    fit(network(), Settings(batches=20), sample=boxes(B=12), folder=FOLDER / "told", watch=watch)


def doubtful(rank: int) -> dict[str, Any]:
    """Evaluate with numbers that each process sees otherwise: number 0 has reached the goal at the third look."""
    import lstm_lib.training.loop as loop

    looks = iter([0.1, 0.2, 0.95, 0.2, 0.2] if rank == 0 else [0.1, 0.95, 0.2, 0.2, 0.2])
    loop.score = lambda *_, **__: Score(1.0, next(looks), 9)
    history = fit(network(), Settings(batches=10, evaluate_every=2, goal=0.9), sample=boxes(B=12), evaluate=boxes()(0))
    return {"batches": len(history.losses), "stopped": history.stopped}


if __name__ == "__main__":
    torch.set_num_threads(1)
    seen: dict[str, Any] = {"three": three_that_stop_and_go_on()}
    alone = train(12, B=5, accumulate=3, window=5, optimiser="sgd")
    seen["accumulated"] = in_a_team(2, accumulated)
    seen["alone"] = numbers(alone)
    in_a_team(2, one_is_told_to_stop)
    content = training.latest_checkpoint(FOLDER / "told")
    seen["told"] = {"batches": content and content["batches"]}
    whole = in_a_team(2, lambda rank: digits(train(20)))
    seen["told"]["same"] = in_a_team(2, lambda rank: digits(train(20, "told"))) == whole
    seen["doubtful"] = in_a_team(2, doubtful)
    print(json.dumps(seen))
