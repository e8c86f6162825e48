"""The clocks of the benchmarks: of one pass on a processor, and of a training that may be stopped and go on."""

import contextlib
import json
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


def time_pass(run: Callable[[], Any], seconds: float, least: int = 5) -> float:
    """Return the median time of one call in milliseconds, after one that warms up; repeats for about so many seconds.

    Args:
        run: What to time.
        seconds: For about how long.
        least: How many times at least.

    Example:
        >>> time_pass(lambda: time.sleep(0.002), 0.01) >= 2
        True
    """
    run()
    times: list[float] = []
    last = None
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < least:
        start = time.perf_counter()
        last = run()  # the result before is freed inside the time
        times.append(time.perf_counter() - start)
    del last
    return 1e3 * statistics.median(times)


@contextlib.contextmanager
def counted(path: Path | None = None) -> Iterator[dict[str, int]]:
    """Count the seconds that a block takes, and those of the processor.

    Args:
        path: Keeps the sum of a training that was stopped and goes on; a stop counts, too. None for no file.

    Yields:
        "seconds" and "processor_seconds", once the block has ended.

    Example:
        >>> with counted() as took:
        ...     time.sleep(0.01)
        >>> took
        {'seconds': 0, 'processor_seconds': 0}
    """
    took: dict[str, int] = {}
    start, worked = time.perf_counter(), time.process_time()
    try:
        yield took
    finally:
        now = {"seconds": time.perf_counter() - start, "processor_seconds": time.process_time() - worked}
        took |= {name: round(seconds) for name, seconds in now.items()} if path is None else add_up(path, now)


def add_up(path: Path, took: dict[str, float]) -> dict[str, int]:
    """Add the time that a run has taken to what it took before it was stopped, and keep the sum in a file."""
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    total = {name: before.get(name, 0.0) + seconds for name, seconds in took.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(total), encoding="utf-8")
    return {name: round(seconds) for name, seconds in total.items()}
