"""How long a verdict takes in the page: ``python -m benchmarks.verdicts``, after ``make book``.

Chromium opens a chapter of the built book, presses Check, and waits for the first verdict: with the picture of the
interpreter's memory that the build makes, and without it. Then the answers of ``tests/exercises/answers`` go to the
running Python one after the other. Cold times are from the press to the words on the page, processor times are of the
browser and of this script; warm times are from the question to the reply, as the page has them.
"""

import json
import os
import statistics
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from benchmarks import _record
from benchmarks._site import chromium, served
from benchmarks.checks import HALVES, answers
from lstm_lib.exercises import EXERCISES

REPEATS = 5

ASK = """async (requests) => {
    const worker = new Worker("../_static/course/live/worker.mjs", { type: "module" });
    const ask = (request) => new Promise((resolve) => {
        worker.onmessage = ({ data }) => ("reply" in data || data.failed || data.broken) && resolve(data);
        worker.postMessage({ id: 1, request: JSON.stringify(request) });
    });
    await ask({ do: "run", source: "1" });
    const replies = [];
    for (const request of requests) {
        const start = performance.now();
        const { reply, failed, broken } = await ask(request);
        replies.push([performance.now() - start, reply ?? JSON.stringify({ error: failed ?? broken })]);
    }
    worker.terminate();
    return replies;
}"""


def processor_seconds(root: int) -> float | None:
    """Return the processor time of a process and all that it has started, or None where /proc does not tell."""
    stats: dict[int, tuple[int, float]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        stats[int(stat.parent.name)] = int(fields[1]), (int(fields[11]) + int(fields[12])) / 100
    family, more = {root}, {root}
    while more:
        more = {process for process, (parent, _) in stats.items() if parent in more} - family
        family |= more
    return sum(stats[process][1] for process in family if process in stats) if stats else None


def cold(browser: Browser, address: str, picture: bool) -> tuple[float, float]:
    """Return seconds and processor seconds from the press to the first verdict; the browser has nothing stored."""
    page = browser.new_context().new_page()
    if not picture:
        page.route("**/memory.bin.gz", lambda route: route.abort())
    page.goto(f"{address}/chapters/05_forget_gate.html")
    one = page.locator("#exercise-forget-gate")
    one.scroll_into_view_if_needed()
    page.wait_for_selector("#exercise-forget-gate .cm-content")
    page.wait_for_timeout(1000)
    before = processor_seconds(os.getpid()) or 0.0
    one.get_by_role("button", name="Check", exact=True).click()
    page.wait_for_selector("#exercise-forget-gate[data-state=waiting]", timeout=120_000)
    after = processor_seconds(os.getpid()) or 0.0
    seconds = float(one.get_attribute("data-ms") or "nan") / 1000
    page.context.close()
    return seconds, after - before


def warm(page: Page) -> list[dict[str, Any]]:
    """Send every invented answer to the page's Python; return counts by half, and times by kind."""
    told = [(half, one) for half, one in answers() if EXERCISES[one["exercise"]].kind != "judgement"]
    requests = [{"do": "check", "id": one["exercise"], "source": one["answer"]} for _, one in told]
    replies = page.evaluate(ASK, requests)
    counts: dict[str, dict[str, int]] = {half: {} for half in HALVES}
    taken: dict[str, list[float]] = {"right": [], "first wrong": [], "later wrong": []}
    begun = set()
    for (half, one), (milliseconds, reply) in zip(told, replies, strict=True):
        verdict = json.loads(reply).get("verdict")
        if verdict is None:  # NumPy is asked for, which the page does not have
            word = "stopped"
        elif one["kind"] == "right":
            word = "passed" if verdict["passed"] else "refused"
        else:
            word = "let through" if verdict["passed"] else "named" if verdict["mistake"] else "not named"
        counts[half][word] = counts[half].get(word, 0) + 1
        if verdict is None:
            continue
        first = not verdict["passed"] and one["exercise"] not in begun
        if not verdict["passed"]:
            begun.add(one["exercise"])
        taken["right" if verdict["passed"] else "first wrong" if first else "later wrong"].append(milliseconds)
    rows: list[dict[str, Any]] = [{"half": half, **count} for half, count in counts.items()]
    for name, times in taken.items():
        rows.append({"check": name, "median ms": round(statistics.median(times)), "longest ms": round(max(times))})
    return rows


def main() -> None:
    """Measure, and write the record."""
    rows: list[dict[str, Any]] = []
    with served() as address, chromium() as browser:
        for picture in (True, False):
            runs = [cold(browser, address, picture) for _ in range(REPEATS)]
            seconds, processor = zip(*runs, strict=True)
            rows.append(
                {
                    "first verdict": "with the picture" if picture else "without it",
                    "median s": round(statistics.median(seconds), 2),
                    "longest s": round(max(seconds), 2),
                    "median processor s": round(statistics.median(processor), 2),
                }
            )
            print(rows[-1], flush=True)
        page = browser.new_page()
        page.goto(f"{address}/chapters/05_forget_gate.html")
        rows += warm(page)
    print(*rows, sep="\n")
    _record.write("verdicts", rows, seeds=[], packages=("playwright",))


if __name__ == "__main__":
    _record.expect_no_arguments(__doc__)
    main()
