"""Train again what Chapter 14 trains: a small reader of handwritten digits, with an LSTM and without."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from benchmarks.chapters import _page
from lstm_lib.applied import lines, ocr


def measure() -> Iterator[dict[str, Any]]:
    """Yield one row for each trained network."""
    torch.set_num_threads(1)
    page = _page.functions(14, "digits", "places", "reader", "batches", "learn", "train_on")
    test_on = page["digits"].only(page["places"]["test"])
    rng = np.random.default_rng(1)
    inks, said = zip(*[lines.digit_line(rng, test_on) for _ in range(300)], strict=True)
    for recurrent in (True, False):
        for seed in _page.SEEDS:
            got = ocr.transcribe(page["learn"](seed, recurrent), inks)
            right = np.mean([one == other for one, other in zip(said, got, strict=True)])
            way = "LSTM" if recurrent else "convolution alone"
            yield _page.rounded(claim="live", way=way, seed=seed, right=float(right))
