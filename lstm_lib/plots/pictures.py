"""Pictures with boxes on them, and how surely something is seen at each place."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from lstm_lib._array import Array
from lstm_lib.notation import FAMILIES

FOUND, TRUTH = FAMILIES["forget"].hue, FAMILIES["learn"].hue


def pictures(
    greys: Sequence[Array],
    *,
    found: Sequence[Sequence[Array]] = (),
    truth: Sequence[Sequence[Array]] = (),
    names: Sequence[str] = (),
    kinds: Sequence[str] = (),
    columns: int = 2,
    wide: float = 4.6,
) -> list[Axes]:
    """Draw pictures side by side, with lines that were found (solid) and lines that are there (dashed).

    Args:
        greys: Pictures (H, W), all of one size; or how sure something is, from 0 to 1, at each cell (R, C).
        found: For each picture, corners (4, 2) of what was found, in pixels.
        truth: For each picture, corners of what is there.
        names: What to write above each.
        kinds: "picture" or "sure" for each; pictures if empty. The latter are stretched over the size of the first.
        columns: Pictures in a row.
        wide: Width of the figure in inches.

    Returns:
        The Axes, one a picture.

    Raises:
        ValueError: If there are not as many boxes, names or kinds as pictures.

    Example:
        >>> square = np.array([[1, 1], [5, 1], [5, 3], [1, 3]])
        >>> axes = pictures([np.eye(6), np.eye(6)], found=[[square], []], names=["one", "none"], columns=2)
        >>> len(axes[0].lines), axes[1].get_title()
        (1, 'none')
    """
    for name, given in {"found": found, "truth": truth, "names": names, "kinds": kinds}.items():
        if len(given) not in (0, len(greys)):
            raise ValueError(f"got {len(given)} {name} for {len(greys)} pictures, expected one for each")
    height, width = np.shape(greys[0])
    rows = -(-len(greys) // columns)
    tall = rows * (wide / columns * height / width + 0.25 * bool(names))
    figure, grid = plt.subplots(rows, columns, figsize=(wide, tall), layout="constrained", squeeze=False)
    axes: list[Axes] = list(grid.flat)
    for ax in axes[len(greys) :]:
        ax.remove()
    for n, (ax, grey) in enumerate(zip(axes, greys, strict=False)):
        look: dict[str, Any] = {"cmap": "gray"}
        if kinds and kinds[n] == "sure":
            look = {"cmap": "cividis", "vmin": 0, "vmax": 1, "interpolation": "nearest"}
        ax.imshow(grey, extent=(0, width, height, 0), aspect="auto", **look)
        ax.set_axis_off()
        for some, colour, style in ((truth, TRUTH, "--"), (found, FOUND, "-")):
            for corners in some[n] if some else ():
                ax.plot(*np.vstack([corners, corners[:1]]).T, color=colour, linestyle=style, linewidth=1.5)
        if names:
            ax.set_title(names[n], fontsize=9)
    return axes[: len(greys)]
