"""Measure where an LSTM learns the delay task: delay against the start of its forget and input biases.

Every cell of the map trains the NumPy LSTM on batches of one delay with one learning rate for all (0.01, not tuned to
any start), until it names 95 % of 250 fixed sequences right at two looks in a row, or for the given number of batches.
Further columns: chrono biases, and orthogonal recurrent weights.

Rows are written as they come, and runs that the result file already holds, from this machine and these versions, are
kept: delete the file to measure everything again (about 10 minutes on two cores).
"""

import itertools
import json
import multiprocessing
import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

# One thread in matrix products; the work is spread over processes instead.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402

from benchmarks import _record  # noqa: E402
from lstm_lib import experiment, optim, tasks  # noqa: E402

DELAYS = (10, 20, 30, 50, 100, 200)
FORGET_BIASES = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
INPUT_BIASES = (0.0, -3.0)
SEEDS = (0, 1, 2)
HIDDEN, BATCH, RATE, BATCHES = 24, 32, 0.01, 600
EVERY = 20  # batches between two looks at the accuracy
RESULT = _record.RESULTS / "success_map.json"


class Job(NamedTuple):
    """One run. For chrono the biases are None: they are drawn for lags up to twice the delay."""

    delay: int
    start: str  # bias, chrono or orthogonal
    forget_bias: float | None
    input_bias: float | None
    seed: int


def jobs() -> list[Job]:
    """Return all runs, one seed of the whole map after the other.

    Example:
        >>> first = jobs()[0]
        >>> first.delay, first.start, first.seed
        (10, 'bias', 0)
    """
    columns: list[tuple[str, float | None, float | None]] = [
        ("bias", forget, enter) for enter, forget in itertools.product(INPUT_BIASES, FORGET_BIASES)
    ]
    columns += [("chrono", None, None), ("orthogonal", 1.0, 0.0), ("orthogonal", 5.0, -3.0)]
    return [Job(delay, *column, seed) for seed in SEEDS for delay in DELAYS for column in columns]


def start_weights(rng: np.random.Generator, job: Job) -> experiment.Weights:
    """Draw the weights that a run starts from."""
    forget: Any = job.forget_bias
    enter: Any = job.input_bias
    if job.start == "chrono":
        forget = experiment.chrono_bias(rng, HIDDEN, 2 * job.delay)
        enter = -forget
    weights = experiment.init_weights(rng, "lstm", 6, HIDDEN, 4, forget_bias=forget, input_bias=enter)
    if job.start == "orthogonal":
        for W in weights.cell.W:
            W[:, :HIDDEN] = np.linalg.qr(rng.standard_normal((HIDDEN, HIDDEN)))[0]
    return weights


def train(job: Job) -> dict[str, Any]:
    """Train one network and return its row: accuracy at the end, batches to 95 %, batches seen, the last losses."""
    rng = np.random.default_rng(job.seed)
    weights = start_weights(rng, job)
    test = tasks.delay(np.random.default_rng(10_000 + job.delay), 250, job.delay, dtype=np.float32)
    adam = optim.adam_init(weights)
    losses: list[float] = []
    looks: list[float] = []
    while len(losses) < BATCHES and not solved(looks):
        batch = tasks.delay(rng, BATCH, job.delay, dtype=np.float32)
        loss, grads = experiment.loss_and_grads("lstm", weights, batch)
        grads, _ = optim.clip_by_norm(grads, 1.0)
        weights, adam = optim.adam_step(weights, grads, adam, lr=RATE, betas=(0.9, 0.99))
        losses.append(loss)
        if len(losses) % EVERY == 0:
            looks.append(experiment.accuracy("lstm", weights, test))
    reached = len(losses) - EVERY if solved(looks) else None
    row = job._asdict() | {"accuracy": round(looks[-1], 4), "to_95": reached, "batches": len(losses)}
    return row | {"budget": BATCHES, "loss": round(float(np.mean(losses[-EVERY:])), 4)}


def solved(looks: list[float]) -> bool:
    """Say whether the last two looks both saw 95 % right.

    Example:
        >>> solved([0.96]), solved([0.96, 0.94]), solved([0.3, 0.95, 1.0])
        (False, False, True)
    """
    return len(looks) > 1 and min(looks[-2:]) >= 0.95


def known_runs() -> dict[Job, dict[str, Any]]:
    """Return the rows of the result file that this machine, these versions and this budget would give again."""
    if not RESULT.exists():
        return {}
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    if (result["machine"], result["versions"]) != (_record.machine(), _record.versions(["numpy"])):
        return {}
    return {Job(*(row[name] for name in Job._fields)): row for row in result["rows"] if row["budget"] == BATCHES}


def report(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print one line a column of the map: at each delay how many seeds were solved."""
    rows = list(rows)
    for column in dict.fromkeys((row["start"], row["forget_bias"], row["input_bias"]) for row in rows):
        here = [row for row in rows if (row["start"], row["forget_bias"], row["input_bias"]) == column]
        counts = (sum(row["to_95"] is not None for row in here if row["delay"] == delay) for delay in DELAYS)
        print(f"{column!s:28}", *(f"delay {delay}: {count} " for delay, count in zip(DELAYS, counts, strict=True)))


def main() -> None:
    """Train every cell of the map that is not known yet, and write the result file as rows come."""
    done = known_runs()
    wanted = jobs()
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        for n, row in enumerate(pool.imap_unordered(train, [job for job in wanted if job not in done])):
            done[Job(*(row[name] for name in Job._fields))] = row
            if n % 10 == 0:
                _record.write("success_map", [done[job] for job in wanted if job in done], seeds=SEEDS)
    path = _record.write("success_map", [done[job] for job in wanted], seeds=SEEDS)
    report(done[job] for job in wanted)
    print(f"written: {path.name}")


if __name__ == "__main__":
    _record.expect_no_arguments(__doc__)
    main()
