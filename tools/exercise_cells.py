"""The exercise cells of the chapters, written from the library by ``python -m tools.exercise_cells chapters/*.ipynb``.

A chapter says where an exercise stands by any cell with the metadata {"exercise": ID}; neighbouring cells with the same
ID are replaced together. So statement, stub, hints and solution are written once, in ``lstm_lib.exercises``.
"""

import argparse
import itertools
import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from lstm_lib.exercises import EXERCISES, Exercise

# What JupyterLab shows of a cell whose source is hidden is its first line. In Colab, a first line with @title and
# "cellView": "form" hide the source.
FOLDED = "# @title Folded: a solution. Open it when you have tried."
QUESTION = "# @title Folded: the text of the question below, with its answer."
ASKS = re.compile(r"^Quiz(\.(several|number|order))?\(|^\s+answer=[\"']", re.MULTILINE)
PROMPTS = {"code_prompt_show": "Show the solution", "code_prompt_hide": "Hide the solution"}
OF_A_QUESTION = {f"code_prompt_{do.lower()}": f"{do} the code of the question" for do in ("Show", "Hide")}


def cells_for(exercise: Exercise) -> list[NotebookNode]:
    """Return the cells of one exercise: statement; stub and check; hints; folded solution. A judgement is a widget."""
    statement = _markdown(exercise, "statement", f"### {exercise.title}\n\n{_without_options(exercise)}")
    if exercise.kind == "judgement":
        look = {"tags": ["hide-input"], "mystnb": OF_A_QUESTION}
        return [statement, _code(exercise, "question", f'Quiz.exercise("{exercise.id}")', **look)]
    stub = _code(exercise, "stub", exercise.stub_cell)
    hints = _markdown(exercise, "hints", _hints(exercise))
    jupyter = {"source_hidden": True, "outputs_hidden": True}
    folded = {"tags": ["hide-cell"], "mystnb": PROMPTS, "jupyter": jupyter, "cellView": "form"}
    return [statement, stub, hints, _code(exercise, "solution", f"{FOLDED}\n{exercise.solution_cell}", **folded)]


def stamp(path: Path) -> bool:
    """Bring the exercise cells of one notebook up to date; say whether anything had to change.

    Cells that stay as they were keep their outputs.
    """
    notebook = nbformat.read(path, as_version=4)
    before = nbformat.writes(notebook)
    known = {cell["id"]: cell for cell in notebook.cells}
    cells: list[NotebookNode] = []
    for name, group in itertools.groupby(notebook.cells, key=lambda cell: cell.metadata.get("exercise")):
        cells += group if name is None else [_keep(cell, known) for cell in cells_for(_named(name, path))]
    notebook.cells = cells
    hide_answers(cells)
    if nbformat.writes(notebook) == before:
        return False
    nbformat.write(notebook, path)
    return True


def hide_answers(cells: list[NotebookNode]) -> None:
    """Hide the source of each cell that asks a question: the answer is in it."""
    for cell in cells:
        if cell.cell_type == "code" and ASKS.search(cell.source):
            if not cell.source.startswith(QUESTION):
                cell.source = f"{QUESTION}\n{cell.source}"
            cell.metadata.setdefault("jupyter", {})["source_hidden"] = True
            cell.metadata["cellView"] = "form"
            cell.metadata["mystnb"] = {**OF_A_QUESTION, **cell.metadata.get("mystnb", {})}


def _keep(cell: NotebookNode, known: dict[str, NotebookNode]) -> NotebookNode:
    """Return the stored cell instead of a new one that says the same, for its outputs."""
    stored = known.get(cell["id"])
    same = stored is not None and stored.source == cell.source and stored.metadata == cell.metadata
    return stored if same else cell


def _named(id: str, path: Path) -> Exercise:
    if id not in EXERCISES:
        raise ValueError(f"got exercise {id!r} in {path.name}, expected one of {', '.join(EXERCISES)}")
    return EXERCISES[id]


def _without_options(exercise: Exercise) -> str:
    """The statement; the options of a judgement are left to the widget."""
    return exercise.statement.split("\n\n- `")[0]


def _hints(exercise: Exercise) -> str:
    """One fold a hint, so that each is a step."""
    hints = enumerate(exercise.hints, start=1)
    return "\n".join(f"<details>\n<summary>Hint {n}</summary>\n\n{hint}\n\n</details>" for n, hint in hints)


def _markdown(exercise: Exercise, part: str, source: str) -> NotebookNode:
    return _cell(nbformat.v4.new_markdown_cell(source), exercise, part)


def _code(exercise: Exercise, part: str, source: str, **metadata: object) -> NotebookNode:
    cell = nbformat.v4.new_code_cell(source)
    cell.metadata.update(metadata)
    return _cell(cell, exercise, part)


def _cell(cell: NotebookNode, exercise: Exercise, part: str) -> NotebookNode:
    cell["id"] = f"{exercise.id}-{part}"
    cell.metadata["exercise"] = exercise.id
    return cell


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="+", type=Path)
    for path in parser.parse_args().notebooks:
        if stamp(path):
            print(f"{path}: exercise cells renewed")
