"""Run the notebooks: ``python -m tools.notebooks execute FILES`` in place, ``… twice FILES`` to compare two runs.

``… check FILE`` runs one notebook where it stands as nbval does, and prints its processor time and its memory.
"""

import argparse
import difflib
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from nbclient import NotebookClient

from tools import needs
from tools.canonicalise import canonical, dump

ROOT = Path(__file__).resolve().parent.parent
HANG = 600  # seconds that no cell needs: the longest took 15, and 100 on a machine that was very busy


def run(path: Path) -> str:
    """Run a notebook in its own folder and return it in canonical form, with outputs and widget state."""
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.pop("widgets", None)  # or the widgets of earlier runs would pile up
    client = NotebookClient(
        notebook,
        timeout=HANG,
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=["--log-level=ERROR"],  # no warnings about how the kernel is reached
    )
    client.execute()
    return canonical(nbformat.writes(notebook), path.name)


def execute(paths: list[Path]) -> None:
    """Run notebooks and store what they print."""
    for path in runnable(paths):
        start = time.perf_counter()
        path.write_text(run(path), encoding="utf-8")
        print(f"{path}: {time.perf_counter() - start:.1f} s", flush=True)


def twice(paths: list[Path]) -> bool:
    """Run copies of the notebooks in a copy of the course; say whether they all come out as they are stored."""
    same = True
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*", "_build", "node_modules"))
        for path in runnable(paths):
            stored = path.read_text(encoding="utf-8")
            again = run(Path(folder) / path.resolve().relative_to(ROOT))
            difference = list(
                difflib.unified_diff(
                    comparable(stored).splitlines(), comparable(again).splitlines(), "stored", "again", lineterm="", n=1
                )
            )
            print(f"{path}: {'differs' if difference else 'the same'}", flush=True)
            for line in difference[:40]:
                print(line[:200])
            same = same and not difference
    return same


def runnable(paths: list[Path]) -> list[Path]:
    """Leave out the notebooks that need more than is installed, and say so."""
    lacks = {path: needs.lacking(path) for path in paths}
    for path, what in lacks.items():
        if what is not None:
            print(f"{path}: left as it is stored, for {what}", flush=True)
    return [path for path in paths if lacks[path] is None]


def comparable(text: str) -> str:
    """Return a stored notebook without what may differ: outputs of cells tagged nbval-ignore-output, and PNGs."""
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        if "nbval-ignore-output" in cell["metadata"].get("tags", []):
            cell["outputs"] = []
        for output in cell.get("outputs", []):
            drop_png(output)
    return dump(notebook) + "\n"


def drop_png(output: dict[str, Any]) -> None:
    """Take the picture out of an output: another processor may round one pixel differently."""
    output.get("data", {}).pop("image/png", None)


class Meter:
    """Plugin of pytest that looks at the kernel after each cell.

    It counts processor seconds, of the kernel and of the children that it waited for, because another program that
    works meanwhile makes a notebook take longer, but not more of them.
    """

    def __init__(self) -> None:
        """Start at nothing."""
        self.seconds, self.peak = 0.0, 0

    @pytest.hookimpl(tryfirst=True)  # before nbval ends the kernel
    def pytest_runtest_teardown(self, item: Any) -> None:
        """Look at the kernel when a cell is done."""
        kernel = psutil.Process(item.parent.kernel.km.provisioner.pid)
        self.seconds = sum(kernel.cpu_times()[:4])
        memory = kernel.memory_info()
        self.peak = max(self.peak, getattr(memory, "peak_wset", memory.rss))


def check(path: Path) -> int:
    """Run a notebook where it stands as nbval does, and say what came out otherwise than it is stored.

    Prints, last, the processor seconds of its kernel and its megabytes at the peak.

    Returns:
        The status of pytest: 0 where all is as it is stored.
    """
    meter = Meter()
    # Nothing is cached beside the notebook, and no settings but these count, wherever it stands.
    options = ["--nbval", f"--nbval-cell-timeout={HANG}", "-p", "no:cacheprovider", "-q", "-c", os.devnull]
    status = pytest.main([*options, f"--rootdir={path.parent}", str(path)], plugins=[meter])
    print(json.dumps({"processor_seconds": meter.seconds, "megabytes": max(meter.peak, children_peak()) / 1e6}))
    return int(status)


def children_peak() -> int:
    """Return the bytes that the largest child of this process had at its peak, where the system keeps count."""
    if sys.platform == "win32":  # there, memory_info knows it of the kernel itself
        return 0
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["execute", "twice", "check"])
    parser.add_argument("paths", nargs="+", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "twice":
        return 0 if twice(arguments.paths) else 1
    if arguments.command == "execute":
        execute(arguments.paths)
    else:
        return check(arguments.paths[0])
    return 0


if __name__ == "__main__":
    sys.exit(main())
