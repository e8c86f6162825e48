"""What it takes to run each notebook: ``python -m benchmarks.notebooks``.

A notebook is run as the tests run it, and compared with what is stored. Seconds are of the processor, of the kernel and
of the children that it waited for, so that other programs on the machine count little; megabytes are what the largest
process held in memory at its peak. A notebook that needs packages which are not installed is left out.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import _record
from tools import needs

ROOT = Path(__file__).resolve().parent.parent


def measure(path: Path) -> dict[str, Any]:
    """Run one notebook in processes of its own."""
    command = [sys.executable, "-m", "tools.notebooks", "check", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    told = json.loads(done.stdout.splitlines()[-1])
    return {
        "notebook": path.stem,
        "processor seconds": round(told["processor_seconds"], 1),
        "peak MB": round(told["megabytes"]),
        "as stored": done.returncode == 0,
    }


def main() -> None:
    """Read the command line, run the notebooks, and write."""
    parser = argparse.ArgumentParser("python -m benchmarks.notebooks", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="NAME", help="such as 05_forget_gate; leaves the others"
    )
    chosen = parser.parse_args().only
    stored = _record.RESULTS / "notebooks.json"
    known = json.loads(stored.read_text(encoding="utf-8"))["rows"] if stored.is_file() else []
    rows = {row["notebook"]: row for row in known}
    for path in sorted((ROOT / "chapters").glob("*.ipynb")):
        if (not chosen or path.stem in chosen) and needs.lacking(path) is None:
            rows[path.stem] = measure(path)
            print(rows[path.stem], flush=True)
    packages = ["numpy", "torch", "matplotlib", "ipykernel"]
    _record.write("notebooks", [rows[name] for name in sorted(rows)], seeds=[], packages=packages)


if __name__ == "__main__":
    main()
