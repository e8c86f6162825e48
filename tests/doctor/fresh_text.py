"""Faults by somebody who had not read the doctor: networks that read tokens, in one call or in a loop, wrongly.

Shapes: T steps, B batch, H hidden units, K classes.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tests.doctor.cases import WORDS, Case, Sample, reviews, text, waves
from tests.doctor.fresh import List, by_step, fit

new = List()
PATIENTS = new.patients


# ---------------------------------------------------------------- reviews: tokens with padding


class Text(nn.Module):
    """Tokens to two classes; what is wrong with it comes from a subclass."""

    def __init__(self, layers: int = 1, bidirectional: bool = False) -> None:
        super().__init__()
        self.emb = nn.Embedding(WORDS, 8, padding_idx=0)
        self.lstm = nn.LSTM(8, 12, layers, batch_first=True, bidirectional=bidirectional)
        self.linear = nn.Linear(12 * (1 + bidirectional), 2)

    def packed(self, tokens: Tensor, lengths: Tensor) -> Any:
        return self.lstm(pack_padded_sequence(self.emb(tokens), lengths, batch_first=True, enforce_sorted=False))


def opinions(model: nn.Module, rng: np.random.Generator, steps: int = 40) -> Case:
    return fit(model, lambda: reviews(rng, 24), F.cross_entropy, steps, 0.02)


@new.add("mean over padded steps", "reads-padding")
def mean_with_padding(rng: np.random.Generator) -> Case:
    class Means(Text):
        def forward(self, tokens: Tensor) -> Tensor:
            return self.linear(self.lstm(self.emb(tokens))[0].mean(dim=1))

    return opinions(Means(), rng)


@new.add("attention without a mask", "reads-padding")
def unmasked_attention(rng: np.random.Generator) -> Case:
    class Attends(Text):
        def __init__(self) -> None:
            super().__init__()
            self.score = nn.Linear(12, 1)

        def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
            hs, _ = self.lstm(self.emb(tokens))
            weights = F.softmax(self.score(hs).squeeze(-1), dim=-1)
            return self.linear(torch.bmm(weights.unsqueeze(1), hs).squeeze(1))

    return opinions(Attends(), rng)


@new.add("gathers at lengths, clamped", "reads-padding")
def gathers_behind(rng: np.random.Generator) -> Case:
    class Gathers(Text):
        def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
            hs, _ = self.lstm(self.emb(tokens))
            where = lengths.clamp(max=tokens.size(1) - 1).view(-1, 1, 1).expand(-1, 1, hs.size(2))
            return self.linear(hs.gather(1, where).squeeze(1))

    return opinions(Gathers(), rng)


@new.add("unpacked again, and out[:, -1]", "reads-padding", "steps-unread")
def unpacked_last(rng: np.random.Generator) -> Case:
    class Unpacks(Text):
        def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
            padded, _ = pad_packed_sequence(self.packed(tokens, lengths)[0], batch_first=True)
            return self.linear(padded[:, -1, :])

    return opinions(Unpacks(), rng)


@new.add("a backward LSTM by hand flips the padding", "reads-padding", "padding-in-front")
def flips_padding(rng: np.random.Generator) -> Case:
    class Backwards(Text):
        def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
            _, (h, _) = self.lstm(self.emb(tokens.flip(1)))
            return self.linear(h[-1])

    return opinions(Backwards(), rng)


@new.add("unsorted by the order itself", "rows-out-of-order")
def wrong_permutation(rng: np.random.Generator) -> Case:
    class Sorts(Text):
        def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
            ordered, order = torch.sort(lengths, descending=True)
            _, (h, _) = self.lstm(pack_padded_sequence(self.emb(tokens[order]), ordered, batch_first=True))
            return self.linear(h[-1].index_select(0, order))

    return opinions(Sorts(), rng)


@new.add("functional dropout that never stops", "answers-by-chance")
def dropout_at_test(rng: np.random.Generator) -> Case:
    class Drops(Text):
        def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
            _, (h, _) = self.packed(tokens, lengths)
            return self.linear(F.dropout(h[-1], 0.5))

    return opinions(Drops(), rng)


@new.add("the second layer reads the embedding", "part-unused")
def beside_each_other(rng: np.random.Generator) -> Case:
    class Parallel(Text):
        def __init__(self) -> None:
            super().__init__()
            self.lstm2 = nn.LSTM(8, 12, batch_first=True)

        def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
            x = self.emb(tokens)
            where = (lengths - 1, torch.arange(len(lengths)))
            first, _ = self.lstm(x)
            second, _ = self.lstm2(x)
            del first
            return self.linear(second[where[1], where[0]])

    return opinions(Parallel(), rng)


# ---------------------------------------------------------------- loops over a cell, encoders, decoders


class Loop(nn.Module):
    """Letters, one call of a cell at a time."""

    def __init__(self, H: int = 20) -> None:
        super().__init__()
        self.embed, self.cell, self.decode = nn.Embedding(10, 8), nn.LSTMCell(8, H), nn.Linear(H, 10)
        self.H = H

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        raise NotImplementedError

    def forward(self, tokens: Tensor) -> Tensor:
        h = c = torch.zeros(tokens.size(0), self.H)
        said = []
        for t in range(tokens.size(1)):
            h, c = self.step(self.embed(tokens[:, t]), h, c)
            said.append(self.decode(h))
        return torch.stack(said, dim=1)


def writes(model: nn.Module, rng: np.random.Generator, steps: int = 30, T: int = 12) -> Case:
    return fit(model, lambda: text(rng, 16, T)[0], by_step, steps, 0.02)


@new.add("the cell gets (c, h)", "state-lost")
def swapped(rng: np.random.Generator) -> Case:
    class Swaps(Loop):
        def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
            return self.cell(x, (c, h))

    return writes(Swaps(), rng)


@new.add("c is always new", "state-lost")
def no_memory(rng: np.random.Generator) -> Case:
    class NoMemory(Loop):
        def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
            return self.cell(x, (h, torch.zeros_like(h)))

    return writes(NoMemory(), rng)


@new.add("detached at every step", "graph-cut", "gradient-vanishes", "state-lost")
def detached_each_step(rng: np.random.Generator) -> Case:
    class Detaches(Loop):
        def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
            return self.cell(x, (h.detach(), c.detach()))

    return writes(Detaches(), rng)


@new.add("nn.LSTM one step at a time, without its state", "state-lost")
def one_step_calls(rng: np.random.Generator) -> Case:
    class Steps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.rnn, self.decode = nn.Embedding(10, 8), nn.LSTM(8, 16, 2), nn.Linear(16, 10)

        def forward(self, tokens: Tensor) -> Tensor:
            outputs = []
            for token in tokens.unbind(1):
                output, hidden = self.rnn(self.embed(token)[None])
                outputs.append(self.decode(output[0]))
            return torch.stack(outputs, 1)

    return writes(Steps(), rng)


class Copies(nn.Module):
    """An encoder and a decoder that say the sequence again; ``hand`` makes the decoder's first state."""

    def __init__(self, hand: Callable[..., Any], shift: bool = True) -> None:
        super().__init__()
        self.embed = nn.Embedding(8, 8)
        self.encoder, self.decoder = nn.LSTM(8, 16, batch_first=True), nn.LSTM(8, 16, batch_first=True)
        self.generator, self.hand, self.shift = nn.Linear(16, 8), hand, shift

    def forward(self, pair: tuple[Tensor, Tensor]) -> Tensor:
        source, target = pair
        _, state = self.encoder(self.embed(source))
        if self.shift:
            target = torch.cat([torch.zeros_like(target[:, :1]), target[:, :-1]], 1)
        hs, _ = self.decoder(self.embed(target), self.hand(*state))
        return self.generator(hs)


