"""Say a digit: a listener that understands spoken digits in the page, from the microphone or from built-in sounds."""

import json
from pathlib import Path

import traitlets

from lstm_lib.widgets._base import MODELS, WithModels, css, esm

SOUNDS = Path(__file__).with_name("digits.json")  # made by ``python -m benchmarks.fsdd --sounds``; CC BY-SA 4.0


class SayADigit(WithModels):
    """Let a network listen, and see what it understands at each moment.

    All of its logic is in ``say_a_digit.js``, so that it reacts on a static page too; the network is read there. The
    microphone is asked for by a click only, and what it hears never leaves the page.

    Args:
        model: A file of ``applied.models`` with a listener of one direction; None for the one that the library ships.
            A website shows that one in any case.

    Raises:
        ValueError: If there is no such file.

    Example:
        >>> SayADigit()
        SayADigit()
    """

    _esm = esm("say_a_digit")
    _css = css("say_a_digit")

    sounds: "traitlets.List[dict[str, str]]" = traitlets.List().tag(sync=True)

    def __init__(self, *, model: str | Path | None = None) -> None:
        """Read the built-in sounds."""
        path = MODELS / "voice.safetensors" if model is None else Path(model)
        super().__init__({"voice": path}, sounds=json.loads(SOUNDS.read_text(encoding="utf-8")))

    def __repr__(self) -> str:
        """Stand in for the widget where none can be shown, the same in each run (no memory address)."""
        return "SayADigit()"
