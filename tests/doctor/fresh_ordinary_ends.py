"""Ordinary faults, second: where answers are read from, padding, dropout, and losses.

Shapes: T steps, B batch, D features, H hidden units, K classes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.doctor.cases import WORDS, Case, Sample, reviews, text, waves
from tests.doctor.fresh import List, bumps, by_step, fit, tags
from tests.doctor.fresh_ordinary import Reverser, Writer, adding, backwards, pictures

new = List()
PATIENTS = new.patients


# ---------------------------------------------------------------- padding


class Opinion(nn.Module):
    """Reviews, padded; a subclass says how one row is made of the outputs (B, T, H)."""

    def __init__(self, H: int = 20, K: int = 2, **options: Any) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, 8, padding_idx=0)
        self.lstm = nn.LSTM(8, H, batch_first=True, **options)
        self.attention, self.fc = nn.Linear(H, 1), nn.Linear(H, K)

    def pool(self, out: Tensor) -> Tensor:
        return out[:, -1, :]

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc(self.pool(self.lstm(self.embedding(tokens))[0]))


class Attends(Opinion):
    def pool(self, out: Tensor) -> Tensor:
        return (self.attention(out).softmax(1) * out).sum(1)


class Averages(Opinion):
    def pool(self, out: Tensor) -> Tensor:
        return out.mean(dim=1)


@new.add("the last column of padded reviews, two layers", "reads-padding")
def _(rng: np.random.Generator) -> Case:
    return fit(Opinion(num_layers=2), lambda: reviews(rng, 32), F.cross_entropy, 25)


@new.add("attention over all columns, padding too", "reads-padding")
def _(rng: np.random.Generator) -> Case:
    return fit(Attends(12), lambda: reviews(rng, 24), F.cross_entropy, 25)


@new.add("a mean over padded steps, mildly padded", "reads-padding")
def _(rng: np.random.Generator) -> Case:
    return fit(Averages(28), lambda: reviews(rng, 24, 12, 10), F.cross_entropy, 25)


class CellOverPadding(Opinion):
    """A loop with a cell to the longest length."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTMCell(8, 20)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedding(tokens)
        h, c = x.new_zeros(len(x), 20), x.new_zeros(len(x), 20)
        for t in range(x.size(1)):
            h, c = self.lstm(x[:, t], (h, c))
        return self.fc(h)


@new.add("a loop with a cell through the padding", "reads-padding")
def _(rng: np.random.Generator) -> Case:
    return fit(CellOverPadding(), lambda: reviews(rng, 32), F.cross_entropy, 15)


class TwoWayTags(nn.Module):
    def __init__(self, K: int = 4) -> None:
        super().__init__()
        self.emb, self.rnn = nn.Embedding(10, 8), nn.LSTM(8, 12, batch_first=True, bidirectional=True)
        self.hidden2tag = nn.Linear(24, K)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.hidden2tag(self.rnn(self.emb(tokens))[0])


@new.add("a tagger from both ends, not packed", "reads-padding")
def _(rng: np.random.Generator) -> Case:
    return fit(TwoWayTags(), lambda: tags(rng, 24), by_step, 25)


@new.add("an encoder goes through the padding", "reads-padding")
def _(rng: np.random.Generator) -> Case:
    return fit(Reverser(20), lambda: backwards(rng, 32, 9), by_step, 25)


