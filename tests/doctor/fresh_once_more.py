"""Faults and healthy networks in a fourth writing, from after the doctor had met those of ``fresh_last``.

Shapes: T steps, B batch, D features, H hidden units, K classes.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from tests.doctor.cases import WORDS, Case, Sample, reviews, text, waves
from tests.doctor.fresh import List, bumps, by_step, fit

new = List()
PATIENTS = new.patients


class Net(nn.Module):
    """Sensors, embedded by a linear layer, to a class."""

    def __init__(self, layers: int = 1, both: bool = False) -> None:
        super().__init__()
        self.inp = nn.Linear(3, 10)
        self.seq = nn.LSTM(10, 16, layers, batch_first=True, bidirectional=both)
        self.cls = nn.Linear(16, 3)

    def read(self, out: Tensor) -> Tensor:
        return out[:, -1]

    def forward(self, x: Tensor) -> Tensor:
        return self.cls(self.read(self.seq(torch.tanh(self.inp(x)))[0]))


class Words(nn.Module):
    """Reviews, read with a mask."""

    def __init__(self) -> None:
        super().__init__()
        self.e, self.r, self.o = nn.Embedding(WORDS, 8), nn.LSTM(8, 14, batch_first=True), nn.Linear(14, 2)


class Cells(nn.Module):
    """Letters, by two cells; ``step`` says how they go on."""

    def __init__(self) -> None:
        super().__init__()
        self.e, self.low, self.high = nn.Embedding(10, 8), nn.LSTMCell(8, 16), nn.LSTMCell(16, 16)
        self.o = nn.Linear(16, 10)


def sensed(model: nn.Module, rng: np.random.Generator, steps: int = 40, B: int = 32) -> Case:
    return fit(model, lambda: bumps(rng, B), F.cross_entropy, steps, 0.02)


@new.add("attention scores (T, B) viewed as (B, T)", "batch-and-time-exchanged")
def scores_viewed(rng: np.random.Generator) -> Case:
    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.a, self.o = nn.LSTM(3, 16), nn.Linear(16, 1), nn.Linear(16, 3)

        def forward(self, x: Tensor) -> Tensor:
            hs, _ = self.rnn(x.transpose(0, 1))
            weights = self.a(hs).reshape(x.shape[0], x.shape[1]).softmax(1)
            return self.o((weights[..., None] * hs.transpose(0, 1)).sum(1))

    return sensed(Attends(), rng)


@new.add("of both directions the half from the end, at the last step", "part-unused")
def other_half(rng: np.random.Generator) -> Case:
    class Half(Net):
        def read(self, out: Tensor) -> Tensor:
            return out[:, -1, 16:]

    return sensed(Half(both=True), rng)


@new.add("a mask that is one step too long", "reads-padding")
def long_mask(rng: np.random.Generator) -> Case:
    class Means(Words):
        def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
            mask = (torch.arange(tokens.size(1)) <= lengths[:, None]).float()[..., None]
            hs, _ = self.r(self.e(tokens))
            return self.o((hs * mask).sum(1) / mask.sum(1))

    return fit(Means(), lambda: reviews(rng, 24), F.cross_entropy, 40, 0.02)


@new.add("h alone is kept from batch to batch", "state-across-batches")
def kept_h(rng: np.random.Generator) -> Case:
    class Keeps(Net):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("h", torch.zeros(1, 32, 16))

        def forward(self, x: Tensor) -> Tensor:
            out, (h, _) = self.seq(torch.tanh(self.inp(x)), (self.h, torch.zeros_like(self.h)))
            self.h = h.detach()
            return self.cls(out[:, -1])

    return sensed(Keeps(), rng)


@new.add("the upper cell is given the lower one's state", "state-lost")
def lower_state(rng: np.random.Generator) -> Case:
    class Gives(Cells):
        def forward(self, ids: Tensor) -> Tensor:
            state, said = None, []
            for x in self.e(ids).unbind(1):
                state = self.low(x, state)
                said.append(self.o(self.high(state[0], state)[0]))
            return torch.stack(said, 1)

    return fit(Gives(), lambda: text(rng, 16, 12)[0], by_step, 30, 0.02)


@new.add("functional dropout of 0.9, in training only", "dropout-too-strong")
def functional(rng: np.random.Generator) -> Case:
    class Drops(Net):
        def read(self, out: Tensor) -> Tensor:
            return F.dropout(out[:, -1], 0.9, self.training)

    return sensed(Drops(), rng)


@new.add("labels 1 and 2 for BCEWithLogitsLoss", "answers-misfit", "targets-out-of-range")
def one_and_two(rng: np.random.Generator) -> Case:
    class Yes(Words):
        def forward(self, tokens: Tensor) -> Tensor:
            return self.o(self.r(self.e(tokens))[0].mean(1))[:, 0]

    def draw() -> Sample:
        tokens, liked, _ = reviews(rng, 24, shortest=12)
        return Sample(tokens, liked.float() + 1)

    return fit(Yes(), draw, nn.BCEWithLogitsLoss(), 40, 0.02)


@new.add("between two LSTMs the graph is cut", "graph-cut")
def cut_between(rng: np.random.Generator) -> Case:
    class Two(Net):
        def __init__(self) -> None:
            super().__init__()
            self.second = nn.LSTM(16, 16, batch_first=True)

        def read(self, out: Tensor) -> Tensor:
            return self.second(out.detach())[0][:, -1]

    return sensed(Two(), rng)


class Sales(nn.Module):
    """A forecast of each next value."""

    def __init__(self, D: int = 1) -> None:
        super().__init__()
        self.m, self.y = nn.LSTM(D, 14, batch_first=True), nn.Linear(14, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.y(self.m(x)[0])


@new.add("forecasts are rounded", "graph-cut")
def rounded(rng: np.random.Generator) -> Case:
    class Rounds(Sales):
        def forward(self, x: Tensor) -> Tensor:
            return (super().forward(x) * 10).round() / 10

    return fit(Rounds(), lambda: waves(rng, 24, 14), F.mse_loss, 30, 0.02)


@new.add("a mean of the values around is a feature", "sees-the-answer")
def centred_mean(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        series = torch.randn(24, 17, 1)
        smooth = (series[:, :-2] + series[:, 1:-1] + series[:, 2:]) / 3
        return Sample(torch.cat([series[:, 1:-1], smooth], -1), series[:, 2:])

    return fit(Sales(2), draw, F.mse_loss, 200, 0.03)


@new.add("a decoder of numbers is fed the numbers that it foretells", "sees-the-answer")
def future_fed(rng: np.random.Generator) -> Case:
    class Foretells(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.past, self.future, self.y = nn.LSTM(1, 14), nn.LSTM(1, 14), nn.Linear(14, 1)

        def forward(self, given: tuple[Tensor, Tensor]) -> Tensor:
            history, coming = given
            _, state = self.past(history)
            return self.y(self.future(coming, state)[0])

    def draw() -> Sample:
        series = waves(rng, 24, 20).inputs.transpose(0, 1).contiguous()
        return Sample((series[:12], series[12:]), series[12:])  # type: ignore[arg-type]

    return fit(Foretells(), draw, F.mse_loss, 80, 0.02)


@new.add("an embedding drawn with a deviation of 100", "gate-saturated", "memory-grows")
def wide_embedding(rng: np.random.Generator) -> Case:
    class Wide(Words):
        def __init__(self) -> None:
            super().__init__()
            nn.init.normal_(self.e.weight, std=100)

        def forward(self, tokens: Tensor) -> Tensor:
            return self.o(self.r(self.e(tokens))[0][:, -1])

    return fit(Wide(), lambda: reviews(rng, 24, shortest=12), F.cross_entropy, 30, 0.005)


@new.add("the second layer is not in the optimiser", "weights-left-out")
def layer_left_out(rng: np.random.Generator) -> Case:
    net = Net(2)
    some = [p for name, p in net.named_parameters() if "_l1" not in name]
    return Case(net, bumps(rng)[:2], F.cross_entropy, optimizer=torch.optim.SGD(some, 0.1))


@new.add("Adagrad at 1e-8", "learning-rate")
def crawls(rng: np.random.Generator) -> Case:
    net = Net()
    return Case(net, bumps(rng)[:2], F.cross_entropy, optimizer=torch.optim.Adagrad(net.parameters(), 1e-8))


@new.add("the last of sequences that stand in front", "batch-and-time-exchanged", "shapes-misfit")
def turned_back(rng: np.random.Generator) -> Case:
    class Turns(Net):
        def read(self, out: Tensor) -> Tensor:
            return out.transpose(0, 1)[:, -1]

    return sensed(Turns(), rng, B=20)


# ================================================================ healthy ones


@new.add("rounded in eval mode only, and that hardly", below=0.1)
def rounds_at_test(rng: np.random.Generator) -> Case:
    class Rounds(Sales):
        def forward(self, x: Tensor) -> Tensor:
            said = super().forward(x)
            return said if self.training else said + ((said * 100).round() / 100 - said).detach()

    return fit(Rounds(), lambda: waves(rng, 24, 14), F.mse_loss, 120, 0.02)


@new.add("gradients by checkpoint", below=0.6)
def checkpointed(rng: np.random.Generator) -> Case:
    class Saves(Net):
        def read(self, out: Tensor) -> Tensor:
            return out.mean(1)

        def forward(self, x: Tensor) -> Tensor:
            return checkpoint(super().forward, x, use_reentrant=False)

    return sensed(Saves(), rng, 120)


@new.add("answers in a dictionary, with the last state beside them", below=0.6)
def dictionary(rng: np.random.Generator) -> Case:
    class Tells(Net):
        def forward(self, x: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
            out, (_, c) = self.seq(torch.tanh(self.inp(x)))
            return {"scores": self.cls(out.mean(1)), "memory": c}

    return fit(Tells(), lambda: bumps(rng), lambda said, true: F.cross_entropy(said["scores"], true), 120, 0.02)


@new.add("numbers foretold from what a decoder was told before", below=0.1)
def past_fed(rng: np.random.Generator) -> Case:
    class Foretells(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.past, self.future, self.y = nn.LSTM(1, 14), nn.LSTM(1, 14), nn.Linear(14, 1)

        def forward(self, given: tuple[Tensor, Tensor]) -> Tensor:
            history, told = given
            return self.y(self.future(told, self.past(history)[1])[0])

    def draw() -> Sample:
        series = waves(rng, 24, 20).inputs.transpose(0, 1).contiguous()
        return Sample((series[:12], series[11:-1]), series[12:])  # type: ignore[arg-type]

    return fit(Foretells(), draw, F.mse_loss, 120, 0.02)
