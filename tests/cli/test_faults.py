"""Commands on a full disk, in a folder that cannot be written, into a pipe that nobody reads.

Each ends with one line and leaves what was there; with room again, `--resume` gives what an
undisturbed run gives.
"""

import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from build.process import COMMAND, Outcome, by_make_faults, process_environment

SIZES = ("-N", 20, "-d", 8, "-k", 2, "--steps", 20, "--batch-size", 32, "--quiet", "--threads", 1)
NO_ROOM = ("File too large", "No space left on device", "database or disk is full")


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def fill(disk: Path, room: int) -> None:
    """Leave so many KiB."""
    (disk / "other").write_bytes(bytes(shutil.disk_usage(disk).free - 1024 * room))


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """No file of this process grows beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    was = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, was)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB."""
    at = tmp_path / "disk"
    at.mkdir()
    mounting = ("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(at))
    if not shutil.which("mount") or subprocess.run(mounting, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    yield at
    subprocess.run(("umount", "-l", str(at)), check=True)


@pytest.mark.parametrize("size", [0, 300, 3000, 9000])
def test_a_training_that_finds_no_room_goes_on_when_there_is(
    relubloom: Callable[..., Outcome], tmp_path: Path, size: int
) -> None:
    run, whole = tmp_path / "run", tmp_path / "whole"
    with files_up_to(size):
        stopped = relubloom("train", *SIZES, "--out", run)
    assert stopped.status == 1
    assert stopped.error.startswith("cannot write ")
    assert any(reason in stopped.error for reason in NO_ROOM)
    assert stopped.error.endswith("; make room there, or write to another folder")
    assert not [name for name in content(run) if name.startswith(".")]
    assert relubloom("train", *SIZES, "--out", run, "--resume").status == 0
    assert relubloom("train", *SIZES, "--out", whole).status == 0
    assert content(run) == content(whole)


@by_make_faults
@pytest.mark.parametrize("room", [0, 8, 32, 100])
def test_a_study_on_a_full_disk_goes_on_when_there_is_room(
    relubloom: Callable[..., Outcome], disk: Path, tmp_path: Path, room: int
) -> None:
    study = ("study", *SIZES, "--quick", "--resume", "--out", disk / "s")
    fill(disk, room)
    stopped = relubloom(*study)
    assert stopped.status == 1
    assert any(reason in stopped.error for reason in NO_ROOM)
    (disk / "other").unlink()
    assert relubloom(*study).status == 0
    assert relubloom("study", *SIZES, "--quick", "--out", tmp_path / "s").status == 0
    found, whole = content(disk / "s"), content(tmp_path / "s")
    assert found.keys() == whole.keys()
    for name in found:
        if name.endswith((".safetensors", ".npz", ".jsonl")):
            assert found[name] == whole[name], name


@by_make_faults
def test_a_sweep_on_a_full_disk_goes_on_when_there_is_room(
    relubloom: Callable[..., Outcome], disk: Path
) -> None:
    spec = disk / "spec.toml"
    spec.write_text(
        "[[grid]]\nvocab_size = 12\nwidth = [4, 5]\nseeds = 2\nsteps = 20\nfigure_sets = 100\n"
    )
    fill(disk, 8)
    sweep = ("sweep", spec, "--out", disk / "out", "--workers", 1, "--quiet", "--resume")
    stopped = relubloom(*sweep)
    assert stopped.status == 1
    assert any(reason in stopped.err for reason in NO_ROOM)
    (disk / "other").unlink()
    done = relubloom(*sweep, "--json")
    assert (done.status, done.json["done"], done.json["failed"]) == (0, 4, 0)


@by_make_faults
def test_a_folder_that_cannot_be_written_is_refused_before_any_work(
    relubloom: Callable[..., Outcome], disk: Path, tmp_path: Path
) -> None:
    assert relubloom("train", *SIZES, "--out", disk / "run").status == 0
    spec = tmp_path / "spec.toml"
    spec.write_text("[[grid]]\nvocab_size = 12\nwidth = 4\nsteps = 20\n")
    before = content(disk)
    subprocess.run(("mount", "-o", "remount,ro", str(disk)), check=True)
    commands = [
        ("train", *SIZES, "--out", disk / "new"),
        ("train", *SIZES, "--out", disk / "run", "--force"),
        ("study", *SIZES, "--out", disk / "new"),
        ("construct", "-N", 12, "-d", 6, "-k", 2, "--out", disk / "new"),
        ("examine", disk / "run"),
        ("certify", disk / "run"),
        ("report", disk / "run"),
        ("sweep", spec, "--out", disk / "new", "--workers", 1),
    ]
    for command in commands:
        found = relubloom(*command)
        assert found.status == 1, command
        assert "Read-only file system" in found.err.splitlines()[-1], command
        assert "Traceback" not in found.err
    assert content(disk) == before


@by_make_faults
@pytest.mark.parametrize("closed", [1, 2])
@pytest.mark.parametrize(
    "command", [("plan", "-N", 1000, "-k", 3, "-d", 48, "--json"), ("--help",), ("train", *SIZES)]
)
def test_a_pipe_that_nobody_reads_is_no_traceback(
    tmp_path: Path, command: tuple[object, ...], closed: int
) -> None:
    arguments = [str(each) for each in command]
    if arguments[0] == "train":
        arguments += ["--out", str(tmp_path / "run")]
    reading, writing = os.pipe()
    os.close(reading)
    other = tmp_path / "said"
    with other.open("wb") as said:
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, *arguments],
            env=process_environment(),
            stdout=writing if closed == 1 else said,
            stderr=writing if closed == 2 else said,
            check=False,
        )
    os.close(writing)
    assert done.returncode in (0, 1)
    assert "Traceback" not in other.read_text()
    if arguments[0] == "train":  # what is asked for is there all the same
        assert (tmp_path / "run" / "model.safetensors").exists()
