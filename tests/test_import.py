"""What importing costs, what it brings along, and that imports run one way, file by file."""

import ast
import functools
import graphlib
import statistics
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

import lstm_lib

ROOT = Path(__file__).resolve().parent.parent

# The library from the ground up: on each level its wings, and the modules and folders that each is made of. A file may
# import from its own wing and from lower levels, nothing else. A new module or folder gets its place here, once.
LEVELS = (
    {"array": "_array", "extras": "_extras", "recorded": "recorded"},
    {"notation": "notation", "cell_map": "_cell_map", "tasks": "tasks", "nn": "nn"},
    {
        "from_scratch": "from_scratch",
        "training": "training",
        "plots": "plots",
        "exercises": "exercises",
    },
    {"convert": "convert", "widgets": "widgets", "applied": "applied", "grade": "grade"},
    {"clinic": "clinic", "doctor": "doctor", "museum": "museum", "train": "train", "use": "use"},
    {"root": "__init__"},
)
# What these wings may import from outside the standard library, in functions too, themselves and through others.
LIGHT = {
    "array": {"numpy"},
    "notation": set(),
    "cell_map": set(),
    "recorded": set(),
    "tasks": {"numpy"},
    "nn": {"torch", "triton"},  # torch alone for all but the kernels of backend="triton"
    "from_scratch": {"numpy"},
    "exercises": {"numpy"},  # in functions, where it is there: the last test imports them without
}
Sources = Mapping[str, str]  # what a file holds, by its dotted name: "lstm_lib.cells", "lstm_lib.nn" for nn/__init__.py


def read_sources() -> dict[str, str]:
    """Read every file of the library."""
    sources = {}
    for path in (ROOT / "lstm_lib").rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        sources[name] = path.read_text(encoding="utf-8")
    return sources


SOURCES = read_sources()
parse = functools.cache(ast.parse)


