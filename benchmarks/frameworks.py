"""How near six frameworks are to one another, measured with the code of the page: ``python -m benchmarks.frameworks``.

It needs requirements-frameworks.txt (``make frameworks`` installs that, runs this page, and holds the record to it).
"""

import ast
import os
from typing import Any

from benchmarks._record import expect_no_arguments, write
from tools import needs
from tools.ledger import ROOT, cells_of, source

PAGE = ROOT / "chapters" / "frameworks.ipynb"
PACKAGES = ("numpy", "torch", "keras", "jax", "flax", "optax", "pytensor", "onnx", "onnxruntime")


def run_page() -> dict[str, Any]:
    """Run the code cells of the page, one after the other, and return its names."""
    lacks = needs.lacking(PAGE)
    if lacks is not None:
        raise SystemExit(lacks)
    os.environ["MPLBACKEND"] = "agg"  # its picture needs no window
    names: dict[str, Any] = {}
    for number, cell in enumerate(cells_of(PAGE)):
        if cell["cell_type"] == "code" and "setup" not in cell["metadata"].get("tags", []):
            code = compile(ast.parse(source(cell)), f"{PAGE.name}, cell {number}", "exec")
            exec(code, names)
    return names


def rows(names: dict[str, Any]) -> list[dict[str, Any]]:
    """Make one row a framework: how far its scores and gradients are from NumPy's, and the losses of ten steps."""
    losses = names["losses"] | {"PyTorch, both biases": names["two_biases"]}
    made = []
    for name in dict.fromkeys(["NumPy", *names["distance"], *losses]):
        scores, *gradients = names["distance"].get(name, [None])
        steps = {f"loss {n}": round(loss, 7) for n, loss in enumerate(losses.get(name, []), 1)}
        row = {"framework": name, "scores": scores, "gradients": max(gradients, default=None)}
        made.append({**row, **steps})
    return made


if __name__ == "__main__":
    expect_no_arguments(__doc__)
    print(write("frameworks", rows(run_page()), seeds=[0], packages=PACKAGES))