@new.add("padding is a tag like others in the loss", "padding-in-loss")
def _(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        words, kinds, lengths = tags(rng, 24, 14)
        return Sample(words, torch.where(kinds < 0, 0, kinds + 1), lengths)

    class OneWay(TwoWayTags):
        def __init__(self) -> None:
            super().__init__(5)
            self.rnn, self.hidden2tag = nn.LSTM(8, 16, batch_first=True), nn.Linear(16, 5)

    return fit(OneWay(), draw, by_step, 25)


# ---------------------------------------------------------------- which outputs


class Quarter(nn.Module):
    """Pictures, row by row, scaled; ``pick`` takes one row of what the LSTM returns."""

    def __init__(self, pick: Callable[..., Tensor], width: int = 20, **options: Any) -> None:
        super().__init__()
        self.rows = nn.LSTM(10, 20, batch_first=True, **options)
        self.pick, self.head = pick, nn.Linear(width, 4)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.head(self.pick(*self.rows(pixels / 255 - 0.5)))


@new.add("h_n[0] of two layers", "part-unused")
def _(rng: np.random.Generator) -> Case:
    return fit(Quarter(lambda out, state: state[0][0], num_layers=2), lambda: pictures(rng), F.cross_entropy)


@new.add("the last step of both directions", "part-unused")
def _(rng: np.random.Generator) -> Case:
    model = Quarter(lambda out, state: out[:, -1], 40, bidirectional=True)
    return fit(model, lambda: pictures(rng), F.cross_entropy)


@new.add("the first output for the last", "steps-unread")
def _(rng: np.random.Generator) -> Case:
    return fit(Quarter(lambda out, state: out[:, 0]), lambda: pictures(rng), F.cross_entropy)


@new.add("a language model from both ends", "sees-the-answer")
def _(rng: np.random.Generator) -> Case:
    model = Writer(1, batch_first=True, bidirectional=True)
    model.decoder = nn.Linear(64, 10)
    return fit(model, lambda: text(rng, 16, 20)[0], by_step)


@new.add("targets are the inputs, not moved by one", "sees-the-answer")
def _(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        letters = text(rng, 16, 20)[0].inputs
        return Sample(letters, letters)

    return fit(Writer(1, batch_first=True), draw, by_step)


# ---------------------------------------------------------------- dropout


@new.add("dropout=0.5 in one bidirectional layer", "dropout-without-effect")
def _(rng: np.random.Generator) -> Case:
    model = Quarter(lambda out, state: torch.cat([state[0][-2], state[0][-1]], 1), 40, bidirectional=True, dropout=0.5)
    return fit(model, lambda: pictures(rng), F.cross_entropy)


@new.add("dropout on one layer of a language model, nothing but inputs", "dropout-without-effect")
def _(rng: np.random.Generator) -> Case:
    return Case(Writer(1, batch_first=True, dropout=0.3), text(rng, 8, 12)[0].inputs)


@new.add("F.dropout without training", "answers-by-chance")
def _(rng: np.random.Generator) -> Case:
    class Drops(Opinion):
        def pool(self, out: Tensor) -> Tensor:
            return F.dropout(out[:, -1], 0.3)

    return fit(Drops(), lambda: reviews(rng, 32, 10, 10), F.cross_entropy)


# ---------------------------------------------------------------- the wrong loss


class Squashed(Opinion):
    def forward(self, tokens: Tensor) -> Tensor:
        return super().forward(tokens).softmax(dim=1)


@new.add("softmax before cross_entropy", "answers-misfit")
def _(rng: np.random.Generator) -> Case:
    return fit(Squashed(), lambda: reviews(rng, 32, 10, 10), nn.CrossEntropyLoss())


@new.add("sigmoid before BCEWithLogits", "answers-misfit")
def _(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        tokens, liked, _ = reviews(rng, 32, 10, 10)
        return Sample(tokens, liked.float())

    class Liked(Opinion):
        def forward(self, tokens: Tensor) -> Tensor:
            return torch.sigmoid(super().forward(tokens)).squeeze(1)

    return fit(Liked(16, 1), draw, nn.BCEWithLogitsLoss())


@new.add("NLLLoss of plain scores", "answers-misfit")
def _(rng: np.random.Generator) -> Case:
    return fit(Quarter(lambda out, state: out[:, -1]), lambda: pictures(rng), nn.NLLLoss(), 20)


@new.add("ReLU behind a forecast of waves", "answers-misfit")
def _(rng: np.random.Generator) -> Case:
    class Positive(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.linear = nn.LSTM(1, 32, 2, batch_first=True), nn.Linear(32, 1)

        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(self.linear(self.lstm(x)[0]))

    return fit(Positive(), lambda: waves(rng, 24), nn.MSELoss())


class Adder(nn.Module):
    """A plain regression: (B, 1), or what ``end`` makes of it."""

    def __init__(self, end: Callable[[Tensor], Tensor] = lambda said: said) -> None:
        super().__init__()
        self.lstm, self.fc, self.end = nn.LSTM(2, 24, batch_first=True), nn.Linear(24, 1), end

    def forward(self, x: Tensor) -> Tensor:
        return self.end(self.fc(self.lstm(x)[0][:, -1]))


@new.add("(B, 1) against (B,)", "shapes-misfit")
def _(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        x, sums, _ = adding(rng)
        return Sample(x, sums.squeeze(1))

    return fit(Adder(), draw, F.mse_loss)


@new.add("a squared error of argmax, made to ask for a gradient", "graph-cut")
def _(rng: np.random.Generator) -> Case:
    def squared(scores: Tensor, classes: Tensor) -> Tensor:
        return F.mse_loss(scores.argmax(1).float().requires_grad_(), classes.float())

    model = Quarter(lambda out, state: out[:, -1])
    return Case(model, pictures(rng)[:2], squared, optimizer=torch.optim.Adam(model.parameters()))


@new.add("classes from 1 to 3 for three scores", "targets-out-of-range")
def _(rng: np.random.Generator) -> Case:
    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.core = nn.ModuleDict({"rnn": nn.LSTM(3, 8, batch_first=True), "top": nn.Linear(8, 3)})

        def forward(self, x: Tensor) -> Tensor:
            return self.core["top"](self.core["rnn"](x)[1][0][0])

    inputs, targets, _ = bumps(rng, 20)
    return Case(Small(), (inputs, targets + 1), F.cross_entropy)
