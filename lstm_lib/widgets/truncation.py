"""Truncation: training in windows, what the state carries over a border, and where the gradient stops."""

from collections.abc import Mapping, Sequence
from typing import Any

import anywidget
import traitlets

from lstm_lib.widgets._base import css, esm, expect_within

MODES = ("reset", "carry", "whole")
LONGEST_WINDOW, LONGEST_LAG = 20, 40


class Truncation(anywidget.AnyWidget):
    """Cut a stream into windows: a write at one step, a question some steps later, and what gets from one to the other.

    All of its logic is in ``truncation.js``, so that it reacts on a static page too.

    Args:
        window: Steps in a window, 2 to 20.
        lag: Steps from the write to the question, 1 to 40.
        position: Place of the write in its window, counted from 1.
        mode: What happens at a border: "reset" (the state begins anew), "carry" (the state goes on, detached), "whole"
            (there are no borders: one window for the whole sequence).
        measured: Accuracies of trained networks: ``{"window": 8, "lag": 12, "mode": "carry", "accuracy": 0.9}``, a row
            for each; the window of the mode "whole" does not matter. No panel while there are none.
        chance: Accuracy of a guess.

    Raises:
        ValueError: If a number is out of its range, or a measured row lacks a key or has an unknown mode.

    Example:
        >>> Truncation(window=8, lag=12, mode="carry")
        Truncation(window=8, lag=12, mode='carry')
    """

    _esm = esm("truncation")
    _css = css("truncation")

    window = traitlets.Int().tag(sync=True)
    lag = traitlets.Int().tag(sync=True)
    position = traitlets.Int().tag(sync=True)
    mode = traitlets.Enum(MODES, "carry").tag(sync=True)

    # The setting that the question is about: where the sliders started.
    asked = traitlets.Dict(read_only=True).tag(sync=True)
    # What the reader guessed: "" before the question, "skipped", or one of the four answers.
    guess = traitlets.Enum(["", "skipped", "both", "state", "gradient", "neither"], "").tag(sync=True)

    measured = traitlets.List(traitlets.Dict()).tag(sync=True)
    chance = traitlets.Float().tag(sync=True)

    def __init__(
        self,
        *,
        window: int = 8,
        lag: int = 12,
        position: int = 3,
        mode: str = "carry",
        measured: Sequence[Mapping[str, Any]] = (),
        chance: float = 0.25,
    ) -> None:
        """Check the numbers and the measured rows."""
        lengths = {"window": (window, 2, LONGEST_WINDOW), "lag": (lag, 1, LONGEST_LAG)}
        expect_within({**lengths, "position": (position, 1, window)})
        for row in measured:
            if missing := {"window", "lag", "mode", "accuracy"} - row.keys():
                raise ValueError(f"got a measured row without {', '.join(sorted(missing))}: {dict(row)}")
        for used in (mode, *(row["mode"] for row in measured)):
            if used not in MODES:
                raise ValueError(f"got mode {used!r}, expected one of {', '.join(MODES)}")
        setting = {"window": window, "lag": lag, "position": position, "mode": mode}
        self.set_trait("asked", setting)
        super().__init__(**setting, measured=[dict(row) for row in measured], chance=chance)

    def __repr__(self) -> str:
        """Stand in for the widget where none can be shown, the same in each run (no memory address)."""
        return f"Truncation(window={self.window}, lag={self.lag}, mode={self.mode!r})"
