"""Figures of the course: arrays in, Axes out. Colours and lines come from ``notation``.

Nothing here calls show, savefig or rcParams.
"""

from lstm_lib._extras import need

need("matplotlib", "the figures")

from lstm_lib.plots.curves import blank, lines, runs, spread
from lstm_lib.plots.films import film
from lstm_lib.plots.maps import heat, success_map, text
from lstm_lib.plots.pictures import pictures
from lstm_lib.plots.streams import inside, padded, stream

__all__ = [
    "blank",
    "film",
    "heat",
    "inside",
    "lines",
    "padded",
    "pictures",
    "runs",
    "spread",
    "stream",
    "success_map",
    "text",
]
