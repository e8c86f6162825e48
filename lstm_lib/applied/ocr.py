"""Reading a line of writing: convolutions make columns, an LSTM in both directions reads along them, CTC spells.

Shapes: B lines, R rows, W columns of a picture, T columns that are read, C channels, H hidden units, K classes with
the blank.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lstm_lib._array import Array
from lstm_lib.applied import ctc, pictures
from lstm_lib.applied.ctc_training import ctc as objective_of
from lstm_lib.nn import LSTM, run_padded, set_forget_bias

OBJECTIVE = objective_of("B R W float")


def _name_loss(outputs: Any, batch: Any) -> Tensor:
    scores, _ = outputs
    return F.cross_entropy(scores[:, :, 1:].logsumexp(dim=0), batch.labels[:, 0] - 1, reduction="sum")


# Pictures of one character each: what it is, wherever it stands. A network that has learned this first learns to read
# lines several times faster, because CTC has to find out only where.
NAMING = OBJECTIVE._replace(loss=_name_loss, questions=None)


class Reader(nn.Module):
    """Give one score for each class at every column of a line.

    Convolutions of 3 × 3 with strides halve rows and columns; what lies above a column becomes its features; an LSTM
    in both directions reads them, and a readout gives the scores. Class 0 is the blank of CTC.

    Args:
        characters: The alphabet, in the order of the classes from 1 on.
        height: R, rows of every picture.
        channels: C of each convolution.
        strides: Rows and columns that each convolution goes on by.
        hidden: H, units of each direction.
        norm: Whether each convolution is followed by batch normalisation: it learns faster; see ``fold``.
        recurrent: Whether there is an LSTM. Without one, two more convolutions along the columns take its place, with
            about as many parameters.

    Raises:
        ValueError: If an argument does not fit.

    Example:
        >>> model = Reader("01", height=16, channels=(4, 8), strides=((2, 2), (2, 1)), hidden=5)
        >>> scores, steps = model(torch.zeros(3, 16, 40), torch.tensor([40, 21, 6]))
        >>> scores.shape, steps
        (torch.Size([20, 3, 3]), tensor([20, 11,  3]))
    """

    def __init__(
        self,
        characters: str,
        *,
        height: int = 24,
        channels: Sequence[int] = (16, 32, 48),
        strides: Sequence[Sequence[int]] = ((2, 2), (2, 1), (2, 1)),
        hidden: int = 64,
        recurrent: bool = True,
        norm: bool = False,
    ) -> None:
        """Make the layers."""
        super().__init__()
        if not characters or len(set(characters)) != len(characters):
            raise ValueError(f"got the alphabet {characters!r}, expected different characters, at least one")
        if not channels or len(channels) != len(strides):
            raise ValueError(f"got {len(channels)} channels and {len(strides)} strides, expected as many, at least one")
        self.arguments: dict[str, Any] = {"characters": characters, "height": height, "channels": list(channels)}
        self.arguments |= {"strides": [list(pair) for pair in strides], "hidden": hidden}
        self.arguments |= {"recurrent": recurrent, "norm": norm}
        self.characters, self.height, self.recurrent = characters, height, recurrent
        sizes = [1, *channels]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride=(int(down), int(along)), padding=1)
            for before, after, (down, along) in zip(sizes, channels, strides, strict=False)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(after) if norm else nn.Identity() for after in channels)
        rows = height
        for down, _ in strides:
            rows = -(-rows // down)
        D = rows * channels[-1]
        if recurrent:
            self.lstm = LSTM(D, hidden, bidirectional=True)
            set_forget_bias(self.lstm, 1.0)
        else:
            # 4H(D + H + 2) weights a direction; here 3·D·M + 3·M·2H + M + 2H.
            wanted = 8 * hidden * (D + hidden + 2)
            M = max(1, round((wanted - 2 * hidden) / (3 * D + 6 * hidden + 1)))
            self.along = nn.ModuleList([nn.Conv1d(D, M, 3, padding=1), nn.Conv1d(M, 2 * hidden, 3, padding=1)])
        self.readout = nn.Linear(2 * hidden, len(characters) + 1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv1d | nn.Conv2d):  # torch's own start lets a signal fade from layer to layer
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    @property
    def classes(self) -> int:
        """K, the blank counted in."""
        return len(self.characters) + 1

    @property
    def stride(self) -> int:
        """Columns of the picture for each column that is read."""
        return math.prod(along for _, along in self.arguments["strides"])

    def columns(self, pictures: Tensor, widths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features of the columns (T, B, D), zero beyond each line's end, and how many each line has."""
        xs, steps = pictures[:, None], widths
        for layer, norm, (_, along) in zip(self.convolutions, self.norms, self.arguments["strides"], strict=True):
            xs = torch.relu(norm(layer(_cut(xs, steps))))
            steps = -(-steps // along)
        xs = _cut(xs, steps)
        return xs.flatten(1, 2).permute(2, 0, 1), steps

    def forward(self, pictures: Tensor, widths: Tensor) -> tuple[Tensor, Tensor]:
        """Run over a batch.

        Args:
            pictures: Ink (B, R, W) from 0 to 1. What lies beyond a line's width changes nothing.
            widths: Columns of each line (B,).

        Returns:
            Scores (T, B, K) and the columns that were read of each line (B,).

        Raises:
            ValueError: If the pictures have another height, or a width does not fit.
        """
        if pictures.ndim != 3 or pictures.shape[1] != self.height:
            raise ValueError(f"got pictures of shape {tuple(pictures.shape)}, expected (B, {self.height}, W)")
        if widths.shape != pictures.shape[:1] or not 1 <= int(widths.min()) <= int(widths.max()) <= pictures.shape[2]:
            raise ValueError(f"got widths {widths.tolist()}, expected one of 1 to {pictures.shape[2]} for each line")
        xs, steps = self.columns(pictures, widths)
        hs = run_padded(self.lstm, xs, steps) if self.recurrent else self._along(xs, steps)
        return self.readout(hs), steps

    def _along(self, xs: Tensor, steps: Tensor) -> Tensor:
        """Do without memory: each column sees two neighbours on each side."""
        hs = xs.permute(1, 2, 0)
        for layer in self.along:
            hs = torch.relu(layer(_cut(hs, steps)))
        return hs.permute(2, 0, 1)


def fold(model: Reader) -> Reader:
    """Return a Reader without batch normalisation that gives the same numbers: it goes into the convolutions.

    After training, normalisation is a factor and a shift for each channel, and so is what a convolution can do itself.

    Example:
        >>> model = Reader("01", norm=True).eval()
        >>> xs, widths = torch.rand(2, 24, 40), torch.tensor([40, 31])
        >>> torch.allclose(fold(model)(xs, widths)[0], model(xs, widths)[0], atol=1e-5)
        True
    """
    if not model.arguments["norm"]:
        return model
    with torch.random.fork_rng(devices=[]):
        folded = Reader(**model.arguments | {"norm": False})
    weights = {name: value for name, value in model.state_dict().items() if not name.startswith("norms")}
    for k, norm in enumerate(model.norms):
        assert isinstance(norm, nn.BatchNorm2d)
        mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
        factor = norm.weight.detach() / (variance + norm.eps).sqrt()
        weight, bias = f"convolutions.{k}.weight", f"convolutions.{k}.bias"
        weights[weight] = weights[weight] * factor[:, None, None, None]
        weights[bias] = norm.bias.detach() + (weights[bias] - mean) * factor
    folded.load_state_dict(weights)
    return folded.eval() if not model.training else folded


def _cut(xs: Tensor, steps: Tensor) -> Tensor:
    """Set to zero what lies beyond each line's end: (B, …, W)."""
    if int(steps.min()) == xs.shape[-1]:
        return xs
    inside = torch.arange(xs.shape[-1], device=xs.device) < steps[:, None]
    return xs * inside.reshape(len(steps), *[1] * (xs.ndim - 2), -1).to(xs.dtype)


# ---------------------------------------------------------------- what is read


class Reading(NamedTuple):
    """What a line says, and where.

    Attributes:
        text: The characters.
        log_chance: Logarithm of the chance that the network gives to it, all paths added up, in nats.
        spans: For each character, the columns of ``picture`` where it was read: first, and after the last.
        log_probs: (T, K), logarithms of the chances at each column; class 0 is the blank.
        picture: Ink (R, W) that the network was given.
    """

    text: str
    log_chance: float
    spans: list[tuple[int, int]]
    log_probs: Array
    picture: Array


def read(model: Reader, brightness: Array, *, beam: int = 8) -> Reading:
    """Read one line.

    Args:
        model: A trained Reader.
        brightness: Picture in grey (rows, columns), ink dark or light; see ``pictures.line``.
        beam: Texts that are kept while searching for the likeliest; 1 takes the best class of each column.

    Raises:
        ValueError: If the picture has no ink, or is no line.

    Example:
        >>> page = np.ones((60, 200)); page[20:40, 30:150] = 0
        >>> reading = read(Reader("01"), page)
        >>> reading.picture.shape, len(reading.log_probs), len(reading.spans) == len(reading.text)
        ((24, 124), 62, True)
    """
    return read_ink(model, pictures.line(brightness, model.height), beam=beam)


def read_ink(model: Reader, picture: Array, *, beam: int = 8) -> Reading:
    """Read one line that is already ink of the reader's height: see ``read``."""
    (log_probs,) = look(model, [picture])
    labels = ctc.greedy(log_probs) if beam == 1 else ctc.beam(log_probs, beam)[0].labels
    stride, width = model.stride, picture.shape[1]
    frames = ctc.align(log_probs, labels).spans
    spans = [(first * stride, min(after * stride, width)) for first, after in frames]
    return Reading(spell(model, labels), ctc.log_likelihood(log_probs, labels), spans, log_probs, picture)


def look(model: Reader, inks: Sequence[Array]) -> list[Array]:
    """Return the logarithms of the chances (T, K) for each line."""
    widths = torch.tensor([ink.shape[1] for ink in inks])
    padded = np.zeros((len(inks), inks[0].shape[0], int(widths.max())), np.float32)
    for row, ink in zip(padded, inks, strict=True):
        row[:, : ink.shape[1]] = ink
    was_training = model.training
    model.eval()
    with torch.no_grad():
        scores, steps = model(torch.from_numpy(padded), widths)
    model.train(was_training)
    log_probs = torch.log_softmax(scores, dim=-1).numpy()
    return [log_probs[:T, k] for k, T in enumerate(steps.tolist())]


def transcribe(model: Reader, inks: Sequence[Array], *, at_once: int = 50) -> list[str]:
    """Read many lines, ink of the reader's height, taking the best class of each column.

    Example:
        >>> len(transcribe(Reader("01"), [np.zeros((24, 30), np.float32)] * 3))
        3
    """
    order = sorted(range(len(inks)), key=lambda k: inks[k].shape[1])  # lines of like width together
    texts = [""] * len(inks)
    for start in range(0, len(order), at_once):
        some = order[start : start + at_once]
        for k, log_probs in zip(some, look(model, [inks[k] for k in some]), strict=True):
            texts[k] = spell(model, ctc.greedy(log_probs))
    return texts


def spell(model: Reader, labels: Sequence[int]) -> str:
    """Turn classes into characters."""
    return "".join(model.characters[label - 1] for label in labels)


def confusions(said: Sequence[str], got: Sequence[str]) -> dict[tuple[str, str], int]:
    """Count which characters were read as which others, in lines of equal length, the most frequent first.

    Example:
        >>> confusions(["17", "71"], ["77", "77"])
        {('1', '7'): 2}
    """
    pairs = [
        pair
        for one, other in zip(said, got, strict=True)
        if len(one) == len(other)
        for pair in zip(one, other, strict=True)
    ]
    return dict(Counter(pair for pair in pairs if pair[0] != pair[1]).most_common())
