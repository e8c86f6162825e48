"""Several processes that train one network: who is there, who gets which sequences, and what they tell each other.

``torchrun`` starts the processes. Each draws the same batch and takes its share of the sequences;
DistributedDataParallel adds up the gradients. With one process every function here does nothing.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel


class Team(NamedTuple):
    """The processes that train together: this one's number, and how many there are."""

    rank: int
    size: int


def team() -> Team:
    """Say which process this is, and of how many.

    Example:
        >>> team()
        Team(rank=0, size=1)
    """
    if dist.is_available() and dist.is_initialized():
        return Team(dist.get_rank(), dist.get_world_size())
    return Team(0, 1)


@contextmanager
def together(device: torch.device) -> Iterator[Team]:
    """Join the processes that ``torchrun`` started; without it, be a team of one.

    Args:
        device: Where the network is: GPUs talk by nccl, processors by gloo.

    Example:
        >>> with together(torch.device("cpu")) as (rank, size):
        ...     rank, size
        (0, 1)
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield Team(0, 1)
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    # torchrun may keep one store for all its attempts: workers that are started again must not find the addresses of
    # those that were killed.
    store, rank, size = next(rendezvous("env://"))
    attempt = f"attempt-{os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}"
    store = dist.PrefixStore(attempt, store)  # type: ignore[attr-defined]
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", store=store, rank=rank, world_size=size)
    try:
        yield team()
    finally:
        dist.destroy_process_group()


def wrap(model: nn.Module, device: torch.device, size: int) -> nn.Module:
    """Return the model whose backward pass also averages the gradients of all processes."""
    if size == 1:
        return model
    if device.type == "cuda":
        return DistributedDataParallel(model, device_ids=[device])
    network = DistributedDataParallel(model)
    network.register_comm_hook(size, _mean_in_order)
    return network


def _mean_in_order(
    size: int,
    bucket: dist.GradBucket,  # type: ignore[name-defined]
) -> torch.futures.Future[Tensor]:
    """Average gradients over the processes, added up in the order of their numbers.

    gloo would add in an order that depends on where a number lies in the bucket, and buckets are laid out anew after
    the first batch: a run that goes on from a checkpoint would differ in the last digit.
    """
    parts = [torch.empty_like(bucket.buffer()) for _ in range(size)]
    told = dist.all_gather(parts, bucket.buffer(), async_op=True).get_future()
    mean: torch.futures.Future[Tensor] = told.then(lambda _: sum(parts[1:], parts[0]) / size)
    return mean


def total(value: Tensor, size: int) -> Tensor:
    """Add up one tensor over all processes."""
    if size > 1:
        dist.all_reduce(value)
    return value


def exchange(network: nn.Module, wanted: bool) -> AbstractContextManager[None]:
    """Let the backward passes inside exchange gradients with the other processes, or keep them for later."""
    if wanted or not isinstance(network, DistributedDataParallel):
        return nullcontext()
    later: AbstractContextManager[None] = network.no_sync()
    return later


def first(value: Any, size: int) -> Any:
    """Return what process 0 has: it decides for all."""
    return collect(value, size)[0]


def collect(value: Any, size: int) -> list[Any]:
    """Return what each process has, in the order of their numbers."""
    if size == 1:
        return [value]
    everything: list[Any] = [None] * size
    dist.all_gather_object(everything, value)
    return everything
