"""A fifth turn, the ordinary faults: what a course, a forum or a code review meets every week. First: axes, h_n.

They and those of the other files ``fresh_ordinary_…`` were written down, with what may be said of each, before the
doctor saw any of them.
Shapes: T steps, B batch, D features, H hidden units, K classes.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.doctor.cases import WORDS, Case, Sample, reviews, text
from tests.doctor.fresh import List, bumps, by_step, fit, tags

new = List()
PATIENTS = new.patients


# ---------------------------------------------------------------- three tasks


def adding(rng: np.random.Generator, B: int = 40, T: int = 12) -> Sample:
    """Draw numbers with two of them marked (B, T, 2), and the sum of those two (B, 1)."""
    values, marks = rng.uniform(-1, 1, (B, T)), np.zeros((B, T))
    marks[np.arange(B), rng.integers(T // 2, size=B)] = 1
    marks[np.arange(B), rng.integers(T // 2, T, size=B)] = 1
    sums = (values * marks).sum(1, keepdims=True)
    return Sample(torch.tensor(np.stack([values, marks], 2)).float(), torch.tensor(sums).float())


def backwards(rng: np.random.Generator, B: int = 32, T: int = 5, shortest: int = 5) -> Sample:
    """Draw tokens (B, T) from 1 to 7, 0 behind the end, and the first five of them in opposite order (B, 5)."""
    lengths = rng.integers(shortest, T + 1, B)
    lengths[0] = T
    tokens = rng.integers(1, 8, (B, T))
    answers = tokens[:, :5][:, ::-1].copy()
    tokens[np.arange(T) >= lengths[:, None]] = 0
    return Sample(torch.tensor(tokens), torch.tensor(answers), torch.tensor(lengths))


def pictures(rng: np.random.Generator, B: int = 48, N: int = 10) -> Sample:
    """Draw pixels (B, N, N) from 0 to 255, and which quarter of the picture is bright (B,)."""
    which = rng.integers(4, size=B)
    pixels = rng.uniform(0, 120, (B, 2, N // 2, 2, N // 2))
    pixels[np.arange(B), which // 2, :, which % 2] += 135
    return Sample(torch.tensor(pixels.reshape(B, N, N)).float(), torch.tensor(which))


class Plain(nn.Module):
    """Features to classes or numbers, from the last state; nested as people nest."""

    def __init__(self, D: int, H: int, K: int, **options: Any) -> None:
        super().__init__()
        self.net = nn.ModuleDict({"encoder": nn.LSTM(D, H, batch_first=True, **options), "head": nn.Linear(H, K)})

    def forward(self, x: Tensor) -> Tensor:
        return self.net["head"](self.net["encoder"](x)[1][0][-1])


# ---------------------------------------------------------------- batch and time exchanged


class Activity(nn.Module):
    """Sensors to an activity."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 24, **options)
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(24, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(x)[0][:, -1])


@new.add("sensors, batch_first forgotten", "batch-and-time-exchanged")
def _(rng: np.random.Generator) -> Case:
    return fit(Activity(), lambda: bumps(rng), F.cross_entropy)


class TimeFirst(nn.Module):
    """Makes (T, B, D) of (B, T, D), as many do it."""

    def forward(self, x: Tensor) -> Tensor:
        return x.view(x.shape[1], x.shape[0], -1)


class LastOf(nn.Module):
    """What an LSTM said last, for nn.Sequential."""

    def forward(self, told: Any) -> Tensor:
        return told[0][-1]


@new.add("view for transpose, in a Sequential", "batch-and-time-exchanged")
def _(rng: np.random.Generator) -> Case:
    model = nn.Sequential(TimeFirst(), nn.LSTM(2, 12, 2), LastOf(), nn.Linear(12, 1))
    return fit(model, lambda: adding(rng), nn.MSELoss(), 20)


class Writer(nn.Module):
    """A language model, stacked."""

    def __init__(self, layers: int = 2, **options: Any) -> None:
        super().__init__()
        self.encoder = nn.Embedding(10, 20)
        self.rnn = nn.LSTM(20, 32, layers, **options)
        self.decoder = nn.Linear(32, 10)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.decoder(self.rnn(self.encoder(tokens))[0])


@new.add("a language model, batch_first forgotten", "batch-and-time-exchanged")
def _(rng: np.random.Generator) -> Case:
    return fit(Writer(dropout=0.2), lambda: text(rng, 16, 25)[0], by_step)