def copied(model: nn.Module, rng: np.random.Generator, steps: int = 40) -> Case:
    def draw() -> Sample:
        source = torch.as_tensor(rng.integers(1, 8, (24, 4)))
        return Sample((source, source), source)  # type: ignore[arg-type]

    return fit(model, draw, by_step, steps, 0.02)


@new.add("the decoder starts without the encoder", "part-unused", "graph-cut", "state-lost")
def no_bridge(rng: np.random.Generator) -> Case:
    return copied(Copies(lambda h, c: None), rng)


@new.add("the encoder's state is detached", "graph-cut")
def cut_bridge(rng: np.random.Generator) -> Case:
    return copied(Copies(lambda h, c: (h.detach(), c.detach())), rng)


@new.add("the decoder is fed what it is to say", "sees-the-answer")
def unshifted(rng: np.random.Generator) -> Case:
    return copied(Copies(lambda h, c: (h, c), shift=False), rng)


@new.add("the next letter is part of the window", "sees-the-answer")
def window_too_long(rng: np.random.Generator) -> Case:
    def draw() -> Sample:
        series = waves(rng, 32, 16).inputs
        return Sample(series[:, 4:], series[:, -1])

    class Next(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.head = nn.LSTM(1, 12, batch_first=True), nn.Linear(12, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.lstm(x)[0][:, -1])

    return fit(Next(), draw, F.mse_loss, 80)
