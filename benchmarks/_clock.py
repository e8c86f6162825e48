"""The clock of the benchmarks on a processor."""

import statistics
import time
from collections.abc import Callable
from typing import Any


def time_pass(run: Callable[[], Any], seconds: float) -> float:
    """Return the median time of one call in milliseconds, after one that warms up; repeats for about so many seconds.

    Example:
        >>> time_pass(lambda: time.sleep(0.002), 0.01) >= 2
        True
    """
    run()
    times: list[float] = []
    last = None
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        last = run()  # the result before is freed inside the time
        times.append(time.perf_counter() - start)
    del last
    return 1e3 * statistics.median(times)
