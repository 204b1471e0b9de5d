"""How a sweep goes, in lines."""

from types import SimpleNamespace

import pytest

from build.sweep import done_row
from relubloom.cli.progress import SweepDisplay
from relubloom.sweep.cost import Cost
from relubloom.sweep.group import in_groups
from relubloom.sweep.settings import RunSettings
from relubloom.sweep.spec import Spec
from relubloom.sweep.sweep import SweepPlan, SweepProgress
from relubloom.task import KSparseTask
from relubloom.training import Recipe


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
