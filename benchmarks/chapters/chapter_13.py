"""Train again what Chapter 13 trains: listeners with and without a memory, their delays, and what noise does."""

from collections.abc import Iterator
from typing import Any

from benchmarks.chapters._page import SEEDS, functions, rounded

Row = dict[str, Any]
LEVELS = (0.003, 0.01, 0.03, 0.1)
WITH_MEMORY = ("both directions", "one direction")


def measure() -> Iterator[Row]:
    """Yield a row for each trained network and what it was asked."""
    page = functions(13, "WORDS", "SHAPES", "listen_to", "learn", "errors", "delays")
    train, test = page["listen_to"](0, 300), page["listen_to"](1, 60)
    noisy = {level: page["listen_to"](1, 60, level) for level in LEVELS}
    for seed in SEEDS:
        for way, shape in page["SHAPES"].items():
            model = page["learn"](seed, train, **shape)
            yield {"seed": seed, "claim": "memory", "way": way, **rounded(errors=page["errors"](model, test))}
            if way not in WITH_MEMORY:
                continue
            yield {"seed": seed, "claim": "delay", "way": way, **rounded(delay=float(page["delays"](model, test)))}
            for level in LEVELS:
                found = rounded(errors=page["errors"](model, noisy[level]))
                yield {"seed": seed, "claim": "noise", "way": way, "noise": level, **found}
