"""Case after case: a changed file or command line, what the command did, and whether that is well.

python -m fuzz.attack [CASES] [SEED]     (in tests/; `make fuzz`)
"""

import contextlib
import io
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from fuzz.formats import FORMATS, PAGES, samples
from relubloom.cli import app

SECONDS = 10  # of the processor, that a case may take
MEMORY = 2 << 30  # bytes that a case may add to what the process holds
ADDRESSES = 16 << 30  # bytes beyond what is in use that may be asked for: an end to what is not
FALLBACKS = ("rerun with --debug", "out of memory")


class Hang(BaseException):
    """A case took too long; no handler of the command's takes it for its own."""


@dataclass
class Report:
    """What came of the cases: how many of each format and exit status, and what was wrong."""

    counts: Counter[tuple[str, int]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest: float = 0.0
    largest: int = 0


def attack(root: Path, formats: Iterable[str], cases: int, seed: int) -> Report:
    """Run cases of the formats in turn, in folders below `root`; `seed` and number name a case."""
    samples(root / "samples")
    names, report = list(formats), Report()
    with limits():
        for number in range(cases):
            name = names[number % len(names)]
            run_case(root, name, f"{seed}/{number}", report)
    return report


def run_case(root: Path, name: str, label: str, report: Report) -> None:
    """One case; what is wrong is added to the report with what names it."""
    case = root / "case"
    shutil.copytree(root / "samples" / "study", case / "study")
    before = sorted(each.name for each in root.iterdir())
    asked = FORMATS[name](case, random.Random(f"{name}/{label}"))
    out, err, started = io.StringIO(), io.StringIO(), time.process_time()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    held = _peak()
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    fault: str | None = None
    status = -1
    try:
        with (
            contextlib.chdir(case),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            status = app.run(asked.arguments)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is a fault
        fault = f"{type(error).__name__}: {traceback.format_exc()[-600:]}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    report.slowest = max(report.slowest, time.process_time() - started)
    fault = fault or _wrong(status, err.getvalue())
    if status == 0 and fault is None:
        fault = asked.judge(out.getvalue())
    if sorted(each.name for each in root.iterdir()) != before:
        fault = fault or "something was written outside"
    if (added := _peak() - held) > MEMORY:
        fault = fault or f"it took {added / 2**30:.1f} GiB"
    report.largest = max(report.largest, added)
    report.counts[name, status] += 1
    if fault is not None:
        report.faults.append(f"{name}, case {label}: {asked.arguments}: {fault}")
    shutil.rmtree(case)


def _peak() -> int:
    """The most bytes that this process held since the peak began anew."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


def _wrong(status: int, err: str) -> str | None:
    if status not in (0, 1, 2):
        return f"exit status {status}"
    if status == 0:
        return None
    lines = [line for line in err.splitlines() if line.startswith("relubloom: ")]
    if len(lines) != 1 or "Traceback" in err:
        return f"no error of one line: {err[-300:]!r}"
    return lines[0] if any(words in lines[0] for words in FALLBACKS) else None


@contextlib.contextmanager
def limits() -> Generator[None]:
    """Within the block a case that takes too long ends in `Hang`, and memory has an end."""

    def stop(*_: object) -> None:
        raise Hang

    handler = signal.signal(signal.SIGPROF, stop)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + ADDRESSES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGPROF, handler)


def main(cases: int = 5000, seed: int = 0) -> int:
    """Run the cases of one seed and print what came of them; 1 where something was wrong.

    A page takes tenths of a second and the other cases hundredths, so of eight cases one makes one.
    """
    quick = [name for name in FORMATS if name not in PAGES]
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        few = attack(Path(folder) / "pages", PAGES, cases // 8, seed)
        many = attack(Path(folder) / "others", quick, cases - cases // 8, seed)
    for name in FORMATS:
        found = {
            status: n for (each, status), n in (few.counts + many.counts).items() if each == name
        }
        print(  # noqa: T201
            f"{name:<18} {sum(found.values()):>6,} cases: exit status {dict(sorted(found.items()))}"
        )
    faults = few.faults + many.faults
    print(  # noqa: T201
        f"{cases:,} cases, seed {seed}, {time.monotonic() - started:.0f} s: {len(faults)} faults, "
        f"at most {max(few.slowest, many.slowest):.1f} s of the processor and "
        f"{max(few.largest, many.largest) / 2**20:.0f} MiB of memory"
    )
    print(*faults, sep="\n")  # noqa: T201
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
