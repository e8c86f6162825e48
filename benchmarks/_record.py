"""Write a measurement to where ``lstm_lib.recorded`` reads it, with what one needs to know to repeat it."""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lstm_lib import recorded

RESULTS = recorded.FOLDER


def expect_no_arguments(about: str | None) -> None:
    """Answer ``--help``, and refuse what else stands on the command line of a benchmark that takes nothing."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()


def machine() -> dict[str, Any]:
    """Describe the processor in general terms: its model and the number of cores, no names of hosts."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"cpu": recorded.processor(), "cores": cores}


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of Python and of some installed packages."""
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in packages}}


def write(
    name: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    seeds: Sequence[int],
    packages: Iterable[str] = ("numpy",),
    command: str | None = None,
) -> Path:
    """Write ``results/NAME.json``, one row a line, and return its path.

    Args:
        name: Name of the benchmark's module and of the file.
        rows: The measurements, each a flat mapping.
        seeds: Every seed that was used.
        packages: Packages whose versions matter.
        command: How to repeat it; ``python -m benchmarks.NAME`` if None.
    """
    head = {
        "command": command or f"python -m benchmarks.{name}",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "versions": versions(packages),
        "seeds": list(seeds),
    }
    lines = [f" {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    body = ",\n".join(f"  {json.dumps(row)}" for row in rows)
    path = RESULTS / f"{name}.json"
    path.write_text("\n".join(["{", *lines, ' "rows": [', body, " ]", "}", ""]), encoding="utf-8")
    return path
