"""Train again what Chapter 11 trains: the delay task in three precisions."""

from collections.abc import Iterator
from typing import Any

import torch

from benchmarks.chapters import _page

PRECISIONS = ("float32", "bfloat16", "float16")


def measure() -> Iterator[dict[str, Any]]:
    """Yield one row for each trained network."""
    page = _page.functions(11, "learn", device=torch.device("cpu"))
    for precision in PRECISIONS:
        for seed in _page.SEEDS:
            accuracy = page["learn"](precision, seed)
            yield _page.rounded(claim="precision", precision=precision, seed=seed, accuracy=accuracy)
