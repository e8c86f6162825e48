"""Patients and healthy networks of a second look, written after the doctor had met those of ``wiring`` and ``fitting``.

Of 24 such mistakes it named 19 first or second; these five it did not. Shapes: T steps, B batch, K classes.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lstm_lib.nn import LSTM, Tagger
from tests.doctor import signs
from tests.doctor import symptoms as see
from tests.doctor.cases import LETTERS, WORDS, Case, Sample, Ward, delayed, per_step, reviews, text, train, waves
from tests.doctor.fitting import ended, one_hot
from tests.doctor.patients import Forecast, Letters, PackedSentiment, sentiment
from tests.doctor.wiring import window

FOUR, TWO, LETTER = math.log(4), math.log(2), math.log(len(LETTERS))  # losses of guessing
ward = Ward()
PATIENTS = ward.patients


def by_hand(scores: Tensor) -> Tensor:
    """Compute a softmax."""
    powers = (scores - scores.amax(-1, keepdim=True)).exp()
    return powers / powers.sum(-1, keepdim=True)


@ward.admit("a softmax by hand", "answers-misfit", "recall", signs.floor_of(one_hot(4), 0.4, FOUR))
def softmax_by_hand(rng: np.random.Generator) -> Case:
    return ended(Tagger(6, 16, 4), by_hand, lambda: delayed(rng, 32, 4), per_step)


class YesOrNo(nn.Module):
    """Says of each word whether it is of one kind."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, 8)
        self.lstm, self.fc = LSTM(8, 16, batch_first=True), nn.Linear(16, 1)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc(self.lstm(self.embedding(tokens))[0]).squeeze(-1)


def words(rng: np.random.Generator) -> Sample:
    """Draw words (B, T), and 1.0 for those of one kind."""
    tokens = torch.as_tensor(rng.integers(1, WORDS, (32, 12)))
    return Sample(tokens, (tokens > 5).float())


@ward.admit(
    "a sigmoid at each step before BCEWithLogitsLoss", "answers-misfit", "language",
    signs.floor_of(lambda targets: targets, 0.4, TWO),
)  # fmt: skip
def sigmoid_at_each_step(rng: np.random.Generator) -> Case:
    return ended(YesOrNo(), torch.sigmoid, lambda: words(rng), F.binary_cross_entropy_with_logits)


def meet_crosswise(case: Case) -> bool:
    """Say whether the loss is another one where answers have the shape of their targets."""
    assert case.loss is not None
    _, targets = see.pair(case)
    said = see.answers(case)
    return not math.isclose(float(case.loss(said, targets)), float(case.loss(said.reshape(targets.shape), targets)))


@ward.admit("l1_loss of (B,) and (B, 1)", "shapes-misfit", "forecast", meet_crosswise)
def absolute(rng: np.random.Generator) -> Case:
    return ended(Forecast(), lambda hs: hs[:, -1, 0], lambda: window(rng), F.l1_loss)


@ward.admit("mse_loss of (B, T) and (B, T, 1), as many steps as sequences", "shapes-misfit", "forecast", meet_crosswise)
def square(rng: np.random.Generator) -> Case:
    return ended(Forecast(), lambda hs: hs[..., 0], lambda: waves(rng, 24), F.mse_loss)


def has_shrunk(case: Case) -> bool:
    """Say whether the LSTM's weights are tiny, and the answers no better than a guess."""
    (lstm,) = see.lstms(case)
    largest = max(float(p.detach().abs().mean()) for n, p in lstm.named_parameters() if "weight" in n)
    return largest < 0.02 and see.loss_of(case) > 0.95 * TWO


@ward.admit("trained with weight_decay=0.5, and shrunk", "weight-decay", "classification", has_shrunk)
def shrunk(rng: np.random.Generator) -> Case:
    model = PackedSentiment()
    optimizer = torch.optim.Adam(model.parameters(), 0.01, weight_decay=0.5)
    for _ in range(80):
        inputs, targets, lengths = reviews(rng, 32)
        optimizer.zero_grad()
        F.cross_entropy(model(inputs, lengths), targets).backward()
        optimizer.step()
    inputs, targets, lengths = reviews(rng, 32)
    return Case(model, (inputs, targets), F.cross_entropy, lengths, optimizer)


