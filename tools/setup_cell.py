"""The first code cell of every notebook: one source, written into the chapters by ``python -m tools.setup_cell``."""

import argparse
from pathlib import Path
from typing import Any

import nbformat

from tools import hosting

# "hide-input" folds the cell on the website; "setup" is the name under which the tests look for it.
TAGS = ["hide-input", "setup"]

# In the form that ruff and black give it, so that formatting a notebook leaves it alone.
SOURCE = """\
# Set-up: lstm_lib comes from this checkout, else from an installation, else
# (in Colab) from course.zip beside this notebook, or the course's repository.
import importlib.util
import sys
from pathlib import Path

repository = ""
if Path("../lstm_lib/__init__.py").is_file():
    sys.path.insert(0, str(Path("..").resolve()))
elif importlib.util.find_spec("lstm_lib") is None:
    place = "./course.zip" if Path("course.zip").is_file() else repository
    if not place or "google.colab" not in sys.modules:
        raise ModuleNotFoundError(
            "lstm_lib is missing: take course.zip from the course's website; "
            "in Colab put it beside this notebook, "
            'else `pip install "course.zip[notebook,uses]"`'
        )
    %pip install --quiet --no-deps {place} anywidget psygnal"""


def source(host: hosting.Host | None) -> str:
    """Return the text of the set-up cell for a course that is hosted there, or nowhere."""
    return SOURCE.replace('repository = ""', f'repository = "{host.install}"') if host else SOURCE


def find(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return the set-up cell: the first code cell of the notebook, which must carry the tag "setup"."""
    code_cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    if not code_cells or "setup" not in code_cells[0]["metadata"].get("tags", []):
        raise ValueError('the first code cell is not tagged "setup": copy the set-up cell from another chapter')
    return code_cells[0]


def stamp(path: Path, host: hosting.Host | None) -> bool:
    """Bring the set-up cell of one notebook up to date; say whether it had to change."""
    notebook = nbformat.read(path, as_version=4)
    cell = find(notebook)
    if cell["source"] == source(host) and cell["metadata"]["tags"] == TAGS:
        return False
    cell["source"], cell["metadata"]["tags"] = source(host), TAGS
    nbformat.write(notebook, path)
    return True


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="+", type=Path)
    for path in parser.parse_args().notebooks:
        if stamp(path, hosting.found()):
            print(f"{path}: set-up cell renewed")
