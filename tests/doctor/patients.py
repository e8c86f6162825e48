"""Half A of the doctor's patients: mistakes as people make them, on four tasks, and networks that are well.

The doctor's author may look at these; those of ``kept.py`` were written apart.
Shapes: T steps, B batch, H hidden units.
"""

import copy
import math
import warnings
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from lstm_lib import tasks
from lstm_lib.nn import LSTM, Tagger, set_chrono, set_forget_bias, set_input_bias
from tests.doctor import symptoms as see
from tests.doctor.cases import LETTERS, WORDS, Case, Ward, boxes, delayed, per_step, prices, reviews, text, train, waves

FOUR, TWO, LETTER = math.log(4), math.log(2), math.log(len(LETTERS))  # losses of guessing
ward = Ward()
PATIENTS = ward.patients


# ================================================================ recall: remember a symbol


@ward.admit("nobody set the forget bias, and 60 steps to bridge", "forgets-too-soon", "recall", see.fades(60))
def default_start(rng: np.random.Generator) -> Case:
    model = Tagger(6, 16, 4)
    train(model, lambda: delayed(rng, 16, 60), per_step, 20)
    batch = tasks.delay(rng, 16, 59, dtype=np.float32)
    return Case(model, batch, per_step, longest_lag=60)


@ward.admit("input gate set to -9 for a slow start", "gate-saturated", "recall", see.stuck("i"))
def shut_from_the_start(rng: np.random.Generator) -> Case:
    model = Tagger(6, 16, 4)
    set_forget_bias(model.lstm, 2.0)
    set_input_bias(model.lstm, -9.0)
    optimizer = train(model, lambda: delayed(rng, 32, 8), per_step, 30)
    return Case(model, delayed(rng, 32, 8)[:2], per_step, optimizer=optimizer, longest_lag=8)


class InPieces(nn.Module):
    """A tagger that lets go of the graph every few steps, to save memory."""

    def __init__(self, window: int) -> None:
        super().__init__()
        self.window = window
        self.lstm = nn.LSTM(6, 16)
        self.readout = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        state, outputs = None, []
        for piece in x.split(self.window):
            if state is not None:
                state = tuple(part.detach() for part in state)
            hs, state = self.lstm(piece, state)
            outputs.append(hs)
        return self.readout(torch.cat(outputs))


@ward.admit("detached every 5 steps, and 20 to bridge", "gradient-vanishes", "recall", see.no_gradient_at_first())
def detached(rng: np.random.Generator) -> Case:
    model = InPieces(5)
    with torch.no_grad():
        model.lstm.bias_ih_l0[16:32], model.lstm.bias_hh_l0[16:32] = 3.0, 0.0
    train(model, lambda: delayed(rng, 16, 20), per_step, 20)
    return Case(model, delayed(rng, 16, 20)[:2], per_step, longest_lag=20)


@ward.admit("Adam at 1.0", "learning-rate", "recall", see.learning_rate_too_high(FOUR))
def hundredfold(rng: np.random.Generator) -> Case:
    model = Tagger(6, 16, 4)
    set_forget_bias(model.lstm, 1.0)
    optimizer = train(model, lambda: delayed(rng, 32, 8), per_step, 5, lr=1.0, clip=None)
    return Case(model, delayed(rng, 32, 8)[:2], per_step, optimizer=optimizer, longest_lag=8)


