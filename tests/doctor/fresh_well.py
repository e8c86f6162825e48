"""Healthy networks beside the faults of ``fresh`` and its neighbours: they look suspicious, learn, and are right.

Shapes: T steps, B batch, H hidden units, K classes.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_packed_sequence

from tests.doctor.cases import Case, Sample, text, waves
from tests.doctor.fresh import List, SensorNet, bumps, by_step, fit, sensors, tags
from tests.doctor.fresh_more import Regress, Tags, last
from tests.doctor.fresh_text import Copies, Loop, Text, copied, opinions, writes

new = List()
PATIENTS = new.patients
THREE, FOUR, TWO, LETTERS = 1.099, 1.386, 0.693, 2.303  # losses of guessing


@new.add("log_softmax before cross_entropy, which changes nothing", below=0.5 * FOUR)
def log_softmax_twice(rng: np.random.Generator) -> Case:
    return fit(Tags(last=lambda scores: scores.log_softmax(-1)), lambda: tags(rng, shortest=11), by_step, 80, 0.03)


@new.add("classes second, by permute", below=0.5 * FOUR)
def classes_second(rng: np.random.Generator) -> Case:
    def loss(scores: Tensor, targets: Tensor) -> Tensor:
        return nn.CrossEntropyLoss(reduction="sum")(scores.permute(0, 2, 1), targets) / len(targets)

    case = fit(Tags(), lambda: tags(rng, shortest=11), loss, 80, 0.03)
    return case


@new.add("keeps its last state to look at, and never uses it", below=0.7 * THREE)
def for_inspection(rng: np.random.Generator) -> Case:
    class Shows(SensorNet):
        def forward(self, x: Tensor) -> Tensor:
            out, (h, c) = self.rnn(x)
            self.shown = (h.detach().clone(), c.detach().clone())
            return self.out(out[:, -1])

    return sensors(Shows(last), rng, 120)


@new.add("a start that is learned", below=0.7 * THREE)
def learned_start(rng: np.random.Generator) -> Case:
    class Starts(SensorNet):
        def __init__(self) -> None:
            super().__init__(last)
            self.h0, self.c0 = nn.Parameter(torch.zeros(1, 1, 16)), nn.Parameter(torch.zeros(1, 1, 16))

        def forward(self, x: Tensor) -> Tensor:
            start = tuple(part.expand(-1, len(x), -1).contiguous() for part in (self.h0, self.c0))
            return self.out(self.rnn(x, start)[0][:, -1])

    return sensors(Starts(), rng, 120)


@new.add("two cells in a loop, each with its state", below=0.6 * LETTERS)
def two_cells(rng: np.random.Generator) -> Case:
    class Two(Loop):
        def __init__(self) -> None:
            super().__init__()
            self.above = nn.LSTMCell(20, 20)

        def forward(self, tokens: Tensor) -> Tensor:
            lower = upper = (torch.zeros(len(tokens), 20), torch.zeros(len(tokens), 20))
            said = []
            for x in self.embed(tokens).unbind(1):
                lower = self.cell(x, lower)
                upper = self.above(lower[0], upper)
                said.append(self.decode(upper[0]))
            return torch.stack(said, 1)

    return writes(Two(), rng, 120)


@new.add("attention with a mask", below=0.5 * TWO)
def masked_attention(rng: np.random.Generator) -> Case:
    class Attends(Text):
        def __init__(self) -> None:
            super().__init__()
            self.score = nn.Linear(12, 1)

        def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
            hs, _ = self.lstm(self.emb(tokens))
            scores = self.score(hs).squeeze(-1).masked_fill(tokens == 0, float("-inf"))
            return self.linear((scores.softmax(-1)[..., None] * hs).sum(1))

    return opinions(Attends(), rng, 80)


@new.add("a mean of true steps, both directions packed", below=0.5 * TWO)
def masked_mean(rng: np.random.Generator) -> Case:
    class Means(Text):
        def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
            hs, lengths = pad_packed_sequence(self.packed(tokens, lengths)[0], batch_first=True)
            return self.linear(hs.sum(1) / lengths[:, None])

    return opinions(Means(bidirectional=True), rng, 80)


@new.add("each review flipped within its length", below=0.5 * TWO)
def flipped_within(rng: np.random.Generator) -> Case:
    class Backwards(Text):
        def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
            steps = torch.arange(tokens.size(1))
            where = torch.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps)
            _, (h, _) = self.packed(tokens.gather(1, where), lengths)
            return self.linear(h[-1])

    return opinions(Backwards(), rng, 80)


@new.add("h.view(layers, directions, B, H)[-1], put side by side", below=0.5 * TWO)
def viewed_right(rng: np.random.Generator) -> Case:
    class Views(Text):
        def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
            _, (h, _) = self.packed(tokens, lengths)
            top = h.view(2, 2, len(tokens), 12)[-1]
            return self.linear(torch.cat((top[0], top[1]), 1))

    return opinions(Views(2, True), rng, 80)


@new.add("one matrix for embedding and readout", below=0.7 * LETTERS)
def tied(rng: np.random.Generator) -> Case:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.rnn = nn.Embedding(10, 16), nn.LSTM(16, 16, batch_first=True)
            self.decoder = nn.Linear(16, 10)
            self.decoder.weight = self.encoder.weight
            nn.init.uniform_(self.encoder.weight, -0.3, 0.3)

        def forward(self, tokens: Tensor) -> Tensor:
            return self.decoder(self.rnn(self.encoder(tokens))[0])

    return writes(Tied(), rng, 120)


@new.add("large inputs, scaled by a BatchNorm inside", below=0.7 * THREE)
def normed(rng: np.random.Generator) -> Case:
    class Normed(SensorNet):
        def __init__(self) -> None:
            super().__init__(last)
            self.norm = nn.BatchNorm1d(3)

        def forward(self, x: Tensor) -> Tensor:
            return super().forward(self.norm(x.transpose(1, 2)).transpose(1, 2))

    def draw() -> Sample:
        inputs, targets, _ = bumps(rng)
        return Sample(300 + 40 * inputs, targets)

    return fit(Normed(), draw, F.cross_entropy, 80)


@new.add("embeddings from elsewhere stay frozen", below=0.5 * FOUR)
def pretrained(rng: np.random.Generator) -> Case:
    model = Tags()
    model.words = nn.Embedding.from_pretrained(torch.eye(10)[:, :8] + torch.randn(10, 8))
    case = fit(model, lambda: tags(rng, shortest=11), by_step, 100, 0.03)
    learning = [weights for weights in model.parameters() if weights.requires_grad]
    return case._replace(optimizer=torch.optim.Adam(learning, 0.01))


@new.add("a decoder that is fed what comes before", below=0.6 * 1.946)
def shifted(rng: np.random.Generator) -> Case:
    return copied(Copies(lambda h, c: (h, c)), rng, 150)


@new.add("dropout in two layers, and behind them", below=0.8 * THREE)
def drops(rng: np.random.Generator) -> Case:
    class Drops(SensorNet):
        def forward(self, x: Tensor) -> Tensor:
            return self.out(F.dropout(self.rnn(x)[1][0][-1], 0.3, self.training))

    return sensors(Drops(last, num_layers=2, dropout=0.3), rng, 120)


@new.add("no decay for the biases", below=0.7 * THREE)
def two_groups(rng: np.random.Generator) -> Case:
    model = SensorNet(last)
    case = sensors(model, rng, 80)
    weights = [p for p in model.parameters() if p.dim() > 1]
    biases = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": weights, "weight_decay": 0.01}, {"params": biases, "weight_decay": 0.0}]
    return case._replace(optimizer=torch.optim.AdamW(groups, 3e-3))


@new.add("a projection, and float64", below=0.7 * THREE)
def projected(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        inputs, targets, _ = bumps(rng)
        return Sample(inputs.double(), targets)

    return fit(SensorNet(last, readout=6, proj_size=6).double(), draw, F.cross_entropy, 80, 0.02)


@new.add("a residual around the second layer", below=0.7 * THREE)
def residual(rng: np.random.Generator) -> Case:
    class Residual(SensorNet):
        def __init__(self) -> None:
            super().__init__(last)
            self.second = nn.LSTM(16, 16, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            below, _ = self.rnn(x)
            return self.out((below + self.second(below)[0]).mean(1))

    return sensors(Residual(), rng, 80)


@new.add("both directions, for a tag at each word", below=0.5 * FOUR)
def both_for_tags(rng: np.random.Generator) -> Case:
    return fit(Tags(bidirectional=True), lambda: tags(rng, shortest=11), by_step, 80, 0.03)


@new.add("a sigmoid for targets between 0 and 1", below=0.02)
def squashed(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        inputs, targets, _ = waves(rng, 24, 16)
        return Sample(inputs, (targets.clamp(-1.2, 1.2) + 1.5) / 3)

    return fit(Regress(torch.sigmoid), draw, F.mse_loss, 120, 0.03)


@new.add("softmax of probabilities, scored by their logarithm", below=0.7 * THREE)
def own_nll(rng: np.random.Generator) -> Case:
    class Probabilities(SensorNet):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x).softmax(-1)

    def loss(said: Tensor, targets: Tensor) -> Tensor:
        return -said.gather(1, targets[:, None]).clamp_min(1e-8).log().mean()

    return fit(Probabilities(last), lambda: bumps(rng), loss, 80)


@new.add("labels smoothed, rare classes weighted", below=0.75 * LETTERS)
def smoothed(rng: np.random.Generator) -> Case:
    def loss(scores: Tensor, targets: Tensor) -> Tensor:
        weight = torch.ones(10).index_fill(0, torch.tensor([0]), 0.5)
        return F.cross_entropy(scores.transpose(1, 2), targets, weight, label_smoothing=0.05)

    return fit(Tags(10), lambda: text(rng, 16, 12)[0], loss, 120, 0.02)


@new.add("padded targets of -100, in a packed tagger's loss", below=0.5 * FOUR)
def padded_tags(rng: np.random.Generator) -> Case:
    return fit(Tags(), lambda: tags(rng), by_step, 80, 0.03)
