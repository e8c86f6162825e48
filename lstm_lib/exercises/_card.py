"""Show verdicts, statements, hints and progress: cards in a notebook, plain text in a terminal."""

import difflib
import html
from typing import Any, NamedTuple

from lstm_lib.exercises._catalogue import EXERCISES
from lstm_lib.exercises._exercise import Exercise, Verdict
from lstm_lib.exercises._words import NOT_ANSWERED
from lstm_lib.notation import FAMILIES

# The page keeps its own text and background colours, light or dark; only the bar on the left carries a hue, and the
# first words say the same.
HUES = {"Solved": FAMILIES["learn"].hue, "Not yet": FAMILIES["forget"].hue, NOT_ANSWERED: "currentcolor"}


class Card:
    """A text with a title, shown as HTML where a notebook can, and as plain text elsewhere.

    Indented lines of the text are code. ``verdict`` holds what a check says, for code to read. A ``folded`` card shows
    its title, and its text when it is opened.
    """

    def __init__(
        self,
        title: str,
        text: str,
        hue: str,
        *,
        verdict: Verdict | None = None,
        markdown: str = "",
        folded: bool = False,
    ) -> None:
        """Keep what is shown; a card with ``markdown`` is shown as that."""
        self.title, self.text, self.hue, self.verdict, self.markdown = title, text, hue, verdict, markdown
        self.folded = folded

    @property
    def passed(self) -> bool:
        """Whether this is the verdict on an answer that passed."""
        return self.verdict is not None and self.verdict.passed

    def __repr__(self) -> str:
        """Return the plain text."""
        return f"{self.title}\n{self.text}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        rich = {"text/markdown": self.markdown} if self.markdown else {"text/html": self.html}
        return {"text/plain": repr(self)} | rich

    def _repr_html_(self) -> str | None:
        return None if self.markdown else self.html

    @property
    def html(self) -> str:
        """The card as HTML."""
        title = html.escape(self.title)
        parts = []
        for line in self.text.splitlines():
            if line.startswith("    "):
                style = "margin:.3em 0;padding:0 0 0 1em;background:transparent;color:inherit;white-space:pre-wrap"
                parts.append(f'<pre style="{style}">{html.escape(line.strip())}</pre>')
            else:
                parts.append(f'<p style="margin:.3em 0 0">{html.escape(line)}</p>')
        style = f"border-left:4px solid {self.hue};padding:.3em 1em .5em;margin:.5em 0;overflow-wrap:anywhere"
        if self.folded:
            return f'<details style="{style}"><summary><strong>{title}</strong></summary>{"".join(parts)}</details>'
        head = f'<p style="margin:0"><strong>{title}</strong></p>'
        return f'<div role="group" aria-label="{title}" style="{style}">{head}{"".join(parts)}</div>'


class Session(NamedTuple):
    """What happened since Python started: which exercises were tried and solved, and how many hints were shown."""

    tried: dict[str, bool]
    hints: dict[str, int]


_session = Session({}, {})


def check(id: str, answer: Any, *, folded: bool = False) -> Card:
    """Check an answer, remember the result for this session, and show the verdict.

    Args:
        id: Which exercise, such as "forget-gate".
        answer: A function, a number, or the name of an option.
        folded: For the course's own solution: what passes is told in a fold, so that it tells nothing to those who ran
            all cells at once, and it does not count as solved.

    Returns:
        A card that a notebook shows; ``.verdict`` holds Verdict(passed, mistake, message).

    Raises:
        ValueError: If there is no such exercise. No answer raises anything.

    Example:
        >>> check("bias-half-life", 5.46)
        Not yet: Find the half-life when one step is different (bias-half-life)
        This looks like σ(2) at every step; at the first one f is 0.6. Look at the line
            c_n = f_n · … · f_2 · f_1 · c_0
    """
    exercise = find_exercise(id)
    verdict = exercise.check(answer)
    folded = folded and verdict.passed
    if not folded:
        _session.tried[id] = verdict.passed or _session.tried.get(id, False)
    waiting = verdict.message.startswith(NOT_ANSWERED)
    word = "Solved" if verdict.passed else NOT_ANSWERED if waiting else "Not yet"
    text = verdict.message.removeprefix(f"{NOT_ANSWERED}: ")
    title = f"{'The solution passes' if folded else word}: {exercise.title} ({exercise.id})"
    return Card(title, text[:1].upper() + text[1:], HUES[word], verdict=verdict, folded=folded)


def hint(id: str, step: int | None = None) -> Card:
    """Show the next hint of an exercise.

    Args:
        id: Which exercise.
        step: Which hint, from 1; the next one that was not shown yet if None.

    Returns:
        A card that a notebook shows.

    Raises:
        ValueError: If there is no such exercise or no such hint.

    Example:
        >>> hint("forget-gate", 1)
        Hint 1 of 3: Keep part of the long-term memory (forget-gate)
        Two lines are enough: first the forget factor f, a number between 0 and 1 for each unit, then what it keeps.
    """
    exercise = find_exercise(id)
    count = len(exercise.hints)
    if step is None:
        step = min(_session.hints.get(id, 0) + 1, count)
        _session.hints[id] = step
    if not 1 <= step <= count:
        raise ValueError(f"got hint {step}, expected 1 to {count}")
    title = f"Hint {step} of {count}: {exercise.title} ({id})"
    return Card(title, exercise.hints[step - 1], FAMILIES["remember"].hue)


def show(id: str) -> Card:
    """Show the statement of an exercise.

    Example:
        >>> show("what-vanishes")  # doctest: +ELLIPSIS
        Say what vanishes
        ...
    """
    exercise = find_exercise(id)
    text = f"**{exercise.title}.** {exercise.statement}"
    return Card(exercise.title, exercise.statement, FAMILIES["remember"].hue, markdown=text)


def progress() -> Card:
    """Show, chapter by chapter, how many exercises were solved since Python started, and which wait for another try.

    Example:
        >>> progress().title  # doctest: +ELLIPSIS
        'Progress: ... exercises solved'
    """
    lines = []
    for where in dict.fromkeys(exercise.where for exercise in EXERCISES.values()):
        ids = [exercise.id for exercise in EXERCISES.values() if exercise.where == where]
        waiting = [id for id in ids if not _session.tried.get(id, True)]
        text = f"{where}: {sum(_session.tried.get(id, False) for id in ids)} of {len(ids)} solved"
        lines.append(text + (f"; not yet: {', '.join(waiting)}" if waiting else ""))
    solved = sum(_session.tried.values())
    return Card(f"Progress: {solved} of {len(EXERCISES)} exercises solved", "\n".join(lines), FAMILIES["learn"].hue)


def results() -> dict[str, bool]:
    """Return the exercises that were tried since Python started, and whether each was solved.

    Example:
        >>> all(isinstance(solved, bool) for solved in results().values())
        True
    """
    return dict(_session.tried)


def find_exercise(id: str) -> Exercise:
    """Return an exercise, or raise a ValueError that names the nearest ones."""
    if id in EXERCISES:
        return EXERCISES[id]
    near = difflib.get_close_matches(str(id), EXERCISES, n=3) or EXERCISES
    raise ValueError(f"got exercise {id!r}, expected one such as {', '.join(near)}")
