"""Folders that are written to: one at a time does, and what it leaves half done is replaced."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from build.process import DATA, Outcome
from build.zoo import SMALL, prepared
from relubloom import atomic
from relubloom.errors import FileError
from relubloom.study.folders import alone_in, prepare_run, prepare_study
from relubloom.study.settings import planned
from relubloom.study.steps import certify_run, examine_run, train_run
from relubloom.study.study import run_study
from relubloom.zoo import catalogue

STUDY = DATA / "schema-1" / "study"
RUN = STUDY / "seed-0"
COMMANDS = {
    "construct": ("construct", "-N", 12, "-d", 6, "-k", 2),
    "import": (
        *("import", RUN / "model.safetensors"),
        *("--activation", "relu", "--tokens", RUN / "tokens.txt"),
    ),
    "zoo get": ("zoo", "get", "constructed-binary-20x12-k3"),
}
MOMENTS = range(1, 99)  # more than there are files
SIZES = ("-N", 20, "-d", 8, "-k", 2, "--steps", 5, "--quiet", "--force")
ASKED = planned(vocab_size=12, width=6, set_size=2, steps=20, quick=True)
WORK: dict[str, Callable[..., object]] = {
    "train": partial(train_run, ASKED),
    "study": partial(run_study, ASKED),
    "examine": examine_run,
    "certify": certify_run,
}


@pytest.mark.parametrize("work", WORK)
@pytest.mark.usefixtures("no_page")
def test_of_two_at_work_in_a_folder_the_second_is_refused(
    relubloom: Callable[..., Outcome], tmp_path: Path, work: str
) -> None:
    out, others = tmp_path / "out", list[Outcome]()
    lines = [
        ("train", *SIZES, "--out", out),
        ("study", *SIZES, "--out", out),
        (*COMMANDS["import"], "--force", "--out", out),
    ]
    if work in ("examine", "certify"):
        assert relubloom(*COMMANDS["construct"], "--out", out).status == 0
        lines += [
            ("examine", out),
            ("certify", out),
            (*COMMANDS["construct"], "--force", "-o", out),
        ]

    def meanwhile(*_: object) -> None:
        if not others:
            others.extend(relubloom(*line) for line in lines)

    WORK[work](out, watch=meanwhile)
    assert len(others) == len(lines)
    for other in others:
        assert other.status == 1
        assert other.error == (
            f"{out} is in use: another relubloom writes to it, and one at a time may; wait until "
            "that has ended, or choose another folder"
        )
    assert relubloom(*lines[work == "study"]).status == 0  # it has ended


def test_who_is_refused_leaves_the_folder_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_is_faster(folder: Path) -> None:
        folder.mkdir()
        fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_EX)

    monkeypatch.setattr(atomic, "check_writable", other_is_faster)
    with pytest.raises(FileError, match="is in use"), alone_in(tmp_path / "out"):
        pass
    assert (tmp_path / "out").is_dir()


def test_a_disk_without_locks_keeps_nobody_out(
    relubloom: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    assert relubloom(*COMMANDS["construct"], "--out", tmp_path / "out").status == 0


def test_wrong_usage_leaves_no_folder(relubloom: Callable[..., Outcome], tmp_path: Path) -> None:
    for line in ((*COMMANDS["construct"], "--sharpness", -1), ("study", *SIZES, "--resume")):
        assert relubloom(*line, "--out", tmp_path / "out").status == 2
        assert not (tmp_path / "out").exists()


@contextmanager
def fails_at(owner: Any, name: str, moment: int) -> Iterator[list[int]]:
    """The disk is full at that call of a function, and at all later ones; yields their numbers."""
    function, calls = getattr(owner, name), list[int]()

    def full(*given: Any, **named: Any) -> Any:
        calls.append(len(calls) + 1)
        if len(calls) >= moment:
            raise OSError(28, "No space left on device")
        return function(*given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, full)
        yield calls


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_full_disk_cut_short_can_be_replaced(
    relubloom: Callable[..., Outcome],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    if command == "zoo get":
        monkeypatch.setenv("RELUBLOOM_CACHE", str(prepared(tmp_path / "cache")))
        monkeypatch.setattr(catalogue, "ENTRIES", SMALL)
    line, out = (*COMMANDS[command], "--out"), tmp_path / "out"
    assert relubloom(*line, tmp_path / "whole").status == 0
    for moment in MOMENTS:
        with fails_at(atomic, "settle", moment) as calls:
            stopped = relubloom(*line, out)
        if len(calls) < moment:
            break
        assert stopped.status == 1
        assert "No space left on device; make room there" in stopped.error
        replaced = relubloom(*line, out, "--force")
        assert replaced.status == 0, replaced.err
        assert names(out) == names(tmp_path / "whole")
        shutil.rmtree(out)
    assert moment > 2


@pytest.mark.parametrize("kind", ["run", "unfinished run", "study"])
def test_a_removal_that_was_cut_short_can_be_repeated(tmp_path: Path, kind: str) -> None:
    def prepare(out: Path) -> None:
        if kind == "study":
            prepare_study({}, out, resume=False, force=True)
        else:
            prepare_run(out, force=True)

    for moment in MOMENTS:
        out = tmp_path / str(moment)
        shutil.copytree(STUDY if kind == "study" else RUN, out)
        (out / "report.html").touch()
        if kind == "unfinished run":
            (out / "model.safetensors").rename(out / "checkpoint.safetensors")
        with fails_at(Path, "unlink", moment) as calls:
            try:
                prepare(out)
            except OSError:
                assert len(calls) == moment
            else:
                break
        prepare(out)
        assert not any(out.iterdir())
    assert moment > 2
