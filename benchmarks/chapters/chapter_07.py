"""What Chapter 7 says of trained LSTMs: four boxes, the errors of a cell with one gate held open, and the films."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.chapters import _page
from lstm_lib import answers, experiment, film, layers

BROKEN = {"intact": {}, "learn": {"i": 1.0}, "forget": {"f": 1.0}, "use": {"o": 1.0}}


def measure() -> Iterator[dict[str, Any]]:
    """Yield one row for each trained network (and each gate held open)."""
    yield from four_boxes()
    yield from broken_gates()
    yield from films()


def four_boxes() -> Iterator[dict[str, Any]]:
    """Train on four boxes."""
    page = _page.functions(7, "boxes", "train_lstm")
    test = page["boxes"](4, 500)(np.random.default_rng(99))
    for seed, start in _page.runs():
        right = experiment.accuracy("lstm", page["train_lstm"](seed, 4, 1500), test)
        yield _page.rounded(claim="four boxes", seed=seed, start=start, right=right)


def broken_gates() -> Iterator[dict[str, Any]]:
    """Train on two boxes, then hold one gate open and sort the answers."""
    page = _page.functions(7, "boxes", "train_lstm", "names")
    batch = page["batch"] = page["boxes"](2, 400)(np.random.default_rng(7))
    for seed, start in _page.runs():
        weights = page["train_lstm"](seed, 2, 1000)
        for broken, clamp in BROKEN.items():
            shares = answers.kinds_of_answers(page["names"](weights, clamp), batch.xs)
            kinds = {kind: float(share) for kind, share in zip(answers.KINDS, shares, strict=True)}
            yield _page.rounded(claim="broken gates", seed=seed, start=start, open=broken, **kinds)


def films() -> Iterator[dict[str, Any]]:
    """Train on films, and compare losses and beliefs with what can be known at best."""
    page = _page.functions(7, "frames", "train_film", "believes")
    seen = page["frames"](np.random.default_rng(9), 300)
    best = film.belief(seen.xs)
    possible = -np.log(np.take_along_axis(best, seen.targets[..., None], axis=2)).mean()
    faces, begins = film.frame_parts(seen.xs)
    begins, scenery = begins == 1, faces.argmax(axis=2) >= film.FACES.index("waiter")
    for seed, start in _page.runs():
        weights = page["train_film"](seed)
        gates = layers.gates(experiment.run("lstm", weights, seen.xs))
        news = np.abs(gates.i * gates.g).mean(axis=2)
        yield _page.rounded(
            claim="films",
            seed=seed,
            start=start,
            above_best=float(experiment.loss_and_grads("lstm", weights, seen)[0] - possible),
            distance=float(np.abs(page["believes"](weights, seen.xs) - best).mean()),
            from_telling=float(news[~begins & ~scenery].mean()),
            from_scenery=float(news[~begins & scenery].mean()),
            kept_at_start=float(gates.f[begins].mean()),
            kept_otherwise=float(gates.f[~begins].mean()),
        )
