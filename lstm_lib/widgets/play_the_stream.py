"""Play the stream: hold the boxes in your head, and answer beside five networks."""

from collections.abc import Sequence
from pathlib import Path

import traitlets

from lstm_lib.widgets._base import MODELS, WithModels, css, esm, expect_within

LEVELS = ("two", "four", "passers", "waits")
PLAYERS = ("rnn", "memory", "learn", "forget", "lstm")


class PlayTheStream(WithModels):
    """Let the reader play the stream of boxes, step by step, while networks answer the same questions.

    All of its logic is in ``play_the_stream.js``, so that it reacts on a static page too; the networks run there.

    Args:
        level: "two" boxes, "four", four with more "passers", or four with longer "waits".
        seed: 1 to 9999; the same seed gives the same stream.
        players: Who answers beside the reader, of "rnn", "memory", "learn", "forget", "lstm".
        guess: "skipped" leaves the question out that comes first.

    Attributes:
        at: The step that is shown; 0 before the first.
        answers: What the reader has answered, a digit a question.

    Raises:
        ValueError: If a level, a seed or a player is unknown.

    Example:
        >>> PlayTheStream(level="four", seed=3)
        PlayTheStream(level='four', seed=3)
    """

    _esm = esm("play_the_stream")
    _css = css("play_the_stream")

    level = traitlets.Unicode().tag(sync=True)
    seed = traitlets.Int().tag(sync=True)
    players = traitlets.List(traitlets.Unicode()).tag(sync=True)
    at = traitlets.Int(0).tag(sync=True)
    answers = traitlets.Unicode("").tag(sync=True)
    guess = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self, *, level: str = "two", seed: int = 1, players: Sequence[str] = PLAYERS, guess: str = ""
    ) -> None:
        """Check what was given."""
        expect_within({"seed": (seed, 1, 9999)})
        if level not in LEVELS:
            raise ValueError(f"got level {level!r}, expected one of {', '.join(LEVELS)}")
        if not players or not set(players) <= set(PLAYERS):
            raise ValueError(f"got players {list(players)}, expected some of {', '.join(PLAYERS)}")
        file: Path = MODELS / "stream.safetensors"
        super().__init__({"stream": file}, level=level, seed=seed, players=list(players), guess=guess)

    def __repr__(self) -> str:
        """Stand in for the widget where none can be shown, the same in each run (no memory address)."""
        return f"PlayTheStream(level={self.level!r}, seed={self.seed})"
