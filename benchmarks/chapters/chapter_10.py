"""Train again what Chapter 10 trains: windows, counting, clipping, two recipes, one batch, and its clinic."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.chapters._page import SEEDS, functions, rounded
from lstm_lib import clinic, tasks, training
from lstm_lib._array import Array
from lstm_lib.clinic.charts import Chart
from lstm_lib.clinic.figure import STANDING

Row = dict[str, Any]
NAMES = ("quiet", "network", "boxes", "stream", "one_box", "test")
LAGS = (1, 5, 10, 20, 40)


def measure() -> Iterator[Row]:
    """Yield a row for each trained network."""
    for seed in SEEDS:
        for row in (*windows(seed), *counting(seed), *descents(seed), *recipes(seed), *patients(seed)):
            yield {"seed": seed, **rounded(**row)}


def windows(seed: int) -> Iterator[Row]:
    """Cut the stream of one box into windows, and ask whole sequences: all questions, and those of each lag."""
    page = functions(10, *NAMES, "learn", "by_lag")
    for window in (5, 20):
        for between in ("reset", "carry"):
            model = page["learn"](seed, window, between)
            accuracy = training.evaluate(model, page["test"]).accuracy
            lags = {f"lag {low}": share for low, share in zip(LAGS, page["by_lag"](model), strict=True)}
            yield {"claim": "windows", "between": between, "window": window, "accuracy": accuracy, **lags}


def counting(seed: int) -> Iterator[Row]:
    """Say in windows of 20 steps whether 30 have gone by, with the state carried on and with empty memories."""
    count = functions(10, "quiet", "overdue", "near_30", "count_to_30")["count_to_30"]
    for between in ("carry", "reset"):
        yield {"claim": "counting", "between": between, "accuracy": count(seed, between)}


def descents(seed: int) -> Iterator[Row]:
    """Walk down with and without a limit; without one at a lower rate too; and from weights of the usual size."""
    descend = functions(10, *NAMES, "descend")["descend"]
    for times, rate, limit in ((10, 1.0, None), (10, 1.0, 0.3), (10, 0.3, None), (1, 1.0, None), (1, 1.0, 0.3)):
        run = descend(seed, limit, times, rate)
        found = {"loss": run.losses[-50:].mean(), "longest": run.norms.max(), "usual": np.median(run.norms)}
        yield {"claim": "clipping", "times": times, "rate": rate, "limit": limit, **found}


def recipes(seed: int) -> Iterator[Row]:
    """Count the batches that two learning rates need; learn one batch by heart."""
    page = functions(10, *NAMES, "batches_to_goal", "learn_one_batch")
    for rate in (0.03, 0.035):
        yield {"claim": "two recipes", "rate": rate, "batches": page["batches_to_goal"](seed, rate)}
    losses = page["learn_one_batch"](seed)
    yield {"claim": "one batch", "first": losses[0], "last": losses[-1]}


def patients(seed: int) -> Iterator[Row]:
    """Admit everybody to the clinic, and write down what the charts show."""
    for patient in ("healthy", "A", "B", "C", "D", "E"):
        yield {"claim": "clinic", "patient": patient, **signs(clinic.admit(patient, seed))}
    yield {"claim": "innocent", **signs(clinic.examine(seed, forget_bias=-4.0))}  # the suspect that is not guilty


def signs(chart: Chart) -> dict[str, float]:
    """Sum a chart up: kinds of answers, losses, how gates follow writes, where they stand, what the memory does."""
    gates = np.concatenate([chart.i, chart.f, chart.o])
    writes = tasks.stream_parts(chart.sequence.xs[:, 0], boxes=2).writes.any(axis=-1)
    alike, border = stays_alike(chart.c), np.arange(len(chart.c) - 1) % 5 == 4
    return dict(zip(clinic.KINDS, chart.kinds.tolist(), strict=True)) | {
        "loss": chart.losses[-50:].mean(),
        "first losses": chart.losses[:10].max(),
        **{f"{name} follows": follows(getattr(chart, name), writes) for name in "ifo"},
        "mean f": chart.f.mean(),
        "kept": kept_share(chart),
        "standing": np.mean((gates < STANDING) | (gates > 1 - STANDING)),
        "mean memory": np.abs(chart.c).mean(),
        "largest memory": np.abs(chart.c).max(),
        "alike at every fifth step": alike[border].mean(),
        "alike elsewhere": alike[~border].mean(),
    }


def kept_share(chart: Chart) -> float:
    """Return how much of what enters a memory was kept, in the mean; the rest is newly written."""
    kept = chart.f[1:] * chart.c[:-1]
    written = chart.c[1:] - kept
    return float(np.abs(kept).sum() / (np.abs(kept).sum() + np.abs(written).sum()))


def follows(gate: Array, events: Array) -> float:
    """Return how much further open a gate (T, H) is, in the mean, at events (T,) than at the other steps."""
    return float(gate[events].mean() - gate[~events].mean())


def stays_alike(c: Array) -> Array:
    """Return the cosine between the memory after each step and the one before (T - 1,)."""
    lengths = np.linalg.norm(c, axis=1)
    cosines: Array = (c[1:] * c[:-1]).sum(axis=1) / (lengths[1:] * lengths[:-1])
    return cosines
