"""What importing costs, what it brings along, and that imports run one way."""

import ast
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "lstm_lib"

# Imports run one way: a module may import those on lines above its own.
ORDER = (
    "notation",
    "_door",
    "cells",
    "_fast",
    "layers",
    "checks",
    "optim",
    "tasks",
    "answers",
    "experiment",
    "recorded",
    "exercises",
    "diagrams",
    "film",
    "plots",
    "widgets",
    "nn",
    "convert",
    "training",
    "clinic",
    "train",
)
NUMPY_SIDE = ("notation", "cells", "layers", "checks", "optim", "tasks", "answers", "experiment")


def child(code: str) -> str:
    """Run Python in a process of its own and return what it printed."""
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def imported_names(source: str) -> set[str]:
    """List the modules of lstm_lib that a module's source imports, wherever the import stands."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where a name comes from"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("lstm_lib.")}


def test_importing_the_library_takes_less_than_300_milliseconds() -> None:
    times = {"": [], "import lstm_lib": []}
    for _ in range(5):
        for code, seconds in times.items():
            start = time.perf_counter()
            child(code)
            seconds.append(time.perf_counter() - start)
    cost = statistics.median(times["import lstm_lib"]) - statistics.median(times[""])
    assert cost < 0.3


def test_importing_the_library_loads_none_of_the_heavy_ones() -> None:
    loaded = child("import lstm_lib, sys; print(*sys.modules)").split()
    assert "lstm_lib" in loaded
    assert not {"numpy", "torch", "matplotlib", "anywidget"} & set(loaded)


def test_the_numpy_side_loads_neither_torch_nor_matplotlib() -> None:
    imports = "; ".join(f"import lstm_lib.{name}" for name in NUMPY_SIDE)
    loaded = child(f"import sys; {imports}; print(*sys.modules)").split()
    assert "lstm_lib.checks" in loaded
    assert not {"torch", "matplotlib", "anywidget"} & set(loaded)


def test_every_module_has_its_place_in_the_order() -> None:
    files = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert files | folders == set(ORDER)


@pytest.mark.parametrize("module", ORDER)
def test_imports_run_one_way(module: str) -> None:
    folder = PACKAGE / module
    paths = sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{module}.py"]
    above = set(ORDER[: ORDER.index(module)])
    for path in paths:
        found = imported_names(path.read_text(encoding="utf-8"))
        assert found - {module} <= above, f"{path.name} imports {found - above - {module}}, which comes after it"


def test_the_reader_of_imports_finds_every_form() -> None:
    source = "import lstm_lib.plots\nfrom lstm_lib import cells, optim\ndef f():\n    from lstm_lib.tasks import Batch"
    assert imported_names(source) == {"plots", "cells", "optim", "tasks"}
