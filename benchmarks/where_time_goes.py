"""Where the time of an LSTM's training pass goes, on a processor: ``python -m benchmarks.where_time_goes``.

One forward and backward pass of one layer, float32, D = H, gradients of weights and inputs, by the usual loop
(``ladder.per_step``) and by torch's own kernel, one thread. Times are the processor's, so that a process which waits
for its turn is not charged for the wait, and the lowest of all rounds counts; the median stands beside it. ("round"
rows say which share of the processor others used meanwhile.)

The loop's pass is split by doing its operators again without autograd, products and others by themselves, over a pass
of ``REPLAYED`` steps: what they take more than at a size where there is nothing to compute is "products_ms" and
"pointwise_ms"; their number times the price of a call there is "calls_ms". "between_ms" is what is left of the whole:
Python and autograd between the calls, and whatever no piece explains; it can be below 0. Of torch's kernel the products
are done by themselves in its shapes; "calls_ms" is its own pass with nothing to compute, "between_ms" the rest, with
all pointwise work in it.

Then three constants, none of them from the passes that they predict: seconds a call, of the loop with nothing to
compute; bytes a second, of an addition of arrays as large as the weights of 512 units; FLOP a second, of the fastest
product with the largest batch. "predicted_ms" is what ``lstm_lib.nn.costs`` makes of them, and the row "model" says
how far off it is.
"""

import argparse
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks import _ladder, _record
from benchmarks.numpy_lstm import busy_seconds
from lstm_lib.nn import costs, ladder

UNITS, BATCHES, STEPS = (16, 64, 128, 256, 512), (1, 8, 32, 128), (30, 100)
NOTHING = 2           # units of a layer that has nothing to compute
REPLAYED = 5          # steps of the pass whose operators are done again
PRODUCTS = {"aten::mm", "aten::addmm"}
ELEMENTS = [2**n for n in range(12, 23)]
WEIGHTS = 4 * 512 * 512
ROUNDS = 4
SECONDS = {"products": 0.03, "others": 0.03}  # a turn repeats its piece for about so long; all else for the default
SECONDS_ELSE = 0.012
NEAR = 0.25
Run = Callable[[], Any]


class Operators(TorchDispatchMode):
    """Keeps every operator that moves numbers, with its arguments."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        super().__init__()
        self.kept: list[tuple[Any, Any, Any]] = []

    def __torch_dispatch__(self, operator: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do it, and keep it unless it is a view."""
        if not operator.is_view:
            self.kept.append((operator, args, kwargs or {}))
        return operator(*args, **(kwargs or {}))


def operators(size: tuple[int, int, int, int]) -> list[tuple[Any, Any, Any]]:
    """Return the operators of one pass of the loop, with their arguments."""
    both = _ladder.training_pass(ladder.per_step, *_ladder.problem(size))
    with torch.enable_grad(), Operators() as found:
        both()
    return found.kept


def is_product(operator: Any) -> bool:
    """Say whether an operator is a matrix product."""
    return operator._schema.name in PRODUCTS


def again(kept: Iterable[tuple[Any, Any, Any]]) -> Run:
    """Return a run of operators, one after the other."""
    steps = list(kept)

    def run() -> None:
        for operator, args, kwargs in steps:
            operator(*args, **kwargs)

    return run


def products_of_kernel(T: int, B: int, D: int, H: int) -> Run:
    """Return a run of the products that torch's kernel has to do: those on h step by step, the others at once."""
    xs, hs, das = torch.randn(T * B, D), torch.randn(T * B, H), torch.randn(T * B, 4 * H)
    W_ih, W_hh, h, da = torch.randn(4 * H, D), torch.randn(4 * H, H), torch.randn(B, H), torch.randn(B, 4 * H)

    def run() -> None:
        F.linear(xs, W_ih)
        for _ in range(T):
            F.linear(h, W_hh)
        for _ in range(T):
            torch.mm(da, W_hh)
        torch.mm(das, W_ih)
        torch.mm(das.T, xs)
        torch.mm(das.T, hs)

    return run


def contenders() -> dict[tuple[Any, ...], Run]:
    """Return all that is timed, by what it is and its size."""
    runs: dict[tuple[Any, ...], Run] = {}
    layers = [(B, H) for H in UNITS for B in BATCHES]
    for B, H in [(1, NOTHING), *layers]:
        kept = operators((REPLAYED, B, H, H))
        runs["products", B, H] = again(one for one in kept if is_product(one[0]))
        runs["others", B, H] = again(one for one in kept if not is_product(one[0]))
        for T in STEPS:
            size = (T, B, H, H)
            runs["loop", T, B, H] = _with_gradients(_ladder.training_pass(ladder.per_step, *_ladder.problem(size)))
            native = _ladder.training_pass(ladder.make("native"), *_ladder.problem(size))
            runs["kernel", T, B, H] = _with_gradients(native)
            runs["kernel's products", T, B, H] = products_of_kernel(*size)
    for n in ELEMENTS:
        runs["add", n] = _addition(n)
    return runs


def _with_gradients(both: Run) -> Run:
    return torch.enable_grad()(both)


def _addition(n: int) -> Run:
    a, b, out = torch.ones(n), torch.ones(n), torch.zeros(n)
    return lambda: torch.add(a, b, out=out)


def turn(run: Run, seconds: float) -> list[float]:
    """Run for about so many seconds and return the processor's time of each run in milliseconds."""
    times: list[float] = []
    while not times or sum(times) < 1e3 * seconds:
        start = time.process_time()
        run()
        times.append(1e3 * (time.process_time() - start))
    return times


