"""Ordinary faults, fifth: more of axes, ends and losses, in other networks.

Shapes: T steps, B batch, D features, H hidden units, K classes.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from tests.doctor.cases import WORDS, Case, Sample, reviews, text, waves
from tests.doctor.fresh import List, bumps, by_step, fit, tags
from tests.doctor.fresh_ordinary import Mood, Plain, Reverser, Writer, adding, backwards, pictures
from tests.doctor.fresh_ordinary_ends import Adder, Opinion, Quarter, TwoWayTags

new = List()
PATIENTS = new.patients


def time_first(rng: np.random.Generator) -> Sample:
    """Draw letters (T, B), as the batches of many language models are cut."""
    letters, following, _ = text(rng, 12, 20)[0]
    return Sample(letters.t(), following.t())


@new.add("letters time first, batch_first=True", "batch-and-time-exchanged")
def _(rng: np.random.Generator) -> Case:
    return fit(Writer(1, batch_first=True), lambda: time_first(rng), by_step)


class Horizon(nn.Module):
    """The next three values of a series (B, T, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.seq = nn.LSTM(1, 20, num_layers=2, proj_size=8)
        self.out = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.seq(x.reshape(x.size(1), x.size(0), 1))[0][-1])


@new.add("a forecast of windows reshaped, no loss and no optimiser", "batch-and-time-exchanged")
def _(rng: np.random.Generator) -> Case:
    series = waves(rng, 18, 22).inputs
    return Case(Horizon(), (series[:, :-3], series[:, -3:, 0]))


@new.add("out[-1] with batch_first=True", "shapes-misfit", "batch-and-time-exchanged", "steps-unread")
def _(rng: np.random.Generator) -> Case:
    class LastRow(Opinion):
        def pool(self, out: Tensor) -> Tensor:
            return out[-1]

    return Case(LastRow(), reviews(rng, 24, 10, 10)[:2], F.cross_entropy)


