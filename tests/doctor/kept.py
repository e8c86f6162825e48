"""Half B of the doctor's patients, kept apart: the same kinds of mistakes, made in other ways.

Whoever works on the doctor does not read this. Shapes: T steps, B batch, H hidden units.
"""

import math
import warnings
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lstm_lib.nn import LSTM, Tagger, set_forget_bias
from tests.doctor import symptoms as see
from tests.doctor.cases import LETTERS, WORDS, Case, Ward, boxes, delayed, per_step, prices, reviews, text, train, waves

FOUR, TWO, LETTER = math.log(4), math.log(2), math.log(len(LETTERS))  # losses of guessing
ward = Ward()
PATIENTS = ward.patients


def batch_first(sample: Any) -> Any:
    """Turn a sample of recall to (B, T, D) and (B, T)."""
    return sample._replace(inputs=sample.inputs.transpose(0, 1), targets=sample.targets.transpose(0, 1))


# ================================================================ recall


class SequenceModel(nn.Module):
    """Norm, a torch LSTM at some depth, a head of two layers; the layer is called ``rnn`` here, as often."""

    def __init__(self, D: int, H: int, K: int, **options: Any) -> None:
        super().__init__()
        directions = 2 if options.get("bidirectional") else 1
        self.encoder = nn.ModuleDict({"rnn": nn.LSTM(D, H, batch_first=True, **options)})
        self.head = nn.Sequential(nn.Linear(H * directions, 16), nn.ReLU(), nn.Linear(16, K))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden, (h_n, _) = self.encoder["rnn"](x)
        return self.head(hidden), h_n


@ward.admit("all biases zero by the init loop, 50 steps to bridge", "forgets-too-soon", "recall", see.fades(50))
def zeroed_biases(rng: np.random.Generator) -> Case:
    model = SequenceModel(6, 20, 4, num_layers=2)
    for name, parameter in model.named_parameters():
        if "rnn" in name and "bias" in name:
            nn.init.zeros_(parameter)
        elif "weight_ih" in name:
            nn.init.xavier_uniform_(parameter)
        elif "weight_hh" in name:
            nn.init.orthogonal_(parameter)
    train(model, lambda: batch_first(delayed(rng, 16, 50)), per_step, 15, lr=0.003)
    return Case(model, batch_first(delayed(rng, 16, 50))[:2], per_step, longest_lag=50)


@ward.admit("a coupled cell told to start slowly by the wrong gate", "forgets-too-soon", "recall", see.fades(30))
def coupled_the_wrong_way(rng: np.random.Generator) -> Case:
    model = Tagger(6, 16, 4, cell="coupled")
    set_forget_bias(model.lstm, -3.0)  # where i = 1 - f, a small i is a large f
    train(model, lambda: delayed(rng, 16, 30), per_step, 20, lr=0.005)
    return Case(model, delayed(rng, 16, 30)[:2], per_step, longest_lag=30)


def rows_of_torch(case: Case) -> bool:
    """Say whether the 1 stands in the second block, which is no forget gate in this cell."""
    bias = see.lstms(case)[0].bias_ih_l0.detach()
    H = see.lstms(case)[0].hidden_size
    return bool((bias[:H].mean() - 1).abs() > 0.4 and (bias[H : 2 * H].mean() - 1).abs() < 0.3)


@ward.admit("torch's rows used for a cell with other rows", "forget-bias-lost", "recall", rows_of_torch)
def wrong_rows(rng: np.random.Generator) -> Case:
    model = Tagger(6, 16, 4, cell="coupled")
    with torch.no_grad():
        model.lstm.bias_ih_l0[16:32] = 1.0
        model.lstm.bias_hh_l0[16:32] = 0.0
    train(model, lambda: delayed(rng, 32, 6), per_step, 30, lr=0.003)
    return Case(model, delayed(rng, 32, 6)[:2], per_step, longest_lag=6)


class StackByHand(nn.Module):
    """Layers in a list, as one does it to look at each layer's outputs."""

    def __init__(self, D: int, H: int, K: int, layers: int, **options: Any) -> None:
        super().__init__()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.layers = nn.ModuleList([nn.LSTM(D if k == 0 else H, H, **options) for k in range(layers)])
        self.out = nn.Linear(H, K)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x, _ = layer(x)
        return self.out(x)


