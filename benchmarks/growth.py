"""How time and memory grow with the steps and with the units: ``python -m benchmarks.growth``.

One layer, one pass forward and backward with gradients of weights and inputs, float32 on a processor. Each contender
is a process of its own, and they take turns: "native", torch's own module; "reference" (up to ``LONGEST`` steps) and
"fused", the backends of ``lstm_lib.nn.LSTM``; "pieces", "fused" with ``checkpoint_every`` = √T. Time is the median over
rounds of the median of a turn, "peak_mib" is by how much the process grows at most in one pass, "bare_mib" what outputs
and gradients alone need, which grows with the steps whatever one does, and "inside_mib" the difference. The last rows
hold slopes on a log-log scale, of the straight line through the largest ``LAST`` sizes: an exponent of 1 means twice as
much for twice the steps.
"""

import math
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import _record, _turns

Size = tuple[int, int, int, int]
BY_STEPS: list[Size] = [(T, 4, 16, 32) for T in (64, 256, 1024, 4096, 16384, 65536)]
BY_UNITS: list[Size] = [(64, 16, H, H) for H in (32, 64, 128, 256, 512, 1024)]
SERIES = {"steps": BY_STEPS, "units": BY_UNITS}
QUICK: dict[str, list[Size]] = {"steps": [(T, 2, 3, 8) for T in (8, 32)], "units": [(8, 2, H, H) for H in (8, 32)]}
CONTENDERS = ("native", "reference", "fused", "pieces")
LONGEST = 4096  # steps of "reference": what autograd keeps of more takes minutes to follow
ROUNDS = 3
SECONDS = 0.1
LAST = 3
BUDGET = 540.0
LOG = Path("runs/growth.jsonl")


def answer(name: str, question: dict[str, Any]) -> dict[str, Any]:
    """Be a contender: answer with milliseconds, or with the memory."""
    from benchmarks import _ladder
    from benchmarks._clock import time_pass

    size: Any = tuple(question["size"])
    lstm, xs, dhs = _ladder.problem(size)
    module: Any = lstm
    if name != "native":
        module = _ladder.like(lstm, "fused" if name == "pieces" else name, "standard")
    if name == "pieces":
        module.checkpoint_every = math.isqrt(size[0])
    both = _ladder.training_pass(_ladder.by_module, module, xs, dhs)
    if question["what"] == "ms":
        return {"ms": round(time_pass(both, question["seconds"], least=1), 4)}
    both()
    return {"peak_mib": _turns.peak_mib(both)}


def measure(
    series: dict[str, list[Size]], rounds: int, seconds: float, threads: int, log: _turns.Log, end: float
) -> int:
    """Let the contenders take turns; return how many measurements no longer fitted the time."""
    left_out = 0
    for number in range(rounds):
        with _turns.children("benchmarks.growth", CONTENDERS, threads) as there:
            for against, sizes in series.items():
                for size in sizes:
                    for name in CONTENDERS if size[0] <= LONGEST else [n for n in CONTENDERS if n != "reference"]:
                        for what in ("ms", "peak_mib") if number == 0 else ("ms",):
                            key = {"against": against, "size": list(size), "rung": name, "what": what, "round": number}
                            if log.has(key):
                                continue
                            if time.perf_counter() > end:
                                left_out += 1
                                continue
                            _turns.rest()
                            log.add(key | there[name].ask({"seconds": seconds} | key))
    return left_out


def bare_mib(size: Size) -> float:
    """Return the MiB of outputs and gradients, without which nobody can do: hs, ∂xs, and those of the weights.

    Example:
        >>> round(bare_mib((65536, 4, 16, 32)), 1)
        48.0
    """
    T, B, D, H = size
    return (T * B * (D + H) + 4 * H * (D + H + 2)) * 4 / 2**20


def slope(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Return the exponent of the power that fits best, by least squares of the logarithms.

    Example:
        >>> round(slope([1, 2, 4], [3, 12, 48]), 6)
        2.0
    """
    result = statistics.linear_regression([math.log(s) for s in sizes], [math.log(v) for v in values])
    return result.slope


def rows_of(log: _turns.Log, threads: int) -> list[dict[str, Any]]:
    """Put the measurements together, a row for each size and contender, then the slopes."""
    found: dict[tuple[str, Size, str], dict[str, list[float]]] = {}
    for entry in log.rows:
        key = (entry["against"], tuple(entry["size"]), entry["rung"])
        found.setdefault(key, {"ms": [], "peak_mib": []})[entry["what"]].append(entry[entry["what"]])
    rows: list[dict[str, Any]] = []
    for (against, size, name), values in found.items():
        row: dict[str, Any] = {"what": "size", "against": against} | dict(zip("TBDH", size, strict=True))
        row |= {"rung": name, "threads": threads, "n": len(values["ms"])}
        row |= {"median_ms": round(statistics.median(values["ms"]), 4) if values["ms"] else None}
        row |= {"peak_mib": values["peak_mib"][0] if values["peak_mib"] else None, "bare_mib": round(bare_mib(size), 2)}
        row |= {"inside_mib": round(row["peak_mib"] - row["bare_mib"], 2) if row["peak_mib"] else None}
        rows.append(row)
    return [*rows, *slopes(rows)]


def slopes(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the slope of each contender's time and memory, over the largest sizes."""
    found = []
    for against, letter in (("steps", "T"), ("units", "H")):
        for name in CONTENDERS:
            for column in ("median_ms", "peak_mib", "inside_mib"):
                part = [row for row in rows if (row["against"], row["rung"]) == (against, name)]
                part = [row for row in part if (row[column] or 0) > 0]
                part = sorted(part, key=lambda row: row[letter])[-LAST:]
                if len(part) > 1:
                    value = slope([row[letter] for row in part], [row[column] for row in part])
                    span = {"from": part[0][letter], "to": part[-1][letter]}
                    about = {"what": "slope", "against": against, "rung": name, "of": column}
                    found.append(about | span | {"slope": round(value, 3)})
    return found


def main(arguments: list[str] | None = None) -> None:
    """Measure and write the results, or be a child."""
    title = "How time and memory of an LSTM grow with steps and units."
    parser = _turns.options(title, LOG, rounds=ROUNDS, budget=BUDGET)
    options = parser.parse_args(arguments)
    if options.child:
        _turns.serve(lambda question: answer(options.child, question))
        return
    about = {"machine": _record.machine(), "threads": options.threads, "versions": _record.versions(["numpy", "torch"])}
    log = _turns.Log(None if options.quick else LOG, about, resume=options.resume)
    series, rounds, seconds = (QUICK, 1, 0.005) if options.quick else (SERIES, options.rounds, SECONDS)
    left_out = measure(series, rounds, seconds, options.threads, log, time.perf_counter() + options.budget)
    rows = rows_of(log, options.threads)
    for row in rows:
        print(*row.values())
    print(f"{left_out} measurements did not fit the time and were left out")
    if not (options.quick or options.dry_run):
        _record.write("growth", rows, seeds=[0], packages=["numpy", "torch"])


if __name__ == "__main__":
    main()