def imports(name: str, sources: Sources) -> set[str]:
    """List what a file imports, wherever the import stands: files of the library by name, others by their package.

    What stands in functions and under TYPE_CHECKING counts: it ties files together as well. That importing a module
    runs the ``__init__`` of the folders around it does not, or every folder would be a circle.
    """
    found, packages = set(), {}
    for node in ast.walk(parse(sources[name])):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative imports hide where a name comes from"
            full = {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            found |= {long if long in sources else str(node.module) for long in full.values()}
            packages |= full
    for node in ast.walk(parse(sources[name])):  # a file that walks a folder ties itself to all that is in it
        if isinstance(node, ast.Attribute) and node.attr == "__path__" and isinstance(node.value, ast.Name):
            found |= {other for other in sources if other.startswith(f"{packages[node.value.id]}.")}
    ours = {other for other in found if other.split(".")[0] == "lstm_lib"}
    assert ours <= set(sources), f"{name} imports {ours - set(sources)}, which is not there"
    return ours | {other.split(".")[0] for other in found - ours}


def arrows(sources: Sources) -> dict[str, set[str]]:
    """Return which files of the library each file imports."""
    return {name: {other for other in imports(name, sources) if other in sources} for name in sources}


def place(name: str) -> tuple[int, str]:
    """Return the level and the wing of a file."""
    part = "__init__" if name == "lstm_lib" else name.split(".")[1]
    found = [
        (level, wing) for level, wings in enumerate(LEVELS) for wing, parts in wings.items() if part in parts.split()
    ]
    assert len(found) == 1, f"{name} has {len(found)} places in LEVELS, expected one"
    return found[0]


def wrong_way(sources: Sources) -> list[str]:
    """List the arrows that run sideways or up."""
    wrong = []
    for name, others in arrows(sources).items():
        level, wing = place(name)
        allowed = {other for other in others if place(other)[1] == wing or place(other)[0] < level}
        wrong += [f"{name} imports {other}" for other in sorted(others - allowed)]
    return wrong


def circle(sources: Sources) -> list[str]:
    """Return the files of a circle of imports, or none."""
    try:
        graphlib.TopologicalSorter(arrows(sources)).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def reached(start: str, sources: Sources) -> set[str]:
    """List all that a file imports, itself and through other files of the library."""
    seen, waiting = set(), [start]
    while waiting:
        name = waiting.pop()
        new = imports(name, sources) - seen
        seen |= new
        waiting += [other for other in new if other in sources]
    return seen


# ---------------------------------------------------------------- arrows


def test_every_file_has_one_place() -> None:
    assert {place(name)[1] for name in SOURCES} >= {"from_scratch", "nn", "training", "exercises", "root"}


def test_imports_run_one_way() -> None:
    assert wrong_way(SOURCES) == []


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circle(SOURCES) == []


@pytest.mark.parametrize("wing", LIGHT)
def test_a_light_wing_never_sees_what_is_heavy(wing: str) -> None:
    for name in (name for name in SOURCES if place(name)[1] == wing):
        outside = {other for other in reached(name, SOURCES) if other not in SOURCES} - sys.stdlib_module_names
        assert outside <= LIGHT[wing], name


def test_the_reader_of_imports_finds_every_form() -> None:
    sources = dict.fromkeys(
        ("lstm_lib.plots", "lstm_lib.cells", "lstm_lib.tasks", "lstm_lib.nn", "lstm_lib.nn.lstm"), ""
    )
    sources["lstm_lib.film"] = (
        "import lstm_lib.plots, numpy.linalg\nfrom lstm_lib import cells\nif TYPE_CHECKING:\n    import torch\n"
        "def f():\n    from lstm_lib.tasks import Batch\n    from lstm_lib import nn as n\n    walk(n.__path__)\n"
    )
    assert imports("lstm_lib.film", sources) == {*sources, "numpy", "torch"} - {"lstm_lib.film"}


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("exercises._judge", "def find(id):\n    from lstm_lib.exercises import EXERCISES\n"),
        ("exercises._words", "if TYPE_CHECKING:\n    from lstm_lib.exercises._judge import Reference\n"),
        ("exercises.chapters.chapter_01", "from lstm_lib.exercises._catalogue import EXERCISES\n"),
        ("nn.steps", "from lstm_lib.nn.lstm import LSTM\n"),
    ],
)
def test_a_planted_circle_is_found(name: str, line: str) -> None:
    planted = {**SOURCES, f"lstm_lib.{name}": SOURCES[f"lstm_lib.{name}"] + "\n" + line}
    assert f"lstm_lib.{name}" in circle(planted)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("tasks", "from lstm_lib.from_scratch.cells import LSTMParams"),
        ("plots.maps", "def f():\n    from lstm_lib.from_scratch import layers"),
        ("nn.steps", "import lstm_lib.notation"),
        ("from_scratch.cells", "import lstm_lib"),
        ("convert", "from lstm_lib.clinic.charts import Chart"),
    ],
)
def test_a_planted_arrow_up_or_sideways_is_found(name: str, line: str) -> None:
    assert len(wrong_way({**SOURCES, f"lstm_lib.{name}": SOURCES[f"lstm_lib.{name}"] + "\n" + line})) == 1


def test_torch_is_found_behind_another_file_and_inside_a_function() -> None:
    name = "lstm_lib.from_scratch.optim"
    planted = {**SOURCES, name: SOURCES[name] + "\ndef f():\n    from lstm_lib import nn\n"}
    assert wrong_way(planted) == []
    assert "torch" in reached("lstm_lib.from_scratch.experiment", planted)
    assert "torch" not in reached("lstm_lib.from_scratch.experiment", SOURCES)


# ---------------------------------------------------------------- names


