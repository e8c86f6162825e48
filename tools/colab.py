"""Run notebooks as Colab would: ``python -m tools.colab --python python3.12 --packages oldest``.

Each notebook lies alone in an empty folder, with the set-up cell of a course that is hosted in a git repository of this
working tree, or with course.zip beside it. The kernel has what Colab has (its module ``google.colab``, ipywidgets 7.7),
and not lstm_lib. Whatever was installed before the first cell must be there, unchanged, after the last one.
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
import tomllib
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tools import hosting, needs, setup_cell

ROOT = hosting.ROOT
OWN = {"lstm_lib", "anywidget", "psygnal"}  # what the set-up cell installs
STUB = """\
class output:  # what anywidget asks for
    @staticmethod
    def enable_custom_widget_manager(): ...
"""


def call(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command and return what it prints."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout


def pack(folder: Path) -> hosting.Host:
    """Make a git repository of the package as it is in the working tree, and return it as a host of the course."""
    folder.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "lstm_lib", folder / "lstm_lib", ignore=shutil.ignore_patterns("__pycache__"))
    call("git", "init", "--quiet", "--initial-branch=main", cwd=folder)
    call("git", "add", ".", cwd=folder)
    identity = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.org")
    call("git", *identity, "commit", "--quiet", "--message", "The working tree", cwd=folder)
    return hosting.Host(f"file://{folder}", "main")


def wanted(packages: str, *, torch: bool) -> list[str]:
    """List what to install: the oldest or the newest versions of what ``lstm_lib`` declares.

    Example:
        >>> wanted("oldest", torch=False)
        ['ipywidgets==7.7.*', 'matplotlib==3.7.*', 'numpy==1.26.*']
        >>> wanted("newest", torch=False)
        ['ipywidgets==7.7.*', 'matplotlib>=3.7', 'numpy>=1.26']
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    declared = {*project["dependencies"], *extras["notebook"], *(extras["uses"] if torch else [])}
    declared = {one for one in declared if not one.startswith("anywidget")}  # the set-up cell brings it
    pinned = {re.sub(r">=(\d+(\.\d+)?).*", r"==\1.*", one) for one in declared} if packages == "oldest" else declared
    return sorted({one for one in pinned if not one.startswith("ipywidgets")} | {"ipywidgets==7.7.*"})


def environment(folder: Path, python: str, requirements: list[str]) -> Path:
    """Make an environment with what Colab has, and return its interpreter."""
    call(python, "-m", "venv", folder)
    here = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    call(here, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "ipykernel", *requirements)
    dress(Path(call(here, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()))
    return here


def dress(packages: Path) -> None:
    """Put a module ``google.colab`` among installed packages, loaded from the start, as it is in Colab's kernels."""
    (packages / "google" / "colab").mkdir(parents=True)
    (packages / "google" / "colab" / "__init__.py").write_text(STUB, encoding="utf-8")
    (packages / "colab.pth").write_text("import google.colab\n", encoding="utf-8")


def kernel(folder: Path, python: Path) -> None:
    """Describe a kernel named "colab" that runs in an environment."""
    (folder / "kernels" / "colab").mkdir(parents=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "colab", "language": "python"}
    (folder / "kernels" / "colab" / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")


def installed(python: Path) -> dict[str, str]:
    """Return what is installed: name to version."""
    listed = json.loads(call(python, "-m", "pip", "list", "--format=json", "--disable-pip-version-check"))
    return {one["name"].replace("-", "_"): one["version"] for one in listed}


def run(path: Path, folder: Path, host: hosting.Host | None, archive: Path | None) -> str:
    """Run a notebook alone in a folder; return how it failed, or nothing."""
    folder.mkdir()
    shutil.copy(path, folder)
    if archive:
        shutil.copy(archive, folder / "course.zip")
    setup_cell.stamp(folder / path.name, host)
    notebook = nbformat.read(folder / path.name, as_version=4)
    try:
        options = {"timeout": 600, "kernel_name": "colab", "resources": {"metadata": {"path": str(folder)}}}
        NotebookClient(notebook, extra_arguments=["--log-level=CRITICAL"], **options).execute()
    except CellExecutionError as error:
        return f"{error.ename}: {error.evalue}"
    return ""


def main() -> int:
    """Read the command line, and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path, help="notebooks; all, if none is named")
    parser.add_argument("--python", default=sys.executable, help="the interpreter to make the environment with")
    parser.add_argument("--packages", choices=["oldest", "newest"], default="newest")
    parser.add_argument("--without-torch", action="store_true", help="only the notebooks that do without")
    parser.add_argument("--source", choices=["git", "zip"], default="git", help="what the library comes from")
    options = parser.parse_args()
    paths = options.paths or sorted((ROOT / "chapters").glob("*.ipynb"))
    paths = [path for path in paths if needs.requirements(path) is None]
    if options.without_torch:
        paths = [path for path in paths if not needs.torch(path)]

    failed = 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        python = environment(folder / "env", options.python, wanted(options.packages, torch=not options.without_torch))
        kernel(folder / "jupyter", python)
        os.environ["JUPYTER_PATH"] = str(folder / "jupyter")
        before = installed(python)
        print(*(f"{name} {before[name]}" for name in ("ipywidgets", "numpy", "torch") if name in before), sep=", ")
        host = archive = None
        if options.source == "git":
            host = pack(folder / "source")
        else:
            archive = folder / "course.zip"
            sys.path.insert(0, str(ROOT / "website" / "build"))
            from archive import write  # type: ignore[import-not-found]

            write(archive)
        for path in paths:
            start = time.perf_counter()
            how = run(path, folder / path.stem, host, archive)
            print(f"{path.stem}: {how or 'runs'} ({time.perf_counter() - start:.0f} s)", flush=True)
            failed += bool(how)
            call(python, "-m", "pip", "uninstall", "--quiet", "--yes", "--disable-pip-version-check", *OWN)
            after = installed(python)
            if {name: after.get(name) for name in before} != before:
                print(f"{path.stem}: got {after}, expected what was there: {before}")
                failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
