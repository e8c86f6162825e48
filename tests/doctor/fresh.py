"""Faults by somebody who had not read the doctor: their form, three tasks, and networks that read sensors wrongly.

They and those of ``fresh_text`` and ``fresh_more`` were written down, with what may be said of each, before the doctor
saw any of them.
Shapes: T steps, B batch, D features, H hidden units, K classes.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.doctor.cases import Case, Sample, ask, train


class Fresh(NamedTuple):
    """A fault with the keys of which one must come first or second; or a healthy network with the loss it reaches."""

    name: str
    right: frozenset[str]
    build: Callable[[int], Case]
    below: float | None = None


class List:
    """A list of them that grows by a decorator."""

    def __init__(self) -> None:
        self.patients: list[Fresh] = []

    def add(self, name: str, *right: str, below: float | None = None) -> Callable[..., Any]:
        """Add what builds a case from a NumPy generator, with torch's generator set to the same seed."""

        def keep(make: Callable[[np.random.Generator], Case]) -> Callable[[np.random.Generator], Case]:
            def build(seed: int) -> Case:
                with torch.random.fork_rng(devices=[]):
                    torch.manual_seed(seed)
                    return make(np.random.default_rng(seed))

            self.patients.append(Fresh(name, frozenset(right), build, below))
            return make

        return keep


