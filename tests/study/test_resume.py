"""Stopping whole commands and going on: nothing is lost, and nothing tells afterwards of a stop."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from build.process import Outcome

# The signal is real; it is sent from inside so that it arrives at a known moment.

PRESS_WHILE_TRAINING = """
import os, signal
from relubloom.training import loop
advance = loop.TrainingRun.advance
def advance_and_press(self):
    advance(self)
    if self.done == 25:
        os.kill(os.getpid(), signal.SIGINT)
loop.TrainingRun.advance = advance_and_press
from relubloom.cli import main
main()
"""
PRESS_WHILE_EXAMINING = """
import os, signal
from relubloom.study import steps
gather = steps.gather_evidence
calls = []
def gather_and_press(*arguments, **keywords):
    calls.append(arguments)
    if len(calls) == 3:  # the constructed network, seed 0, and now seed 1
        os.kill(os.getpid(), signal.SIGINT)
    return gather(*arguments, **keywords)
steps.gather_evidence = gather_and_press
from relubloom.cli import main
main()
"""
SIZES = ("-N", 12, "-d", 6, "-k", 2, "--steps", 30, "--batch-size", 16, "--quiet", "--threads", 1)


DIGITS = re.compile(rb"-?\d+\.\d+(e[-+]?\d+)?")


def tree(folder: Path) -> dict[str, bytes]:
    """All files of a folder, without what names the command and what was timed.

    Figures of evidence to 12 digits: the last ones depend on where arrays lie in memory.
    """
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or path.name == "report.html":
            continue
        content = path.read_bytes()
        if path.name in ("study.json", "certificate.json"):
            content = json.dumps(json.loads(content) | {"command": "", "seconds": 0}).encode()
        if path.suffix == ".json":
            content = DIGITS.sub(lambda found: b"%.12g" % float(found[0]), content)
        files[str(path.relative_to(folder))] = content
    return files


def test_ctrl_c_and_resume_of_train(
    relubloom: Callable[..., Outcome], python: Callable[..., Outcome], tmp_path: Path
) -> None:
    stopped = python(PRESS_WHILE_TRAINING, "train", *SIZES, "--out", "run")
    assert stopped.status == 1
    assert stopped.error == "stopped at step 25 of 30; go on with the same command and --resume"
    assert not (tmp_path / "run" / "model.safetensors").exists()
    assert relubloom("train", *SIZES, "--out", tmp_path / "run", "--resume").status == 0
    assert relubloom("train", *SIZES, "--out", tmp_path / "straight").status == 0
    assert tree(tmp_path / "run") == tree(tmp_path / "straight")


@pytest.mark.parametrize(
    ("source", "depth"), [(PRESS_WHILE_TRAINING, ["--quick"]), (PRESS_WHILE_EXAMINING, [])]
)
def test_ctrl_c_and_resume_of_study(
    relubloom: Callable[..., Outcome],
    python: Callable[..., Outcome],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    depth: list[str],
) -> None:
    command = ("study", *SIZES, *depth, "--seeds", 2, "--out", "s")
    for name in ("stopped", "straight"):
        (tmp_path / name).mkdir()
    stopped = python(source, *command, cwd=tmp_path / "stopped")
    assert stopped.status == 1
    assert stopped.error.endswith("go on with the same command and --resume")
    monkeypatch.chdir(tmp_path / "stopped")
    assert not Path("s/study.json").exists()
    assert relubloom(*command).status == 2  # not empty, and nobody said --resume
    assert relubloom(*command, "--resume").status == 0
    monkeypatch.chdir(tmp_path / "straight")
    assert relubloom(*command).status == 0
    assert tree(tmp_path / "stopped") == tree(tmp_path / "straight")
