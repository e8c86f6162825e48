"""Tell the pages what there is to do in the course: every guess, quiz and exercise, in the order of the pages.

Two classic scripts, which work from ``file://`` too: ``course.js``, small, for every page, and ``quizzes.js`` with all
that a quiz says, which the page of progress loads when one comes back for review. Both are made from the notebooks as
they are stored: exercises from the metadata of their cells, the rest from the state of the widgets.
"""

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from docutils.nodes import make_id
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.typing import ExtensionMetadata

VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
QUIZ = ["kind", "role", "name", "question", "options", "answer", "answers", "value", "tolerance", "mistakes", "because"]
PAGE = "progress"  # the page that shows the table


def course(root: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the pages of the course, and what there is to do on each.

    Args:
        root: The folder with ``_toc.yml``.

    Returns:
        {"pages": [{"page": …, "title": …, "label": …, "items": [{"kind": …, "id": …, "title": …, "anchor": …}]}]}.
    """
    return {"pages": [_page(root, name) for name in pages(root)]}


def quizzes(root: Path) -> dict[str, dict[str, Any]]:
    """Return what each quiz of the course is made of, by the key under which its answer is kept."""
    found: dict[str, dict[str, Any]] = {}
    for name in pages(root):
        for _, state in _widgets(root, name):
            if quiz_anchor(state):
                key = f"{state['role']}/{state['name']}"
                if key in found:
                    raise ValueError(f"got two quizzes named {state['name']!r}, expected each name once")
                found[key] = {trait: state[trait] for trait in QUIZ}
    return found


def pages(root: Path) -> list[str]:
    """List the pages of the table of contents, without suffix."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    chapters = [chapter for part in toc.get("parts", [toc]) for chapter in part["chapters"]]
    return [toc["root"], *(chapter["file"] for chapter in chapters)]


def _page(root: Path, name: str) -> dict[str, Any]:
    number = re.match(r"(\d+)_", Path(name).name)
    label = str(int(number[1])) if number else ""
    return {"page": name, "title": _title(root, name), "label": label, "items": list(_items(root, name))}


def _title(root: Path, name: str) -> str:
    """Return the first heading of a page."""
    text = (root / f"{name}.md").read_text(encoding="utf-8") if (root / f"{name}.md").is_file() else ""
    texts = [text, *("".join(cell["source"]) for cell in _cells(root, name) if cell["cell_type"] == "markdown")]
    return next((found[1] for found in map(HEADING.search, texts) if found), name)


def _items(root: Path, name: str) -> Iterator[dict[str, str]]:
    """Yield what there is to do on a page, from top to bottom."""
    counts: dict[str, int] = {}
    widgets = list(_widgets(root, name))
    seen = set()
    for number, cell in enumerate(_cells(root, name)):
        exercise = cell["metadata"].get("exercise")
        if exercise and exercise not in seen:
            seen.add(exercise)
            title = HEADING.findall("".join(cell["source"]))[-1].replace("`", "")
            yield {"kind": "exercise", "id": exercise, "title": title, "anchor": make_id(title)}
        for state in [state for place, state in widgets if place == number]:
            if quiz_anchor(state) and state["role"] == "quiz":
                anchor = quiz_anchor(state)
                yield {"kind": "quiz", "id": state["name"], "title": state["question"], "anchor": anchor}
            elif state.get("guess") == "":  # named as anyhost.js names it
                kind = state["_anywidget_id"].split(".")[-2]
                counts[kind] = counts.get(kind, 0) + 1
                anchor = f"explorable-{kind}" + (f"-{counts[kind]}" if counts[kind] > 1 else "")
                title = kind.replace("_", " ").capitalize()
                yield {"kind": "guess", "id": f"{name}#{anchor}", "title": title, "anchor": anchor}


def quiz_anchor(state: dict[str, Any]) -> str:
    """Return the id of a quiz in its page, or nothing for another explorable."""
    return f"quiz-{state['name']}" if "choice" in state and state.get("name") else ""


def _widgets(root: Path, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the widgets that a notebook shows: the number of the cell, and the widget's state."""
    states = _notebook(root, name)["metadata"].get("widgets", {}).get(STATE, {}).get("state", {})
    for number, cell in enumerate(_cells(root, name)):
        for output in cell.get("outputs", []):
            view = output.get("data", {}).get(VIEW)
            if view and view["model_id"] in states:
                yield number, states[view["model_id"]]["state"]


def _cells(root: Path, name: str) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = _notebook(root, name)["cells"]
    return cells


@functools.cache
def _notebook(root: Path, name: str) -> dict[str, Any]:
    path = root / f"{name}.ipynb"
    if not path.is_file():
        return {"cells": [], "metadata": {}}
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return notebook


def write_scripts(app: Sphinx, config: Config) -> None:
    """Write both scripts beside the other files that the site serves."""
    folder, root = Path(app.outdir).parent / "assets" / "course", Path(app.srcdir)
    for name, variable, value in [
        ("course.js", "lstmCourse", course(root)),
        ("quizzes.js", "lstmQuizzes", quizzes(root)),
    ]:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        (folder / name).write_text(f"window.{variable} = {text};\n", encoding="utf-8")


def add_scripts(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Give the page of progress the script that fills it."""
    if pagename == PAGE:
        app.add_js_file("course/progress_page.js", priority=900, defer="defer")  # after those that it needs


def setup(app: Sphinx) -> ExtensionMetadata:
    """Connect the functions above to Sphinx."""
    app.connect("config-inited", write_scripts, priority=150)  # after site_assets has made the folder
    app.connect("html-page-context", add_scripts)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