class ReadsTheStart(nn.Module):
    """Mixes up two names: hidden is what the LSTM started from."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(6, 16)
        self.fc = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        hidden = (torch.zeros(1, x.shape[1], 16), torch.zeros(1, x.shape[1], 16))
        _, _last = self.lstm(x, hidden)
        return self.fc(hidden[0][-1])


@ward.admit("reads the state that it started from", "loss-at-chance", "recall", see.ignores_input)
def reads_the_start(rng: np.random.Generator) -> Case:
    def draw() -> Any:
        sample = delayed(rng, 32, 6)
        return sample._replace(targets=sample.targets[-1])

    model = ReadsTheStart()
    train(model, draw, F.cross_entropy, 60)
    return Case(model, draw()[:2], F.cross_entropy, longest_lag=6)


# ================================================================ classification: what does a review think?


class Sentiment(nn.Module):
    """Embed, run, read, classify; each patient reads in its own way."""

    def __init__(self, H: int = 16, readout: int | None = None, **options: Any) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, 8, padding_idx=0)
        self.lstm = nn.LSTM(8, H, batch_first=True, **options)
        self.fc = nn.Linear(readout or H, 2)


class PackedSentiment(Sentiment):
    """Right: packed, and read at h_n."""

    def read(self, h_n: Tensor) -> Tensor:
        return h_n[-1]

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.embedding(tokens), lengths, batch_first=True, enforce_sorted=False)
        _, (h_n, _) = self.lstm(packed)
        return self.fc(self.read(h_n))


def sentiment(model: nn.Module, rng: np.random.Generator, steps: int = 80, **options: Any) -> Case:
    """Train a model on reviews and make its case."""
    optimizer = train(model, lambda: reviews(rng, 32), F.cross_entropy, steps, **options)
    inputs, targets, lengths = reviews(rng, 32)
    return Case(model, (inputs, targets), F.cross_entropy, lengths, optimizer)


@ward.admit("the bias set in layer 0 of two", "forget-bias-lost", "classification", see.bias_of_layer_is_not(1, 1.0))
def first_layer_only(rng: np.random.Generator) -> Case:
    model = PackedSentiment(num_layers=2)
    with torch.no_grad():
        model.lstm.bias_ih_l0[16:32].fill_(1.0)
        model.lstm.bias_hh_l0[16:32].fill_(0.0)
    return sentiment(model, rng, 30, lr=0.005)


@ward.admit("a small checkpoint in a large network, the rest zero", "dead-units", "classification", see.unmoved(0.6))
def grown_by_zeros(rng: np.random.Generator) -> Case:
    small = PackedSentiment(H=8)
    case = sentiment(small, rng)
    large = PackedSentiment(H=24)
    large.embedding.load_state_dict(small.embedding.state_dict())
    with torch.no_grad():
        for name, parameter in large.lstm.named_parameters():
            old = getattr(small.lstm, name).unflatten(0, (4, 8))
            new = torch.zeros(4, 24, *parameter.shape[1:])
            new[:, :8][tuple(slice(0, n) for n in old.shape)] = old
            parameter.copy_(new.flatten(0, 1))
        large.fc.weight.zero_()[:, :8] = small.fc.weight
        large.fc.bias.copy_(small.fc.bias)
    return case._replace(model=large, optimizer=None)


class LastStep(Sentiment):
    def forward(self, tokens: Tensor) -> Tensor:
        out, _ = self.lstm(self.embedding(tokens))
        return self.fc(out[:, -1, :])


@ward.admit("out[:, -1] of padded reviews", "reads-padding", "classification", see.feels_padding)
def last_column(rng: np.random.Generator) -> Case:
    return sentiment(LastStep(), rng)


class BothEnds(Sentiment):
    def forward(self, tokens: Tensor) -> Tensor:
        _, (h_n, _) = self.lstm(self.embedding(tokens))
        return self.fc(torch.cat([h_n[-2], h_n[-1]], dim=1))


@ward.admit("bidirectional, not packed", "reads-padding", "classification", see.feels_padding)
def starts_in_padding(rng: np.random.Generator) -> Case:
    return sentiment(BothEnds(bidirectional=True, readout=32), rng)


class TimeFirst(nn.Module):
    """The classic: reviews are (B, T), and nobody said batch_first."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(WORDS, 8)
        self.lstm = nn.LSTM(8, 16)
        self.fc = nn.Linear(16, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        out, _ = self.lstm(self.embedding(tokens))
        return self.fc(out[:, -1])


@ward.admit("batch_first forgotten", "batch-and-time-exchanged", "classification", see.rows_mix())
def no_batch_first(rng: np.random.Generator) -> Case:
    model = TimeFirst()
    train(model, lambda: reviews(rng, 32, shortest=12), F.cross_entropy, 80)
    return Case(model, reviews(rng, 32, shortest=12)[:2], F.cross_entropy)


class KeepsHidden(Sentiment):
    """Keeps its state from one batch of reviews to the next."""

    hidden = None

    def forward(self, tokens: Tensor) -> Tensor:
        out, hidden = self.lstm(self.embedding(tokens), self.hidden)
        self.hidden = tuple(part.detach() for part in hidden)
        return self.fc(out[:, -1])


def forget_hidden(model: Any) -> None:
    model.hidden = None


@ward.admit("self.hidden kept over reviews", "state-across-batches", "classification", see.remembers(forget_hidden))
def kept_hidden(rng: np.random.Generator) -> Case:
    model = KeepsHidden()
    model.lstm.bias_ih_l0.data[16:32].fill_(1.0)
    model.lstm.bias_hh_l0.data[16:32].fill_(0.0)

    def draw() -> Any:
        forget_hidden(model)  # as each epoch did; whoever wrote the evaluation left it out
        return reviews(rng, 32, shortest=12)

    optimizer = train(model, draw, F.cross_entropy, 100)
    model(reviews(rng, 32, shortest=12).inputs)
    inputs, targets, lengths = reviews(rng, 32, shortest=12)
    return Case(model, (inputs, targets), F.cross_entropy, lengths, optimizer)


@ward.admit(
    "dropout=0.5 with one layer", "dropout-without-effect", "classification", see.dropout_does_nothing
)
def dropout_on_one_layer(rng: np.random.Generator) -> Case:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = PackedSentiment(dropout=0.5)
    return sentiment(model, rng)


class Reshaped(PackedSentiment):
    def read(self, h_n: Tensor) -> Tensor:
        return h_n.view(h_n.shape[1], -1)


@ward.admit("h_n.view(B, -1) of two directions", "h_n-reshaped", "classification", see.rows_mix())
def viewed(rng: np.random.Generator) -> Case:
    return sentiment(Reshaped(bidirectional=True, readout=32), rng)


@ward.admit("SGD at 1e-5", "learning-rate", "classification", see.learning_rate_too_low)
def crawls(rng: np.random.Generator) -> Case:
    model = PackedSentiment()
    inputs, targets, lengths = reviews(rng, 32)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-5)
    return Case(model, (inputs, targets), F.cross_entropy, lengths, optimizer)


