"""Neighbours of the ordinary faults that the doctor had missed, written when it had been taught those.

Shapes: T steps, B batch, D features, H hidden units, K classes.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.doctor.cases import Case, Sample, text, waves
from tests.doctor.fresh import List, by_step, fit
from tests.doctor.fresh_ordinary import Plain, Writer, backwards

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


def of_the_next(scores: Tensor, tokens: Tensor) -> Tensor:
    """Return the cross-entropy of each score with the token of the next step, as many language models have it."""
    return F.cross_entropy(scores[:, :-1].reshape(-1, scores.shape[-1]), tokens[:, 1:].reshape(-1))


def labelled_by_itself(rng: np.random.Generator) -> Sample:
    """Draw letters that are their own labels (B, T)."""
    letters = text(rng, 16, 20)[0].inputs
    return Sample(letters, letters)


@new.add("labels are the inputs, the loss moves them by one", below=1.2)
def _(rng: np.random.Generator) -> Case:
    return fit(Writer(1, batch_first=True), lambda: labelled_by_itself(rng), of_the_next, 50)


@new.add("labels are the inputs, the loss moves them by one, as it was drawn", below=2.5)
def _(rng: np.random.Generator) -> Case:
    return Case(Writer(2, batch_first=True), labelled_by_itself(rng)[:2], of_the_next)


@new.add("labels are the inputs, the loss moves them by one, read from both ends", "sees-the-answer")
def _(rng: np.random.Generator) -> Case:
    model = Writer(1, batch_first=True, bidirectional=True)
    model.decoder = nn.Linear(64, 10)
    return fit(model, lambda: labelled_by_itself(rng), of_the_next)


def three_ahead(series: Tensor) -> Sample:
    """Cut series (B, T) into inputs (B, T - 3, 1) and the three values that follow (B, 3)."""
    return Sample(series[:, :-3, None], series[:, -3:])


@new.add("three days of a walk, all as the last one", "echoes-input")
def _(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        return three_ahead(torch.tensor(rng.standard_normal((48, 20)).cumsum(1) / 4).float())

    return fit(Plain(1, 24, 3), draw, nn.MSELoss(), 200)


@new.add("three values of a wave", below=0.25)
def _(rng: np.random.Generator) -> Case:
    return fit(Plain(1, 24, 3), lambda: three_ahead(waves(rng, 48).inputs[..., 0]), nn.MSELoss(), 100)
