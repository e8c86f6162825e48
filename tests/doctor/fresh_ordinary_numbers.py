"""Ordinary faults, fourth: biases, gates, scales, memory, gradients, forecasts, and numbers that are none.

Shapes: T steps, B batch, D features, H hidden units, K classes.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.doctor.cases import Case, Sample, boxes, delayed, per_step, prices, text, waves
from tests.doctor.fresh import List, bumps, by_step, fit, tags
from tests.doctor.fresh_ordinary import Plain, Reverser, Writer, adding, backwards, pictures
from tests.doctor.fresh_ordinary_ends import Adder, TwoWayTags
from tests.doctor.fresh_ordinary_states import Loop

new = List()
PATIENTS = new.patients


# ---------------------------------------------------------------- the forget bias


class Recall(nn.Module):
    """What was shown, asked for later: (T, B, 6) to (T, B, 4)."""

    def __init__(self, H: int = 24, layers: int = 1, **options: Any) -> None:
        super().__init__()
        self.memory = nn.LSTM(6, H, layers, **options)
        self.answer = nn.Linear(options.get("proj_size", H), 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.answer(self.memory(x)[0])


def quarter(lstm: nn.Module, value: float, which: int = 1, only: str = "bias") -> None:
    """Set one gate's part of each bias whose name has ``only`` in it."""
    for name, bias in lstm.named_parameters():
        if "bias" in name and only in name:
            bias.data[len(bias) * which // 4 : len(bias) * (which + 1) // 4] = value


@new.add("the first layer of three has a forget bias", "forget-bias-lost")
def _(rng: np.random.Generator) -> Case:
    model = Recall(layers=3)
    quarter(model.memory, 1.0, only="l0")
    return Case(model, boxes(rng, 24, 20)[:2], per_step)


@new.add("the third quarter for the second", "forget-bias-lost")
def _(rng: np.random.Generator) -> Case:
    model = Writer(1, batch_first=True)
    quarter(model.rnn, 1.0, 2)
    return Case(model, text(rng, 16, 20)[0][:2], by_step, optimizer=torch.optim.Adam(model.parameters()))


@new.add("the direction from the end without its forget bias", "forget-bias-lost")
def _(rng: np.random.Generator) -> Case:
    model = TwoWayTags()
    for name in ("bias_ih_l0", "bias_hh_l0"):
        getattr(model.rnn, name).data[12:24] = 1.0
    return fit(model, lambda: tags(rng, 24, 9, 9)._replace(lengths=None), by_step, 10)


@new.add("an init loop sets all biases to 0 behind it", "forget-bias-lost", "forgets-too-soon")
def _(rng: np.random.Generator) -> Case:
    model = Recall(32)
    quarter(model.memory, 1.0)
    for name, weight in model.named_parameters():
        nn.init.zeros_(weight) if "bias" in name else nn.init.xavier_uniform_(weight)
    return Case(model, delayed(rng, 16, 40)[:2], per_step, longest_lag=40)


@new.add("minus for plus in the forget bias of a cell", "forget-bias-lost", "forgets-too-soon")
def _(rng: np.random.Generator) -> Case:
    model = Loop()
    quarter(model.lstm_cell, -1.0)
    return fit(model, lambda: text(rng, 16, 12)[0], by_step, 10)


@new.add("reset_parameters behind the forget bias, a projected memory", "forget-bias-lost", "forgets-too-soon")
def _(rng: np.random.Generator) -> Case:
    model = Recall(24, proj_size=8)
    quarter(model.memory, 2.0)
    for module in model.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    case = fit(model, lambda: delayed(rng, 16, 25), per_step, 10)
    return case._replace(longest_lag=25)


# ---------------------------------------------------------------- gates and units


@new.add("pixels from 0 to 255, row by row", "gate-saturated")
def _(rng: np.random.Generator) -> Case:
    return fit(Plain(10, 32, 4), lambda: pictures(rng), F.cross_entropy, 20)


def weather(rng: np.random.Generator, B: int = 32, T: int = 16) -> Sample:
    """Draw kelvin and hectopascals (B, T, 2), and the next temperature, scaled (B, 1)."""
    warmth = waves(rng, B, T + 1).inputs
    pressure = 1013 + 8 * rng.standard_normal((B, T, 1))
    values = np.concatenate([288 + 8 * warmth[:, :-1].numpy(), pressure], 2)
    return Sample(torch.tensor(values).float(), warmth[:, -1])


@new.add("kelvin and hectopascals as they are", "gate-saturated")
def _(rng: np.random.Generator) -> Case:
    return fit(Plain(2, 16, 1, num_layers=2), lambda: weather(rng), nn.MSELoss())


@new.add("one column of many is a price in euros", "gate-saturated")
def _(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        x, which, _ = bumps(rng, 32, 15)
        euros = 25000 + 4000 * rng.standard_normal((32, 15, 1))
        return Sample(torch.cat([x, torch.tensor(euros).float()], 2), which)

    return fit(Plain(4, 20, 3), draw, F.cross_entropy)


@new.add("weights drawn from a normal distribution of deviation 2", "gate-saturated", "gradient-explodes")
def _(rng: np.random.Generator) -> Case:
    model = Adder()
    for weight in model.lstm.parameters():
        nn.init.normal_(weight, 0, 2)
    return Case(model, adding(rng, 24, 20)[:2], nn.MSELoss(), optimizer=torch.optim.Adam(model.parameters()))


@new.add("all weights start at 0.1", "dead-units")
def _(rng: np.random.Generator) -> Case:
    model = Plain(3, 12, 3, num_layers=2)
    for weight in model.net["encoder"].parameters():
        nn.init.constant_(weight, 0.1)
    return fit(model, lambda: bumps(rng), F.cross_entropy, 20)


@new.add("half of an encoder pruned away", "dead-units")
def _(rng: np.random.Generator) -> Case:
    case = fit(Reverser(16), lambda: backwards(rng)._replace(lengths=None), by_step, 20)
    gone = torch.arange(64) % 2 == 0
    for weight in case.model.encoder.rnn.parameters():
        weight.data[gone] = 0
    return case


@new.add("a quarter of a tagger's units never started", "dead-units")
def _(rng: np.random.Generator) -> Case:
    model = Recall(40)
    for weight in model.memory.parameters():
        weight.data.view(4, 40, -1)[:, :10] = 0
    return Case(model, boxes(rng, 16, 20).inputs)


# ---------------------------------------------------------------- memory and gradients


@new.add("asked for after forty steps", "forgets-too-soon", "gradient-vanishes", "forget-bias-lost")
def _(rng: np.random.Generator) -> Case:
    case = fit(Recall(16), lambda: delayed(rng, 16, 40), per_step, 10)
    return case._replace(longest_lag=40)


@new.add("the first word of eighty steps", "forgets-too-soon", "gradient-vanishes", "forget-bias-lost")
def _(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        x = torch.tensor(rng.standard_normal((16, 80, 2))).float()
        return Sample(x, (x[:, 0, 0] > 0).long())

    case = fit(Plain(2, 16, 2), draw, F.cross_entropy, 15)
    return case._replace(longest_lag=79)


@new.add("tiny weights in a stack of four", "gradient-vanishes", "forgets-too-soon", "forget-bias-lost", "dead-units")
def _(rng: np.random.Generator) -> Case:
    model = Plain(2, 12, 1, num_layers=4)
    for weight in model.net["encoder"].parameters():
        nn.init.normal_(weight, 0, 0.01)
    return Case(model, adding(rng, 24, 30)[:2], nn.MSELoss(), longest_lag=29)


@new.add("recurrent weights of a gain of twelve", "gradient-explodes", "gate-saturated")
def _(rng: np.random.Generator) -> Case:
    model = Recall(32)
    nn.init.orthogonal_(model.memory.weight_hh_l0, gain=12)
    return Case(model, boxes(rng, 16, 60)[:2], per_step, optimizer=torch.optim.SGD(model.parameters(), 0.1))


@new.add("a sum over batch and steps at a mean's rate", "gradient-explodes", "learning-rate")
def _(rng: np.random.Generator) -> Case:
    def summed(said: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(said.flatten(0, 1), targets.flatten(), reduction="sum")

    model = Writer(1, batch_first=True)
    return Case(model, text(rng, 32, 40)[0][:2], summed, optimizer=torch.optim.SGD(model.parameters(), 0.5))


# ---------------------------------------------------------------- forecasts, chance, and NaN


@new.add("a price of tomorrow is that of today", "echoes-input")
def _(rng: np.random.Generator) -> Case:
    class Prices(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.dense = nn.LSTM(1, 24, batch_first=True), nn.Linear(24, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.dense(self.lstm(x)[0])

    return fit(Prices(), lambda: prices(rng, 32), nn.MSELoss(), 150, 0.02)


@new.add("a residual forecast that learned to add nothing", "echoes-input")
def _(rng: np.random.Generator) -> Case:
    class Adds(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.delta = nn.LSTM(1, 16, 2, batch_first=True), nn.Linear(16, 1)
            nn.init.zeros_(self.delta.weight)
            nn.init.zeros_(self.delta.bias)

        def forward(self, x: Tensor) -> Tensor:
            return x[:, -1] + self.delta(self.rnn(x)[0][:, -1])

    def draw() -> Sample:
        x, following, _ = prices(rng, 32, 20)
        return Sample(x, following[:, -1])

    return fit(Adds(), draw, nn.MSELoss(), 10, 0.001)


@new.add("features shuffled without their labels", "loss-at-chance")
def _(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        x, which, _ = bumps(rng, 48)
        return Sample(x, which[torch.tensor(rng.permutation(48))])

    return fit(Plain(3, 16, 3), draw, F.cross_entropy, 60)


@new.add("a missing value in one series", "not-finite")
def _(rng: np.random.Generator) -> Case:
    x, following, _ = waves(rng, 20)
    x[3, 7] = torch.nan
    return Case(Plain(1, 16, 1), (x, following[:, -1]), nn.MSELoss())


@new.add("a feature divided by its deviation, which is 0", "not-finite")
def _(rng: np.random.Generator) -> Case:
    x, which, _ = bumps(rng)
    x = torch.cat([x, torch.ones(32, 20, 1)], 2)
    return Case(Plain(4, 16, 3), ((x - x.mean((0, 1))) / x.std((0, 1), unbiased=False), which), F.cross_entropy)


@new.add("the log of a softmax that reached 0", "not-finite", "answers-misfit")
def _(rng: np.random.Generator) -> Case:
    def entropy(said: Tensor, classes: Tensor) -> Tensor:
        return -(F.one_hot(classes, 3) * torch.log((2000 * said).softmax(1))).sum(1).mean()

    inputs, targets, _ = bumps(rng)
    return Case(Plain(3, 16, 3), (inputs * 3, targets), entropy)
