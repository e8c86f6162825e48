"""More patients: mistakes in what is read, handed on and trained; with healthy networks that look like them.

Shapes: T steps, B batch, H hidden units.
"""

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from lstm_lib.nn import LSTM, Tagger
from tests.doctor import signs
from tests.doctor import symptoms as see
from tests.doctor.cases import LETTERS, Case, Sample, Ward, delayed, per_step, reviews, text, train, waves
from tests.doctor.patients import Forecast, Letters, PackedSentiment, Sentiment, after_one_update, sentiment

FOUR, TWO, LETTER = math.log(4), math.log(2), math.log(len(LETTERS))
ward = Ward()
PATIENTS = ward.patients


def long_reviews(rng: np.random.Generator) -> Sample:
    """Draw reviews of one length, without padding."""
    return reviews(rng, 32, shortest=12)._replace(lengths=None)


def window(rng: np.random.Generator, B: int = 32) -> Sample:
    """Draw windows of waves (B, T, 1), and the one value that follows each (B, 1)."""
    inputs, targets, _ = waves(rng, B)
    return Sample(inputs, targets[:, -1])


def recall(model: nn.Module, rng: np.random.Generator, steps: int = 40, lag: int = 6) -> Case:
    """Train a model on a short delay and make its case."""
    optimizer = train(model, lambda: delayed(rng, 32, lag), per_step, steps)
    return Case(model, delayed(rng, 32, lag)[:2], per_step, optimizer=optimizer, longest_lag=lag)


# ================================================================ what is read


class ReadsLayerZero(PackedSentiment):
    def read(self, h_n: Tensor) -> Tensor:
        return h_n[0]


@ward.admit("h_n[0] of two layers", "part-unused", "classification", signs.gets_no_gradient("_l1"))
def reads_layer_zero(rng: np.random.Generator) -> Case:
    return sentiment(ReadsLayerZero(num_layers=2), rng, 40)


@ward.admit("h_n[-1] of two directions", "part-unused", "classification", signs.gets_no_gradient("hh_l0_reverse"))
def one_end_only(rng: np.random.Generator) -> Case:
    class ReadsForward(PackedSentiment):
        def read(self, h_n: Tensor) -> Tensor:
            return h_n[0]

    return sentiment(ReadsForward(bidirectional=True), rng, 40)


class TurnsOnePage(Sentiment):
    def forward(self, tokens: Tensor) -> Tensor:
        hs, _ = self.lstm(self.embedding(tokens))
        return self.fc(hs[:, -1])


@ward.admit(
    "hs[:, -1] of two directions", "part-unused", "classification",
    signs.gets_no_gradient("weight_hh_l0_reverse"),
)  # fmt: skip
def turns_one_page(rng: np.random.Generator) -> Case:
    model = TurnsOnePage(bidirectional=True, readout=32)
    optimizer = train(model, lambda: long_reviews(rng), F.cross_entropy, 60)
    return Case(model, long_reviews(rng)[:2], F.cross_entropy, optimizer=optimizer)


class ReadsFirst(Forecast):
    def forward(self, x: Tensor) -> Tensor:
        hs, _ = self.lstm(x)
        return self.head(hs[:, 0])


@ward.admit("hs[:, 0] in place of hs[:, -1]", "steps-unread", "forecast", signs.step_unread(-1))
def reads_first(rng: np.random.Generator) -> Case:
    model = ReadsFirst()
    optimizer = train(model, lambda: window(rng), F.mse_loss, 60)
    return Case(model, window(rng)[:2], F.mse_loss, optimizer=optimizer)


class OneTooEarly(Sentiment):
    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        hs, _ = self.lstm(self.embedding(tokens))
        return self.fc(hs[torch.arange(len(hs)), lengths - 2])


@ward.admit("read at lengths - 2", "steps-unread", "classification", signs.step_unread(-1, valid=True))
def one_too_early(rng: np.random.Generator) -> Case:
    return sentiment(OneTooEarly(), rng)


class SortedOnly(PackedSentiment):
    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        lengths, order = lengths.sort(descending=True)
        packed = pack_padded_sequence(self.embedding(tokens[order]), lengths, batch_first=True)
        _, (h_n, _) = self.lstm(packed)
        return self.fc(h_n[-1])


@ward.admit("sorted to be packed, never sorted back", "rows-out-of-order", "classification", signs.other_places)
def sorted_only(rng: np.random.Generator) -> Case:
    return sentiment(SortedOnly(), rng, 40)


# ================================================================ what is handed on


class CellAnew(nn.Module):
    """A loop over a cell that forgets to hand the state on, or hands it on the wrong way round."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.cell, self.readout, self.how = nn.LSTMCell(6, 16), nn.Linear(16, 4), how

    def forward(self, xs: Tensor) -> Tensor:
        state, hs = None, []
        for x in xs:
            h, c = self.cell(x, state)
            state = {"none": None, "exchanged": (c, h), "right": (h, c)}[self.how]
            hs.append(h)
        return self.readout(torch.stack(hs))


def otherwise_if_right(case: Case) -> bool:
    """Say whether the loop answers otherwise when it hands its state on as it should."""
    old = see.answers(case)
    case.model.how = "right"
    return not torch.allclose(old, see.answers(case), atol=1e-3)


@ward.admit("a loop over a cell without its state", "state-lost", "recall", signs.forgets_all(6))
def cell_anew(rng: np.random.Generator) -> Case:
    return recall(CellAnew("none"), rng)


@ward.admit("c and h handed on the wrong way round", "state-lost", "recall", otherwise_if_right)
def exchanged(rng: np.random.Generator) -> Case:
    return recall(CellAnew("exchanged"), rng)


class InPiecesAnew(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.readout = LSTM(6, 16), nn.Linear(16, 4)

    def forward(self, xs: Tensor) -> Tensor:
        return self.readout(torch.cat([self.lstm(piece)[0] for piece in xs.split(3)]))


@ward.admit("pieces of three steps, each from zeros", "state-lost", "recall", signs.forgets_all(6))
def in_pieces_anew(rng: np.random.Generator) -> Case:
    return recall(InPiecesAnew(), rng)


class InADictionary(Letters):
    """Keeps its state, with its graph, where nobody looks: in a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.memory: dict[str, Any] = {"state": None}

    def forward(self, tokens: Tensor) -> Tensor:
        hs, self.memory["state"] = self.lstm(self.embedding(tokens), self.memory["state"])
        return self.decoder(hs)