def test_editors_and_python_find_the_same_names_at_the_same_place() -> None:
    (block,) = (
        node
        for node in ast.parse(SOURCES["lstm_lib"]).body
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    )
    shown = {
        alias.asname: f"{node.module}.{alias.name}"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert shown == lstm_lib._HOMES
    assert set(lstm_lib._HOMES.values()) <= set(SOURCES)
    top = {name for name in SOURCES if name.count(".") == 1 and not name.startswith("lstm_lib._")}
    assert top <= set(lstm_lib._HOMES.values())


def test_an_unknown_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'cell'; it has answers, applied, cells, checks"):
        lstm_lib.cell  # noqa: B018


# ---------------------------------------------------------------- what importing costs


def child(code: str) -> str:
    """Run Python in a process of its own and return what it printed."""
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def test_importing_the_library_takes_less_than_four_starts_of_python() -> None:
    """It took about one; NumPy alone takes more than six, torch eighty."""
    times: dict[str, list[float]] = {"": [], "import lstm_lib": []}
    for _ in range(9):  # in turn, so that what else the machine does is the same for both
        for code, seconds in times.items():
            start = time.perf_counter()
            child(code)
            seconds.append(time.perf_counter() - start)
    start, both = (statistics.median(seconds) for seconds in times.values())
    assert both - start < 4 * start


def test_importing_the_library_loads_none_of_the_heavy_ones() -> None:
    loaded = child("import lstm_lib, sys; print(*sys.modules)").split()
    assert "lstm_lib" in loaded
    assert not {"numpy", "torch", "matplotlib", "anywidget"} & set(loaded)


def test_every_file_of_the_light_wings_can_be_imported_where_there_is_nothing_heavy() -> None:
    for wings, absent in (
        ({"array", "tasks", "from_scratch"}, ("torch", "matplotlib", "anywidget")),
        ({"notation", "recorded", "exercises"}, ("numpy", "torch", "matplotlib", "anywidget")),
    ):
        names = [name for name in SOURCES if place(name)[1] in wings]
        assert len(names) > 5
        child(f"import sys; sys.modules.update(dict.fromkeys({absent})); import {', '.join(names)}")


# ---------------------------------------------------------------- without the extra "notebook"

FORBID = """
import importlib, pathlib, sys
class Forbid:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"IPython", "anywidget", "ipywidgets", "matplotlib", "psygnal", "traitlets"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Forbid())
"""


def without_notebook(code: str) -> str:
    """Run Python where nothing of the extra can be imported."""
    return child(FORBID + code)


def test_without_figures_and_widgets_all_but_figures_and_widgets_is_there() -> None:
    drawn = ("lstm_lib.plots", "lstm_lib.widgets", "lstm_lib.clinic", "lstm_lib.doctor.drawing")
    rest = [name for name in SOURCES if not name.startswith(drawn) and not name.endswith(("__main__", "_kernels"))]
    assert {"lstm_lib.nn", "lstm_lib.training", "lstm_lib.doctor", "lstm_lib.train", "lstm_lib.use"} <= set(rest)
    without_notebook("".join(f"import {name}\n" for name in rest))


def test_without_figures_and_widgets_the_names_of_the_library_and_its_work_go_on() -> None:
    said = without_notebook(
        "import torch\nfrom lstm_lib import cells, doctor, layers, nn, tasks, training\n"
        "torch.manual_seed(0)\nmodel = nn.Tagger(6, 8, 4)\n"
        "print(doctor.examine(model, torch.ones(30, 8, 6), longest_lag=25).findings[0].key)\n"
    )
    assert said.strip() == "forgets-too-soon"


@pytest.mark.parametrize("command", ["doctor", "train", "use", "convert", "grade"])
def test_without_figures_and_widgets_every_command_answers(command: str) -> None:
    code = f"import runpy\nsys.argv = [{command!r}, '--help']\n"
    assert "usage:" in without_notebook(f"{code}runpy.run_module('lstm_lib.{command}', run_name='__main__')")


@pytest.mark.parametrize(
    ("asked", "missing"),
    [
        ("import lstm_lib.widgets", "got no anywidget, which the explorables and quizzes need"),
        ("from lstm_lib.widgets import Quiz", "got no anywidget, which the explorables and quizzes need"),
        ("import lstm_lib.plots.maps", "got no matplotlib, which the figures need"),
        ("from lstm_lib import diagrams", "got no matplotlib, which the figures need"),
        ("from lstm_lib import clinic", "got no matplotlib, which the figures of the clinic need"),
        (
            "import torch\nfrom lstm_lib import doctor, nn\ndoctor.examine(nn.LSTM(3, 2)).plot()",
            "got no matplotlib, which the figures of the doctor need",
        ),
    ],
)
def test_who_asks_for_a_figure_or_a_widget_is_told_what_to_install(asked: str, missing: str) -> None:
    code = f"try:\n    exec({asked!r})\nexcept ModuleNotFoundError as error:\n    print(error)"
    assert without_notebook(code).strip() == f'{missing}: pip install "lstm_lib[notebook]"'


def test_the_package_asks_for_numpy_alone_and_its_extra_for_what_notebooks_show() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert [one.split(">")[0] for one in project["dependencies"]] == ["numpy"]
    extra = {one.split(">")[0] for one in project["optional-dependencies"]["notebook"]}
    assert extra == {"anywidget", "ipywidgets", "matplotlib"}
    assert "-e .[notebook,uses]" in (ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("wing", ["nn", "training", "doctor"])
def test_without_torch_the_wings_that_need_it_say_what_to_install(wing: str) -> None:
    code = f"import sys\nsys.modules['torch'] = None\nimport lstm_lib.{wing}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 1
    assert 'pip install "lstm_lib[torch]"' in done.stderr.splitlines()[-1]
