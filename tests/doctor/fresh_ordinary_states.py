"""Ordinary faults, third: states, learning rates and optimisers.

Shapes: T steps, B batch, D features, H hidden units, K classes.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.doctor.cases import Case, reviews, text
from tests.doctor.fresh import List, bumps, by_step, fit
from tests.doctor.fresh_ordinary import Encoder, Plain, Reverser, adding, backwards, pictures
from tests.doctor.fresh_ordinary_ends import Adder, Opinion

new = List()
PATIENTS = new.patients


# ---------------------------------------------------------------- states


class KeepsState(nn.Module):
    """Goes on from where the last batch ended; a subclass says what it keeps."""

    def __init__(self, H: int = 20) -> None:
        super().__init__()
        self.backbone = nn.LSTM(3, H, batch_first=True)
        self.classifier = nn.Linear(H, 3)
        self.hidden: Any = None

    def keep(self, state: tuple[Tensor, Tensor]) -> Any:
        return tuple(part.detach() for part in state)

    def forward(self, x: Tensor) -> Tensor:
        if self.hidden is not None and self.hidden[0].shape[1] != len(x):
            self.hidden = None
        out, state = self.backbone(x, self.hidden)
        self.hidden = self.keep(state)
        return self.classifier(out[:, -1])


@new.add("a classifier of bursts goes on from the last batch", "state-across-batches")
def _(rng: np.random.Generator) -> Case:
    return fit(KeepsState(), lambda: bumps(rng), F.cross_entropy, 20)


class KeepsGraph(KeepsState):
    def keep(self, state: tuple[Tensor, Tensor]) -> Any:
        return state


@new.add("the hidden state kept as it is", "graph-kept")
def _(rng: np.random.Generator) -> Case:
    model = KeepsGraph(12)
    inputs, targets, _ = bumps(rng)
    return Case(model, (inputs, targets), F.cross_entropy, optimizer=torch.optim.Adam(model.parameters()))


class WalksOn(nn.Module):
    """A regression by a cell whose h and c are attributes, made once."""

    def __init__(self, B: int, detach: bool) -> None:
        super().__init__()
        self.cell, self.readout, self.detach = nn.LSTMCell(2, 16), nn.Linear(16, 1), detach
        self.h = self.c = torch.zeros(B, 16)

    def forward(self, x: Tensor) -> Tensor:
        if self.detach:
            self.h, self.c = self.h.detach(), self.c.detach()
        for t in range(x.shape[1]):
            self.h, self.c = self.cell(x[:, t], (self.h, self.c))
        return self.readout(self.h)


@new.add("h and c of a cell are attributes, detached", "state-across-batches")
def _(rng: np.random.Generator) -> Case:
    return fit(WalksOn(40, True), lambda: adding(rng), nn.MSELoss(), 12)


@new.add("h and c of a cell are attributes", "graph-kept")
def _(rng: np.random.Generator) -> Case:
    return Case(WalksOn(40, False), adding(rng)[:2], nn.MSELoss())


class Loop(nn.Module):
    """A language model by a cell; a subclass says how a step goes."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.lstm_cell, self.proj = nn.Embedding(10, 12), nn.LSTMCell(12, 24), nn.Linear(24, 10)

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        return self.lstm_cell(x, (h, c))

    def forward(self, tokens: Tensor) -> Tensor:
        h = c = torch.zeros(len(tokens), 24)
        said = []
        for x in self.embed(tokens).unbind(1):
            h, c = self.step(x, h, c)
            said.append(h)
        return self.proj(torch.stack(said, 1))


class LosesC(Loop):
    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        return self.lstm_cell(x, (h, c))[0], c


@new.add("a loop that keeps h and not c", "state-lost")
def _(rng: np.random.Generator) -> Case:
    return fit(LosesC(), lambda: text(rng, 16, 15)[0], by_step, 20)


class StartsAnew(Loop):
    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        return self.lstm_cell(x)


@new.add("a loop that hands no state to the cell", "state-lost")
def _(rng: np.random.Generator) -> Case:
    return fit(StartsAnew(), lambda: text(rng, 16, 15)[0], by_step, 20)


class Swaps(Loop):
    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        return self.lstm_cell(x, (c, h))


@new.add("c and h change places at each step", "state-lost")
def _(rng: np.random.Generator) -> Case:
    return fit(Swaps(), lambda: text(rng, 16, 15)[0], by_step, 20)


