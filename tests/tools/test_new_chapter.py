"""A chapter that the tool makes passes what the tests ask of every chapter, and is listed where readers look."""

import shutil
from pathlib import Path

import nbformat
import pytest
import test_stored_notebooks as stored
import yaml
from conftest import ROOT

from tools import canonicalise, new_chapter, notebooks

NAME, TITLE = "98_half_lives", "How long does a share last?"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a chapter in a course of one folder, and return its path."""
    root = tmp_path_factory.mktemp("course")
    (root / "chapters").mkdir()
    (root / "lstm_lib").symlink_to(ROOT / "lstm_lib")
    for name in ("_toc.yml", "README.md"):
        shutil.copy(ROOT / name, root)
    return new_chapter.make(root, NAME, TITLE, "Trials")


@pytest.mark.parametrize("test", [test for name, test in vars(stored).items() if name.startswith("test_")])
def test_a_new_chapter_passes_what_every_chapter_passes(test, made: Path) -> None:
    test(made)


def test_a_new_chapter_gives_the_same_bytes_again(made: Path) -> None:
    assert notebooks.run(made) == made.read_text(encoding="utf-8")


def test_a_new_chapter_has_a_question_a_picture_and_a_title(made: Path) -> None:
    notebook = nbformat.read(made, as_version=4)
    assert notebook.cells[0].source.startswith(f"# {TITLE}\n")
    kinds = {kind for cell in notebook.cells for output in cell.get("outputs", []) for kind in output.get("data", {})}
    assert {"image/png", "application/vnd.jupyter.widget-view+json"} <= kinds
    assert canonicalise.WIDGET_STATE in notebook.metadata["widgets"]


def test_a_new_chapter_is_listed_in_a_part_before_the_back_matter(made: Path) -> None:
    root = made.parent.parent
    parts = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))["parts"]
    assert [part["caption"] for part in parts][-2:] == ["Trials", "Back matter"]
    assert parts[-2]["chapters"] == [{"file": f"chapters/{NAME}"}]
    row = f"| Trials | [98](chapters/{NAME}.ipynb) | {TITLE} |\n| Back matter"
    assert row in (root / "README.md").read_text(encoding="utf-8")


def test_a_second_chapter_of_a_part_comes_after_the_first() -> None:
    toc, readme = (ROOT / "_toc.yml").read_text("utf-8"), (ROOT / "README.md").read_text("utf-8")
    for name in ("97_one", "98_two"):
        toc = new_chapter.listed(toc, name, "Trials")
        readme = new_chapter.tabled(readme, name, "Which?", "Trials")
    chapters = next(part["chapters"] for part in yaml.safe_load(toc)["parts"] if part["caption"] == "Trials")
    assert [chapter["file"] for chapter in chapters] == ["chapters/97_one", "chapters/98_two"]
    assert "| Trials | [97](chapters/97_one.ipynb) | Which? |\n| | [98](chapters/98_two.ipynb) | Which? |" in readme


@pytest.mark.parametrize(
    ("name", "title", "words"),
    [
        ("Half lives", TITLE, "expected two digits and words"),
        ("98_Half", TITLE, "expected two digits and words"),
        ("01_again", TITLE, "got number 01, which 01_sequences_and_memory has"),
        (NAME, "Half lives", "expected a question"),
        (NAME, "One | two?", "expected a question"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_written(name, title, words) -> None:
    before = (ROOT / "_toc.yml").read_bytes(), sorted((ROOT / "chapters").iterdir())
    with pytest.raises(ValueError, match=words):
        new_chapter.make(ROOT, name, title, "Trials")
    assert before == ((ROOT / "_toc.yml").read_bytes(), sorted((ROOT / "chapters").iterdir()))


def test_the_command_says_a_mistake_in_one_line(capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        new_chapter.main(["x", "--title", "What?", "--part", "Trials"])
    assert "python -m tools.new_chapter: got name 'x'" in capsys.readouterr().err
