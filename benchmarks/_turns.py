"""Contenders that take turns: each is a process of its own with one library in it, and only one works at a time.

A child reads questions from its input and answers each in a line of JSON. So a process starts once for many
measurements, and what one contender measured stands seconds, not minutes, from what the others did.
"""

import argparse
import contextlib
import ctypes
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import _processor, _record

STATUS = Path("/proc/self/status")


class Child:
    """A process with one contender in it."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it; what it complains of is kept apart from its answers."""
        self._complaints = tempfile.TemporaryFile("w+")  # noqa: SIM115
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=self._complaints, text=True, env=dict(environment)
        )

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Ask, and wait for the answer.

        Raises:
            RuntimeError: If the child has ended; says of what.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            ending = _processor.ending(self._process.wait())
            self._complaints.seek(0)
            raise RuntimeError(f"a child ended with {ending} at {question}:\n{self._complaints.read()[-2000:]}")
        return dict(json.loads(line))

    def close(self) -> None:
        """Let it end."""
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()
        self._complaints.close()


@contextlib.contextmanager
def children(module: str, names: Sequence[str], threads: int) -> Iterator[dict[str, Child]]:
    """Start a child for each contender, and end them all afterwards.

    Args:
        module: What ``python -m`` runs, with ``--child NAME``; it calls ``serve``.
        names: The contenders.
        threads: How many threads each may use.

    Yields:
        The children by name.
    """
    counts = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    started: dict[str, Child] = {}
    try:
        for name in names:
            started[name] = Child([sys.executable, "-m", module, "--child", name], os.environ | counts)
        yield started
    finally:
        for child in started.values():
            child.close()


def serve(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Be a child: answer one question a line until there are no more."""
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


def peak_mib(run: Callable[[], Any]) -> float | None:
    """Return by how many MiB this process grows at most while something runs; None where the system does not say.

    What was freed before goes back to the system first, so that it is counted when it is asked for again.

    Example:
        >>> grown = peak_mib(lambda: bytearray(32 * 2**20))
        >>> grown is None or 31 < grown < 40
        True
    """
    try:
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the highest so far is what there is now
        before = _highest()
        run()
        return round((_highest() - before) / 1024, 2)
    except (OSError, AttributeError, StopIteration):
        return None


def _highest() -> int:
    lines = STATUS.read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))


class Log:
    """Measurements, one a line, written as they come: a run that was stopped goes on where it was."""

    def __init__(self, path: Path | None, about: Mapping[str, Any], *, resume: bool) -> None:
        """Read what is there, or begin anew.

        Raises:
            ValueError: If what is there was measured on another machine or with other settings.
        """
        self.path, self.rows = path, []  # type: ignore[var-annotated]
        if path is None:
            return
        if resume and path.is_file():
            first, *rest = path.read_text(encoding="utf-8").splitlines()
            if json.loads(first) != dict(about):
                raise ValueError(f"got {path} of {first}, expected {json.dumps(about)}: start without --resume")
            self.rows = [json.loads(line) for line in rest]
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(about) + "\n", encoding="utf-8")

    def has(self, key: Mapping[str, Any]) -> bool:
        """Say whether this was measured already."""
        return any(key.items() <= row.items() for row in self.rows)

    def add(self, row: dict[str, Any]) -> None:
        """Keep one measurement."""
        self.rows.append(row)
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")


def options(description: str, log: Path, *, rounds: int, budget: float) -> argparse.ArgumentParser:
    """Return the parser of a benchmark whose contenders take turns."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="tiny sizes, one round, nothing written")
    parser.add_argument("--resume", action="store_true", help=f"go on with what {log} holds")
    parser.add_argument("--dry-run", action="store_true", help="print, but do not write the results")
    parser.add_argument("--rounds", type=int, default=rounds, help="how often each contender starts")
    parser.add_argument("--budget", type=float, default=budget, help="seconds after which nothing is begun")
    parser.add_argument("--threads", type=int, default=_record.machine()["cores"], help="of each contender")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser


def rest() -> None:
    """Give the threads of the child that was last time to fall asleep."""
    time.sleep(0.02)
