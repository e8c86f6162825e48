"""What "Train on your own data" claims of its networks, over ten seeds: ``python -m benchmarks.own_data``.

It runs the code of the page, each time with another seed for weights and batches; the data stay the same.
"""

import os
import re
from typing import Any

from benchmarks._record import expect_no_arguments, write
from tools.ledger import ROOT, cells_of, source

PAGE = ROOT / "chapters" / "own_data.ipynb"
SEEDS = range(10)


def run_page(seed: int) -> dict[str, Any]:
    """Run the code cells of the page with a seed, but those that read this record, and return its names."""
    os.environ["MPLBACKEND"] = "agg"  # its picture needs no window
    names: dict[str, Any] = {}
    for number, cell in enumerate(cells_of(PAGE)):
        text = source(cell)
        if cell["cell_type"] != "code" or "setup" in cell["metadata"].get("tags", []) or "recorded.rows" in text:
            continue
        text = re.sub(r"^seed = 0$", f"seed = {seed}", text, flags=re.MULTILINE)
        exec(compile(text, f"{PAGE.name}, cell {number}", "exec"), names)
    return names


def rows(seed: int) -> list[dict[str, Any]]:
    """Make one row for each network of the page: its error, and those of what needs no network."""
    names = run_page(seed)
    table = {"network": names["error"], **names["wrong"]}
    text = {"network": names["bits"], "5-grams": names["language"].bits(names["cost"])}
    loader = {"network": names["score"].loss, "persistence": names["yesterday"], "mean": names["average"]}
    found = {"table": table, "text": text, "loader": loader}
    return [
        {"what": what, "seed": seed, **{name: round(float(value), 5) for name, value in values.items()}}
        for what, values in found.items()
    ]


if __name__ == "__main__":
    expect_no_arguments(__doc__)
    made = [row for seed in SEEDS for row in rows(seed)]
    print(write("own_data", made, seeds=list(SEEDS), packages=("numpy", "torch")))
