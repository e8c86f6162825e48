"""The page that writes: type a beginning, let a character model go on, and see its cells at each character."""

from pathlib import Path

import traitlets

from lstm_lib.widgets._base import MODELS, WithModels, css, esm, expect_within

LONGEST = 2000


class Writer(WithModels):
    """Let a network write, character by character, and colour the text by one of its cells.

    All of its logic is in ``writer.js``, so that it reacts on a static page too; the network is read there.

    Args:
        beginning: What the network reads first.
        temperature: 0 to 1.5; the scores are divided by it, and 0 takes the likeliest character.
        length: Characters to write, 1 to 2000.
        cell: The cell that colours the text.
        seed: The same seed writes the same text; 0 writes another one each time.
        model: A file of ``applied.models`` with a character model of one layer of standard cells; None for the one
            that the library ships. A website shows that one in any case.

    Raises:
        ValueError: If a number is out of its range, or there is no such file.

    Example:
        >>> Writer(beginning="ROMEO:")
        Writer(beginning='ROMEO:', temperature=0.8)
    """

    _esm = esm("writer")
    _css = css("writer")

    beginning = traitlets.Unicode().tag(sync=True)
    temperature = traitlets.Float().tag(sync=True)
    length = traitlets.Int().tag(sync=True)
    cell = traitlets.Int().tag(sync=True)
    seed = traitlets.Int().tag(sync=True)

    def __init__(
        self,
        *,
        beginning: str = "ROMEO:\n",
        temperature: float = 0.8,
        length: int = 400,
        cell: int = 0,
        seed: int = 0,
        model: str | Path | None = None,
    ) -> None:
        """Check the numbers."""
        expect_within({"temperature": (temperature, 0, 1.5), "length": (length, 1, LONGEST)})
        for name, value in (("cell", cell), ("seed", seed)):
            if value < 0:
                raise ValueError(f"got {name} {value}, expected at least 0")
        path = MODELS / "shakespeare.safetensors" if model is None else Path(model)
        traits = {"beginning": beginning, "temperature": temperature, "length": length, "cell": cell, "seed": seed}
        super().__init__({"shakespeare": path}, **traits)

    def __repr__(self) -> str:
        """Stand in for the widget where none can be shown, the same in each run (no memory address)."""
        return f"Writer(beginning={self.beginning!r}, temperature={self.temperature})"
