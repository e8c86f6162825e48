"""Measure every page of the website with Lighthouse: ``python -m benchmarks.pages``, after ``make book``.

A row is a page on a form factor. Scores are from 0 to 1; ``transfer_kb`` is what the first load transfers, compressed,
in kilobytes of 1,000 bytes; ``cls`` is the cumulative layout shift. Lighthouse is installed beside this file when it is
first needed. ``performance`` depends on how busy the machine is. Rows are written as they come: ``--resume`` goes on
where a run was cut off, measures what is missing, and keeps the other rows.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from benchmarks import _record, _site
from lstm_lib import recorded

HERE = Path(__file__).resolve().parent / "lighthouse"
ROOT = HERE.parent.parent
BIN = Path(sys.executable).parent
FLAGS = "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
FORM_FACTORS = {"desktop": ["--preset=desktop"], "mobile": []}
CATEGORIES = {key: key.replace("-", "_") for key in ("performance", "accessibility", "best-practices", "seo")}
GOALS = {"accessibility": 1.0, "best_practices": 1.0, "seo": 1.0}
PERFORMANCE = {"desktop": 0.95, "mobile": 0.80}


def pages() -> list[str]:
    """List the pages of the table of contents, without suffix."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    return [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]


def install() -> None:
    """Install Lighthouse, pinned in its lock file, where it is not installed yet."""
    if not (HERE / "node_modules" / ".package-lock.json").is_file():
        environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
        subprocess.run([BIN / "npm", "ci", "--silent", "--ignore-scripts"], cwd=HERE, check=True, env=environment)


def lighthouse(address: str, form_factor: str) -> dict[str, Any]:
    """Let Lighthouse open a page, and return its report."""
    command = [
        *(BIN / "node", HERE / "node_modules" / "lighthouse" / "cli" / "index.js", address),
        *("--output=json", "--quiet", f"--chrome-flags={FLAGS}", f"--only-categories={','.join(CATEGORIES)}"),
        *FORM_FACTORS[form_factor],
    ]
    environment = {**os.environ, "CHROME_PATH": _site.chromium_path()}
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300, env=environment)
    report: dict[str, Any] = json.loads(done.stdout)
    if failure := report.get("runtimeError"):
        raise RuntimeError(f"{address}: {failure['message']}")
    return report


def row(page: str, form_factor: str, reports: list[dict[str, Any]]) -> dict[str, Any]:
    """Make the row of a page from one report or more: the median of each number."""

    def middle(values: list[float], digits: int) -> float:
        return round(statistics.median(values), digits)

    scores = {name: middle([one["categories"][key]["score"] for one in reports], 2) for key, name in CATEGORIES.items()}
    sent = [
        sum(item.get("transferSize") or 0 for item in one["audits"]["network-requests"]["details"]["items"])
        for one in reports
    ]
    shifts = [one["audits"]["cumulative-layout-shift"]["numericValue"] for one in reports]
    return {
        **{"page": page, "form_factor": form_factor, **scores},
        **{"transfer_kb": middle([size / 1000 for size in sent], 1), "cls": middle(shifts, 3)},
    }


def missed(one: dict[str, Any]) -> list[str]:
    """Name the goals that a row does not reach."""
    low = [name for name, goal in {**GOALS, "performance": PERFORMANCE[one["form_factor"]]}.items() if one[name] < goal]
    return [*low, *(["cls"] if one["cls"] > 0.02 else [])]


def complaints(report: dict[str, Any]) -> list[str]:
    """List the audits outside of performance that a page fails."""
    groups = [report["categories"][key]["auditRefs"] for key in CATEGORIES if key != "performance"]
    scores = {one["id"]: report["audits"][one["id"]]["score"] for group in groups for one in group if one["weight"]}
    return sorted(name for name, score in scores.items() if score is not None and score < 1)


def main() -> None:
    """Measure the pages, one after the other, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dry-run", action="store_true", help="do not write the result file")
    parser.add_argument("--times", type=int, default=1, help="runs of each page, of which the median is kept")
    parser.add_argument("--only", nargs="*", default=pages(), help="pages, as the table of contents names them")
    parser.add_argument("--resume", action="store_true", help="keep the rows that a run before has written")
    options = parser.parse_args()
    install()
    rows: list[dict[str, Any]] = recorded.rows("pages") if options.resume else []
    known = {(one["page"], one["form_factor"]) for one in rows}
    with _site.served() as address:
        for page in options.only:
            for form_factor in FORM_FACTORS:
                if (page, form_factor) in known:
                    continue
                reports = [lighthouse(f"{address}/{page}.html", form_factor) for _ in range(options.times)]
                browser = reports[0]["environment"]["hostUserAgent"].partition("Chrome/")[2].partition(" ")[0]
                versions = {"lighthouse": reports[0]["lighthouseVersion"], "browser": f"Chromium {browser}"}
                rows.append(row(page, form_factor, reports) | versions)
                print(rows[-1], *missed(rows[-1]), *complaints(reports[0]), flush=True)
                if not options.dry_run:
                    _record.write("pages", rows, seeds=[], packages=())


if __name__ == "__main__":
    main()
