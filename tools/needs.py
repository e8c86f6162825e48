"""What a notebook needs beyond requirements.txt: its metadata may name a file of ``requirements`` of the course.

Such a notebook runs where all of that is installed. Elsewhere it is left as it is stored, and whoever would have run it
says so; a test holds its stored outputs to what ``benchmarks`` has recorded of its code.
"""

import importlib.metadata
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINNED = re.compile(r"^([\w.-]+)==", re.MULTILINE)


def requirements(path: Path) -> str | None:
    """Return the name of the file that a notebook's metadata names, or None.

    Example:
        >>> requirements(ROOT / "chapters" / "frameworks.ipynb")
        'requirements-frameworks.txt'
    """
    name = json.loads(path.read_text(encoding="utf-8"))["metadata"].get("requirements")
    return None if name is None else str(name)


def torch(path: Path) -> bool:
    """Say whether a notebook needs PyTorch: whether its code names it.

    Example:
        >>> [torch(ROOT / "chapters" / name) for name in ("04_learn_gate.ipynb", "09_numpy_to_pytorch.ipynb")]
        [False, True]
    """
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return any("torch" in "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def lacking(path: Path, *, root: Path = ROOT) -> str | None:
    """Say what is missing for a notebook to run here; None where it can.

    Example:
        >>> lacking(ROOT / "chapters" / "07_full_cell.ipynb") is None
        True
    """
    name = requirements(path)
    if name is None:
        return None
    wanted = PINNED.findall((root / name).read_text(encoding="utf-8"))
    missing = [package for package in wanted if not _is_installed(package)]
    if not missing:
        return None
    return (
        f"{', '.join(missing[:4])}{', …' * (len(missing) > 4)} not installed: pip install -r {name}, or make frameworks"
    )


def _is_installed(package: str) -> bool:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True