@ward.admit(
    "the bias of the first of three modules only", "forget-bias-lost", "recall", see.bias_of_layer_is_not(2, 1.0)
)
def first_module_only(rng: np.random.Generator) -> Case:
    model = StackByHand(6, 12, 4, 3)
    lstm = model.layers[0]
    lstm.bias_ih_l0.data[12:24].fill_(1.0)
    lstm.bias_hh_l0.data[12:24].zero_()
    train(model, lambda: delayed(rng, 16, 6), per_step, 10, lr=0.003)
    return Case(model, delayed(rng, 16, 6)[:2], per_step)


@ward.admit(
    "dropout given to each layer of a stack by hand", "dropout-without-effect", "recall", see.dropout_does_nothing
)
def dropout_in_a_list(rng: np.random.Generator) -> Case:
    model = StackByHand(6, 16, 4, 2, dropout=0.3)
    for layer in model.layers:
        layer.bias_ih_l0.data[16:32].fill_(1.0)
        layer.bias_hh_l0.data[16:32].zero_()
    train(model, lambda: delayed(rng, 32, 4), per_step, 150)
    return Case(model, delayed(rng, 32, 4)[:2], per_step)


@ward.admit("the last rows set to -9 instead of the first", "gate-saturated", "recall", see.stuck("o"))
def output_shut(rng: np.random.Generator) -> Case:
    model = Tagger(6, 16, 4)
    set_forget_bias(model.lstm, 1.0)
    with torch.no_grad():
        model.lstm.bias_ih_l0[-16:] = -9.0
    optimizer = train(model, lambda: delayed(rng, 32, 6), per_step, 40)
    return Case(model, delayed(rng, 32, 6)[:2], per_step, optimizer=optimizer, longest_lag=6)


