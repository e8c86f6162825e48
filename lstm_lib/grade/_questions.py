"""The questions that the chapters ask between the exercises: an export names them, and the notebooks have the words."""

import functools
import json
from pathlib import Path
from typing import Any, NamedTuple

CHAPTERS = Path(__file__).resolve().parent.parent.parent / "chapters"  # in a checkout, and where course.zip is unpacked
STATE = "application/vnd.jupyter.widget-state+json"


class Question(NamedTuple):
    """A question: its chapter, what it asks, its kind, and the words of its options or of its known wrong numbers."""

    where: str
    asks: str
    kind: str
    words: dict[str, str]

    def says(self, mistake: str) -> str:
        """Say in words what a mistake is, as far as this question knows.

        Example:
            >>> Question("1", "Which?", "several", {"a": "this", "b": "that"}).says("a,b")
            'Set wrongly: this; that'
        """
        keys = [mistake] if self.kind != "several" else mistake.split(",")
        if not all(key in self.words for key in keys):
            return mistake
        begins = {"single": "Chosen: ", "several": "Set wrongly: ", "order": "Put too early: "}.get(self.kind, "")
        return begins + "; ".join(self.words[key] for key in keys)


@functools.cache
def questions(folder: Path = CHAPTERS) -> dict[str, Question]:
    """Return the questions of the course by name, in its order; none where the notebooks are not at hand.

    Example:
        >>> questions(Path("nowhere"))
        {}
    """
    found = {}
    for path in sorted(folder.glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        widgets = notebook["metadata"].get("widgets", {}).get(STATE, {}).get("state", {})
        shown = {widget["state"]["name"]: widget["state"] for widget in widgets.values() if _asks(widget["state"])}
        sources = "".join("".join(cell["source"]) for cell in notebook["cells"])
        for name in sorted(shown, key=lambda name: sources.find(f'"{name}"')):  # as they stand on the page
            found[name] = _question(path.stem, shown[name])
    return found


def _asks(state: dict[str, Any]) -> bool:
    return state.get("role") == "quiz" and bool(state.get("name"))


def _question(stem: str, state: dict[str, Any]) -> Question:
    number, _, _ = stem.partition("_")
    words = {option["id"]: option["text"] for option in state["options"]}
    known = [mistake for mistake in state["mistakes"] if "value" in mistake]  # the last is said of all others
    words |= {f"{mistake['value']:.12g}": mistake["because"] for mistake in known}
    where = str(int(number)) if number.isdigit() else stem.replace("_", " ")
    return Question(where, state["question"], state["kind"], words)
