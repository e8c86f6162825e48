"""Faults and healthy networks in a third writing, from after the doctor had met those of ``fresh_after``.

Shapes: T steps, B batch, D features, H hidden units, K classes.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from tests.doctor.cases import WORDS, Case, Sample, reviews, text, waves
from tests.doctor.fresh import List, bumps, by_step, fit, tags

new = List()
PATIENTS = new.patients


class Gesture(nn.Module):
    """Sensors to a class, by two parts that a subclass may say otherwise: encode and pool."""

    def __init__(self, width: int = 18, **options: Any) -> None:
        super().__init__()
        self.features = nn.LSTM(3, 18, **{"batch_first": True, **options})
        self.norm, self.fc = nn.BatchNorm1d(width), nn.Linear(width, 3)

    def pool(self, out: Tensor, h: Tensor) -> Tensor:
        return h[-1]

    def forward(self, x: Tensor) -> Tensor:
        out, (h, _) = self.features(x)
        return self.fc(self.norm(self.pool(out, h)))


class Stance(nn.Module):
    """Reviews, packed by lengths that a subclass may count otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.vocab = nn.Embedding(WORDS, 8)
        self.gru_that_is_an_lstm, self.top = nn.LSTM(8, 16, batch_first=True), nn.Linear(16, 2)

    def count(self, tokens: Tensor) -> Tensor:
        return (tokens != 0).sum(1)

    def forward(self, tokens: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.vocab(tokens), self.count(tokens), batch_first=True, enforce_sorted=False)
        return self.top(self.gru_that_is_an_lstm(packed)[1][0].squeeze(0))


