"""Run notebooks and tests again as they are, under an environment of the caller's, and say what came out otherwise.

A notebook's cell has changed when it raises or when nbval would call it failed: what it prints, PNGs and cells tagged
``nbval-ignore-output`` aside, is not what is stored. All cells run, also after one that has changed.
"""

import asyncio
import contextlib
import queue
import re
import subprocess
import sys
import tempfile
import time
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import psutil
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbval.plugin import coalesce_streams, find_comment_markers, find_metadata_tags, transform_streams_for_comparison

from benchmarks._processor import ending
from tools.conditions import ROOT

HANG = 600  # seconds without an answer from one cell; the slowest of the course takes 15
TESTS_HANG = 5400  # seconds for all tests together; they took 12 minutes
NOT_COMPARED = {
    *("metadata", "traceback", "prompt_number", "output_type", "name", "execution_count"),
    *("application/vnd.jupyter.widget-view+json", "image/png", "image/jpeg"),
}  # as nbval does by default
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
# Tests of pages, pictures and tools, wherever they lie: no number in them depends on the processor.
NOT_OF_NUMBERS = {
    *("site", "tools", "test_import.py", "test_run_elsewhere.py", "test_diagrams.py", "test_film.py", "test_plots.py"),
    *("test_exercise_cells.py", "test_notation.py", "test_planted_bugs.py", "test_publishing.py"),
}


class Change(NamedTuple):
    """What came out otherwise: a cell or a test, and how it says so."""

    where: str
    how: str


class Outcome(NamedTuple):
    """How many of the notebooks or tests there were, what changed, how many of them it changed, and the seconds."""

    count: int
    failed: int
    changes: list[Change]
    seconds: float


# ---------------------------------------------------------------- notebooks


def run_notebooks(
    paths: list[Path], env: Mapping[str, str], *, jobs: int = 1, tell: Callable[[str], object] = print
) -> Outcome:
    """Run notebooks, ``jobs`` at a time; no kernel outlives this call, however it ends.

    Args:
        paths: Notebooks; each runs in its own folder, and the files stay as they are.
        env: The whole environment of the kernels.
        jobs: How many run at once.
        tell: Gets a line when a notebook is done.
    """
    start = time.perf_counter()

    async def run_all() -> list[list[Change]]:
        places = asyncio.Semaphore(jobs)

        async def run_one(path: Path) -> list[Change]:
            async with places:
                began = time.perf_counter()
                changes = await changes_of(path, env)
                tell(f"{path.stem}: {time.perf_counter() - began:.1f} s, {len(changes)} changed")
                return changes

        return await asyncio.gather(*map(run_one, paths))

    found = in_a_thread(run_all)
    changes = [change for of_one in found for change in of_one]
    return Outcome(len(paths), sum(map(bool, found)), changes, time.perf_counter() - start)


