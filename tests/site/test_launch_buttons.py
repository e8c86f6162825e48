"""Launch buttons appear on notebook pages once the repository has an address, and only then."""

import html
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup
from conftest import ROOT

from tools import hosting, setup_cell

sys.path.insert(0, str(ROOT / "website" / "build"))
import launch

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
        env={name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "_build" / "html"


def launchers(page: Path) -> list[str]:
    """List the addresses of launchers and repositories that a page names, in links or in scripts."""
    links = set(re.findall(r"https?://[^\s\"'<>]+", page.read_text(encoding="utf-8")))
    return sorted(link for link in links if re.search("binder|colab|github", link))


HOST = hosting.Host(ADDRESS, "main")


@pytest.mark.skipif(not (ROOT / "node_modules").is_dir(), reason="run `make setup` first: no node_modules")
def test_an_address_brings_launch_buttons_to_notebooks(tmp_path: Path) -> None:
    pages = build(tmp_path, ADDRESS)
    found = set(launchers(pages / "notebook.html"))
    assert found == {ADDRESS, HOST.binder("notebook.ipynb"), HOST.colab("notebook.ipynb"), *forms("notebook.ipynb")}
    assert set(launchers(pages / "intro.html")) == {ADDRESS, *forms("intro.md")}
    for page in ("notebook", "intro"):  # a menu opens by a button with a name, and each of its links has one
        soup = BeautifulSoup((pages / f"{page}.html").read_text(encoding="utf-8"), "html.parser")
        links = [link for link in soup.select(".article-header-buttons a") if "example/example" in link["href"]]
        assert links
        assert all(link.get_text(strip=True) for link in links)
        pictures = [picture["src"] for link in links for picture in link.select("img")]
        assert [one for one in pictures if not (pages / one).is_file()] == []


def forms(path: str) -> list[str]:
    """Return the addresses for a change and for an issue, as a page holds them."""
    page = path.rpartition(".")[0]
    return [HOST.edit(path), html.escape(HOST.issue(page))]


@pytest.mark.skipif(not (ROOT / "node_modules").is_dir(), reason="run `make setup` first: no node_modules")
def test_without_an_address_no_page_names_a_host(tmp_path: Path) -> None:
    pages = build(tmp_path, "")
    for name in ("notebook.html", "intro.html"):
        assert launchers(pages / name) == []
        assert "binder" not in (pages / name).read_text(encoding="utf-8").lower()


# ---------------------------------------------------------------- the setting


def config(folder: Path, **repository: str) -> Path:
    """Write a _config.yml with this setting."""
    (folder / "_config.yml").write_text(yaml.safe_dump({"repository": repository}), encoding="utf-8")
    return folder / "_config.yml"


FORK = {"GITHUB_REPOSITORY": "example/fork", "GITHUB_REF_TYPE": "branch", "GITHUB_REF_NAME": "gates"}


@pytest.mark.parametrize(
    ("environment", "url", "branch"),
    [
        ({}, ADDRESS, "main"),
        (FORK, "https://github.com/example/fork", "gates"),
        ({**FORK, "GITHUB_SERVER_URL": "https://git.example.org"}, "https://git.example.org/example/fork", "gates"),
        ({**FORK, "GITHUB_REF_TYPE": "tag"}, "https://github.com/example/fork", "main"),
        ({**FORK, "GITHUB_HEAD_REF": "new"}, "https://github.com/example/fork", "main"),
    ],
)
def test_a_fork_leads_to_itself_and_every_other_copy_to_what_is_set(
    environment: dict[str, str], url: str, branch: str, tmp_path: Path
) -> None:
    assert hosting.found(config(tmp_path, url=ADDRESS), environment) == hosting.Host(url, branch)


def test_a_fork_of_a_course_without_address_has_one_and_a_copy_elsewhere_has_none(tmp_path: Path) -> None:
    unset = config(tmp_path, url="", branch="main")
    assert hosting.found(unset, {}) is None
    assert hosting.found(unset, FORK) == hosting.Host("https://github.com/example/fork", "gates")
    # Colab opens notebooks as they are stored, and there they do not know where to install the library from.
    names = [button["text"] for button in launch.launchers(hosting.found(unset, FORK), "a.ipynb", stamped=False)]
    assert names == ["Binder"]


@pytest.mark.parametrize("wrong", ["github.com/a/b", "https://github.com/a", "http://github.com/a/b", "https://a/b c"])
def test_an_address_that_is_none_is_refused_by_name(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"repository.url: got .* expected https://HOST/OWNER/NAME"):
        hosting.stated(config(tmp_path, url=wrong))


@pytest.mark.parametrize("server", ["github.com", "gitlab.com", "git.example.org"])
def test_every_button_is_a_well_formed_address(server: str) -> None:
    host = hosting.Host(f"https://{server}/some-one/the.course", "new/gates")
    path = "chapters/01 a&b?.ipynb"
    buttons = [*launch.launchers(host, path, stamped=True), *launch.sources(host, path, "chapters/01 a&b?")]
    for button in buttons:
        parts = urlsplit(button["url"])
        assert parts.scheme == "https"
        assert re.fullmatch(r"[\w.~/%:@-]+", parts.path), button
        assert not parts.fragment
        assert len(parse_qsl(parts.query, strict_parsing=True) if parts.query else []) <= 1  # the & is part of a name
    names = [button["text"] for button in buttons]
    repository, edit = ["Binder", "Repository"], ["Suggest edit", "Open issue"]
    assert names == {
        "github.com": ["Binder", "Colab", "Repository", *edit],
        "gitlab.com": [*repository, *edit],
        "git.example.org": repository,
    }[server]


def test_binder_is_told_the_repository_as_it_wants_it() -> None:
    """Its documentation: gh/OWNER/NAME, gl/ and the escaped path, git/ and the whole escaped address."""
    asked = {
        "https://github.com/a/b": "gh/a/b/main",
        "https://gitlab.com/a/c/b": "gl/a%2Fc%2Fb/main",
        "https://git.example.org/a/b": "git/https%3A%2F%2Fgit.example.org%2Fa%2Fb/main",
    }
    for url, place in asked.items():
        there = hosting.Host(url, "main").binder("chapters/01.ipynb")
        assert there == f"https://mybinder.org/v2/{place}?urlpath=lab/tree/chapters/01.ipynb"


def test_the_set_up_cell_is_stamped_with_the_address(tmp_path: Path) -> None:
    notebook = tmp_path / "a.ipynb"
    cell = nbformat.v4.new_code_cell(setup_cell.source(None), metadata={"tags": setup_cell.TAGS})
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), notebook)

    assert setup_cell.stamp(notebook, HOST)
    stamped = setup_cell.find(nbformat.read(notebook, as_version=4))["source"]
    assert f'repository = "git+{ADDRESS}@main"' in stamped
    assert not setup_cell.stamp(notebook, HOST)  # nothing left to change
    assert setup_cell.stamp(notebook, None)
    assert setup_cell.find(nbformat.read(notebook, as_version=4))["source"] == setup_cell.SOURCE


def test_a_notebook_without_set_up_cell_is_refused(tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])
    nbformat.write(notebook, tmp_path / "a.ipynb")
    with pytest.raises(ValueError, match="tagged"):
        setup_cell.stamp(tmp_path / "a.ipynb", None)


def test_the_address_is_written_nowhere_else() -> None:
    """The course has no address of its own in its sources: _config.yml is the one place."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    done = subprocess.run(
        ["git", "grep", "-lE", r"(mybinder\.org/v2|colab\.research\.google\.com/github|git\+https:)/"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    allowed = {"tests/site/test_launch_buttons.py", "tools/hosting.py"}
    assert {name for name in done.stdout.split() if not name.endswith(".ipynb")} - allowed == set()
