"""Ordinary faults, sixth: more of scales, gates, memory, training and NaN, in other networks.

Shapes: T steps, B batch, D features, H hidden units, K classes.
"""


import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.doctor.cases import Case, Sample, boxes, delayed, per_step, reviews, text, waves
from tests.doctor.fresh import List, bumps, by_step, fit, tags
from tests.doctor.fresh_ordinary import Plain, Writer, adding, pictures
from tests.doctor.fresh_ordinary_ends import Adder, Attends, Opinion, Quarter, TwoWayTags
from tests.doctor.fresh_ordinary_numbers import Recall, quarter
from tests.doctor.fresh_ordinary_states import Loop

new = List()
PATIENTS = new.patients


# ---------------------------------------------------------------- scales


@new.add("degrees Celsius and a day of the year", "gate-saturated")
def _(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        x, following, _ = waves(rng, 24, 18)
        days = rng.integers(1, 340, (24, 1, 1)) + np.arange(18)[:, None]
        return Sample(torch.cat([15 + 10 * x, torch.tensor(days).float()], 2), following[:, -1])

    return fit(Plain(2, 20, 1), draw, nn.MSELoss())


class Numbers(nn.Module):
    """Word numbers as if they were measurements."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.fc = nn.LSTM(1, 24, batch_first=True), nn.Linear(24, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc(self.rnn(tokens.unsqueeze(2).float())[0][:, -1])


@new.add("numbers of words without an embedding", "gate-saturated")
def _(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        tokens, liked, _ = reviews(rng, 32, 10, 10)
        return Sample(tokens * 200, liked)

    return fit(Numbers(), draw, F.cross_entropy)


@new.add("scaled by an outlier, to almost nothing", "inputs-say-nothing", "loss-at-chance")
def _(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        x, which, _ = bumps(rng)
        return Sample(x * 1e-6, which)

    return fit(Plain(3, 16, 3), draw, F.cross_entropy)


# ---------------------------------------------------------------- gates, units, memory


@new.add("the input gate's bias at minus eight in each vector", "gate-saturated", "dead-units")
def _(rng: np.random.Generator) -> Case:
    model = Recall(20)
    quarter(model.memory, -8.0, 0)
    return Case(model, boxes(rng, 20, 20)[:2], per_step)


@new.add("units copied from a smaller network", "dead-units")
def _(rng: np.random.Generator) -> Case:
    model = Plain(10, 24, 4)
    for weight in model.net["encoder"].parameters():
        blocks = weight.data.view(4, 24, -1)
        blocks[:, 12:] = blocks[:, :12]
    pixels, which, _ = pictures(rng)
    return Case(model, (pixels / 255 - 0.5, which), F.cross_entropy)


@new.add("the output gate of six units closed for ever", "dead-units", "gate-saturated")
def _(rng: np.random.Generator) -> Case:
    model = Loop()
    model.lstm_cell.bias_ih.data[72:78] = -25
    return fit(model, lambda: text(rng, 16, 15)[0], by_step, 15)


@new.add("a forget bias of 1 for two hundred steps", "forgets-too-soon", "gradient-vanishes")
def _(rng: np.random.Generator) -> Case:
    model = Recall(12)
    quarter(model.memory, 0.0)
    quarter(model.memory, 1.0, 1, "bias_ih")
    return Case(model, delayed(rng, 6, 200)[:2], per_step, longest_lag=200)


@new.add("a forget bias of twenty, and a hundred steps of prices", "memory-grows", "gate-saturated")
def _(rng: np.random.Generator) -> Case:
    model = Plain(2, 20, 1)
    quarter(model.net["encoder"], 10.0)
    x = 1 + 0.3 * torch.tensor(rng.standard_normal((16, 100, 2))).float()
    return Case(model, (x, x.mean((1, 2))[:, None]), nn.MSELoss())


@new.add("six layers of default weights", "gradient-vanishes", "loss-at-chance", "forgets-too-soon")
def _(rng: np.random.Generator) -> Case:
    return fit(Plain(2, 16, 1, num_layers=6), lambda: adding(rng, 24, 20), nn.MSELoss(), 25, 0.001)


@new.add("the forget bias in a cell of one of two levels", "forget-bias-lost")
def _(rng: np.random.Generator) -> Case:
    class Levels(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lower, self.upper, self.top = nn.LSTMCell(2, 16), nn.LSTMCell(16, 16), nn.Linear(16, 1)

        def forward(self, x: Tensor) -> Tensor:
            h1 = c1 = h2 = c2 = x.new_zeros(len(x), 16)
            for part in x.unbind(1):
                h1, c1 = self.lower(part, (h1, c1))
                h2, c2 = self.upper(h1, (h2, c2))
            return self.top(h2)

    model = Levels()
    quarter(model.lower, 1.0)
    return Case(model, adding(rng, 24)[:2], nn.MSELoss())


@new.add("recurrent weights of a loop from a uniform of 0 to 1", "gradient-explodes", "gate-saturated")
def _(rng: np.random.Generator) -> Case:
    model = Loop()
    nn.init.uniform_(model.lstm_cell.weight_hh)
    nn.init.uniform_(model.lstm_cell.weight_ih)
    return Case(model, text(rng, 16, 40)[0][:2], by_step)


# ---------------------------------------------------------------- training


@new.add("a loss times 10000 for plain SGD", "gradient-explodes", "learning-rate")
def _(rng: np.random.Generator) -> Case:
    model = Adder()
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    return Case(model, adding(rng)[:2], lambda said, sums: 10_000 * F.mse_loss(said, sums), optimizer=optimizer)


@new.add("Adam at 0.5, mildly too much", "learning-rate")
def _(rng: np.random.Generator) -> Case:
    model = Writer(2, batch_first=True)
    return Case(model, text(rng, 16, 20)[0][:2], by_step, optimizer=torch.optim.Adam(model.parameters(), 0.5))


@new.add("a schedule that has come to nothing", "learning-rate")
def _(rng: np.random.Generator) -> Case:
    model = Quarter(lambda out, state: out[:, -1])
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.1)
    for _ in range(10):
        optimizer.step()
        schedule.step()
    return Case(model, pictures(rng)[:2], F.cross_entropy, optimizer=optimizer)


@new.add("a weight decay of 1", "weight-decay")
def _(rng: np.random.Generator) -> Case:
    model = TwoWayTags()
    optimizer = torch.optim.Adam(model.parameters(), 0.01, weight_decay=1.0)
    for _ in range(20):
        words, kinds, _ = tags(rng, 24, 9, 9)
        optimizer.zero_grad()
        by_step(model(words), kinds).backward()
        optimizer.step()
    return Case(model, tags(rng, 24, 9, 9)[:2], by_step, optimizer=optimizer)


@new.add("cells in a list of Python's", "weights-left-out")
def _(rng: np.random.Generator) -> Case:
    class Cells(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.LSTM(3, 12, batch_first=True)
            self.rest = [nn.LSTM(12, 12, batch_first=True) for _ in range(2)]
            self.top = nn.Linear(12, 3)

        def forward(self, x: Tensor) -> Tensor:
            out, _ = self.first(x)
            for layer in self.rest:
                out, _ = layer(out)
            return self.top(out[:, -1])

    return fit(Cells(), lambda: bumps(rng), F.cross_entropy, 15)


@new.add("the LSTM frozen for fine-tuning, and as it was drawn", "weights-left-out", "graph-cut")
def _(rng: np.random.Generator) -> Case:
    model = Opinion(16)
    model.lstm.requires_grad_(False)
    return fit(model, lambda: reviews(rng, 24, 10, 10), F.cross_entropy, 15)


@new.add("a share that is kept, said to nn.Dropout", "dropout-too-strong")
def _(rng: np.random.Generator) -> Case:
    class Drops(Opinion):
        def __init__(self) -> None:
            super().__init__()
            self.drop = nn.Dropout(0.95)

        def pool(self, out: Tensor) -> Tensor:
            return self.drop(out[:, -1])

    return fit(Drops(), lambda: reviews(rng, 32, 10, 10), F.cross_entropy, 20)


@new.add("dropout in each of two LSTMs of one layer", "dropout-without-effect")
def _(rng: np.random.Generator) -> Case:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.LSTM(2, 16, dropout=0.2, batch_first=True)
            self.b = nn.LSTM(16, 16, dropout=0.2, batch_first=True)
            self.fc = nn.Linear(16, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.b(self.a(x)[0])[1][0][0])

    return Case(Two(), adding(rng, 16)[:2])


# ---------------------------------------------------------------- forecasts and NaN


@new.add("the first of three walks, forecast at the end of a window", "echoes-input")
def _(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        walks = torch.tensor(rng.standard_normal((48, 17, 3)).cumsum(1) / 4).float()
        return Sample(walks[:, :-1], walks[:, -1, :1])

    return fit(Plain(3, 24, 1), draw, nn.MSELoss(), 200, 0.01)


@new.add("a temperature taken every minute", "echoes-input")
def _(rng: np.random.Generator) -> Case:
    class Minutes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.fc = nn.LSTM(1, 20, batch_first=True), nn.Linear(20, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.rnn(x)[0])

    def draw() -> Sample:
        starts = rng.uniform(0, 6.28, (32, 1))
        series = np.sin(starts + 0.03 * np.arange(31)) + 0.05 * rng.standard_normal((32, 31)).cumsum(1)
        values = torch.tensor(series[..., None]).float()
        return Sample(values[:, :-1], values[:, 1:])

    return fit(Minutes(), draw, nn.MSELoss(), 150, 0.01)


@new.add("attention over a row without a word, minus infinity", "not-finite")
def _(rng: np.random.Generator) -> Case:
    class Masks(Attends):
        def forward(self, tokens: Tensor) -> Tensor:
            out, _ = self.lstm(self.embedding(tokens))
            scores = self.attention(out).masked_fill((tokens == 0).unsqueeze(2), float("-inf"))
            return self.fc((scores.softmax(1) * out).sum(1))

    tokens, liked, _ = reviews(rng, 24)
    tokens[5] = 0
    return Case(Masks(), (tokens, liked), F.cross_entropy)


@new.add("the log of a count of 0 is a target", "not-finite")
def _(rng: np.random.Generator) -> Case:
    x, _, _ = adding(rng)
    counts = torch.tensor(rng.integers(0, 5, (40, 1))).float()
    return Case(Adder(), (x, counts.log()), nn.MSELoss())


@new.add("weights that went to NaN with one bad batch", "not-finite")
def _(rng: np.random.Generator) -> Case:
    model = Adder()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    x, sums, _ = adding(rng)
    x[3, 2, 0] = torch.inf
    F.mse_loss(model(x), sums).backward()
    optimizer.step()
    assert model.lstm.weight_ih_l0.isnan().any()
    return Case(model, adding(rng)[:2], F.mse_loss, optimizer=optimizer)
