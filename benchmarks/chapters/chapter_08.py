"""What Chapter 8 says of trained LSTMs beside the success map: delay 30 from four pairs of biases."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.chapters import _page
from lstm_lib import experiment, tasks

STARTS = ((1.0, 0.0), (1.0, -3.0), (5.0, 0.0), (5.0, -3.0))


def measure() -> Iterator[dict[str, Any]]:
    """Train at delay 30 and yield one row for each network."""
    page = _page.functions(8, "draw", "train_from")
    test = tasks.delay(np.random.default_rng(9), 250, 30, dtype=np.float32)
    for seed, start in _page.runs():
        for forget_bias, input_bias in STARTS:
            says = experiment.answers("lstm", page["train_from"](seed, forget_bias, input_bias), test)
            yield _page.rounded(
                claim="delay 30",
                seed=seed,
                start=start,
                forget_bias=forget_bias,
                input_bias=input_bias,
                right=float(np.mean(says == test.targets[test.mask])),
                one_symbol=float(np.bincount(says).max() / len(says)),
            )