class Series(nn.Module):
    """The next value at each step."""

    def __init__(self, D: int = 1) -> None:
        super().__init__()
        self.core, self.readout = nn.LSTM(D, 16, batch_first=True), nn.Linear(16, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.readout(self.core(x)[0])


def gestures(model: nn.Module, rng: np.random.Generator, steps: int = 30, B: int = 32, T: int = 20) -> Case:
    return fit(model, lambda: bumps(rng, B, T), F.cross_entropy, steps, 0.02)


def stances(model: nn.Module, rng: np.random.Generator, steps: int = 40) -> Case:
    return fit(model, lambda: reviews(rng, 24), F.cross_entropy, steps, 0.02)


def one_number(rng: np.random.Generator) -> Sample:
    inputs, targets, _ = waves(rng, 24, 14)
    return Sample(inputs, targets[:, -1])


# ---------------------------------------------------------------- axes, padding, what is read


@new.add("the greatest along the batch", "batch-and-time-exchanged")
def greatest_of_others(rng: np.random.Generator) -> Case:
    class Greatest(Gesture):
        def pool(self, out: Tensor, h: Tensor) -> Tensor:
            return out.max(0).values

    return gestures(Greatest(), rng, B=20)


@new.add("a BatchNorm that is put into training in forward", "batch-and-time-exchanged", "state-across-batches")
def always_training(rng: np.random.Generator) -> Case:
    class Trains(Gesture):
        def forward(self, x: Tensor) -> Tensor:
            self.norm.train()
            return super().forward(x)

    return gestures(Trains(), rng)


@new.add("outputs of a loop stacked in front and viewed as (B, T, K)", "batch-and-time-exchanged", "rows-out-of-order")
def stacked_in_front(rng: np.random.Generator) -> Case:
    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb, self.cell, self.fc = nn.Embedding(10, 8), nn.LSTMCell(8, 16), nn.Linear(16, 10)

        def forward(self, ids: Tensor) -> Tensor:
            (B, T), state, outs = ids.shape, None, []
            for t in range(T):
                state = self.cell(self.emb(ids[:, t]), state)
                outs.append(self.fc(state[0]))
            return torch.stack(outs).view(B, T, -1)

    return fit(Loop(), lambda: text(rng, 16, 12)[0], by_step, 30)


@new.add("pad_sequence's (T, B) packed as batch_first", "shapes-misfit", "batch-and-time-exchanged")
def packed_turned(rng: np.random.Generator) -> Case:
    class Turned(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb, self.lstm, self.fc = nn.Embedding(WORDS, 8), nn.LSTM(8, 16, batch_first=True), nn.Linear(16, 2)

        def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
            x = self.emb(tokens.T)
            _, (h, _) = self.lstm(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
            return self.fc(h[-1])

    tokens, liked, lengths = reviews(rng, 24)
    return Case(Turned(), (tokens, liked), F.cross_entropy, lengths)


@new.add("the last rows of packed data", "rows-out-of-order", "batch-and-time-exchanged", "steps-unread")
def last_rows(rng: np.random.Generator) -> Case:
    class Rows(Stance):
        def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
            packed = pack_padded_sequence(self.vocab(tokens), lengths, batch_first=True, enforce_sorted=False)
            return self.top(self.gru_that_is_an_lstm(packed)[0].data[-len(tokens) :])

    return stances(Rows(), rng)


@new.add("lengths that are one too short", "steps-unread")
def one_short(rng: np.random.Generator) -> Case:
    class Short(Stance):
        def count(self, tokens: Tensor) -> Tensor:
            return super().count(tokens) - 1

    return stances(Short(), rng)


@new.add("lengths that are the longest's, counted inside", "reads-padding")
def all_longest(rng: np.random.Generator) -> Case:
    class Longest(Stance):
        def count(self, tokens: Tensor) -> Tensor:
            return super().count(tokens).max().expand(len(tokens))

    case = stances(Longest(), rng)
    return case._replace(lengths=(case.batch[0] != 0).sum(1))


@new.add("of two directions h[-2]", "part-unused")
def ahead_only(rng: np.random.Generator) -> Case:
    class Ahead(Gesture):
        def pool(self, out: Tensor, h: Tensor) -> Tensor:
            return h[-2]

    return gestures(Ahead(bidirectional=True), rng)


@new.add("both directions, of the first layer", "part-unused")
def first_of_both(rng: np.random.Generator) -> Case:
    class First(Gesture):
        def pool(self, out: Tensor, h: Tensor) -> Tensor:
            return torch.cat((h[0], h[1]), 1)

    return gestures(First(36, num_layers=2, bidirectional=True), rng)


@new.add("the head reads detached outputs", "graph-cut")
def detached_head(rng: np.random.Generator) -> Case:
    class Detached(Series):
        def forward(self, x: Tensor) -> Tensor:
            return self.readout(self.core(x)[0].detach())

    return fit(Detached(), lambda: waves(rng, 24, 14), F.mse_loss, 30)


@new.add("all but the last step under no_grad", "gradient-vanishes", "graph-cut")
def warmed_up(rng: np.random.Generator) -> Case:
    class Warm(Gesture):
        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                _, state = self.features(x[:, :-1])
            _, (h, _) = self.features(x[:, -1:], state)
            return self.fc(h[-1])

    return gestures(Warm(), rng)


@new.add("the encoder's h and c change places", "state-lost")
def crossed_bridge(rng: np.random.Generator) -> Case:
    class Bridge(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enc, self.dec = nn.LSTM(3, 16, batch_first=True), nn.LSTM(3, 16, batch_first=True)
            self.out = nn.Linear(16, 3)

        def forward(self, x: Tensor) -> Tensor:
            _, (h, c) = self.enc(x)
            return self.out(self.dec(torch.zeros(len(x), 4, 3), (c, h))[0][:, -1])

    return gestures(Bridge(), rng)


# ---------------------------------------------------------------- losses and targets


@new.add("mse_loss of (B, 1) and (B, 1, 1)", "shapes-misfit")
def one_axis_more(rng: np.random.Generator) -> Case:
    class Last(Series):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x)[:, -1]

    return fit(Last(), lambda: one_number(rng), lambda said, true: F.mse_loss(said, true.unsqueeze(-1)), 30)


@new.add("cross_entropy of a sharpened softmax", "answers-misfit")
def sharpened(rng: np.random.Generator) -> Case:
    class Sharp(Gesture):
        def forward(self, x: Tensor) -> Tensor:
            return (super().forward(x) / 0.5).softmax(-1)

    return gestures(Sharp(), rng)


@new.add("standardised values clamped to 0 and 1", "answers-misfit")
def clamped(rng: np.random.Generator) -> Case:
    class Clamped(Series):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).clamp(0, 1)

    return fit(Clamped(), lambda: waves(rng, 24, 14), F.mse_loss, 30)


@new.add("BCELoss of scores", "answers-misfit", "shapes-misfit")
def scores_as_probabilities(rng: np.random.Generator) -> Case:
    words, kinds, _ = tags(rng, shortest=11)
    net = nn.Sequential(nn.Embedding(10, 1), Series())
    return Case(net, (words, (kinds == 1).float()[..., None]), nn.BCELoss())


@new.add("one-hot rows of whole numbers for cross_entropy", "shapes-misfit")
def one_hot_rows(rng: np.random.Generator) -> Case:
    inputs, targets, _ = bumps(rng)
    return Case(Gesture(), (inputs, F.one_hot(targets, 3)), nn.CrossEntropyLoss())


@new.add("every target is ignored", "not-finite", "class-ignored")
def all_ignored(rng: np.random.Generator) -> Case:
    inputs, targets, _ = bumps(rng)
    return Case(Gesture(), (inputs, torch.full_like(targets, -100)), nn.CrossEntropyLoss())


@new.add("the mean of a class that is not there", "not-finite")
def mean_of_nothing(rng: np.random.Generator) -> Case:
    def loss(scores: Tensor, true: Tensor) -> Tensor:
        each = F.cross_entropy(scores, true, reduction="none")
        return torch.stack([each[true == k].mean() for k in range(4)]).mean()

    return Case(Gesture(), bumps(rng)[:2], loss)


@new.add("a loss of accuracy with the wrong sign: 1 - p of the right class, negated", "answers-misfit")
def negated(rng: np.random.Generator) -> Case:
    def loss(scores: Tensor, true: Tensor) -> Tensor:
        return scores.log_softmax(-1).gather(1, true[:, None]).mean()

    return fit(Gesture(), lambda: bumps(rng), loss, 30)


@new.add("the asked value stands in the window, in other units", "sees-the-answer", "echoes-input")
def in_other_units(rng: np.random.Generator) -> Case:
    class Last(Series):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x)[:, -1]

    def draw() -> Sample:
        inputs = waves(rng, 24, 14).inputs
        return Sample(inputs, 3 * inputs[:, -1] + 1)

    return fit(Last(), draw, F.mse_loss, 60)


# ---------------------------------------------------------------- start, data and optimiser


@new.add("an embedding of zeros that is frozen", "inputs-say-nothing")
def no_embedding(rng: np.random.Generator) -> Case:
    net = Stance()
    net.vocab = nn.Embedding.from_pretrained(torch.zeros(WORDS, 8))
    return stances(net, rng)


@new.add("a forget bias of -6", "gate-saturated", "forget-bias-lost", "forgets-too-soon")
def shut(rng: np.random.Generator) -> Case:
    net = Gesture()
    with torch.no_grad():
        net.features.bias_hh_l0[18:36] = -6
    return gestures(net, rng)


@new.add("Adam at 1e-9", "learning-rate")
def stands_still(rng: np.random.Generator) -> Case:
    net = Gesture()
    return Case(net, bumps(rng)[:2], F.cross_entropy, optimizer=torch.optim.Adam(net.parameters(), 1e-9))


@new.add("RMSprop at 1", "learning-rate", "gate-saturated")
def too_bold(rng: np.random.Generator) -> Case:
    net, optimize = Series(), torch.optim.RMSprop
    optimizer = optimize(net.parameters(), 1.0)
    for _ in range(20):
        inputs, targets, _ = waves(rng, 24, 14)
        optimizer.zero_grad()
        F.mse_loss(net(inputs), targets).backward()
        optimizer.step()
    return Case(net, (inputs, targets), F.mse_loss, optimizer=optimizer)


@new.add("the LSTM's group has a rate of 0", "weights-left-out", "learning-rate")
def group_of_zero(rng: np.random.Generator) -> Case:
    net = Gesture()
    groups = [{"params": net.features.parameters(), "lr": 0.0}, {"params": net.fc.parameters()}]
    optimizer = torch.optim.Adam([*groups, {"params": net.norm.parameters()}], 0.01)
    for _ in range(20):
        inputs, targets, _ = bumps(rng)
        optimizer.zero_grad()
        F.cross_entropy(net(inputs), targets).backward()
        optimizer.step()
    return Case(net, (inputs, targets), F.cross_entropy, optimizer=optimizer)


@new.add("the matrices are frozen, the biases are not", "weights-left-out")
def biases_alone(rng: np.random.Generator) -> Case:
    net = Stance()
    for name, weights in net.gru_that_is_an_lstm.named_parameters():
        weights.requires_grad = "bias" in name
    return stances(net, rng)


@new.add("SGD with weight_decay=2", "weight-decay")
def pulled_down(rng: np.random.Generator) -> Case:
    net = Series()
    optimizer = torch.optim.SGD(net.parameters(), 0.1, weight_decay=2.0)
    for _ in range(40):
        inputs, targets, _ = waves(rng, 24, 14)
        optimizer.zero_grad()
        F.mse_loss(net(inputs), targets).backward()
        optimizer.step()
    return Case(net, (inputs, targets), F.mse_loss, optimizer=optimizer)


# ================================================================ healthy ones


@new.add("values between 0 and 1, clamped to them", below=0.05)
def clamped_right(rng: np.random.Generator) -> Case:
    class Clamped(Series):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).clamp(0, 1)

    def draw() -> Sample:
        inputs, targets, _ = waves(rng, 24, 14)
        return Sample(inputs, (0.5 + targets / 3).clamp(0, 1))

    case = Clamped()
    nn.init.constant_(case.readout.bias, 0.5)
    return fit(case, draw, F.mse_loss, 120, 0.02)


