"""The README: short, its code runs, its links lead somewhere, its pictures are small and say what they show."""

import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, toc_pages
from PIL import Image

from tools import screenshots

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
PICTURES = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", TEXT)
LINKS = re.findall(r"\]\(([^)#]+)\)", TEXT)


def test_it_has_at_most_a_hundred_lines() -> None:
    assert len(TEXT.splitlines()) <= 100


def test_every_page_of_the_course_is_linked_and_no_link_leads_nowhere() -> None:
    assert [link for link in LINKS if not (ROOT / link).is_file()] == []
    stems = {re.sub(r"\.(md|ipynb)$", "", link) for link in LINKS}
    assert set(toc_pages()) - stems <= {"intro", "everything", "progress"}  # pages that only the website fills


def test_pictures_are_small_and_say_what_they_show() -> None:
    taken = {f"images/{name}.webp" for name in screenshots.PICTURES}
    assert {path for _, path in PICTURES} == {"images/cell.svg", *taken}
    for alt, path in PICTURES:
        assert len(alt) > 60, alt
        assert (ROOT / path).stat().st_size < screenshots.LARGEST, path


@pytest.mark.parametrize("name", list(screenshots.PICTURES))
def test_a_picture_of_the_site_shows_something(name: str) -> None:
    with Image.open(ROOT / "images" / f"{name}.webp") as picture:
        assert picture.width > 1000
        assert np.asarray(picture.convert("L")).std() > 10


def test_its_python_runs_as_it_stands() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    space: dict = {}
    exec(code, space)
    assert space["run"].hs.shape == (5, 4, 2)
    assert space["dxs"].shape == (5, 4, 3)


def test_every_command_that_it_names_is_there() -> None:
    for target in re.findall(r"^make (\w+)", TEXT, re.MULTILINE):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE), target
    helps = {}
    for module in set(re.findall(r"python -m (lstm_lib\.[\w.]+)", TEXT)):
        done = subprocess.run([sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        helps[module] = done.stdout
    for module, task, more in re.findall(r"python -m (lstm_lib\.(?:train|use)) (\w+).*# also ([\w, ]+)", TEXT):
        for name in [task, *more.split(", ")]:
            assert re.search(rf"\b{name}\b", helps[module]), (module, name)
