"""More patients: losses, data and optimisers that do not fit; with healthy networks that look like them.

Shapes: T steps, B batch, K classes.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lstm_lib.nn import Tagger, set_forget_bias
from tests.doctor import signs
from tests.doctor import symptoms as see
from tests.doctor.cases import (
    LETTERS,
    Case,
    Loss,
    Sample,
    Ward,
    boxes,
    delayed,
    per_step,
    prices,
    reviews,
    text,
    train,
    waves,
)
from tests.doctor.patients import Forecast, Letters, PackedSentiment, sentiment
from tests.doctor.wiring import window

FOUR, TWO, LETTER = math.log(4), math.log(2), math.log(len(LETTERS))
ward = Ward()
PATIENTS = ward.patients


def one_hot(K: int) -> Callable[[Tensor], Tensor]:
    """Return the best answers of a network that says probabilities."""
    return lambda targets: F.one_hot(targets.clamp_min(0), K).float()


class Ending(nn.Module):
    """A network with one more function behind it."""

    def __init__(self, network: nn.Module, end: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network, self.end = network, end

    def forward(self, inputs: Tensor) -> Tensor:
        outputs = self.network(inputs)
        return self.end(outputs[0] if isinstance(outputs, tuple) else outputs)


def ended(
    network: nn.Module, end: Callable[[Tensor], Tensor], draw: Callable[[], Sample], loss: Loss, steps: int = 40
) -> Case:
    """Train a network with another end and make its case."""
    model = Ending(network, end)
    optimizer = train(model, draw, loss, steps)
    return Case(model, draw()[:2], loss, optimizer=optimizer)


class Packed(PackedSentiment):
    """Classifies reviews through a function behind the readout."""

    def __init__(self, end: Callable[[Tensor], Tensor], K: int = 2) -> None:
        super().__init__()
        self.end, self.fc = end, nn.Linear(16, K)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        return self.end(super().forward(tokens, lengths))


def classified(
    end: Callable[[Tensor], Tensor], loss: Loss, rng: np.random.Generator, K: int = 2, steps: int = 40
) -> Case:
    """Train a classifier of reviews with an end and a loss."""
    model = Packed(end, K)
    optimizer = train(model, lambda: reviews(rng, 32), loss, steps)
    inputs, targets, lengths = reviews(rng, 32)
    return Case(model, (inputs, targets), loss, lengths, optimizer)


def as_float(loss: Loss) -> Loss:
    """Return a loss that takes targets of 0 and 1 as floating-point numbers, one column."""
    return lambda outputs, targets: loss(outputs, targets.float()[:, None])


# ================================================================ answers and loss


@ward.admit("softmax before cross-entropy", "answers-misfit", "recall", signs.floor_of(one_hot(4), 0.4, FOUR))
def softmax_twice(rng: np.random.Generator) -> Case:
    return ended(Tagger(6, 16, 4), lambda s: s.softmax(-1), lambda: delayed(rng, 32, 4), per_step)


@ward.admit(
    "softmax before cross-entropy, two classes", "answers-misfit", "classification",
    signs.floor_of(one_hot(2), 0.4, TWO),
)  # fmt: skip
def softmax_of_two(rng: np.random.Generator) -> Case:
    return classified(nn.Softmax(dim=1), F.cross_entropy, rng)


@ward.admit(
    "sigmoid before cross-entropy", "answers-misfit", "language",
    signs.floor_of(one_hot(len(LETTERS)), 0.4, LETTER),
)  # fmt: skip
def sigmoid_before(rng: np.random.Generator) -> Case:
    return ended(Letters(), torch.sigmoid, lambda: text(rng, 16, 20)[0], per_step)


@ward.admit(
    "sigmoid before BCEWithLogitsLoss", "answers-misfit", "classification",
    signs.floor_of(lambda t: t.float()[:, None], 0.4, TWO),
)  # fmt: skip
def sigmoid_twice(rng: np.random.Generator) -> Case:
    return classified(torch.sigmoid, as_float(F.binary_cross_entropy_with_logits), rng, K=1)


@ward.admit("NLLLoss of plain scores", "answers-misfit", "classification", signs.below_zero)
def nll_of_scores(rng: np.random.Generator) -> Case:
    return classified(nn.Identity(), F.nll_loss, rng)


@ward.admit("NLLLoss of probabilities", "answers-misfit", "classification", signs.below_zero)
def nll_of_softmax(rng: np.random.Generator) -> Case:
    return classified(nn.Softmax(dim=1), F.nll_loss, rng)


@ward.admit(
    "tanh behind the readout, prices beyond it", "answers-misfit", "forecast",
    signs.floor_of(lambda t: t.clamp(-1, 1), 0.3, 36.0),
)  # fmt: skip
def beyond_tanh(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        inputs, targets, _ = prices(rng, 32)
        return Sample(inputs, 8 * targets)

    return ended(Forecast(), torch.tanh, draw, F.mse_loss)


@ward.admit("mse_loss of (B, 1) and (B,)", "shapes-misfit", "forecast", signs.meets_others)
def broadcast(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        inputs, targets, _ = window(rng)
        return Sample(inputs, targets[:, 0])

    return ended(Forecast(), lambda hs: hs[:, -1], draw, F.mse_loss)


def flattened(outputs: Tensor, targets: Tensor) -> Tensor:
    """Pay no heed to whose answers these are."""
    return F.cross_entropy(outputs.reshape(-1, outputs.shape[-1]), targets.reshape(-1))


class TimeFirstLetters(nn.Module):
    def __init__(self, back: bool = False) -> None:
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(len(LETTERS), 8), nn.LSTM(8, 16)
        self.decoder, self.back = nn.Linear(16, len(LETTERS)), back

    def forward(self, tokens: Tensor) -> Tensor:
        scores = self.decoder(self.lstm(self.embedding(tokens.T))[0])
        return scores.transpose(0, 1) if self.back else scores


@ward.admit("answers (T, B, K), targets (B, T), both flattened", "shapes-misfit", "language", signs.meets_others)
def flattened_anew(rng: np.random.Generator) -> Case:
    model = TimeFirstLetters()
    optimizer = train(model, lambda: text(rng, 16, 20)[0], flattened, 40)
    return Case(model, text(rng, 16, 20)[0][:2], flattened, optimizer=optimizer)


@ward.admit("cross_entropy of (B, T, K)", "shapes-misfit", "language", signs.refused)
def not_turned(rng: np.random.Generator) -> Case:
    model = Letters()
    return Case(model, text(rng, 16, 20)[0][:2], F.cross_entropy, optimizer=torch.optim.Adam(model.parameters()))


@ward.admit("series without an axis of features", "shapes-misfit", "forecast", signs.refused)
def no_features(rng: np.random.Generator) -> Case:
    inputs, targets, _ = waves(rng, 32)
    return Case(Forecast(), (inputs[..., 0], targets), F.mse_loss)


@ward.admit("classes numbered from 1", "targets-out-of-range", "classification", signs.refused)
def from_one(rng: np.random.Generator) -> Case:
    inputs, targets, lengths = reviews(rng, 32)
    model = PackedSentiment()
    return Case(model, (inputs, targets + 1), F.cross_entropy, lengths, torch.optim.Adam(model.parameters()))


@ward.admit("ignore_index=0, and 0 is a class", "class-ignored", "recall", signs.never_asked(0))
def ignores_zero(rng: np.random.Generator) -> Case:
    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        known = torch.where(targets < 0, 0, targets)
        return F.cross_entropy(outputs.flatten(0, -2), known.flatten(), ignore_index=0)

    return ended(Tagger(6, 16, 4), nn.Identity(), lambda: boxes(rng, 32, 20), loss)


def letters_with_ends(rng: np.random.Generator) -> Sample:
    """Draw texts of different lengths, filled up with the token 0, which is a blank of the text too: padding is -1."""
    inputs, targets, _ = text(rng, 32, 20)[0]
    lengths = torch.as_tensor(rng.integers(6, 21, 32))
    lengths[0] = 20
    behind = torch.arange(20) >= lengths[:, None]
    return Sample(inputs.masked_fill(behind, 0), targets.masked_fill(behind, 0), lengths)


@ward.admit("padding is learned, too", "padding-in-loss", "language", signs.counts_padding)
def learns_padding(rng: np.random.Generator) -> Case:
    model = Letters()
    optimizer = train(model, lambda: letters_with_ends(rng), flattened, 60)
    inputs, targets, lengths = letters_with_ends(rng)
    return Case(model, (inputs, targets), flattened, lengths, optimizer)


# ================================================================ data


def in_front(rng: np.random.Generator) -> Sample:
    """Pad in front, as other libraries do."""
    tokens, liked, lengths = reviews(rng, 32)
    rows = [torch.cat([row[n:], row[:n]]) for row, n in zip(tokens, lengths.tolist(), strict=True)]
    return Sample(torch.stack(rows), liked, lengths)


def starts_with_padding(case: Case) -> bool:
    """Say whether short reviews begin with the padding and end with words."""
    inputs, _ = see.pair(case)
    assert case.lengths is not None
    short = inputs[case.lengths < inputs.shape[1]]
    return bool((short[:, 0] == 0).all()) and bool((short[:, -1] != 0).all())


@ward.admit("padded in front, packed from the front", "padding-in-front", "classification", starts_with_padding)
def pads_in_front(rng: np.random.Generator) -> Case:
    model = PackedSentiment()
    optimizer = train(model, lambda: in_front(rng), F.cross_entropy, 60)
    inputs, targets, lengths = in_front(rng)
    return Case(model, (inputs, targets), F.cross_entropy, lengths, optimizer)


@ward.admit(
    "all words unknown", "inputs-say-nothing", "classification",
    lambda case: len(see.pair(case)[0].unique()) < 3,
)  # fmt: skip
def all_unknown(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        tokens, liked, lengths = reviews(rng, 32, shortest=12)
        return Sample(torch.full_like(tokens, 1), liked, lengths)

    model = PackedSentiment()
    optimizer = train(model, draw, F.cross_entropy, 40)
    inputs, targets, lengths = draw()
    return Case(model, (inputs, targets), F.cross_entropy, lengths, optimizer)


@ward.admit("targets in kelvin, inputs scaled", "targets-not-scaled", "forecast", see.badly(50.0, 2.0))
def targets_in_kelvin(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        inputs, targets, _ = waves(rng, 32)
        return Sample(inputs, 285 + 10 * targets)

    return ended(Forecast(), nn.Identity(), draw, F.mse_loss)


@ward.admit("both directions foretell the next letter", "sees-the-answer", "language", signs.knows_the_future)
def both_directions(rng: np.random.Generator) -> Case:
    model = Letters(bidirectional=True)
    model.decoder = nn.Linear(48, len(LETTERS))
    optimizer = train(model, lambda: text(rng, 16, 20)[0], per_step, 60)
    return Case(model, text(rng, 16, 20)[0][:2], per_step, optimizer=optimizer)


@ward.admit("both directions foretell the next value", "sees-the-answer", "forecast", signs.knows_the_future)
def both_ways_ahead(rng: np.random.Generator) -> Case:
    model = Forecast(bidirectional=True)
    model.head = nn.Linear(32, 1)
    optimizer = train(model, lambda: waves(rng, 32), F.mse_loss, 60)
    return Case(model, waves(rng, 32)[:2], F.mse_loss, optimizer=optimizer)


@ward.admit(
    "the window holds the value that is asked for", "sees-the-answer", "forecast",
    lambda case: torch.equal(see.pair(case)[0][:, -1], see.pair(case)[1]),
)  # fmt: skip
def holds_the_answer(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        inputs, targets, _ = window(rng)
        return Sample(torch.cat([inputs, targets[..., None]], dim=1), targets)

    return ended(Forecast(), lambda hs: hs[:, -1], draw, F.mse_loss)


@ward.admit(
    "targets are the letters before", "sees-the-answer", "language",
    lambda case: torch.equal(see.pair(case)[0][:, :-1], see.pair(case)[1][:, 1:]),
)  # fmt: skip
def shifted_back(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        inputs, targets, _ = text(rng, 16, 20)[0]
        return Sample(targets, inputs)

    model = Letters()
    optimizer = train(model, draw, per_step, 60)
    return Case(model, draw()[:2], per_step, optimizer=optimizer)


# ================================================================ optimisers and dropout


@ward.admit("Adam with weight_decay=1", "weight-decay", "recall", signs.shrinks(0.5))
def decays(rng: np.random.Generator) -> Case:
    model = Tagger(6, 16, 4)
    set_forget_bias(model.lstm, 1.0)
    train(model, lambda: delayed(rng, 32, 4), per_step, 30)
    optimizer = torch.optim.Adam(model.parameters(), 0.01, weight_decay=1.0)
    return Case(model, delayed(rng, 32, 4)[:2], per_step, optimizer=optimizer, longest_lag=4)


@ward.admit("AdamW with weight_decay=30", "weight-decay", "language", signs.shrinks(0.5))
def decays_apart(rng: np.random.Generator) -> Case:
    model = Letters()
    optimizer = torch.optim.AdamW(model.parameters(), 0.005, weight_decay=30.0)
    return Case(model, text(rng, 16, 20)[0][:2], per_step, optimizer=optimizer)


@ward.admit("a schedule that has ended at 0", "learning-rate", "forecast", see.learning_rate_too_low)
def ended_schedule(rng: np.random.Generator) -> Case:
    case = ended(Forecast(), nn.Identity(), lambda: waves(rng, 32), F.mse_loss, 1)
    assert case.optimizer is not None
    case.optimizer.param_groups[0]["lr"] = 0.0
    return case


class Drops(PackedSentiment):
    def __init__(self, rate: float) -> None:
        super().__init__()
        self.drop = nn.Dropout(rate)

    def read(self, h_n: Tensor) -> Tensor:
        return self.drop(h_n[-1])


@ward.admit(
    "Dropout(0.95) where 0.95 was to be kept", "dropout-too-strong", "classification",
    lambda case: case.model.drop.p > 0.9,
)  # fmt: skip
def keeps_too_little(rng: np.random.Generator) -> Case:
    return sentiment(Drops(0.95), rng, 40)