@new.add("the target of the step before is a feature", below=0.05)
def lagged(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        series = waves(rng, 24, 14)
        return Sample(torch.cat([torch.randn(24, 14, 1), series.inputs], -1), series.targets)

    return fit(Series(2), draw, F.mse_loss, 150, 0.02)


@new.add("one cell for two streams, in turns", below=0.4)
def siamese(rng: np.random.Generator) -> Case:
    class Siamese(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell, self.fc = nn.LSTMCell(3, 18), nn.Linear(36, 3)

        def forward(self, x: Tensor) -> Tensor:
            one = two = (torch.zeros(len(x), 18), torch.zeros(len(x), 18))
            for t in range(x.shape[1]):
                one, two = self.cell(x[:, t], one), self.cell(x[:, -1 - t], two)
            return self.fc(torch.cat([one[0], two[0]], 1))

    return gestures(Siamese(), rng, 90)


@new.add("a cell whose state stands still in padding", below=0.35)
def stands_in_padding(rng: np.random.Generator) -> Case:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb, self.cell, self.fc = nn.Embedding(WORDS, 8), nn.LSTMCell(8, 16), nn.Linear(16, 2)

        def forward(self, tokens: Tensor) -> Tensor:
            h = c = torch.zeros(len(tokens), 16)
            for t in range(tokens.shape[1]):
                there = (tokens[:, t] != 0)[:, None]
                new_h, new_c = self.cell(self.emb(tokens[:, t]), (h, c))
                h, c = torch.where(there, new_h, h), torch.where(there, new_c, c)
            return self.fc(h)

    return stances(Masked(), rng, 90)


@new.add("a trained LSTM is frozen, its head goes on", below=0.8)
def fine_tuned(rng: np.random.Generator) -> Case:
    net = Gesture()
    net.norm = nn.Identity()
    case = gestures(net, rng, 120)
    for weights in net.features.parameters():
        weights.requires_grad = False
    learning = [*net.norm.parameters(), *net.fc.parameters()]
    return case._replace(optimizer=torch.optim.Adam(learning, 1e-3))


@new.add("cross_entropy of targets that are probabilities", below=0.75)
def soft_targets(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        inputs, targets, _ = bumps(rng)
        return Sample(inputs, 0.9 * F.one_hot(targets, 3) + 0.1 / 3)

    return fit(Gesture(), draw, F.cross_entropy, 120, 0.02)


@new.add("reviews by lengths that are counted inside", below=0.35)
def counted(rng: np.random.Generator) -> Case:
    return stances(Stance(), rng, 90)


@new.add("a decoder that is fed zeros, from the encoder's state", below=0.6)
def bridged(rng: np.random.Generator) -> Case:
    class Bridge(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enc, self.dec = nn.LSTM(3, 16, batch_first=True), nn.LSTM(3, 16, batch_first=True)
            self.out = nn.Linear(16, 3)

        def forward(self, x: Tensor) -> Tensor:
            _, state = self.enc(x)
            return self.out(self.dec(torch.zeros(len(x), 2, 3), state)[0][:, -1])

    return gestures(Bridge(), rng, 120)
