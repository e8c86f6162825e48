"""Healthy networks beside the patients of ``wiring`` and ``fitting``: they look like them, and are well.

Shapes: T steps, B batch, K classes.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from lstm_lib.nn import LSTM, Tagger, set_forget_bias
from tests.doctor import symptoms as see
from tests.doctor.cases import LETTERS, WORDS, Case, Sample, Ward, delayed, per_step, text, train, waves
from tests.doctor.fitting import Drops, TimeFirstLetters, as_float, classified, ended, flattened, letters_with_ends
from tests.doctor.patients import Forecast, Letters, PackedSentiment, Sentiment, sentiment
from tests.doctor.wiring import CellAnew, Hidden, long_reviews, recall, window

FOUR, TWO, LETTER = math.log(4), math.log(2), math.log(len(LETTERS))  # losses of guessing
ward = Ward()
PATIENTS = ward.patients


# ================================================================ wiring

@ward.admit("layers in a ModuleList", None, "language", see.works(LETTER, 0.6))
def in_a_module_list(rng: np.random.Generator) -> Case:
    model = Hidden(nn.ModuleList)
    optimizer = train(model, lambda: text(rng, 16, 20)[0], per_step, 160)
    return Case(model, text(rng, 16, 20)[0][:2], per_step, optimizer=optimizer)


@ward.admit("a loop over a cell with its state", None, "recall", see.works(FOUR, batch_axis=1))
def cell_goes_on(rng: np.random.Generator) -> Case:
    return recall(CellAnew("right"), rng, 250, lag=3)


class Sorted(PackedSentiment):
    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        lengths, order = lengths.sort(descending=True)
        packed = pack_padded_sequence(self.embedding(tokens[order]), lengths, batch_first=True)
        _, (h_n, _) = self.lstm(packed)
        return self.fc(h_n[-1][order.argsort()])


@ward.admit("sorted, and sorted back", None, "classification", see.works(TWO))
def sorted_back(rng: np.random.Generator) -> Case:
    return sentiment(Sorted(), rng)


@ward.admit("two layers, h_n[-1]", None, "classification", see.works(TWO))
def last_layer(rng: np.random.Generator) -> Case:
    class Last(PackedSentiment):
        def read(self, h_n: Tensor) -> Tensor:
            return h_n[-1]

    return sentiment(Last(num_layers=2), rng, 120)


class Halves(Sentiment):
    """Reads both halves of a text apart, and then both ends: two calls that have nothing to hand on."""

    def forward(self, tokens: Tensor) -> Tensor:
        parts = [self.lstm(self.embedding(part))[1][0][-1] for part in tokens.chunk(2, dim=1)]
        return self.fc(torch.cat(parts, dim=-1))


@ward.admit("two halves read apart, on purpose", None, "classification", see.works(TWO))
def halves(rng: np.random.Generator) -> Case:
    model = Halves(readout=32)
    optimizer = train(model, lambda: long_reviews(rng), F.cross_entropy, 120)
    return Case(model, long_reviews(rng)[:2], F.cross_entropy, optimizer=optimizer)


@ward.admit("a frozen LSTM that was trained before", None, "forecast", see.works(0.5, 0.2))
def frozen_well(rng: np.random.Generator) -> Case:
    model = Forecast()
    train(model, lambda: waves(rng, 32), F.mse_loss, 150)
    model.lstm.requires_grad_(False)
    optimizer = torch.optim.Adam(model.head.parameters(), 0.001)
    return Case(model, waves(rng, 32)[:2], F.mse_loss, optimizer=optimizer)


@ward.admit("one value behind each window", None, "forecast", see.works(0.5, 0.2))
def one_value(rng: np.random.Generator) -> Case:
    class Last(Forecast):
        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.lstm(x)[0][:, -1])

    model = Last()
    optimizer = train(model, lambda: window(rng), F.mse_loss, 150)
    return Case(model, window(rng)[:2], F.mse_loss, optimizer=optimizer)


def is_fresh(case: Case) -> bool:
    """Say whether all weights are as torch draws them."""
    weights = [p for lstm in see.lstms(case) for name, p in lstm.named_parameters() if "weight" in name]
    return all(float(p.detach().abs().max()) <= 0.25 for p in weights)


@ward.admit("fresh, and not yet trained: a tagger", None, "recall", is_fresh)
def fresh_tagger(rng: np.random.Generator) -> Case:
    model = Tagger(6, 16, 4)
    return Case(model, delayed(rng, 32, 6)[:2], per_step, optimizer=torch.optim.Adam(model.parameters(), 0.01))


@ward.admit("fresh, with its forget bias set", None, "recall", is_fresh)
def fresh_with_bias(rng: np.random.Generator) -> Case:
    model = Tagger(6, 16, 4)
    set_forget_bias(model.lstm, 1.0)
    return Case(model, delayed(rng, 32, 30)[:2], per_step, optimizer=torch.optim.Adam(model.parameters(), 0.01))


@ward.admit("fresh, and not yet trained: reviews", None, "classification", is_fresh)
def fresh_sentiment(rng: np.random.Generator) -> Case:
    return sentiment(PackedSentiment(num_layers=2), rng, 0, lr=0.005)


@ward.admit("fresh, and not yet trained: waves", None, "forecast", is_fresh)
def fresh_forecast(rng: np.random.Generator) -> Case:
    model = Forecast()
    return Case(model, waves(rng, 32, 100)[:2], F.mse_loss, optimizer=torch.optim.Adam(model.parameters(), 0.003))


@ward.admit("fresh, and not yet trained: letters", None, "language", is_fresh)
def fresh_letters(rng: np.random.Generator) -> Case:
    model = Letters(16)
    optimizer = torch.optim.SGD(model.parameters(), 0.5, momentum=0.9)
    return Case(model, text(rng, 16, 60)[0][:2], per_step, optimizer=optimizer)


# ================================================================ fitting


@ward.admit("log_softmax and NLLLoss", None, "classification", see.works(TWO))
def log_softmax(rng: np.random.Generator) -> Case:
    return classified(nn.LogSoftmax(dim=1), F.nll_loss, rng, steps=80)


@ward.admit("log_softmax before cross-entropy changes nothing", None, "classification", see.works(TWO))
def log_softmax_twice(rng: np.random.Generator) -> Case:
    return classified(nn.LogSoftmax(dim=1), F.cross_entropy, rng, steps=80)


@ward.admit("sigmoid and BCELoss", None, "classification", see.works(TWO))
def bce(rng: np.random.Generator) -> Case:
    return classified(torch.sigmoid, as_float(F.binary_cross_entropy), rng, K=1, steps=80)


@ward.admit("scores and BCEWithLogitsLoss", None, "classification", see.works(TWO))
def bce_of_scores(rng: np.random.Generator) -> Case:
    return classified(nn.Identity(), as_float(F.binary_cross_entropy_with_logits), rng, K=1, steps=80)


@ward.admit("cross-entropy weighted by class, labels smoothed", None, "classification", see.works(TWO, 0.8))
def weighted(rng: np.random.Generator) -> Case:
    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(outputs, targets, torch.tensor([1.0, 3.0]), label_smoothing=0.1)

    return classified(nn.Identity(), loss, rng, steps=80)


@ward.admit("tanh behind the readout, waves within it", None, "forecast", see.works(0.5, 0.2))
def within_tanh(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        inputs, targets, _ = waves(rng, 32)
        return Sample(0.8 * inputs, 0.8 * targets)

    return ended(Forecast(), torch.tanh, draw, F.mse_loss, 150)


@ward.admit("(B, 1) and (B,), brought together by the loss", None, "forecast", see.works(0.5, 0.2))
def squeezed(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        inputs, targets, _ = window(rng)
        return Sample(inputs, targets[:, 0])

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return F.mse_loss(outputs.squeeze(-1), targets)

    return ended(Forecast(), lambda hs: hs[:, -1], draw, loss, 150)


@ward.admit("turned there and back", None, "language", see.works(LETTER))
def turned_back(rng: np.random.Generator) -> Case:
    model = TimeFirstLetters(back=True)
    optimizer = train(model, lambda: text(rng, 16, 20)[0], flattened, 160)
    return Case(model, text(rng, 16, 20)[0][:2], flattened, optimizer=optimizer)


@ward.admit("answers (B, K, T) for cross_entropy", None, "language", lambda case: see.loss_of(case) < 0.5 * LETTER)
def classes_second(rng: np.random.Generator) -> Case:
    return ended(Letters(), lambda s: s.transpose(1, 2), lambda: text(rng, 16, 20)[0], F.cross_entropy, 160)


@ward.admit(
    "texts of different lengths, padding left out", None, "language",
    lambda case: see.loss_of(case) < 0.5 * LETTER,
)  # fmt: skip
def leaves_padding_out(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        inputs, targets, lengths = letters_with_ends(rng)
        return Sample(inputs, targets.masked_fill(torch.arange(20) >= lengths[:, None], -1), lengths)

    model = Letters()
    optimizer = train(model, draw, per_step, 160)
    inputs, targets, lengths = draw()
    return Case(model, (inputs, targets), per_step, lengths, optimizer)


class TwoWays(nn.Module):
    """Says of each word what kind it is; for this it may look ahead."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, 8)
        self.lstm, self.fc = LSTM(8, 16, batch_first=True, bidirectional=True), nn.Linear(32, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc(self.lstm(self.embedding(tokens))[0])


@ward.admit("both directions for tags", None, "language", see.works(TWO))
def tags(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        tokens = torch.as_tensor(rng.integers(1, WORDS, (32, 12)))
        return Sample(tokens, (tokens.roll(-1, 1) > tokens).long())

    model = TwoWays()
    optimizer = train(model, draw, per_step, 250)
    return Case(model, draw()[:2], per_step, optimizer=optimizer)


@ward.admit("AdamW with weight_decay=0.01", None, "forecast", see.works(0.5, 0.2))
def small_decay(rng: np.random.Generator) -> Case:
    case = ended(Forecast(), nn.Identity(), lambda: waves(rng, 32), F.mse_loss, 150)
    return case._replace(optimizer=torch.optim.AdamW(case.model.parameters(), 0.002, weight_decay=0.01))


@ward.admit(
    "Adam with weight_decay=1e-4, untrained", None, "recall",
    lambda case: case.optimizer.defaults["lr"] == 0.01,
)  # fmt: skip
def small_decay_fresh(rng: np.random.Generator) -> Case:
    model = Tagger(6, 16, 4)
    optimizer = torch.optim.Adam(model.parameters(), 0.01, weight_decay=1e-4)
    return Case(model, delayed(rng, 32, 4)[:2], per_step, optimizer=optimizer)


@ward.admit("Dropout(0.5)", None, "classification", see.works(TWO, 0.6))
def drops_half(rng: np.random.Generator) -> Case:
    return sentiment(Drops(0.5), rng, 120)
