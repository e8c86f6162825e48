"""Faults and healthy networks in yet another writing, from after the doctor had been taught those of ``fresh``.

They were written before the doctor met any of them.
Shapes: T steps, B batch, D features, H hidden units, K classes.
"""

import copy
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tests.doctor.cases import WORDS, Case, Sample, reviews, text, waves
from tests.doctor.fresh import List, bumps, by_step, fit, tags

new = List()
PATIENTS = new.patients


class Encoder(nn.Sequential):
    """An LSTM that returns its outputs alone, as links of a chain do."""

    def __init__(self, D: int, H: int, **options: Any) -> None:
        super().__init__()
        self.lstm = nn.LSTM(D, H, **options)

    def forward(self, x: Tensor) -> Tensor:
        return self.lstm(x)[0]


class Forecaster(nn.Module):
    """The next value of a series, from a window."""

    def __init__(self, D: int = 1, **options: Any) -> None:
        super().__init__()
        self.backbone, self.project = nn.LSTM(D, 14, **{"batch_first": True, **options}), nn.Linear(14, 1)

    def forward(self, window: Tensor) -> Tensor:
        return self.project(self.backbone(window)[0][:, -1])


def windows(rng: np.random.Generator, B: int = 24, T: int = 15) -> Sample:
    inputs, targets, _ = waves(rng, B, T)
    return Sample(inputs, targets[:, -1])


class Model(nn.Module):
    """Letters: embed, run, foretell."""

    def __init__(self) -> None:
        super().__init__()
        self.drop, self.emb = nn.Dropout(0.1), nn.Embedding(10, 12)
        self.rnn, self.head = nn.LSTM(12, 24, batch_first=True), nn.Linear(24, 10)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.rnn(self.drop(self.emb(ids)))[0])


