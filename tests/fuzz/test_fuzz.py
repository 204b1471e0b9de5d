"""A few seconds of the attack in the suite; hours of it by `make fuzz`."""

from pathlib import Path

import pytest

from fuzz.attack import Report, attack
from fuzz.formats import FORMATS, PAGES

QUICK = [name for name in FORMATS if name not in PAGES]


def quiet(report: Report) -> None:
    assert not report.faults, "\n".join(report.faults)


def test_files_and_command_lines(tmp_path: Path) -> None:
    report = attack(tmp_path, QUICK, 96, 1)
    quiet(report)
    ended_well = {name for name, status in report.counts if status == 0}
    assert ended_well == set(QUICK), "a format of which nothing is read is not tested"


@pytest.mark.filterwarnings("ignore")  # of numbers that do not fit each other: no answer is wrong
def test_pages(tmp_path: Path) -> None:
    quiet(attack(tmp_path, PAGES, 6, 1))


def test_memory_is_what_a_case_adds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from relubloom.cli import app

    def large(arguments: list[str]) -> int:
        return app._fail(f"{len(bytearray(256 << 20))} bytes are refused", 1)

    monkeypatch.setattr("fuzz.attack.MEMORY", 128 << 20)  # less than the process holds
    quiet(attack(tmp_path / "usual", ["tokens"], 2, 0))
    monkeypatch.setattr(app, "run", large)
    (fault,) = attack(tmp_path / "large", ["tokens"], 1, 0).faults
    assert "it took 0." in fault


def test_the_attack_sees_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: a fallback, a wrong answer, an exit status, a file outside."""
    from relubloom.cli import app

    def fallback(arguments: list[str]) -> int:
        return app._fail("ValueError: odd; rerun with --debug for the traceback", 1)

    def wrong(arguments: list[str]) -> int:
        print('{"sets": 999, "members": [], "top": [], "union": []}')  # noqa: T201
        return 0

    def outside(arguments: list[str]) -> int:
        (tmp_path / "outside").write_text("")
        return app._fail("refused", 1)

    for number, planted in enumerate((fallback, wrong, outside, lambda _: 3, lambda _: 1 / 0)):
        monkeypatch.setattr(app, "run", planted)
        root = tmp_path if planted is outside else tmp_path / str(number)
        assert len(attack(root, ["sets file"], 1, 0).faults) == 1, planted
