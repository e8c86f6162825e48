"""The first code cell of every notebook: one source, written into the chapters by ``python -m tools.setup_cell``."""

import sys
from pathlib import Path
from typing import Any

import nbformat
import yaml

ROOT = Path(__file__).resolve().parent.parent

# "hide-input" folds the cell on the website; "setup" is the name under which the tests look for it.
TAGS = ["hide-input", "setup"]

# In the form that ruff and black give it, so that formatting a notebook leaves it alone.
SOURCE = """\
# Set-up: lstm_lib comes from this checkout, else from an installation, else
# (in Colab) from the repository of the course.
import importlib.util
import sys
from pathlib import Path

repository = ""
if Path("../lstm_lib/__init__.py").is_file():
    sys.path.insert(0, str(Path("..").resolve()))
elif importlib.util.find_spec("lstm_lib") is None:
    if not repository or "google.colab" not in sys.modules:
        raise ModuleNotFoundError("lstm_lib is missing: `pip install .` in the course")
    %pip install --quiet --no-deps git+{repository} anywidget psygnal"""


def repository_url(config: Path = ROOT / "_config.yml") -> str:
    """Return where the course is hosted, or "" while ``repository.url`` is unset."""
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    return (settings.get("repository") or {}).get("url") or ""


def source(repository: str) -> str:
    """Return the text of the set-up cell for a course hosted at ``repository``."""
    return SOURCE.replace('repository = ""', f'repository = "{repository}"')


def find(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return the set-up cell: the first code cell of the notebook, which must carry the tag "setup"."""
    code_cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    if not code_cells or "setup" not in code_cells[0]["metadata"].get("tags", []):
        raise ValueError('the first code cell is not tagged "setup": copy the set-up cell from another chapter')
    return code_cells[0]


def stamp(path: Path, repository: str) -> bool:
    """Bring the set-up cell of one notebook up to date; say whether it had to change."""
    notebook = nbformat.read(path, as_version=4)
    cell = find(notebook)
    if cell["source"] == source(repository) and cell["metadata"]["tags"] == TAGS:
        return False
    cell["source"], cell["metadata"]["tags"] = source(repository), TAGS
    nbformat.write(notebook, path)
    return True


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        if stamp(Path(argument), repository_url()):
            print(f"{argument}: set-up cell renewed")
