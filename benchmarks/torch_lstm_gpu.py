"""Compare and time LSTMs on a GPU, in one command under nine minutes: ``python -m benchmarks.torch_lstm_gpu``.

First come rows that say whether the numbers are right: the backends of ``lstm_lib.nn.LSTM`` beside ``torch.nn.LSTM``,
on the GPU, in float64, float32 and under autocast, batched and packed. Then come times of one layer: the forward pass
alone ("forward"), and forward and backward with gradients of weights and inputs ("both"), of a batch and of packed
sequences with lengths uniform in [T/4, T]; in float32 as torch has it by default ("tf32": cuDNN rounds products to
TF32, other products are exact), in float32 without TF32 ("fp32"), in bfloat16 and in float16 (weights and inputs in
that type). Rungs are torch's own module ("native"; it runs twice, and the two differ by nothing but noise), the
backends "triton" and "fused", and the loops of the ladder; other cells run by the readable loop and by Triton. In each
round the rungs take turns; each number is the median over passes, measured with CUDA events after a warm-up. When all
this is written, "auto" can choose by it, and is timed beside "native": its gain is in rows of their own. The rungs of
the ladder run on the processor beside, with as many threads as torch likes. torch.compile runs in a child with its time
bounded; a row whose child took longer has no time.

After 8.5 minutes no row is begun any more, and the last row says how many were left out. Without CUDA: exit code 2.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch.nn.utils.rnn import pack_padded_sequence

from benchmarks import _ladder, _record
from lstm_lib import nn
from lstm_lib.nn import backends, ladder
from lstm_lib.nn.backends import _measured
from lstm_lib.nn.backends.native import onednn_computes

Size = tuple[int, int, int, int]
SIZES: list[Size] = [
    (100, 1, 16, 16),  # where a GPU does not help
    (100, 32, 64, 128),
    (100, 512, 128, 128),
    (200, 16, 256, 256),
    (100, 128, 256, 256),
    (256, 64, 512, 512),
    (1024, 16, 768, 768),  # the size of the figure in the FlashRNN paper (Pöppel et al. 2024)
    (128, 64, 768, 768),
    (128, 64, 1024, 1024),
]
PACKED: list[Size] = [(100, 32, 64, 128), (256, 64, 512, 512), (128, 64, 768, 768)]  # sizes timed packed too
LOOPS: list[Size] = [(100, 32, 64, 128), (256, 64, 512, 512)]  # sizes at which loops are timed
CELLS = ("standard", "peephole", "coupled", "janet", "no-forget")
COMPILED: list[Size] = [(100, 32, 64, 128)]  # sizes at which the step is compiled
ON_CPU: list[Size] = [(100, 1, 16, 16), (100, 32, 64, 128)]
TINY: list[Size] = [(3, 2, 4, 8)]
PRECISIONS = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
TOLERANCE = {torch.float64: 1e-12, torch.float32: 2e-5, torch.bfloat16: 0.05}
BUDGET = 510.0   # seconds
BOUND = 60.0     # seconds for one child that compiles
PASSES = 15      # a rung's passes at one size and precision, if they take no longer than SECONDS
SECONDS = 0.6
NO_GPU = "There is no CUDA device here: nothing was measured. Run this on a machine with an NVIDIA GPU."


class Clock:
    """Say how much of the budget is left, and count what no longer fits."""

    def __init__(self, budget: float) -> None:
        """Start now."""
        self.end = time.monotonic() + budget
        self.left_out = 0

    def left(self) -> float:
        """Return the seconds that are left."""
        return self.end - time.monotonic()

    def allows(self) -> bool:
        """Tell whether one more row may begin; if not, count it."""
        allowed = self.left() > 0
        self.left_out += not allowed
        return allowed


def set_tf32(allowed: bool) -> None:
    """Let cuDNN round float32 to TF32, as torch does by default, or forbid it; other products stay exact."""
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = False, allowed


def wait(device: str) -> None:
    """Wait until a device has done what it was told."""
    if device == "cuda":
        torch.cuda.synchronize()


# ---------------------------------------------------------------- are the numbers right?


def correctness(device: str, size: Size) -> Iterator[dict[str, Any]]:
    """Compare every backend with ``torch.nn.LSTM``: outputs and all gradients."""
    set_tf32(False)
    for backend in ("reference", "native", "fused", "triton", "auto"):
        for dtype in (torch.float64, torch.float32, torch.bfloat16):
            for form in ("batch", "packed"):
                yield compare(device, size, backend, dtype, form)


def compare(device: str, size: Size, backend: str, dtype: torch.dtype, form: str) -> dict[str, Any]:
    """Return one row: the largest error as a share of the array's largest entry; bfloat16 means autocast.

    Where a processor has no such LSTM (see ``nn.explain``), the row says so and has no error.
    """
    low = dtype == torch.bfloat16
    name = "bfloat16 autocast" if low else str(dtype).removeprefix("torch.")
    about = {"what": "numbers", "device": device, "backend": backend, "precision": name, "form": form}
    of_onednn = (device, backend, form, low) == ("cpu", "native", "batch", True)
    if of_onednn and not onednn_computes(dtype, with_gradients=True):
        return _ladder.row(size, **about, error=None, right=None, why="oneDNN has no bfloat16 LSTM on this processor")
    if backend == "triton" and not (low and device == "cuda"):
        why = "its products are TF32 or narrower" if device == "cuda" else "Triton computes on NVIDIA GPUs"
        return _ladder.row(size, **about, error=None, right=None, why=why)
    full = torch.float32 if low else dtype
    theirs, xs, dhs = _ladder.problem(size, device, full)
    ours = nn.LSTM(size[2], size[3], device=device, dtype=full, backend=backend)
    ours.load_state_dict(theirs.state_dict())
    expected = outcome(theirs, xs, dhs, form)
    with torch.autocast(device, torch.bfloat16, enabled=low):
        found = outcome(ours, xs, dhs, form)
    error = _ladder.largest_error(found, expected)
    return _ladder.row(size, **about, error=error, right=error < TOLERANCE[dtype])


def outcome(lstm: Any, xs: torch.Tensor, dhs: torch.Tensor, form: str) -> list[torch.Tensor]:
    """Run a batch, or the same packed with lengths T, T - 1, ..., and return hs and all gradients."""
    T, B = xs.shape[:2]
    lengths = torch.tensor([max(1, T - k) for k in range(B)])
    lstm.zero_grad(set_to_none=True)
    xs.grad = None
    given = xs if form == "batch" else pack_padded_sequence(xs, lengths)
    hs = _ladder.by_module(lstm, given)
    dhs = dhs if form == "batch" else pack_padded_sequence(dhs, lengths).data
    hs.backward(dhs.to(hs.dtype))
    return [hs.detach(), *(p.grad for p in (xs, *lstm.parameters()))]


# ---------------------------------------------------------------- how long does it take?


def time_once(both: _ladder.Pass, device: str) -> float:
    """Return the milliseconds of one pass: by CUDA events on a GPU, by the clock on a processor."""
    if device != "cuda":
        start = time.perf_counter()
        both()
        return 1e3 * (time.perf_counter() - start)
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    both()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end)


def warm_up(both: _ladder.Pass, device: str) -> int:
    """Run three times; return how many timed passes fit."""
    both()
    wait(device)
    start = time.perf_counter()
    both()
    both()
    wait(device)
    return max(3, min(PASSES, int(SECONDS / max(1e-6, (time.perf_counter() - start) / 2))))


def peak_memory(both: _ladder.Pass, device: str) -> float | None:
    """Return the most memory that one pass holds on the GPU, in MiB; None on a processor."""
    if device != "cuda":
        both()
        return None
    wait(device)
    torch.cuda.reset_peak_memory_stats()
    both()
    wait(device)
    return round(torch.cuda.max_memory_allocated() / 2**20, 1)


def timings(
    device: str,
    size: Size,
    precision: str,
    rungs: tuple[str, ...],
    clock: Clock,
    form: str = "batch",
    passes: str = "both",
    cell: str = "standard",
) -> list[dict[str, Any]]:
    """Return a row for each rung at one size and precision; the rungs take turns, pass by pass."""
    if not clock.allows():
        return []
    set_tf32(precision == "tf32")
    lstm, xs, dhs = _ladder.problem(size, device, PRECISIONS[precision])
    if device == "cuda":
        lstm.flatten_parameters()
    given, dhs = (xs, dhs) if form == "batch" else _ladder.pack(xs, dhs)
    run = {rung: make(rung, cell) for rung in rungs}
    works = {
        rung: _ladder.training_pass(with_input(how, given), lstm, xs, dhs)
        if passes == "both"
        else without_gradients(how, lstm, given)
        for rung, how in run.items()
    }
    counts, refused = {}, {}
    for rung, work in works.items():
        try:
            counts[rung] = warm_up(work, device)
        except RuntimeError as error:
            refused[rung] = str(error)[:200]
    memory = {rung: peak_memory(works[rung], device) for rung in counts}
    times: dict[str, list[float]] = {rung: [] for rung in counts}
    for turn in range(max(counts.values(), default=0)):
        for rung, count in counts.items():
            if turn < count:
                times[rung].append(time_once(works[rung], device))
    about = {"what": "time", "device": device, "precision": precision, "form": form, "passes": passes}
    about |= {} if cell == "standard" else {"cell": cell}
    return [
        _ladder.row(size, **about, rung=rung, **summary(times[rung]), peak_mib=memory[rung])
        if rung in counts
        else _ladder.row(size, **about, rung=rung, median_ms=None, why=refused[rung])
        for rung in rungs
    ]


def make(rung: str, cell: str) -> Callable[..., torch.Tensor]:
    """Return a rung of the ladder, torch's own module, or a backend."""
    rung = rung.removesuffix(" again")
    if rung == "native" and cell == "standard":
        return _ladder.by_module
    return _ladder.by_backend(rung, cell) if rung in backends.NAMES else ladder.make(rung)


