"""Buttons that lead from a page to its repository, and from a notebook to where it can be run.

They follow from the one setting that ``tools.hosting`` reads; without it a page has none of them. JupyterLite needs no
setting: where the environment names a folder that ``tools.lite`` has built, the site serves it as ``lite/``, and the
pages of the notebooks in it have a button that opens them there.
"""

import os
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError
from sphinx.util.typing import ExtensionMetadata

from tools import hosting

Button = dict[str, Any]  # as the theme's templates take it
LITE = "LSTM_LITE"
LITE_PAGE = "lite/notebooks/index.html"


def link(text: str, tooltip: str, icon: str, url: str) -> Button:
    """Return a button of a menu."""
    return {"type": "link", "text": text, "tooltip": tooltip, "icon": icon, "url": url}


def menu(label: str, tooltip: str, icon: str, buttons: list[Button]) -> list[Button]:
    """Return a menu of buttons, or nothing where there are none."""
    group = {"type": "group", "label": label, "tooltip": tooltip, "icon": icon, "buttons": buttons}
    return [group] if buttons else []


def launchers(host: hosting.Host | None, path: str, *, stamped: bool) -> list[Button]:
    """List where a notebook can be run.

    Args:
        host: Where the course is hosted.
        path: The notebook's place in the repository.
        stamped: Whether the notebooks of the repository know where to install the library from. In Colab those that
            do not would stop at their first cell.
    """
    if host is None or not path.endswith(".ipynb"):
        return []
    buttons = [link("Binder", "Run on Binder", "_static/images/logo_binder.svg", host.binder(path))]
    colab = host.colab(path)
    if stamped and colab:
        buttons.append(link("Colab", "Run in Colab", "_static/images/logo_colab.png", colab))
    return buttons


def in_the_browser(path: str, lite: str, page: str) -> list[Button]:
    """Return the button that opens a notebook in JupyterLite, where it is among those that were built.

    Args:
        path: The notebook's place in the repository.
        lite: The folder of the built JupyterLite, or nothing.
        page: JupyterLite's address, as the notebook's page reaches it.
    """
    if not lite or not path.endswith(".ipynb") or not (Path(lite) / "files" / path).is_file():
        return []
    icon = "_static/images/logo_jupyterlite.svg"
    return [link("JupyterLite", "Run in this browser, with JupyterLite", icon, f"{page}?path={quote(path)}")]


def sources(host: hosting.Host | None, path: str, page: str) -> list[Button]:
    """List what a page's repository offers: itself, a change of the page, an issue about it."""
    if host is None:
        return []
    brand = f"fab fa-{host.kind}" if host.kind else "fas fa-code-branch"
    offers = [
        ("Repository", "The course's repository", brand, host.url),
        ("Suggest edit", "Suggest a change of this page", "fas fa-pencil", host.edit(path)),
        ("Open issue", "Open an issue about this page", "fas fa-lightbulb", host.issue(page)),
    ]
    return [link(text, tooltip, icon, url) for text, tooltip, icon, url in offers if url]


def take_over(app: Sphinx, config: Config) -> None:
    """Find the setting, and keep the theme from making buttons of its own."""
    try:
        config.launch_host = hosting.found(hosting.Path(app.srcdir) / "_config.yml")
        stated = hosting.stated(hosting.Path(app.srcdir) / "_config.yml")
    except ValueError as error:
        raise ConfigError(str(error)) from error
    config.launch_stamped = stated is not None
    config.launch_lite = os.environ.get(LITE, "")
    if config.launch_lite and not (Path(config.launch_lite) / "jupyter-lite.json").is_file():
        raise ConfigError(f"{LITE}: got {config.launch_lite}, expected a folder that python -m tools.lite has built")
    options = config.html_theme_options
    options["repository_url"] = ""
    for key in ("use_repository_button", "use_edit_page_button", "use_issues_button", "use_source_button"):
        options[key] = False
    options.pop("launch_buttons", None)


def tell(app: Sphinx) -> None:
    """Let pages say ``{only} hosted`` of what needs an address, and ``{only} colab`` of what needs Colab's button."""
    host = app.config.launch_host
    app.tags.add("hosted" if host else "unhosted")
    app.tags.add("lite" if app.config.launch_lite else "nolite")
    app.tags.add("colab" if launchers(host, "a.ipynb", stamped=app.config.launch_stamped)[1:] else "nocolab")


def add(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Put the buttons at the top of a page."""
    if doctree is None or "header_buttons" not in context:
        return
    host, path = app.config.launch_host, str(app.env.doc2path(page, base=False))
    places = in_the_browser(path, app.config.launch_lite, context["pathto"](LITE_PAGE, 1))
    places += launchers(host, path, stamped=app.config.launch_stamped)
    brand = f"fab fa-{host.kind}" if host and host.kind else "fas fa-code-branch"
    context["header_buttons"][:0] = [
        *menu("launch-buttons", "Run this notebook", "fas fa-rocket", places),
        *menu("source-buttons", "The repository of the course", brand, sources(host, path, page)),
    ]


def serve_lite(app: Sphinx, exception: Exception | None) -> None:
    """Put JupyterLite beside the pages, as it was built."""
    if exception is None and app.builder.format == "html" and app.config.launch_lite:
        shutil.copytree(app.config.launch_lite, Path(app.outdir) / "lite", dirs_exist_ok=True)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Connect the functions above to Sphinx."""
    app.add_config_value("launch_host", None, "html")
    app.add_config_value("launch_stamped", False, "html")
    app.add_config_value("launch_lite", "", "html")
    app.connect("config-inited", take_over, priority=90)
    app.connect("builder-inited", tell)
    app.connect("build-finished", serve_lite, priority=950)  # when the pages are finished, of which these are none
    app.connect("html-page-context", add, priority=600)  # when the theme has made its list
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
