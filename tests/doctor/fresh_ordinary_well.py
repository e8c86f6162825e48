"""Healthy networks that look like the ordinary faults.

Shapes: T steps, B batch, D features, H hidden units, K classes.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tests.doctor.cases import WORDS, Case, Sample, boxes, per_step, reviews, text, waves
from tests.doctor.fresh import List, bumps, by_step, fit, tags
from tests.doctor.fresh_ordinary import (
    Activity,
    Mood,
    Plain,
    Reverser,
    TimeFirst,
    WalksRows,
    Writer,
    adding,
    backwards,
    pictures,
)
from tests.doctor.fresh_ordinary_ends import Adder, Attends, Opinion, Quarter, TwoWayTags
from tests.doctor.fresh_ordinary_numbers import Recall, quarter, weather
from tests.doctor.fresh_ordinary_states import KeepsState, Loop

new = List()
PATIENTS = new.patients


class Turned(Activity):
    """Time first inside, as it should be."""

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(x.transpose(0, 1))[0][-1])


@new.add("sensors turned to time first", below=0.95)
def _(rng: np.random.Generator) -> Case:
    return fit(Turned(), lambda: bumps(rng), F.cross_entropy, 60)


class Permuted(Mood):
    def forward(self, tokens: Tensor) -> Tensor:
        _, (h_n, _) = self.bilstm(self.emb(tokens))
        return self.fc(h_n.permute(1, 0, 2).reshape(len(tokens), -1))


@new.add("both directions permuted, then reshaped", below=0.6)
def _(rng: np.random.Generator) -> Case:
    return fit(Permuted(), lambda: reviews(rng, 32, 9, 9), F.cross_entropy, 60)


class Viewed(nn.Module):
    """One layer, one direction: view may do what it does."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.fc = nn.LSTM(2, 24, batch_first=True), nn.Linear(24, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.rnn(x)[1][0].view(-1, 24))


@new.add("h_n of one layer viewed", below=0.6)
def _(rng: np.random.Generator) -> Case:
    return fit(Viewed(), lambda: adding(rng, 64, 8), nn.MSELoss(), 150)


class Gathers(Opinion):
    """Reads at lengths - 1, by gather."""

    def forward(self, tokens: Tensor) -> Tensor:
        out, _ = self.lstm(self.embedding(tokens))
        last = ((tokens != 0).sum(1) - 1).view(-1, 1, 1).expand(-1, 1, out.size(2))
        return self.fc(out.gather(1, last).squeeze(1))


@new.add("gathered at the last word", below=0.6)
def _(rng: np.random.Generator) -> Case:
    return fit(Gathers(num_layers=2, dropout=0.2), lambda: reviews(rng, 32), F.cross_entropy, 60)


class Masks(Attends):
    def forward(self, tokens: Tensor) -> Tensor:
        out, _ = self.lstm(self.embedding(tokens))
        scores = self.attention(out).masked_fill((tokens == 0).unsqueeze(2), -1e9)
        return self.fc((scores.softmax(1) * out).sum(1))


@new.add("attention over the words alone", below=0.6)
def _(rng: np.random.Generator) -> Case:
    return fit(Masks(12), lambda: reviews(rng, 24), F.cross_entropy, 60)


class MaskedLoop(nn.Module):
    """A loop with a cell that stands still behind the end of each review."""

    def __init__(self) -> None:
        super().__init__()
        self.emb, self.cell, self.fc = nn.Embedding(WORDS, 8), nn.LSTMCell(8, 20), nn.Linear(20, 2)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        h = c = torch.zeros(len(tokens), 20)
        for t in range(tokens.shape[1]):
            on = (t < lengths).unsqueeze(1)
            h_next, c_next = self.cell(self.emb(tokens[:, t]), (h, c))
            h, c = torch.where(on, h_next, h), torch.where(on, c_next, c)
        return self.fc(h)


@new.add("a loop that stops at each end", below=0.6)
def _(rng: np.random.Generator) -> Case:
    return fit(MaskedLoop(), lambda: reviews(rng, 24), F.cross_entropy, 60)


class Packed(TwoWayTags):
    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.emb(tokens), lengths, batch_first=True, enforce_sorted=False)
        out, _ = pad_packed_sequence(self.rnn(packed)[0], batch_first=True, total_length=tokens.shape[1])
        return self.hidden2tag(out)


@new.add("a tagger from both ends, packed", below=0.9)
def _(rng: np.random.Generator) -> Case:
    return fit(Packed(), lambda: tags(rng, 24), by_step, 60)


class KeepsToShow(KeepsState):
    """Keeps the last state to look at, and begins each batch with none."""

    def forward(self, x: Tensor) -> Tensor:
        self.hidden = None
        return super().forward(x)


@new.add("a state kept only to be looked at", below=0.95)
def _(rng: np.random.Generator) -> Case:
    return fit(KeepsToShow(), lambda: bumps(rng), F.cross_entropy, 50)