def with_input(how: Callable[..., torch.Tensor], given: Any) -> Callable[..., torch.Tensor]:
    """Let a rung run over what was packed from the input."""
    return lambda lstm, xs: how(lstm, given)


def without_gradients(how: Callable[..., torch.Tensor], lstm: torch.nn.LSTM, given: Any) -> _ladder.Pass:
    """Return a forward pass alone."""

    def forward() -> list[torch.Tensor]:
        with torch.no_grad():
            return [how(lstm, given)]

    return forward


def choices(size: Size, precision: str, form: str, passes: str, clock: Clock) -> list[dict[str, Any]]:
    """Time "auto", which chooses by what is recorded, beside torch's own module; one row with the gain."""
    found = timings("cuda", size, precision, ("native", "auto", "native again"), clock, form, passes)
    if not found:
        return []
    lstm, xs, dhs = _ladder.problem(size, "cuda", PRECISIONS[precision])
    with torch.set_grad_enabled(passes == "both"):
        chosen = nn.explain(_ladder.like(lstm, "auto", "standard"), xs if form == "batch" else _ladder.pack(xs, dhs)[0])
    native, auto, again = (row["median_ms"] for row in found)
    about = {"what": "auto", "precision": precision, "form": form, "passes": passes, "chosen": chosen.backend}
    gains = {"gain": round(native / auto, 3), "gain_again": round(again / auto, 3), "noise": round(native / again, 3)}
    return [_ladder.row(size, **about, native_ms=native, auto_ms=auto, **gains)]


