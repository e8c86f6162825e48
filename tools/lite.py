"""Build JupyterLite, a Jupyter that runs in the browser: ``python -m tools.lite WHEELS TARGET``; `make lite` does it.

It shows the chapters that need no PyTorch. Its kernel starts from its own files: Pyodide, the wheels that
``tools.wasm_wheels`` has fetched into WHEELS, and ``lstm_lib`` with its explorables. No other host is asked, not even
for a package that is missing. The book takes the result where the environment variable ``LSTM_LITE`` names its folder.
"""

import argparse
import importlib.metadata
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import lstm_lib
from tools import setup_cell, wasm_wheels

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = [f"chapters/{name}.ipynb" for name in ("03_remember_gate", "04_learn_gate", "05_forget_gate", "06_use_gate")]
CORE = ["pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json"]
# Of Pyodide's packages: what the kernel starts with, and what lstm_lib needs.
PACKAGES = ["micropip", "ipython", "jedi", "typing-extensions", "numpy", "matplotlib"]
# What Pyodide has not, and is plain Python: from PyPI, in the versions of this environment.
PLAIN = ["anywidget", "comm", "ipywidgets", "jupyterlab_widgets", "psygnal"]
KERNEL = {"name": "python", "display_name": "Python (in the browser)", "language": "python"}
SETUP = """\
# Set-up: lstm_lib comes from this site, and so does all that it needs.
%pip install --quiet lstm_lib"""
SETTINGS = {
    "jupyter-lite-schema-version": 0,
    "jupyter-config-data": {
        "appName": "LSTMs, gate by gate",
        "litePluginSettings": {"@jupyterlite/pyodide-kernel-extension:kernel": {"disablePyPIFallback": True}},
    },
}
# As the pages of the book, but for the code that JupyterLite itself makes while it runs.
POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; object-src 'none'; form-action 'self'"
)


def chapter(path: Path) -> dict[str, Any]:
    """Return a notebook as JupyterLite shows it: with its kernel, and a set-up that takes all from the site."""
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    cell = setup_cell.find(notebook)
    cell["source"] = SETUP
    notebook["metadata"]["kernelspec"] = KERNEL
    return notebook


def stage(
    folder: Path, wheels: Path, packages: Iterable[str] = PACKAGES, pyodide: Path = wasm_wheels.PYODIDE
) -> None:
    """Lay out what JupyterLite is built from.

    Args:
        folder: An empty folder.
        wheels: Where Pyodide's wheels are; each is compared with the lock file.
        packages: Which of them; what they depend on comes too.
        pyodide: npm's package.
    """
    for name in CHAPTERS:
        target = folder / "contents" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(chapter(ROOT / name), ensure_ascii=False), encoding="utf-8")
    served = folder / "static" / "pyodide"
    served.mkdir(parents=True)
    for name in CORE:
        shutil.copy(pyodide / name, served / name)
    for wheel in wasm_wheels.needed(packages, wasm_wheels.locked(pyodide)):
        wasm_wheels.check(wheels / wheel.file, wheel)
        shutil.copy(wheels / wheel.file, served / wheel.file)
    plain = [f"{name}=={importlib.metadata.version(name)}" for name in PLAIN]
    pip("download", "--no-deps", "--only-binary=:all:", "--platform=any", "--dest", folder / "pypi", *plain)
    library(folder / "pypi")
    (folder / "jupyter-lite.json").write_text(json.dumps(SETTINGS, indent=1), encoding="utf-8")


def library(folder: Path) -> Path:
    """Write ``lstm_lib`` as a wheel, without the trained networks, which need PyTorch; return its file."""
    about = f"lstm_lib-{lstm_lib.__version__}.dist-info"
    needs = "".join(f"Requires-Dist: {name}\n" for name in ("anywidget", "ipywidgets", "matplotlib", "numpy"))
    file = folder / f"lstm_lib-{lstm_lib.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path in sorted((ROOT / "lstm_lib").rglob("*")):
            if path.suffix in {".py", ".js", ".css", ".json"}:
                wheel.write(path, path.relative_to(ROOT).as_posix())
        metadata = f"Metadata-Version: 2.1\nName: lstm_lib\nVersion: {lstm_lib.__version__}\n{needs}"
        wheel.writestr(f"{about}/METADATA", metadata)
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
    return file


def pip(*command: str | Path) -> None:
    """Run pip."""
    subprocess.run([sys.executable, "-m", "pip", command[0], "--quiet", *command[1:]], check=True)


def build(source: Path, target: Path) -> None:
    """Build JupyterLite from what ``stage`` has laid out.

    Raises:
        RuntimeError: If it does not come out as it should.
    """
    command = [sys.executable, "-m", "jupyterlite_core.app", "build", "--lite-dir", source, "--output-dir", target]
    command += ["--contents", "contents", "--no-sourcemaps"]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"jupyter lite build: {(done.stdout + done.stderr)[-2000:]}")
    settings = json.loads((target / "jupyter-lite.json").read_text(encoding="utf-8"))["jupyter-config-data"]
    kernel = settings["litePluginSettings"]["@jupyterlite/pyodide-kernel-extension:kernel"]
    if not kernel.get("pyodideUrl", "").startswith("./static/pyodide/") or not kernel.get("disablePyPIFallback"):
        raise RuntimeError(f"jupyter lite build: got {kernel}, expected a kernel that starts from this site")
    for page in target.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        meta = f'<head>\n    <meta http-equiv="Content-Security-Policy" content="{POLICY}" />'
        page.write_text(text.replace("<head>", meta, 1), encoding="utf-8")


def main() -> None:
    """Build what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tools.lite", description="Build JupyterLite with the course.")
    parser.add_argument("wheels", type=Path, help=f"where {' '.join(PACKAGES)} are, from tools.wasm_wheels")
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    shutil.rmtree(options.target, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        stage(Path(folder), options.wheels)
        build(Path(folder), options.target.resolve())


if __name__ == "__main__":
    main()
