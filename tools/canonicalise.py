"""Give an executed notebook the same bytes each time it is run.

What differs between two runs is renamed or dropped: the random identities of widgets are replaced by names counted
in order of use, execution times and the exact version of Python go, keys are sorted, and what a cell printed is one
text however many pieces it came in. What outputs say is left alone: one that differs, such as a memory address, is for
its author to mend.

Of the course's explorables the numbers are stored and not the code, or one changed line of code would make every
chapter stale: the website has the code, and in Jupyter a cell that is run brings it along.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDGET_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")

OURS = "lstm_lib.widgets."  # how the names of the course's own explorables begin

# The code that is stored in place of an explorable's own. A notebook opened in Jupyter without running shows this line
# where the explorable will be. Without any code anywidget would fail for each one: an empty place, an error when it
# loads, another two seconds later.
STAND_IN = 'export default { render({ el }) { el.textContent = "Run this cell to see the explorable."; } };'


def canonical(text: str, name: str) -> str:
    """Return the canonical form of a notebook.

    Args:
        text: The notebook as stored, JSON.
        name: Its file name; widgets of different notebooks get different identities.

    Returns:
        JSON with sorted keys, one space of indentation, and a line end at the end.
    """
    notebook = json.loads(text)
    drop_volatile(notebook)
    join_streams(notebook)
    drop_code(notebook)
    new_id = {old: digest(f"{name}/{n}") for n, old in enumerate(widgets_in_order(notebook))}
    text = dump(notebook)
    text = WIDGET_ID.sub(lambda match: new_id.get(match.group(), match.group()), text)
    # Renaming changed the order of the keys.
    return dump(json.loads(text)) + "\n"


def drop_volatile(notebook: dict[str, Any]) -> None:
    """Remove what says when the notebook ran and under which Python."""
    for cell in notebook["cells"]:
        cell["metadata"].pop("execution", None)
    if "language_info" in notebook["metadata"]:
        notebook["metadata"]["language_info"] = {"name": "python"}


def join_streams(notebook: dict[str, Any]) -> None:
    """Put together what a cell printed: it arrives in pieces, cut where the kernel's clock happened to strike."""
    for cell in notebook["cells"]:
        joined: list[dict[str, Any]] = []
        for output in cell.get("outputs", []):
            if joined and output["output_type"] == "stream" and joined[-1].get("name") == output["name"]:
                text = "".join(joined[-1]["text"]) + "".join(output["text"])
                joined[-1]["text"] = text.splitlines(keepends=True)
            else:
                joined.append(output)
        if joined:
            cell["outputs"] = joined


def drop_code(notebook: dict[str, Any]) -> None:
    """Keep of the state of widgets what a run decided: no code of ours, and no layout that is the default."""
    for model in states(notebook).values():
        state = model["state"]
        if state.get("_anywidget_id", "").startswith(OURS):
            state["_esm"] = STAND_IN
            state.pop("_css", None)
        if model["model_name"] == "LayoutModel":  # ipywidgets itself leaves defaults out when it saves a page
            model["state"] = {name: value for name, value in state.items() if value is not None}


def states(notebook: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the stored models of all widgets, by identity."""
    stored = notebook["metadata"].get("widgets", {}).get(WIDGET_STATE, {})
    return stored.get("state", {})


def widgets_in_order(notebook: dict[str, Any]) -> list[str]:
    """List the widgets: first those on display, then those that they refer to, then the rest by their content."""
    state = states(notebook)
    order: dict[str, None] = {}
    waiting = [i for i in mentioned(notebook["cells"]) if i in state]
    while waiting:
        widget = waiting.pop(0)
        if widget not in order:
            order[widget] = None
            waiting += [i for i in mentioned(state[widget]) if i in state]
    rest = [i for i in state if i not in order]
    return [*order, *sorted(rest, key=lambda i: WIDGET_ID.sub("", dump(state[i])))]


def mentioned(part: Any) -> Iterator[str]:
    """Yield the widget identities that occur in a part of the notebook."""
    return (match.group() for match in WIDGET_ID.finditer(dump(part)))


def digest(text: str) -> str:
    """Return 32 hexadecimal digits, the form in which Jupyter writes the identity of a widget."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def dump(part: Any) -> str:
    """Write JSON the way Jupyter does, with sorted keys."""
    return json.dumps(part, indent=1, ensure_ascii=False, sort_keys=True)
