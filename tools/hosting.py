"""Where the course is hosted: one setting, ``repository`` in _config.yml, and every address that follows from it.

Where GitHub builds the site, its own words come first, so that a fork's site leads to the fork.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import yaml

ROOT = Path(__file__).resolve().parent.parent
EXPECTED = "expected https://HOST/OWNER/NAME, or nothing"


class Host(NamedTuple):
    """A repository of the course."""

    url: str  # https://HOST/OWNER/NAME
    branch: str

    @property
    def kind(self) -> str:
        """Say whose pages for editing and for issues it has: "github", "gitlab", or "" where that is not known."""
        name = self.url.split("/")[2].lower()
        return "github" if name == "github.com" else "gitlab" if "gitlab" in name.split(".") else ""

    @property
    def install(self) -> str:
        """What pip installs ``lstm_lib`` from."""
        return f"git+{self.url}@{self.branch}"

    def binder(self, path: str) -> str:
        """Return the address that opens a file of the repository on Binder."""
        server, name = self.url.split("/", 3)[2:]
        places = {"github.com": f"gh/{name}", "gitlab.com": f"gl/{quote(name, safe='')}"}
        place = places.get(server, f"git/{quote(self.url, safe='')}")
        return f"https://mybinder.org/v2/{place}/{quote(self.branch, safe='')}?urlpath={quote(f'lab/tree/{path}')}"

    def colab(self, path: str) -> str | None:
        """Return the address that opens a notebook in Colab, which takes them from GitHub only."""
        if self.kind != "github":
            return None
        name = self.url.split("/", 3)[3]
        return f"https://colab.research.google.com/github/{name}/blob/{quote(self.branch)}/{quote(path)}"

    def edit(self, path: str) -> str | None:
        """Return the page where a file can be changed."""
        folder = {"github": "edit", "gitlab": "-/edit"}.get(self.kind)
        return f"{self.url}/{folder}/{quote(self.branch)}/{quote(path)}" if folder else None

    def issue(self, page: str) -> str | None:
        """Return the form for an issue about a page."""
        form = {"github": "issues/new?title=", "gitlab": "-/issues/new?issue[title]="}.get(self.kind)
        return f"{self.url}/{form}{quote(f'On the page {page}', safe='')}" if form else None


def checked(url: str, branch: str) -> Host | None:
    """Return the repository at an address, which may be empty.

    Raises:
        ValueError: If the address is not that of a repository.

    Example:
        >>> checked("https://git.example.org/someone/lstms.git/", "main")
        Host(url='https://git.example.org/someone/lstms', branch='main')
        >>> checked("git.example.org", "main")
        Traceback (most recent call last):
        ValueError: repository.url: got 'git.example.org', expected https://HOST/OWNER/NAME, or nothing
    """
    tidy = url.strip().rstrip("/").removesuffix(".git")
    if not tidy:
        return None
    if not re.fullmatch(r"https://[\w.-]+(:\d+)?(/[\w.~-]+){2,}", tidy):
        raise ValueError(f"repository.url: got {url!r}, {EXPECTED}")
    if not re.fullmatch(r"[\w./~-]+", branch):
        raise ValueError(f"repository.branch: got {branch!r}, expected the name of a branch")
    return Host(tidy, branch)


def stated(config: Path = ROOT / "_config.yml") -> Host | None:
    """Return where the course says that it is hosted, or None while ``repository.url`` is empty."""
    setting = yaml.safe_load(config.read_text(encoding="utf-8")).get("repository") or {}
    return checked(setting.get("url") or "", setting.get("branch") or "main")


def found(config: Path = ROOT / "_config.yml", environment: Mapping[str, str] = os.environ) -> Host | None:
    """Return where this copy is hosted: where GitHub says that it builds it, else where the course says."""
    name = environment.get("GITHUB_REPOSITORY")
    said = stated(config)
    if not name:
        return said
    # A proposal is built under the name of no branch: "12/merge".
    branch = "" if environment.get("GITHUB_REF_TYPE") != "branch" else environment.get("GITHUB_REF_NAME", "")
    if not branch or environment.get("GITHUB_HEAD_REF"):
        branch = said.branch if said else "main"
    return checked(f"{environment.get('GITHUB_SERVER_URL', 'https://github.com')}/{name}", branch)
