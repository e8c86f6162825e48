"""More healthy networks that look like the ordinary faults.

Shapes: T steps, B batch, D features, H hidden units, K classes.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from tests.doctor.cases import Case, Sample, delayed, per_step, reviews, text, waves
from tests.doctor.fresh import List, bumps, by_step, fit, tags
from tests.doctor.fresh_ordinary import Mood, Plain, Writer, adding, pictures
from tests.doctor.fresh_ordinary_ends import Adder, Opinion, Quarter, TwoWayTags
from tests.doctor.fresh_ordinary_more import time_first
from tests.doctor.fresh_ordinary_numbers import Recall, quarter

new = List()
PATIENTS = new.patients


def trained(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    draw: Callable[[], Sample],
    loss: Callable[..., Tensor],
    steps: int,
    clip: float = 1.0,
) -> Case:
    """Train by any optimiser, and take a new batch to the doctor."""
    for _ in range(steps):
        inputs, targets, _ = draw()
        optimizer.zero_grad()
        loss(model(inputs), targets).backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
    return Case(model, draw()[:2], loss, optimizer=optimizer)


@new.add("letters time first, and an LSTM time first", below=1.5)
def _(rng: np.random.Generator) -> Case:
    return fit(Writer(1), lambda: time_first(rng), by_step, 50)


@new.add("a maximum over steps, padding masked", below=0.5)
def _(rng: np.random.Generator) -> Case:
    class Largest(Opinion):
        def forward(self, tokens: Tensor) -> Tensor:
            out, _ = self.lstm(self.embedding(tokens))
            return self.fc(out.masked_fill((tokens == 0)[..., None], -9).max(1).values)

    return fit(Largest(32), lambda: reviews(rng, 32), F.cross_entropy, 60)


@new.add("sorted by length, packed, and sorted back", below=0.5)
def _(rng: np.random.Generator) -> Case:
    class Sorted(Opinion):
        def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
            lengths, order = lengths.sort(descending=True)
            packed = pack_padded_sequence(self.embedding(tokens[order]), lengths, batch_first=True)
            return self.fc(self.lstm(packed)[1][0][-1])[order.argsort()]

    return fit(Sorted(), lambda: reviews(rng, 24), F.cross_entropy, 80)


@new.add("c_n of two layers and both directions, transposed", below=0.5)
def _(rng: np.random.Generator) -> Case:
    class Cells(Mood):
        def forward(self, tokens: Tensor) -> Tensor:
            return self.fc(self.bilstm(self.emb(tokens))[1][1].transpose(0, 1).flatten(1))

    model = Cells(num_layers=2)
    model.fc = nn.Linear(56, 2)
    return fit(model, lambda: reviews(rng, 24, 9, 9), F.cross_entropy, 60)


@new.add("tanh behind waves that fit into it", below=0.2)
def _(rng: np.random.Generator) -> Case:
    class Bounded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.fc = nn.LSTM(1, 24, batch_first=True), nn.Linear(24, 1)

        def forward(self, x: Tensor) -> Tensor:
            return torch.tanh(self.fc(self.rnn(x)[0]))

    def draw() -> Sample:
        x, following, _ = waves(rng, 32)
        return Sample(0.8 * x, 0.8 * following)

    return fit(Bounded(), draw, nn.MSELoss(), 60)


@new.add("softplus behind targets above 0", below=0.3)
def _(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        x, sums, _ = adding(rng, 64, 8)
        return Sample(x, sums + 2)

    return fit(Adder(F.softplus), draw, nn.MSELoss(), 150)


@new.add("sigmoid and BCELoss", below=0.5)
def _(rng: np.random.Generator) -> Case:
    class Liked(Opinion):
        def forward(self, tokens: Tensor) -> Tensor:
            return torch.sigmoid(super().forward(tokens)).squeeze(1)

    def draw() -> Sample:
        tokens, liked, _ = reviews(rng, 32, 10, 10)
        return Sample(tokens, liked.float())

    return fit(Liked(16, 1), draw, nn.BCELoss(), 150)


@new.add("an embedding that was learned elsewhere, frozen", below=0.5)
def _(rng: np.random.Generator) -> Case:
    model = Opinion(20)
    model.embedding.requires_grad_(False)
    optimizer = torch.optim.Adam([weight for weight in model.parameters() if weight.requires_grad], 0.02)
    return trained(model, optimizer, lambda: reviews(rng, 32, 10, 10), F.cross_entropy, 250)


@new.add("AdamW with its decay, two layers and dropout", below=0.9)
def _(rng: np.random.Generator) -> Case:
    model = Plain(3, 24, 3, num_layers=2, dropout=0.3)
    optimizer = torch.optim.AdamW(model.parameters(), 0.01, weight_decay=0.01)
    return trained(model, optimizer, lambda: bumps(rng), F.cross_entropy, 60)


@new.add("labels smoothed, classes weighed", below=0.8)
def _(rng: np.random.Generator) -> Case:
    loss = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 1.0, 0.5]), label_smoothing=0.1)
    return fit(Quarter(lambda out, state: out[:, -1]), lambda: pictures(rng), loss, 60)


@new.add("a sum over all steps, for Adam", below=600)
def _(rng: np.random.Generator) -> Case:
    def summed(said: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(said.flatten(0, 1), targets.flatten(), reduction="sum")

    return fit(Writer(1, batch_first=True), lambda: text(rng, 16, 20)[0], summed, 50)


@new.add("SGD at 1, clipped, on letters", below=2.2)
def _(rng: np.random.Generator) -> Case:
    model = Writer(1, batch_first=True)
    optimizer = torch.optim.SGD(model.parameters(), 1.0)
    return trained(model, optimizer, lambda: text(rng, 20, 30)[0], by_step, 60, 0.25)


@new.add("orthogonal, Xavier, and a forget bias of 1", below=1.3)
def _(rng: np.random.Generator) -> Case:
    model = Recall(24)
    nn.init.orthogonal_(model.memory.weight_hh_l0)
    nn.init.xavier_uniform_(model.memory.weight_ih_l0)
    for which in range(4):
        quarter(model.memory, 0.0, which)
    quarter(model.memory, 1.0, 1, "bias_hh")
    return fit(model, lambda: delayed(rng, 32, 5), per_step, 80)


@new.add("a hundred steps and no lag named, as it was drawn", below=1.0)
def _(rng: np.random.Generator) -> Case:
    model = Plain(2, 32, 1)
    return Case(model, adding(rng, 24, 100)[:2], nn.MSELoss(), optimizer=torch.optim.Adam(model.parameters()))


@new.add("layer norm behind each of two LSTMs", below=0.9)
def _(rng: np.random.Generator) -> Case:
    class Normed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.LSTM(3, 16, batch_first=True), nn.LSTM(16, 16, batch_first=True)
            self.na, self.nb, self.top = nn.LayerNorm(16), nn.LayerNorm(16), nn.Linear(16, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.top(self.nb(self.b(self.na(self.a(x)[0]))[0])[:, -1])

    return fit(Normed(), lambda: bumps(rng), F.cross_entropy, 110)


@new.add("padding is 0 in the targets, and ignored", below=1.2)
def _(rng: np.random.Generator) -> Case:
    class OneWay(TwoWayTags):
        def __init__(self) -> None:
            super().__init__(5)
            self.rnn, self.hidden2tag = nn.LSTM(8, 24, batch_first=True), nn.Linear(24, 5)

    def draw() -> Sample:
        words, kinds, lengths = tags(rng, 24, 14)
        return Sample(words, torch.where(kinds < 0, 0, kinds + 1), lengths)

    def ignoring(scores: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(scores.reshape(-1, 5), targets.reshape(-1), ignore_index=0)

    return fit(OneWay(), draw, ignoring, 80)