def in_a_thread(run_all: Callable[[], Any]) -> Any:
    """Run a coroutine in a thread of its own, and cancel it, kernels and all, when this thread is interrupted.

    In the main thread nbclient would catch Ctrl-C itself, end one kernel, and leave the others to go on.
    """
    started: queue.SimpleQueue[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = queue.SimpleQueue()

    async def whole() -> Any:
        started.put((asyncio.get_running_loop(), asyncio.current_task()))
        return await run_all()

    with ThreadPoolExecutor(1) as thread:
        future = thread.submit(asyncio.run, whole())
        loop, task = started.get()
        try:
            return future.result()
        finally:
            if not future.done():
                loop.call_soon_threadsafe(task.cancel)  # and the pool waits until the kernels are gone


async def changes_of(path: Path, env: Mapping[str, str]) -> list[Change]:
    """Run all cells of one notebook in a kernel of its own, and list those that came out otherwise."""
    notebook = nbformat.read(path, as_version=4)
    stored = [list(cell.get("outputs", [])) for cell in notebook.cells]
    client = NotebookClient(
        notebook,
        timeout=HANG,
        interrupt_on_timeout=True,
        allow_errors=True,
        shutdown_kernel="immediate",  # one that is stopped in the middle of a cell has nothing to say
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=["--log-level=ERROR"],
    )
    changes: list[Change] = []
    code = [(index, cell) for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    try:
        async with client.async_setup_kernel(env=dict(env)):
            for number, (index, cell) in enumerate(code):  # nbval's number: it counts code cells only
                where = f"{path.stem}, cell {number}"
                kernel = client.km.provisioner
                try:
                    await client.async_execute_cell(cell, index)
                except DeadKernelError:
                    status = await kernel.poll()
                    if status is None:  # it lives: it was this run that was cancelled
                        raise asyncio.CancelledError from None
                    left = len(code) - number - 1
                    changes.append(Change(where, f"the kernel ended with {ending(status)}; {left} cells were not run"))
                    break
                how = difference(cell, stored[index])
                if how:
                    changes.append(Change(where, how))
    except RuntimeError as error:  # what jupyter_client raises where a kernel dies before the first cell
        changes.append(Change(f"{path.stem}, before the first cell", one_line(f"the kernel did not start: {error}")))
    return changes


def difference(cell: Any, stored: list[Any]) -> str:
    """Say how an executed cell differs from what is stored; the text is empty where nbval would let it pass."""
    options = {**dict(find_metadata_tags(cell.metadata) or {}), **dict(find_comment_markers(cell.source))}
    for output in cell.outputs:
        if output.output_type == "error" and "check_exception" not in options:
            return f"{failing_line(output)}{one_line(f'{output.ename}: {output.evalue}')}"
    if not options.get("check", True):
        return ""
    old, new = comparable(stored), comparable(cell.outputs)
    for kind in sorted({*old, *new}):
        if old.get(kind) != new.get(kind):
            return f"{kind}: {first_difference(old.get(kind, []), new.get(kind, []))}"
    return ""


def comparable(outputs: list[Any]) -> dict[str, list[Any]]:
    """Sort outputs by kind, without what nbval does not compare."""
    kinds: dict[str, list[Any]] = {}
    for output in transform_streams_for_comparison(coalesce_streams(outputs)):
        for key, value in {**output, **output.get("data", {})}.items():
            if key != "data" and key not in NOT_COMPARED:
                kinds.setdefault(key, []).append(value)
    return kinds


def first_difference(old: list[Any], new: list[Any]) -> str:
    """Return the first line in which two lists of outputs differ."""
    before, after = ("\n".join(map(str, values)).splitlines() for values in (old, new))
    pairs = zip([*before, *[""] * len(after)], [*after, *[""] * len(before)], strict=False)
    was, now = next(((a, b) for a, b in pairs if a != b), ("", ""))
    return f"got {one_line(now, 120)!r}, expected {one_line(was, 120)!r}"


def failing_line(output: Any) -> str:
    """Return the first line of the statement of the cell that raised, from the arrow in IPython's traceback."""
    lines = ESCAPE.sub("", "\n".join(output.traceback)).splitlines()
    marked = (re.match(r"-+> ?\d+ ?(.*)", line) for line in lines)
    found = next(filter(None, marked), None)
    return f"{one_line(found[1], 120)} → " if found else ""


def one_line(text: str, limit: int = 300) -> str:
    """Return the first line that is not empty, cut where it is long."""
    line = next((line.strip() for line in ESCAPE.sub("", text).splitlines() if line.strip()), "")
    return line if len(line) <= limit else f"{line[:limit]}…"


# ---------------------------------------------------------------- tests


def number_tests(root: Path) -> list[str]:
    """List what pytest shall run in a checkout: the examples in the docstrings, and the tests that compare numbers."""
    tests = [path for path in sorted((root / "tests").iterdir()) if path.name not in NOT_OF_NUMBERS]
    return ["lstm_lib", *(f"tests/{path.name}" for path in tests if path.is_dir() or path.name.startswith("test_"))]


def options() -> str:
    """Return how the course runs pytest, without the notebooks, which run by themselves."""
    stored = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    words = stored["tool"]["pytest"]["ini_options"]["addopts"].split()
    return " ".join(word for word in words if not word.startswith("--nbval"))


def run_tests(root: Path, tests: list[str], env: Mapping[str, str]) -> Outcome:
    """Run tests of a checkout with pytest; one that kills the process is named as such."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", *tests]
        command += [f"--ignore-glob=*/{name}" for name in sorted(NOT_OF_NUMBERS) if name.endswith(".py")]
        command += [f"--junitxml={report}", "--override-ini=junit_family=xunit1"]
        command += [f"--override-ini=addopts={options()}"]
        end, printed = call(command, root, env)
        if report.is_file():
            cases = list(ElementTree.parse(report).getroot().iter("testcase"))
            count = sum(case.find("skipped") is None for case in cases)
            changes = [change for case in cases for change in failures(case)]
        else:  # it died on the way
            done = re.findall(r"^(\S+::.*?) (PASSED|FAILED|ERROR)\b", printed, re.MULTILINE)
            last = (re.findall(r"^\S+::\S+", printed, re.MULTILINE) or ["before the first test"])[-1]
            count = len(done) + 1
            changes = [Change(test, "failed") for test, verdict in done if verdict != "PASSED"]
            changes.append(Change(last, f"pytest ended with {end}; no test after this one was run"))
        if end not in {"status 0", "status 1"} and not changes:
            last = one_line(next((line for line in reversed(printed.splitlines()) if line.strip()), ""))
            changes = [Change("pytest", f"it ended with {end}: {last}")]
    return Outcome(count, len({change.where for change in changes}), changes, time.perf_counter() - start)


def failures(case: ElementTree.Element) -> Iterator[Change]:
    """Yield what went wrong in one test: a failure, or an error around it."""
    for kind in ("failure", "error"):
        for found in case.findall(kind):
            yield Change(f"{case.get('file')}::{case.get('name')}", one_line(found.get("message", kind)))


def call(command: list[str], cwd: Path, env: Mapping[str, str]) -> tuple[str, str]:
    """Run a command; return how it ended and what it printed. Its children end with it, however this call ends."""
    with subprocess.Popen(
        command, cwd=cwd, env=dict(env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        try:
            printed, _ = process.communicate(timeout=TESTS_HANG)
            return ending(process.returncode), printed
        except subprocess.TimeoutExpired:
            end_tree(process.pid)
            return f"no result after {TESTS_HANG} s", process.communicate()[0]
        finally:
            if process.poll() is None:
                end_tree(process.pid)


def end_tree(pid: int) -> None:
    """Kill a process that this one started, and its children."""
    own = psutil.Process(pid)
    for each in [*own.children(recursive=True), own]:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
