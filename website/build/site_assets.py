"""Serve everything that a page needs from the site itself, in the colours of ``lstm_lib.notation``.

Jupyter Book adds every script and style sheet of a folder named ``_static`` to every page. So the site's own
files live elsewhere, and this extension collects them in a folder that it appends to Sphinx's static path.
"""

import re
import shutil
import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging
from sphinx.util.typing import ExtensionMetadata

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT))  # the book is built from a checkout: lstm_lib need not be installed
sys.path.insert(0, str(HERE))

import drawings  # noqa: E402
import icons  # noqa: E402
import maps  # noqa: E402

from lstm_lib.widgets import _base  # noqa: E402

logger = logging.getLogger(__name__)

# The parts of MathJax that the pages load: TeX in, HTML out, its fonts, and the packages that some formulas ask for.
MATHJAX_FILES = ["tex-chtml.js", "input/tex/extensions", "output/chtml/fonts/woff-v2"]

LAUNCH_BUTTONS = {
    "binderhub_url": "https://mybinder.org",
    "colab_url": "https://colab.research.google.com",
    "notebook_interface": "jupyterlab",
}


def collect_assets(app: Sphinx, config: Config) -> None:
    """Gather scripts, styles, drawings and MathJax in one folder, and hand it to Sphinx."""
    folder = Path(app.outdir).parent / "assets"
    course = folder / "course"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(HERE.parent / "assets", course)
    copy_mathjax(course / "mathjax")
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


def copy_mathjax(target: Path) -> None:
    """Copy the few files of MathJax that are loaded, out of the 24 MB that npm installs."""
    source = ROOT / "node_modules" / "mathjax" / "es5"
    for name in MATHJAX_FILES:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name)
        else:
            shutil.copy(source / name, target / name)
    shutil.copy(source.parent / "LICENSE", target / "LICENSE")


def add_launch_buttons(app: Sphinx, config: Config) -> None:
    """Offer Binder and Colab on notebook pages, and a link to the repository, once it has an address."""
    options = config.html_theme_options
    if options.get("repository_url"):
        options["launch_buttons"] = LAUNCH_BUTTONS
        options["use_repository_button"] = True


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


def shrink_icons(app: Sphinx, exception: Exception | None) -> None:
    """Replace the theme's collection of 2,000 icons (1.5 MB) by the few that the pages show."""
    script = Path(app.outdir) / "_static" / "scripts" / "fontawesome.js"
    if exception or not script.is_file():
        return
    pages = "".join(page.read_text(encoding="utf-8") for page in Path(app.outdir).rglob("*.html"))
    names = sorted(set(re.findall(r'<i class="[^"]*\bfa-(?!solid|regular|brands|lg\b)([a-z-]+)', pages)))
    table, missing = icons.find(script.read_text(encoding="utf-8"), names)
    if missing:
        logger.warning("icons that the theme does not have: %s", ", ".join(missing))
    script.write_text(icons.script(table), encoding="utf-8")
    script.with_suffix(".js.map").unlink(missing_ok=True)  # the map of the script that is gone, 1.7 MB


def draw_maps(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object) -> None:
    """Draw the maps of the cell in the page's own colours, where the notebook shows pictures of them."""
    notebook = Path(app.srcdir) / f"{pagename}.ipynb"
    if "body" in context and notebook.is_file():
        context["body"] = maps.swap(context["body"], notebook)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Connect the functions above to Sphinx."""
    # Early (Sphinx checks at priority 800 that logo and favicon exist).
    app.connect("config-inited", collect_assets, priority=100)
    app.connect("config-inited", add_launch_buttons, priority=100)
    app.connect("config-inited", drop_thebe, priority=100)
    app.connect("html-page-context", draw_maps)
    app.connect("build-finished", shrink_icons)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
