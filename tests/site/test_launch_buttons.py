"""Launch buttons appear on notebook pages once the repository has an address, and only then."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from conftest import ROOT

from tools import setup_cell

ADDRESS = "https://github.com/example/example"


def build(folder: Path, url: str, baseurl: str = "") -> Path:
    """Build a book of one page and one notebook with the course's own settings; return its folder of pages."""
    for name in ("website", "node_modules", "lstm_lib"):
        (folder / name).symlink_to(ROOT / name)
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    config["repository"]["url"] = url
    config["html"]["baseurl"] = baseurl
    (folder / "_config.yml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    (folder / "_toc.yml").write_text("{format: jb-book, root: intro, chapters: [{file: notebook}]}", encoding="utf-8")
    (folder / "intro.md").write_text("# A page\n", encoding="utf-8")
    (folder / "references.bib").write_text("", encoding="utf-8")
    kernel = {"name": "python3", "display_name": "Python 3"}
    cell = nbformat.v4.new_markdown_cell("# A notebook")
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel})
    nbformat.write(notebook, folder / "notebook.ipynb")
    program = Path(sys.executable).parent / "jupyter-book"
    done = subprocess.run(
        [program, "build", folder, "-W", "-n", "--keep-going"],
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "_build" / "html"


def launchers(page: Path) -> list[str]:
    """List the addresses of launchers and repositories that a page names, in links or in scripts."""
    links = set(re.findall(r"https?://[^\s\"'<>]+", page.read_text(encoding="utf-8")))
    return sorted(link for link in links if re.search("binder|colab|github", link))


@pytest.mark.skipif(not (ROOT / "node_modules").is_dir(), reason="run `make setup` first: no node_modules")
def test_an_address_brings_launch_buttons_to_notebooks(tmp_path: Path) -> None:
    html = build(tmp_path, ADDRESS)
    found = launchers(html / "notebook.html")
    assert "https://colab.research.google.com/github/example/example/blob/main/notebook.ipynb" in found
    assert "https://mybinder.org/v2/gh/example/example/main?urlpath=lab/tree/notebook.ipynb" in found
    assert ADDRESS in found
    assert launchers(html / "intro.html") == [ADDRESS]


@pytest.mark.skipif(not (ROOT / "node_modules").is_dir(), reason="run `make setup` first: no node_modules")
def test_without_an_address_no_page_names_a_host(tmp_path: Path) -> None:
    html = build(tmp_path, "")
    for name in ("notebook.html", "intro.html"):
        assert launchers(html / name) == []
        assert "binder" not in (html / name).read_text(encoding="utf-8").lower()


def test_the_set_up_cell_is_stamped_with_the_address(tmp_path: Path) -> None:
    config, notebook = tmp_path / "_config.yml", tmp_path / "a.ipynb"
    config.write_text(f"repository: {{url: '{ADDRESS}'}}", encoding="utf-8")
    cell = nbformat.v4.new_code_cell(setup_cell.source(""), metadata={"tags": setup_cell.TAGS})
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), notebook)

    assert setup_cell.repository_url(config) == ADDRESS
    assert setup_cell.stamp(notebook, ADDRESS)
    stamped = setup_cell.find(nbformat.read(notebook, as_version=4))["source"]
    assert f'repository = "{ADDRESS}"' in stamped
    assert not setup_cell.stamp(notebook, ADDRESS)  # nothing left to change
    assert setup_cell.stamp(notebook, "")
    assert setup_cell.find(nbformat.read(notebook, as_version=4))["source"] == setup_cell.SOURCE


def test_a_notebook_without_set_up_cell_is_refused(tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])
    nbformat.write(notebook, tmp_path / "a.ipynb")
    with pytest.raises(ValueError, match="tagged"):
        setup_cell.stamp(tmp_path / "a.ipynb", "")


def test_the_address_is_written_nowhere_else() -> None:
    """The course has no address of its own in its sources: _config.yml is the one place."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    done = subprocess.run(
        ["git", "grep", "-lE", r"(mybinder\.org/v2|colab\.research\.google\.com/github|git\+https:)/"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    allowed = {"tests/site/test_launch_buttons.py"}
    assert {name for name in done.stdout.split() if not name.endswith(".ipynb")} - allowed == set()
