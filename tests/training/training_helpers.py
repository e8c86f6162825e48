"""What the tests of ``lstm_lib.training`` share: small networks, small tasks, and comparing weights bit by bit."""

from typing import Any

import numpy as np
import torch

from lstm_lib import nn, tasks, training


def boxes(seed: int = 0, T: int = 12, B: int = 6):
    """Return numbered batches of a short stream with two boxes."""
    return training.numbered(lambda rng: tasks.recall_stream(rng, B, T), seed)


def network(seed: int = 0, **options: Any) -> nn.Tagger:
    """Draw a small network for two boxes."""
    torch.manual_seed(seed)
    return nn.Tagger(8, 7, 4, **options)


def fit(model: nn.Tagger, settings: training.Settings, **options: Any) -> training.History:
    """Train on the boxes, on the processor, without a bar."""
    return training.fit(model, options.pop("sample", boxes()), settings, device="cpu", progress=False, **options)


def weights(model: torch.nn.Module) -> dict[str, np.ndarray]:
    """Copy the weights."""
    return {name: value.detach().clone().numpy() for name, value in model.state_dict().items()}


def assert_same_bits(actual: torch.nn.Module, expected: torch.nn.Module) -> None:
    """Hold two networks to the same weights, bit by bit."""
    ours, theirs = weights(actual), weights(expected)
    assert ours.keys() == theirs.keys()
    for name in theirs:
        assert ours[name].tobytes() == theirs[name].tobytes(), name
