"""Draw a number: a pad, and a reader of handwritten digits that reads while one draws."""

from pathlib import Path

import traitlets

from lstm_lib.widgets._base import MODELS, WithModels, css, esm


class NumberPad(WithModels):
    """Let the reader of this page draw digits, and a network read them, column by column.

    All of its logic is in ``number_pad.js``, so that it reacts on a static page too; the network runs there.

    Args:
        number: Digits that are on the pad at first, at most four.
        model: A file of ``applied.models`` with a ``Reader`` of digits, 16 rows high, with an LSTM; None for the one
            that the library ships. A website shows that one in any case.

    Attributes:
        text: What was read last.

    Raises:
        ValueError: If ``number`` has other characters than digits, or too many, or there is no such file.

    Example:
        >>> NumberPad(number="42")
        NumberPad(number='42')
    """

    _esm = esm("number_pad")
    _css = css("number_pad")

    number = traitlets.Unicode().tag(sync=True)
    text = traitlets.Unicode().tag(sync=True)

    def __init__(self, *, number: str = "", model: str | Path | None = None) -> None:
        """Check the number."""
        if len(number) > 4 or not set(number) <= set("0123456789"):
            raise ValueError(f"got number {number!r}, expected at most four digits")
        path = MODELS / "ocr_digits.safetensors" if model is None else Path(model)
        super().__init__({"ocr_digits": path}, number=number)

    def __repr__(self) -> str:
        """Stand in for the widget where none can be shown, the same in each run (no memory address)."""
        return f"NumberPad(number={self.number!r})"
