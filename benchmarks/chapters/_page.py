"""The functions of a chapter, taken from its page: what is recorded is measured with the very code that readers see."""

import ast
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from lstm_lib import experiment

CHAPTERS = Path(__file__).resolve().parent.parent.parent / "chapters"
SEEDS = range(10)
NUDGE = 1e-6  # what another processor may change in the first digits that it rounds; training makes it grow
STARTS = ("drawn", "nudged")


def functions(chapter: int, *names: str, **given: Any) -> dict[str, Any]:
    """Return functions that a chapter defines, or classes and constants, each as it stands first on the page.

    Args:
        chapter: Number of the chapter.
        names: Functions, classes and constants, with all those of the page that they use.
        given: Global names that they use and that are not taken from the page.

    Returns:
        The globals of these: they themselves, what the chapter imports, and ``given``.

    Raises:
        ValueError: If the page has no such function.
    """
    (path,) = CHAPTERS.glob(f"{chapter:02}_*.ipynb")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    # The set-up cell holds a command of IPython's; lstm_lib is at hand here.
    trees = [ast.parse(source) for source in sources if "%pip" not in source]
    found: dict[str, ast.stmt] = {}
    for node in (node for tree in trees for node in tree.body):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found[ast.unparse(node)] = node
        for name in binds(node) & set(names):
            found.setdefault(name, node)
        if found.keys() >= set(names):
            break  # what is imported for the exercises may have the same names
    if missing := set(names) - set(found):
        raise ValueError(f"got {', '.join(sorted(missing))}, expected functions that {path.name} defines")
    page = dict(given)
    exec(compile(ast.Module(list(dict.fromkeys(found.values())), type_ignores=[]), path.name, "exec"), page)
    return page


def binds(node: ast.stmt) -> set[str]:
    """Return the names that a statement gives to a function, to a class, or to values."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else []
    return {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}


@contextlib.contextmanager
def start(kind: str) -> Iterator[None]:
    """Let ``experiment.init_weights`` draw as it does ("drawn"), or move what it draws by a millionth ("nudged")."""
    draw = experiment.init_weights

    def nudged(rng: np.random.Generator, *args: Any, **kwargs: Any) -> experiment.Weights:
        weights = draw(rng, *args, **kwargs)
        other = np.random.default_rng(2026)
        for array in (*weights.cell, *weights.readout):
            array += (NUDGE * other.standard_normal(array.shape)).astype(array.dtype)
        return weights

    with mock.patch.object(experiment, "init_weights", nudged if kind == "nudged" else draw):
        yield


def runs() -> Iterator[tuple[int, str]]:
    """Yield every seed with both starts, in force while the caller uses it."""
    for seed in SEEDS:
        for kind in STARTS:
            with start(kind):
                yield seed, kind


def rounded(**row: Any) -> dict[str, Any]:
    """Return a row with four significant digits: what the record needs, and what a difference shows."""
    kinds = (float, np.floating)
    return {key: float(f"{value:.4g}") if isinstance(value, kinds) else value for key, value in row.items()}