class BurnIn(nn.Module):
    """Warms up without gradients, and learns from the last steps only."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = LSTM(6, 16, batch_first=True)
        set_forget_bias(self.lstm, 3.0)
        self.out = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            early, state = self.lstm(x[:, :-8])
        late, _ = self.lstm(x[:, -8:], state)
        return self.out(torch.cat([early, late], 1))


@ward.admit(
    "a warm-up without gradients, over what must be learned", "gradient-vanishes", "recall", see.no_gradient_at_first(1)
)
def burn_in(rng: np.random.Generator) -> Case:
    model = BurnIn()
    train(model, lambda: batch_first(delayed(rng, 16, 25)), per_step, 15)
    return Case(model, batch_first(delayed(rng, 16, 25))[:2], per_step, longest_lag=25)


@ward.admit("a cell that never forgets, on a stream", "memory-grows", "recall", see.memory_grows)
def never_forgets(rng: np.random.Generator) -> Case:
    model = Tagger(6, 16, 4, cell="no-forget")
    with torch.no_grad():
        model.lstm.bias_ih_l0[16:32] += 1.0  # g: what comes in is mostly of one sign
    train(model, lambda: boxes(rng, 16, 20), per_step, 10, lr=0.003)
    return Case(model, boxes(rng, 8, 120)[:2], per_step)


# ================================================================ classification


class TextClassifier(nn.Module):
    """The usual arguments, in the usual order."""

    def __init__(
        self, vocab_size: int, embed_dim: int, hidden_dim: int, n_layers: int = 1, bidirectional: bool = False
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocab_size, embed_dim)
        self.rnn = nn.LSTM(embed_dim, hidden_dim, n_layers, bidirectional=bidirectional)  # time first
        self.fc = nn.Linear(hidden_dim * (2 if bidirectional else 1), 2)

    def embedded(self, tokens: Tensor) -> Tensor:
        return self.embed(tokens.t())

    def packed(self, tokens: Tensor, lengths: Tensor) -> Any:
        return self.rnn(pack_padded_sequence(self.embedded(tokens), lengths, enforce_sorted=False))


def classify(
    model: nn.Module, rng: np.random.Generator, steps: int = 80, lr: float = 0.02, shortest: int = 4
) -> Case:
    train(model, lambda: reviews(rng, 32, shortest=shortest), F.cross_entropy, steps, lr)
    tokens, labels, lengths = reviews(rng, 24, shortest=shortest)
    return Case(model, (tokens, labels), F.cross_entropy, lengths)


class AllAsLongAsTheLongest(TextClassifier):
    def forward(self, tokens: Tensor) -> Tensor:
        lengths = torch.full((len(tokens),), tokens.shape[1])
        _, (h_n, _) = self.packed(tokens, lengths)
        return self.fc(h_n[-1])


@ward.admit("packed, with one length for all", "reads-padding", "classification", see.feels_padding)
def one_length_for_all(rng: np.random.Generator) -> Case:
    return classify(AllAsLongAsTheLongest(WORDS, 8, 16), rng)


class MaxOverTime(TextClassifier):
    def forward(self, tokens: Tensor) -> Tensor:
        out, _ = self.rnn(self.embedded(tokens))
        return self.fc(out.max(dim=0).values)


@ward.admit("maximum over all columns, both directions", "reads-padding", "classification", see.feels_padding)
def max_over_padding(rng: np.random.Generator) -> Case:
    return classify(MaxOverTime(WORDS, 8, 12, bidirectional=True), rng)


class MeanOfAll(TextClassifier):
    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        out, _ = pad_packed_sequence(self.packed(tokens, lengths)[0], total_length=tokens.shape[1])
        return self.fc(out.mean(dim=0))


@ward.admit("mean over the padded length", "reads-padding", "classification", see.feels_padding)
def mean_of_all(rng: np.random.Generator) -> Case:
    return classify(MeanOfAll(WORDS, 8, 16), rng)


class LayersSideBySide(TextClassifier):
    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        _, (h_n, _) = self.packed(tokens, lengths)
        layers, directions = self.rnn.num_layers, 2 if self.rnn.bidirectional else 1
        h_n = h_n.view(layers, -1, directions * self.rnn.hidden_size)  # (layers, directions, B, H) in truth
        return self.fc(h_n[-1])


@ward.admit("h_n viewed as (layers, B, 2H)", "h_n-reshaped", "classification", see.rows_mix())
def layers_side_by_side(rng: np.random.Generator) -> Case:
    return classify(LayersSideBySide(WORDS, 8, 12, 2, True), rng, 50)


class CarriesOver(nn.Module):
    """Makes its state once, as zeros, and goes on with it."""

    def __init__(self, B: int, H: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(WORDS, 8)
        self.lstm = LSTM(8, H, 2, batch_first=True)
        set_forget_bias(self.lstm, 1.0)
        self.fc = nn.Linear(H, 2)
        self.B, self.H = B, H
        self.init_hidden()

    def init_hidden(self) -> None:
        self.memory = {"h": torch.zeros(2, self.B, self.H), "c": torch.zeros(2, self.B, self.H)}

    def forward(self, tokens: Tensor) -> Tensor:
        hs, (h, c) = self.lstm(self.embed(tokens), (self.memory["h"], self.memory["c"]))
        self.memory = {"h": h.data, "c": c.data}
        return self.fc(hs[:, -1])


@ward.admit(
    "init_hidden called once",
    "state-across-batches",
    "classification",
    see.remembers(lambda model: model.init_hidden()),
)
def init_hidden_once(rng: np.random.Generator) -> Case:
    model = CarriesOver(24, 12)

    def draw() -> Any:
        return reviews(rng, 24, shortest=12)

    def fresh() -> Any:
        model.init_hidden()
        return draw()

    train(model, fresh, F.cross_entropy, 100)  # the notebook was right; the script that came of it is not
    train(model, draw, F.cross_entropy, 5, lr=0.001)
    return Case(model, draw()[:2], F.cross_entropy)


class NumbersAsNumbers(nn.Module):
    """Feeds the numbers of words in a large vocabulary as if they were quantities."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, 16, batch_first=True)
        self.fc = nn.Linear(16, 2)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        numbers = 997.0 * tokens.unsqueeze(-1)
        out, _ = self.lstm(numbers)
        return self.fc(out[torch.arange(len(out)), lengths - 1])


@ward.admit("word numbers fed as quantities", "gate-saturated", "classification", see.stuck("f", 0.8))
def word_numbers(rng: np.random.Generator) -> Case:
    return classify(NumbersAsNumbers(), rng, 30, shortest=10)


