"""A sweep that is killed, again and again, ends with the table of one that was not.

`make faults` kills as often as RELUBLOOM_KILLS says.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import relubloom as rb
from build.process import COMMAND, Outcome, by_make_faults, process_environment

KILLS = int(os.environ.get("RELUBLOOM_KILLS", "2"))
WIDTHS = 3 * KILLS + 3  # more than are trained before the last kill
SPEC = f"""
[defaults]
vocab_size = 24
steps = 300
batch_size = 64
figure_sets = 500
[[grid]]
width = {list(range(4, 4 + WIDTHS))}
seeds = 2
[[grid]]
set_size = 25
"""
DONE = 2 * WIDTHS
TIMED = ("seconds", "training_seconds", "finished")


def table(folder: Path) -> list[dict[str, Any]]:
    """The records without what a clock says, in an order of their own."""
    records = rb.load_results(folder)
    bare = [{key: r[key] for key in r if key not in TIMED} for r in records]
    return sorted(bare, key=lambda record: str(record["run"]))


def start(spec: Path, out: Path) -> subprocess.Popen[bytes]:
    """A sweep as a process, in a session of its own; what it says goes to `said`."""
    command = [sys.executable, "-c", COMMAND, "sweep", str(spec), "--out", str(out)]
    with said(out).open("wb") as stream:
        return subprocess.Popen(
            [*command, "--workers", "1", "--resume", "--quiet"],
            env=process_environment(),
            stdout=subprocess.DEVNULL,
            stderr=stream,
            start_new_session=True,
        )


def said(out: Path) -> Path:
    """Where the errors of the sweep into `out` stand."""
    return out.with_suffix(".log")


def workers_of(process: subprocess.Popen[bytes]) -> list[int]:
    """The processes that a sweep has started."""
    found: list[int] = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == process.pid:
            found.append(int(status.parent.name))
    return found


def is_gone(pid: int) -> bool:
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True


def is_training(pid: int) -> bool:
    """Whether a worker is where Ctrl-C saves its state: it holds SIGINT back, then ignores it, and
    catches it while it trains."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    masks = {line[:6]: int(line[8:], 16) for line in lines if line[:6] in ("SigBlk", "SigCgt")}
    return bool(masks["SigCgt"] & ~masks["SigBlk"] & 1 << signal.SIGINT - 1)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a sweep, and wait until nobody goes on working on its files."""
    left = workers_of(process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 60
    while not all(map(is_gone, left)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def rows(out: Path) -> int:
    return len(rb.load_results(out)) if (out / "results.sqlite").exists() else 0


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in /proc")
def test_killed_again_and_again_it_ends_with_the_same_table(
    tmp_path: Path, relubloom: Callable[..., Outcome]
) -> None:
    spec = tmp_path / "spec.toml"
    spec.write_text(SPEC)
    whole = relubloom("sweep", spec, "--out", tmp_path / "whole", "--workers", 1, "--quiet")
    assert whole.status == 0, whole.err
    wanted = table(tmp_path / "whole")
    assert [record["status"] for record in wanted].count("done") == DONE

    out, moments = tmp_path / "killed", random.Random(0)
    for _ in range(KILLS):
        before, process = rows(out), start(spec, out)
        while rows(out) <= max(1, before) and process.poll() is None:  # so rows are recorded
            time.sleep(0.02)
        time.sleep(moments.uniform(0, 0.3))
        assert process.poll() is None, said(out).read_text()
        kill(process)
        assert rows(out) > before
        assert all(record in wanted for record in table(out))
    copy = Path(shutil.copytree(out, tmp_path / "copy"))
    for path in copy.rglob("*"):
        os.utime(path, (4e9, 4e9))  # the clock was set back since
    for folder in (out, copy)[KILLS < 5 :]:
        assert start(spec, folder).wait(timeout=600) == 0, said(folder).read_text()
        assert table(folder) == wanted
        assert not list(folder.glob("checkpoints/*"))


@by_make_faults
def test_two_at_once_in_one_folder_make_one_table(
    tmp_path: Path, relubloom: Callable[..., Outcome]
) -> None:
    spec = tmp_path / "spec.toml"
    spec.write_text(SPEC)
    whole = relubloom("sweep", spec, "--out", tmp_path / "whole", "--workers", 1, "--quiet")
    assert whole.status == 0, whole.err
    out = tmp_path / "both"
    both = [start(spec, out) for _ in range(2)]
    assert [process.wait(timeout=600) for process in both] == [0, 0], said(out).read_text()
    assert table(out) == table(tmp_path / "whole")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in /proc")
def test_ctrl_c_saves_the_state_of_training(tmp_path: Path) -> None:
    spec = tmp_path / "spec.toml"
    spec.write_text("[[grid]]\nvocab_size = 24\nwidth = 5\nsteps = 100000\nbatch_size = 64\n")
    out = tmp_path / "out"
    process = start(spec, out)
    deadline = time.monotonic() + 120
    while not any(map(is_training, workers_of(process))):
        assert time.monotonic() < deadline and process.poll() is None, said(out).read_text()
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(timeout=120) == 1
    assert said(out).read_text().splitlines() == [
        "relubloom: stopped; the runs that are done are kept; go on with the same command and "
        "--resume"
    ]
    assert len(list((out / "checkpoints").iterdir())) == 1


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in /proc")
def test_a_worker_that_is_killed_costs_no_run(tmp_path: Path) -> None:
    spec, out = tmp_path / "spec.toml", tmp_path / "out"
    spec.write_text(SPEC)
    process = start(spec, out)
    deadline = time.monotonic() + 120
    while not ((out / "results.sqlite").exists() and len(rb.load_results(out)) > 1):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for worker in workers_of(process):
        os.kill(worker, signal.SIGKILL)
    assert process.wait(timeout=300) == 0, said(out).read_text()
    statuses = [record["status"] for record in rb.load_results(out)]
    assert (statuses.count("done"), statuses.count("impossible")) == (DONE, 1)
    assert len(statuses) == DONE + 1
