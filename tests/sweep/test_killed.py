"""A sweep that is killed, again and again, ends with the table of one that was not."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import relubloom as rb
from build.process import COMMAND, Outcome, process_environment

KILLS = 20
SPEC = """
[defaults]
vocab_size = 24
steps = 500
batch_size = 64
figure_sets = 500
[[grid]]
width = [4, 5, 6, 7, 8, 9]
seeds = 2
[[grid]]
set_size = 25
"""
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


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in /proc")
def test_killed_at_twenty_moments_it_ends_with_the_same_table(
    tmp_path: Path, relubloom: Callable[..., Outcome]
) -> None:
    spec = tmp_path / "spec.toml"
    spec.write_text(SPEC)
    whole = relubloom("sweep", spec, "--out", tmp_path / "whole", "--workers", 1, "--quiet")
    assert whole.status == 0, whole.err
    wanted = table(tmp_path / "whole")
    assert [record["status"] for record in wanted].count("done") == 12

    out, moments = tmp_path / "killed", random.Random(0)
    for _ in range(KILLS):
        process = start(spec, out)
        time.sleep(moments.uniform(0.1, 4.5))
        left = workers_of(process)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
        deadline = time.monotonic() + 30
        while not all(map(is_gone, left)):  # nobody goes on working on the files
            assert time.monotonic() < deadline
            time.sleep(0.05)
        if (out / "results.sqlite").exists():
            done = table(out)
            assert all(record in wanted for record in done)
    assert start(spec, out).wait(timeout=300) == 0, said(out).read_text()
    assert table(out) == wanted
    assert not list(out.glob("checkpoints/*"))


def test_ctrl_c_saves_the_state_of_training(tmp_path: Path) -> None:
    spec = tmp_path / "spec.toml"
    spec.write_text("[[grid]]\nvocab_size = 24\nwidth = 5\nsteps = 100000\nbatch_size = 64\n")
    out = tmp_path / "out"
    process = start(spec, out)
    deadline = time.monotonic() + 60
    while not workers_of(process) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(3)
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
    assert (statuses.count("done"), statuses.count("impossible"), len(statuses)) == (12, 1, 13)
