"""Where is the text? A scene with the reader's own words, or the reader's own picture, and a network that looks."""

from pathlib import Path

import traitlets

from lstm_lib.widgets._base import MODELS, WithModels, css, esm, expect_within

GROUNDS = ("wall", "bricks", "leaves", "tiles")
VIEWS = ("boxes", "slices", "memory", "emptied")


class TextFinder(WithModels):
    """Make a scene, let a network find the lines of text in it, and see what its row remembers.

    All of its logic is in ``text_finder.js``, so that it reacts on a static page too; the network is read there.

    Args:
        text: What is written in the scene, a line each.
        ground: What is behind it: wall, bricks, leaves or tiles.
        clutter: Strokes and boxes that are no text, 0 to 20.
        blur: Radius in pixels, 0 to 2.
        contrast: Between letters and ground, 0.1 to 1.
        post: Whether a post stands in front.
        view: What is shown: boxes, slices, memory (how sure each cell is), emptied (the same without its memory).
        seed: The same seed makes the same scene.
        model: A file of ``applied.models`` with a Detector; None for the one that the library ships. A website shows
            that one in any case.
        reader: A file with a Reader of Chapter 14; None for the one that the library ships, if there is one. Without a
            reader, lines are found and not read.

    Raises:
        ValueError: If a number is out of its range, a name is unknown, or there is no such file.

    Example:
        >>> TextFinder(text="way out")
        TextFinder(text='way out', ground='leaves')
    """

    _esm = esm("text_finder")
    _css = css("text_finder")

    text = traitlets.Unicode().tag(sync=True)
    ground = traitlets.Unicode().tag(sync=True)
    clutter = traitlets.Int().tag(sync=True)
    blur = traitlets.Float().tag(sync=True)
    contrast = traitlets.Float().tag(sync=True)
    post = traitlets.Bool().tag(sync=True)
    view = traitlets.Unicode().tag(sync=True)
    seed = traitlets.Int().tag(sync=True)
    reader = traitlets.Bool().tag(sync=True)

    def __init__(
        self,
        *,
        text: str = "way out\nto the river",
        ground: str = "leaves",
        clutter: int = 4,
        blur: float = 0.6,
        contrast: float = 0.8,
        post: bool = False,
        view: str = "boxes",
        seed: int = 1,
        model: str | Path | None = None,
        reader: str | Path | None = None,
    ) -> None:
        """Check names and numbers."""
        for name, word, known in (("ground", ground, GROUNDS), ("view", view, VIEWS)):
            if word not in known:
                raise ValueError(f"got {name} {word!r}, expected one of {', '.join(known)}")
        expect_within({"clutter": (clutter, 0, 20), "blur": (blur, 0, 2), "contrast": (contrast, 0.1, 1)})
        path = MODELS / "detection.safetensors" if model is None else Path(model)
        files = {"detection": path}
        shipped = MODELS / "ocr_words.safetensors"
        if reader is not None or shipped.is_file():
            files["ocr_words"] = shipped if reader is None else Path(reader)
        traits = {"text": text, "ground": ground, "clutter": clutter, "blur": blur, "contrast": contrast}
        super().__init__(files, **traits, post=post, view=view, seed=seed, reader="ocr_words" in files)

    def __repr__(self) -> str:
        """Stand in for the widget where none can be shown, the same in each run (no memory address)."""
        return f"TextFinder(text={self.text!r}, ground={self.ground!r})"
