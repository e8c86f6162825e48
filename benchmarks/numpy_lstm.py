"""Time the NumPy LSTM beside ``torch.nn.LSTM`` and beside the readable loop: ``python -m benchmarks.numpy_lstm``.

Every measurement is a child process of its own with one library in it (the thread pools of NumPy and torch in one
process fight), the libraries take turns, and each number is the median over children of a child's median. lstm_lib
runs twice in every round: the two differ by nothing but noise. A child starts when the processor is idle, and is run
again if other programs used the processor meanwhile; a row says how much they did in the worst child that counts.

float32, zero initial state, one random gradient for every h. "all" has the gradients of weights, biases, inputs and
the initial state (in torch: of weights, biases and inputs); "no dx" leaves out the inputs, as for a first layer. In
torch, setting .grad to None is inside the time, as freeing the last result is for NumPy. Before anything is timed,
the outcomes are compared.

NumPy's OpenBLAS chooses its kernels by what it knows of the processor, and may take a new one for an old one. The
variable OPENBLAS_CORETYPE tells it; all children run without it, but for two that ask for AVX-512 (SkylakeX) and for
AVX2 (Haswell) kernels, so that both cases are on record. Each row names the kernels that ran. Kernels that this
processor does not have are left out: a row with the reason stands in their place.

What was tried in ``lstm_lib.from_scratch._fast`` and gained nothing: one product for all input projections beforehand,
four products of arrays in place of one that broadcasts, the gradient of h added inside the recurrent product (2 % at H
= 8, a loss at H = 100), factors with fewer passes over the memory. What gained: one product with [h; x; 1], merged
factors, views made once a step, a turned copy of W_h (a third of the backward pass), memory in one piece (a third at
small sizes), rows padded to a multiple of four (3 % at B = 1).

A row "limit" says what is left of a pass "all" if it were nothing but its products, its tanh, and as many calls as it
makes, each with a single number: where these three are most of the time, no other arrangement of calls gains much.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _processor, _record
from benchmarks._clock import time_pass

SIZES = [(50, 64, 500, 500), (100, 32, 64, 128), (100, 32, 2, 8), (25, 1, 65, 100)]
SEED = 0
ROUNDS = 5
SECONDS = 0.7     # a child repeats each pass for about so long
DISTURBED = 0.04  # share of the processor that others may use during a child
ATTEMPTS = 8
PATIENCE = 900.0  # seconds to wait for an idle processor, each time
CONTENDERS = {    # name: (kind of child, OPENBLAS_CORETYPE)
    "torch.nn.LSTM": ("torch", ""),
    "lstm_lib": ("numpy", ""),
    "lstm_lib again": ("numpy", ""),
    "lstm_lib, SkylakeX kernels": ("numpy", "SkylakeX"),
    "lstm_lib, Haswell kernels": ("numpy", "Haswell"),
    "readable loop": ("loop", ""),
}
CALLS = (8, 6)    # NumPy calls of a step in lstm_lib: forward, backward
Passes = dict[str, Callable[[], Any]]


# ---------------------------------------------------------------- in a child


def problem(T: int, B: int, D: int, H: int) -> tuple[Any, ...]:
    """Draw weights W (4, H, H+D), b (4, H), inputs (T, B, D) and the gradient of every h (T, B, H)."""
    rng = np.random.default_rng(SEED)
    shapes = (4, H, H + D), (4, H), (T, B, D), (T, B, H)
    W, b, xs, dhs = (rng.standard_normal(shape).astype(np.float32) for shape in shapes)
    return W * np.float32((H + D) ** -0.5), b, xs, dhs


def numpy_passes(T: int, B: int, D: int, H: int) -> tuple[Passes, Callable[[], list[Any]]]:
    """Return what to time in lstm_lib, and the outcome: hs, ∂W, ∂b, ∂xs."""
    from lstm_lib import layers
    from lstm_lib.from_scratch.cells import LSTMParams

    W, b, xs, dhs = problem(T, B, D, H)
    params = LSTMParams(W, b)

    def both(need_dx: bool) -> Any:
        run = layers.lstm_forward(params, xs)
        return run, layers.lstm_backward(params, run, dhs, need_dx=need_dx)

    def outcome() -> list[Any]:
        run, (dparams, dxs, _) = both(need_dx=True)
        return [run.hs, *dparams, dxs]

    def forward() -> Any:
        return layers.lstm_forward(params, xs)

    return {"forward": forward, "all": lambda: both(True), "no dx": lambda: both(False)}, outcome


def loop_passes(T: int, B: int, D: int, H: int) -> tuple[Passes, Callable[[], list[Any]]]:
    """Return what to time in the readable per-step loop, and the outcome: hs, ∂W, ∂b, ∂xs."""
    from lstm_lib import cells, layers

    W, b, xs, dhs = problem(T, B, D, H)
    params, zeros = cells.LSTMParams(W, b), cells.zero_state(B, H, dtype=np.float32)

    def forward() -> Any:
        return layers.unroll(cells.lstm_step, params, xs, zeros)

    def both() -> Any:
        states, tapes = forward()
        return states, layers.unroll_backward(cells.lstm_step_backward, params, tapes, dhs, zeros)

    def outcome() -> list[Any]:
        states, (dparams, dxs, _) = both()
        return [np.stack([state.h for state in states]), *dparams, dxs]

    return {"forward": forward, "all": both}, outcome


def torch_passes(T: int, B: int, D: int, H: int) -> tuple[Passes, Callable[[], list[Any]]]:
    """Return what to time in ``torch.nn.LSTM``, and the outcome: hs, ∂W, ∂b, ∂xs."""
    import torch

    from lstm_lib import cells, convert

    W, b, *arrays = problem(T, B, D, H)
    xs, dhs = map(torch.from_numpy, arrays)
    lstm: Any = torch.nn.LSTM(D, H)
    convert.numpy_to_torch(cells.LSTMParams(W, b), lstm)
    leaf: Any = xs.clone().requires_grad_()

    def forward() -> Any:
        with torch.no_grad():
            return lstm(xs)

    def both(x: Any) -> Any:
        lstm.zero_grad(set_to_none=True)
        x.grad = None
        hs, _ = lstm(x)
        hs.backward(dhs)
        return hs

    def outcome() -> list[Any]:
        hs = both(leaf).detach()
        return [hs.numpy(), *convert.torch_to_numpy(lstm, gradients=True), leaf.grad.numpy()]

    return {"forward": forward, "all": lambda: both(leaf), "no dx": lambda: both(xs)}, outcome


def limit_passes(T: int, B: int, D: int, H: int) -> tuple[Passes, Callable[[], list[Any]]]:
    """Return what no arrangement of the same calls can save: products, tanh, and calls that have nothing to do."""
    from lstm_lib.from_scratch import _fast

    W, b, xs, dhs = problem(T, B, D, H)
    rows = _fast._gate_weights(W, b)
    turned, W_x = _fast._split(W, H)
    z, a, h = np.ones((rows.shape[1], B), W.dtype), np.empty((4 * H, B), W.dtype), dhs[0].T.copy()
    A, Z = np.ones((4 * H, T * B), W.dtype), np.ones((T * B, W.shape[2]), W.dtype)
    one = np.ones(1, W.dtype)

    def products() -> None:
        for _ in range(T):
            np.dot(rows, z, a)
            np.dot(turned, a, h)
        A @ Z
        A.T @ W_x

    def tanhs() -> None:
        for _ in range(T):
            np.tanh(a, a)
            np.tanh(h, h)

    def calls() -> None:
        for _ in range(T * sum(CALLS)):
            np.multiply(one, one, one)

    return {"products": products, "tanh": tanhs, "calls": calls}, list


KINDS = {"limit": limit_passes, "numpy": numpy_passes, "loop": loop_passes, "torch": torch_passes}


def child(kind: str, size: tuple[int, int, int, int], outcome_path: str | None) -> None:
    """Save the outcome, or print the medians of every pass."""
    passes, outcome = KINDS[kind](*size)
    if outcome_path:
        np.savez(outcome_path, *outcome())
        return
    times = {name: time_pass(run, SECONDS) for name, run in passes.items()}
    print(json.dumps({"kernels": _processor.openblas_kernels(), **times}))


# ---------------------------------------------------------------- in the parent


def busy_seconds() -> float:
    """Return the seconds that all cores together have been busy since the machine started."""
    user, nice, system, _idle, _wait, irq, softirq, *_ = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    return sum(map(int, (user, nice, system, irq, softirq))) / os.sysconf("SC_CLK_TCK")


def wait_for_quiet() -> None:
    """Wait until the processor is idle, or patience is at its end."""
    cores, end = os.cpu_count() or 1, time.perf_counter() + PATIENCE
    while time.perf_counter() < end:
        busy, start = busy_seconds(), time.perf_counter()
        time.sleep(1)
        if busy_seconds() - busy < DISTURBED * cores * (time.perf_counter() - start):
            return


def contenders(there: Collection[str] | None = None) -> tuple[list[str], dict[str, str]]:
    """Return the contenders whose kernels this processor has, and why each of the others is left out.

    Args:
        there: Names of the processor's instructions; None asks it.
    """
    reasons = {name: _processor.lacks(kernels, there) for name, (_, kernels) in CONTENDERS.items()}
    return [name for name, why in reasons.items() if not why], {name: why for name, why in reasons.items() if why}


def run_child(name: str, size: tuple[int, int, int, int], outcome_path: str = "") -> tuple[dict[str, Any], float]:
    """Run one child; return what it printed, and the share of the processor that others used meanwhile."""
    kind, coretype = CONTENDERS.get(name, (name, ""))
    env = {key: value for key, value in os.environ.items() if not key.startswith("OPENBLAS_")}
    if coretype:
        env["OPENBLAS_CORETYPE"] = coretype
    command = [sys.executable, "-m", "benchmarks.numpy_lstm", "--child", kind, *map(str, size)]
    command += ["--outcome", outcome_path]
    busy, own, start = busy_seconds(), os.times(), time.perf_counter()
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        why = _processor.ending(done.returncode)
        raise RuntimeError(f"the child for {name} at {size} ended with {why}:\n{done.stderr}")
    spent, wall = os.times(), time.perf_counter() - start
    ours = sum(spent[:4]) - sum(own[:4])
    others = max(0.0, busy_seconds() - busy - ours) / (wall * (os.cpu_count() or 1))
    return json.loads(done.stdout or "{}"), others


def run_undisturbed(name: str, size: tuple[int, int, int, int]) -> tuple[dict[str, Any], float]:
    """Run a child until others leave the processor alone; return the least disturbed."""
    best: tuple[dict[str, Any], float] = ({}, float("inf"))
    for _ in range(ATTEMPTS):
        wait_for_quiet()
        best = min(best, run_child(name, size), key=lambda result: result[1])
        if best[1] < DISTURBED:
            break
    return best


def assert_same_outcome(size: tuple[int, int, int, int], names: list[str]) -> None:
    """Fail unless each of these contenders gives the numbers of torch: error below 1e-4 of an array's largest entry."""
    with tempfile.TemporaryDirectory() as folder:
        outcomes: dict[str, list[Any]] = {}
        for name in names:
            path = str(Path(folder) / f"{len(outcomes)}.npz")
            run_child(name, size, path)
            outcomes[name] = list(np.load(path).values())
    expected = outcomes.pop("torch.nn.LSTM")
    for name, arrays in outcomes.items():
        for what, got, want in zip(("hs", "dW", "db", "dxs"), arrays, expected, strict=True):
            error = np.abs(got - want).max() / np.abs(want).max()
            if not (got.dtype == np.float32 and error < 1e-4):
                raise AssertionError(f"{name} differs from torch at {size}: {what} by {error:.1e} of its largest entry")


