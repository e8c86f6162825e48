"""Train one patient of the clinic and write its chart: losses, gates and memory of one sequence, kinds of answers.

Shapes: T steps, B batch, H hidden units.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lstm_lib import convert, training
from lstm_lib.from_scratch import layers
from lstm_lib.nn import LSTM, Tagger, set_forget_bias
from lstm_lib.tasks import Array, Batch, recall_stream
from lstm_lib.tasks.answers import kinds_of_answers

Layer = Callable[[Tensor], tuple[Tensor, Any]]  # from xs (T, B, D) to hs (T, B, H) and a state
Hidden = Callable[[Layer, Tensor], Tensor]  # the layer and xs (T, B, D) to hs (T, B, H)


class Chart(NamedTuple):
    """What is seen of a patient: losses (batches,), one sequence, its gates and memory (T, H), kinds of answer (4,).

    ``case`` is what its owner would hand to ``lstm_lib.doctor.examine``: the network, a batch as it was trained on, the
    optimiser, and how many steps lie between most writes and their questions.
    """

    losses: Array
    sequence: Batch
    i: Array
    f: Array
    o: Array
    c: Array
    kinds: Array
    case: dict[str, Any]


class Patient(nn.Module):
    """A tagger whose way from xs to h can be replaced."""

    def __init__(self, tagger: Tagger, hidden: Hidden) -> None:
        """Keep both."""
        super().__init__()
        self.tagger, self.hidden = tagger, hidden

    def forward(self, xs: Tensor, state: None = None) -> tuple[Tensor, None]:
        """Return the scores (T, B, 4), and no state."""
        scores: Tensor = self.tagger.readout(self.hidden(self.tagger.lstm, xs))
        return scores, None


def boxes(rng: np.random.Generator, batch_size: int = 32) -> Batch:
    """Draw a batch of the stream of two boxes, 30 steps long."""
    return recall_stream(rng, batch_size, 30, boxes=2, dtype=np.float32)


def straight(layer: Layer, xs: Tensor) -> Tensor:
    """Run over whole sequences."""
    hs, _ = layer(xs)
    return hs


def as_it_is(batch: Batch) -> Batch:
    """Do nothing to a batch."""
    return batch


def examine(
    seed: int,
    *,
    hidden: Hidden = straight,
    data: Callable[[Batch], Batch] = as_it_is,
    lr: float = 0.01,
    forget_bias: float = 1.0,
    after: Callable[[LSTM], None] = lambda lstm: None,
    batches: int = 700,
) -> Chart:
    """Train a tagger of 24 units on two boxes, with or without something wrong, and look at it.

    Args:
        seed: Of the weights and of the batches.
        hidden: Way from xs to h, in training and afterwards.
        data: What happens to each batch in training.
        lr: Learning rate.
        forget_bias: Bias of the forget gates at the start.
        after: What happens to the LSTM once it is trained.
        batches: Batches of training.

    Returns:
        Chart; its answers are those to questions about new, whole sequences.

    Example:
        >>> examine(0, batches=2).losses.round(1)
        array([1.4, 1.4])
    """
    if hidden is straight and data is as_it_is:  # what only differs afterwards has been trained before
        patient, losses = copy.deepcopy(_train_plainly(seed, lr, forget_bias, batches))
    else:
        patient, losses = _train(seed, hidden, data, lr, forget_bias, batches)
    with torch.no_grad():
        after(patient.tagger.lstm)
        test = _test()
        says = patient(torch.as_tensor(test.xs))[0].argmax(-1).numpy()[test.mask]
        sequence = Batch(*(part[:, :1].copy() for part in test))
        traces = _look_inside(patient, torch.as_tensor(sequence.xs))
    batch = tuple(data(boxes(np.random.default_rng(7))))
    case = {"model": patient, "batch": batch, "optimizer": torch.optim.Adam(patient.parameters(), lr), "longest_lag": 8}
    return Chart(losses, sequence, *traces, kinds_of_answers(says, test.xs), case)


def _train(
    seed: int, hidden: Hidden, data: Callable[[Batch], Batch], lr: float, forget_bias: float, batches: int
) -> tuple[Patient, Array]:
    """Train a patient; return it, and its losses."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        patient = Patient(Tagger(8, 24, 4), hidden)
        set_forget_bias(patient.tagger.lstm, forget_bias)
    sound = training.numbered(boxes, seed)
    settings = training.Settings(batches=batches, lr=lr, seed=seed)
    with _without_tiny_numbers():
        history = training.fit(patient, lambda n: data(sound(n)), settings, device="cpu", progress=False)
    return patient, history.losses


@lru_cache(maxsize=4)
def _train_plainly(seed: int, lr: float, forget_bias: float, batches: int) -> tuple[Patient, Array]:
    """Train a patient with nothing wrong in its code, once for all that is done to it afterwards."""
    return _train(seed, straight, as_it_is, lr, forget_bias, batches)


@contextmanager
def _without_tiny_numbers() -> Iterator[None]:
    """Take numbers below 1e-38 for 0: saturated gates leave such gradients, and a processor is slow with them."""
    before = (torch.tensor(1e-38) / 100).item() == 0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


@cache
def _test() -> Batch:
    """Draw the sequences that every patient is asked about."""
    return boxes(np.random.default_rng(2026), 800)


def _look_inside(patient: Patient, xs: Tensor) -> tuple[Array, Array, Array, Array]:
    """Return i, f, o and c of one sequence (T, H), computed the patient's way."""
    params: Any = convert.torch_to_numpy(patient.tagger.lstm)

    def glass(xs: Tensor) -> tuple[Tensor, None]:
        """Run as the LSTM does, and show its inside in place of h."""
        run = layers.lstm_forward(params, xs.numpy())
        gates = layers.gates(run)
        return torch.as_tensor(np.concatenate([gates.i, gates.f, gates.o, run.cs], axis=-1)), None

    i, f, o, c = np.split(patient.hidden(glass, xs).numpy()[:, 0], 4, axis=-1)
    return i, f, o, c
