"""Fetch wheels for Python in the browser: ``python -m tools.wasm_wheels FOLDER numpy``.

Which file belongs to the pinned Pyodide, and the sha256 that it must have, is said by Pyodide's own lock file; that
one came with npm, which checked it. So it does not matter from where a wheel comes. The build looks into the folder
that the environment variable ``LSTM_WASM_WHEELS`` names.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PYODIDE = ROOT / "node_modules" / "pyodide"
ADDRESS = "https://cdn.jsdelivr.net/pyodide/v{version}/full/"  # where Pyodide itself says that its packages are
VARIABLE = "LSTM_WASM_WHEELS"


class Wheel(NamedTuple):
    """A package as Pyodide's lock file names it."""

    name: str
    file: str
    sha256: str
    depends: tuple[str, ...]


def version(pyodide: Path = PYODIDE) -> str:
    """Return the version of the Pyodide that the site serves."""
    return str(json.loads((pyodide / "package.json").read_text(encoding="utf-8"))["version"])


def normal(name: str) -> str:
    """Return a package's name in the one form that comparisons need.

    Example:
        >>> normal("Prompt_Toolkit")
        'prompt-toolkit'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(pyodide: Path = PYODIDE) -> dict[str, Wheel]:
    """Return what Pyodide's lock file knows, by name."""
    packages = json.loads((pyodide / "pyodide-lock.json").read_text(encoding="utf-8"))["packages"].values()
    return {
        normal(one["name"]): Wheel(one["name"], one["file_name"], one["sha256"], tuple(one["depends"]))
        for one in packages
    }


def needed(names: Iterable[str], packages: Mapping[str, Wheel]) -> list[Wheel]:
    """List packages and what they depend on, each once.

    Raises:
        ValueError: If the lock file does not know one of them.
    """
    found: dict[str, Wheel] = {}
    waiting = [normal(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name not in packages:
            raise ValueError(f"got {name!r}, expected a package of Pyodide's lock file")
        if name not in found:
            found[name] = packages[name]
            waiting += [normal(other) for other in packages[name].depends]
    return [found[name] for name in sorted(found)]


def check(file: Path, wheel: Wheel) -> None:
    """Compare a file with what the lock file says of it.

    Raises:
        ValueError: If it is another file.
    """
    got = hashlib.sha256(file.read_bytes()).hexdigest()
    if got != wheel.sha256:
        raise ValueError(f"{file}: got sha256 {got}, expected {wheel.sha256}, as Pyodide's lock file has it")


def found(name: str, environment: Mapping[str, str] = os.environ, pyodide: Path = PYODIDE) -> Path | None:
    """Return the wheel of a package in the folder that the environment names, or None where it names none.

    Raises:
        ValueError: If the folder lacks the file, or has another one under its name.
    """
    folder = environment.get(VARIABLE)
    if not folder:
        return None
    wheel = locked(pyodide)[normal(name)]
    file = Path(folder) / wheel.file
    if not file.is_file():
        raise ValueError(f"{VARIABLE}: got {folder}, expected a folder with {wheel.file} (python -m tools.wasm_wheels)")
    check(file, wheel)
    return file


def fetch(wheel: Wheel, address: str, folder: Path) -> Path:
    """Return a wheel's file in a folder, fetched unless it is there.

    Raises:
        ValueError: If what came is another file; then nothing is left in its place.
    """
    target = folder / wheel.file
    if not target.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        try:
            with urllib.request.urlopen(address + wheel.file, timeout=60) as answer, part.open("wb") as file:
                shutil.copyfileobj(answer, file)
            check(part, wheel)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        part.rename(target)
    check(target, wheel)
    return target


def main() -> None:
    """Fetch what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tools.wasm_wheels", description="Fetch wheels for the browser.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("packages", nargs="+", help="what they depend on comes too")
    parser.add_argument("--address", default=ADDRESS.format(version=version()), help="where the files are")
    options = parser.parse_args()
    for wheel in needed(options.packages, locked()):
        print(fetch(wheel, options.address.rstrip("/") + "/", options.folder))


if __name__ == "__main__":
    main()