class Reviewer(nn.Module):
    """Reviews with padding."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.table = nn.Embedding(WORDS, 10)
        self.bilstm = nn.LSTM(10, 10, batch_first=True, bidirectional=True)
        self.judge = nn.Sequential(nn.Linear(20, 12), nn.ReLU(), nn.Linear(12, 2))


def letters(model: nn.Module, rng: np.random.Generator, steps: int = 30) -> Case:
    return fit(model, lambda: text(rng, 16, 14)[0], by_step, steps, 0.02)


def judged(model: nn.Module, rng: np.random.Generator, steps: int = 40) -> Case:
    return fit(model, lambda: reviews(rng, 24), F.cross_entropy, steps, 0.02)


# ---------------------------------------------------------------- axes and padding


@new.add("a forecast with (B, T, D) into a time-first LSTM, read at [:, -1]", "batch-and-time-exchanged")
def no_batch_first(rng: np.random.Generator) -> Case:
    return fit(Forecaster(batch_first=False), lambda: windows(rng), F.mse_loss, 40)


@new.add("a convolution's output reshaped to (T, B, C)", "batch-and-time-exchanged")
def reshaped_channels(rng: np.random.Generator) -> Case:
    class ConvLSTM(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.lstm, self.fc = nn.Conv1d(3, 8, 3, padding=1), nn.LSTM(8, 16), nn.Linear(16, 3)

        def forward(self, x: Tensor) -> Tensor:
            features = self.conv(x.transpose(1, 2)).relu()
            out, _ = self.lstm(features.reshape(features.shape[2], features.shape[0], features.shape[1]))
            return self.fc(out[-1])

    return fit(ConvLSTM(), lambda: bumps(rng), F.cross_entropy)


@new.add("a tagger sorts by length, and leaves it so", "rows-out-of-order")
def sorted_tags(rng: np.random.Generator) -> Case:
    class SortedTagger(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb, self.lstm, self.fc = nn.Embedding(10, 8), nn.LSTM(8, 12, batch_first=True), nn.Linear(12, 4)

        def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
            order = lengths.argsort(descending=True)
            packed = pack_padded_sequence(self.emb(words[order]), lengths[order], batch_first=True)
            out, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
            return self.fc(out)

    return fit(SortedTagger(), lambda: tags(rng), by_step)


@new.add("h_n.reshape(B, layers * H) in a forecast", "h_n-reshaped")
def layers_reshaped(rng: np.random.Generator) -> Case:
    class Deep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.out = nn.LSTM(1, 10, num_layers=3, batch_first=True), nn.Linear(30, 1)

        def forward(self, x: Tensor) -> Tensor:
            _, (h_n, _) = self.lstm(x)
            return self.out(h_n.reshape(x.shape[0], 3 * 10))

    return fit(Deep(), lambda: windows(rng), F.mse_loss, 40)


@new.add("both ends of padded outputs", "reads-padding")
def both_ends(rng: np.random.Generator) -> Case:
    class Ends(Reviewer):
        def forward(self, tokens: Tensor) -> Tensor:
            out, _ = self.bilstm(self.table(tokens))
            return self.judge(torch.cat([out[:, -1, :10], out[:, 0, 10:]], dim=-1))

    return judged(Ends(), rng)


@new.add("packed with one length for all", "reads-padding")
def packed_for_nothing(rng: np.random.Generator) -> Case:
    class Packs(Reviewer):
        def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
            full = torch.full_like(lengths, tokens.size(1))
            _, (h, _) = self.bilstm(pack_padded_sequence(self.table(tokens), full, batch_first=True))
            return self.judge(torch.cat([h[0], h[1]], -1))

    return judged(Packs(), rng)


# ---------------------------------------------------------------- state and chance


@new.add("a repackaged state, for chunks in no order", "state-across-batches")
def repackaged(rng: np.random.Generator) -> Case:
    class Stateful(Model):
        hidden: Any = None

        def forward(self, ids: Tensor) -> Tensor:
            out, hidden = self.rnn(self.emb(ids), self.hidden)
            self.hidden = tuple(part.data for part in hidden)
            return self.head(out)

    return letters(Stateful(), rng, 40)


@new.add("a state that is kept whole", "graph-kept")
def never_cut(rng: np.random.Generator) -> Case:
    class Keeps(Model):
        def __init__(self) -> None:
            super().__init__()
            self.state = (torch.zeros(1, 16, 24), torch.zeros(1, 16, 24))

        def forward(self, ids: Tensor) -> Tensor:
            out, self.state = self.rnn(self.emb(ids), self.state)
            return self.head(out)

    model = Keeps()
    inputs, targets, _ = text(rng, 16, 14)[0]
    return Case(model, (inputs, targets), by_step, None, torch.optim.Adam(model.parameters(), 0.01))


@new.add("noise on the inputs, at test too", "answers-by-chance")
def always_noise(rng: np.random.Generator) -> Case:
    class Noisy(Forecaster):
        def forward(self, window: Tensor) -> Tensor:
            return super().forward(window + 0.1 * torch.randn_like(window))

    return fit(Noisy(), lambda: windows(rng), F.mse_loss, 40)


@new.add("c stays what it was at the start, a parameter", "state-lost")
def c_never_moves(rng: np.random.Generator) -> Case:
    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb, self.lstm_cell, self.fc = nn.Embedding(10, 8), nn.LSTMCell(8, 16), nn.Linear(16, 10)
            self.h0, self.c0 = nn.Parameter(0.1 * torch.randn(16)), nn.Parameter(0.1 * torch.randn(16))

        def forward(self, ids: Tensor) -> Tensor:
            hx, cx, outputs = self.h0.expand(len(ids), -1), self.c0.expand(len(ids), -1), []
            for t in range(ids.shape[1]):
                hx, _ = self.lstm_cell(self.emb(ids[:, t]), (hx, cx))
                outputs.append(hx)
            return self.fc(torch.stack(outputs, dim=1))

    return letters(Loop(), rng)


@new.add("every step goes on from the first one", "state-lost")
def from_the_first(rng: np.random.Generator) -> Case:
    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb, self.cell, self.fc = nn.Embedding(10, 8), nn.LSTMCell(8, 16), nn.Linear(16, 10)

        def forward(self, ids: Tensor) -> Tensor:
            states = [self.cell(self.emb(ids[:, 0]))]
            for t in range(1, ids.shape[1]):
                states.append(self.cell(self.emb(ids[:, t]), states[0]))
            return self.fc(torch.stack([h for h, _ in states], 1))

    return letters(Loop(), rng)


@new.add("the upper of two cells starts anew at each step", "state-lost")
def upper_anew(rng: np.random.Generator) -> Case:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.emb, self.one, self.two = nn.Embedding(10, 8), nn.LSTMCell(8, 16), nn.LSTMCell(16, 16)
            self.fc = nn.Linear(16, 10)

        def forward(self, ids: Tensor) -> Tensor:
            state, said = None, []
            for x in self.emb(ids).unbind(1):
                state = self.one(x, state)
                zeros = torch.zeros_like(state[0])
                said.append(self.fc(self.two(state[0], (zeros, zeros))[0]))
            return torch.stack(said, 1)

    return letters(Two(), rng)


# ---------------------------------------------------------------- losses


@new.add("cross_entropy of sigmoids", "answers-misfit")
def sigmoid_scores(rng: np.random.Generator) -> Case:
    net = nn.Sequential(Encoder(3, 16, batch_first=True), nn.Linear(16, 3), nn.Sigmoid())
    return fit(net, lambda: bumps(rng), lambda said, true: F.cross_entropy(said[:, -1], true))


@new.add("nll_loss of the logarithm of sigmoids", "answers-misfit")
def log_sigmoid(rng: np.random.Generator) -> Case:
    class Last(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            return torch.log(torch.sigmoid(super().forward(x)[:, -1]) + 1e-8)

    net = Last(Encoder(3, 16, batch_first=True), nn.Linear(16, 3))
    return fit(net, lambda: bumps(rng), F.nll_loss)


@new.add("kl_div of probabilities", "answers-misfit")
def kl_of_probabilities(rng: np.random.Generator) -> Case:
    class Probabilities(Model):
        def forward(self, ids: Tensor) -> Tensor:
            return F.softmax(super().forward(ids), -1)

    def draw() -> Sample:
        inputs, targets, _ = text(rng, 16, 14)[0]
        return Sample(inputs, F.one_hot(targets, 10).float())

    return fit(Probabilities(), draw, lambda said, true: F.kl_div(said, true, reduction="batchmean"))


@new.add("the mask of the loss is turned around", "padding-in-loss")
def inverted_mask(rng: np.random.Generator) -> Case:
    words, kinds, lengths = tags(rng)
    beyond = kinds < 0

    def loss(scores: Tensor, targets: Tensor) -> Tensor:
        each = F.cross_entropy(scores.transpose(1, 2), targets, reduction="none")
        mask = (words != 0).float()
        return (each * (1 - mask)).sum() / (1 - mask).sum()

    net = nn.Sequential(nn.Embedding(10, 8), Encoder(8, 12, batch_first=True), nn.Linear(12, 4))
    return Case(net, (words, kinds.masked_fill(beyond, 0)), loss, lengths)


@new.add("a weight of 0 for one class", "class-ignored")
def zero_weight(rng: np.random.Generator) -> Case:
    net = nn.Sequential(nn.Embedding(10, 8), Encoder(8, 12, batch_first=True), nn.Linear(12, 4))
    weight = torch.tensor([1.0, 0.0, 1.0, 1.0])
    return fit(net, lambda: tags(rng, shortest=11), lambda s, y: F.cross_entropy(s.flatten(0, 1), y.flatten(), weight))


@new.add("mse_loss of chosen classes", "graph-cut")
def chosen(rng: np.random.Generator) -> Case:
    class Chooses(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.fc = nn.LSTM(3, 16, batch_first=True), nn.Linear(16, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc(self.lstm(x)[1][0][-1]).argmax(-1).float()

    return Case(Chooses(), bumps(rng)[:2], lambda said, true: F.mse_loss(said, true.float()))


@new.add("answers put together from .item()", "graph-cut")
def from_items(rng: np.random.Generator) -> Case:
    class Items(Forecaster):
        def forward(self, window: Tensor) -> Tensor:
            hs = self.backbone(window)[0][:, -1]
            return self.project(torch.tensor([[value.item() for value in row] for row in hs]))

    return fit(Items(), lambda: windows(rng, 8), F.mse_loss, 10)


@new.add("a softmax over nothing but masked steps", "not-finite")
def all_masked(rng: np.random.Generator) -> Case:
    class Attends(Reviewer):
        def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
            hs, _ = self.bilstm(self.table(tokens))
            scores = hs.sum(-1).masked_fill(tokens < 7, float("-inf")).masked_fill(tokens > 9, float("-inf"))
            return self.judge((scores.softmax(-1)[..., None] * hs).sum(1))

    tokens, liked, lengths = reviews(rng, 24)
    tokens[3, :] = 11
    return Case(Attends(), (tokens, liked), F.cross_entropy, lengths)


# ---------------------------------------------------------------- data, start and optimiser


@new.add("a convolution that looks one step ahead", "sees-the-answer")
def looks_ahead(rng: np.random.Generator) -> Case:
    class Convolves(Model):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(12, 12, 3, padding=1)

        def forward(self, ids: Tensor) -> Tensor:
            seen = self.conv(self.emb(ids).transpose(1, 2)).transpose(1, 2)
            return self.head(self.rnn(seen.relu())[0])

    return letters(Convolves(), rng, 60)


@new.add("the target is one of the features", "sees-the-answer", "echoes-input")
def target_among_features(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        inputs, targets, _ = waves(rng, 24, 15)
        return Sample(torch.cat([inputs, 0.1 * torch.randn(24, 15, 1), targets], -1), targets)

    net = nn.Sequential(Encoder(3, 14, batch_first=True), nn.Linear(14, 1))
    return fit(net, draw, F.mse_loss, 60)


@new.add("the year is a feature", "gate-saturated")
def year(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        inputs, targets, _ = windows(rng)
        years = torch.as_tensor(rng.integers(1990, 2020, (24, 1, 1))) + torch.arange(15.0)[None, :, None] / 12
        return Sample(torch.cat([inputs, years.float()], -1), targets)

    return fit(Forecaster(2), draw, F.mse_loss, 40)


@new.add("the logarithm of a price of 0", "not-finite")
def log_of_zero(rng: np.random.Generator) -> Case:
    inputs, targets, _ = windows(rng)
    prices = (inputs.abs() * 10).round()
    return Case(Forecaster(), (prices.log(), targets), F.mse_loss)


@new.add("SGD at 50", "learning-rate", "gate-saturated")
def leaps(rng: np.random.Generator) -> Case:
    net = Forecaster()
    inputs, targets, _ = windows(rng)
    return Case(net, (inputs, targets), F.mse_loss, optimizer=torch.optim.SGD(net.parameters(), 50.0))


@new.add("the optimiser of a network that was copied since", "weights-left-out")
def copied_since(rng: np.random.Generator) -> Case:
    case = fit(Forecaster(), lambda: windows(rng), F.mse_loss, 5)
    return case._replace(model=copy.deepcopy(case.model))


@new.add("all names with weight in them are left out", "weights-left-out")
def biases_only(rng: np.random.Generator) -> Case:
    net = Model()
    optimizer = torch.optim.Adam([p for name, p in net.named_parameters() if "weight" not in name], 0.01)
    return Case(net, text(rng, 16, 14)[0][:2], by_step, optimizer=optimizer)


@new.add("orthogonal weights with a gain of 30", "gradient-explodes", "gate-saturated")
def large_gain(rng: np.random.Generator) -> Case:
    net = Forecaster()
    net.backbone = nn.LSTM(1, 48, batch_first=True)
    net.project = nn.Linear(48, 1)
    nn.init.orthogonal_(net.backbone.weight_hh_l0, gain=30)
    return Case(net, windows(rng)[:2], F.mse_loss)


@new.add("dropout of 0.9 on the embedding", "dropout-too-strong")
def drops_words(rng: np.random.Generator) -> Case:
    net = Model()
    net.drop = nn.Dropout(0.9)
    return letters(net, rng, 40)


@new.add("a forget bias for the first of two layers", "forget-bias-lost")
def first_layer_only(rng: np.random.Generator) -> Case:
    net = Model()
    net.rnn = nn.LSTM(12, 24, 2, batch_first=True)
    with torch.no_grad():
        net.rnn.bias_ih_l0[24:48].fill_(1)
        net.rnn.bias_hh_l0[24:48].fill_(0)
    return letters(net, rng, 20)


# ================================================================ healthy ones


@new.add("a convolution that looks back only", below=1.2)
def looks_back(rng: np.random.Generator) -> Case:
    class Convolves(Model):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(12, 12, 3)

        def forward(self, ids: Tensor) -> Tensor:
            seen = self.conv(F.pad(self.emb(ids).transpose(1, 2), (2, 0))).transpose(1, 2)
            return self.head(self.rnn(seen.relu())[0])

    return letters(Convolves(), rng, 120)


@new.add("kl_div of log-probabilities", below=1.2)
def kl(rng: np.random.Generator) -> Case:
    class Logs(Model):
        def forward(self, ids: Tensor) -> Tensor:
            return F.log_softmax(super().forward(ids), -1)

    def draw() -> Sample:
        inputs, targets, _ = text(rng, 16, 14)[0]
        return Sample(inputs, F.one_hot(targets, 10).float())

    def loss(said: Tensor, true: Tensor) -> Tensor:
        return F.kl_div(said.flatten(0, 1), true.flatten(0, 1), reduction="batchmean")

    return fit(Logs(), draw, loss, 120, 0.02)


@new.add("a state that is cut every five steps", below=1.2)
def in_pieces(rng: np.random.Generator) -> Case:
    class Pieces(Model):
        def forward(self, ids: Tensor) -> Tensor:
            said, state = [], None
            for piece in self.emb(ids).split(5, 1):
                out, (h, c) = self.rnn(piece, state)
                state = (h.detach(), c.detach())
                said.append(self.head(out))
            return torch.cat(said, 1)

    return letters(Pieces(), rng, 120)


@new.add("counts, by their Poisson loss", below=0.9)
def counts(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        inputs, targets, _ = waves(rng, 24, 15)
        return Sample(inputs, torch.as_tensor(rng.poisson(np.exp(targets.numpy())), dtype=torch.float32))

    net = nn.Sequential(Encoder(1, 14, batch_first=True), nn.Linear(14, 1))
    return fit(net, draw, nn.PoissonNLLLoss(), 100, 0.02)


@new.add("three quantiles", below=0.2)
def quantiles(rng: np.random.Generator) -> Case:
    def loss(said: Tensor, true: Tensor) -> Tensor:
        q, error = torch.tensor([0.1, 0.5, 0.9]), true - said
        return torch.maximum(q * error, (q - 1) * error).mean()

    net = nn.Sequential(Encoder(1, 14, batch_first=True), nn.Linear(14, 3))
    return fit(net, lambda: waves(rng, 24, 15), loss, 100, 0.02)


@new.add("a hinge loss", below=0.3)
def hinge(rng: np.random.Generator) -> Case:
    def loss(said: Tensor, true: Tensor) -> Tensor:
        return F.multi_margin_loss(said.flatten(0, 1), true.flatten())

    net = nn.Sequential(nn.Embedding(10, 8), Encoder(8, 12, batch_first=True), nn.Linear(12, 4))
    return fit(net, lambda: tags(rng, shortest=11), loss, 100, 0.02)


@new.add("mse_loss of one-hot targets", below=0.12)
def brier(rng: np.random.Generator) -> Case:
    def loss(said: Tensor, true: Tensor) -> Tensor:
        return F.mse_loss(said.softmax(-1), F.one_hot(true, 4).float())

    net = nn.Sequential(nn.Embedding(10, 8), Encoder(8, 12, batch_first=True), nn.Linear(12, 4))
    return fit(net, lambda: tags(rng, shortest=11), loss, 100, 0.02)


@new.add("the loss is measured in the units of the data", below=40.0)
def in_units(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        inputs, targets, _ = waves(rng, 24, 15)
        return Sample(inputs, 300 + 20 * targets)

    net = nn.Sequential(Encoder(1, 14, batch_first=True), nn.Linear(14, 1))
    return fit(net, draw, lambda said, true: F.mse_loss(300 + 20 * said, true), 120, 0.02)


@new.add("RMSprop, values that are never negative, a ReLU", below=0.1)
def never_negative(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        inputs, targets, _ = waves(rng, 24, 15)
        return Sample(inputs, targets.clamp_min(0))

    net = nn.Sequential(Encoder(1, 14, batch_first=True), nn.Linear(14, 1), nn.ReLU())
    return fit(net, draw, nn.SmoothL1Loss(), 120, 0.02)


@new.add("the greatest of the true steps", below=0.35)
def masked_max(rng: np.random.Generator) -> Case:
    class Greatest(Reviewer):
        def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
            packed = pack_padded_sequence(self.table(tokens), lengths, batch_first=True, enforce_sorted=False)
            hs, _ = pad_packed_sequence(self.bilstm(packed)[0], batch_first=True, padding_value=float("-inf"))
            return self.judge(hs.amax(1))

    return judged(Greatest(), rng, 80)