class StepByStep(nn.Module):
    """One step at a time, the state "repackaged" at each."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(WORDS, 8)
        self.lstm = nn.LSTM(8, 16)
        self.lstm.bias_ih_l0.data[16:32].fill_(2.0)
        self.lstm.bias_hh_l0.data[16:32].zero_()
        self.fc = nn.Linear(16, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        h = c = torch.zeros(1, len(tokens), 16)
        for word in self.embed(tokens.t()):
            _, (h, c) = self.lstm(word.unsqueeze(0), (h.detach(), c.detach()))
        return self.fc(h[0])


@ward.admit("repackaged at every step", "gradient-vanishes", "classification", see.no_gradient_at_first())
def repackaged(rng: np.random.Generator) -> Case:
    model = StepByStep()
    train(model, lambda: reviews(rng, 24, shortest=12), F.cross_entropy, 40)
    return Case(model, reviews(rng, 24, shortest=12)[:2], F.cross_entropy, longest_lag=12)


class FirstOutput(TextClassifier):
    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        out, _ = self.rnn(self.embedded(tokens))
        return self.fc(out[0])


@ward.admit("reads the output of the first step", "loss-at-chance", "classification", see.badly(TWO, 0.85))
def first_output(rng: np.random.Generator) -> Case:
    model = FirstOutput(WORDS, 8, 16)

    def draw() -> Any:
        tokens, labels, lengths = reviews(rng, 64)
        tokens[:, 0] = 7 + tokens[:, 0] % 5  # each review begins with an empty word
        liked = torch.where(labels == 1, 1, 4)
        tokens[torch.arange(64), 1 + torch.as_tensor(rng.integers(3, size=64))] = liked
        return tokens, labels, lengths

    train(model, draw, F.cross_entropy, 60)
    tokens, labels, lengths = draw()
    return Case(model, (tokens, labels), F.cross_entropy, lengths)


@ward.admit("a schedule that never left zero", "learning-rate", "classification", see.learning_rate_too_low)
def schedule_at_zero(rng: np.random.Generator) -> Case:
    model = SentenceModel()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: step / 10**6 + 1e-7)  # stepped by epoch, meant by batch
    tokens, labels, lengths = reviews(rng, 24)
    return Case(model, (tokens, labels), F.cross_entropy, lengths, optimizer)


class SentenceModel(nn.Module):
    """Right: both directions, packed; a mean over the words that are there."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(WORDS, 8, padding_idx=0)
        self.lstm = LSTM(8, 10, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(20, 2)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(self.embed(tokens), lengths, batch_first=True, enforce_sorted=False)
        out, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=tokens.shape[1])
        return self.fc(out.sum(1) / lengths.unsqueeze(1))


@ward.admit("a checkpoint of one direction in a network of two", "dead-units", "classification", see.unmoved(0.5))
def second_direction_empty(rng: np.random.Generator) -> Case:
    model = SentenceModel()
    with torch.no_grad():
        for name, parameter in model.lstm.named_parameters():
            if "reverse" in name:
                parameter.zero_()
                parameter.requires_grad_(False)
    return classify(model, rng)


# ================================================================ forecast


class Window(nn.Module):
    """A window (B, T, 1) in, one value (B, 1) out."""

    def __init__(self, H: int = 16, layers: int = 1) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, H, layers, batch_first=True)
        self.linear = nn.Linear(H, 1)

    def forward(self, x: Tensor) -> Tensor:
        _, (h_n, _) = self.lstm(x)
        return self.linear(h_n[-1])


def windows(sample: Any) -> Any:
    """Ask for the value after the window only."""
    return sample._replace(targets=sample.targets[:, -1])


@ward.admit("weight decay of 1", "dead-units", "forecast", see.unmoved(0.6))
def decayed(rng: np.random.Generator) -> Case:
    model = Window()
    optimizer = torch.optim.Adam(model.parameters(), 0.01, weight_decay=1.0)
    for _ in range(120):
        x, y, _ = windows(waves(rng, 32))
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
    return Case(model, windows(waves(rng, 32))[:2], F.mse_loss, optimizer=optimizer)


class RowsAsTime(nn.Module):
    """Feeds (B, 24) rows of a table: to nn.LSTM that is one sequence of B steps."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(24, 16)
        self.linear = nn.Linear(16, 1)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.lstm(x)
        return self.linear(out)


@ward.admit("a table of windows taken for one sequence", "batch-and-time-exchanged", "forecast", see.rows_mix())
def table(rng: np.random.Generator) -> Case:
    def draw() -> Any:
        x, y, _ = waves(rng, 32)
        return x[..., 0], y[:, -1], None

    model = RowsAsTime()
    train(model, draw, F.mse_loss, 100)
    return Case(model, draw()[:2], F.mse_loss)


class ViewedInstead(nn.Module):
    """Time first by a view, where a transpose was meant."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, 16)
        self.linear = nn.Linear(16, 1)

    def forward(self, x: Tensor) -> Tensor:
        B, T, D = x.shape
        out, _ = self.lstm(x.reshape(T, B, D))
        return self.linear(out[-1])


