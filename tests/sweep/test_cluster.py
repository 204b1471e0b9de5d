"""A sweep on a real Dask scheduler with two workers, one of which is killed in mid-run."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import relubloom as rb
from build.process import Outcome, process_environment

SPEC = """
[defaults]
vocab_size = 24
steps = 300
batch_size = 64
figure_sets = 500
[[grid]]
width = [4, 5, 6, 7, 8, 9]
seeds = 2
"""


def begin(log: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """A process of Dask's, which writes what it says to a file."""
    with log.open("wb") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments],
            env=process_environment(),
            stdout=stream,
            stderr=stream,
        )


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a scheduler on loopback, and its two workers."""
    log = tmp_path / "scheduler.log"
    options = ("--host", "127.0.0.1", "--no-dashboard")
    scheduler = begin(log, "scheduler", *options, "--port", "0")
    deadline = time.monotonic() + 60
    while not (found := re.search(r"Scheduler at:\s+(tcp://\S+)", log.read_text())):
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
    address = found[1]
    ours = ("worker", address, "--nthreads", "1", "--no-nanny", *options)
    workers = [begin(tmp_path / f"worker-{n}.log", *ours) for n in range(2)]
    yield address, workers
    for process in (*workers, scheduler):
        process.kill()
        process.wait()


def test_a_cluster_loses_a_worker_and_nothing_else(
    tmp_path: Path,
    cluster: tuple[str, list[subprocess.Popen[bytes]]],
    python: Callable[..., Outcome],
) -> None:
    address, workers = cluster
    spec, out = tmp_path / "spec.toml", tmp_path / "out"
    spec.write_text(SPEC)

    def kill_one() -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if (out / "results.sqlite").exists() and rb.load_results(out):
                os.kill(workers[0].pid, signal.SIGKILL)
                return
            time.sleep(0.05)

    killer = threading.Thread(target=kill_one)
    killer.start()
    arguments = ["sweep", str(spec), "--out", str(out), "--cluster", address, "--json"]
    done = python(f"from relubloom.cli.app import run; import sys; sys.exit(run({arguments!r}))")
    killer.join()
    assert done.status == 0, done.err
    assert workers[0].wait(10) == -signal.SIGKILL
    assert done.json["done"] == done.json["runs"] == 12
    records = rb.load_results(out)
    assert len(records) == len({record["run"] for record in records}) == 12
    assert all(record["status"] == "done" for record in records)


def test_no_scheduler_is_one_line(
    tmp_path: Path, relubloom: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    import distributed

    connect = distributed.Client
    monkeypatch.setattr(
        distributed, "Client", lambda address, timeout: connect(address, timeout=timeout / 10)
    )
    spec = tmp_path / "spec.toml"
    spec.write_text(SPEC)
    where = "tcp://127.0.0.1:9"
    done = relubloom("sweep", spec, "--out", tmp_path / "out", "--cluster", where)
    assert done.status == 1
    assert done.error.startswith(f"no Dask scheduler answers at {where}")


def test_here_or_there(tmp_path: Path, relubloom: Callable[..., Outcome]) -> None:
    spec = tmp_path / "spec.toml"
    spec.write_text(SPEC)
    done = relubloom("sweep", spec, "--out", tmp_path, "--cluster", "x", "--workers", 2)
    assert done.status == 2
    assert "the work is done here or there" in done.error
