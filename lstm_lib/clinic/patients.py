"""The five patients. Do not read on before Chapter 10 has shown you their charts: here each bug is named."""

import copy
import inspect
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from lstm_lib.clinic.charts import Chart, Layer, examine, straight
from lstm_lib.nn import LSTM
from lstm_lib.tasks import Batch


def healthy(seed: int) -> Chart:
    """Nothing is wrong."""
    return examine(seed)


def patient_a(seed: int) -> Chart:
    """The state is lost every five steps: each piece starts from empty memories."""

    def hidden(lstm: Layer, xs: Tensor) -> Tensor:
        return torch.cat([straight(lstm, piece) for piece in xs.split(5)])

    return examine(seed, hidden=hidden)


def patient_b(seed: int) -> Chart:
    """The targets are one step early: the answer is expected before the question is seen."""

    def data(batch: Batch) -> Batch:
        early = (np.roll(part, -1, axis=0) for part in (batch.targets, batch.mask))
        return Batch(batch.xs, *early)

    return examine(seed, data=data)


def patient_c(seed: int) -> Chart:
    """The trained weights were copied to a cell that has the blocks in another order: i and o change places."""

    def after(lstm: LSTM) -> None:
        for weight in lstm.parameters():
            i, f, g, o = weight.chunk(4)
            weight.copy_(torch.cat([o, f, g, i]))

    return examine(seed, after=after)


def patient_d(seed: int) -> Chart:
    """Batch and time are mixed up: the LSTM walks from sequence to sequence, and sees one step of each."""

    def data(batch: Batch) -> Batch:
        return Batch(*(part.swapaxes(0, 1) for part in batch))

    return examine(seed, data=data)


def patient_e(seed: int) -> Chart:
    """The learning rate is a hundred times too high."""
    return examine(seed, lr=1.0)


PATIENTS = {"healthy": healthy, "A": patient_a, "B": patient_b, "C": patient_c, "D": patient_d, "E": patient_e}


def source(patient: str) -> str:
    """Return the code of a patient, "A" to "E", which names the bug.

    Raises:
        ValueError: If there is no such patient.

    Example:
        >>> source("A").splitlines()[0]
        'def patient_a(seed: int) -> Chart:'
    """
    return inspect.getsource(_patient(patient))


def admit(patient: str, seed: int = 0) -> Chart:
    """Return the chart of a patient, "A" to "E", or of the "healthy" one; each takes some seconds, the first time.

    Raises:
        ValueError: If there is no such patient.
    """
    return copy.deepcopy(_admitted(_patient(patient), seed))


@lru_cache(maxsize=6)
def _admitted(train: Callable[[int], Chart], seed: int) -> Chart:
    """Train a patient once for all who look at it."""
    return train(seed)


def _patient(name: str) -> Callable[[int], Chart]:
    """Return what trains a patient."""
    if name not in PATIENTS:
        raise ValueError(f"got patient {name!r}, expected one of {', '.join(PATIENTS)}")
    return PATIENTS[name]
