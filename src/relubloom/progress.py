"""How work goes, always on standard error: it moves on a terminal and in a notebook, plain lines
elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, TypeVar

from relubloom.shown import printable

LINE_SECONDS = 10.0
Watch = Callable[[str, int, int, str], None]
"""Called with (stage, done, total, detail) as work goes on."""
Moving = TypeVar("Moving", bound="Display")


class Display:
    """Shows how work goes; use it in a `with` block."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._moving: Any = None  # what rich shows on a terminal

    def __enter__(self: Moving) -> Moving:
        if not self._quiet and (sys.stderr.isatty() or in_notebook()):
            self._moving = self._on_terminal()
            self._moving.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._moving is not None:
            self._moving.stop()

    def _on_terminal(self) -> Any:
        raise NotImplementedError


class ProgressDisplay(Display):
    """A bar a stage, with time left; call it with (stage, done, total, detail) as it comes."""

    def __init__(self, quiet: bool) -> None:
        super().__init__(quiet)
        self._stage = ""
        self._started = self._printed = 0.0

    def _on_terminal(self) -> Any:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        return Progress(
            TextColumn("{task.description:<22}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[detail]}"),
            console=Console(stderr=not in_notebook()),
        )

    def __call__(self, stage: str, done: int, total: int, detail: str) -> None:
        """Show that `done` of `total` of the stage is done."""
        if self._quiet:
            return
        if stage != self._stage:
            self._begin(stage, total)
        if self._moving is not None:
            self._moving.update(self._moving.task_ids[-1], completed=done, detail=detail)
        else:
            self._line(done, total, detail)

    def _begin(self, stage: str, total: int) -> None:
        self._stage, self._started = stage, time.monotonic()
        self._printed = self._started
        if self._moving is not None:
            self._moving.add_task(stage, total=total, detail="")

    def _line(self, done: int, total: int, detail: str) -> None:
        now = time.monotonic()
        if done < total and now - self._printed < LINE_SECONDS:
            return
        self._printed = now
        spent = now - self._started
        if done < total:
            when = f"{spent * (total - done) / max(1, done):.0f} s left"
        else:
            when = f"{spent:.1f} s"
        parts = [f"{self._stage}: {done:,} of {total:,}", detail, when]
        say(", ".join(part for part in parts if part))


def unwatched(_stage: str, _done: int, _total: int, _detail: str) -> None:
    """Show nothing."""


def in_notebook() -> bool:
    """Whether a bar can move in a notebook: rich needs ipywidgets for that, and warns without."""
    return "ipykernel" in sys.modules and find_spec("ipywidgets") is not None


def say(line: str) -> None:
    """One line on standard error."""
    print(printable(line), file=sys.stderr, flush=True)  # noqa: T201