def compile_kernels(sizes: list[Size]) -> None:
    """Let children compile Triton's kernels side by side, into the cache on disk: that is not what is measured."""
    command = [sys.executable, "-m", "benchmarks.torch_lstm_gpu", "--warm"]
    jobs = [[*command, precision, *map(str, size)] for size in sizes for precision in ("tf32", "bf16", "fp16")]
    with ThreadPoolExecutor(os.cpu_count()) as threads:  # each waits for one child
        list(threads.map(lambda job: subprocess.run(job, stdout=subprocess.DEVNULL, check=False), jobs))


def warm(precision: str, size: Size) -> None:
    """Be such a child: run each kernel once."""
    for form in forms(size):
        for passes in ("both", "forward"):
            timings("cuda", size, precision, ("triton",), Clock(60), form, passes)


def summary(times: list[float]) -> dict[str, Any]:
    """Return median, lowest, highest and number of some times."""
    middle = round(statistics.median(times), 4)
    return {"median_ms": middle, "lowest_ms": round(min(times), 4), "highest_ms": round(max(times), 4), "n": len(times)}


def compiled(device: str, size: Size, precision: str, rung: str, clock: Clock) -> list[dict[str, Any]]:
    """Return the row of a compiled rung, measured in a child that is stopped when its time is over."""
    if not clock.allows():
        return []
    command = [sys.executable, "-m", "benchmarks.torch_lstm_gpu", "--child", rung, device, precision, *map(str, size)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    about = _ladder.row(size, what="time", device=device, precision=precision, rung=rung)
    try:
        output, errors = child.communicate(timeout=max(1.0, min(BOUND, clock.left())))
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)  # with the compilers that it has started
        child.communicate()
        return [about | {"median_ms": None, "why": "compiling took too long"}]
    if child.returncode != 0:
        why = (errors.strip().splitlines() or ["no message"])[-1]
        return [about | {"median_ms": None, "why": why[:200]}]
    return [about | json.loads(output.splitlines()[-1])]


