"""Training that is killed again and again, or begun twice in one folder, ends as if it were not.

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

import pytest

from build.process import Outcome, by_make_faults, process_environment

KILLS = int(os.environ.get("RELUBLOOM_KILLS", "3"))
SAVE_AT_EVERY_STEP = """
import time
from relubloom.training import loop
loop.CHECKPOINT_SECONDS, loop.CHECKPOINT_SHARE = 0.0, 1e9  # after every step
advance = loop.TrainingRun.advance
def advance_slowly(self):
    advance(self)
    time.sleep(0.005)
loop.TrainingRun.advance = advance_slowly
from relubloom.cli import main
main()
"""
SIZES = ("-N", 20, "-d", 8, "-k", 2, "--steps", 60 * KILLS, "--batch-size", 32, "--quiet")


def start(source: str, *arguments: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", source, *map(str, arguments), "--threads", "1"]
    return subprocess.Popen(command, env=process_environment(), stderr=subprocess.PIPE)


def content(folder: Path) -> dict[str, bytes]:
    """What training writes, bit for bit."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def whole(relubloom: Callable[..., Outcome], tmp_path: Path) -> dict[str, bytes]:
    """The folder of a training that nothing happened to."""
    assert relubloom("train", *SIZES, "--threads", 1, "--out", tmp_path / "whole").status == 0
    return content(tmp_path / "whole")


def written(checkpoint: Path) -> int:
    return checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0


def test_killed_at_any_moment_it_ends_bit_for_bit_the_same(
    relubloom: Callable[..., Outcome], tmp_path: Path, whole: dict[str, bytes]
) -> None:
    out, moments, killed = tmp_path / "run", random.Random(0), 0
    command = ("train", *SIZES, "--out", out, "--resume")
    while killed < KILLS:
        before = written(out / "checkpoint.safetensors")
        with start(SAVE_AT_EVERY_STEP, *command) as child:
            if killed % 4:  # while it trains and writes; else while it starts
                while written(out / "checkpoint.safetensors") == before and child.poll() is None:
                    time.sleep(0.002)
            time.sleep(moments.uniform(0, 0.3))
            child.send_signal(signal.SIGKILL if killed % 3 else signal.SIGTERM)
            assert child.stderr is not None
            said = child.stderr.read().decode()
        assert child.returncode in (-signal.SIGKILL, -signal.SIGTERM), said
        killed += 1
        assert not (out / "model.safetensors").exists()
    copy = Path(shutil.copytree(out, tmp_path / "elsewhere"))
    os.utime(copy / "checkpoint.safetensors", (4e9, 4e9))  # the clock was set back since
    for folder in (out, copy):
        assert relubloom("train", *SIZES, "--threads", 1, "--out", folder, "--resume").status == 0
        assert content(folder) == whole


@by_make_faults
def test_of_two_at_once_in_one_folder_one_ends_as_if_alone(
    tmp_path: Path, whole: dict[str, bytes]
) -> None:
    out = tmp_path / "run"
    command = ("train", *SIZES, "--out", out, "--resume")
    both = [start(SAVE_AT_EVERY_STEP, *command) for _ in range(2)]
    said = [child.communicate(timeout=300)[1].decode() for child in both]
    assert sorted(child.returncode for child in both) == [0, 1], said
    assert f"relubloom: {out} is in use: another relubloom writes to it" in "".join(said)
    assert content(out) == whole
