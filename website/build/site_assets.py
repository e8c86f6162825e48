"""Serve everything that a page needs from the site itself, in the colours of ``lstm_lib.notation``.

Jupyter Book adds every script and style sheet of a folder named ``_static`` to every page. So the site's own
files live elsewhere, and this extension collects them in a folder that it appends to Sphinx's static path.
"""

import html
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import anywidget
import pydata_sphinx_theme
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging
from sphinx.util.typing import ExtensionMetadata

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT))  # the book is built from a checkout: lstm_lib need not be installed
sys.path.insert(0, str(HERE))

import dark  # noqa: E402
import drawings  # noqa: E402
import finish  # noqa: E402
import maps  # noqa: E402

from lstm_lib import widgets  # noqa: E402
from lstm_lib.widgets import _base  # noqa: E402

logger = logging.getLogger(__name__)

# An explorable on a page that is no notebook: its name, and what its class is given.
PLACE = re.compile(r"""<div data-explorable="(\w+)"(?: data-traits='([^']*)')?>""")
SAID = re.compile(r"<details(?= style=[^>]*><summary><strong>The solution passes: )")

def collect_assets(app: Sphinx, config: Config) -> None:
    """Gather scripts, styles and drawings in one folder, and hand it to Sphinx."""
    folder = Path(app.outdir).parent / "assets"
    course = folder / "course"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(HERE.parent / "assets", course)
    (course / "gates.css").write_text(drawings.gates_css(), encoding="utf-8")
    (course / "widgets.js").write_text(_base.script(), encoding="utf-8")
    (course / "models").mkdir()
    for name, text in _base.model_scripts().items():
        (course / "models" / f"{name}.js").write_text(text, encoding="utf-8")
    (course / "logo.svg").write_text(drawings.logo_svg(), encoding="utf-8")

    config.html_static_path.append(str(folder))
    config.html_favicon = str(course / "logo.svg")
    config.html_logo = str(course / "logo.svg")
    config.html_theme_options["logo"] = {"text": config.html_title, "alt_text": "Home"}


def drop_thebe(app: Sphinx, config: Config) -> None:
    """Disconnect sphinx-thebe, which Jupyter Book always loads.

    The course does not use it, it names a repository that is not ours on every page, and it writes its settings
    twice, which is a JavaScript error.
    """
    for listeners in app.events.listeners.values():
        for listener in list(listeners):
            if listener.handler.__module__ == "sphinx_thebe":
                app.disconnect(listener.id)
    app.registry.css_files = [entry for entry in app.registry.css_files if entry[0] != "sphinx-thebe.css"]


def finish_pages(app: Sphinx, exception: Exception | None) -> None:
    """Finish the pages, and drop the theme's collections of 2,000 icons, of which they show a few."""
    if exception or app.builder.format != "html":
        return
    theme = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"
    fontawesome = (theme / "scripts" / "fontawesome.js").read_text(encoding="utf-8")
    finish.finish(Path(app.outdir), Path(app.doctreedir) / "pages", fontawesome)
    static = Path(app.outdir) / "_static"
    for file in [*static.glob("scripts/*.map"), *static.glob("styles/*.map"), static / "scripts" / "fontawesome.js"]:
        file.unlink(missing_ok=True)
    shutil.rmtree(static / "vendor" / "fontawesome", ignore_errors=True)


def host_explorables(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Let a page that is no notebook show explorables: <div data-explorable="NAME" data-traits='{"a": 1}'>."""
    body = context.get("body") or ""
    if 'data-explorable="' not in body:
        return
    context["body"] = PLACE.sub(lambda found: place(found[1], found[2] or "{}"), body)
    if "application/vnd.jupyter.widget-state+json" not in body:  # else they are there already
        for name, attributes in app.config.nb_ipywidgets_js.items():
            app.add_js_file(name, **attributes)


def place(name: str, traits: str) -> str:
    """Return the opening tag of an explorable, with its whole state; its class checks the traits."""
    classes = {cls.__module__.rpartition(".")[2]: cls for cls in (getattr(widgets, name) for name in widgets.__all__)}
    widget = classes[name](**json.loads(html.unescape(traits)))
    others = {"_esm", "_css", *anywidget.AnyWidget.class_trait_names()}  # what every widget has
    state = {trait: value for trait, value in widget.get_state().items() if trait not in others}
    return f'<div class="anyhost" data-explorable="{name}" data-state="{html.escape(json.dumps(state))}">'


def draw_maps(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object) -> None:
    """Draw the maps of the cell in the page's own colours, and give the other figures a twin for dark pages.

    And open what a check says of a solution: here the solution itself is in a fold.
    """
    notebook = Path(app.srcdir) / f"{pagename}.ipynb"
    if "body" in context and notebook.is_file():
        body = dark.pair(maps.swap(context["body"], notebook), notebook)
        context["body"] = SAID.sub("<details open", body)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Connect the functions above to Sphinx."""
    # Early (Sphinx checks at priority 800 that logo and favicon exist).
    app.connect("config-inited", collect_assets, priority=100)
    app.connect("config-inited", drop_thebe, priority=100)
    app.connect("html-page-context", host_explorables)
    app.connect("html-page-context", draw_maps)
    app.connect("build-finished", finish_pages, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
