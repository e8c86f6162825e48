"""Measure what each gate buys: every cell of the staircase on the stream of boxes and on the delay task.

For each task and cell a learning rate is chosen on seeds of its own: the best mean accuracy, then the fewest batches
to 95 %. Then the cell is trained with five other seeds. All cells of a task get the same number of batches. Accuracies
are measured on 250 sequences, the same for all runs of a task. Where the chosen rate is the smallest or the largest of
the grid, a still better one may lie outside.

Runs that the result file already holds, from this machine and these versions, are kept: delete the file to measure
everything again (about 20 minutes on two cores).
"""

import itertools
import json
import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

# One thread in matrix products; the work is spread over processes instead.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402

from benchmarks import _record  # noqa: E402
from lstm_lib import experiment, tasks  # noqa: E402

SEEDS = (0, 1, 2, 3, 4)
CHOOSING_SEEDS = (100, 101, 102, 103)
RATES = (0.001, 0.003, 0.01, 0.03, 0.1)
BATCH = 32
RESULT = _record.RESULTS / "what_each_gate_buys.json"
EVERY = 20  # batches between two looks at the accuracy


class Task(NamedTuple):
    """A task at its training length, and the lengths at which the trained network is asked."""

    draw: Callable[[np.random.Generator, int, int], tasks.Batch]  # rng, batch size, length
    trained_at: int
    asked_at: tuple[int, ...]
    features: int
    hidden: int
    iterations: int
    cells: tuple[str, ...]


class Cell(NamedTuple):
    """A recipe of ``experiment`` and the start of its biases; chrono names the longest lag that it is spread over."""

    recipe: str
    forget_bias: float = 1.0
    input_bias: float = 0.0
    chrono: int = 0


def boxes(count: int) -> Callable[[np.random.Generator, int, int], tasks.Batch]:
    """Return a drawer of the stream with ``count`` boxes."""
    return lambda rng, size, T: tasks.recall_stream(rng, size, T, boxes=count, dtype=np.float32)


def delay(rng: np.random.Generator, size: int, k: int) -> tasks.Batch:
    """Draw the delay task."""
    return tasks.delay(rng, size, k, dtype=np.float32)


CELLS = {
    "rnn": Cell("rnn"),
    "memory": Cell("memory"),
    "learn": Cell("learn"),
    "learn, b_i = -3": Cell("learn", input_bias=-3.0),
    "forget": Cell("forget"),
    "lstm": Cell("lstm"),
    "lstm, b_f = 3": Cell("lstm", forget_bias=3.0),
    "lstm, chrono": Cell("lstm", chrono=60),
    "no-forget": Cell("no-forget"),
    "no-forget, b_i = -3": Cell("no-forget", input_bias=-3.0),
    "drawn": Cell("drawn"),
    "drawn, chrono": Cell("drawn", chrono=60),
}
STAIRCASE = ("rnn", "memory", "learn", "forget", "lstm", "no-forget", "drawn")
STARTS = ("lstm, b_f = 3", "lstm, chrono", "no-forget, b_i = -3", "drawn, chrono", "learn, b_i = -3")

TASKS = {
    "stream, 2 boxes": Task(boxes(2), 30, (30, 300), 8, 24, 1200, STAIRCASE),
    "stream, 2 boxes, long": Task(boxes(2), 30, (30, 300), 8, 24, 5000, ("rnn",)),
    "stream, 4 boxes": Task(boxes(4), 30, (30, 300), 12, 16, 2000, STAIRCASE),
    "delay 30": Task(delay, 30, (30, 100, 300, 1000), 6, 24, 1500, (*STAIRCASE, *STARTS)),
}