def compile_and_time(rung: str, device: str, precision: str, size: Size) -> dict[str, Any]:
    """Be the child: return the seconds of the first pass, the error beside "native", and times."""
    set_tf32(precision == "tf32")
    lstm, xs, dhs = _ladder.problem(size, device, PRECISIONS[precision])
    expected = [part.clone() for part in _ladder.training_pass(ladder.make("native"), lstm, xs, dhs)()]
    both = _ladder.training_pass(ladder.make(rung), lstm, xs, dhs)
    seconds, found = _ladder.first_call(both)
    error = _ladder.largest_error(found, expected)
    count = warm_up(both, device)
    times = summary([time_once(both, device) for _ in range(count)])
    return times | {"peak_mib": peak_memory(both, device), "first_pass_seconds": round(seconds, 2), "error": error}


# ---------------------------------------------------------------- all of it


def provenance(device: str) -> dict[str, Any]:
    """Name the device, and the versions of what runs on it."""
    about: dict[str, Any] = {"what": "device", "name": device, "torch": torch.__version__}
    if device == "cuda":
        about |= {"name": torch.cuda.get_device_name(), "cuda": torch.version.cuda}
        about |= {"cudnn": torch.backends.cudnn.version(), "capability": list(torch.cuda.get_device_capability())}
    return about


def configurations(tiny: bool) -> Iterator[tuple[str, Size, str, str]]:
    """Yield precision, size, form and passes of all that is timed on a GPU."""
    for precision in ("bf16", "tf32", "fp16"):
        for size in TINY if tiny else SIZES:
            for form in forms(size):
                for passes in ("both", "forward"):
                    yield precision, size, form, passes


def forms(size: Size) -> tuple[str, ...]:
    """Name the forms of the input that are timed at a size."""
    return ("batch", "packed") if size in (*TINY, *PACKED) else ("batch",)


