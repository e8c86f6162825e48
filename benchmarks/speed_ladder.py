"""Climb the first rungs of the speed ladder on the processor: ``python -m benchmarks.speed_ladder``.

Forward and backward of one layer, float32, gradients of weights and inputs. Every measurement is a child process of its
own with one thread; the rungs take turns, and each number is the median over children of a child's median. "native" is
torch.nn.LSTM, and runs twice in every round: the two differ by nothing but noise. Outcomes are compared with it first.
"compiled step" compiles one step, "compiled loop" the whole loop of T steps. Compiling happens in the first pass, and
takes so long that each is measured in one child, from an empty cache: the step at the first two sizes, the loop at the
first only and with its time bounded, because its compile time grows with T. null means that it took longer than that.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from typing import Any

from benchmarks import _record
from benchmarks._clock import time_pass

SIZES = [(30, 32, 12, 16), (50, 32, 64, 128), (50, 1, 64, 128)]
CONTENDERS = ("per step", "hoisted", "native", "native again")
COMPILED: tuple[tuple[str, ...], ...] = (("compiled step", "compiled loop"), ("compiled step",), ())  # at each size
ROUNDS = 3
SECONDS = 0.5  # a child repeats its pass for about so long
BOUND = 100    # seconds for the compiled loop


def child(rung: str, size: tuple[int, int, int, int]) -> None:
    """Print the error, the seconds of the first pass and the median of the others in milliseconds."""
    import torch

    from benchmarks import _ladder
    from lstm_lib.nn import ladder

    torch.set_num_threads(1)
    lstm, xs, dhs = _ladder.problem(size)
    expected = _ladder.training_pass(ladder.make("native"), lstm, xs, dhs)()
    both = _ladder.training_pass(ladder.make(rung.removesuffix(" again")), lstm, xs, dhs)
    first, outcome = _ladder.first_call(both)
    error = _ladder.largest_error(outcome, expected)
    if not error < 1e-4:
        raise AssertionError(f"{rung} differs from torch.nn.LSTM at {size} by {error:.1e} of the largest entry")
    print(json.dumps({"error": error, "first_seconds": first, "ms": time_pass(both, SECONDS)}))


def run_child(rung: str, size: tuple[int, int, int, int], bound: float) -> dict[str, float] | None:
    """Run one child; None if it took longer than the bound."""
    command = [sys.executable, "-m", "benchmarks.speed_ladder", "--child", rung, *map(str, size)]
    one = dict.fromkeys(("OMP_NUM_THREADS", "TORCHINDUCTOR_COMPILE_THREADS", "TORCHINDUCTOR_FORCE_DISABLE_CACHES"), "1")
    try:
        done = subprocess.run(command, env=os.environ | one, check=True, capture_output=True, text=True, timeout=bound)
    except subprocess.TimeoutExpired:
        return None
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure(size: tuple[int, int, int, int], rounds: int, compiled: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return a row for each rung at one size."""
    found: dict[str, list[dict[str, float]]] = {rung: [] for rung in (*CONTENDERS, *compiled)}
    for number in range(rounds):
        for rung in CONTENDERS if number else found:
            result = run_child(rung, size, BOUND)
            found[rung] += [result] if result else []
    native = statistics.median(result["ms"] for result in found["native"])
    return [row(size, rung, results, native) for rung, results in found.items()]


def row(size: tuple[int, int, int, int], rung: str, results: list[dict[str, float]], native: float) -> dict[str, Any]:
    """Put the children of one rung together."""
    times = [result["ms"] for result in results]
    middle = statistics.median(times) if times else None
    return dict(zip("TBDH", size, strict=True)) | {
        "rung": rung,
        "median_ms": round(middle, 4) if middle else None,
        "lowest_ms": round(min(times), 4) if times else None,
        "highest_ms": round(max(times), 4) if times else None,
        "ratio_to_native": round(middle / native, 3) if middle else None,
        "first_pass_seconds": round(statistics.median(r["first_seconds"] for r in results), 3) if results else None,
    }


def main() -> None:
    """Measure all sizes and write the results, or be a child."""
    parser = argparse.ArgumentParser(description="The first rungs of the speed ladder, on the processor.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="children of each rung at each size")
    parser.add_argument("--dry-run", action="store_true", help="print, but do not write the results")
    parser.add_argument("--child", nargs=5, metavar=("RUNG", "T", "B", "D", "H"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        rung, T, B, D, H = options.child
        child(rung, (int(T), int(B), int(D), int(H)))
        return
    rows: list[dict[str, Any]] = []
    for size in SIZES:
        part = measure(size, options.rounds, COMPILED[SIZES.index(size)])
        rows += part
        for one in part:
            print(*one.values(), flush=True)
    if not options.dry_run:
        _record.write("speed_ladder", rows, seeds=[0], packages=["numpy", "torch"])


if __name__ == "__main__":
    main()
