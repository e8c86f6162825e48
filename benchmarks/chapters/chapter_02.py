"""What Chapter 2 says of trained RNNs: what the scale of the first weights does, and what clipping does."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.chapters import _page

HELPERS = "start", "story", "loss_and_accuracy"


def measure() -> Iterator[dict[str, Any]]:
    """Yield one row for each trained network."""
    yield from two_scales()
    yield from clipping()


def two_scales() -> Iterator[dict[str, Any]]:
    """Train at delay 20 from recurrent weights of half and of one and a half times the orthogonal ones."""
    page = _page.functions(2, *HELPERS, "train_from")
    for seed, start in _page.runs():
        for scale in (0.5, 1.5):
            row = {name.replace(" ", "_"): float(value) for name, value in page["train_from"](seed, scale).items()}
            yield _page.rounded(claim="scale of the weights", seed=seed, start=start, scale=scale, **row)


def clipping() -> Iterator[dict[str, Any]]:
    """Go downhill from large weights with a limit, without, and without at a small learning rate."""
    page = _page.functions(2, *HELPERS, "descend")
    ways = {"clipped": (1.0, 0.2), "free": (np.inf, 0.2), "slow": (np.inf, 0.01)}
    for seed, start in _page.runs():
        for name, (limit, lr) in ways.items():
            losses, lengths, right = page["descend"](seed, limit=limit, lr=lr)
            yield _page.rounded(
                claim="clipping",
                seed=seed,
                start=start,
                way=name,
                right=float(right),
                longest=float(max(lengths)),
                over_ten=int((np.array(lengths) > 10).sum()),
                loss_at_200=float(np.mean(losses[180:200])),
                last_loss=float(np.mean(losses[-20:])),
            )
