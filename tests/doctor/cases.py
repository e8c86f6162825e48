"""What patients of the doctor are made of: a case, four tasks to be ill with, and how a network is trained.

Shapes: T steps, B batch, D features, H hidden units, V tokens.
"""

import inspect
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lstm_lib import tasks

Loss = Callable[[Any, Tensor], Tensor]
SEEDS = range(int(os.environ.get("LSTM_DOCTOR_SEEDS", "1")))  # each takes a minute on two slow cores


class Case(NamedTuple):
    """The keyword arguments of ``lstm_lib.doctor.examine``."""

    model: nn.Module
    batch: Any = None
    loss: Loss | None = None
    lengths: Tensor | None = None
    optimizer: torch.optim.Optimizer | None = None
    longest_lag: int | None = None


class Patient(NamedTuple):
    """A network with one fault, or with none: then ``fault`` is None.

    ``symptom`` looks at a case of its own, which it may use up, and says whether the patient is what its name says:
    ill in this way, or well. It knows nothing of the doctor.
    """

    name: str
    fault: str | None
    task: str
    build: Callable[[int], Case]
    symptom: Callable[[Case], bool]


class Ward:
    """A list of patients that grows by a decorator."""

    def __init__(self) -> None:
        self.patients: list[Patient] = []

    def admit(self, name: str, fault: str | None, task: str, symptom: Callable[[Case], bool]) -> Callable[..., Any]:
        """Add what builds a patient: a function of a NumPy generator, to which torch's generator is set as well."""

        def add(make: Callable[[np.random.Generator], Case]) -> Callable[[np.random.Generator], Case]:
            def build(seed: int) -> Case:
                with torch.random.fork_rng(devices=[]):
                    torch.manual_seed(seed)
                    return make(np.random.default_rng(seed))

            self.patients.append(Patient(name, fault, task, build, symptom))
            return make

        return add


# ---------------------------------------------------------------- four tasks


class Sample(NamedTuple):
    """Inputs and targets of one batch, and the length of each sequence where they differ."""

    inputs: Tensor
    targets: Tensor
    lengths: Tensor | None = None


def delayed(rng: np.random.Generator, B: int, lag: int) -> Sample:
    """Recall: (T, B, 6), one symbol of four asked for ``lag`` steps after it was shown."""
    batch = tasks.delay(rng, B, lag - 1, dtype=np.float32)
    return Sample(torch.as_tensor(batch.xs), torch.as_tensor(batch.targets))


def boxes(rng: np.random.Generator, B: int, T: int) -> Sample:
    """Recall: (T, B, 6), the stream of one box, written and asked for at any time."""
    batch = tasks.recall_stream(rng, B, T, boxes=1, dtype=np.float32)
    return Sample(torch.as_tensor(batch.xs), torch.as_tensor(batch.targets))


WORDS = 12  # tokens of a review: 0 is padding, 1 to 3 praise, 4 to 6 blame, the rest says nothing


def reviews(rng: np.random.Generator, B: int, T: int = 12, shortest: int = 4) -> Sample:
    """Classification: (B, T) tokens, padded by 0 behind each review; one word in its first half says what it thinks."""
    lengths = rng.integers(shortest, T + 1, B)
    lengths[rng.integers(B)] = T
    tokens = rng.integers(7, WORDS, (B, T))
    liked = rng.integers(2, size=B)
    tokens[np.arange(B), rng.integers(lengths // 2)] = np.where(liked, 1, 4) + rng.integers(3, size=B)
    tokens[np.arange(T) >= lengths[:, None]] = 0
    return Sample(torch.as_tensor(tokens), torch.as_tensor(liked), torch.as_tensor(lengths))


def waves(rng: np.random.Generator, B: int, T: int = 24) -> Sample:
    """Forecast: (B, T, 1) a wave with a little noise, and the value that follows each of its steps."""
    speed, start = rng.uniform(0.7, 1.3, (B, 1)), rng.uniform(0, 2 * np.pi, (B, 1))
    values = np.sin(speed * np.arange(T + 1) + start) + 0.03 * rng.standard_normal((B, T + 1))
    series = torch.as_tensor(values[..., None], dtype=torch.float32)
    return Sample(series[:, :-1], series[:, 1:])


def prices(rng: np.random.Generator, B: int, T: int = 24) -> Sample:
    """Forecast: (B, T, 1) a walk at random, of which nobody can know more than its last value, and what follows."""
    series = torch.as_tensor(rng.standard_normal((B, T + 1)).cumsum(1)[..., None] / 4, dtype=torch.float32)
    return Sample(series[:, :-1], series[:, 1:])


LETTERS = " acehmnost"  # of the text below


def text(rng: np.random.Generator, B: int, T: int, chunks: int = 1) -> list[Sample]:
    """Language: chunks (B, T) of letters of B endless texts, each beginning where the last ended, and the next letters.

    >>> first, second = text(np.random.default_rng(0), 2, 10, 2)
    >>> "".join(LETTERS[n] for n in first.inputs[0]), bool((first.targets[:, -1] == second.inputs[:, 0]).all())
    ('sea match ', True)
    """
    words = ("the ", "cat ", "sat ", "on ", "some ", "match ", "sea ", "home ")
    longest = T * chunks + 1
    lines = ["".join(words[n] for n in rng.integers(len(words), size=longest))[:longest] for _ in range(B)]
    tokens = torch.tensor([[LETTERS.index(letter) for letter in line] for line in lines])
    return [Sample(tokens[:, t : t + T], tokens[:, t + 1 : t + T + 1]) for t in range(0, T * chunks, T)]


# ---------------------------------------------------------------- losses and training


def per_step(outputs: Any, targets: Tensor) -> Tensor:
    """Return the cross-entropy where it is asked: outputs (..., K), alone or first of a tuple; targets (...), or -1."""
    scores = outputs[0] if isinstance(outputs, tuple) else outputs
    return F.cross_entropy(scores.flatten(0, -2), targets.flatten(), ignore_index=tasks.NO_TARGET)


def ask(model: nn.Module, inputs: Any, lengths: Tensor | None = None) -> Any:
    """Call a model as the doctor does: with lengths, where its forward has a parameter of that name."""
    if "lengths" in inspect.signature(model.forward).parameters:
        return model(inputs, lengths=lengths)
    return model(inputs)


def train(
    model: nn.Module, draw: Callable[[], Sample], loss: Loss, steps: int, lr: float = 0.02, clip: float | None = 1.0
) -> torch.optim.Optimizer:
    """Train by Adam on fresh batches."""
    optimizer = torch.optim.Adam(model.parameters(), lr)
    for _ in range(steps):
        inputs, targets, lengths = draw()
        optimizer.zero_grad()
        loss(ask(model, inputs, lengths), targets).backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
    return optimizer