@new.add("answers flattened in time, targets in rows", "batch-and-time-exchanged", "rows-out-of-order", "shapes-misfit")
def _(rng: np.random.Generator) -> Case:
    class Flat(Writer):
        def forward(self, tokens: Tensor) -> Tensor:
            return super().forward(tokens.t()).reshape(-1, 10)

    def flat(scores: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(scores, targets.reshape(-1))

    return fit(Flat(1), lambda: text(rng, 16, 18)[0], flat)


@new.add("c_n of two layers and both directions reshaped", "h_n-reshaped")
def _(rng: np.random.Generator) -> Case:
    class Cells(Mood):
        def forward(self, tokens: Tensor) -> Tensor:
            _, (_, c_n) = self.bilstm(self.emb(tokens))
            return self.fc(c_n.reshape(len(tokens), -1))

    model = Cells(num_layers=2)
    model.fc = nn.Linear(56, 2)
    return fit(model, lambda: reviews(rng, 24, 9, 9), F.cross_entropy, 20)


# ---------------------------------------------------------------- ends


class Ends(Opinion):
    """Reads where ``lengths`` say; a subclass says how."""

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        out, _ = self.lstm(self.embedding(tokens))
        return self.fc(out[torch.arange(len(out)), lengths.clamp(max=out.shape[1] - 1)])


@new.add("lengths for lengths - 1, clamped", "reads-padding")
def _(rng: np.random.Generator) -> Case:
    return fit(Ends(), lambda: reviews(rng, 32), F.cross_entropy)


@new.add("a maximum over padded steps", "reads-padding")
def _(rng: np.random.Generator) -> Case:
    class Largest(Opinion):
        def pool(self, out: Tensor) -> Tensor:
            return out.max(1).values

    return fit(Largest(32, num_layers=2), lambda: reviews(rng, 32, 16), F.cross_entropy)


class Sorted(Opinion):
    """Sorts by length to pack, and leaves the answers sorted."""

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        lengths, order = lengths.sort(descending=True)
        packed = pack_padded_sequence(self.embedding(tokens[order]), lengths, batch_first=True)
        return self.fc(self.lstm(packed)[1][0][-1])


@new.add("sorted by length and left so", "rows-out-of-order")
def _(rng: np.random.Generator) -> Case:
    return fit(Sorted(), lambda: reviews(rng, 24), F.cross_entropy, 20)


@new.add("padded in front, then packed", "padding-in-front")
def _(rng: np.random.Generator) -> Case:
    class Packs(Opinion):
        def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
            x = self.embedding(tokens)
            packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            return self.fc(self.lstm(packed)[1][0][-1])

    def draw() -> Sample:
        tokens, liked, lengths = reviews(rng, 24)
        assert lengths is not None
        rows = [row.roll(tokens.shape[1] - int(n)) for row, n in zip(tokens, lengths, strict=True)]
        return Sample(torch.stack(rows), liked, lengths)

    return fit(Packs(), draw, F.cross_entropy, 20)


@new.add("h_n[-1] of both directions", "part-unused")
def _(rng: np.random.Generator) -> Case:
    model = Plain(3, 20, 3, bidirectional=True)
    return fit(model, lambda: bumps(rng), F.cross_entropy, 20)


@new.add("a decoder that is not given the encoder's state", "part-unused", "state-lost", "graph-cut", "loss-at-chance")
def _(rng: np.random.Generator) -> Case:
    class Alone(Reverser):
        def forward(self, tokens: Tensor) -> Tensor:
            self.encoder(tokens)
            return self.out(self.decoder(self.places.expand(len(tokens), -1, -1))[0])

    return fit(Alone(), lambda: backwards(rng)._replace(lengths=None), by_step)


# ---------------------------------------------------------------- losses and targets


@new.add("scores (B, T, K) to cross_entropy", "shapes-misfit")
def _(rng: np.random.Generator) -> Case:
    return Case(TwoWayTags(), tags(rng, 20, 9, 9)[:2], F.cross_entropy)


@new.add("log_softmax over the steps", "answers-misfit")
def _(rng: np.random.Generator) -> Case:
    class OverSteps(Writer):
        def forward(self, tokens: Tensor) -> Tensor:
            return F.log_softmax(super().forward(tokens), dim=1)

    def likelihood(said: Tensor, targets: Tensor) -> Tensor:
        return F.nll_loss(said.reshape(-1, 10), targets.reshape(-1))

    return fit(OverSteps(1, batch_first=True), lambda: text(rng, 16, 20)[0], likelihood)


@new.add("the minus of a log-likelihood forgotten", "answers-misfit")
def _(rng: np.random.Generator) -> Case:
    def likelihood(said: Tensor, classes: Tensor) -> Tensor:
        return said.log_softmax(1).gather(1, classes[:, None]).mean()

    return fit(Quarter(lambda out, state: out[:, -1]), lambda: pictures(rng), likelihood, 15)


def scaled(by: float, plus: float = 0.0) -> Callable[[np.random.Generator], Sample]:
    """Return how to draw sums that are not scaled."""

    def draw(rng: np.random.Generator) -> Sample:
        x, sums, _ = adding(rng)
        return Sample(x, plus + by * sums)

    return draw


@new.add("tanh behind sums up to six", "answers-misfit")
def _(rng: np.random.Generator) -> Case:
    return fit(Adder(torch.tanh), lambda: scaled(3)(rng), nn.MSELoss())


@new.add("targets are prices of houses", "targets-not-scaled")
def _(rng: np.random.Generator) -> Case:
    return fit(Adder(), lambda: scaled(40_000, 250_000)(rng), nn.MSELoss())


@new.add("targets around a hundred, mean absolute error", "targets-not-scaled")
def _(rng: np.random.Generator) -> Case:
    return fit(Plain(2, 16, 1, num_layers=2), lambda: scaled(5, 100)(rng), nn.L1Loss(), 20)


@new.add("ignore_index=0 where 0 is a class", "class-ignored")
def _(rng: np.random.Generator) -> Case:
    return fit(Quarter(lambda out, state: out[:, -1]), lambda: pictures(rng), nn.CrossEntropyLoss(ignore_index=0))


@new.add("the value that is asked for is in the window", "sees-the-answer", "echoes-input")
def _(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        x, _, _ = waves(rng, 32)
        return Sample(x, x[:, -1])

    return fit(Plain(1, 24, 1), draw, nn.MSELoss(), 60)


@new.add("labels of the sample before", "loss-at-chance", "rows-out-of-order")
def _(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        tokens, liked, _ = reviews(rng, 48, 10, 10)
        return Sample(tokens, liked.roll(1))

    return fit(Opinion(), draw, F.cross_entropy, 60)


@new.add("a vocabulary that knows no word", "inputs-say-nothing")
def _(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        tokens, liked, _ = reviews(rng, 32, 10, 10)
        return Sample(torch.full_like(tokens, WORDS - 1), liked)

    return fit(Opinion(), draw, F.cross_entropy, 20)
