"""Cells that the page can run: tagged `live`, without NumPy, and with the same printed text as the notebook's."""

import json
import subprocess
import sys

import pytest
from conftest import ROOT, notebooks

# Run as a child, where numpy cannot be imported, as in the page.
CHILD = """
import json, sys
sys.modules["numpy"] = None
from lstm_lib.exercises._page import run_after
sources = json.load(sys.stdin)
print(json.dumps([run_after(sources[:n], source) for n, source in enumerate(sources)]))
"""


def live_cells(name: str) -> list[tuple[str, str]]:
    """List the live cells of a notebook: source, and what they print."""
    cells = json.loads((ROOT / "chapters" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    live = [cell for cell in cells if "live" in cell["metadata"].get("tags", [])]
    return [
        ("".join(cell["source"]), "".join("".join(out.get("text", "")) for out in cell["outputs"])) for cell in live
    ]


LIVE = {path.stem: live_cells(path.stem) for path in notebooks() if live_cells(path.stem)}


def test_each_of_the_first_six_chapters_has_a_live_cell() -> None:
    assert [name[:2] for name in LIVE] == ["01", "02", "03", "04", "05", "06"]


@pytest.mark.parametrize("name", LIVE)
def test_live_cells_print_in_the_page_what_the_notebook_prints(name: str) -> None:
    sources = json.dumps([source for source, _ in LIVE[name]])
    done = subprocess.run([sys.executable, "-c", CHILD], input=sources, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for (source, printed), reply in zip(LIVE[name], json.loads(done.stdout), strict=True):
        assert reply["error"] is None, (source, reply["error"])
        assert reply["printed"] == printed, source
