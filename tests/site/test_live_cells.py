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


# What a reader changes in a live cell, and what that cell, or a later one, prints then.
CHANGED = [
    ("02_memory_loss", "half_life(0.9)", "half_life(1.0)", "half_life(1.0)", "inf steps"),
    ("02_memory_loss", "half_life(0.9)", "half_life(1.7)", "half_life(1.7)", "inf steps"),
    ("02_memory_loss", "half_life(0.9)", "half_life(0.0)", "half_life(0.0)", "0.0 steps"),
    ("02_memory_loss", "half_life(0.9)", "half_life(-0.9)", "half_life(-0.9)", "6.6 steps"),
    ("02_memory_loss", "w = 1.5", "w = 1.1", "def after", "state 0.589, gradient 0.0678"),
    ("02_memory_loss", "w = 1.5", "w = -1.5", "def after", "state -0.860, gradient -0.0054"),
    ("02_memory_loss", "w = 1.5", "w = 40.0", "factor = w", "0.000 a step, half-life 0.00 steps"),
    ("02_memory_loss", "h_0, k = 1.0, 5", "h_0, k = 0.2, 3", "def after", "state 0.549, gradient 1.7935"),
    ("02_memory_loss", "[0, 1, 3, 5]", "[50]", "for b_f in", "b_f = 50: f = 1.00, half-life inf steps"),
    ("02_memory_loss", "xs, y = 0.5, 1.0", "xs, y = 0.8, 1.0", "def backward", "-0.478 -0.093"),
    ("03_remember_gate", "start = 0.3", "start = 300.0", "def one_step", "factor of one step: 1.000"),
    ("03_remember_gate", "start = 0.3", "start = -1.0", "def one_step", "factor of one step: 1.203"),
    ("04_learn_gate", "a_i, a_g, nudge = 1, 1.25", "a_i, a_g, nudge = 0, 0.5", "def learned", "0.116 0.393"),
    ("05_forget_gate", "[0.0, 1.0, 3.0, 5.0]", "[1.5, 50.0]", "for b in", "f = 0.82, left after 30 steps 2e-03"),
    ("05_forget_gate", "[0.0, 1.0, 3.0, 5.0]", "[1.5, 50.0]", "for b in", "f = 1.00, left after 30 steps 1e+00"),
]


@pytest.mark.parametrize(("name", "old", "new", "cell", "printed"), CHANGED)
def test_a_changed_number_does_what_a_reader_expects(name: str, old: str, new: str, cell: str, printed: str) -> None:
    sources = [source for source, _ in LIVE[name]]
    assert sum(source.count(old) for source in sources) == 1  # there is one place to change it
    sources = [source.replace(old, new) for source in sources]
    done = subprocess.run(
        [sys.executable, "-c", CHILD], input=json.dumps(sources), cwd=ROOT, capture_output=True, text=True, check=True
    )
    replies = dict(zip(sources, json.loads(done.stdout), strict=True))
    (reply,) = [reply for source, reply in replies.items() if cell in source]
    assert reply["error"] is None
    assert printed in reply["printed"]