@ward.admit("reviews sorted by length, labels not", "loss-at-chance", "classification", see.badly(TWO, 0.85))
def sorted_without_labels(rng: np.random.Generator) -> Case:
    def draw() -> Any:
        inputs, targets, lengths = reviews(rng, 64)
        order = lengths.argsort(descending=True)
        return inputs[order], targets, lengths[order]

    model = PackedSentiment()
    optimizer = train(model, draw, F.cross_entropy, 80)
    inputs, targets, lengths = draw()
    return Case(model, (inputs, targets), F.cross_entropy, lengths, optimizer)


# ================================================================ forecast: the next value of a series


class Forecast(nn.Module):
    """One value in, the next one out, at each step."""

    def __init__(self, H: int = 16, **options: Any) -> None:
        super().__init__()
        self.lstm = LSTM(1, H, batch_first=True, **options)
        self.head = nn.Linear(options.get("proj_size") or H, 1)

    def forward(self, x: Tensor) -> Tensor:
        hs, _ = self.lstm(x)
        return self.head(hs)


@ward.admit("temperatures in kelvin, not scaled", "gate-saturated", "forecast", see.stuck("f"))
def kelvin(rng: np.random.Generator) -> Case:
    def draw() -> Any:
        inputs, targets, _ = waves(rng, 16)
        return 285 + 10 * inputs, 285 + 10 * targets, None

    model = Forecast()
    optimizer = train(model, draw, F.mse_loss, 40)
    return Case(model, draw()[:2], F.mse_loss, optimizer=optimizer)


@ward.admit("forget gate at 1, inputs all positive", "memory-grows", "forecast", see.memory_grows)
def counts_up(rng: np.random.Generator) -> Case:
    model = Forecast()
    set_forget_bias(model.lstm, 12.0)
    inputs, targets, _ = waves(rng, 8, 150)
    return Case(model, (inputs + 1.5, targets + 1.5), F.mse_loss)


@ward.admit("trained on a walk at random", "echoes-input", "forecast", see.echoes)
def yesterday(rng: np.random.Generator) -> Case:
    model = Forecast()
    train(model, lambda: prices(rng, 32), F.mse_loss, 250)
    return Case(model, prices(rng, 32)[:2], F.mse_loss)