class LearnsStart(nn.Module):
    """The first state is a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.h0, self.c0 = (nn.Parameter(torch.zeros(1, 1, 20)) for _ in range(2))
        self.rnn, self.top = nn.LSTM(1, 20, batch_first=True), nn.Linear(20, 1)

    def forward(self, x: Tensor) -> Tensor:
        start = (self.h0.expand(-1, len(x), -1).contiguous(), self.c0.expand(-1, len(x), -1).contiguous())
        return self.top(self.rnn(x, start)[0])


@new.add("a first state that is learned", below=0.4)
def _(rng: np.random.Generator) -> Case:
    return fit(LearnsStart(), lambda: waves(rng, 32), nn.MSELoss(), 50)


class Adds(nn.Module):
    """A forecast that adds to the last value."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.delta = nn.LSTM(1, 20, batch_first=True), nn.Linear(20, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.delta(self.rnn(x)[0])


@new.add("a residual forecast that learned what to add", below=0.1)
def _(rng: np.random.Generator) -> Case:
    return fit(Adds(), lambda: waves(rng, 32), nn.MSELoss(), 80, 0.02)


@new.add("a language model by a cell", below=1.8)
def _(rng: np.random.Generator) -> Case:
    return fit(Loop(), lambda: text(rng, 16, 15)[0], by_step, 40)


@new.add("a language model as it was drawn, two layers and dropout", below=2.4)
def _(rng: np.random.Generator) -> Case:
    model = Writer(batch_first=True, dropout=0.4)
    return Case(model, text(rng, 16, 25)[0][:2], by_step, optimizer=torch.optim.Adam(model.parameters(), 0.002))


class Turns(WalksRows):
    def forward(self, tokens: Tensor) -> Tensor:
        return super().forward(tokens.t()).transpose(0, 1)


@new.add("a loop over the steps of words that were turned", below=1.0)
def _(rng: np.random.Generator) -> Case:
    return fit(Turns(), lambda: tags(rng, 24, 9, 9)._replace(lengths=None), by_step, 60)


@new.add("an encoder and a decoder", below=1.7)
def _(rng: np.random.Generator) -> Case:
    return fit(Reverser(32), lambda: backwards(rng)._replace(lengths=None), by_step, 80)


@new.add("a negative log-likelihood of log_softmax", below=0.9)
def _(rng: np.random.Generator) -> Case:
    model = nn.Sequential(Quarter(lambda out, state: out[:, -1]), nn.LogSoftmax(1))
    return fit(model, lambda: pictures(rng), nn.NLLLoss(), 50)


@new.add("one score squeezed for BCEWithLogits", below=0.6)
def _(rng: np.random.Generator) -> Case:
    class Liked(Opinion):
        def forward(self, tokens: Tensor) -> Tensor:
            return super().forward(tokens).squeeze(1)

    def draw() -> Sample:
        tokens, liked, _ = reviews(rng, 32, 10, 10)
        return Sample(tokens, liked.float())

    return fit(Liked(16, 1), draw, nn.BCEWithLogitsLoss(), 120)


class Scales(nn.Module):
    """Kelvin and hectopascals, scaled by numbers of the training part inside of the network."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([288.0, 1013.0]))
        self.register_buffer("deviation", torch.tensor([6.0, 8.0]))
        self.forecast = Plain(2, 16, 1)

    def forward(self, x: Any) -> Tensor:
        return self.forecast((x - self.mean) / self.deviation)


@new.add("kelvin scaled inside", below=0.5)
def _(rng: np.random.Generator) -> Case:
    return fit(Scales(), lambda: weather(rng), nn.MSELoss(), 60)


@new.add("a forget bias of 1 in one vector of both layers, the other 0", below=1.2)
def _(rng: np.random.Generator) -> Case:
    model = Recall(layers=2)
    quarter(model.memory, 1.0, only="bias_ih")
    quarter(model.memory, 0.0, only="bias_hh")
    return fit(model, lambda: boxes(rng, 24, 20), per_step, 150)


@new.add("a projected memory, all biases but one gate at 0", below=1.2)
def _(rng: np.random.Generator) -> Case:
    model = Recall(24, proj_size=8)
    for which in range(4):
        quarter(model.memory, 0.0, which)
    quarter(model.memory, 1.0, 1, "bias_ih")
    return fit(model, lambda: boxes(rng, 24, 16), per_step, 100)


@new.add("a Sequential that adds, time first by transpose", below=0.7)
def _(rng: np.random.Generator) -> Case:
    class Transposes(TimeFirst):
        def forward(self, x: Tensor) -> Tensor:
            return x.transpose(0, 1)

    class Last(nn.Module):
        def forward(self, told: Any) -> Tensor:
            return told[0][-1]

    model = nn.Sequential(Transposes(), nn.LSTM(2, 16), Last(), nn.Dropout(0.1), nn.Linear(16, 1))
    return fit(model, lambda: adding(rng, 64, 8), nn.MSELoss(), 150)


@new.add("SGD at 0.1 with momentum", below=1.1)
def _(rng: np.random.Generator) -> Case:
    model = Adder()
    return Case(model, adding(rng)[:2], nn.MSELoss(), optimizer=torch.optim.SGD(model.parameters(), 0.1, momentum=0.9))