def rows_left_out(left_out: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return a row for each contender that cannot run here, with the reason in place of times.

    Example:
        >>> rows_left_out({"SkylakeX": "no AVX512F"})
        [{'pass': None, 'library': 'SkylakeX', 'left_out': 'no AVX512F'}]
    """
    return [{"pass": None, "library": name, "left_out": why} for name, why in left_out.items()]


def measure(size: tuple[int, int, int, int], rounds: int) -> list[dict[str, Any]]:
    """Return a row for each contender and pass at one size, and one for each contender that cannot run here."""
    names, left_out = contenders()
    assert_same_outcome(size, names)
    results: dict[str, list[tuple[dict[str, Any], float]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            results[name].append(run_undisturbed(name, size))
    rows = []
    for what in ("forward", "all", "no dx"):
        reference = statistics.median(result[what] for result, _ in results["torch.nn.LSTM"])
        for name, runs in results.items():
            if what in runs[0][0]:
                times = [result[what] for result, _ in runs]
                rows.append(
                    dict(zip("TBDH", size, strict=True))
                    | {"pass": what, "library": name, "median_ms": round(statistics.median(times), 4)}
                    | {"lowest_ms": round(min(times), 4), "highest_ms": round(max(times), 4)}
                    | {"ratio_to_torch": round(statistics.median(times) / reference, 3)}
                    | {"openblas_kernels": None if "torch" in name else runs[0][0]["kernels"]}
                    | {"others_share": round(max(others for _, others in runs), 3)}
                )
    return rows + [dict(zip("TBDH", size, strict=True)) | row for row in rows_left_out(left_out)]


def limits(size: tuple[int, int, int, int]) -> dict[str, Any]:
    """Return the row that says of what the time of lstm_lib cannot be less, in milliseconds of one pass "all"."""
    done, _ = run_child("limit", size)
    times = {f"{name}_ms": round(done[name], 4) for name in ("products", "tanh", "calls")}
    return dict(zip("TBDH", size, strict=True)) | {"pass": "limit", "library": "lstm_lib"} | times


def main() -> None:
    """Measure all sizes and write the results, or be a child."""
    parser = argparse.ArgumentParser(description="Time the NumPy LSTM beside torch.nn.LSTM and the readable loop.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="children of each kind at each size")
    parser.add_argument("--dry-run", action="store_true", help="print, but do not write the results")
    parser.add_argument("--child", nargs=5, metavar=("KIND", "T", "B", "D", "H"), help=argparse.SUPPRESS)
    parser.add_argument("--outcome", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        kind, T, B, D, H = options.child
        child(kind, (int(T), int(B), int(D), int(H)), options.outcome)
        return
    rows = []
    for size in SIZES:
        measured = measure(size, options.rounds)
        for row in measured:
            told = ["left out:", row["library"], row["left_out"]] if "left_out" in row else list(row.values())[4:]
            print(size, *told, flush=True)
        rows += [*measured, limits(size)]
        print(size, *rows[-1].values(), flush=True)
    if not options.dry_run:
        _record.write("numpy_lstm", rows, seeds=[SEED], packages=["numpy", "torch"])


if __name__ == "__main__":
    main()