# ================================================================ language: the next letter


class Letters(nn.Module):
    """A language model of letters."""

    def __init__(self, H: int = 24, **options: Any) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(LETTERS), 8)
        self.lstm = LSTM(8, H, batch_first=True, **options)
        self.decoder = nn.Linear(options.get("proj_size") or H, len(LETTERS))

    def forward(self, tokens: Tensor) -> Tensor:
        hs, _ = self.lstm(self.embedding(tokens))
        return self.decoder(hs)


def letters(model: nn.Module, rng: np.random.Generator, steps: int = 120, T: int = 20, **options: Any) -> Case:
    """Train a model on text and make its case."""
    optimizer = train(model, lambda: text(rng, 16, T)[0], per_step, steps, **options)
    return Case(model, text(rng, 16, T)[0][:2], per_step, optimizer=optimizer)


@ward.admit("both biases set to 1", "forget-bias-lost", "language", see.bias_of_layer_is_not(0, 1.0))
def set_twice(rng: np.random.Generator) -> Case:
    model = Letters()
    for name, parameter in model.lstm.named_parameters():
        if "bias" in name:
            n = parameter.size(0)
            parameter.data[n // 4 : n // 2].fill_(1.0)
    return letters(model, rng, 30, lr=0.003)


@ward.admit("recurrent weights drawn with deviation 2", "gradient-explodes", "language", see.gradient_blows_up(1e3, 1))
def wild(rng: np.random.Generator) -> Case:
    model = Letters(32)
    for name, parameter in model.lstm.named_parameters():
        if "weight_hh" in name:
            nn.init.normal_(parameter, 0, 2)
    return Case(model, text(rng, 8, 120)[0][:2], per_step)


class Unbroken(nn.Module):
    """Keeps the state of the chunk before, with all that led to it."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(LETTERS), 8)
        self.lstm = nn.LSTM(8, 24, batch_first=True)
        self.decoder = nn.Linear(24, len(LETTERS))
        self.state: Any = None

    def forward(self, tokens: Tensor) -> Tensor:
        hs, self.state = self.lstm(self.embedding(tokens), self.state)
        return self.decoder(hs)


def after_one_update(model: nn.Module, rng: np.random.Generator) -> Case:
    """Return a model that has seen a piece of text and sent a gradient back, before the next piece."""
    one, two = text(rng, 16, 20, 2)
    per_step(model(one.inputs), one.targets).backward()
    return Case(model, two[:2], per_step, optimizer=torch.optim.Adam(model.parameters(), 0.01))


@ward.admit("the state is never detached", "graph-kept", "language", see.second_update_fails)
def never_detached(rng: np.random.Generator) -> Case:
    return after_one_update(Unbroken(), rng)


# ================================================================ healthy ones


@ward.admit("a tagger with its forget bias set", None, "recall", see.works(FOUR, batch_axis=1))
def plain_tagger(rng: np.random.Generator) -> Case:
    model = Tagger(6, 16, 4)
    set_forget_bias(model.lstm, 1.0)
    train(model, lambda: delayed(rng, 32, 6), per_step, 200)
    return Case(model, tasks.delay(rng, 32, 5, dtype=np.float32), per_step, longest_lag=6)


@ward.admit("chrono start on the stream", None, "recall", see.works(FOUR, batch_axis=1))
def chrono(rng: np.random.Generator) -> Case:
    model = Tagger(6, 24, 4)
    set_chrono(torch.Generator().manual_seed(int(rng.integers(1000))), model.lstm, 20)
    optimizer = train(model, lambda: boxes(rng, 32, 20), per_step, 250)
    return Case(model, boxes(rng, 32, 20)[:2], per_step, optimizer=optimizer, longest_lag=10)


@ward.admit("a peephole cell", None, "recall", see.works(FOUR, batch_axis=1))
def peephole(rng: np.random.Generator) -> Case:
    model = Tagger(6, 16, 4, cell="peephole")
    set_forget_bias(model.lstm, 1.0)
    train(model, lambda: delayed(rng, 32, 4), per_step, 200)
    return Case(model, delayed(rng, 32, 4)[:2], per_step, longest_lag=4)


@ward.admit("packed, read at h_n", None, "classification", see.works(TWO))
def packed(rng: np.random.Generator) -> Case:
    return sentiment(PackedSentiment(), rng)


class TwoEnds(PackedSentiment):
    def read(self, h_n: Tensor) -> Tensor:
        return torch.cat([h_n[-2], h_n[-1]], dim=1)


@ward.admit("both directions, packed, h_n side by side", None, "classification", see.works(TWO))
def two_ends(rng: np.random.Generator) -> Case:
    return sentiment(TwoEnds(bidirectional=True, readout=32), rng)


class Gathered(Sentiment):
    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        out, _ = self.lstm(self.embedding(tokens))
        return self.fc(out[torch.arange(len(out)), lengths - 1])


@ward.admit("not packed, but read at each review's last word", None, "classification", see.works(TWO))
def gathered(rng: np.random.Generator) -> Case:
    return sentiment(Gathered(), rng)


@ward.admit("two layers with dropout between them", None, "classification", see.works(TWO))
def stacked(rng: np.random.Generator) -> Case:
    return sentiment(PackedSentiment(num_layers=2, dropout=0.3), rng, 120)


@ward.admit("a wave", None, "forecast", see.works(0.5, 0.2))
def wave(rng: np.random.Generator) -> Case:
    model = Forecast()
    optimizer = train(model, lambda: waves(rng, 32), F.mse_loss, 150)
    return Case(model, waves(rng, 32)[:2], F.mse_loss, optimizer=optimizer)


class LearntStart(Forecast):
    def __init__(self) -> None:
        super().__init__()
        self.h_0, self.c_0 = (nn.Parameter(torch.zeros(1, 1, 16)) for _ in "hc")

    def forward(self, x: Tensor) -> Tensor:
        state = tuple(part.expand(1, len(x), 16).contiguous() for part in (self.h_0, self.c_0))
        hs, _ = self.lstm(x, state)
        return self.head(hs)


@ward.admit("a learnt first state", None, "forecast", see.works(0.5, 0.2))
def learnt_start(rng: np.random.Generator) -> Case:
    model = LearntStart()
    train(model, lambda: waves(rng, 32), F.mse_loss, 150)
    return Case(model, waves(rng, 32)[:2], F.mse_loss)


class AddsTheChange(Forecast):
    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)


@ward.admit("the last value plus a change", None, "forecast", see.works(0.5, 0.2))
def adds_the_change(rng: np.random.Generator) -> Case:
    model = AddsTheChange()
    train(model, lambda: waves(rng, 32), F.mse_loss, 150)
    return Case(model, waves(rng, 32)[:2], F.mse_loss)


@ward.admit("letters", None, "language", see.works(LETTER))
def plain_letters(rng: np.random.Generator) -> Case:
    return letters(Letters(), rng)


@ward.admit("letters with a projection", None, "language", see.works(LETTER))
def projected(rng: np.random.Generator) -> Case:
    return letters(Letters(32, proj_size=12, backend="fused"), rng)


class Stateful(Unbroken):
    """Right on texts that go on: the state is kept, its graph is not."""

    def forward(self, tokens: Tensor) -> Tensor:
        hs, state = self.lstm(self.embedding(tokens), self.state)
        self.state = tuple(part.detach() for part in state)
        return self.decoder(hs)


def forget_state(model: Any) -> None:
    model.state = None


@ward.admit(
    "a state kept on texts that go on",
    None,
    "language",
    see.both(see.works(LETTER, batch_axis=None), see.carries_well(forget_state)),
)
def goes_on(rng: np.random.Generator) -> Case:
    model = Stateful()
    chunks = iter(text(rng, 16, 20, 121))
    optimizer = train(model, lambda: next(chunks), per_step, 120)
    return Case(model, next(chunks)[:2], per_step, optimizer=optimizer)


@ward.admit("the same letters, weights averaged by hand", None, "language", see.works(LETTER))
def averaged(rng: np.random.Generator) -> Case:
    case = letters(Letters(), rng)
    mean = copy.deepcopy(case.model)
    train(case.model, lambda: text(rng, 16, 20)[0], per_step, 10, lr=0.005)
    with torch.no_grad():
        for old, new in zip(mean.parameters(), case.model.parameters(), strict=True):
            old.lerp_(new, 0.5)
    return case._replace(model=mean, optimizer=None)
