"""Draw the README's picture: ``python -m tools.pictures`` writes images/cell.svg, always with the same bytes."""

from pathlib import Path

import matplotlib as mpl

from lstm_lib import diagrams

TARGET = Path(__file__).resolve().parent.parent / "images" / "cell.svg"


def draw(target: Path = TARGET) -> None:
    """Write the simplified cell as SVG, with letters as outlines, so that it looks the same everywhere."""
    with mpl.rc_context({"svg.hashsalt": "cell", "svg.fonttype": "path"}):
        figure = diagrams.draw(diagrams.simplified()).figure
        figure.savefig(target, metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    mpl.use("agg")
    draw()
