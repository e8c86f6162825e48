"""A listener: from the features of a sound, frame by frame, to the labels that were said, with CTC.

Shapes: T frames, B sounds, M features a frame, T' = T / stack steps, H hidden units, K = labels + 1 signs (0 is the
blank), L labels of the longest.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lstm_lib._array import Array
from lstm_lib.applied import ctc
from lstm_lib.applied.sound import Scaling
from lstm_lib.nn import LSTM, run_padded
from lstm_lib.training import Objective


class Utterances(NamedTuple):
    """Padded sounds and what they say: features (T, B, M), lengths (B,), labels (B, L), counts (B,) of the labels."""

    features: Array
    lengths: Array
    labels: Array
    counts: Array


def pad(features: Sequence[Array], labels: Sequence[Sequence[int]] | None = None) -> Utterances:
    """Lay sounds of different lengths side by side, zeros behind the shorter ones.

    Args:
        features: B arrays (T, M), each with its own T.
        labels: What each says; None where nobody knows.

    Example:
        >>> pad([np.ones((5, 2)), np.ones((3, 2))], [[1, 2], [3]]).labels.tolist()
        [[1, 2], [3, 0]]
    """
    said = [list(one) for one in labels] if labels is not None else [[] for _ in features]
    if len(said) != len(features) or not said:
        raise ValueError(f"got {len(features)} sounds and {len(said)} transcripts, expected as many, at least one")
    lengths, counts = (np.array([len(one) for one in many]) for many in (features, said))
    padded = np.zeros((lengths.max(), len(features), features[0].shape[1]), np.float32)
    signs = np.zeros((len(said), max(1, counts.max())), np.int64)
    for b, (sound, one) in enumerate(zip(features, said, strict=True)):
        padded[: len(sound), b], signs[b, : len(one)] = sound, one
    return Utterances(padded, lengths, signs, counts)


class Listener(nn.Module):
    """Give the log chance of each sign at every step: features → LSTM, one direction or both → linear → log-softmax.

    Args:
        features: M.
        labels: K - 1.
        hidden_size: H, units of a layer and direction.
        num_layers: Layers.
        bidirectional: Whether it hears the whole before it judges; False judges while one speaks.
        stack: Frames that make one step.
        window: Without a memory: in place of the LSTM each step sees so many steps around it (odd), through 2 H units.
        dropout: Of each layer's output, while training.

    Raises:
        ValueError: If a number does not fit.

    Example:
        >>> model = Listener(40, 10, 24)
        >>> model(torch.zeros(9, 2, 40)).shape  # a last frame without a partner is not heard
        torch.Size([4, 2, 11])
    """

    mean: Tensor
    spread: Tensor

    def __init__(
        self,
        features: int,
        labels: int,
        hidden_size: int,
        *,
        num_layers: int = 1,
        bidirectional: bool = False,
        stack: int = 2,
        window: int = 0,
        dropout: float = 0.0,
    ) -> None:
        """Make the layers."""
        super().__init__()
        least = {"features": features, "labels": labels, "hidden_size": hidden_size, "stack": stack}
        for name, value in least.items():
            if value < 1:
                raise ValueError(f"got {name} {value}, expected at least 1")
        if window and window % 2 == 0:
            raise ValueError(f"got window {window}, expected an odd number of steps, or 0 for a memory")
        self.arguments: dict[str, Any] = {**least, "num_layers": num_layers, "bidirectional": bidirectional}
        self.arguments |= {"window": window, "dropout": dropout}
        self.stack = stack
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("spread", torch.ones(features))
        D, ways = features * stack, 2 if bidirectional or window else 1
        self.lstm: LSTM | None = None
        self.around: nn.Conv1d | None = None
        self.dropout = nn.Dropout(dropout)
        if window:
            self.around = nn.Conv1d(D, ways * hidden_size, window, padding=window // 2)
        else:
            between = dropout if num_layers > 1 else 0.0
            self.lstm = LSTM(D, hidden_size, num_layers, bidirectional=bidirectional, dropout=between)
        self.readout = nn.Linear(ways * hidden_size, labels + 1)

    def scale(self, scaling: Scaling) -> "Listener":
        """Keep the scaling of the training data with the weights, and return the network."""
        self.mean.copy_(torch.as_tensor(scaling.mean))
        self.spread.copy_(torch.as_tensor(scaling.spread))
        return self

    def forward(self, features: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Listen.

        Args:
            features: (T, B, M), as measured; they are scaled here.
            lengths: (B,), frames of each sound; None where all have T. What is behind a sound changes nothing of it.

        Returns:
            Log chances (T', B, K); those behind the end of a sound mean nothing.
        """
        T, B, M = features.shape
        steps = T // self.stack
        xs = ((features - self.mean) / self.spread)[: steps * self.stack]
        xs = xs.reshape(steps, self.stack, B, M).transpose(1, 2).reshape(steps, B, self.stack * M)
        ends = torch.full((B,), steps) if lengths is None else torch.as_tensor(lengths).cpu() // self.stack
        scores: Tensor = self.readout(self.dropout(self._remember(xs, ends)))
        return scores.log_softmax(-1)

    def _remember(self, xs: Tensor, ends: Tensor) -> Tensor:
        """Run the LSTM, (steps, B, D) to (steps, B, H or 2 H); or look around, where there is none."""
        if self.around is not None:
            inside = torch.arange(len(xs), device=xs.device)[:, None] < ends.to(xs.device)
            seen: Tensor = self.around((xs * inside[..., None]).permute(1, 2, 0))
            return seen.permute(2, 0, 1).tanh()
        assert self.lstm is not None
        return run_padded(self.lstm, xs, ends)


