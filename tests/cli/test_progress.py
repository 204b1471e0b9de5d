"""Progress: a bar on a terminal, plain lines elsewhere, nothing where --quiet asks for it."""

import io
import sys
from types import SimpleNamespace

import pytest

from build.sweep import done_row
from relubloom.cli.progress import ProgressDisplay, SweepDisplay
from relubloom.sweep.cost import Cost
from relubloom.sweep.group import in_groups
from relubloom.sweep.settings import RunSettings
from relubloom.sweep.spec import Spec
from relubloom.sweep.sweep import SweepPlan, SweepProgress
from relubloom.task import KSparseTask
from relubloom.training import Recipe


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown_on(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, *, quiet: bool) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    with ProgressDisplay(quiet) as display:
        for done in (1, 2, 4):
            display("training", done, 4, "mse 0.25")
    return stream.getvalue()


def test_a_bar_moves_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    said = shown_on(Terminal(), monkeypatch, quiet=False)
    assert "training" in said
    assert "100%" in said
    assert "4 of 4" not in said


def test_elsewhere_a_stage_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    said = shown_on(io.StringIO(), monkeypatch, quiet=False)
    assert said == "training: 4 of 4, mse 0.25, 0.0 s\n"


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_quiet_says_nothing(stream: type[io.StringIO], monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown_on(stream(), monkeypatch, quiet=True) == ""


def test_a_sweep_says_the_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Predicted: 60 s of one core, for two workers. Half of the work took 10 s: as much is left.
    now = 100.0
    monkeypatch.setattr("relubloom.cli.progress.time", SimpleNamespace(monotonic=lambda: now))
    runs = tuple(RunSettings(KSparseTask(8, 2), w, Recipe(steps=1), 0, 10) for w in (3, 4))
    plan = SweepPlan(Spec("x", runs, ()), tuple(in_groups(runs, 1)), Cost(1.0, 60.0))
    with SweepDisplay(plan, 4, quiet=False) as display:
        for done, share in ((1, 1.0), (2, 0.5)):
            row = done_row("a", {"width": 3}, mse=0.25)
            display.update(SweepProgress(2, done, share_left=share, latest=[row]))
            now += 10
    assert capsys.readouterr().err.splitlines() == [
        "sweep: 1 of 2 runs, 30 s left; width 3: 1 runs, mse up to 0.25",
        "sweep: 2 of 2 runs, 10 s left; width 3: 1 runs, mse up to 0.25",
    ]
