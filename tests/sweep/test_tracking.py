"""A run in a tracker, and which trackers there are."""

import sys
from pathlib import Path
from typing import Any

import pytest

from build.networks import random_net
from build.sweep import done_row
from build.tracker import Recorder
from relubloom.errors import UsageError
from relubloom.sweep.group import Trained
from relubloom.sweep.tracking import Tracker, find_tracker

RATES = {"learning_rate": 0.1}
HISTORY = [
    {"step": 0, "objective": "kl", "loss": 3.0} | RATES,
    {"step": 4, "objective": "mse", "loss": 0.5} | RATES,
]


def test_a_run_is_logged_from_beginning_to_end(capsys: pytest.CaptureFixture[str]) -> None:
    api, settings = Recorder(), {"width": 4, "steps": 4}
    row = done_row("abc", settings, mse=0.25, mode_gap=None)
    Tracker("mine", api).log("small: 4/8", Trained(row, random_net(8, 4, 0), HISTORY))
    (run,) = api.runs
    assert (run["project"], run["name"], run["config"]) == ("small- 4-8", "abc", settings)
    *losses, (last, figures) = run["logged"]
    assert losses == [(0, {"loss/kl": 3.0} | RATES), (4, {"loss/mse": 0.5} | RATES)]
    assert (last, figures["mse"], figures["verdict"]) == (4, 0.25, "bloom")
    assert "mode_gap" not in figures
    assert not capsys.readouterr().out


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package that registers trackers."""
    monkeypatch.syspath_prepend(tmp_path)
    about = tmp_path / "mine-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Name: mine\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[relubloom.trackers]\nmine = mine:api\nhalf = mine:half\nnone = mine:none\n"
    )
    (tmp_path / "mine.py").write_text(
        "from types import SimpleNamespace as Space\n"
        "api, half = Space(init=print, log=print, finish=print), Space(init=print)\n"
    )
    return tmp_path


def test_a_package_registers_its_own(package: Path) -> None:
    found = find_tracker("mine")
    assert found.name == "mine"
    assert Path(sys.modules["mine"].__file__ or "").parent == package
    assert found.api is sys.modules["mine"].api


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("abacus", "--track is 'abacus': choose one of half, mine, none, trackio, wandb"),
        (
            "half",
            "--track is 'half', which has no log and no finish: a tracker has init, log, finish; "
            "pip install mine, or mend it",
        ),
        (
            "none",
            "--track is 'none' and cannot be imported (module 'mine' has no attribute 'none'); "
            "pip install mine",
        ),
        (
            "trackio",
            "--track is 'trackio' and cannot be imported (import of trackio halted; None in "
            "sys.modules); pip install trackio",
        ),
    ],
)
def test_what_is_no_tracker_is_refused(
    name: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent: Any = None
    monkeypatch.setitem(sys.modules, "trackio", absent)
    with pytest.raises(UsageError) as caught:
        find_tracker(name)
    assert caught.value.args[0] == said
