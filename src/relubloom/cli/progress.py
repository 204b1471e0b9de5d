"""Progress with time left: a bar on a terminal, plain lines elsewhere, always on standard error."""

from __future__ import annotations

import sys
import time
from types import TracebackType

LINE_SECONDS = 10.0


class ProgressDisplay:
    """Shows (stage, done, total, detail) as it comes; call it, inside a `with` block."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty() and not quiet
        self._stage = ""
        self._started = self._printed = 0.0
        self._bar = None

    def __enter__(self) -> ProgressDisplay:
        if self._terminal:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description:<22}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f}%"),
                TimeRemainingColumn(compact=True),
                TextColumn("{task.fields[detail]}"),
                console=Console(stderr=True),
            )
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, stage: str, done: int, total: int, detail: str) -> None:
        """Show that `done` of `total` of the stage is done."""
        if self._quiet:
            return
        if stage != self._stage:
            self._begin(stage, total)
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[-1], completed=done, detail=detail)
        else:
            self._line(done, total, detail)

    def _begin(self, stage: str, total: int) -> None:
        self._stage, self._started = stage, time.monotonic()
        self._printed = self._started
        if self._bar is not None:
            self._bar.add_task(stage, total=total, detail="")

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
        print(", ".join(part for part in parts if part), file=sys.stderr, flush=True)  # noqa: T201