@ward.admit("view where a transpose was meant", "batch-and-time-exchanged", "forecast", see.rows_mix())
def viewed_instead(rng: np.random.Generator) -> Case:
    model = ViewedInstead()
    train(model, lambda: windows(waves(rng, 32)), F.mse_loss, 60)
    return Case(model, windows(waves(rng, 32))[:2], F.mse_loss)


class LayersFlattened(Window):
    def __init__(self) -> None:
        super().__init__(layers=2)
        self.linear = nn.Linear(32, 1)

    def forward(self, x: Tensor) -> Tensor:
        _, (h_n, _) = self.lstm(x)
        return self.linear(h_n.reshape(-1, 32))


@ward.admit("two layers' h_n flattened by a reshape", "h_n-reshaped", "forecast", see.rows_mix())
def layers_flattened(rng: np.random.Generator) -> Case:
    model = LayersFlattened()
    train(model, lambda: windows(waves(rng, 32)), F.mse_loss, 60)
    return Case(model, windows(waves(rng, 32))[:2], F.mse_loss)


class BufferedState(nn.Module):
    """Keeps its state in buffers, so that it moves to the GPU with the rest."""

    h: Tensor
    c: Tensor

    def __init__(self, B: int) -> None:
        super().__init__()
        self.lstm = LSTM(1, 16, batch_first=True)
        self.linear = nn.Linear(16, 1)
        self.register_buffer("h", torch.zeros(1, B, 16))
        self.register_buffer("c", torch.zeros(1, B, 16))

    def reset(self) -> None:
        self.h, self.c = torch.zeros_like(self.h), torch.zeros_like(self.c)

    def forward(self, x: Tensor) -> Tensor:
        hs, (h, c) = self.lstm(x, (self.h, self.c))
        self.h, self.c = h.detach(), c.detach()
        return self.linear(hs)


@ward.admit(
    "stateful over shuffled windows", "state-across-batches", "forecast", see.remembers(lambda model: model.reset())
)
def shuffled_windows(rng: np.random.Generator) -> Case:
    model = BufferedState(32)

    def draw() -> Any:
        return waves(rng, 32, 8)

    def fresh() -> Any:
        model.reset()
        return draw()

    train(model, fresh, F.mse_loss, 150)
    model(draw().inputs)
    return Case(model, draw()[:2], F.mse_loss)


