"""Build the course as Binder does, and run its notebooks there: ``python -m tools.binder``.

The steps of repo2docker in their order: a new environment with the Python of binder/runtime.txt, what
binder/requirements.txt names, installed from the root of a copy of the repository, then JupyterLab at the address that
the button asks for. Then each notebook runs; its seconds and the most memory that its kernel had are printed.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tools import colab, hosting, needs

ROOT = hosting.ROOT
SECONDS, MEGABYTES = 60, 2000


def version() -> str:
    """Return the version of Python that Binder shall take.

    Example:
        >>> version()
        '3.11'
    """
    return (ROOT / "binder" / "runtime.txt").read_text(encoding="utf-8").strip().removeprefix("python-")


def copy(target: Path) -> Path:
    """Copy the files that the repository keeps."""
    for name in colab.call("git", "ls-files", "-z").split("\0"):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    return target


def build(folder: Path, course: Path, interpreter: str) -> Path:
    """Make the environment; return its interpreter."""
    colab.call(interpreter, "-m", "venv", folder)
    python = folder / "bin" / "python"
    colab.call(python, "-m", "pip", "install", "--quiet", "-r", "binder/requirements.txt", cwd=course)
    colab.call(python, "-m", "pip", "check")
    return python


def opens(python: Path, course: Path, path: str, patience: int = 240) -> bool:
    """Start JupyterLab as Binder does, and say whether it answers where the button leads."""
    runtime = course.parent / "runtime"
    command = [python, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", "--port=0", "--allow-root"]
    environment = {**os.environ, "JUPYTER_RUNTIME_DIR": str(runtime)}
    server = subprocess.Popen(
        [*command, "--IdentityProvider.token="], cwd=course, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(patience):
            time.sleep(1)
            for info in runtime.glob("jpserver-*.json"):
                if text := info.read_text(encoding="utf-8"):
                    address = json.loads(text)["url"]
                    with urllib.request.urlopen(f"{address}lab/tree/{path}", timeout=patience) as page:
                        return bool(page.status == 200)
        return False
    finally:
        server.terminate()
        server.wait()


class Measured(NotebookClient):
    """A client that looks at its kernel after each cell."""

    peak = 0.0

    async def async_execute_cell(self, *arguments: object, **options: object) -> object:  # type: ignore[override]
        """Run a cell, then read the most memory that the kernel has had, in megabytes."""
        done = await super().async_execute_cell(*arguments, **options)  # type: ignore[arg-type]
        status = Path(f"/proc/{self.km.provisioner.pid}/status").read_text()
        self.peak = int(status.partition("VmHWM:")[2].split()[0]) / 1e3
        return done


def main() -> int:
    """Read the command line, and build and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="notebooks, such as 04_learn_gate; all, if none is named")
    parser.add_argument("--python", default=sys.executable, help=f"an interpreter of version {version()}")
    parser.add_argument("--one-index", action="store_true", help="PyPI only, where PyTorch's own is out of reach")
    options = parser.parse_args()
    asked = "import sys; print('%d.%d' % sys.version_info[:2])"
    if (got := colab.call(options.python, "-c", asked).strip()) != version():
        parser.error(f"got Python {got}, expected {version()}")
    names = options.names or [path.stem for path in sorted((ROOT / "chapters").glob("*.ipynb"))]

    failed = 0
    with tempfile.TemporaryDirectory() as place:
        course = copy(Path(place) / "course")
        if options.one_index:
            file = course / "binder" / "requirements.txt"
            file.write_text(re.sub(r"^--extra-index-url.*\n", "", file.read_text(), flags=re.MULTILINE))
        start = time.perf_counter()
        python = build(Path(place) / "env", course, options.python)
        print(f"built in {time.perf_counter() - start:.0f} s", flush=True)
        if not opens(python, course, f"chapters/{names[0]}.ipynb"):
            print("JupyterLab does not answer where the button leads")
            failed += 1
        colab.kernel(Path(place) / "jupyter", python)
        os.environ["JUPYTER_PATH"] = str(Path(place) / "jupyter")
        for path in (course / "chapters" / f"{name}.ipynb" for name in names):
            if needs.requirements(path):
                continue
            start, how = time.perf_counter(), "runs"
            resources = {"metadata": {"path": str(path.parent)}}
            client = Measured(nbformat.read(path, as_version=4), timeout=600, kernel_name="colab", resources=resources)
            try:
                client.execute()
            except CellExecutionError as error:
                how = f"{error.ename}: {error.evalue}"
            print(f"{path.stem}: {how}, {time.perf_counter() - start:.0f} s, {client.peak:.0f} MB", flush=True)
            failed += how != "runs" or client.peak > MEGABYTES
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