# ---------------------------------------------------------------- training


def _loss(log_probs: Tensor, batch: Any, stack: int) -> Tensor:
    """Add up the CTC losses; single words are told apart by their mean chances as well, which gets CTC going."""
    ends = (batch.lengths // stack).long()
    ctc_loss = F.ctc_loss(
        log_probs, batch.labels, ends, batch.counts, blank=ctc.BLANK, reduction="sum", zero_infinity=True
    )
    if not bool((batch.counts == 1).all()):
        return ctc_loss
    return ctc_loss + F.cross_entropy(mean_scores(log_probs, ends), batch.labels[:, 0] - 1, reduction="sum")


def mean_scores(log_probs: Tensor, ends: Tensor) -> Tensor:
    """Return one score for each label (B, K - 1): its mean log chance over the steps of each sound, blanks left out.

    Example:
        >>> log_probs = torch.log(torch.tensor([[[0.6, 0.3, 0.1]], [[0.6, 0.1, 0.3]], [[0.2, 0.1, 0.7]]]))
        >>> mean_scores(log_probs, torch.tensor([2])).exp()  # the third step is padding
        tensor([[0.1732, 0.1732]])
    """
    inside = torch.arange(len(log_probs), device=ends.device)[:, None] < ends
    return (log_probs * inside[..., None]).sum(0)[:, 1:] / ends[:, None]


def _right(log_probs: Tensor, batch: Any, stack: int) -> tuple[Tensor, int]:
    """Count the sounds whose greedy reading is right in every label."""
    signs = log_probs.argmax(-1).T.cpu()
    right = 0
    for b, (end, count) in enumerate(zip(batch.lengths.tolist(), batch.counts.tolist(), strict=True)):
        right += ctc.read_path(signs[b, : end // stack].tolist()) == tuple(batch.labels[b, :count].tolist())
    return torch.tensor(right), len(batch.counts)


def objective(stack: int = 2) -> Objective:
    """Return what a Listener is trained for: the CTC loss of each sound; a score counts sounds read without a mistake.

    Args:
        stack: Frames that make one step of the network.

    Example:
        >>> list(objective().parts)
        ['features', 'lengths', 'labels', 'counts']
    """
    return Objective(
        parts={"features": "T B M float", "lengths": "B int", "labels": "B L int", "counts": "B int"},
        loss=lambda log_probs, batch: _loss(log_probs, batch, stack),
        score=lambda log_probs, batch: _right(log_probs, batch, stack),
        run=lambda network, batch, state: (network(batch.features, batch.lengths), None),
    )


# ---------------------------------------------------------------- listening


def log_chances(network: Listener, features: Sequence[Array], batch_size: int = 64) -> list[Array]:
    """Return the log chances (T', K) of each sound, without what padding adds; the network is left as it was.

    Example:
        >>> [chances.shape for chances in log_chances(Listener(40, 3, 8), [np.ones((9, 40)), np.ones((4, 40))])]
        [(4, 4), (2, 4)]
    """
    found: list[Array] = []
    was_training = network.training
    network.eval()
    with torch.no_grad():
        for start in range(0, len(features), batch_size):
            batch = pad(features[start : start + batch_size])
            chances = network(torch.from_numpy(batch.features), torch.from_numpy(batch.lengths)).numpy()
            found += [chances[: end // network.stack, b] for b, end in enumerate(batch.lengths.tolist())]
    network.train(was_training)
    return found


def likeliest_word(log_probs: Array) -> int:
    """Say which label was said, given that it was one: the largest of K - 1 likelihoods.

    Example:
        >>> likeliest_word(np.log([[0.6, 0.3, 0.1], [0.6, 0.1, 0.3], [0.5, 0.1, 0.4]]))
        2
    """
    return 1 + int(np.argmax([ctc.log_likelihood(log_probs, [k]) for k in range(1, log_probs.shape[1])]))


def expect_apart(train: Iterable[Any], test: Iterable[Any], what: str) -> None:
    """Raise a ValueError if something that is trained on is asked in the test too: a speaker, a file, its content.

    Example:
        >>> expect_apart(["anna", "ben"], ["cleo"], "speaker")
        >>> expect_apart(["anna", "ben"], ["ben"], "speaker")
        Traceback (most recent call last):
        ...
        ValueError: got speaker 'ben' in training and test, expected it in one of the two
    """
    if both := set(train) & set(test):
        one = min(both, key=str)
        shown = f"{what} {one!r}" if len(str(one)) < 60 else f"the same {what} twice ({len(both)} in all)"
        raise ValueError(f"got {shown} in training and test, expected it in one of the two")