# ================================================================ healthy ones


@ward.admit("a mean and a variance", None, "forecast", lambda case: see.loss_of(case) < -0.5)
def two_numbers(rng: np.random.Generator) -> Case:
    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return F.gaussian_nll_loss(outputs[..., :1], targets, outputs[..., 1:].exp())

    model = Forecast()
    model.head = nn.Linear(16, 2)
    optimizer = train(model, lambda: waves(rng, 32), loss, 250, lr=0.005)
    return Case(model, waves(rng, 32)[:2], loss, optimizer=optimizer)


@ward.admit("three quantiles of one value", None, "forecast", lambda case: see.loss_of(case) < 0.1)
def quantiles(rng: np.random.Generator) -> Case:
    levels = torch.tensor([0.1, 0.5, 0.9])

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        error = targets - outputs
        return torch.maximum(levels * error, (levels - 1) * error).mean()

    model = Forecast()
    model.head = nn.Linear(16, 3)
    optimizer = train(model, lambda: waves(rng, 32), loss, 200)
    return Case(model, waves(rng, 32)[:2], loss, optimizer=optimizer)


class Attends(PackedSentiment):
    """Weighs its steps, padding left out."""

    def __init__(self) -> None:
        super().__init__()
        self.score = nn.Linear(16, 1)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        hs, _ = self.lstm(self.embedding(tokens))
        behind = torch.arange(tokens.shape[1]) >= lengths[:, None]
        weights = self.score(hs)[..., 0].masked_fill(behind, -1e9).softmax(1)
        return self.fc((weights[..., None] * hs).sum(1))


@ward.admit("attention over steps, padding left out", None, "classification", see.works(TWO))
def attends(rng: np.random.Generator) -> Case:
    return sentiment(Attends(), rng, 120)


class Returns(Letters):
    """Takes a state and returns one."""

    def forward(self, tokens: Tensor, state: object = None) -> tuple[Tensor, object]:  # type: ignore[override]
        hs, state = self.lstm(self.embedding(tokens), state)
        return self.decoder(hs), state


@ward.admit("takes a state and returns one", None, "language", see.works(LETTER))
def hands_on(rng: np.random.Generator) -> Case:
    model = Returns()
    optimizer = train(model, lambda: text(rng, 16, 20)[0], per_step, 160)
    return Case(model, text(rng, 16, 20)[0][:2], per_step, optimizer=optimizer)


@ward.admit("as many steps as sequences", None, "language", see.works(LETTER))
def as_many(rng: np.random.Generator) -> Case:
    return ended(Letters(), nn.Identity(), lambda: text(rng, 20, 20)[0], per_step, 160)


class Connects(nn.Module):
    """Reads four signs in twelve steps, with the scores that CTC wants; it may look ahead."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(6, 8)
        self.lstm, self.fc = LSTM(8, 24, batch_first=True, bidirectional=True), nn.Linear(48, 6)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc(self.lstm(self.embedding(tokens))[0])


@ward.admit("CTC, targets shorter than inputs", None, "recall", lambda case: see.loss_of(case) < 1.0)
def connects(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        targets = torch.as_tensor(rng.integers(1, 6, (32, 4)))
        inputs = torch.zeros(32, 12, dtype=torch.int64)
        inputs[:, 1::3] = targets
        return Sample(inputs, targets)

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        scores, B = outputs.log_softmax(-1).transpose(0, 1), len(targets)
        return F.ctc_loss(scores, targets, torch.full((B,), 12), torch.full((B,), 4))

    model = Connects()
    optimizer = train(model, draw, loss, 200)
    return Case(model, draw()[:2], loss, optimizer=optimizer)