def measure(rounds: int) -> tuple[dict[tuple[Any, ...], list[float]], list[dict[str, Any]]]:
    """Let all pieces take turns; return the times of each, and a row for each round."""
    runs, times, rows = contenders(), defaultdict(list), []
    with torch.no_grad():
        for number in range(rounds + 1):  # the first one warms up
            busy, ours, start = busy_seconds(), time.process_time(), time.perf_counter()
            for key, run in runs.items():
                took = turn(run, SECONDS.get(key[0], SECONDS_ELSE))
                times[key] += took if number else []
            wall = time.perf_counter() - start
            others = max(0.0, busy_seconds() - busy - (time.process_time() - ours)) / wall / (os.cpu_count() or 1)
            rows.append({"what": "round", "round": number, "seconds": round(wall, 1), "others_share": round(others, 3)})
    return times, rows


def constants(lowest: dict[tuple[Any, ...], float]) -> costs.Machine:
    """Return the three constants, from pieces alone."""
    short, long = STEPS
    more = lowest["loop", long, 1, NOTHING] - lowest["loop", short, 1, NOTHING]
    fastest = max(rate(lowest, BATCHES[-1], H) for H in UNITS)  # of a small batch there is little but noise
    addition = 3 * costs.BYTES * WEIGHTS / lowest["add", WEIGHTS]
    return costs.Machine(more / (costs.calls(long) - costs.calls(short)) / 1e3, 1e3 * addition, 1e3 * fastest)


def rate(lowest: dict[tuple[Any, ...], float], B: int, H: int) -> float:
    """Return the FLOP a millisecond of the loop's products, without the price of their calls."""
    done = costs.flops(REPLAYED, B, H, H) - 8 * B * H * H  # nobody asks for the gradient of the first state
    return done / (lowest["products", B, H] - lowest["products", 1, NOTHING])


def rows_of(times: dict[tuple[Any, ...], list[float]]) -> list[dict[str, Any]]:
    """Put the times together: constants, pieces, passes, and how far off the model is."""
    lowest = {key: min(found) for key, found in times.items()}
    machine = constants(lowest)
    rows: list[dict[str, Any]] = [{"what": "constants", "threads": 1} | machine._asdict()]
    for B, H in [(B, H) for H in UNITS for B in BATCHES]:
        rows.append({"what": "product", "B": B, "H": H, "gflops": round(rate(lowest, B, H) / 1e6, 1)})
    rows += [
        {"what": "addition", "elements": n, "gb_a_second": round(3 * costs.BYTES * n / lowest["add", n] / 1e6, 1)}
        for n in ELEMENTS
    ]
    passes = [row for T in STEPS for H in UNITS for B in BATCHES for row in split(lowest, machine, T, B, H)]
    for row in passes:
        row["median_ms"] = round(statistics.median(times[row["way"], row["T"], row["B"], row["H"]]), 4)
    errors = [abs(row["predicted_ms"] / row["lowest_ms"] - 1) for row in passes if row["way"] == "loop"]
    model = {"what": "model", "sizes": len(errors), "near": NEAR, "within": sum(error <= NEAR for error in errors)}
    model |= {"median_error": round(statistics.median(errors), 4), "largest_error": round(max(errors), 4)}
    return [*rows, *passes, model]


def split(lowest: dict[tuple[Any, ...], float], machine: costs.Machine, T: int, B: int, H: int) -> list[dict[str, Any]]:
    """Split a pass of the loop and one of torch's kernel."""
    products, pointwise = 4 * T - 1, 32 * T - 4  # of the loop's operators; together costs.calls(T)
    nothing = {kind: lowest[kind, 1, NOTHING] for kind in ("products", "others")}
    call = sum(nothing.values()) / costs.calls(REPLAYED)
    loop = {
        "products_ms": (lowest["products", B, H] - nothing["products"]) * products / (4 * REPLAYED - 1),
        "pointwise_ms": (lowest["others", B, H] - nothing["others"]) * pointwise / (32 * REPLAYED - 4),
        "calls_ms": costs.calls(T) * call,
    }
    kernel = {
        "products_ms": lowest["kernel's products", T, B, H] - lowest["kernel's products", T, 1, NOTHING],
        "pointwise_ms": None,  # it lies in between_ms
        "calls_ms": lowest["kernel", T, 1, NOTHING],
    }
    rows = []
    for way, parts in {"loop": loop, "kernel": kernel}.items():
        whole = lowest[way, T, B, H]
        row: dict[str, Any] = {"what": "pass", "way": way, "T": T, "B": B, "D": H, "H": H, "lowest_ms": round(whole, 4)}
        row |= {name: None if ms is None else round(ms, 4) for name, ms in parts.items()}
        row["between_ms"] = round(whole - sum(ms for ms in parts.values() if ms is not None), 4)
        if way == "loop":
            row["predicted_ms"] = round(sum(costs.predict(machine, T, B, H, H)), 4)
        rows.append(row)
    return rows


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description="Where the time of a training pass goes, on the processor.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="turns of every piece")
    parser.add_argument("--dry-run", action="store_true", help="print, but do not write the results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    start = time.perf_counter()
    times, rounds = measure(options.rounds)
    rows = [*rows_of(times), *rounds]
    for row in rows:
        print(*row.values())
    print(round(time.perf_counter() - start), "seconds")
    if not options.dry_run:
        _record.write("where_time_goes", rows, seeds=[_ladder.SEED], packages=["numpy", "torch"])


if __name__ == "__main__":
    main()
