"""Neighbours of the ordinary faults that the doctor had missed, written when it had been taught those.

Shapes: T steps, B batch, D features, H hidden units, K classes.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.doctor.cases import Case, Sample, boxes, per_step, reviews, text, waves
from tests.doctor.fresh import List, bumps, by_step, fit
from tests.doctor.fresh_ordinary import Plain, Writer, adding, backwards, pictures
from tests.doctor.fresh_ordinary_ends import Adder, Opinion
from tests.doctor.fresh_ordinary_numbers import Recall

new = List()
PATIENTS = new.patients


class EachStep(nn.Module):
    """Sensors to something at each step."""

    def __init__(self, D: int, K: int, **options: Any) -> None:
        super().__init__()
        self.rnn, self.top = nn.LSTM(D, 20, **options), nn.Linear(40 if options.get("bidirectional") else 20, K)

    def forward(self, x: Tensor) -> Tensor:
        return self.top(self.rnn(x)[0])


def last_signs(rng: np.random.Generator) -> Sample:
    """Draw noise (B, T, 2), and at each step whether the first sensor was above 0 at the step before (B, T)."""
    x = torch.tensor(rng.standard_normal((24, 13, 2))).float()
    return Sample(x, (x[..., 0].roll(1, 1) > 0).long())


# ---------------------------------------------------------------- axes and orders


@new.add("signs of the step before, batch_first forgotten", "batch-and-time-exchanged")
def _(rng: np.random.Generator) -> Case:
    return fit(EachStep(2, 2), lambda: last_signs(rng), by_step)


@new.add("running sums as numbers, batch_first forgotten", "batch-and-time-exchanged")
def _(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        x = torch.tensor(rng.standard_normal((20, 12, 2))).float()
        return Sample(x, x[..., :1] + x[..., :1].roll(1, 1))

    return fit(EachStep(2, 1, num_layers=2), draw, nn.MSELoss())


@new.add("signs of the step before", below=0.6)
def _(rng: np.random.Generator) -> Case:
    return fit(EachStep(2, 2, batch_first=True), lambda: last_signs(rng), by_step, 100)


class Series(nn.Module):
    """Forecasts time first, and flattened so."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.top = nn.LSTM(1, 20), nn.Linear(20, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.top(self.rnn(x.transpose(0, 1))[0]).flatten()


@new.add("forecasts flattened in time, values in rows", "rows-out-of-order", "shapes-misfit")
def _(rng: np.random.Generator) -> Case:
    return fit(Series(), lambda: waves(rng, 16), lambda said, following: F.mse_loss(said, following.flatten()))


@new.add("forecasts and values flattened in time", below=0.3)
def _(rng: np.random.Generator) -> Case:
    def flat(said: Tensor, following: Tensor) -> Tensor:
        return F.mse_loss(said, following.transpose(0, 1).flatten())

    return fit(Series(), lambda: waves(rng, 16), flat, 60)


# ---------------------------------------------------------------- answers that stand in the question


@new.add("a forecast whose targets are its inputs", "sees-the-answer", "echoes-input")
def _(rng: np.random.Generator) -> Case:
    series = waves(rng, 24).inputs
    return Case(EachStep(1, 1, batch_first=True), (series, series), nn.MSELoss())


class Rebuilds(nn.Module):
    """An autoencoder of series."""

    def __init__(self, bidirectional: bool = False) -> None:
        super().__init__()
        self.encoder = nn.LSTM(1, 24, batch_first=True, bidirectional=bidirectional)
        self.decoder = nn.LSTM(48 if bidirectional else 24, 24, batch_first=True)
        self.out = nn.Linear(24, 1)

    def forward(self, x: Tensor) -> Tensor:
        code = torch.cat(list(self.encoder(x)[1][0]), -1)
        return self.out(self.decoder(code[:, None].expand(-1, x.shape[1], -1))[0])