class OneByOne(nn.Module):
    """Calls nn.LSTM once a step."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.fc = nn.LSTM(3, 18, batch_first=True), nn.Linear(18, 3)

    def forward(self, x: Tensor) -> Tensor:
        for t in range(x.shape[1]):
            out, _ = self.lstm(x[:, t : t + 1])
        return self.fc(out[:, -1])


@new.add("nn.LSTM called at each step without its state", "state-lost", "steps-unread")
def _(rng: np.random.Generator) -> Case:
    return fit(OneByOne(), lambda: bumps(rng), F.cross_entropy, 15)


@new.add("a first state drawn at each call", "answers-by-chance")
def _(rng: np.random.Generator) -> Case:
    class Draws(Adder):
        def forward(self, x: Tensor) -> Tensor:
            h, c = torch.randn(1, len(x), 24), torch.randn(1, len(x), 24)
            return self.fc(self.lstm(x, (h, c))[0][:, -1])

    return fit(Draws(), lambda: adding(rng), nn.MSELoss(), 20)


class Remembers(Reverser):
    """The decoder goes on from its own last state."""

    def __init__(self) -> None:
        super().__init__()
        self.state: Any = None

    def forward(self, tokens: Tensor) -> Tensor:
        _, (h, c) = self.encoder(tokens)
        if self.state is not None:
            h, c = h + self.state[0], c + self.state[1]
        said, (h, c) = self.decoder(self.places.expand(len(tokens), -1, -1), (h, c))
        self.state = (h.detach(), c.detach())
        return self.out(said)


@new.add("a decoder that adds its state of the last batch", "state-across-batches")
def _(rng: np.random.Generator) -> Case:
    return fit(Remembers(), lambda: backwards(rng)._replace(lengths=None), by_step, 20)


class Chatty(nn.Module):
    """Nested, and both layers keep their graph from batch to batch."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder(16)
        self.upper, self.top = nn.LSTM(16, 16, batch_first=True), nn.Linear(16, 8)
        self.memory: Any = None

    def forward(self, tokens: Tensor) -> Tensor:
        out, _ = self.encoder(tokens)
        out, self.memory = self.upper(out, self.memory)
        return self.top(out)


@new.add("the upper of two LSTMs keeps its state with its graph", "graph-kept")
def _(rng: np.random.Generator) -> Case:
    tokens = backwards(rng, 16, 9, 9).inputs
    return Case(Chatty(), (tokens, tokens.roll(1, 1)), by_step)


# ---------------------------------------------------------------- learning rates and optimisers


@new.add("Adam at 1, a regression", "learning-rate")
def _(rng: np.random.Generator) -> Case:
    model = Adder()
    return Case(model, adding(rng)[:2], nn.MSELoss(), optimizer=torch.optim.Adam(model.parameters(), 1.0))


@new.add("plain SGD at 0.00001", "learning-rate")
def _(rng: np.random.Generator) -> Case:
    model = Loop()
    return Case(model, text(rng, 16, 15)[0][:2], by_step, optimizer=torch.optim.SGD(model.parameters(), 1e-5))


@new.add("RMSprop at 0.3, after a while", "learning-rate", "gate-saturated")
def _(rng: np.random.Generator) -> Case:
    model = Opinion(24)
    optimizer = torch.optim.RMSprop(model.parameters(), 0.3)
    for _ in range(15):
        tokens, liked, _ = reviews(rng, 24, 10, 10)
        optimizer.zero_grad()
        F.cross_entropy(model(tokens), liked).backward()
        optimizer.step()
    return Case(model, reviews(rng, 24, 10, 10)[:2], F.cross_entropy, optimizer=optimizer)


@new.add("AdamW at 0.0000001", "learning-rate")
def _(rng: np.random.Generator) -> Case:
    model = Plain(10, 24, 4)
    pixels, which, _ = pictures(rng)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-7)
    return Case(model, (pixels / 255 - 0.5, which), F.cross_entropy, optimizer=optimizer)


@new.add("a new head, and the optimiser of the old", "weights-left-out")
def _(rng: np.random.Generator) -> Case:
    model = Opinion()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    model.fc = nn.Linear(20, 2)
    return Case(model, reviews(rng, 24, 10, 10)[:2], F.cross_entropy, optimizer=optimizer)


@new.add("the memory handed over as an array", "graph-cut")
def _(rng: np.random.Generator) -> Case:
    class ByArray(Reverser):
        def bridge(self, h: Tensor) -> Tensor:
            return torch.tensor(h.detach().numpy())

    return fit(ByArray(), lambda: backwards(rng)._replace(lengths=None), by_step, 15)
