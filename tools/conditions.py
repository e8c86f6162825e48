"""The conditions under which the course runs again: other kernels, threads and starts, and a busy machine.

``python -m tools.conditions FOLDER`` prints, as JSON, under which condition it runs itself: what torch, oneDNN and
NumPy's OpenBLAS have chosen, and how the weights of the checkout in that folder start.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from benchmarks import _processor

ROOT = Path(__file__).resolve().parent.parent
PERTURBED = Path(__file__).resolve().parent / "perturbed"
# As in the Makefile: what is stored in the notebooks was made so.
PLAIN = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
SPINNERS = 2
# A spinner looks whether whoever started it is still there, so that not even SIGKILL leaves one behind.
SPIN = "import os, sys\nwhile os.getppid() == int(sys.argv[1]):\n    for _ in range(100_000): pass"


class Condition(NamedTuple):
    """What is set, what the probe must then say (the values that count as such), and where it can run."""

    env: Mapping[str, str] = {}
    expect: Mapping[str, tuple[Any, ...]] = {}
    x86: bool = False
    kernels: str = ""  # of OpenBLAS, which does not ask whether the processor has them
    busy: bool = False


CONDITIONS = {
    "plain": Condition({}, {"torch threads": (1,), "openblas threads": (1, None)}),
    "aten-default": Condition({"ATEN_CPU_CAPABILITY": "default"}, {"aten": ("DEFAULT", "NO AVX")}, x86=True),
    "aten-avx2": Condition({"ATEN_CPU_CAPABILITY": "avx2"}, {"aten": ("AVX2",)}, x86=True),
    "onednn-sse41": Condition({"ONEDNN_MAX_CPU_ISA": "SSE41"}, {"onednn": ("Intel SSE4.1",)}, x86=True),
    "onednn-avx2": Condition({"ONEDNN_MAX_CPU_ISA": "AVX2"}, {"onednn": ("Intel AVX2",)}, x86=True),
    "openblas-haswell": Condition({"OPENBLAS_CORETYPE": "Haswell"}, {"openblas": ("Haswell",)}, True, "Haswell"),
    # OpenBLAS keeps one set of kernels for Katmai and Prescott, and calls it by the older name.
    "openblas-prescott": Condition(
        {"OPENBLAS_CORETYPE": "Prescott"}, {"openblas": ("Prescott", "Katmai")}, True, "Prescott"
    ),
    "openblas-skylakex": Condition({"OPENBLAS_CORETYPE": "SkylakeX"}, {"openblas": ("SkylakeX",)}, True, "SkylakeX"),
    "threads-2": Condition(
        {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"},
        {"torch threads": (2,), "openblas threads": (2, None)},
    ),
    "perturbed": Condition({"PYTHONPATH": str(PERTURBED)}, {"starts moved": (True,)}),
    "busy": Condition(busy=True),
}


def not_here(condition: Condition, features: Collection[str] | None = None, x86: bool | None = None) -> str:
    """Say why a condition cannot run on this processor; the text is empty where it can.

    Args:
        condition: One of ``CONDITIONS``.
        features: Names of the processor's instructions; None asks it.
        x86: Whether it is an x86 processor; None asks it.

    Example:
        >>> not_here(CONDITIONS["openblas-skylakex"], {"AVX2", "FMA3"}, x86=True)
        'not on this processor: the processor has no AVX512F'
        >>> not_here(CONDITIONS["aten-avx2"], set(), x86=False)
        'not applicable: for x86 processors only'
    """
    if condition.x86 and not (_processor.is_x86() if x86 is None else x86):
        return "not applicable: for x86 processors only"
    lacks = _processor.lacks(condition.kernels, features)
    return f"not on this processor: {lacks}" if lacks else ""


def environment(condition: Condition) -> dict[str, str]:
    """Return the whole environment of a condition: this one, without what other conditions set."""
    others = {name for other in CONDITIONS.values() for name in other.env} - {"PYTHONPATH"}
    env = {name: value for name, value in os.environ.items() if name not in others} | PLAIN | dict(condition.env)
    if "PYTHONPATH" in condition.env and "PYTHONPATH" in os.environ:
        env["PYTHONPATH"] += os.pathsep + os.environ["PYTHONPATH"]
    return env


@contextlib.contextmanager
def spinning(processes: int = SPINNERS) -> Iterator[list[psutil.Process]]:
    """Keep the machine busy with processes that count, until the block ends, however it does."""
    started: list[psutil.Popen] = []
    try:
        for _ in range(processes):
            started.append(psutil.Popen([sys.executable, "-c", SPIN, str(os.getpid())]))
        yield started
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.wait()


def share(spinners: list[psutil.Process]) -> float:
    """Return how many processors the spinners have had since they were started."""
    times = [spinner.cpu_times() for spinner in spinners]
    began = min(spinner.create_time() for spinner in spinners)
    return sum(each.user + each.system for each in times) / max(time.time() - began, 0.1)


# ---------------------------------------------------------------- the probe


def ask(root: Path, env: Mapping[str, str]) -> dict[str, Any]:
    """Run the probe in a process under an environment, and return what it says."""
    command = [sys.executable, "-m", "tools.conditions", str(root)]
    quiet = dict(env) | {"ONEDNN_VERBOSE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the probe ended with status {done.returncode}:\n{done.stdout}\n{done.stderr}")
    said = json.loads(done.stdout.splitlines()[-1])
    isa = re.search(r"info,cpu,isa:(.*)", done.stdout)  # oneDNN tells it in no other way
    return said | {"onednn": isa[1].strip() if isa else "unknown"}


def moved(start: list[float], plain: list[float]) -> bool:
    """Say whether both starts, NumPy's and torch's, differ from the plain ones by a millionth or so."""
    return all(1e-7 < abs(a / b - 1) < 2e-6 for a, b in zip(start, plain, strict=True))


def effect(condition: Condition, said: dict[str, Any], plain: dict[str, Any]) -> str:
    """Compare what the probe says with what it should say; the text is empty where the condition took effect."""
    if "starts moved" in condition.expect:
        said = said | {"starts moved": moved(said["start"], plain["start"])}
    wrong = [(name, said[name], right) for name, right in condition.expect.items() if said[name] not in right]
    return "; ".join(f"{name}: got {got}, expected {' or '.join(map(str, right))}" for name, got, right in wrong)


def probe(root: str) -> dict[str, Any]:
    """Say what this process runs on, and the first weight that the NumPy side and torch draw."""
    import numpy as np
    import torch

    said = {
        "aten": torch.backends.cpu.get_cpu_capability(),
        "openblas": _processor.openblas_kernels(),
        "openblas threads": _processor.openblas_threads(),
        "torch threads": torch.get_num_threads(),
    }
    sys.path.insert(0, root)
    from lstm_lib import cells

    with torch.random.fork_rng():
        torch.manual_seed(0)
        layer = torch.nn.LSTM(3, 2, dtype=torch.float64)
    torch.nn.LSTM(3, 2)(torch.ones(4, 2, 3))  # makes oneDNN say what it runs on
    W = cells.init_lstm(np.random.default_rng(0), 3, 2).W
    return said | {"start": [float(W.flat[0]), layer.weight_hh_l0.flatten()[0].item()]}


if __name__ == "__main__":
    print(json.dumps(probe(sys.argv[1])))
