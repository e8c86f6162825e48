"""Find the cells of a notebook that a page can run once its Python has NumPy, and what each of them goes on from.

A reader may change such a cell and press Run. What stands above it is run first: from cells that can be changed all of
their text as it is now, from the others the statements that are needed. A cell that trains, draws or reads a file, or
goes on from one that does, stays as it is.
"""

import ast
import json
import symtable
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

# What may be imported: little, and all of it is served (``live.NUMPY``).
MODULES = {"math", "numpy", "functools", "itertools", "collections", "typing"}
FROM_COURSE = {"answers", "cells", "checks", "experiment", "layers", "optim", "tasks"}
EXERCISES = "lstm_lib.exercises"

OTHERS = {"hide-cell", "hide-input", "hide-output", "nbval-ignore-output", "remove-cell", "remove-input", "setup"}
TOO_LONG = {"train"}  # what takes many seconds in a browser
GROW = {"add", "append", "clear", "extend", "insert", "pop", "remove", "setdefault", "sort", "update"}


class Piece(NamedTuple):
    """A statement, or a cell that a reader can change."""

    code: str
    uses: frozenset[str]  # names that must be there before
    makes: frozenset[str]  # names that it sets or changes
    binds: frozenset[str]  # names whose earlier value does not matter any more
    runs: bool  # whether it can run in the page
    live: bool = False


Above = list[dict[str, str]]  # {"code": TEXT}, or {"live": TEXT}: a cell as it was stored, to be taken as it is now


def plan(notebook: Path) -> list[dict[str, Any]]:
    """List the cells that NumPy brings to life: ``source``, and ``above``, what is run before it."""
    pieces: list[Piece] = []
    found: list[dict[str, Any]] = []
    silent = set()
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        source = "".join(cell["source"])
        tags = set(cell["metadata"].get("tags", []))
        whole = _whole(source)
        above = _above(whole, pieces) if whole and _can_be_live(cell, tags) else None
        if whole and (above is not None or "live" in tags):
            pieces.append(whole._replace(live=True))
        else:
            slow = "nbval-ignore-output" in tags
            pieces += [piece._replace(runs=piece.runs and not slow) for piece in _statements(source)]
        if above is not None:
            found.append({"source": source, "above": above})
            if not cell["outputs"]:
                silent.add(source)
    used = {piece.get("live") for cell in found for piece in cell["above"]}
    return [cell for cell in found if cell["source"] not in silent - used]  # else Run would show nothing


def _can_be_live(cell: dict[str, Any], tags: set[str]) -> bool:
    """Tell whether a cell is one that readers see, with nothing but text below it."""
    if tags & (OTHERS | {"live"}) or "exercise" in cell["metadata"]:
        return False
    for output in cell["outputs"]:
        if output["output_type"] != "stream" and set(output.get("data", {})) != {"text/plain"}:
            return False
    body = ast.parse("".join(cell["source"])).body
    return not all(isinstance(statement, (ast.Import, ast.ImportFrom)) for statement in body)


def _above(cell: Piece, pieces: list[Piece]) -> Above | None:
    """Return what a cell goes on from, first things first; None where something of it cannot run in the page."""
    wanted, chosen = set(cell.uses), [cell]
    for piece in reversed(pieces):
        if wanted & piece.makes:
            chosen.append(piece)
            wanted = (wanted - piece.binds) | piece.uses
    if not all(piece.runs for piece in chosen):
        return None
    return [{"live" if piece.live else "code": piece.code} for piece in reversed(chosen[1:])]


def _whole(source: str) -> Piece | None:
    """Return a cell as one piece, or None where it is no plain Python."""
    pieces = list(_statements(source))
    if not pieces:
        return None
    uses: set[str] = set()
    binds: set[str] = set()
    makes: set[str] = set()
    for piece in pieces:
        uses |= piece.uses - binds
        binds |= piece.binds
        makes |= piece.makes
    return Piece(source, frozenset(uses), frozenset(makes), frozenset(binds), all(piece.runs for piece in pieces))


def _statements(source: str) -> Iterator[Piece]:
    """Take a cell apart; what is imported together becomes single imports. A cell with a magic has no pieces."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return
    for statement in body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            for alias in statement.names:
                yield _import(statement, alias)
        else:
            yield _statement(statement, ast.get_source_segment(source, statement) or "")


def _import(statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> Piece:
    named = f"{alias.name} as {alias.asname}" if alias.asname else alias.name
    if isinstance(statement, ast.Import):
        code, runs = f"import {named}", alias.name.partition(".")[0] in MODULES
    else:
        module = statement.module or ""
        code = f"from {module} import {named}"
        runs = module in MODULES | {EXERCISES} or (module == "lstm_lib" and alias.name in FROM_COURSE)
    makes = frozenset({alias.asname or alias.name.partition(".")[0]})
    return Piece(code, frozenset(), makes, makes, runs)


def _statement(statement: ast.stmt, code: str) -> Piece:
    table = symtable.symtable(code, "cell", "exec")
    uses = set(_read(table))
    makes = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned()}
    if isinstance(statement, ast.For):
        uses -= {node.id for node in ast.walk(statement.target) if isinstance(node, ast.Name)}
    changes = set(_changed(statement)) | {name for name in uses if name.startswith("rng")}  # a draw moves it on
    plain = isinstance(statement, (ast.Assign, ast.AnnAssign, ast.FunctionDef, ast.ClassDef))
    runs = not any(isinstance(node, ast.Attribute) and node.attr in TOO_LONG for node in ast.walk(statement))
    binds = makes - uses if plain else set()
    return Piece(code, frozenset(uses | changes), frozenset(makes | changes), frozenset(binds), runs)


def _read(table: symtable.SymbolTable) -> Iterator[str]:
    """Yield the names that a statement takes from outside, from within its functions too."""
    top = table.get_type() == "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (top or symbol.is_global()):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _read(child)


def _changed(statement: ast.stmt) -> Iterator[str]:
    """Yield the names of what is changed in place: a[0] = …, a.b = …, a.append(…)."""
    for node in ast.walk(statement):
        if isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.ctx, ast.Store):
            yield from _base(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in GROW:
            yield from _base(node.func)


def _base(node: ast.expr) -> Iterator[str]:
    while isinstance(node, (ast.Subscript, ast.Attribute)):
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id