def bumps(rng: np.random.Generator, B: int = 32, T: int = 20) -> Sample:
    """Draw noise of three sensors (B, T, 3), and which of them had a bump: (B,)."""
    which, when = rng.integers(3, size=B), rng.integers(T * 3 // 4, size=B)
    values = 0.3 * rng.standard_normal((B, T, 3))
    values[np.arange(B), when, which] += 3
    return Sample(torch.as_tensor(values, dtype=torch.float32), torch.as_tensor(which))


def tags(rng: np.random.Generator, B: int = 32, T: int = 11, shortest: int = 5) -> Sample:
    """Draw words (B, T), 0 behind the end, and for each the kind of the word before it, of three; 3 at the start."""
    lengths = rng.integers(shortest, T + 1, B)
    lengths[0] = T
    words = rng.integers(1, 10, (B, T))
    kinds = np.concatenate([np.full((B, 1), 3), words[:, :-1] % 3], 1)
    beyond = np.arange(T) >= lengths[:, None]
    words[beyond], kinds[beyond] = 0, -100
    return Sample(torch.as_tensor(words), torch.as_tensor(kinds), torch.as_tensor(lengths))


def by_step(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the cross-entropy of (B, T, K) and (B, T)."""
    return F.cross_entropy(scores.reshape(-1, scores.shape[-1]), targets.reshape(-1))


def fit(
    model: nn.Module, draw: Callable[[], Sample], loss: Callable[..., Tensor], steps: int = 30, lr: float = 0.01
) -> Case:
    """Train a while, and take a new batch to the doctor."""
    optimizer = train(model, draw, loss, steps, lr)
    inputs, targets, lengths = draw()
    return Case(model, (inputs, targets), loss, lengths, optimizer)


def loss_of(case: Case) -> float:
    """Return the loss on the batch in eval mode."""
    assert case.loss is not None
    inputs, targets = case.batch
    case.model.eval()
    with torch.no_grad():
        return case.loss(ask(case.model, inputs, case.lengths), targets).item()


new = List()
PATIENTS = new.patients


# ---------------------------------------------------------------- sensors: one class for a sequence


class SensorNet(nn.Module):
    """A plain classifier; ``pool`` makes one row a sequence of what the LSTM returns."""

    def __init__(self, pool: Callable[..., Tensor], readout: int = 16, **options: Any) -> None:
        super().__init__()
        self.rnn = nn.LSTM(3, 16, **{"batch_first": True, **options})
        self.pool = pool
        self.out = nn.Linear(readout, 3)

    def forward(self, x: Tensor) -> Tensor:
        out, (h, c) = self.rnn(x)
        return self.out(self.pool(out, h, c))


def sensors(model: nn.Module, rng: np.random.Generator, steps: int = 30, B: int = 32, T: int = 20) -> Case:
    return fit(model, lambda: bumps(rng, B, T), F.cross_entropy, steps)


@new.add("out[-1] with batch_first, B = T", "batch-and-time-exchanged", "shapes-misfit")
def last_of_the_wrong_axis(rng: np.random.Generator) -> Case:
    return sensors(SensorNet(lambda out, h, c: out[-1]), rng, B=20)


@new.add("out[-1] with batch_first, B is not T", "batch-and-time-exchanged", "shapes-misfit")
def refused(rng: np.random.Generator) -> Case:
    return Case(SensorNet(lambda out, h, c: out[-1]), bumps(rng)[:2], F.cross_entropy)


@new.add("mean over the batch", "batch-and-time-exchanged", "shapes-misfit")
def averages_sequences(rng: np.random.Generator) -> Case:
    return sensors(SensorNet(lambda out, h, c: out.mean(0)), rng, B=20)


@new.add("bidirectional, h viewed as rows", "h_n-reshaped")
def h_viewed(rng: np.random.Generator) -> Case:
    pool = lambda out, h, c: h.view(out.size(0), -1)  # noqa: E731
    return sensors(SensorNet(pool, readout=32, bidirectional=True), rng)


@new.add("c_n reshaped, two layers", "h_n-reshaped")
def c_viewed(rng: np.random.Generator) -> Case:
    pool = lambda out, h, c: c.reshape(-1, 32)  # noqa: E731
    return sensors(SensorNet(pool, readout=32, num_layers=2), rng)


@new.add("bidirectional, h[-1] alone", "part-unused")
def one_direction(rng: np.random.Generator) -> Case:
    return sensors(SensorNet(lambda out, h, c: h[-1], bidirectional=True), rng)


@new.add("three layers, h[0]", "part-unused")
def first_layer(rng: np.random.Generator) -> Case:
    return sensors(SensorNet(lambda out, h, c: h[0], num_layers=3), rng)


@new.add("out[:, 0] of one direction", "steps-unread")
def first_step(rng: np.random.Generator) -> Case:
    return sensors(SensorNet(lambda out, h, c: out[:, 0]), rng)


@new.add("stops five steps before the end", "steps-unread")
def too_early(rng: np.random.Generator) -> Case:
    return sensors(SensorNet(lambda out, h, c: out[:, -6]), rng)


@new.add("softmax of the attention over the batch", "batch-and-time-exchanged")
def attention_over_batch(rng: np.random.Generator) -> Case:
    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.LSTM(3, 16, batch_first=True)
            self.query, self.classify = nn.Linear(16, 1), nn.Linear(16, 3)

        def forward(self, signal: Tensor) -> Tensor:
            states, _ = self.encoder(signal)
            weights = torch.softmax(self.query(torch.tanh(states)), dim=0)
            return self.classify((weights * states).sum(1))

    return sensors(Attends(), rng, 60)


@new.add("inputs standardised over the batch inside", "batch-and-time-exchanged", "state-across-batches")
def batch_statistics(rng: np.random.Generator) -> Case:
    class Standardises(SensorNet):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward((x - x.mean(0)) / x.std(0))

    return sensors(Standardises(lambda out, h, c: h[-1]), rng)


@new.add("view to (T, B, D)", "batch-and-time-exchanged")
def view_for_transpose(rng: np.random.Generator) -> Case:
    class Views(SensorNet):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.contiguous().view(x.shape[1], x.shape[0], -1))

    return sensors(Views(lambda out, h, c: h[-1], batch_first=False), rng)


@new.add("flipped along the batch", "rows-out-of-order", "batch-and-time-exchanged")
def flips_rows(rng: np.random.Generator) -> Case:
    class FromTheEnd(SensorNet):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.flip(0))

    return sensors(FromTheEnd(lambda out, h, c: h[-1]), rng)


@new.add("a state that stays in the module, detached", "state-across-batches")
def module_state(rng: np.random.Generator) -> Case:
    class Remembers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.core, self.top, self.memory = nn.LSTM(3, 16, batch_first=True), nn.Linear(16, 3), None

        def forward(self, x: Tensor) -> Tensor:
            out, (h, c) = self.core(x, self.memory)
            self.memory = (h.detach(), c.detach())
            return self.top(out[:, -1])

    return sensors(Remembers(), rng)


@new.add("starts from torch.rand", "answers-by-chance")
def random_state(rng: np.random.Generator) -> Case:
    class InitHidden(SensorNet):
        def init_hidden(self, B: int) -> tuple[Tensor, Tensor]:
            return torch.rand(1, B, 16), torch.rand(1, B, 16)

        def forward(self, x: Tensor) -> Tensor:
            out, _ = self.rnn(x, self.init_hidden(x.size(0)))
            return self.out(out[:, -1, :])

    return sensors(InitHidden(lambda out, h, c: h[-1]), rng)


@new.add("a layer made in forward", "answers-by-chance", "weights-left-out")
def made_in_forward(rng: np.random.Generator) -> Case:
    class Makes(SensorNet):
        def forward(self, x: Tensor) -> Tensor:
            _, (h, _) = self.rnn(x)
            return self.out(torch.relu(nn.Linear(16, 16)(h[-1])))

    return sensors(Makes(lambda out, h, c: h[-1]), rng)


@new.add("answers through NumPy", "graph-cut")
def through_numpy(rng: np.random.Generator) -> Case:
    class Smooths(SensorNet):
        def forward(self, x: Tensor) -> Tensor:
            out, _ = self.rnn(x)
            pooled = np.median(out.detach().numpy(), axis=1)
            return self.out(torch.from_numpy(pooled))

    return sensors(Smooths(lambda out, h, c: h[-1]), rng)
