"""Serve Python and an editor to the pages that have exercises or live cells: ``course/live``.

Python is Pyodide's core, unchanged. The course's files go with it in one archive, and beside them a picture of the
interpreter's memory, taken by node after it has started and imported them: a page that begins with the picture has its
first verdict several times sooner. Pyodide calls that function private; the lock file holds its version, and a page
where the picture does not fit starts without it.

Where the environment names a folder with Pyodide's wheel of NumPy (``tools.wasm_wheels``), the site serves it too, and
NumPy cells of the first seven chapters work in the page. Without it every page is as it was.
"""

import gzip
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from docutils import nodes
from numpy_cells import plan
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError
from sphinx.util.typing import ExtensionMetadata

from tools import wasm_wheels

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SOURCES = HERE.parent / "live"
MODULES = ROOT / "node_modules"

PYODIDE = ["pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json"]
PYTHON = ["lstm_lib/__init__.py", "lstm_lib/notation.py", "lstm_lib/exercises/**/*.py"]
NUMPY = ["lstm_lib/_array.py", "lstm_lib/from_scratch/*.py", "lstm_lib/tasks/*.py"]  # what NumPy cells import besides
CHAPTERS = re.compile(r"chapters/0[1-7]_")


def collect(app: Sphinx, config: Config) -> None:
    """Put what the pages load into the folder of assets, which ``site_assets`` has made."""
    folder = Path(app.outdir).parent / "assets" / "course" / "live"
    (folder / "pyodide").mkdir(parents=True)
    for name in PYODIDE:
        shutil.copy(MODULES / "pyodide" / name, folder / "pyodide" / name)
    (folder / "course.zip").write_bytes(archive())
    shutil.copy(picture(folder / "course.zip", Path(app.outdir).parent / "live-cache"), folder / "memory.bin.gz")
    bundle(folder / "editor.js")
    try:
        config.live_numpy = add_numpy(folder)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def add_numpy(folder: Path) -> dict[str, Any] | None:
    """Serve NumPy where the environment says where it is, and return what pages are told of it; else None."""
    wheel = wasm_wheels.found("numpy")
    if wheel is None:
        return None
    shutil.copy(wheel, folder / "pyodide" / wheel.name)
    (folder / "numpy.zip").write_bytes(archive(NUMPY))
    return {"wheel": wheel.name, "megabytes": max(1, round(wheel.stat().st_size / 1e6))}


def archive(patterns: list[str] = PYTHON) -> bytes:
    """Return Python files of the course as a zip whose bytes depend on nothing but the files."""
    files = sorted({path for pattern in patterns for path in ROOT.glob(pattern)})
    with zipfile.ZipFile(buffer := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as made:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(ROOT).as_posix(), date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(entry, path.read_text(encoding="utf-8"))
    return buffer.getvalue()


def picture(course: Path, cache: Path) -> Path:
    """Return the file with the interpreter's memory after the start; made once for each state of what goes in."""
    script = SOURCES / "memory.mjs"
    ingredients = [course.read_bytes(), script.read_bytes(), (MODULES / "pyodide" / "pyodide.asm.wasm").read_bytes()]
    key = hashlib.sha256(b"".join(hashlib.sha256(one).digest() for one in ingredients)).hexdigest()[:16]
    made = cache / f"{key}.bin.gz"
    if not made.is_file():
        shutil.rmtree(cache, ignore_errors=True)
        cache.mkdir(parents=True)
        raw = cache / "memory.bin"
        node(script, MODULES / "pyodide", course, raw)
        made.write_bytes(gzip.compress(raw.read_bytes(), compresslevel=6, mtime=0))
        raw.unlink()
    return made


def bundle(target: Path) -> None:
    """Join the editor and what it needs in one script, and beside it the licences of what it needs."""
    meta = target.with_suffix(".json")
    options = ["--bundle", "--minify", "--format=iife", "--global-name=lstmEditor", "--log-level=warning"]
    options += [f"--outfile={target}", f"--metafile={meta}"]
    node(MODULES / "esbuild" / "bin" / "esbuild", SOURCES / "editor.mjs", *options)
    inputs = json.loads(meta.read_text(encoding="utf-8"))["inputs"]
    meta.unlink()
    packages = {match[1] for path in inputs if (match := re.search(r"node_modules/((?:@[^/]+/)?[^/]+)", path))}
    texts = [f"{name}\n\n{(MODULES / name / 'LICENSE').read_text(encoding='utf-8')}" for name in sorted(packages)]
    target.with_name("editor-licences.txt").write_text("\n\n".join(texts), encoding="utf-8")


def node(*command: str | Path) -> None:
    """Run a script under the node of this environment."""
    run = [Path(sys.executable).parent / "node", *command]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {(done.stdout + done.stderr)[-800:]}")


def add_scripts(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Load the script on pages with exercises or live cells, and on no other."""
    if doctree is not None and any(_is_live(cell) for cell in doctree.findall(nodes.container)):
        app.add_js_file("course/live/live.js", loading_method="defer")
        app.add_css_file("course/live/live.css")
        if app.config.live_numpy:
            context["body"] += told(Path(app.srcdir) / f"{page}.ipynb", app.config.live_numpy)


def told(page: Path, numpy: dict[str, Any]) -> str:
    """Return what a page's script is told of NumPy: that it is there, and which cells it brings to life."""
    cells = plan(page) if CHAPTERS.search(page.as_posix()) else []
    text = json.dumps({**numpy, "cells": cells}, ensure_ascii=False).replace("<", "\\u003c")
    return f'<script type="application/json" id="live-numpy">{text}</script>'


def _is_live(cell: nodes.container) -> bool:
    if "tag_live" in cell["classes"]:
        return True
    return "cell" in cell["classes"] and any('check("' in code.astext() for code in cell.findall(nodes.literal_block))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Connect the functions above to Sphinx."""
    app.add_config_value("live_numpy", None, "html")
    app.connect("config-inited", collect, priority=110)  # after site_assets, which empties the folder
    app.connect("html-page-context", add_scripts)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
