"""Progress: a bar on a terminal, plain lines elsewhere, nothing where --quiet asks for it."""

import io
import re
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from relubloom.progress import LINE_SECONDS, ProgressDisplay


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown_on(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, *, quiet: bool, **environment: str
) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    for name, value in ({"TERM": "xterm"} | environment).items():
        monkeypatch.setenv(name, value)
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
    assert re.fullmatch(r"training: 4 of 4, mse 0\.25, \d+\.\d s\n", said)


@pytest.mark.parametrize(
    ("name", "value", "codes"), [("NO_COLOR", "1", r"\x1b\[[\d;]*3\d"), ("TERM", "dumb", r"\x1b")]
)
def test_a_terminal_without_colour_has_none(
    name: str, value: str, codes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    coloured = shown_on(Terminal(), monkeypatch, quiet=False)
    assert re.search(codes, coloured)
    said = shown_on(Terminal(), monkeypatch, quiet=False, **{name: value})
    assert "training" in said
    assert not re.search(codes, said)


@pytest.mark.parametrize("widgets", [None, object()])
def test_a_notebook_without_ipywidgets_has_lines(
    widgets: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel: Any = SimpleNamespace()
    monkeypatch.setitem(sys.modules, "ipykernel", kernel)
    monkeypatch.setattr("relubloom.progress.find_spec", lambda _: widgets)
    monkeypatch.setattr(sys, "stdout", out := io.StringIO())
    said = shown_on(io.StringIO(), monkeypatch, quiet=False)
    moves = widgets is not None
    assert bool(out.getvalue()) == moves
    assert bool(re.fullmatch(r"training: 4 of 4, .*\n", said)) != moves


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_quiet_says_nothing(stream: type[io.StringIO], monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown_on(stream(), monkeypatch, quiet=True) == ""


def test_a_line_now_and_then_says_the_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 100.0
    monkeypatch.setattr("relubloom.progress.time", SimpleNamespace(monotonic=lambda: now))
    with ProgressDisplay(False) as display:
        for done, seconds in ((0, 0), (1, LINE_SECONDS), (2, LINE_SECONDS / 2), (3, LINE_SECONDS)):
            now += seconds
            display("training", done, 4, "")
        display("training", 4, 4, "")
    first, later = LINE_SECONDS, 2.5 * LINE_SECONDS
    assert capsys.readouterr().err.splitlines() == [
        f"training: 1 of 4, {3 * first:.0f} s left",
        f"training: 3 of 4, {later / 3:.0f} s left",
        f"training: 4 of 4, {later:.1f} s",
    ]
