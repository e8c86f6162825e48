"""Faults by somebody who had not read the doctor: losses, targets, scales, starts and optimisers.

Shapes: T steps, B batch, D features, H hidden units, K classes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.doctor.cases import Case, Sample, reviews, text, waves
from tests.doctor.fresh import List, SensorNet, bumps, by_step, fit, sensors, tags
from tests.doctor.fresh_text import Text

new = List()
PATIENTS = new.patients


def last(out: Tensor, h: Tensor, c: Tensor) -> Tensor:
    return h[-1]


class Tags(nn.Module):
    """A class for each word."""

    def __init__(self, K: int = 4, last: Callable[[Tensor], Tensor] = lambda scores: scores, **options: Any) -> None:
        super().__init__()
        self.words = nn.Embedding(10, 8)
        self.birnn = nn.LSTM(8, 12, batch_first=True, **options)
        self.tag, self.last = nn.Linear(12 * (1 + self.birnn.bidirectional), K), last

    def forward(self, sentence: Tensor) -> Tensor:
        return self.last(self.tag(self.birnn(self.words(sentence))[0]))


class Regress(nn.Module):
    """One number for each step, or for the last alone."""

    def __init__(self, end: Callable[[Tensor], Tensor], **options: Any) -> None:
        super().__init__()
        self.lstm, self.fc, self.end = nn.LSTM(1, 12, batch_first=True, **options), nn.Linear(12, 1), end

    def forward(self, x: Tensor) -> Tensor:
        hidden, _ = self.lstm(x)
        return self.end(self.fc(hidden))


# ---------------------------------------------------------------- losses and targets


@new.add("softmax over the steps", "answers-misfit")
def softmax_over_time(rng: np.random.Generator) -> Case:
    return fit(Tags(last=lambda scores: scores.softmax(1)), lambda: tags(rng, shortest=11), by_step)


@new.add("nll_loss of a log_softmax over the batch", "answers-misfit", "batch-and-time-exchanged")
def log_softmax_over_rows(rng: np.random.Generator) -> Case:
    class Scores(SensorNet):
        def forward(self, x: Tensor) -> Tensor:
            return torch.log_softmax(super().forward(x), dim=0)

    return fit(Scores(last), lambda: bumps(rng), F.nll_loss)


@new.add("ReLU behind the readout, before cross_entropy", "answers-misfit")
def relu_scores(rng: np.random.Generator) -> Case:
    return fit(Tags(last=torch.relu), lambda: tags(rng, shortest=11), by_step, 40)


@new.add("ReLU behind the readout, of values around 0", "answers-misfit")
def relu_of_numbers(rng: np.random.Generator) -> Case:
    return fit(Regress(torch.relu), lambda: waves(rng, 24, 16), F.mse_loss)


@new.add("a sigmoid for values up to 3", "answers-misfit", "targets-not-scaled")
def sigmoid_of_numbers(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        inputs, targets, _ = waves(rng, 24, 16)
        return Sample(inputs, 2 + targets)

    return fit(Regress(torch.sigmoid), draw, F.mse_loss)


@new.add("scores viewed as (B, K, T)", "shapes-misfit", "batch-and-time-exchanged")
def classes_viewed(rng: np.random.Generator) -> Case:
    def loss(scores: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(scores.view(scores.size(0), scores.size(2), scores.size(1)), targets)

    return fit(Tags(), lambda: tags(rng, shortest=11), loss)


@new.add("answers (T, B), targets (B, T), both flat", "shapes-misfit", "batch-and-time-exchanged", "rows-out-of-order")
def flat_in_two_orders(rng: np.random.Generator) -> Case:
    class TimeFirst(Tags):
        def forward(self, sentence: Tensor) -> Tensor:
            return super().forward(sentence).transpose(0, 1).contiguous()

    def loss(scores: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(scores.view(-1, 4), targets.view(-1))

    return fit(TimeFirst(), lambda: tags(rng, shortest=11), loss)


@new.add("mse_loss of (B, 1) and (B,)", "shapes-misfit")
def crosswise(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        inputs, targets, _ = waves(rng, 24, 16)
        return Sample(inputs, targets[:, -1, 0])

    return fit(Regress(lambda said: said[:, -1]), draw, nn.MSELoss())


@new.add("class numbers as floats", "shapes-misfit", "answers-misfit")
def floats_for_classes(rng: np.random.Generator) -> Case:
    inputs, targets, _ = bumps(rng)
    return Case(SensorNet(last), (inputs, targets.float()), nn.CrossEntropyLoss())


@new.add("mse_loss of scores and class numbers", "shapes-misfit", "answers-misfit")
def classes_as_numbers(rng: np.random.Generator) -> Case:
    def loss(scores: Tensor, targets: Tensor) -> Tensor:
        return F.mse_loss(scores.softmax(-1), targets[:, None].float())

    return fit(SensorNet(last), lambda: bumps(rng), loss)


@new.add("classes counted from 1", "targets-out-of-range")
def from_one(rng: np.random.Generator) -> Case:
    inputs, targets, _ = bumps(rng)
    return Case(SensorNet(last), (inputs, targets + 1), F.cross_entropy)


@new.add("padding of -1, which nobody ignores", "targets-out-of-range")
def minus_one(rng: np.random.Generator) -> Case:
    words, kinds, lengths = tags(rng)
    return Case(Tags(), (words, kinds.masked_fill(kinds < 0, -1)), by_step, lengths)


@new.add("padding is a fifth class", "padding-in-loss")
def pad_is_a_class(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        words, kinds, lengths = tags(rng, shortest=3)
        return Sample(words, torch.where(kinds < 0, 0, kinds + 1), lengths)

    return fit(Tags(5), draw, by_step)


@new.add("zeros behind the end, in mse_loss", "padding-in-loss")
def zeros_in_loss(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        inputs, targets, _ = waves(rng, 24, 16)
        lengths = torch.as_tensor(rng.integers(5, 17, 24))
        beyond = (torch.arange(16) >= lengths[:, None])[..., None]
        return Sample(inputs.masked_fill(beyond, 0), targets.masked_fill(beyond, 0), lengths)

    return fit(Regress(lambda said: said), draw, F.mse_loss, 40)


@new.add("ignore_index=0, and 0 is a tag", "class-ignored")
def first_tag_ignored(rng: np.random.Generator) -> Case:
    def loss(scores: Tensor, targets: Tensor) -> Tensor:
        return nn.CrossEntropyLoss(ignore_index=0)(scores.permute(0, 2, 1), targets)

    return fit(Tags(), lambda: tags(rng, shortest=11), loss)


@new.add("the loss has the wrong sign", "answers-misfit", "loss-at-chance")
def climbs(rng: np.random.Generator) -> Case:
    return fit(SensorNet(last), lambda: bumps(rng), lambda said, true: -F.cross_entropy(said, true))


@new.add("BCE of (targets, scores)", "answers-misfit", "shapes-misfit")
def arguments_exchanged(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        words, kinds, _ = tags(rng, shortest=11)
        return Sample(words, F.one_hot(kinds, 4).float())

    return fit(Tags(), draw, lambda said, true: F.binary_cross_entropy_with_logits(true, said))


@new.add("labels of other sequences", "loss-at-chance", "rows-out-of-order")
def shuffled_labels(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        inputs, targets, _ = bumps(rng)
        return Sample(inputs, targets[torch.as_tensor(rng.permutation(len(targets)))])

    return fit(SensorNet(last), draw, F.cross_entropy, 60)


@new.add("targets are the inputs", "sees-the-answer", "echoes-input")
def not_shifted(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        inputs = text(rng, 16, 12)[0].inputs
        return Sample(inputs, inputs)

    return fit(Tags(10), draw, by_step, 60)


@new.add("a tagger of both directions foretells letters", "sees-the-answer")
def foresees(rng: np.random.Generator) -> Case:
    return fit(Tags(10, bidirectional=True), lambda: text(rng, 16, 12)[0], by_step, 60)


@new.add("a forecast of the value that it is given", "sees-the-answer", "echoes-input")
def same_value(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        inputs = waves(rng, 24, 16).inputs
        return Sample(inputs, inputs)

    return fit(Regress(lambda said: said), draw, F.mse_loss, 100)


# ---------------------------------------------------------------- scales


@new.add("targets in thousands", "targets-not-scaled")
def thousands(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        inputs, targets, _ = waves(rng, 24, 16)
        return Sample(inputs, 4000 + 500 * targets)

    return fit(Regress(lambda said: said), draw, F.mse_loss)


@new.add("pixels from 0 to 255", "gate-saturated")
def pixels(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        inputs, targets, _ = bumps(rng)
        return Sample((40 * inputs + 60).clamp(0, 255).round(), targets)

    return fit(SensorNet(last), draw, F.cross_entropy, 40)


@new.add("numbers of words as one float", "gate-saturated")
def words_as_floats(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        words = rng.integers(1, 5000, (32, 12))
        return Sample(torch.as_tensor(words[..., None], dtype=torch.float32), torch.as_tensor(words[:, 3] % 2))

    model = SensorNet(last)
    model.rnn = nn.LSTM(1, 16, batch_first=True)
    return fit(model, draw, F.cross_entropy, 40)


@new.add("divided by 255 twice more", "inputs-say-nothing")
def scaled_away(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        inputs, targets, _ = bumps(rng)
        return Sample(inputs / 255**3, targets)

    return fit(SensorNet(last), draw, F.cross_entropy)


@new.add("every word is unknown", "inputs-say-nothing")
def unknown(rng: np.random.Generator) -> Case:
    class Unknown(Text):
        def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
            return self.linear(self.packed(tokens, lengths)[1][0][-1])

    def draw() -> Sample:
        tokens, liked, lengths = reviews(rng, 24, shortest=12)
        return Sample(torch.ones_like(tokens), liked, lengths)

    return fit(Unknown(), draw, F.cross_entropy)


@new.add("a channel that never changes, standardised", "not-finite")
def divided_by_zero(rng: np.random.Generator) -> Case:
    inputs, targets, _ = bumps(rng)
    inputs[..., 1] = 7
    inputs = (inputs - inputs.mean((0, 1))) / inputs.std((0, 1), correction=0)
    return Case(SensorNet(last), (inputs, targets), F.cross_entropy)


# ---------------------------------------------------------------- starts and optimisers


@new.add("weights_init sets every parameter to 0.1", "dead-units")
def all_alike(rng: np.random.Generator) -> Case:
    model = SensorNet(last)
    for weights in model.parameters():
        nn.init.constant_(weights, 0.1)
    return sensors(model, rng)


@new.add("normal_ with its deviation of 1", "gate-saturated", "gradient-explodes")
def wide_start(rng: np.random.Generator) -> Case:
    class Wide(SensorNet):
        def __init__(self) -> None:
            super().__init__(last)
            self.rnn = nn.LSTM(3, 64, batch_first=True)
            self.out = nn.Linear(64, 3)
            for weights in self.rnn.parameters():
                nn.init.normal_(weights)

    return Case(Wide(), bumps(rng)[:2], F.cross_entropy)


@new.add("the forget bias in Keras's order", "forget-bias-lost")
def wrong_quarter(rng: np.random.Generator) -> Case:
    model = Tags()
    nn.init.zeros_(model.birnn.bias_hh_l0)
    nn.init.zeros_(model.birnn.bias_ih_l0)
    with torch.no_grad():
        model.birnn.bias_ih_l0[24:36] = 1
    return fit(model, lambda: tags(rng, shortest=11), by_step, 1)


@new.add("the forget bias, then model.apply(init)", "forget-bias-lost")
def drawn_again(rng: np.random.Generator) -> Case:
    def init(module: nn.Module) -> None:
        for name, weights in module.named_parameters(recurse=False):
            nn.init.zeros_(weights) if "bias" in name else nn.init.xavier_uniform_(weights)

    model = Tags(num_layers=2)
    for name, weights in model.birnn.named_parameters():
        if "bias_ih" in name:
            nn.init.ones_(weights[12:24])
    model.apply(init)
    return fit(model, lambda: tags(rng, shortest=11), by_step, 1)


@new.add("Adam at 1", "learning-rate", "gate-saturated")
def too_fast(rng: np.random.Generator) -> Case:
    return fit(SensorNet(last), lambda: bumps(rng), F.cross_entropy, 60, lr=1.0)


@new.add("SGD at 1e-6", "learning-rate")
def too_slow(rng: np.random.Generator) -> Case:
    model, (inputs, targets, _) = SensorNet(last), bumps(rng)
    optimizer = torch.optim.SGD(model.parameters(), 1e-6, momentum=0.9)
    for _ in range(30):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
    return Case(model, (inputs, targets), F.cross_entropy, optimizer=optimizer)


@new.add("Adam with weight_decay=1", "weight-decay")
def decays(rng: np.random.Generator) -> Case:
    model = SensorNet(last)
    optimizer = torch.optim.Adam(model.parameters(), 0.01, weight_decay=1.0)
    for _ in range(60):
        inputs, targets, _ = bumps(rng)
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
    return Case(model, (inputs, targets), F.cross_entropy, optimizer=optimizer)


@new.add("only the head is in the optimiser", "weights-left-out")
def head_only(rng: np.random.Generator) -> Case:
    model = SensorNet(last)
    case = sensors(model, rng)
    return case._replace(optimizer=torch.optim.AdamW(model.out.parameters(), 1e-3))


@new.add("frozen, and never thawed", "weights-left-out")
def frozen(rng: np.random.Generator) -> Case:
    model = Tags()
    for weights in model.birnn.parameters():
        weights.requires_grad = False
    return fit(model, lambda: tags(rng, shortest=11), by_step)


@new.add("dropout between layers of 0.95", "dropout-too-strong")
def drops_all(rng: np.random.Generator) -> Case:
    return sensors(SensorNet(last, num_layers=2, dropout=0.95), rng, 60)


@new.add("dropout in one layer", "dropout-without-effect")
def drops_nothing(rng: np.random.Generator) -> Case:
    return fit(Tags(10, dropout=0.3), lambda: text(rng, 16, 12)[0], by_step)