def train(task_name: str, cell_name: str, rate: float, seed: int) -> dict[str, Any]:
    """Train one network and return its row: accuracies by length, batches to 95 %, the final loss.

    Args:
        task_name: Key of ``TASKS``.
        cell_name: Key of ``CELLS``.
        rate: Learning rate.
        seed: Of weights and batches.
    """
    task, cell = TASKS[task_name], CELLS[cell_name]
    rng = np.random.default_rng(seed)
    forget_bias: Any = cell.forget_bias
    input_bias: Any = cell.input_bias
    if cell.chrono:
        forget_bias = experiment.chrono_bias(rng, task.hidden, cell.chrono)
        input_bias = -forget_bias
    start = experiment.init_weights(
        rng, cell.recipe, task.features, task.hidden, 4, forget_bias=forget_bias, input_bias=input_bias
    )
    tests = {length: task.draw(np.random.default_rng(10_000 + length), 250, length) for length in task.asked_at}
    reached: list[int] = []

    def look(n: int, weights: experiment.Weights) -> None:
        if not reached and experiment.accuracy(cell.recipe, weights, tests[task.trained_at]) >= 0.95:
            reached.append(n)

    def sample(rng: np.random.Generator) -> tasks.Batch:
        return task.draw(rng, BATCH, task.trained_at)

    weights, history = experiment.train(
        rng, cell.recipe, start, sample, iterations=task.iterations, lr=rate, watch=look, every=EVERY
    )
    accuracy = {f"at {n}": round(experiment.accuracy(cell.recipe, weights, test), 4) for n, test in tests.items()}
    sizes = {"batches": task.iterations, "units": task.hidden}
    row = {"task": task_name, "cell": cell_name, "rate": rate, "seed": seed, "to_95": reached[0] if reached else None}
    return row | sizes | {"loss": round(float(history.losses[-50:].mean()), 4)} | accuracy


def best_rate(rows: Sequence[Mapping[str, Any]], trained_at: int) -> float:
    """Return the rate with the best mean accuracy at the training length; fewest batches to 95 % break a tie.

    Example:
        >>> runs = (0.1, 1.0, 90), (0.2, 1.0, 40), (0.3, 0.5, None)
        >>> best_rate([{"rate": rate, "at 30": right, "to_95": n} for rate, right, n in runs], 30)
        0.2
    """

    def merit(rate: float) -> tuple[float, float]:
        group = [row for row in rows if row["rate"] == rate]
        right = float(np.mean([row[f"at {trained_at}"] for row in group]))
        return round(right, 2), -float(np.mean([row["to_95"] or 10**6 for row in group]))

    return max(sorted({row["rate"] for row in rows}), key=merit)


def known_runs() -> dict[tuple[str, str, float, int], dict[str, Any]]:
    """Return the rows of the result file that this machine, these versions and these sizes would give again."""
    if not RESULT.exists():
        return {}
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    if (result["machine"], result["versions"]) != (_record.machine(), _record.versions(["numpy"])):
        return {}
    rows = [{name: value for name, value in row.items() if name != "stage"} for row in result["rows"]]
    sizes = {name: (task.iterations, task.hidden) for name, task in TASKS.items()}
    return {key(row): row for row in rows if sizes.get(row["task"]) == (row["batches"], row["units"])}


def key(row: Mapping[str, Any]) -> tuple[str, str, float, int]:
    """Name one run."""
    return row["task"], row["cell"], row["rate"], row["seed"]


def main() -> None:
    """Choose the rates, train all seeds, and write the result file."""
    cells = [(task_name, cell_name) for task_name, task in TASKS.items() for cell_name in task.cells]
    done = known_runs()

    def run_all(jobs: Sequence[tuple[str, str, float, int]]) -> list[dict[str, Any]]:
        missing = [job for job in jobs if job not in done]
        done.update(zip(missing, pool.starmap(train, missing, chunksize=1), strict=True))
        return [done[job] for job in jobs]

    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        trials = itertools.product(cells, RATES, CHOOSING_SEEDS)
        choosing = run_all([(*cell, rate, seed) for cell, rate, seed in trials])
        chosen = {}
        for task_name, cell_name in cells:
            rows = [row for row in choosing if (row["task"], row["cell"]) == (task_name, cell_name)]
            chosen[task_name, cell_name] = best_rate(rows, TASKS[task_name].trained_at)
        final = run_all([(*cell, chosen[cell], seed) for cell in cells for seed in SEEDS])
    rows = [{"stage": "final"} | row for row in final] + [{"stage": "choosing"} | row for row in choosing]
    path = _record.write("what_each_gate_buys", rows, seeds=(*SEEDS, *CHOOSING_SEEDS))
    for cell in cells:
        report(cell, chosen[cell], [row for row in final if (row["task"], row["cell"]) == cell])
    print(f"written: {path.name}")


def report(cell: tuple[str, str], rate: float, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print one line: the rate, the range of accuracies over the seeds, and the batches to 95 %."""
    right = {name: [row[name] for row in rows] for name in rows[0] if name.startswith("at ")}
    spread = "  ".join(f"{name} {min(values):.2f}-{max(values):.2f}" for name, values in right.items())
    print(f"{cell[0]:22} {cell[1]:20} rate {rate:<6} {spread}  to 95 %: {[row['to_95'] for row in rows]}")


if __name__ == "__main__":
    _record.expect_no_arguments(__doc__)
    main()