@ward.admit("a state with its graph in a dictionary", "graph-kept", "language", see.second_update_fails)
def in_a_dictionary(rng: np.random.Generator) -> Case:
    return after_one_update(InADictionary(), rng)


class RandomStart(Forecast):
    def forward(self, x: Tensor) -> Tensor:
        h, c = torch.randn(2, 1, len(x), 16)
        return self.head(self.lstm(x, (h, c))[0][:, -1])


@ward.admit("each call starts from torch.randn", "answers-by-chance", "forecast", signs.changes_by_chance)
def random_start(rng: np.random.Generator) -> Case:
    model = RandomStart()
    optimizer = train(model, lambda: window(rng), F.mse_loss, 60)
    return Case(model, window(rng)[:2], F.mse_loss, optimizer=optimizer)


class AlwaysDrops(PackedSentiment):
    def read(self, h_n: Tensor) -> Tensor:
        return F.dropout(h_n[-1], 0.5)


@ward.admit("F.dropout without training=", "answers-by-chance", "classification", signs.changes_by_chance)
def always_drops(rng: np.random.Generator) -> Case:
    return sentiment(AlwaysDrops(), rng)


# ================================================================ what is trained


class CutOff(Tagger):
    def forward(self, xs: Tensor) -> Tensor:  # type: ignore[override]
        return self.readout(self.lstm(xs)[0].detach())


@ward.admit("detach between LSTM and readout", "graph-cut", "recall", signs.gets_no_gradient("lstm"))
def cut_off(rng: np.random.Generator) -> Case:
    return recall(CutOff(6, 16, 4), rng)


class NoGrad(Forecast):
    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            hs, _ = self.lstm(x)
        return self.head(hs)


@ward.admit("no_grad around the LSTM", "graph-cut", "forecast", signs.gets_no_gradient("lstm"))
def no_grad(rng: np.random.Generator) -> Case:
    model = NoGrad()
    optimizer = train(model, lambda: waves(rng, 32), F.mse_loss, 3)
    return Case(model, waves(rng, 32)[:2], F.mse_loss, optimizer=optimizer)


class Hidden(nn.Module):
    """Keeps its layers in a list of Python."""

    def __init__(self, kind: Any = list) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(LETTERS), 8)
        self.stack = kind([nn.LSTM(8, 16, batch_first=True), nn.LSTM(16, 16, batch_first=True)])
        self.decoder = nn.Linear(16, len(LETTERS))

    def forward(self, tokens: Tensor) -> Tensor:
        hs = self.embedding(tokens)
        for lstm in self.stack:
            hs, _ = lstm(hs)
        return self.decoder(hs)


@ward.admit(
    "layers in a list of Python", "weights-left-out", "language", signs.stands_still(lambda model: model.stack[0])
)
def in_a_list(rng: np.random.Generator) -> Case:
    model = Hidden()
    optimizer = train(model, lambda: text(rng, 16, 20)[0], per_step, 40)
    return Case(model, text(rng, 16, 20)[0][:2], per_step, optimizer=optimizer)


@ward.admit("frozen and left so", "weights-left-out", "recall", signs.gets_no_gradient("lstm"))
def left_frozen(rng: np.random.Generator) -> Case:
    model = Tagger(6, 16, 4)
    model.lstm.requires_grad_(False)
    return recall(model, rng)


@ward.admit(
    "the optimiser has the readout only", "weights-left-out", "recall", signs.stands_still(lambda model: model.lstm)
)
def readout_only(rng: np.random.Generator) -> Case:
    model = Tagger(6, 16, 4)
    case = recall(model, rng, 0)
    return case._replace(optimizer=torch.optim.Adam(model.readout.parameters(), 0.01))


@ward.admit(
    "the optimiser has the weights of a network before", "weights-left-out", "classification",
    signs.stands_still(lambda model: model),
)  # fmt: skip
def of_another_network(rng: np.random.Generator) -> Case:
    old = PackedSentiment()
    optimizer = torch.optim.Adam(old.parameters(), 0.01)
    return sentiment(PackedSentiment(), rng, 0)._replace(optimizer=optimizer)


@ward.admit(
    "the optimiser was made before the LSTM was replaced", "weights-left-out", "forecast",
    signs.stands_still(lambda model: model.lstm),
)  # fmt: skip
def replaced_later(rng: np.random.Generator) -> Case:
    model = Forecast()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    model.lstm = LSTM(1, 16, batch_first=True)
    inputs, targets, _ = waves(rng, 32)
    return Case(model, (inputs, targets), F.mse_loss, optimizer=optimizer)