@new.add("an autoencoder of series", below=0.35)
def _(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        series = waves(rng, 32, 12).inputs
        return Sample(series, series)

    return fit(Rebuilds(), draw, nn.MSELoss(), 120)


@new.add("an autoencoder that reads from both ends, as it was drawn", below=0.8)
def _(rng: np.random.Generator) -> Case:
    series = waves(rng, 32, 12).inputs
    return Case(Rebuilds(True), (series, series), nn.MSELoss())


@new.add("an autoencoder of tokens", below=1.5)
def _(rng: np.random.Generator) -> Case:
    class Spells(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb, self.out = nn.Embedding(8, 12), nn.Linear(32, 8)
            self.encoder, self.decoder = nn.LSTM(12, 32, batch_first=True), nn.LSTM(32, 32, batch_first=True)

        def forward(self, tokens: Tensor) -> Tensor:
            code = self.encoder(self.emb(tokens))[1][0][-1]
            return self.out(self.decoder(code[:, None].expand(-1, tokens.shape[1], -1))[0])

    def draw() -> Sample:
        tokens = backwards(rng).inputs
        return Sample(tokens, tokens)

    return fit(Spells(), draw, by_step, 200)


# ---------------------------------------------------------------- scales


@new.add("pixels from 0 to 255 into a loop with a cell", "gate-saturated")
def _(rng: np.random.Generator) -> Case:
    class Rows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell, self.top = nn.LSTMCell(10, 24), nn.Linear(24, 4)

        def forward(self, pixels: Tensor) -> Tensor:
            h = c = pixels.new_zeros(len(pixels), 24)
            for row in pixels.unbind(1):
                h, c = self.cell(row, (h, c))
            return self.top(h)

    return fit(Rows(), lambda: pictures(rng), F.cross_entropy)


@new.add("hours of the day and percents as they are", "gate-saturated")
def _(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        x, following, _ = waves(rng, 32, 16)
        hours = torch.tensor((rng.integers(24, size=(32, 1)) + np.arange(16)) % 24).float()[..., None]
        return Sample(torch.cat([60 + 20 * x, hours], 2), following[:, -1])

    return fit(Plain(2, 16, 1), draw, nn.MSELoss())


@new.add("scores of a few units", below=0.95)
def _(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        x, which, _ = bumps(rng)
        return Sample(2 * x, which)

    return fit(Plain(3, 20, 3), draw, F.cross_entropy, 60)


# ---------------------------------------------------------------- rates, and networks that are fresh


@new.add("Adam at 1e-10", "learning-rate")
def _(rng: np.random.Generator) -> Case:
    model = Opinion()
    optimizer = torch.optim.Adam(model.parameters(), 1e-10)
    return Case(model, reviews(rng, 24, 10, 10)[:2], F.cross_entropy, optimizer=optimizer)


@new.add("SGD at 1e-9, with momentum", "learning-rate")
def _(rng: np.random.Generator) -> Case:
    model = Writer(2, batch_first=True)
    return Case(model, text(rng, 16, 20)[0][:2], by_step, optimizer=torch.optim.SGD(model.parameters(), 1e-9, 0.9))


@new.add("RMSprop at 1e-8 on sums", "learning-rate")
def _(rng: np.random.Generator) -> Case:
    model = Adder()
    return Case(model, adding(rng)[:2], nn.MSELoss(), optimizer=torch.optim.RMSprop(model.parameters(), 1e-8))


@new.add("orthogonal and Xavier matrices, as they were drawn", below=1.6)
def _(rng: np.random.Generator) -> Case:
    model = Recall(32)
    nn.init.orthogonal_(model.memory.weight_hh_l0)
    nn.init.xavier_uniform_(model.memory.weight_ih_l0)
    return Case(model, boxes(rng, 16, 20)[:2], per_step, optimizer=torch.optim.Adam(model.parameters()))


@new.add("normal matrices, as they were drawn", below=2.7)
def _(rng: np.random.Generator) -> Case:
    model = Writer(2, batch_first=True)
    for name, weight in model.named_parameters():
        if "weight" in name:
            nn.init.normal_(weight, 0, 0.1)
    return Case(model, text(rng, 16, 20)[0][:2], by_step, optimizer=torch.optim.Adam(model.parameters()))


@new.add("everything from -0.08 to 0.08, as it was drawn", below=2.5)
def _(rng: np.random.Generator) -> Case:
    model = Writer(1, batch_first=True)
    for weight in model.parameters():
        nn.init.uniform_(weight, -0.08, 0.08)
    return Case(model, text(rng, 16, 20)[0][:2], by_step, optimizer=torch.optim.SGD(model.parameters(), 1.0))
