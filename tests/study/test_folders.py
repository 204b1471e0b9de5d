"""Folders that are written to: what is cut short can be replaced."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from build.process import DATA, Outcome
from build.zoo import SMALL, prepared
from relubloom import atomic
from relubloom.study.folders import prepare_run, prepare_study
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


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


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