def plan(device: str, tiny: bool, clock: Clock) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Say what to measure, the most telling first."""
    every, loops = ("per step", "hoisted", "fused", "native", "native again"), TINY if tiny else LOOPS
    kernels = ("native", "triton", "native again") if device == "cuda" else ("native", "fused", "native again")
    for precision, size, form, passes in configurations(tiny):
        if device == "cuda" or precision == "bf16":  # the others are ways of GPUs
            yield lambda s=size, p=precision, f=form, q=passes: timings(device, s, p, kernels, clock, f, q)
    for size in loops:
        for precision in ("fp32", "bf16"):
            yield lambda s=size, p=precision: timings(device, s, p, every, clock)
    for cell in CELLS[1:]:
        for size in loops:
            rungs = ("reference", "fused", "triton") if device == "cuda" else ("reference", "fused")
            yield lambda s=size, c=cell, r=rungs: timings(device, s, "bf16", r, clock, cell=c)
    if device == "cuda":
        for size in TINY if tiny else ON_CPU:
            yield lambda s=size: timings("cpu", s, "fp32", every, clock)


def last(tiny: bool, clock: Clock) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Say what comes when all that is written: what "auto" makes of it, and what torch.compile makes of a step."""
    for precision, size, form, passes in configurations(tiny):
        yield lambda s=size, p=precision, f=form, q=passes: choices(s, p, f, q, clock)
    for size in () if tiny else COMPILED:
        yield lambda s=size: compiled("cuda", s, "bf16", "compiled step", clock)


def measure(
    device: str, *, tiny: bool, budget: float, keep: Callable[[list[dict[str, Any]]], None] | None = None
) -> list[dict[str, Any]]:
    """Return all rows, and print each as it comes; ``keep`` writes what "auto" is to choose by."""
    clock, rows = Clock(budget), [provenance(device)]
    for row in correctness(device, TINY[0] if tiny else (12, 5, 7, 33)):
        rows.append(row)
        print(*row.values(), flush=True)
    wrong = [row for row in rows if row.get("right") is False]
    if wrong:
        raise AssertionError(f"got numbers unlike those of torch.nn.LSTM, so nothing is timed: {wrong}")
    if device == "cuda":
        compile_kernels(TINY if tiny else SIZES)
        print(f"kernels compiled, {clock.left():.0f} s left", flush=True)

    def take(steps: Iterator[Callable[[], list[dict[str, Any]]]]) -> None:
        for step in steps:
            for row in step():
                rows.append(row)
                print(*row.values(), flush=True)

    take(plan(device, tiny, clock))
    if device == "cuda" and keep:
        keep(rows)
        _measured.forget()
        take(last(tiny, clock))
        gains = [row["gain"] for row in rows if row["what"] == "auto"]
        if gains:
            mean = round(statistics.geometric_mean(gains), 3)
            rows.append({"what": "auto, all", "n": len(gains), "geometric_mean": mean, "lowest": min(gains)})
            print(*rows[-1].values())
    rows.append({"what": "end", "seconds": round(budget - clock.left(), 1), "measurements_left_out": clock.left_out})
    print(f"{rows[-1]['seconds']} seconds; {clock.left_out} measurements did not fit the time and were left out")
    return rows


def write(rows: list[dict[str, Any]]) -> None:
    """Write the result file."""
    _record.write("torch_lstm_gpu", rows, seeds=[_ladder.SEED], packages=["numpy", "torch"])


def main(arguments: list[str] | None = None) -> int:
    """Measure and write the results; return the exit code."""
    parser = argparse.ArgumentParser(description="LSTMs on a GPU: are the numbers right, and how long does it take?")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu: to try the script itself")
    parser.add_argument("--tiny", action="store_true", help="one very small size, nothing compiled")
    parser.add_argument("--no-write", action="store_true", help="print, but do not write the results")
    parser.add_argument("--budget", type=float, default=BUDGET, help="seconds after which no row is begun")
    parser.add_argument("--child", nargs=7, help=argparse.SUPPRESS)
    parser.add_argument("--warm", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        rung, device, precision, *size = options.child
        T, B, D, H = map(int, size)
        print(json.dumps(compile_and_time(rung, device, precision, (T, B, D, H))))
        return 0
    if options.warm:
        precision, *size = options.warm
        T, B, D, H = map(int, size)
        warm(precision, (T, B, D, H))
        return 0
    if options.device == "cuda" and not torch.cuda.is_available():
        print(NO_GPU, file=sys.stderr)
        return 2
    if options.device == "cpu" and not options.no_write:
        parser.error("results of a processor are not those of a GPU: add --no-write")
    keep = None if options.no_write else write
    rows = measure(options.device, tiny=options.tiny, budget=options.budget, keep=keep)
    if keep:
        keep(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