class WalksRows(nn.Module):
    """A tagger with a loop, over the axis that comes first."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.cell, self.tags = nn.Embedding(10, 6), nn.LSTMCell(6, 20), nn.Linear(20, 4)

    def forward(self, tokens: Tensor) -> Tensor:
        h = c = torch.zeros(tokens.shape[1], 20)
        said = []
        for x in self.words(tokens):
            h, c = self.cell(x, (h, c))
            said.append(self.tags(h))
        return torch.stack(said)


@new.add("a loop over rows, not steps", "batch-and-time-exchanged")
def _(rng: np.random.Generator) -> Case:
    inputs, targets, _ = tags(rng, 24, 9, 9)
    return Case(WalksRows(), (inputs, targets), by_step)


class CutsAnew(Writer):
    """Walks in time, and cuts its answers anew instead of turning them."""

    def forward(self, tokens: Tensor) -> Tensor:
        B, T = tokens.shape
        return self.decoder(self.rnn(self.encoder(tokens).transpose(0, 1))[0]).view(B, T, -1)


@new.add("answers in time order viewed as rows", "batch-and-time-exchanged", "rows-out-of-order")
def _(rng: np.random.Generator) -> Case:
    return fit(CutsAnew(1), lambda: text(rng, 20, 14)[0], by_step)


# ---------------------------------------------------------------- h_n


class Mood(nn.Module):
    """Reviews by both directions."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.emb = nn.Embedding(WORDS, 10, padding_idx=0)
        self.bilstm = nn.LSTM(10, 14, bidirectional=True, batch_first=True, **options)
        self.fc = nn.Linear(2 * options.get("proj_size", 14), 2)

    def forward(self, tokens: Tensor) -> Tensor:
        _, (h_n, _) = self.bilstm(self.emb(tokens))
        return self.fc(h_n.view(tokens.shape[0], -1))


@new.add("both directions joined by view", "h_n-reshaped")
def _(rng: np.random.Generator) -> Case:
    return fit(Mood(), lambda: reviews(rng, 32, 9, 9), F.cross_entropy)


@new.add("both projected directions joined by view, nothing but inputs", "h_n-reshaped")
def _(rng: np.random.Generator) -> Case:
    return Case(Mood(proj_size=5), reviews(rng, 20, 9, 9).inputs)


class AllLayers(nn.Module):
    """The last states of all layers, to one number."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.end = nn.LSTM(2, 10, num_layers=3, batch_first=True), nn.Linear(30, 1)

    def forward(self, x: Tensor) -> Tensor:
        h_n = self.body(x)[1][0]
        return self.end(h_n.reshape(-1, 30))


@new.add("the states of three layers reshaped", "h_n-reshaped")
def _(rng: np.random.Generator) -> Case:
    return fit(AllLayers(), lambda: adding(rng, 24), nn.MSELoss(), 15)


class Encoder(nn.Module):
    """Tokens to a state."""

    def __init__(self, H: int, directions: int = 1) -> None:
        super().__init__()
        self.emb = nn.Embedding(8, 12)
        self.rnn = nn.LSTM(12, H, batch_first=True, bidirectional=directions == 2)

    def forward(self, tokens: Tensor) -> Any:
        return self.rnn(self.emb(tokens))


class Reverser(nn.Module):
    """Encoder and decoder; the decoder is fed where it stands, and a subclass says how the state is handed over."""

    def __init__(self, H: int = 24, directions: int = 1) -> None:
        super().__init__()
        self.encoder = Encoder(H, directions)
        self.places = nn.Parameter(torch.randn(5, 6))
        self.decoder = nn.LSTM(6, H * directions, batch_first=True)
        self.out = nn.Linear(H * directions, 8)

    def bridge(self, h: Tensor) -> Tensor:
        return h

    def forward(self, tokens: Tensor) -> Tensor:
        _, (h, c) = self.encoder(tokens)
        said, _ = self.decoder(self.places.expand(len(tokens), -1, -1), (self.bridge(h), self.bridge(c)))
        return self.out(said)


class BridgedByView(Reverser):
    def bridge(self, h: Tensor) -> Tensor:
        return h.view(1, h.shape[1], -1)


@new.add("both directions to a decoder by view", "h_n-reshaped")
def _(rng: np.random.Generator) -> Case:
    return fit(BridgedByView(16, 2), lambda: backwards(rng)._replace(lengths=None), by_step)
