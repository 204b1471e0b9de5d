"""How large the report is, how soon it shows, how soon it answers. One row per report.

python benchmarks/page.py [FOLDER ...] [--json]   # FOLDER: a study or a run folder

Without folders it makes quick studies of 256, 1,000 and 10,000 tokens first: the weights take the
same room however short they were trained. `click_ms` is from a click to the end of the frame that
shows what it did; `click_cpu_ms` is the main thread's processor time for it, which other work on
the machine does not lengthen. `recheck` says what was counted: all sets, or a sample.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from relubloom.report.page import write_report

SIZES = {  # vocabulary -> what a quick study of it is given
    256: ["--width", "48", "--set-size", "3", "--steps", "2000"],
    1000: ["--width", "64", "--set-size", "3", "--steps", "1000"],
    10_000: ["--width", "128", "--set-size", "4", "--steps", "50", "--batch-size", "64"],
}
OPENED = 5  # times
CLICKS = 60
RECHECK_LIMIT = 600_000  # ms

# A token put in by its row and taken out again by its chip; each time from the click to the end of
# the frame that shows what it did.
CLICKS_IN_PAGE = """async count => {
  const timed = element => new Promise(done => {
    const start = performance.now();
    element.click();
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => done(performance.now() - start);
      port2.postMessage(null);
    });
  });
  const times = [];
  for (let place = 0; times.length < count; place++) {
    const rows = document.querySelectorAll('.x-out:not(.x-is-member)');
    const row = rows[place % rows.length];
    times.push(await timed(row.querySelector('button')));
    times.push(await timed(document.querySelector(`[data-testid=chip-${row.dataset.token}]`)));
  }
  return times;
}"""
PAINT = """new Promise(done => new PerformanceObserver(list => {
  for (const entry of list.getEntriesByName('first-contentful-paint')) done(entry.startTime);
}).observe({ type: 'paint', buffered: true }))"""


@contextmanager
def launched() -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        sys.exit("benchmarks/page.py: no chromium here; `apt-get install chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


def quick_study(root: Path, vocab_size: int) -> Path:
    out = root / str(vocab_size)
    command = [sys.executable, "-c", "from relubloom.cli import main; main()", "study"]
    sizes = ["--vocab-size", str(vocab_size), *SIZES[vocab_size]]
    subprocess.run([*command, *sizes, "--quick", "--quiet", "--out", str(out)], check=True)
    return out


def measure(browser: Browser, folder: Path) -> dict[str, Any]:
    started = time.perf_counter()
    report = write_report(folder)
    written = time.perf_counter() - started
    paints = [first_paint(browser, report) for _ in range(OPENED)]
    page = opened(browser, report)
    told = page.evaluate("JSON.parse(document.getElementById('explorer-data').textContent)")
    row = {
        "vocab_size": told["vocabSize"],
        "width": told["width"],
        "set_size": told["setSize"],
        "page_mb": report.stat().st_size / 1e6,
        "write_s": written,
        "first_paint_ms": statistics.median(paints),
        **clicks(page),
        **recheck(page),
    }
    page.context.close()
    return row


def opened(browser: Browser, report: Path) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(report.resolve().as_uri())
    return page


def first_paint(browser: Browser, report: Path) -> float:
    page = opened(browser, report)
    found = page.evaluate(PAINT)
    page.context.close()
    return found


def clicks(page: Page) -> dict[str, float]:
    """How long the page takes to answer, and the processor time of it."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = task_seconds(cdp)
    ordered = sorted(page.evaluate(CLICKS_IN_PAGE, CLICKS))
    return {
        "click_ms": statistics.median(ordered),
        "click_p95_ms": ordered[int(0.95 * len(ordered))],
        "click_cpu_ms": 1e3 * (task_seconds(cdp) - before) / len(ordered),
    }


def task_seconds(cdp: CDPSession) -> float:
    """Processor time of the page's main thread so far."""
    metrics = cdp.send("Performance.getMetrics")["metrics"]
    return next(each["value"] for each in metrics if each["name"] == "TaskDuration")


def recheck(page: Page) -> dict[str, Any]:
    """As far as the page offers it: all sets, or a sample where there are too many."""
    button = page.get_by_test_id("recheck")
    button.scroll_into_view_if_needed()
    button.filter(has_text="sets here").wait_for()
    started = time.perf_counter()
    button.click()
    told = page.get_by_test_id("recheck-result").locator("p").first
    told.wait_for(timeout=RECHECK_LIMIT)
    return {"recheck_s": time.perf_counter() - started, "recheck": told.inner_text()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with launched() as browser, tempfile.TemporaryDirectory() as root:
        folders = options.folders or [quick_study(Path(root), size) for size in SIZES]
        rows = [measure(browser, folder) for folder in folders]
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))


if __name__ == "__main__":
    main()
