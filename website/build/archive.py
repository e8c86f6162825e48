"""Serve the whole course as one file, ``course.zip``, so that it can be run from any copy of the site.

It holds what the repository holds: notebooks, library, website, tests. pip installs ``lstm_lib`` from it.
"""

import subprocess
import zipfile
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = "lstms-gate-by-gate"  # the one folder in the archive
BUILT = {"node_modules", "_build", "runs", "__pycache__"}  # and what begins with a dot, these aside:
KEPT = {".ci", ".github", ".gitignore", ".npmrc"}


def course_files() -> list[Path]:
    """Return the files of the course, relative to its root: what git keeps, or, without git, all but products."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        names = [Path(name) for name in listed.stdout.decode().split("\0") if name]
        if names:
            return sorted(name for name in names if (ROOT / name).is_file())
    except (OSError, subprocess.CalledProcessError):
        pass  # no git, or no repository: course.zip itself was unpacked
    return sorted(path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file() and _belongs(path))


def _belongs(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    return all(part not in BUILT and (not part.startswith(".") or part in KEPT) for part in parts) and not any(
        part.endswith(".egg-info") for part in parts
    )


def write(target: Path) -> None:
    """Write the archive; the same files give the same bytes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in course_files():
            entry = zipfile.ZipInfo(f"{FOLDER}/{name.as_posix()}", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if (ROOT / name).stat().st_mode & 0o100 else 0o644) << 16
            archive.writestr(entry, (ROOT / name).read_bytes())


def serve(app: Sphinx, exception: Exception | None) -> None:
    """Put the archive beside the front page."""
    if exception is None and app.builder.format == "html":
        write(Path(app.outdir) / "course.zip")


def setup(app: Sphinx) -> ExtensionMetadata:
    """Connect the functions above to Sphinx."""
    app.connect("build-finished", serve)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