class HalfDetached(nn.Module):
    """Detaches h and forgets that there is a c."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, 16, 2, batch_first=True)
        self.linear = nn.Linear(16, 1)
        self.states: list[Any] = []

    def forward(self, x: Tensor) -> Tensor:
        hs, (h, c) = self.lstm(x, self.states[-1] if self.states else None)
        self.states = [(h.detach(), c)]
        return self.linear(hs)


@ward.admit("h detached, c not", "graph-kept", "forecast", see.second_update_fails)
def half_detached(rng: np.random.Generator) -> Case:
    model = HalfDetached()
    x, y, _ = waves(rng, 16, 40)
    F.mse_loss(model(x[:, :20]), y[:, :20]).backward()
    return Case(model, (x[:, 20:], y[:, 20:]), F.mse_loss)


@ward.admit(
    "recurrent weights drawn orthogonal with gain 6", "gradient-explodes", "forecast", see.gradient_blows_up(1e3, 1)
)
def gain_of_six(rng: np.random.Generator) -> Case:
    model = SequenceModel(1, 40, 1)
    for block in model.encoder["rnn"].weight_hh_l0.data.chunk(4):
        nn.init.orthogonal_(block, gain=6)
    x, y, _ = waves(rng, 8, 100)
    return Case(model, (x, y), lambda outputs, targets: F.mse_loss(outputs[0], targets))


@ward.admit("steps of Adam of 1e-7", "learning-rate", "forecast", see.learning_rate_too_low)
def timid(rng: np.random.Generator) -> Case:
    model = Window()
    optimizer = train(model, lambda: windows(waves(rng, 32)), F.mse_loss, 30, lr=1e-7)
    return Case(model, windows(waves(rng, 32))[:2], F.mse_loss, optimizer=optimizer)


@ward.admit("windows and answers shuffled apart", "loss-at-chance", "forecast", see.badly(0.5, 0.8))
def shuffled_apart(rng: np.random.Generator) -> Case:
    def draw() -> Any:
        sample = windows(waves(rng, 64))
        return sample._replace(targets=sample.targets[torch.as_tensor(rng.permutation(64))])

    model = Window()
    train(model, draw, F.mse_loss, 80)
    return Case(model, draw()[:2], F.mse_loss)


@ward.admit("taught the input of the same step", "echoes-input", "forecast", see.echoes)
def same_step(rng: np.random.Generator) -> Case:
    model = BatchedForecast()
    train(model, lambda: waves(rng, 32)._replace(targets=None), lambda out, _: F.mse_loss(out[0], out[1]), 200)
    x, y, _ = waves(rng, 32)
    return Case(model, (x, y), lambda outputs, targets: F.mse_loss(outputs[0], targets))


class BatchedForecast(nn.Module):
    """Gives its input along, for a plot."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = LSTM(1, 16, 2, batch_first=True)
        self.linear = nn.Linear(16, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.linear(self.lstm(x)[0]), x


@ward.admit("two layers on prices, one value a window", "echoes-input", "forecast", see.echoes)
def last_price(rng: np.random.Generator) -> Case:
    model = Window(16, 2)
    train(model, lambda: windows(prices(rng, 64, 12)), F.mse_loss, 250)
    return Case(model, windows(prices(rng, 64, 12))[:2], F.mse_loss)


# ================================================================ language


class LanguageModel(nn.Module):
    """Encoder, rnn, decoder, time first; the decoder shares the encoder's weights."""

    def __init__(self, H: int = 20, layers: int = 1, tied: bool = True, **options: Any) -> None:
        super().__init__()
        self.encoder = nn.Embedding(len(LETTERS), H)
        self.drop = nn.Dropout(0.1)
        self.rnn = nn.LSTM(H, H, layers, **options)
        self.decoder = nn.Linear(H, len(LETTERS))
        if tied:
            self.decoder.weight = self.encoder.weight

    def forward(self, tokens: Tensor, hidden: Any = None) -> tuple[Tensor, Any]:
        hs, hidden = self.rnn(self.drop(self.encoder(tokens)), hidden)
        return self.decoder(hs), hidden


def time_first(sample: Any) -> Any:
    return sample._replace(inputs=sample.inputs.t(), targets=sample.targets.t())


@ward.admit(
    "both directions, the bias in one of them", "forget-bias-lost", "language", see.bias_of_layer_is_not(1, 1.0)
)
def one_direction_only(rng: np.random.Generator) -> Case:
    model = Masked()
    model.lstm.bias_ih_l0.data[12:24].fill_(1.0)
    model.lstm.bias_hh_l0.data[12:24].fill_(0.0)
    train(model, lambda: hide(text(rng, 16, 16)[0], rng), per_step, 20, lr=0.003)
    return Case(model, hide(text(rng, 16, 16)[0], rng)[:2], per_step)


class Masked(nn.Module):
    """Guesses letters that are hidden, from both sides."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(len(LETTERS) + 1, 8)
        self.lstm = nn.LSTM(8, 12, batch_first=True, bidirectional=True)
        self.out = nn.Linear(24, len(LETTERS))

    def forward(self, tokens: Tensor) -> Tensor:
        return self.out(self.lstm(self.embed(tokens))[0])


def hide(sample: Any, rng: np.random.Generator) -> Any:
    """Hide a fifth of the letters, which are then asked for."""
    hidden = torch.as_tensor(rng.random(sample.inputs.shape) < 0.2)
    return sample._replace(
        inputs=sample.inputs.where(~hidden, torch.tensor(len(LETTERS))), targets=sample.inputs.where(hidden, -1)
    )


class HalfPrecision(nn.Module):
    """Runs its LSTM in bfloat16 over long texts."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(len(LETTERS), 8)
        self.lstm = nn.LSTM(8, 16, batch_first=True)
        with torch.no_grad():
            for bias, value in zip(self.lstm.bias_ih_l0.chunk(4), (1.0, 12.0, 2.0, 0.0), strict=True):
                bias.fill_(value)
        self.lstm.bfloat16()
        self.out = nn.Linear(16, len(LETTERS))

    def forward(self, tokens: Tensor) -> Tensor:
        return self.out(self.lstm(self.embed(tokens).bfloat16())[0].float())


def digits_lost(case: Case) -> bool:
    """Say whether the memory in float64 is another one, by more than a tenth."""
    lstm, xs, (_, (_, c)) = see.watched(case)
    wide = nn.LSTM(lstm.input_size, lstm.hidden_size, batch_first=True).double()
    wide.load_state_dict(lstm.state_dict())
    with torch.no_grad():
        exact = wide(xs.double())[1][1]
    return bool((c.double() - exact).norm() > 0.1 * exact.norm())


@ward.admit("a counter in bfloat16", "memory-grows", "language", digits_lost)
def half_precision(rng: np.random.Generator) -> Case:
    return Case(HalfPrecision(), text(rng, 4, 800)[0][:2], per_step)


@ward.admit("SGD at 60", "learning-rate", "language", see.learning_rate_too_high(LETTER))
def sgd_of_60(rng: np.random.Generator) -> Case:
    model = LanguageModel(tied=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=60.0)
    for _ in range(4):
        x, y, _ = time_first(text(rng, 16, 20)[0])
        optimizer.zero_grad()
        per_step(model(x), y).backward()
        optimizer.step()
    return Case(model, time_first(text(rng, 16, 20)[0])[:2], per_step, optimizer=optimizer)


class PairOfStates(nn.Module):
    """Two LSTMs, one after the other, each with a state that it keeps."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(len(LETTERS), 8)
        self.low, self.high = LSTM(8, 12), LSTM(12, 12)
        self.out = nn.Linear(12, len(LETTERS))
        self.state_low = self.state_high = None

    def forward(self, tokens: Tensor) -> Tensor:
        hs, self.state_low = self.low(self.embed(tokens), self.state_low)
        hs, self.state_high = self.high(hs, self.state_high)
        return self.out(hs)


@ward.admit("two states, neither detached", "graph-kept", "language", see.second_update_fails)
def pair_of_states(rng: np.random.Generator) -> Case:
    model = PairOfStates()
    one, two = (time_first(chunk) for chunk in text(rng, 8, 16, 2))
    per_step(model(one.inputs), one.targets).backward()
    return Case(model, two[:2], per_step)


# ================================================================ healthy ones


class PaddedInFront(TextClassifier):
    def forward(self, tokens: Tensor) -> Tensor:
        out, _ = self.rnn(self.embedded(tokens))
        return self.fc(out[-1])


@ward.admit("padded in front, read at the last column", None, "classification", see.works(TWO))
def padded_in_front(rng: np.random.Generator) -> Case:
    def draw() -> Any:
        tokens, labels, lengths = reviews(rng, 32)
        rows = [row.roll(12 - int(length)) for row, length in zip(tokens, lengths, strict=True)]
        return torch.stack(rows), labels, None

    model = PaddedInFront(WORDS, 8, 16)
    train(model, draw, F.cross_entropy, 100)
    return Case(model, draw()[:2], F.cross_entropy)


@ward.admit("both directions, mean over what is there", None, "classification", see.works(TWO))
def mean_of_words(rng: np.random.Generator) -> Case:
    return classify(SentenceModel(), rng)


class ViewedWell(TextClassifier):
    def __init__(self) -> None:
        super().__init__(WORDS, 8, 12, 2, True)
        for name, parameter in self.rnn.named_parameters():
            if "bias" in name:
                parameter.data[12:24] = 1.0 if "ih" in name else 0.0

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        _, (h_n, _) = self.packed(tokens, lengths)
        last = h_n.view(2, 2, len(tokens), -1)[-1]  # layers, directions, B, H
        return self.fc(last.permute(1, 0, 2).reshape(len(tokens), -1))


@ward.admit("h_n viewed as (layers, directions, B, H)", None, "classification", see.works(TWO))
def viewed_well(rng: np.random.Generator) -> Case:
    return classify(ViewedWell(), rng, 90)


class Attends(TextClassifier):
    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        hs, _ = self.rnn(self.embedded(tokens))
        beyond = torch.arange(len(hs)).unsqueeze(1) >= lengths
        weights = hs.mean(-1).masked_fill(beyond, -torch.inf).softmax(0)
        return self.fc((weights.unsqueeze(-1) * hs).sum(0))


@ward.admit("attends to what is there, in float64", None, "classification", see.works(TWO))
def attends(rng: np.random.Generator) -> Case:
    return classify(Attends(WORDS, 8, 16).double(), rng)


@ward.admit("a tied language model, time first", None, "language", see.works(LETTER, batch_axis=1))
def tied(rng: np.random.Generator) -> Case:
    model = LanguageModel(24)
    optimizer = train(model, lambda: time_first(text(rng, 16, 20)[0]), per_step, 150)
    return Case(model, time_first(text(rng, 16, 20)[0])[:2], per_step, optimizer=optimizer)


@ward.admit("both sides of hidden letters", None, "language", see.works(LETTER, 0.75))
def both_sides(rng: np.random.Generator) -> Case:
    model = Masked()
    train(model, lambda: hide(text(rng, 16, 16)[0], rng), per_step, 200)
    return Case(model, hide(text(rng, 16, 16)[0], rng)[:2], per_step)


class Relative(nn.Module):
    """Sees its window relative to the last value, and answers relative to it."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = LSTM(1, 16, batch_first=True, cell="coupled")
        self.linear = nn.Linear(16, 1)

    def forward(self, x: Tensor) -> Tensor:
        last, scale = x[:, -1:], x.std(1, keepdim=True)
        hs, _ = self.lstm((x - last) / scale)
        return (last + scale * self.linear(hs[:, -1:]))[:, 0]


@ward.admit("degrees in kelvin, scaled inside, a coupled cell", None, "forecast", see.works(0.5 * 100, 0.2))
def relative(rng: np.random.Generator) -> Case:
    def draw() -> Any:
        x, y, _ = windows(waves(rng, 32))
        return 285 + 10 * x, 285 + 10 * y, None

    model = Relative()
    train(model, draw, lambda out, y: F.mse_loss(out / 10, y / 10), 150)
    return Case(model, draw()[:2], F.mse_loss)


class ByStep(nn.Module):
    """A loop over steps, with an nn.LSTM of one step, and the graph kept within the sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(6, 16)
        self.lstm.bias_ih_l0.data[16:32].fill_(1.0)
        self.lstm.bias_hh_l0.data[16:32].zero_()
        self.out = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        state, outputs = None, []
        for step in x:
            h, state = self.lstm(step.unsqueeze(0), state)
            outputs.append(self.out(h[0]))
        return torch.stack(outputs)


@ward.admit("a loop over steps", None, "recall", see.works(FOUR, batch_axis=1))
def by_step(rng: np.random.Generator) -> Case:
    model = ByStep()
    train(model, lambda: delayed(rng, 32, 4), per_step, 150, lr=0.03)
    return Case(model, delayed(rng, 32, 4)[:2], per_step, longest_lag=4)


@ward.admit("zoneout and dropout inside the layer", None, "recall", see.works(FOUR, batch_axis=1))
def noisy(rng: np.random.Generator) -> Case:
    model = Tagger(6, 20, 4, zoneout=(0.05, 0.05), recurrent_dropout=0.1, backend="reference")
    set_forget_bias(model.lstm, 1.0)
    optimizer = train(model, lambda: delayed(rng, 32, 4), per_step, 200)
    return Case(model, delayed(rng, 32, 4)[:2], per_step, optimizer=optimizer)


@ward.admit(
    "buffers kept on waves that go on",
    None,
    "forecast",
    see.both(see.works(0.5, 0.2, batch_axis=None), see.carries_well(lambda model: model.reset())),
)
def waves_go_on(rng: np.random.Generator) -> Case:
    model = BufferedState(16)
    x, y, _ = waves(rng, 16, 8 * 161)
    chunks = iter(zip(x.split(8, 1), y.split(8, 1), [None] * 161, strict=True))
    train(model, lambda: next(chunks), F.mse_loss, 160)
    return Case(model, next(chunks)[:2], F.mse_loss)


@ward.admit("a layer norm in the cell", None, "language", see.works(LETTER))
def normed(rng: np.random.Generator) -> Case:
    model = NormedLetters()
    train(model, lambda: text(rng, 16, 16)[0], per_step, 80, lr=0.03)
    return Case(model, text(rng, 16, 16)[0][:2], per_step)


class NormedLetters(nn.Module):
    """A language model with another cell."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(len(LETTERS), 8)
        self.lstm = LSTM(8, 24, batch_first=True, cell="layernorm")
        self.out = nn.Linear(24, len(LETTERS))

    def forward(self, tokens: Tensor) -> Tensor:
        return self.out(self.lstm(self.embed(tokens))[0])
