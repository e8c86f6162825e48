"""What Chapter 6 says of single units whose symbol is asked for in the step that writes it: standard and drawn."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.chapters import _page
from lstm_lib.applied import gatekeepers


def measure() -> Iterator[dict[str, Any]]:
    """Yield one row for each trained unit."""
    rng = np.random.default_rng(20_000)
    plain = gatekeepers.draw(rng, 1000)
    batch = gatekeepers.ask_at_once(rng, plain)
    at_once = batch.mask & ~plain.mask
    for seed, start in _page.runs():
        for cell in ("lstm", "drawn"):
            hs = gatekeepers.run(cell, gatekeepers.train(cell, seed, at_once=True), batch.xs).hs[..., 0]
            spoken = np.abs(hs) > gatekeepers.SPOKEN  # whoever is silent is not right
            right = spoken & (gatekeepers.said(hs) == batch.targets)
            yield _page.rounded(
                claim="asked at once",
                seed=seed,
                start=start,
                cell=cell,
                right_at_once=float(right[at_once].mean()),
                right_later=float(right[plain.mask].mean()),
                unasked=float(spoken[~batch.mask].mean()),
            )
