"""More neighbours: shapes, biases, dead ends, scales, rates, and networks that were not trained yet.

Shapes: T steps, B batch, D features, H hidden units, K classes.
"""


import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.doctor.cases import Case, Sample, boxes, per_step, reviews, text, waves
from tests.doctor.fresh import List, bumps, by_step, fit
from tests.doctor.fresh_ordinary import Activity, Plain, Reverser, Writer, adding, backwards, pictures
from tests.doctor.fresh_ordinary_ends import Adder, Opinion
from tests.doctor.fresh_ordinary_numbers import Recall, quarter

new = List()
PATIENTS = new.patients


# ---------------------------------------------------------------- shapes, biases, dead ends


class ClassesSecond(Writer):
    """Scores (B, K, T), by view."""

    def forward(self, tokens: Tensor) -> Tensor:
        scores = super().forward(tokens)
        return scores.view(len(scores), 10, -1)


@new.add("classes put second by view", "shapes-misfit", "rows-out-of-order", "answers-misfit")
def _(rng: np.random.Generator) -> Case:
    return fit(ClassesSecond(1, batch_first=True), lambda: text(rng, 16, 20)[0], F.cross_entropy)


@new.add("classes put second by transpose", below=1.2)
def _(rng: np.random.Generator) -> Case:
    class Turned(Writer):
        def forward(self, tokens: Tensor) -> Tensor:
            return super().forward(tokens).transpose(1, 2)

    return fit(Turned(1, batch_first=True), lambda: text(rng, 16, 20)[0], F.cross_entropy, 50)


@new.add("the decoder has a forget bias, the encoder has none", "forget-bias-lost")
def _(rng: np.random.Generator) -> Case:
    model = Reverser(24)
    quarter(model.decoder, 1.0, only="bias_ih")
    quarter(model.decoder, 0.0, only="bias_hh")
    return Case(model, backwards(rng)[:2], by_step)


@new.add("a hidden ReLU that is dead", "graph-cut", "dead-units", "answers-misfit")
def _(rng: np.random.Generator) -> Case:
    dead = nn.Linear(24, 8)
    nn.init.constant_(dead.bias, -5)
    model = Activity(batch_first=True)
    model.head = nn.Sequential(dead, nn.ReLU(), nn.Linear(8, 3))
    return fit(model, lambda: bumps(rng), F.cross_entropy, 5)


@new.add("a head whose weights start at 0", below=1.2)
def _(rng: np.random.Generator) -> Case:
    model = Plain(3, 24, 3)
    nn.init.zeros_(model.net["head"].weight)
    return Case(model, bumps(rng)[:2], F.cross_entropy, optimizer=torch.optim.Adam(model.parameters()))


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
